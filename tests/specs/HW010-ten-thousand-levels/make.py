"""A list in a list, ten thousand times."""

from pathlib import Path


def make(folder: Path) -> None:
    """Write the spec."""
    nested = "[" * 10_000 + "]" * 10_000
    text = f"headwater: 1\nservice: user-service\nx-deep: {nested}\n"
    (folder / "spec.yaml").write_text(text)
