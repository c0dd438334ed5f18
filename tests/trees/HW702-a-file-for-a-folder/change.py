"""A file in place of a folder of generated files."""

import shutil
from pathlib import Path


def change(root: Path) -> None:
    shutil.rmtree(root / "generated/users/schemas")
    (root / "generated/users/schemas").write_text("mine")
