"""A million lines of comment."""

from pathlib import Path


def make(folder: Path) -> None:
    """Write the spec."""
    (folder / "spec.yaml").write_text("headwater: 1\nservice: user-service\n" + "#\n" * 1_000_000)
