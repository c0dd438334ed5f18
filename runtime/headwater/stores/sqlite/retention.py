"""Old events that go: each function is one step of the writer, or reads on any connection."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from headwater.events import RecordedEvent
from headwater.stores.contract import FeedKey
from headwater.stores.leases import Lease
from headwater.stores.retention import Extent, Gap, Standing, Swept

from .leases import require_lease
from .rows import recorded_event
from .transaction import Transaction

__all__ = [
    "keep_size",
    "read_extent",
    "read_kept_event",
    "read_size",
    "read_standings",
    "sweep",
    "tell_gap",
    "truncate",
]

_SELECT_EXTENT = """
SELECT first_offset, head, measured_to, size
  FROM streams
 WHERE name = ?
"""


def read_extent(connection: sqlite3.Connection, stream: str) -> Extent:
    """What there is of the stream. Raises `KeyError` where there is no such stream."""
    row = connection.execute(_SELECT_EXTENT, (stream,)).fetchone()
    if row is None:
        raise KeyError(stream)
    return Extent(*row)


_SUM_DATA = """
SELECT coalesce(sum(length(data)), 0)
  FROM events
 WHERE stream = ? AND stream_offset > ? AND stream_offset <= ?
"""


def read_size(connection: sqlite3.Connection, stream: str, after: int, limit: int) -> int:
    """Bytes of data of the events that are there with `after < offset <= after + limit`."""
    [size] = connection.execute(_SUM_DATA, (stream, after, after + limit)).fetchone()
    return int(size)


_KEEP_SIZE = """
UPDATE streams
   SET measured_to = ?, size = ?
 WHERE name = ?
"""


def keep_size(
    transaction: Transaction, stream: str, measured_to: int, size: int, lease: Lease
) -> None:
    """Keep that the events from the first offset to `measured_to` have so many bytes."""
    require_lease(transaction, lease)
    transaction.connection.execute(_KEEP_SIZE, (measured_to, size, stream))


# Cursors with what keeps them from having settled everything up to an offset: the first event that
# was taken and is not settled, the first that is wanted and not taken yet, and the first that was
# delivered to a recipient and is not read; of the last, none that was let go already.
_SELECT_CURSORS = """
SELECT id, subscription, consumer, read_to,
       (SELECT min(stream_offset)
          FROM deliveries
         WHERE cursor_id = cursors.id),
       (SELECT stream_offset
          FROM events
         WHERE events.stream = cursors.stream
           AND stream_offset > cursors.read_to
           AND stream_offset <= ?1
           AND (cursors.events IS NULL
                OR events.name IN (SELECT value FROM json_each(cursors.events)))
         ORDER BY stream_offset
         LIMIT 1),
       (SELECT stream_offset
          FROM read_receipts
         WHERE read_receipts.subscription = cursors.subscription
           AND read_receipts.consumer = cursors.consumer
           AND stream_offset >= streams.first_offset
           AND stream_offset <= ?1
           AND state = 'delivered'
         ORDER BY stream_offset
         LIMIT 1)
  FROM cursors JOIN streams ON streams.name = cursors.stream
 WHERE stream = ?2
 ORDER BY id
"""


@dataclass(frozen=True, slots=True)
class _Cursor:
    id: int
    key: FeedKey
    read_to: int
    unsettled: int | None
    wanted: int | None
    unread: int | None

    def position(self, through: int) -> int:
        """Offset up to which everything is settled, at most `through`."""
        open_ = [one - 1 for one in (self.unsettled, self.wanted, self.unread) if one is not None]
        return min([through, *open_])


def _read_cursors(connection: sqlite3.Connection, stream: str, through: int) -> list[_Cursor]:
    return [
        _Cursor(row[0], FeedKey(row[1], row[2] or None), *row[3:])
        for row in connection.execute(_SELECT_CURSORS, (through, stream))
    ]


def read_standings(connection: sqlite3.Connection, stream: str, through: int) -> list[Standing]:
    """The cursors on the stream that have not settled every event up to `through`."""
    found = [
        Standing(one.key, one.position(through))
        for one in _read_cursors(connection, stream, through)
    ]
    return sorted((one for one in found if one.position < through), key=lambda one: one.position)


_SELECT_EVENT = """
SELECT stream, stream_offset, id, name, version, workflow, workflow_id, workflow_version,
       recorded_at, data, metadata
  FROM events
 WHERE stream = ? AND stream_offset = ?
"""


def read_kept_event(
    connection: sqlite3.Connection, stream: str, offset: int
) -> RecordedEvent | None:
    """The event at that offset, also if it is gone and not settled."""
    row = connection.execute(_SELECT_EVENT, (stream, offset)).fetchone()
    return None if row is None else recorded_event(row)


_SHRINK = """
UPDATE streams
   SET size = CASE WHEN measured_to <= ?2 THEN 0
              ELSE size - (SELECT coalesce(sum(length(data)), 0)
                             FROM events
                            WHERE stream = ?1
                              AND stream_offset >= ?3
                              AND stream_offset <= ?2) END,
       measured_to = max(measured_to, ?2)
 WHERE name = ?1
"""

_MOVE_CURSOR = """
UPDATE cursors
   SET read_to = ?2,
       event_id = (SELECT id FROM events WHERE stream = cursors.stream AND stream_offset = ?2),
       revision = revision + 1,
       truncated_from = CASE WHEN ?3 IS NULL THEN truncated_from
                        ELSE coalesce(truncated_from, ?3) END,
       truncated_to = CASE WHEN ?3 IS NULL THEN truncated_to ELSE ?2 END,
       truncated = truncated + coalesce(?2 - ?3 + 1, 0)
 WHERE id = ?1
"""


def truncate(
    transaction: Transaction, stream: str, through: int, regardless: int, lease: Lease
) -> int:
    """Let the events up to `through` go, and return the offset of the first one left.

    Raises:
        LeaseLostError: Somebody else has taken the lease; nothing was done.
    """
    require_lease(transaction, lease)
    transaction.flush_feeds()
    head = transaction.head(stream)
    through = min(through, head.head)
    cursors = _read_cursors(transaction.connection, stream, through)
    settled = min((one.position(through) for one in cursors), default=through)
    reached = min(through, max(settled, regardless))
    if reached < head.first_offset:
        return head.first_offset
    transaction.connection.execute(_SHRINK, (stream, reached, head.first_offset))
    for cursor in cursors:
        if cursor.read_to < reached:
            is_missed = cursor.wanted is not None and cursor.wanted <= reached
            first = cursor.wanted if is_missed else None
            transaction.connection.execute(_MOVE_CURSOR, (cursor.id, reached, first))
            _changed(transaction, cursor.key)
    head.first_offset = reached + 1
    head.is_changed = True
    return head.first_offset


def _changed(transaction: Transaction, key: FeedKey) -> None:
    transaction.drop_feed(key)
    transaction.woken.add(key)
    transaction.regrouped.add(key.subscription)


_SELECT_GONE = """
SELECT min(stream_offset)
  FROM events
 WHERE stream = ? AND stream_offset >= ? AND stream_offset < ?
"""

# What was taken and is not settled is handed out again, perhaps, and so is what is to be read by a
# certain time, or it is set aside then: their bytes are needed for that.
_DELETE_GONE = """
DELETE FROM events
 WHERE stream = ?1
   AND stream_offset >= ?2
   AND stream_offset < ?3
   AND stream_offset NOT IN (SELECT deliveries.stream_offset
                               FROM deliveries JOIN cursors ON cursors.id = cursor_id
                              WHERE cursors.stream = ?1 AND deliveries.stream_offset < ?3
                              UNION ALL
                             SELECT read_receipts.stream_offset
                               FROM read_receipts JOIN cursors USING (subscription, consumer)
                              WHERE cursors.stream = ?1
                                AND read_receipts.stream_offset >= ?2
                                AND read_receipts.stream_offset < ?3
                                AND due_at IS NOT NULL)
"""


# Of what nobody can read or is to be told of any more. One that is read and still to be delivered
# tells that it need not be.
_FORGET_RECEIPTS = """
DELETE FROM read_receipts
 WHERE (subscription, consumer, stream_offset) IN
       (SELECT subscription, consumer, read_receipts.stream_offset
          FROM cursors JOIN read_receipts USING (subscription, consumer)
         WHERE cursors.stream = ?1
           AND read_receipts.stream_offset < ?2
           AND due_at IS NULL
           AND NOT EXISTS (SELECT 1
                             FROM deliveries
                            WHERE cursor_id = cursors.id
                              AND deliveries.stream_offset = read_receipts.stream_offset)
         LIMIT ?3)
"""


def sweep(transaction: Transaction, stream: str, start: int, limit: int, lease: Lease) -> Swept:
    """Remove the bytes of what is gone, from `start` on and of up to `limit` offsets.

    Raises:
        LeaseLostError: Somebody else has taken the lease; nothing was done.
    """
    require_lease(transaction, lease)
    transaction.flush_feeds()
    execute, end = transaction.connection.execute, transaction.head(stream).first_offset
    is_left = execute(_FORGET_RECEIPTS, (stream, end, limit)).rowcount == limit
    [first] = execute(_SELECT_GONE, (stream, start, end)).fetchone()
    if first is None:
        return Swept(0, start if is_left else None)
    upper = min(first + limit, end)
    removed = execute(_DELETE_GONE, (stream, first, upper)).rowcount
    [after] = execute(_SELECT_GONE, (stream, upper, end)).fetchone()
    return Swept(removed, upper if after is None and is_left else after)


_TELL_GAP = """
UPDATE cursors
   SET truncated_from = CASE WHEN truncated_to > ?1 THEN ?1 + 1 END,
       truncated_to = CASE WHEN truncated_to > ?1 THEN truncated_to END,
       revision = revision + 1
 WHERE subscription = ?2 AND consumer = ?3 AND truncated_to IS NOT NULL
"""


def tell_gap(transaction: Transaction, key: FeedKey, gap: Gap) -> None:
    """Take note that the reader was told of the gap."""
    transaction.flush_feeds()
    told = (gap.last, key.subscription, key.consumer or "")
    if transaction.connection.execute(_TELL_GAP, told).rowcount:
        _changed(transaction, key)
