"""How long to measure."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Scale"]


@dataclass(frozen=True, slots=True)
class Scale:
    """More of both makes the figures steadier."""

    rounds: int
    """Pairs for each figure."""
    seconds: float
    """Of each measurement."""
