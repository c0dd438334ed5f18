"""Consumer groups in the file: each function is one step of the writer, or reads on any connection.

A partition is a cursor like others, but nothing of it is kept in memory between transactions: its
owner is who knows it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from headwater.errors import CursorMismatchError, UnknownSubscriptionError
from headwater.stores.contract import FeedKey, Order
from headwater.stores.groups import (
    PARTITIONS,
    Group,
    Ownership,
    Share,
    Unsettled,
    partition_key,
)
from headwater.stores.guards import partition_number, require_log
from headwater.stores.handover import Handover, Owned, hand_over
from headwater.stores.retention import Gap, missed_at_start
from headwater.streams import StreamType

from .feeds import CURSOR_FORMAT, require_fitting_cursor
from .positions import find_position
from .rows import wanted_text
from .transaction import Transaction

__all__ = [
    "balance",
    "is_partition",
    "leave",
    "nothing_to_take_over",
    "register_group",
    "release",
    "requeue_in_partition",
    "touch_partition",
]

_COUNT_PARTITIONS = """
SELECT count(*)
  FROM cursors
 WHERE subscription = ? AND consumer GLOB 'partition-[0-6][0-9]'
"""


def is_partition(connection: sqlite3.Connection, key: FeedKey) -> bool:
    """Whether the feed is a group's partition, and not of a consumer that is called like one."""
    if partition_number(key) is None:
        return False
    [found] = connection.execute(_COUNT_PARTITIONS, (key.subscription,)).fetchone()
    return bool(found == PARTITIONS)


_SELECT_STREAMS = """
SELECT stream
  FROM cursors
 WHERE subscription = ? AND consumer GLOB 'partition-[0-6][0-9]' AND stream <> ?
 LIMIT 1
"""

_UPDATE_WANTED = """
UPDATE cursors
   SET events = ?
 WHERE subscription = ? AND consumer GLOB 'partition-[0-6][0-9]' AND events IS NOT ?
"""

_INSERT_CURSOR = """
INSERT OR IGNORE INTO cursors (subscription, consumer, stream, events, sequence, format, epoch,
                               read_to, event_id, revision, last_token, skipped, truncated, owner,
                               owner_epoch, truncated_from, truncated_to)
VALUES (?, ?, ?, ?, ?, ?, ?, ?,
        (SELECT id FROM events WHERE stream = ? AND stream_offset = ?), 0, 0, 0, ?, '', 0, ?, ?)
"""


def register_group(transaction: Transaction, group: Group) -> None:
    """Have the group's partitions; those that are there keep their cursors and owners.

    Raises:
        CursorMismatchError: Some that are there were written for another stream.
        ConfigurationError: The stream is ephemeral.
    """
    connection, name = transaction.connection, group.subscription
    head = transaction.head(group.stream)
    require_log(group, StreamType(head.type))
    if (other := connection.execute(_SELECT_STREAMS, (name, group.stream)).fetchone()) is not None:
        raise CursorMismatchError(name, group.stream, f"it was written for {other[0]}")
    wanted = wanted_text(group.events)
    connection.execute(_UPDATE_WANTED, (wanted, name, wanted))
    transaction.flush_heads()
    [known] = connection.execute(_COUNT_PARTITIONS, (name,)).fetchone()
    if known == PARTITIONS:
        return
    read_to = find_position(connection, group.stream, group.start)
    gap = missed_at_start(group.start, head.first_offset)
    for number in range(PARTITIONS):
        connection.execute(
            _INSERT_CURSOR,
            (
                name,
                partition_key(name, number).consumer,
                group.stream,
                wanted,
                Order.WORKFLOW.value,
                CURSOR_FORMAT,
                head.epoch,
                read_to,
                group.stream,
                read_to,
                0 if gap is None else gap.last - gap.first + 1,
                None if gap is None else gap.first,
                None if gap is None else gap.last,
            ),
        )
    head.readers += PARTITIONS - known
    head.registrations += 1
    head.is_changed = True


# Sharing

_SELECT_PARTITIONS = """
SELECT cursors.id, cursors.stream, cursors.format, cursors.epoch, cursors.read_to, cursors.event_id,
       streams.epoch, streams.head,
       (SELECT events.id
          FROM events
         WHERE events.stream = cursors.stream AND events.stream_offset = cursors.read_to),
       cursors.truncated_from, cursors.truncated_to,
       cursors.revision, cursors.owner, cursors.owner_epoch
  FROM cursors JOIN streams ON streams.name = cursors.stream
 WHERE subscription = ? AND consumer GLOB 'partition-[0-6][0-9]'
 ORDER BY consumer
"""

_SELECT_LIVING = """
SELECT session, expires_at
  FROM sessions
 WHERE subscription = ? AND feed_consumer = '' AND (expires_at > ? OR session = ?)
"""

_TAKE = """
UPDATE cursors
   SET owner = ?, owner_epoch = owner_epoch + 1, revision = revision + 1
 WHERE id = ?
"""

_FAIL_WHAT_IS_IN_HAND = """
UPDATE deliveries
   SET failures = failures + 1, token = 0, holder = '', due_at = NULL
 WHERE cursor_id = ? AND token <> 0
"""


def balance(
    transaction: Transaction, group: Group, session: str, known: Mapping[int, int]
) -> Share:
    """Give the session its share of the group.

    Raises:
        UnknownSubscriptionError: There is no such group.
        CursorMismatchError: Its cursors were written for another stream.
    """
    transaction.flush_partitions()
    rows = _read_partitions(transaction.connection, group.subscription)
    handover = _decide(transaction, group, session, known, rows)
    for number in handover.taken:
        cursor_id = rows[number].id
        transaction.connection.execute(_TAKE, (session, cursor_id))
        transaction.connection.execute(_FAIL_WHAT_IS_IN_HAND, (cursor_id,))
    return _share(transaction, handover, rows)


def nothing_to_take_over(
    transaction: Transaction, group: Group, session: str, known: Mapping[int, int]
) -> Share | None:
    """The answer to `balance` if nothing changes hands."""
    rows = _read_partitions(transaction.connection, group.subscription)
    handover = _decide(transaction, group, session, known, rows)
    return None if handover.taken else _share(transaction, handover, rows)


@dataclass(frozen=True, slots=True)
class _Row:
    id: int
    key: FeedKey
    read_to: int
    gap: Gap | None
    revision: int
    owner: str
    epoch: int


def _read_partitions(connection: sqlite3.Connection, subscription: str) -> list[_Row]:
    rows = []
    for number, row in enumerate(connection.execute(_SELECT_PARTITIONS, (subscription,))):
        cursor_id, stream, *position, gone, last_gone, revision, owner, owner_epoch = row
        key = partition_key(subscription, number)
        require_fitting_cursor(key, stream, *position)
        gap = None if last_gone is None else Gap(gone, last_gone)
        rows.append(_Row(cursor_id, key, position[2], gap, revision, owner, owner_epoch))
    if len(rows) != PARTITIONS:
        raise UnknownSubscriptionError("the store", subscription)
    return rows


def _decide(
    transaction: Transaction,
    group: Group,
    session: str,
    known: Mapping[int, int],
    rows: Sequence[_Row],
) -> Handover:
    living = transaction.connection.execute(
        _SELECT_LIVING, (group.subscription, transaction.now, session)
    )
    return hand_over(
        session,
        known,
        partitions=[Owned(number, row.owner, row.revision) for number, row in enumerate(rows)],
        living={one: (until - transaction.now) / 1_000_000 for one, until in living},
        max_consumers=group.max_consumers,
    )


_SELECT_UNSETTLED = """
SELECT stream_offset, workflow_id, failures, due_at, held, token
  FROM deliveries
 WHERE cursor_id = ?
 ORDER BY stream_offset
"""

_SELECT_BLOCKED = """
SELECT DISTINCT workflow_id
  FROM dead_letters
 WHERE subscription = ? AND consumer = ?
"""


def _share(transaction: Transaction, handover: Handover, rows: Sequence[_Row]) -> Share:
    def ownership(number: int) -> Ownership:
        row, is_new = rows[number], number in handover.taken
        blocked = transaction.connection.execute(
            _SELECT_BLOCKED, (row.key.subscription, row.key.consumer)
        )
        return Ownership(
            partition=number,
            epoch=row.epoch + is_new,
            read_to=row.read_to,
            unsettled=tuple(
                Unsettled(
                    offset,
                    workflow_id,
                    failures,
                    max(0, (due or 0) - transaction.now) / 1_000_000,
                    bool(held),
                    token != 0,
                )
                for offset, workflow_id, failures, due, held, token in (
                    transaction.connection.execute(_SELECT_UNSETTLED, (row.id,))
                )
            ),
            blocked=frozenset(workflow_id for (workflow_id,) in blocked),
            revision=row.revision + is_new,
            gap=row.gap,
            abandoned=handover.taken.get(number, False),
        )

    return Share(
        taken=tuple(ownership(one) for one in sorted(handover.taken.keys() | handover.changed)),
        lost=handover.lost,
        surplus=handover.surplus,
        next_due=handover.next_due,
    )


_GIVE_BACK = """
UPDATE deliveries
   SET token = 0, holder = '', due_at = NULL
 WHERE token <> 0
   AND cursor_id = (SELECT id
                      FROM cursors
                     WHERE subscription = ? AND consumer = ? AND owner = ?)
"""

_RELEASE = """
UPDATE cursors
   SET owner = ''
 WHERE subscription = ? AND consumer = ? AND owner = ?
"""


def release(
    transaction: Transaction, subscription: str, session: str, partitions: Collection[int]
) -> None:
    """Have the session own these no more; what it has in hand has not failed."""
    transaction.flush_partitions()
    for number in partitions:
        one = (subscription, partition_key(subscription, number).consumer, session)
        transaction.connection.execute(_GIVE_BACK, one)
        if transaction.connection.execute(_RELEASE, one).rowcount:
            transaction.regrouped.add(subscription)


_LEAVE = """
UPDATE cursors
   SET owner = ''
 WHERE subscription = ? AND owner = ?
   AND NOT EXISTS (SELECT *
                     FROM deliveries
                    WHERE cursor_id = cursors.id AND token <> 0)
"""


def leave(transaction: Transaction, subscription: str, session: str) -> None:
    """Free what a session has that says goodbye: all but where it has an event in hand."""
    transaction.flush_partitions()
    transaction.connection.execute(_LEAVE, (subscription, session))
    transaction.regrouped.add(subscription)


# Dead letters

_INSERT_REQUEUED = """
INSERT OR IGNORE INTO deliveries (cursor_id, stream_offset, workflow_id, failures, token, holder,
                                  due_at, held)
SELECT id, ?, ?, 0, 0, '', NULL, 0
  FROM cursors
 WHERE subscription = ? AND consumer = ? AND read_to >= ?
"""


def requeue_in_partition(
    transaction: Transaction, key: FeedKey, offset: int, workflow_id: str
) -> None:
    """Have an event that was set aside handed out again by the partition's owner."""
    transaction.flush_partitions()
    transaction.connection.execute(
        _INSERT_REQUEUED, (offset, workflow_id, key.subscription, key.consumer, offset)
    )
    touch_partition(transaction, key)


_TOUCH = """
UPDATE cursors
   SET revision = revision + 1
 WHERE subscription = ? AND consumer = ?
"""


def touch_partition(transaction: Transaction, key: FeedKey) -> None:
    """Have the partition's owner look again, because others have changed what it knows."""
    transaction.connection.execute(_TOUCH, (key.subscription, key.consumer))
    transaction.regrouped.add(key.subscription)
