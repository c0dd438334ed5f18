"""More levels than Python's own parser bears."""

from pathlib import Path


def make(root: Path) -> None:
    """Write functions that nobody could read."""
    (root / "upcasts").mkdir()
    deep = "(" * 500 + ")" * 500
    (root / "upcasts" / "user_service.py").write_text(f"def tidy(fields):\n    return {deep}\n")
