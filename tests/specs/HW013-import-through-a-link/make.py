"""An import that is a link to a file outside the project."""

from pathlib import Path


def make(folder: Path) -> None:
    """Write the spec."""
    outside = folder.parent / "outside.yaml"
    outside.write_text("headwater: 1\ntypes: {Money: {fields: {amount: decimal}}}\n")
    (folder / "money.yaml").symlink_to(outside)
    text = "headwater: 1\nservice: user-service\nimports: [money.yaml]\n"
    (folder / "spec.yaml").write_text(text)
