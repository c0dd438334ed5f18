"""A file as an output makes it: where it goes, whose it is, and its text before formatting."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

__all__ = ["File", "Owner"]

Owner = Literal["generated", "scaffold"]


@dataclass(frozen=True, slots=True)
class File:
    """A file to write. A scaffold is written once and is the team's from then on."""

    path: Path
    text: str
    owner: Owner = "generated"
    handler: str = ""
    """Name of the handler that a stub is for."""
    is_final: bool = False
    """Whether it is left as it is, instead of formatted."""
