"""Where in a stream a reader starts, looked up on any connection."""

from __future__ import annotations

import sqlite3

from headwater.errors import EventNotFoundError
from headwater.streams import (
    FromBeginning,
    FromEventId,
    FromLatest,
    FromOffset,
    FromTimestamp,
    Start,
)

from .rows import to_microseconds

__all__ = ["find_position"]

_SELECT_BOUNDS = """
SELECT first_offset, head
  FROM streams
 WHERE name = ?
"""

_SELECT_RECORDED_AT = """
SELECT recorded_at
  FROM events
 WHERE stream = ? AND stream_offset = ?
"""

# There is no index for it: it reads the stream until it finds the event.
_SELECT_OFFSET = """
SELECT stream_offset
  FROM events
 WHERE stream = ? AND stream_offset >= ? AND id = ?
"""


def find_position(connection: sqlite3.Connection, stream: str, start: Start) -> int:
    """Offset just before the first event that `start` means.

    Raises:
        EventNotFoundError: The stream has no event with that id.
    """
    row = connection.execute(_SELECT_BOUNDS, (stream,)).fetchone()
    if row is None:
        raise KeyError(stream)
    first, head = row
    match start:
        case FromBeginning():
            return int(first - 1)
        case FromLatest():
            return int(head)
        case FromOffset(offset):
            return int(max(offset, first) - 1)
        case FromTimestamp(time):
            # Times never run backwards along a stream, so the place is found by halving.
            wanted = to_microseconds(time)
            low, high = first, head + 1
            while low < high:
                middle = (low + high) // 2
                [recorded_at] = connection.execute(_SELECT_RECORDED_AT, (stream, middle)).fetchone()
                low, high = (low, middle) if recorded_at >= wanted else (middle + 1, high)
            return int(low - 1)
        case FromEventId(event_id):
            found = connection.execute(_SELECT_OFFSET, (stream, first, event_id.bytes)).fetchone()
            if found is None:
                raise EventNotFoundError(stream, event_id)
            return int(found[0] - 1)
