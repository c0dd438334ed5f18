"""Specs that change at random, release after release."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from .team import Team

SMALL = (5, 12)
"""Histories, and edits of each."""
WHOLE = (40, 24)


def test_whatever_is_edited_what_was_released_stays_and_what_was_stored_is_read(
    tmp_path_factory: pytest.TempPathFactory, whole: bool
) -> None:
    histories, edits = WHOLE if whole else SMALL
    counts: Counter[str] = Counter()

    @settings(
        max_examples=histories,
        deadline=None,
        derandomize=not whole,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def history(data: Any) -> None:
        team = Team(tmp_path_factory.mktemp("team"), data.draw)
        team.release()
        for _ in range(edits):
            team.edit()
            team.assert_nothing_released_has_changed()
            team.assert_all_that_was_stored_is_read()
        team.tamper()
        team.release()
        team.assert_nothing_released_has_changed()
        team.assert_buf_finds_no_break()
        counts.update(team.counts)

    history()

    print(dict(counts))
    for happened in (
        "ops",
        "pasted",
        "enum",
        "object",
        "pin",
        "refused",
        "tampered",
        "read at a pin",
    ):
        assert counts[happened], f"no {happened} in {histories} histories: {dict(counts)}"
