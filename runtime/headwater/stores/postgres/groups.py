"""Consumer groups: partitions that come into being, change hands, and are looked at.

Whoever changes a partition locks its row first: its owner, to compare the epoch, and everybody
else to raise the epoch or the `revision`. A group's rows are locked in one order, after those of
sessions and consumers, and before deliveries, letters and heads. What a step reads after it has
locked is read by a statement of its own, so that it sees what the one before had written.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

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
from headwater.streams import FromLatest, StreamType

from .claims import CURSOR_FORMAT, require_fitting_row
from .positions import find_position
from .wire import Row, Wire

__all__ = [
    "LEAVE",
    "LOCK_OWNED",
    "balance",
    "is_partition",
    "nothing_to_take_over",
    "register_group",
    "release",
]

_COUNT_PARTITIONS = """
SELECT count(*)
  FROM cursors
 WHERE subscription = $1 AND consumer ~ '^partition-[0-6][0-9]$'
"""


async def is_partition(wire: Wire, key: FeedKey) -> bool:
    """Whether the feed is a group's partition, and not of a consumer that is called like one."""
    if partition_number(key) is None:
        return False
    [found] = await wire.fetch(_COUNT_PARTITIONS, key.subscription)
    return bool(found[0] == PARTITIONS)


_LOCK_KNOWN = """
SELECT consumer, stream
  FROM cursors
 WHERE subscription = $1 AND consumer ~ '^partition-[0-6][0-9]$'
 ORDER BY consumer
   FOR UPDATE
"""

_UPDATE_WANTED = """
UPDATE cursors
   SET events = $2
 WHERE subscription = $1
   AND consumer ~ '^partition-[0-6][0-9]$'
   AND events IS DISTINCT FROM $2
"""

_SELECT_TYPE = """
SELECT type
  FROM streams
 WHERE name = $1
"""

_LOCK_HEAD = """
SELECT head, first_offset, epoch
  FROM streams
 WHERE name = $1
   FOR UPDATE
"""

_INSERT_CURSORS = """
INSERT INTO cursors (subscription, consumer, stream, events, sequence, format, epoch, read_to,
                     event_id, revision, last_token, skipped, truncated, owner, owner_epoch,
                     truncated_from, truncated_to)
SELECT $1, consumer, $3, $4, $5, $6, $7, $8,
       (SELECT id FROM events WHERE stream = $3 AND stream_offset = $8), 0, 0, 0,
       coalesce($10::bigint - $9::bigint + 1, 0), '', 0, $9, $10
  FROM unnest($2::text[]) AS given (consumer)
 ORDER BY consumer
"""

_COUNT_READERS = """
UPDATE streams
   SET registrations = registrations + 1, readers = readers + $2
 WHERE name = $1
"""


async def register_group(wire: Wire, group: Group) -> None:
    """Have the group's partitions; those that are there keep their cursors and owners.

    Raises:
        CursorMismatchError: Some that are there were written for another stream.
        ConfigurationError: The stream is ephemeral.
        KeyError: There is no such stream.
    """
    name, stream = group.subscription, group.stream
    if (found := await wire.fetch_one(_SELECT_TYPE, stream)) is None:
        raise KeyError(stream)
    require_log(group, StreamType(found["type"]))
    known = {row["consumer"]: row["stream"] for row in await wire.fetch(_LOCK_KNOWN, name)}
    if others := sorted({other for other in known.values() if other != stream}):
        raise CursorMismatchError(name, stream, f"it was written for {others[0]}")
    wanted = None if group.events is None else json.dumps(sorted(group.events))
    await wire.fetch(_UPDATE_WANTED, name, wanted)
    consumers = {partition_key(name, number).consumer for number in range(PARTITIONS)}
    if not (missing := sorted(one for one in consumers if one is not None and one not in known)):
        return
    read_to = await find_position(wire, stream, group.start)
    [head] = await wire.fetch(_LOCK_HEAD, stream)
    if isinstance(group.start, FromLatest):
        read_to = head["head"]
    read_to = max(read_to, head["first_offset"] - 1)  # retention may just have been here
    gap = missed_at_start(group.start, head["first_offset"])
    await wire.fetch(
        _INSERT_CURSORS,
        name,
        missing,
        stream,
        wanted,
        Order.WORKFLOW.value,
        CURSOR_FORMAT,
        head["epoch"],
        read_to,
        None if gap is None else gap.first,
        None if gap is None else gap.last,
    )
    await wire.fetch(_COUNT_READERS, stream, len(missing))


# Sharing

_LOCK_PARTITIONS = """
SELECT id
  FROM cursors
 WHERE subscription = $1 AND consumer ~ '^partition-[0-6][0-9]$'
 ORDER BY consumer
   FOR UPDATE
"""

_SELECT_PARTITIONS = """
SELECT cursors.id, cursors.stream, cursors.format, cursors.epoch, cursors.read_to, cursors.event_id,
       streams.epoch AS stream_epoch, streams.head,
       (SELECT events.id
          FROM events
         WHERE events.stream = cursors.stream
           AND events.stream_offset = cursors.read_to) AS found,
       cursors.revision, cursors.owner, cursors.owner_epoch
  FROM cursors JOIN streams ON streams.name = cursors.stream
 WHERE subscription = $1 AND consumer ~ '^partition-[0-6][0-9]$'
 ORDER BY consumer
"""

_SELECT_LIVING = """
SELECT session, extract(epoch FROM expires_at - moment.now)::float8 AS seconds
  FROM sessions
       CROSS JOIN (SELECT coalesce($2::timestamptz, clock_timestamp()) AS now) AS moment
 WHERE subscription = $1
   AND feed_consumer = ''
   AND (expires_at > moment.now OR session = $3)
 ORDER BY session
"""

_TAKE = """
UPDATE cursors
   SET owner = $1, owner_epoch = owner_epoch + 1, revision = revision + 1
 WHERE id = ANY ($2::bigint[])
"""

_FAIL_WHAT_IS_IN_HAND = """
UPDATE deliveries
   SET failures = failures + 1, token = 0, holder = '', due_at = NULL
 WHERE cursor_id = ANY ($1::bigint[]) AND token <> 0
"""


async def balance(
    wire: Wire, group: Group, session: str, known: Mapping[int, int], now: datetime | None
) -> Share:
    """Give the session its share of the group. With `None` the time is the database's.

    Raises:
        UnknownSubscriptionError: There is no such group.
        CursorMismatchError: Its cursors were written for another stream.
    """
    await wire.fetch(_LOCK_PARTITIONS, group.subscription)
    rows = await _select_partitions(wire, group.subscription)
    handover = await _decide(wire, group, session, known, rows, now)
    if handover.taken:
        taken = [rows[number]["id"] for number in handover.taken]
        await wire.fetch(_TAKE, session, taken)
        await wire.fetch(_FAIL_WHAT_IS_IN_HAND, taken)
    return await _share(wire, group, handover, now)


async def nothing_to_take_over(
    wire: Wire, group: Group, session: str, known: Mapping[int, int], now: datetime | None
) -> Share | None:
    """The answer to `balance` if nothing changes hands; nothing is locked for it.

    Raises:
        UnknownSubscriptionError: There is no such group.
        CursorMismatchError: Its cursors were written for another stream.
    """
    rows = await _select_partitions(wire, group.subscription)
    handover = await _decide(wire, group, session, known, rows, now)
    if handover.taken:
        return None
    share = await _share(wire, group, handover, now)
    is_still_so = all(one.epoch == rows[one.partition]["owner_epoch"] for one in share.taken)
    return share if is_still_so else None


async def _select_partitions(wire: Wire, subscription: str) -> list[Row]:
    rows = await wire.fetch(_SELECT_PARTITIONS, subscription)
    if len(rows) != PARTITIONS:
        raise UnknownSubscriptionError("the store", subscription)
    for number, row in enumerate(rows):
        require_fitting_row(partition_key(subscription, number), row)
    return rows


async def _decide(
    wire: Wire,
    group: Group,
    session: str,
    known: Mapping[int, int],
    rows: Sequence[Row],
    now: datetime | None,
) -> Handover:
    living = await wire.fetch(_SELECT_LIVING, group.subscription, now, session)
    return hand_over(
        session,
        known,
        partitions=[
            Owned(number, row["owner"], row["revision"]) for number, row in enumerate(rows)
        ],
        living={row["session"]: row["seconds"] for row in living},
        max_consumers=group.max_consumers,
    )


# All of a partition in one snapshot: who changes it raises `revision` in the same transaction.
_SELECT_OWNERSHIPS = """
WITH told AS MATERIALIZED (
  SELECT id, consumer, owner_epoch, read_to, revision, truncated_from, truncated_to,
         ARRAY(SELECT DISTINCT workflow_id
                 FROM dead_letters
                WHERE dead_letters.subscription = cursors.subscription
                  AND dead_letters.consumer = cursors.consumer) AS blocked
    FROM cursors
   WHERE subscription = $1 AND consumer = ANY ($2::text[])
)
SELECT told.consumer, told.owner_epoch, told.read_to, told.revision, told.blocked,
       told.truncated_from, told.truncated_to,
       deliveries.stream_offset, deliveries.workflow_id, deliveries.failures, deliveries.held,
       deliveries.token <> 0 AS in_hand,
       coalesce(extract(epoch FROM deliveries.due_at
                                     - coalesce($3::timestamptz, clock_timestamp())), 0)::float8
         AS delay
  FROM told LEFT JOIN deliveries ON deliveries.cursor_id = told.id
 ORDER BY told.consumer, deliveries.stream_offset
"""


async def _share(wire: Wire, group: Group, handover: Handover, now: datetime | None) -> Share:
    told = {
        partition_key(group.subscription, number).consumer: number
        for number in sorted(handover.taken.keys() | handover.changed)
    }
    found: dict[int, list[Any]] = {number: [] for number in told.values()}
    if told:
        for row in await wire.fetch(_SELECT_OWNERSHIPS, group.subscription, list(told), now):
            found[told[row["consumer"]]].append(row)
    return Share(
        taken=tuple(
            _ownership(number, rows, is_abandoned=handover.taken.get(number, False))
            for number, rows in found.items()
            if rows
        ),
        lost=handover.lost,
        surplus=handover.surplus,
        next_due=handover.next_due,
    )


def _ownership(number: int, rows: Sequence[Row], *, is_abandoned: bool) -> Ownership:
    gone, last_gone = rows[0]["truncated_from"], rows[0]["truncated_to"]
    return Ownership(
        partition=number,
        epoch=rows[0]["owner_epoch"],
        read_to=rows[0]["read_to"],
        unsettled=tuple(
            Unsettled(
                row["stream_offset"],
                row["workflow_id"],
                row["failures"],
                max(0.0, row["delay"]),
                row["held"],
                row["in_hand"],
            )
            for row in rows
            if row["stream_offset"] is not None
        ),
        blocked=frozenset(rows[0]["blocked"]),
        revision=rows[0]["revision"],
        gap=None if last_gone is None else Gap(gone, last_gone),
        abandoned=is_abandoned,
    )


LOCK_OWNED = """
SELECT id
  FROM cursors
 WHERE subscription = $1 AND consumer ~ '^partition-[0-6][0-9]$' AND owner = $2
 ORDER BY consumer
   FOR UPDATE
"""

_LOCK_RELEASED = """
SELECT id
  FROM cursors
 WHERE subscription = $1 AND consumer = ANY ($3::text[]) AND owner = $2
 ORDER BY consumer
   FOR UPDATE
"""

_GIVE_BACK = """
UPDATE deliveries
   SET token = 0, holder = '', due_at = NULL
 WHERE cursor_id = ANY ($1::bigint[]) AND token <> 0
"""

_RELEASE = """
UPDATE cursors
   SET owner = ''
 WHERE id = ANY ($1::bigint[])
"""


async def release(wire: Wire, subscription: str, session: str, partitions: Collection[int]) -> bool:
    """Have the session own these no more; what it has in hand has not failed.

    Returns whether it owned any of them.
    """
    consumers = [partition_key(subscription, number).consumer for number in partitions]
    rows = await wire.fetch(_LOCK_RELEASED, subscription, session, consumers)
    released = [row["id"] for row in rows]
    if released:
        await wire.fetch(_GIVE_BACK, released)
        await wire.fetch(_RELEASE, released)
    return bool(released)


# Free what a session had that says goodbye: all but where it has an event in hand.
LEAVE = """
UPDATE cursors
   SET owner = ''
 WHERE id = ANY ($1::bigint[])
   AND NOT EXISTS (SELECT 1
                     FROM deliveries
                    WHERE cursor_id = cursors.id AND token <> 0)
"""
