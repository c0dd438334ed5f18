"""Somebody tidied the comments of a client package's pyproject.toml."""

from pathlib import Path


def change(root: Path) -> None:
    file = root / "generated" / "user_service_client" / "pyproject.toml"
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(line for line in lines if not line.startswith("#")))
