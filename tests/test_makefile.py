"""The Makefile: what a newcomer and CI call."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TARGETS = [
    "demo",
    "demo-broker",
    "run",
    "generate",
    "check",
    "test",
    "bench",
    "faults",
    "docs",
    "help",
]


def make(*arguments: str) -> str:
    environment = {key: value for key, value in os.environ.items() if key != "MAKEFLAGS"}
    done = subprocess.run(
        ["make", *arguments], cwd=ROOT, capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_help_is_what_make_alone_says_and_lists_every_target_with_what_it_does() -> None:
    told = make()
    listed = dict(re.findall(r"^  make ([\w-]+) +(\S.*)$", told, re.MULTILINE))
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert told == make("help")
    assert set(TARGETS) <= set(listed)
    assert phony
    assert set(phony[1].split()) == set(listed)


@pytest.mark.parametrize("target", [name for name in TARGETS if name != "help"])
def test_a_target_sets_up_the_environment_first(target: str) -> None:
    """In a fresh clone nothing else has to be called before it."""
    plan = make("--dry-run", "VENV=a-folder-that-is-not-there", target)

    assert "a-folder-that-is-not-there/bin/python -m pip install" in plan
    assert "--require-hashes -r requirements.lock" in plan


def test_ci_calls_what_the_readme_names_and_nothing_else() -> None:
    script = (ROOT / ".ci" / "run").read_text()

    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert re.findall(r"^make .*$", script, re.MULTILINE) == ["make check", "make test"]
