"""A link in place of the generated package, out of the folders to write to."""

from pathlib import Path


def change(root: Path) -> None:
    outside = root.parent / "outside"
    (root / "generated/users").rename(outside)
    (root / "generated/users").symlink_to(outside, target_is_directory=True)
