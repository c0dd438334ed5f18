"""How far a group's partitions have come; read on any connection."""

from __future__ import annotations

import sqlite3

from headwater.errors import UnknownSubscriptionError
from headwater.stores.contract import FeedStatistics
from headwater.stores.groups import PARTITIONS, Partition, partition_of
from headwater.stores.retention import gap_between

__all__ = ["read_partition_feeds", "read_partitions"]

_SELECT_PROGRESS = """
SELECT cursors.owner_epoch, sessions.session, sessions.consumer,
       coalesce((SELECT min(stream_offset) - 1 FROM deliveries WHERE cursor_id = cursors.id),
                read_to),
       (SELECT count(*) FROM deliveries WHERE cursor_id = cursors.id)
  FROM cursors LEFT JOIN sessions ON sessions.session = cursors.owner
                                 AND sessions.subscription = cursors.subscription
                                 AND sessions.feed_consumer = ''
                                 AND sessions.expires_at > ?
 WHERE cursors.subscription = ? AND cursors.consumer GLOB 'partition-[0-6][0-9]'
 ORDER BY cursors.consumer
"""


def read_partitions(connection: sqlite3.Connection, subscription: str, now: int) -> list[Partition]:
    """How far each partition of the group has come."""
    rows = connection.execute(_SELECT_PROGRESS, (now, subscription)).fetchall()
    if len(rows) != PARTITIONS:
        raise UnknownSubscriptionError("the store", subscription)
    return [
        Partition(
            partition=number,
            owner=owner,
            consumer=consumer,
            epoch=epoch,
            position=position,
            unsettled=unsettled,
        )
        for number, (epoch, owner, consumer, position, unsettled) in enumerate(rows)
    ]


# Reads each event ahead once: nothing in the table tells which partition it is in.
_SELECT_FEEDS = """
WITH places AS MATERIALIZED (
  SELECT id, consumer, stream, events, read_to, skipped, truncated,
         truncated_from, truncated_to,
         CAST(substr(consumer, -2) AS INTEGER) AS partition
    FROM cursors
   WHERE subscription = ? AND consumer GLOB 'partition-[0-6][0-9]'
),
read AS MATERIALIZED (
  SELECT stream, events, min(read_to) AS least
    FROM places
),
ahead AS MATERIALIZED (
  SELECT partition_of(workflow_id) AS partition, stream_offset
    FROM read CROSS JOIN events ON events.stream = read.stream
   WHERE stream_offset > least
     AND (read.events IS NULL OR name IN (SELECT value FROM json_each(read.events)))
),
counted AS MATERIALIZED (
  SELECT places.partition, count(*) AS events, min(stream_offset) AS first
    FROM ahead JOIN places ON places.partition = ahead.partition
   WHERE stream_offset > read_to
   GROUP BY places.partition
)
SELECT read_to, head, skipped, truncated, truncated_from, truncated_to,
       coalesce(counted.events, 0), counted.first,
       (SELECT count(*) FROM deliveries WHERE cursor_id = places.id),
       (SELECT count(nullif(token, 0)) FROM deliveries WHERE cursor_id = places.id),
       (SELECT count(nullif(held, 0)) FROM deliveries WHERE cursor_id = places.id),
       (SELECT min(stream_offset) FROM deliveries WHERE cursor_id = places.id)
  FROM places JOIN streams ON streams.name = stream
              LEFT JOIN counted ON counted.partition = places.partition
 ORDER BY consumer
"""


def read_partition_feeds(connection: sqlite3.Connection, subscription: str) -> list[FeedStatistics]:
    """How far each partition has come, as if it were a feed.

    Raises:
        UnknownSubscriptionError: There is no such group.
    """
    connection.create_function("partition_of", 1, partition_of, deterministic=True)
    rows = connection.execute(_SELECT_FEEDS, (subscription,)).fetchall()
    if len(rows) != PARTITIONS:
        raise UnknownSubscriptionError("the store", subscription)
    found = []
    for row in rows:
        read_to, head, skipped, truncated, *ends, ahead, next_wanted = row[:8]
        unsettled, claimed, held, first = row[8:]
        next_open = first if first is not None else next_wanted
        position = max(head, read_to) if next_open is None else next_open - 1
        pending, gap = unsettled + ahead, gap_between(*ends)
        found.append(FeedStatistics(position, claimed, pending, held, skipped, truncated, gap))
    return found
