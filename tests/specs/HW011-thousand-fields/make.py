"""An object of a thousand fields."""

from pathlib import Path


def make(folder: Path) -> None:
    """Write the spec."""
    fields = "".join(f"      field_{number}: int\n" for number in range(1_000))
    text = "headwater: 1\nservice: user-service\n" + "types:\n  Wide:\n    fields:\n" + fields
    (folder / "spec.yaml").write_text(text)
