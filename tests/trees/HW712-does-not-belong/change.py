"""A module of somebody's own among the generated ones."""

from pathlib import Path


def change(root: Path) -> None:
    (root / "generated/users/mine.py").write_text("mine = 1\n")
