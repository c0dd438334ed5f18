"""Consumers and their sessions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from headwater.stores.contract import Connection, Consumer, FeedKey, Stale

from .acts import write_act
from .feeds import unregister
from .groups import LEAVE, LOCK_OWNED, is_partition
from .wire import Row, Wire

__all__ = [
    "CONNECT",
    "HEARTBEAT",
    "SELECT_CONSUMERS",
    "consumer",
    "disconnect",
    "remove_consumer",
    "remove_stale",
]

CONNECT = """
WITH moment AS MATERIALIZED (
  SELECT coalesce($1::timestamptz, clock_timestamp()) AS now
),
member AS (
  INSERT INTO consumers (subscription, consumer, registered_at, seen_at, expire_after)
  SELECT $3, $5, now, now, $7::bigint
    FROM moment
      ON CONFLICT (subscription, consumer) DO UPDATE
     SET seen_at = excluded.seen_at, expire_after = excluded.expire_after
)
INSERT INTO sessions (session, subscription, feed_consumer, consumer, expires_at)
SELECT $2, $3, $4, $5, now + $6::interval
  FROM moment
    ON CONFLICT (session) DO UPDATE
   SET subscription = excluded.subscription, feed_consumer = excluded.feed_consumer,
       consumer = excluded.consumer, expires_at = excluded.expires_at
"""

HEARTBEAT = """
WITH moment AS MATERIALIZED (
  SELECT coalesce($1::timestamptz, clock_timestamp()) AS now
   WHERE set_config('synchronous_commit', 'off', true) IS NOT NULL
),
alive AS (
  UPDATE sessions
     SET expires_at = now + $3::interval
    FROM moment
   WHERE session = ANY ($2::text[])
  RETURNING session, subscription, consumer, now
),
seen AS (
  UPDATE consumers
     SET seen_at = now
    FROM (SELECT DISTINCT subscription, consumer, now FROM alive) AS alive
   WHERE consumers.subscription = alive.subscription AND consumers.consumer = alive.consumer
)
SELECT session
  FROM alive
"""

_DELETE_SESSION = """
WITH gone AS (
  DELETE FROM sessions
   WHERE session = $2
  RETURNING subscription, feed_consumer, consumer
),
seen AS (
  UPDATE consumers
     SET seen_at = coalesce($1::timestamptz, clock_timestamp())
    FROM gone
   WHERE consumers.subscription = gone.subscription AND consumers.consumer = gone.consumer
)
SELECT subscription
  FROM gone
 WHERE feed_consumer = ''
"""


async def disconnect(wire: Wire, session: str, now: datetime | None) -> frozenset[str]:
    """Forget the session, and free the partitions that it has; whose members have to look."""
    rows = await wire.fetch(_DELETE_SESSION, now, session)
    for row in rows:
        owned = await wire.fetch(LOCK_OWNED, row["subscription"], session)
        await wire.fetch(LEAVE, [one["id"] for one in owned])
    return frozenset(row["subscription"] for row in rows)


SELECT_CONSUMERS = """
SELECT consumer, registered_at, seen_at,
       (SELECT count(*)
          FROM sessions
         WHERE sessions.subscription = consumers.subscription
           AND sessions.consumer = consumers.consumer) AS sessions
  FROM consumers
 WHERE subscription = $1
 ORDER BY consumer
"""


def consumer(subscription: str, row: Row) -> Consumer:
    """The consumer in a row of `SELECT_CONSUMERS`."""
    return Consumer(subscription, *row)


_DELETE_STALE_SESSIONS = """
DELETE FROM sessions
 WHERE expires_at <= coalesce($1::timestamptz, clock_timestamp())
RETURNING session, subscription, feed_consumer, consumer
"""

_DELETE_STALE_CONSUMERS = """
DELETE FROM consumers
 WHERE seen_at + expire_after * interval '1 microsecond'
         <= coalesce($1::timestamptz, clock_timestamp())
   AND NOT EXISTS (SELECT 1
                     FROM sessions
                    WHERE sessions.subscription = consumers.subscription
                      AND sessions.consumer = consumers.consumer)
RETURNING subscription, consumer
"""


async def remove_stale(wire: Wire, now: datetime | None) -> tuple[Stale, list[FeedKey]]:
    """Remove the sessions and consumers whose time is up; and the feeds that had claims voided."""
    sessions, voided = await _void_claims(wire, await wire.fetch(_DELETE_STALE_SESSIONS, now))
    rows = await wire.fetch(_DELETE_STALE_CONSUMERS, now)
    consumers = tuple(sorted((row["subscription"], row["consumer"]) for row in rows))
    for key in consumers:
        await _unregister(wire, FeedKey(*key))
    return Stale(sessions, consumers), voided


_DELETE_SESSIONS_OF = """
DELETE FROM sessions
 WHERE subscription = $1 AND consumer = $2
RETURNING session, subscription, feed_consumer, consumer
"""

_DELETE_CONSUMER = """
DELETE FROM consumers
 WHERE subscription = $1 AND consumer = $2
RETURNING consumer
"""


async def remove_consumer(
    wire: Wire, now: datetime | None, subscription: str, consumer: str, actor: str | None
) -> list[FeedKey]:
    """Forget the consumer, its sessions, and the feed that it had for itself.

    Returns the feeds that had claims voided.
    """
    key = (subscription, consumer)
    _, voided = await _void_claims(wire, await wire.fetch(_DELETE_SESSIONS_OF, *key))
    was_there = await wire.fetch_one(_DELETE_CONSUMER, *key) is not None
    had_feed = await _unregister(wire, FeedKey(*key))
    if actor is not None and (was_there or had_feed):
        await write_act(wire, now, "unsubscribe", subscription, {"consumer": consumer}, actor)
    return voided


async def _unregister(wire: Wire, key: FeedKey) -> bool:
    """Forget the consumer's feed; whether there was one."""
    if await is_partition(wire, key):
        return False  # the consumer is only called like one
    return await unregister(wire, key) is not None


_LOCK_CURSORS = """
SELECT cursors.id
  FROM cursors
 WHERE (subscription, consumer) IN (SELECT * FROM unnest($1::text[], $2::text[]))
 ORDER BY subscription, consumer
   FOR UPDATE
"""

_LOCK_CLAIMS = """
SELECT cursor_id, stream_offset
  FROM deliveries
 WHERE cursor_id = ANY ($1::bigint[]) AND holder = ANY ($2::text[])
 ORDER BY cursor_id, stream_offset
   FOR UPDATE
"""

_VOID_CLAIMS = """
UPDATE deliveries
   SET failures = failures + 1, token = 0, holder = '', due_at = NULL
  FROM cursors
 WHERE cursors.id = cursor_id
   AND cursor_id = ANY ($1::bigint[])
   AND holder = ANY ($2::text[])
RETURNING cursors.subscription, cursors.consumer
"""

_TOUCH_CURSORS = """
UPDATE cursors
   SET revision = revision + 1
 WHERE id = ANY ($1::bigint[])
"""


async def _void_claims(
    wire: Wire, rows: Sequence[Row]
) -> tuple[tuple[Connection, ...], list[FeedKey]]:
    """End the claims of these sessions, as failures."""
    connections = tuple(
        Connection(
            row["session"],
            FeedKey(row["subscription"], row["feed_consumer"] or None),
            row["consumer"],
        )
        for row in sorted(rows)
    )
    if not connections:
        return (), []
    cursors = [
        row["id"]
        for row in await wire.fetch(
            _LOCK_CURSORS,
            [one.feed.subscription for one in connections],
            [one.feed.consumer or "" for one in connections],
        )
    ]
    sessions = [one.session for one in connections]
    await wire.fetch(_LOCK_CLAIMS, cursors, sessions)
    voided = await wire.fetch(_VOID_CLAIMS, cursors, sessions)
    if voided:
        await wire.fetch(_TOUCH_CURSORS, cursors)
    keys = {FeedKey(row["subscription"], row["consumer"] or None) for row in voided}
    return connections, list(keys)
