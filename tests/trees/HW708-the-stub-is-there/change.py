"""Nothing is changed; the call asks for a stub that is there."""

from pathlib import Path


def change(root: Path) -> None:
    assert (root / "services/users/handlers/add_user.py").exists()
