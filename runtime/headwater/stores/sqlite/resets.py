"""Putting cursors elsewhere: a step of the writer."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from headwater.errors import CursorMismatchError, UnknownSubscriptionError
from headwater.stores.contract import FeedKey
from headwater.stores.groups import partition_of
from headwater.stores.guards import feed_name
from headwater.stores.operating import Interference, Reset, reset_detail
from headwater.stores.retention import missed_at_start
from headwater.streams import Start

from .acts import write_act
from .groups import is_partition
from .positions import find_position
from .transaction import Transaction

__all__ = ["reset"]

_SELECT_CURSOR = """
SELECT cursors.id, stream, events, read_to,
       coalesce((SELECT min(stream_offset) - 1 FROM deliveries WHERE cursor_id = cursors.id),
                (SELECT min(stream_offset) - 1
                   FROM events
                  WHERE events.stream = cursors.stream
                    AND events.stream_offset > read_to
                    AND (cursors.events IS NULL
                         OR events.name IN (SELECT value FROM json_each(cursors.events)))
                    AND (? < 0 OR partition_of(events.workflow_id) = ?)),
                max(read_to, head))
  FROM cursors JOIN streams ON streams.name = cursors.stream
 WHERE subscription = ? AND consumer = ?
"""

_SELECT_SESSIONS = """
SELECT DISTINCT consumer
  FROM sessions
 WHERE subscription = ? AND feed_consumer = ? AND expires_at > ?
"""

_COUNT_IN_FLIGHT = """
SELECT count(*)
  FROM deliveries
 WHERE cursor_id = ? AND token <> 0 AND due_at > ?
"""

_SELECT_PAUSE = """
SELECT 1
  FROM pauses
 WHERE subscription = ?
"""

# Of what is wanted behind both places: settled already, or not taken yet.
_COUNT_PASSED = """
SELECT coalesce(sum(stream_offset <= ?
                    AND NOT EXISTS (SELECT 1
                                      FROM deliveries
                                     WHERE cursor_id = ?
                                       AND deliveries.stream_offset = events.stream_offset)), 0),
       coalesce(sum(stream_offset > ? AND stream_offset <= ?), 0)
  FROM events
 WHERE stream = ? AND stream_offset > ? AND stream_offset <= ?
   AND (? IS NULL OR name IN (SELECT value FROM json_each(?)))
   AND (? < 0 OR partition_of(workflow_id) = ?)
"""

_COUNT_UNSETTLED = """
SELECT count(*)
  FROM deliveries
 WHERE cursor_id = ? AND stream_offset <= ?
"""

_DELETE_DELIVERIES = """
DELETE FROM deliveries
 WHERE cursor_id = ?
"""

# What is delivered again has no receipt, unless it is read.
_FORGET_RECEIPTS = """
DELETE FROM read_receipts
 WHERE subscription = ? AND consumer = ? AND stream_offset > ? AND state <> 'read'
"""

_MOVE = """
UPDATE cursors
   SET read_to = ?, event_id = (SELECT id FROM events WHERE stream = ? AND stream_offset = ?),
       epoch = (SELECT epoch FROM streams WHERE name = ?), revision = revision + 1, owner = '',
       owner_epoch = owner_epoch + 1, truncated = truncated + ?, truncated_from = ?,
       truncated_to = ?
 WHERE id = ?
"""


@dataclass(frozen=True, slots=True)
class _Cursor:
    key: FeedKey
    id: int
    stream: str
    wanted: str | None
    read_to: int
    position: int
    partition: int  # or -1


def reset(
    transaction: Transaction,
    keys: Sequence[FeedKey],
    start: Start,
    *,
    forced: bool,
    dry_run: bool,
    actor: str,
) -> list[Reset]:
    """Put the cursors of one subscription where `start` says, all of them or none.

    Raises:
        UnknownSubscriptionError: One of the feeds is not there.
        EventNotFoundError: The stream has no event with that id.
        SubscriptionInUseError: Others would notice, and it is not `forced`.
    """
    connection = transaction.connection
    connection.create_function("partition_of", 1, partition_of, deterministic=True)
    transaction.flush_partitions()
    transaction.flush_heads()
    cursors = [_cursor(transaction, key) for key in keys]
    if not forced and not dry_run:
        _interference(transaction, cursors).require_none(keys[0].subscription)
    to = {one.stream: find_position(connection, one.stream, start) for one in cursors}
    resets = [_counted(connection, one, to[one.stream]) for one in cursors]
    if dry_run:
        return resets
    for one in cursors:
        _move(transaction, one, to[one.stream], start)
        place = (one.key.subscription, one.key.consumer or "", to[one.stream])
        connection.execute(_FORGET_RECEIPTS, place)
    write_act(transaction, "reset", keys[0].subscription, reset_detail(start, resets), actor)
    return resets


def _cursor(transaction: Transaction, key: FeedKey) -> _Cursor:
    with suppress(CursorMismatchError):  # this is what puts it right
        if (feed := transaction.find_feed(key)) is not None:
            feed.flush()
    number = int((key.consumer or "")[-2:]) if is_partition(transaction.connection, key) else -1
    place = (number, number, key.subscription, key.consumer or "")
    row = transaction.connection.execute(_SELECT_CURSOR, place).fetchone()
    if row is None:
        raise UnknownSubscriptionError("the store", feed_name(key))
    return _Cursor(key, row[0], row[1], row[2], row[3], row[4], number)


def _interference(transaction: Transaction, cursors: Sequence[_Cursor]) -> Interference:
    sessions: set[str] = set()
    in_flight = 0
    for one in cursors:
        feed = "" if one.partition >= 0 else one.key.consumer or ""
        place = (one.key.subscription, feed, transaction.now)
        sessions.update(row[0] for row in transaction.connection.execute(_SELECT_SESSIONS, place))
        [count] = transaction.connection.execute(
            _COUNT_IN_FLIGHT, (one.id, transaction.now)
        ).fetchone()
        in_flight += count
    paused = transaction.connection.execute(_SELECT_PAUSE, (cursors[0].key.subscription,))
    return Interference(tuple(sorted(sessions)), in_flight, paused.fetchone() is not None)


def _counted(connection: sqlite3.Connection, one: _Cursor, to: int) -> Reset:
    again, ahead = connection.execute(
        _COUNT_PASSED,
        (
            one.read_to,
            one.id,
            one.read_to,
            to,
            one.stream,
            min(to, one.read_to),
            max(to, one.read_to),
            one.wanted,
            one.wanted,
            one.partition,
            one.partition,
        ),
    ).fetchone()
    [unsettled] = connection.execute(_COUNT_UNSETTLED, (one.id, to)).fetchone()
    return Reset(
        key=one.key,
        before=one.position,
        after=to,
        again=again if to < one.read_to else 0,
        skipped=unsettled + ahead,
    )


def _move(transaction: Transaction, one: _Cursor, to: int, start: Start) -> None:
    head = transaction.head(one.stream)
    gap = missed_at_start(start, head.first_offset)
    transaction.drop_feed(one.key)
    transaction.connection.execute(_DELETE_DELIVERIES, (one.id,))
    transaction.connection.execute(
        _MOVE,
        (
            to,
            one.stream,
            to,
            one.stream,
            0 if gap is None else gap.last - gap.first + 1,
            None if gap is None else gap.first,
            None if gap is None else gap.last,
            one.id,
        ),
    )
    transaction.woken.add(one.key)
    if one.partition >= 0:
        transaction.regrouped.add(one.key.subscription)
    transaction.tidy(one.stream)
