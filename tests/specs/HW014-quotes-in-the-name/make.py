"""A spec whose name would end a docstring."""

from pathlib import Path


def make(folder: Path) -> None:
    """Write the spec."""
    name = '""" + __import__("os").getcwd() + """.yaml'
    (folder / name).write_text("headwater: 1\nservice: user-service\n")
