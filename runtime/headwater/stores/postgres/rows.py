"""Between what the tables hold and what the contract speaks of."""

from __future__ import annotations

from typing import Any

from headwater.events import RecordedEvent
from headwater.stores.metadata import metadata_of

__all__ = ["recorded_event"]


def recorded_event(row: Any) -> RecordedEvent:
    """The event in a row that begins with the columns of `events`, in the table's order."""
    return RecordedEvent(
        row[0],
        row[1],
        row[2],
        row[3],
        row[4],
        row[5],
        row[6],
        row[7],
        row[8],
        row[9],
        metadata_of(row[10]),
    )
