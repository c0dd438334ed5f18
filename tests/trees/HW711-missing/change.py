"""A generated file was deleted."""

from pathlib import Path


def change(root: Path) -> None:
    (root / "generated/users/types.py").unlink(missing_ok=True)
    (root / "generated/users/events.py").unlink()
