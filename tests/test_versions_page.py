"""The page about versions is executed: its spec is released, changed, judged and shown."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PAGE = (Path(__file__).parents[1] / "docs" / "versions.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def headwater(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "headwater", *arguments],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_what_the_page_shows_is_what_is_printed(tmp_path: Path) -> None:
    before, after = (text for language, text in BLOCKS if language == "yaml")
    (tmp_path / "pyproject.toml").write_text("[tool.headwater]\n")
    spec = tmp_path / "spec" / "user_service.yaml"
    spec.parent.mkdir()
    spec.write_text(before)
    assert headwater(tmp_path, "generate").returncode == 0
    assert headwater(tmp_path, "release").returncode == 0
    assert headwater(tmp_path, "version", "UserAdded").returncode == 0
    written = spec.read_text()
    begun = written[written.index("      UserAdded:") : written.index("commands:")]
    spec.write_text(written.replace(begun, after.split("\n", 1)[1]))

    shown = [text.split("\n", 1) for language, text in BLOCKS if language == "text"]

    assert [title for title, _ in shown] == [
        "$ headwater breaking",
        "$ headwater diff",
        "$ headwater explain UserAdded@1..2",
    ]
    for title, expected in shown:
        done = headwater(tmp_path, *title.split()[2:])
        assert (done.returncode, done.stdout, done.stderr) == (0, expected, "")
