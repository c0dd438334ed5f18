"""Putting cursors elsewhere, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from headwater.errors import UnknownSubscriptionError
from headwater.stores.contract import FeedKey
from headwater.stores.guards import feed_name, partition_number
from headwater.stores.operating import Interference, Reset, reset_detail
from headwater.stores.retention import missed_at_start
from headwater.streams import Start

from .acts import write_act
from .groups import is_partition
from .leases import hold_off_retention
from .positions import find_position
from .wire import Wire

__all__ = ["reset"]

_LOCK_CURSORS = """
SELECT id
  FROM cursors
 WHERE subscription = $1 AND consumer = ANY ($2::text[])
 ORDER BY subscription, consumer
   FOR UPDATE
"""

_LOCK_DELIVERIES = """
SELECT stream_offset
  FROM deliveries
 WHERE cursor_id = ANY ($1::bigint[])
 ORDER BY cursor_id, stream_offset
   FOR UPDATE
"""

_SELECT_CURSOR = """
SELECT cursors.id, stream, events, read_to, first_offset,
       coalesce((SELECT min(stream_offset) - 1 FROM deliveries WHERE cursor_id = cursors.id),
                (SELECT min(stream_offset) - 1
                   FROM events
                  WHERE events.stream = cursors.stream
                    AND events.stream_offset > read_to
                    AND events.stream_offset <= head
                    AND (cursors.events IS NULL
                         OR events.name IN (SELECT json_array_elements_text(cursors.events::json)))
                    AND ($3::int < 0
                         OR get_byte(sha256(convert_to(events.workflow_id, 'UTF8')), 0) % 64 = $3)),
                greatest(read_to, head)) AS position
  FROM cursors JOIN streams ON streams.name = cursors.stream
 WHERE subscription = $1 AND consumer = $2
"""

_SELECT_SESSIONS = """
SELECT DISTINCT consumer
  FROM sessions
 WHERE subscription = $1
   AND feed_consumer = ANY ($2::text[])
   AND expires_at > coalesce($3::timestamptz, clock_timestamp())
 ORDER BY consumer
"""

_COUNT_IN_FLIGHT = """
SELECT count(*) AS in_flight,
       EXISTS (SELECT 1 FROM pauses WHERE subscription = $3) AS is_paused
  FROM deliveries
 WHERE cursor_id = ANY ($1::bigint[])
   AND token <> 0
   AND due_at > coalesce($2::timestamptz, clock_timestamp())
"""

# Of what is wanted between both places: settled already, or not taken yet; and what was taken.
_COUNT_PASSED = """
SELECT count(*) FILTER (WHERE stream_offset <= cursors.read_to
                          AND stream_offset > $2
                          AND NOT EXISTS (SELECT 1
                                            FROM deliveries
                                           WHERE cursor_id = cursors.id
                                             AND deliveries.stream_offset = events.stream_offset))
         AS again,
       count(*) FILTER (WHERE stream_offset > cursors.read_to AND stream_offset <= $2) AS ahead,
       (SELECT count(*)
          FROM deliveries
         WHERE cursor_id = $1 AND deliveries.stream_offset <= $2) AS unsettled
  FROM cursors
       LEFT JOIN events ON events.stream = cursors.stream
                       AND events.stream_offset > least(cursors.read_to, $2)
                       AND events.stream_offset <= greatest(cursors.read_to, $2)
                       AND (cursors.events IS NULL
                            OR events.name IN (SELECT json_array_elements_text(
                                                        cursors.events::json)))
                       AND ($3::int < 0
                            OR get_byte(sha256(convert_to(events.workflow_id, 'UTF8')), 0) % 64
                                 = $3)
 WHERE cursors.id = $1
"""

_DELETE_DELIVERIES = """
DELETE FROM deliveries
 WHERE cursor_id = $1
"""

# What is delivered again has no receipt, unless it is read.
_FORGET_RECEIPTS = """
DELETE FROM read_receipts
 WHERE subscription = $1 AND consumer = $2 AND stream_offset > $3 AND state <> 'read'
"""

_MOVE = """
UPDATE cursors
   SET read_to = $2,
       event_id = (SELECT events.id
                     FROM events
                    WHERE events.stream = cursors.stream AND events.stream_offset = $2),
       epoch = (SELECT streams.epoch FROM streams WHERE streams.name = cursors.stream),
       revision = revision + 1, owner = '', owner_epoch = owner_epoch + 1,
       truncated = truncated + coalesce($4::bigint - $3::bigint + 1, 0),
       truncated_from = $3, truncated_to = $4
 WHERE id = $1
"""


@dataclass(frozen=True, slots=True)
class _Cursor:
    key: FeedKey
    id: int
    stream: str
    read_to: int
    first_offset: int
    position: int
    partition: int  # or -1


async def reset(
    wire: Wire,
    keys: Sequence[FeedKey],
    start: Start,
    now: datetime | None,
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
    subscription = keys[0].subscription
    if not dry_run:
        await hold_off_retention(wire)  # else a cursor may be put where nothing is any more
        locked = await wire.fetch(
            _LOCK_CURSORS, subscription, sorted(key.consumer or "" for key in keys)
        )
        await wire.fetch(_LOCK_DELIVERIES, [row["id"] for row in locked])
    cursors = [await _cursor(wire, key) for key in keys]
    if not forced and not dry_run:
        (await _interference(wire, cursors, now)).require_none(subscription)
    to = await find_position(wire, cursors[0].stream, start)
    resets = [await _counted(wire, one, to) for one in cursors]
    if dry_run:
        return resets
    for one in cursors:
        gap = missed_at_start(start, one.first_offset)
        await wire.fetch(_DELETE_DELIVERIES, one.id)
        ends = (None, None) if gap is None else (gap.first, gap.last)
        await wire.fetch(_MOVE, one.id, to, *ends)
        await wire.fetch(_FORGET_RECEIPTS, subscription, one.key.consumer or "", to)
    await write_act(wire, now, "reset", subscription, reset_detail(start, resets), actor)
    return resets


async def _cursor(wire: Wire, key: FeedKey) -> _Cursor:
    number = partition_number(key) if await is_partition(wire, key) else None
    partition = -1 if number is None else number
    row = await wire.fetch_one(_SELECT_CURSOR, key.subscription, key.consumer or "", partition)
    if row is None:
        raise UnknownSubscriptionError("the store", feed_name(key))
    return _Cursor(
        key,
        row["id"],
        row["stream"],
        row["read_to"],
        row["first_offset"],
        row["position"],
        partition,
    )


async def _interference(
    wire: Wire, cursors: Sequence[_Cursor], now: datetime | None
) -> Interference:
    subscription = cursors[0].key.subscription
    feeds = {"" if one.partition >= 0 else one.key.consumer or "" for one in cursors}
    sessions = await wire.fetch(_SELECT_SESSIONS, subscription, sorted(feeds), now)
    [found] = await wire.fetch(_COUNT_IN_FLIGHT, [one.id for one in cursors], now, subscription)
    names = tuple(row["consumer"] for row in sessions)
    return Interference(names, found["in_flight"], found["is_paused"])


async def _counted(wire: Wire, one: _Cursor, to: int) -> Reset:
    [found] = await wire.fetch(_COUNT_PASSED, one.id, to, one.partition)
    return Reset(
        key=one.key,
        before=one.position,
        after=to,
        again=found["again"],
        skipped=found["unsettled"] + found["ahead"],
    )
