"""A spec in ten files, each of which is small enough."""

from pathlib import Path


def make(folder: Path) -> None:
    """Write the spec."""
    spec = folder / "spec.yaml"
    spec.mkdir()
    (spec / "spec.yaml").write_text("headwater: 1\nservice: user-service\n")
    for part in range(10):
        (spec / f"part{part}.yaml").write_text(f"headwater: 1\n{'#' * 11}\n" + "#\n" * 20_000)
