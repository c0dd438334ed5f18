"""A description of a million characters."""

from pathlib import Path


def make(folder: Path) -> None:
    """Write the spec."""
    text = "headwater: 1\nservice: user-service\n" + f"description: {'a' * 1_000_000}\n"
    (folder / "spec.yaml").write_text(text)
