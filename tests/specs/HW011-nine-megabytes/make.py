"""Lines of a hundred characters, nine million characters in all."""

from pathlib import Path

HEAD = "headwater: 1\nservice: user-service\n"


def make(folder: Path) -> None:
    """Write the spec."""
    line = "#" * 99 + "\n"
    (folder / "spec.yaml").write_text(HEAD + line * 90_000)
