"""Durations as specs write them."""

from __future__ import annotations

__all__ = ["duration_text"]

UNITS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1))  # milliseconds


def duration_text(seconds: float) -> str:
    """Such as `24h`, `90d`, `1m` or `1.5s`: whole numbers of the largest unit there is; a day is
    24h.
    """
    milliseconds = round(seconds * 1000)
    for unit, length in UNITS:
        count, rest = divmod(milliseconds, length)
        if count and not rest and (unit, count) != ("d", 1):
            return f"{count}{unit}"
    return f"{seconds:g}s"
