"""The spec went on, the package did not."""

from pathlib import Path


def change(root: Path) -> None:
    spec = root / "spec/users.yaml"
    spec.write_text(spec.read_text().replace("{name: string}", "{name: string, age: int}", 1))
