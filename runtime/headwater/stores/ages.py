"""How long what waits has waited."""

from __future__ import annotations

from datetime import datetime

from .contract import Store

__all__ = ["age_of_next"]


async def age_of_next(store: Store, stream: str, position: int, now: datetime) -> float | None:
    """Seconds since the first event after the position was recorded; `None` if it is not there."""
    found = await store.read(stream, position, 1)
    return max(((now - one.recorded_at).total_seconds() for one in found), default=None)
