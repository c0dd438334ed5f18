"""A file in place of the folder that new stubs go to."""

import shutil
from pathlib import Path


def change(root: Path) -> None:
    shutil.rmtree(root / "services")
    shutil.rmtree(root / "generated")
    (root / "services").write_text("mine")
