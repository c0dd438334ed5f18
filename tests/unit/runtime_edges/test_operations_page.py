"""docs/operations.md tells of every setting and status, and its code runs."""

from __future__ import annotations

import re
from pathlib import Path

from headwater.durations import duration_text
from headwater.operations.settings import Settings
from headwater.transports.problems import STATUSES

PAGE = (Path(__file__).parents[3] / "docs" / "operations.md").read_text(encoding="utf-8")


def test_every_setting_is_told_with_its_default() -> None:
    told = dict(re.findall(r"^\| `(HEADWATER_\w+)` \| (?:`([^`]*)`)? ?\|", PAGE, re.MULTILINE))

    assert set(told) == {f"HEADWATER_{name.upper()}" for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        value = getattr(field.default, "value", field.default)
        shown = f"{value:g}" if isinstance(value, float) else str(value or "")
        if isinstance(value, bool):
            shown = str(value).lower()
        if name == "keep_keys":
            shown = duration_text(field.default)
        assert told[f"HEADWATER_{name.upper()}"] == shown


def test_every_problem_that_a_command_can_meet_is_told() -> None:
    not_of_commands = {
        "broker-unavailable",
        "copy-failed",
        "copy-refused",
        "events-would-be-lost",
        "lease-lost",
        "malformed-message",
        "message-mismatch",
        "stream-truncated",
        "subscription-in-use",
        "unknown-command",
        "unknown-subscription",
    }

    for kind in STATUSES.values():
        assert kind.name in not_of_commands or f"`{kind.name}`" in PAGE


def test_the_example_of_mounting_runs() -> None:
    [program] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, object] = {}

    exec(compile(program, "docs/operations.md", "exec"), names)  # noqa: S102

    paths = names["api"].openapi()["paths"]  # type: ignore[attr-defined]
    assert "/users/api/commands/add-user" in paths
