"""docs/levels.md: one service that grows. Each level is generated, run, and prints what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "levels.md").read_text(encoding="utf-8")
LEVELS = PAGE.split("\n## ")[1:]
SETTINGS = """
[tool.headwater]
[tool.mypy]
strict = true
explicit_package_bases = true
incremental = false
"""


def block(text: str, language: str) -> tuple[str, str]:
    """The one block of that language: its first line, and the rest."""
    [found] = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    title, rest = found.split("\n", 1)
    return title, rest


def run(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root), "PYTHONWARNINGS": "error"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_each_level_prints_what_the_page_says(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(SETTINGS)
    spec = tmp_path / "spec" / "parcels.yaml"
    spec.parent.mkdir()
    for level in LEVELS:
        title, text = block(level, "yaml")
        if ", under " in title:
            text = spec.read_text() + text
        spec.write_text(text)
        run(tmp_path, "-m", "headwater", "generate")
        name, program = block(level, "python")
        file = name.removeprefix("# ")
        (tmp_path / file).write_text(program)
        run(tmp_path, "-m", "mypy", file)
        [said] = re.findall(r"^```text\n(.*?)^```$", level, re.MULTILINE | re.DOTALL)

        assert run(tmp_path, file) == said


def test_it_is_linked() -> None:
    assert "docs/levels.md" in (ROOT / "README.md").read_text(encoding="utf-8")
