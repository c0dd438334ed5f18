"""Feeds: their cursors, how far they have come, and what an ephemeral stream may let go.

Cursors are locked before heads, as everywhere. What a cursor's coming or going means to its stream
(`readers`, where it begins) is decided under the lock of the head, so that no event slips between.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from headwater.errors import CursorMismatchError, UnknownSubscriptionError
from headwater.stores.contract import Feed, FeedKey, FeedStatistics
from headwater.stores.guards import feed_name, partition_number
from headwater.stores.retention import gap_between, missed_at_start
from headwater.streams import FromLatest

from .acts import write_act
from .claims import CURSOR_FORMAT, LOCK_CURSOR, require_fitting_cursor
from .groups import is_partition
from .positions import find_position
from .wire import Wire

__all__ = ["pause", "read_feed", "register", "resume", "tidy", "unregister"]

_LOCK_KNOWN = """
SELECT id, stream, events, sequence
  FROM cursors
 WHERE subscription = $1 AND consumer = $2
   FOR UPDATE
"""

_LOCK_HEAD = """
SELECT type, head, first_offset, epoch, last_token
  FROM streams
 WHERE name = $1
   FOR UPDATE
"""

_INSERT_CURSOR = """
INSERT INTO cursors (subscription, consumer, stream, events, sequence, format, epoch, read_to,
                     event_id, revision, last_token, skipped, truncated, owner, owner_epoch,
                     truncated_from, truncated_to)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8,
        (SELECT id FROM events WHERE stream = $3 AND stream_offset = $8), 0, $9, 0,
        coalesce($11::bigint - $10::bigint + 1, 0), '', 0, $10, $11)
"""

_UPDATE_WANTED = """
UPDATE cursors
   SET events = $2, sequence = $3, revision = revision + 1
 WHERE id = $1
"""

_COUNT_READER = """
UPDATE streams
   SET registrations = registrations + 1, readers = readers + $2,
       last_token = greatest(last_token, $3)
 WHERE name = $1
"""


async def register(wire: Wire, feed: Feed) -> None:
    """Have the feed; one that is there keeps its cursor and takes on the other settings.

    Raises:
        CursorMismatchError: One that is there was written for another stream.
        KeyError: There is no such stream.
    """
    key = (feed.key.subscription, feed.key.consumer or "")
    wanted = None if feed.events is None else json.dumps(sorted(feed.events))
    known = await wire.fetch_one(_LOCK_KNOWN, *key)
    if known is None:
        read_to = await find_position(wire, feed.stream, feed.start)
        head = await wire.fetch_one(_LOCK_HEAD, feed.stream)
        if head is None:
            raise KeyError(feed.stream)
        if isinstance(feed.start, FromLatest):
            read_to = head["head"]
        read_to = max(read_to, head["first_offset"] - 1)  # retention may just have been here
        gap = missed_at_start(feed.start, head["first_offset"])
        await wire.fetch(
            _INSERT_CURSOR,
            *key,
            feed.stream,
            wanted,
            feed.order.value,
            CURSOR_FORMAT,
            head["epoch"],
            read_to,
            head["last_token"],
            None if gap is None else gap.first,
            None if gap is None else gap.last,
        )
        await wire.fetch(_COUNT_READER, feed.stream, 1, 0)
        return
    if known["stream"] != feed.stream:
        raise CursorMismatchError(
            feed_name(feed.key), feed.stream, f"it was written for {known['stream']}"
        )
    await require_fitting_cursor(wire, feed.key)
    if (known["events"], known["sequence"]) != (wanted, feed.order.value):
        await wire.fetch(_UPDATE_WANTED, known["id"], wanted, feed.order.value)
        await wire.fetch(_COUNT_READER, feed.stream, 0, 0)


_LOCK_DELIVERIES = """
SELECT stream_offset
  FROM deliveries
 WHERE cursor_id = $1
 ORDER BY stream_offset
   FOR UPDATE
"""

_DELETE_DELIVERIES = """
DELETE FROM deliveries
 WHERE cursor_id = $1
"""

_DELETE_CURSOR = """
DELETE FROM cursors
 WHERE id = $1
RETURNING stream, last_token
"""


_DELETE_RECEIPTS = """
DELETE FROM read_receipts
 WHERE subscription = $1 AND consumer = $2
"""


async def unregister(wire: Wire, key: FeedKey) -> str | None:
    """Forget the feed, its cursor and its claims; the stream that it read, if it was there."""
    found = await wire.fetch_one(LOCK_CURSOR, key.subscription, key.consumer or "")
    if found is None:
        return None
    await wire.fetch(_LOCK_DELIVERIES, found["id"])
    await wire.fetch(_DELETE_DELIVERIES, found["id"])
    await wire.fetch(_DELETE_RECEIPTS, key.subscription, key.consumer or "")
    [gone] = await wire.fetch(_DELETE_CURSOR, found["id"])
    await wire.fetch(_COUNT_READER, gone["stream"], -1, gone["last_token"])
    return str(gone["stream"])


_SELECT_FEED = """
SELECT cursors.read_to, cursors.skipped, cursors.truncated, cursors.truncated_from,
       cursors.truncated_to, streams.head,
       waiting.unsettled, waiting.claimed,
       waiting.held, waiting.first,
       ahead.events, ahead.first_ahead
  FROM cursors
       JOIN streams ON streams.name = cursors.stream
       CROSS JOIN LATERAL (SELECT count(*) AS unsettled,
                                  count(*) FILTER (WHERE token <> 0) AS claimed,
                                  count(*) FILTER (WHERE deliveries.held) AS held,
                                  min(stream_offset) AS first
                             FROM deliveries
                            WHERE cursor_id = cursors.id) AS waiting
       CROSS JOIN LATERAL (SELECT count(*) AS events, min(stream_offset) AS first_ahead
                             FROM events
                            WHERE events.stream = cursors.stream
                              AND events.stream_offset > cursors.read_to
                              AND events.stream_offset <= streams.head
                              AND (cursors.events IS NULL
                                   OR events.name IN (SELECT json_array_elements_text(
                                                               cursors.events::json)))) AS ahead
 WHERE subscription = $1 AND consumer = $2
"""


# Of a partition, only its part of what is ahead: the first byte of a workflow id's SHA-256 tells.
_SELECT_PARTITION = """
SELECT cursors.read_to, cursors.skipped, cursors.truncated, cursors.truncated_from,
       cursors.truncated_to, streams.head,
       waiting.unsettled, waiting.claimed, waiting.held, waiting.first,
       ahead.events, ahead.first_ahead
  FROM cursors
       JOIN streams ON streams.name = cursors.stream
       CROSS JOIN LATERAL (SELECT count(*) AS unsettled,
                                  count(*) FILTER (WHERE token <> 0) AS claimed,
                                  count(*) FILTER (WHERE deliveries.held) AS held,
                                  min(stream_offset) AS first
                             FROM deliveries
                            WHERE cursor_id = cursors.id) AS waiting
       CROSS JOIN LATERAL (SELECT count(*) AS events, min(stream_offset) AS first_ahead
                             FROM events
                            WHERE events.stream = cursors.stream
                              AND events.stream_offset > cursors.read_to
                              AND events.stream_offset <= streams.head
                              AND (cursors.events IS NULL
                                   OR events.name IN (SELECT json_array_elements_text(
                                                               cursors.events::json)))
                              AND get_byte(sha256(convert_to(events.workflow_id, 'UTF8')), 0) % 64
                                    = $3) AS ahead
 WHERE subscription = $1 AND consumer = $2
"""


async def read_feed(wire: Wire, key: FeedKey) -> FeedStatistics:
    """How far the feed has come.

    Raises:
        UnknownSubscriptionError: There is no such feed.
    """
    if await is_partition(wire, key):
        place = (key.subscription, key.consumer, partition_number(key))
        row = await wire.fetch_one(_SELECT_PARTITION, *place)
    else:
        row = await wire.fetch_one(_SELECT_FEED, key.subscription, key.consumer or "")
    if row is None:
        raise UnknownSubscriptionError("the store", feed_name(key))
    first = row["first"] if row["first"] is not None else row["first_ahead"]
    position = max(row["head"], row["read_to"]) if first is None else first - 1
    pending = row["unsettled"] + row["events"]
    return FeedStatistics(
        position,
        row["claimed"],
        pending,
        row["held"],
        row["skipped"],
        row["truncated"],
        gap_between(row["truncated_from"], row["truncated_to"]),
    )


_PAUSE = """
INSERT INTO pauses (subscription, paused_at)
VALUES ($1, coalesce($2::timestamptz, clock_timestamp()))
    ON CONFLICT (subscription) DO NOTHING
RETURNING 1
"""

_RESUME = """
DELETE FROM pauses
 WHERE subscription = $1
RETURNING 1
"""


async def pause(wire: Wire, subscription: str, now: datetime | None, actor: str) -> None:
    """Hand out none of the subscription's events."""
    if await wire.fetch(_PAUSE, subscription, now):
        await write_act(wire, now, "pause", subscription, {}, actor)


async def resume(wire: Wire, subscription: str, now: datetime | None, actor: str) -> None:
    """Hand out the subscription's events again."""
    if await wire.fetch(_RESUME, subscription):
        await write_act(wire, now, "resume", subscription, {}, actor)


# Up to where every reader of an ephemeral stream has settled everything: before its first
# delivery, or else before the first event that it wants, or else the head.
_SELECT_CONSUMED = """
SELECT coalesce(min(coalesce(
         (SELECT min(stream_offset) - 1 FROM deliveries WHERE cursor_id = cursors.id),
         (SELECT min(stream_offset) - 1
            FROM events
           WHERE events.stream = cursors.stream
             AND events.stream_offset > cursors.read_to
             AND (cursors.events IS NULL
                  OR events.name IN (SELECT json_array_elements_text(cursors.events::json)))),
         $2)), $2) AS consumed
  FROM cursors
 WHERE stream = $1
"""

_DELETE_CONSUMED = """
DELETE FROM events
 WHERE stream = $1 AND stream_offset <= $2
"""

_RAISE_FIRST_OFFSET = """
UPDATE streams
   SET first_offset = greatest(first_offset, $2 + 1)
 WHERE name = $1
"""


async def tidy(stream: str, wire: Wire) -> None:
    """Let go what all readers of an ephemeral stream have consumed. Nobody sees it any more.

    The head stays locked: who requeues a dead letter meanwhile brings its event back afterwards.
    """
    head = await wire.fetch_one(_LOCK_HEAD, stream)
    if head is None or head["type"] != "ephemeral":
        return
    found = await wire.fetch_one(_SELECT_CONSUMED, stream, head["head"])
    consumed: Any = found["consumed"] if found is not None else head["head"]
    if consumed >= head["first_offset"]:
        await wire.fetch(_DELETE_CONSUMED, stream, consumed)
        await wire.fetch(_RAISE_FIRST_OFFSET, stream, consumed)
