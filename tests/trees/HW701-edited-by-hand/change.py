"""A line of somebody's own in a generated file."""

from pathlib import Path


def change(root: Path) -> None:
    with (root / "generated/users/events.py").open("a") as file:
        file.write("mine = 1\n")
