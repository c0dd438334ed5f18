"""The manifest of a package that a newer generator wrote."""

from pathlib import Path


def change(root: Path) -> None:
    manifest = root / "generated/users/manifest.json"
    text = manifest.read_text()
    before, _, after = text.partition('"generator": "')
    manifest.write_text(f'{before}"generator": "999{after}')
