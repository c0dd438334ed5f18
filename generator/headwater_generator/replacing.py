"""Giving a file new content, whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["TEMPORARY", "replace", "write_beside"]

TEMPORARY = ".headwater-tmp"  # suffix of files that are not finished


def replace(path: Path, content: bytes) -> None:
    """Give a file new content: a reader finds the old or the new one, never a part."""
    temporary = write_beside(path, content)
    try:
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def write_beside(path: Path, content: bytes) -> Path:
    """Write content to a temporary file in the same folder and return it; `rename` finishes."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}{TEMPORARY}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(temporary, flags, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    return temporary
