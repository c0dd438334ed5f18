"""Where in a stream a reader starts."""

from __future__ import annotations

from headwater.errors import EventNotFoundError
from headwater.streams import (
    FromBeginning,
    FromEventId,
    FromLatest,
    FromOffset,
    FromTimestamp,
    Start,
)

from .wire import Wire

__all__ = ["find_position"]

_SELECT_BOUNDS = """
SELECT first_offset, head
  FROM streams
 WHERE name = $1
"""

_SELECT_RECORDED_AT = """
SELECT recorded_at
  FROM events
 WHERE stream = $1 AND stream_offset = $2
"""

# There is no index for it: it reads the stream until it finds the event.
_SELECT_OFFSET = """
SELECT stream_offset
  FROM events
 WHERE stream = $1 AND stream_offset >= $2 AND id = $3
 LIMIT 1
"""


async def find_position(wire: Wire, stream: str, start: Start) -> int:
    """Offset just before the first event that `start` means.

    Raises:
        EventNotFoundError: The stream has no event with that id.
        KeyError: There is no such stream.
    """
    bounds = await wire.fetch_one(_SELECT_BOUNDS, stream)
    if bounds is None:
        raise KeyError(stream)
    first, head = bounds
    match start:
        case FromBeginning():
            return int(first - 1)
        case FromLatest():
            return int(head)
        case FromOffset(offset):
            return int(max(offset, first) - 1)
        case FromTimestamp(time):
            # Times never run backwards along a stream, so the place is found by halving.
            low, high = first, head + 1
            while low < high:
                middle = (low + high) // 2
                row = await wire.fetch_one(_SELECT_RECORDED_AT, stream, middle)
                is_later = row is not None and row["recorded_at"] >= time
                low, high = (low, middle) if is_later else (middle + 1, high)
            return int(low - 1)
        case FromEventId(event_id):
            found = await wire.fetch_one(_SELECT_OFFSET, stream, first, event_id)
            if found is None:
                raise EventNotFoundError(stream, event_id)
            return int(found["stream_offset"] - 1)
