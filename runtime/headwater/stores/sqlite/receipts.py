"""Read receipts in the file: what changes them is a step of the writer, the rest is read."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from typing import Any
from uuid import UUID

from headwater.errors import UnknownSubscriptionError
from headwater.stores.contract import FeedKey
from headwater.stores.guards import feed_name
from headwater.stores.receipts import (
    Expired,
    Late,
    Receipt,
    ReceiptState,
    UnreadEvent,
    UnreadPolicy,
    UnreadThen,
)

from .reading import Readers
from .rows import from_microseconds, recorded_event
from .transaction import Transaction
from .writer import Writer

__all__ = ["SqliteReceipts"]

# What of the recipient's events is still to be delivered, and has no receipt: `cursor` is its row.
_PENDING = """
    FROM cursor
         JOIN events ON events.stream = cursor.stream
   WHERE (events.stream_offset > cursor.read_to
          OR EXISTS (SELECT 1
                       FROM deliveries
                      WHERE cursor_id = cursor.id
                        AND deliveries.stream_offset = events.stream_offset))
     AND (cursor.events IS NULL
          OR events.name IN (SELECT value FROM json_each(cursor.events)))
     AND NOT EXISTS (SELECT 1
                       FROM read_receipts
                      WHERE read_receipts.subscription = cursor.subscription
                        AND read_receipts.consumer = cursor.consumer
                        AND read_receipts.stream_offset = events.stream_offset)
"""
_CURSOR = """
WITH cursor AS (
  SELECT id, subscription, consumer, stream, events, read_to
    FROM cursors
   WHERE subscription = :subscription AND consumer = :consumer
)
"""


def _require_cursor(connection: sqlite3.Connection, key: FeedKey) -> dict[str, Any]:
    """What tells the recipient in statements.

    Raises:
        UnknownSubscriptionError: There is none.
    """
    found: dict[str, Any] = {"subscription": key.subscription, "consumer": key.consumer or ""}
    row = connection.execute(
        "SELECT stream FROM cursors WHERE subscription = :subscription AND consumer = :consumer",
        found,
    ).fetchone()
    if row is None:
        raise UnknownSubscriptionError("the store", feed_name(key))
    return found | {"stream": row[0]}


_MARK = """
UPDATE read_receipts
   SET state = 'read', read_at = :now, due_at = NULL
 WHERE subscription = :subscription
   AND consumer = :consumer
   AND stream_offset = :offset
   AND state = 'delivered'
"""

_MARK_PENDING = (
    _CURSOR
    + """
INSERT INTO read_receipts (subscription, consumer, stream, stream_offset, event_id, state, attempts,
                           delivered_at, read_at, due_at)
SELECT cursor.subscription, cursor.consumer, cursor.stream, events.stream_offset, events.id, 'read',
       0, NULL, :now, NULL
"""
    + _PENDING
)

_SELECT_READ = """
SELECT 1
  FROM read_receipts
 WHERE subscription = :subscription
   AND consumer = :consumer
   AND stream_offset = :offset
   AND state = 'read'
"""


def mark_read(transaction: Transaction, key: FeedKey, offsets: Collection[int]) -> frozenset[int]:
    """Have the recipient read these; returns those that it has read now."""
    connection = transaction.connection
    ours = _require_cursor(connection, key) | {"now": transaction.now}
    transaction.flush_feeds()
    for offset in offsets:
        this = ours | {"offset": offset}
        if not connection.execute(_MARK, this).rowcount:
            connection.execute(_MARK_PENDING + " AND events.stream_offset = :offset", this)
    return find_read(connection, key, offsets)


_MARK_ALL = """
UPDATE read_receipts
   SET state = 'read', read_at = :now, due_at = NULL
 WHERE subscription = :subscription
   AND consumer = :consumer
   AND state = 'delivered'
   AND (:through IS NULL OR stream_offset <= :through)
"""


def mark_all_read(transaction: Transaction, key: FeedKey, through: int | None) -> int:
    """Have the recipient read all up to that offset; how many were unread."""
    ours = _require_cursor(transaction.connection, key)
    ours |= {"now": transaction.now, "through": through}
    transaction.flush_feeds()
    marked = transaction.connection.execute(_MARK_ALL, ours).rowcount
    pending = (
        _MARK_PENDING
        + " AND (:through IS NULL OR events.stream_offset <= :through) RETURNING stream_offset"
    )
    return marked + len(transaction.connection.execute(pending, ours).fetchall())


_SELECT_DUE = """
SELECT consumer, stream, stream_offset, attempts
  FROM read_receipts
 WHERE subscription = ? AND due_at <= ?
 ORDER BY due_at, consumer, stream_offset
 LIMIT ?
"""

_SELECT_WORKFLOW = """
SELECT workflow_id
  FROM events
 WHERE stream = ? AND stream_offset = ?
"""

_FORGET = """
DELETE FROM read_receipts
 WHERE subscription = ? AND consumer = ? AND stream_offset = ?
"""

_END = """
UPDATE read_receipts
   SET state = ?, due_at = NULL
 WHERE subscription = ? AND consumer = ? AND stream_offset = ?
"""

_SET_ASIDE = """
INSERT INTO dead_letters (subscription, consumer, stream, stream_offset, id, name, version,
                          workflow, workflow_id, workflow_version, recorded_at, data, metadata,
                          error, attempts, set_aside_at, behind, unread)
SELECT ?, ?, stream, stream_offset, id, name, version, workflow, workflow_id, workflow_version,
       recorded_at, data, metadata, ?, ?, ?, false, true
  FROM events
 WHERE stream = ? AND stream_offset = ?
"""

_SELECT_NEXT_DUE = """
SELECT min(due_at)
  FROM read_receipts
 WHERE subscription = ? AND due_at IS NOT NULL
"""


def expire_unread(
    transaction: Transaction, subscription: str, policy: UnreadPolicy, limit: int
) -> Expired:
    """Do what the policy says with what was not read in time."""
    execute, now = transaction.connection.execute, transaction.now
    late = [
        _end(transaction, FeedKey(subscription, consumer), stream, offset, attempts, policy)
        for consumer, stream, offset, attempts in execute(
            _SELECT_DUE, (subscription, now, limit)
        ).fetchall()
    ]
    [next_due] = execute(_SELECT_NEXT_DUE, (subscription,)).fetchone()
    seconds = None if next_due is None else max(0, next_due - now) / 1_000_000
    return Expired(tuple(late), seconds)


def _end(
    transaction: Transaction,
    key: FeedKey,
    stream: str,
    offset: int,
    attempts: int,
    policy: UnreadPolicy,
) -> Late:
    execute, then = transaction.connection.execute, policy.then
    if then is UnreadThen.REQUEUE and attempts >= policy.attempts:
        then = UnreadThen.DEAD_LETTER
    place = (key.subscription, key.consumer, offset)
    match then:
        case UnreadThen.REQUEUE:
            execute(_FORGET, place)
            [workflow_id] = execute(_SELECT_WORKFLOW, (stream, offset)).fetchone()
            transaction.feed(key).requeue(offset, workflow_id, attempts)
            transaction.woken.add(key)
        case UnreadThen.DEAD_LETTER:
            execute(_END, (ReceiptState.DEAD_LETTERED.value, *place))
            about = (policy.reason, attempts, transaction.now)
            execute(_SET_ASIDE, (key.subscription, key.consumer, *about, stream, offset))
        case UnreadThen.DROP:
            execute(_END, (ReceiptState.DROPPED.value, *place))
    return Late(key.consumer or "", offset, attempts, then)


# Reading


def find_read(
    connection: sqlite3.Connection, key: FeedKey, offsets: Collection[int]
) -> frozenset[int]:
    """Which of these the recipient has read."""
    ours = {"subscription": key.subscription, "consumer": key.consumer or ""}
    return frozenset(
        offset
        for offset in offsets
        if connection.execute(_SELECT_READ, ours | {"offset": offset}).fetchone()
    )


_FIND = """
SELECT stream_offset
  FROM read_receipts
 WHERE subscription = :subscription AND consumer = :consumer AND event_id = :event_id
"""

_FIND_PENDING = _CURSOR + "SELECT events.stream_offset" + _PENDING + " AND events.id = :event_id"

_FIND_LETTER = """
SELECT stream_offset
  FROM dead_letters
 WHERE subscription = :subscription AND consumer = :consumer AND id = :event_id
"""


def find_offset(connection: sqlite3.Connection, key: FeedKey, event: UUID) -> int | None:
    """Where the event with that id is, if it is the recipient's."""
    this = _require_cursor(connection, key) | {"event_id": event.bytes}
    for statement in (_FIND, _FIND_PENDING, _FIND_LETTER):
        if (row := connection.execute(statement, this).fetchone()) is not None:
            return int(row[0])
    return None


_OPEN = """
    FROM read_receipts
         JOIN streams ON streams.name = read_receipts.stream
   WHERE subscription = :subscription
     AND consumer = :consumer
     AND state = 'delivered'
     AND read_receipts.stream_offset >= streams.first_offset
"""

_COUNT = _CURSOR + "SELECT (SELECT count(*)" + _OPEN + ") + (SELECT count(*)" + _PENDING + ")"


def count_unread(connection: sqlite3.Connection, key: FeedKey) -> int:
    """How many events the recipient has not read."""
    [count] = connection.execute(_COUNT, _require_cursor(connection, key)).fetchone()
    return int(count)


_LIST = (
    _CURSOR
    + """
SELECT events.stream, events.stream_offset, events.id, events.name, events.version,
       events.workflow, events.workflow_id, events.workflow_version, events.recorded_at,
       events.data, events.metadata, found.delivered_at
  FROM (SELECT read_receipts.stream_offset, delivered_at
"""
    + _OPEN
    + """ AND read_receipts.stream_offset > :after
        UNION ALL
        SELECT events.stream_offset, NULL
"""
    + _PENDING
    + """ AND events.stream_offset > :after
         ORDER BY 1
         LIMIT :limit) AS found
       JOIN events ON events.stream = :stream AND events.stream_offset = found.stream_offset
 ORDER BY events.stream_offset
"""
)


def read_unread(
    connection: sqlite3.Connection, key: FeedKey, after: int, limit: int
) -> list[UnreadEvent]:
    """What the recipient has not read behind that offset."""
    this = _require_cursor(connection, key) | {"after": after, "limit": limit}
    return [
        UnreadEvent(
            recorded_event(row[:-1]), None if row[-1] is None else from_microseconds(row[-1])
        )
        for row in connection.execute(_LIST, this)
    ]


_SELECT_RECEIPTS = """
SELECT consumer, state, delivered_at, read_at
  FROM read_receipts
 WHERE subscription = ? AND event_id = ?
"""

_SELECT_RECIPIENTS = """
SELECT consumer
  FROM cursors
 WHERE subscription = ? AND consumer <> ''
"""


def read_recipients(connection: sqlite3.Connection, subscription: str) -> list[str]:
    """The names of the subscription's recipients, sorted."""
    return sorted(name for [name] in connection.execute(_SELECT_RECIPIENTS, (subscription,)))


def read_receipts(connection: sqlite3.Connection, subscription: str, event: UUID) -> list[Receipt]:
    """What has become of the event for each recipient that it is for."""
    found = {
        consumer: Receipt(
            consumer,
            ReceiptState(state),
            None if delivered_at is None else from_microseconds(delivered_at),
            None if read_at is None else from_microseconds(read_at),
        )
        for consumer, state, delivered_at, read_at in connection.execute(
            _SELECT_RECEIPTS, (subscription, event.bytes)
        )
    }
    for consumer in read_recipients(connection, subscription):
        if consumer in found:
            continue
        this = {"subscription": subscription, "consumer": consumer, "event_id": event.bytes}
        for statement, state in (
            (_FIND_PENDING, ReceiptState.WAITING),
            (_FIND_LETTER, ReceiptState.DEAD_LETTERED),
        ):
            if consumer not in found and connection.execute(statement, this).fetchone() is not None:
                found[consumer] = Receipt(consumer, state, None, None)
    return [found[consumer] for consumer in sorted(found)]


class SqliteReceipts:
    """What a store's recipients have read."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    async def recipients(self, subscription: str) -> list[str]:
        """Their names, sorted."""
        return await self._readers.run(lambda file: read_recipients(file, subscription))

    async def read_of(self, key: FeedKey, offsets: Collection[int]) -> frozenset[int]:
        """Which of these the recipient has read."""
        return await self._readers.run(lambda file: find_read(file, key, offsets))

    async def offset_of(self, key: FeedKey, event: UUID) -> int | None:
        """Where the event with that id is, if it is the recipient's."""
        return await self._readers.run(lambda file: find_offset(file, key, event))

    async def mark_read(self, key: FeedKey, offsets: Collection[int]) -> frozenset[int]:
        """Have the recipient read these; returns those that it has read now."""
        return await self._writer.submit(lambda transaction: mark_read(transaction, key, offsets))

    async def mark_all_read(self, key: FeedKey, through: int | None) -> int:
        """Have the recipient read all up to that offset; how many were unread."""
        return await self._writer.submit(
            lambda transaction: mark_all_read(transaction, key, through)
        )

    async def unread_count(self, key: FeedKey) -> int:
        """How many events the recipient has not read."""
        return await self._readers.run(lambda file: count_unread(file, key))

    async def unread(self, key: FeedKey, after: int, limit: int) -> list[UnreadEvent]:
        """Those behind that offset, in order."""
        return await self._readers.run(lambda file: read_unread(file, key, after, limit))

    async def receipts(self, subscription: str, event: UUID) -> list[Receipt]:
        """What has become of the event for each recipient that it is for."""
        return await self._readers.run(lambda file: read_receipts(file, subscription, event))

    async def expire_unread(self, subscription: str, policy: UnreadPolicy, limit: int) -> Expired:
        """Do what the policy says with what was not read in time."""
        return await self._writer.submit(
            lambda transaction: expire_unread(transaction, subscription, policy, limit)
        )
