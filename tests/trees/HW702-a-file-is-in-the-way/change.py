"""A file of the team's own where a new one is to go."""

from pathlib import Path


def change(root: Path) -> None:
    (root / "generated/users/manifest.json").unlink()
    (root / "generated/users/events.py").write_text("mine = 1\n")
