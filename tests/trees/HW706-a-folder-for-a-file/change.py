"""A folder in place of a generated file."""

from pathlib import Path


def change(root: Path) -> None:
    (root / "generated/users/events.py").unlink()
    (root / "generated/users/events.py").mkdir()
