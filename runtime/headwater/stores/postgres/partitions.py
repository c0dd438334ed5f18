"""How far a group's partitions have come."""

from __future__ import annotations

from datetime import datetime

from headwater.errors import UnknownSubscriptionError
from headwater.stores.contract import FeedStatistics
from headwater.stores.groups import PARTITIONS, Partition
from headwater.stores.retention import gap_between

from .wire import Wire

__all__ = ["read_partition_feeds", "read_partitions"]

_SELECT_PROGRESS = """
SELECT cursors.owner_epoch, sessions.session, sessions.consumer,
       coalesce(waiting.first - 1, cursors.read_to) AS position, waiting.unsettled
  FROM cursors
       CROSS JOIN LATERAL (SELECT count(*) AS unsettled, min(stream_offset) AS first
                             FROM deliveries
                            WHERE cursor_id = cursors.id) AS waiting
       LEFT JOIN sessions ON sessions.session = cursors.owner
                         AND sessions.subscription = cursors.subscription
                         AND sessions.feed_consumer = ''
                         AND sessions.expires_at > coalesce($2::timestamptz, clock_timestamp())
 WHERE cursors.subscription = $1 AND cursors.consumer ~ '^partition-[0-6][0-9]$'
 ORDER BY cursors.consumer
"""


async def read_partitions(wire: Wire, subscription: str, now: datetime | None) -> list[Partition]:
    """How far each partition of the group has come.

    Raises:
        UnknownSubscriptionError: There is no such group.
    """
    rows = await wire.fetch(_SELECT_PROGRESS, subscription, now)
    if len(rows) != PARTITIONS:
        raise UnknownSubscriptionError("the store", subscription)
    return [
        Partition(
            partition=number,
            owner=row["session"],
            consumer=row["consumer"],
            epoch=row["owner_epoch"],
            position=row["position"],
            unsettled=row["unsettled"],
        )
        for number, row in enumerate(rows)
    ]


# Reads each event ahead once: the first byte of its workflow id's SHA-256 tells the partition.
_SELECT_FEEDS = """
WITH places AS MATERIALIZED (
  SELECT id, consumer, stream, events, read_to, skipped, truncated,
         truncated_from, truncated_to,
         right(consumer, 2)::integer AS partition
    FROM cursors
   WHERE subscription = $1 AND consumer ~ '^partition-[0-6][0-9]$'
),
counted AS MATERIALIZED (
  SELECT places.partition, count(*) AS events, min(ahead.stream_offset) AS first
    FROM (SELECT get_byte(sha256(convert_to(workflow_id, 'UTF8')), 0) % 64 AS partition,
                 stream_offset
            FROM events
           WHERE stream = (SELECT stream FROM places LIMIT 1)
             AND stream_offset > (SELECT min(read_to) FROM places)
             AND stream_offset <= (SELECT head
                                     FROM streams
                                    WHERE name = (SELECT stream FROM places LIMIT 1))
             AND ((SELECT events FROM places LIMIT 1) IS NULL
                  OR name IN (SELECT json_array_elements_text(
                                       (SELECT events FROM places LIMIT 1)::json)))) AS ahead
         JOIN places ON places.partition = ahead.partition
                    AND ahead.stream_offset > places.read_to
   GROUP BY places.partition
)
SELECT places.read_to, streams.head, places.skipped, places.truncated,
       places.truncated_from, places.truncated_to,
       coalesce(counted.events, 0) AS ahead, counted.first AS next_wanted,
       waiting.unsettled, waiting.claimed, waiting.held, waiting.first
  FROM places
       JOIN streams ON streams.name = places.stream
       LEFT JOIN counted ON counted.partition = places.partition
       CROSS JOIN LATERAL (SELECT count(*) AS unsettled,
                                  count(*) FILTER (WHERE token <> 0) AS claimed,
                                  count(*) FILTER (WHERE deliveries.held) AS held,
                                  min(stream_offset) AS first
                             FROM deliveries
                            WHERE cursor_id = places.id) AS waiting
 ORDER BY places.consumer
"""


async def read_partition_feeds(wire: Wire, subscription: str) -> list[FeedStatistics]:
    """How far each partition has come, as if it were a feed.

    Raises:
        UnknownSubscriptionError: There is no such group.
    """
    rows = await wire.fetch(_SELECT_FEEDS, subscription)
    if len(rows) != PARTITIONS:
        raise UnknownSubscriptionError("the store", subscription)
    found = []
    for row in rows:
        next_open = row["first"] if row["first"] is not None else row["next_wanted"]
        found.append(
            FeedStatistics(
                max(row["head"], row["read_to"]) if next_open is None else next_open - 1,
                row["claimed"],
                row["unsettled"] + row["ahead"],
                row["held"],
                row["skipped"],
                row["truncated"],
                gap_between(row["truncated_from"], row["truncated_to"]),
            )
        )
    return found
