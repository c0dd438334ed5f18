"""Functions in a file that the project does not have."""

from pathlib import Path


def make(root: Path) -> None:
    """Write it beside the project, and a link to it."""
    (root.parent / "elsewhere.py").write_text("def tidy(fields):\n    return fields\n")
    (root / "upcasts").mkdir()
    (root / "upcasts" / "user_service.py").symlink_to(root.parent / "elsewhere.py")
