"""A file in place of the folder of locks and caches."""

import shutil
from pathlib import Path


def change(root: Path) -> None:
    shutil.rmtree(root / ".headwater")
    (root / ".headwater").write_text("mine")
