"""Handing out events: one statement that finds, marks and returns what is next.

What a feed hands out depends on all that is under way in it, so of several claims at once one has
to see what the other did. Each locks the cursor's row and compares its `revision` with the one that
the statement's snapshot has: if they differ, somebody came between and the statement does nothing;
it is run again. Settlements need no such lock. They only take deliveries away or put them back, and
a row that one of them has is passed over (`SKIP LOCKED`) or found changed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from headwater.errors import CursorMismatchError, UnknownSubscriptionError
from headwater.stores.contract import Claim, Claims, Feed, FeedKey
from headwater.stores.guards import feed_name
from headwater.stores.letters import BEHIND
from headwater.stores.retention import Gap
from headwater.stores.window import WINDOW
from headwater.streams import AfterDeadLetter

from .database import Database, pause
from .rows import recorded_event
from .wire import Row, Wire

__all__ = ["CURSOR_FORMAT", "claim", "require_fitting_cursor", "require_fitting_row"]

CURSOR_FORMAT = 1
FIRST_SCAN, LONGEST_SCAN = 50, 1000  # events to look at in one statement
OPTIMISTIC_TRIES = 4  # before the cursor's row is locked in a statement of its own

CLAIM = """
WITH
moment AS MATERIALIZED (
  SELECT coalesce($1::timestamptz, clock_timestamp()) AS now
   WHERE set_config('synchronous_commit', 'off', true) IS NOT NULL
),
seen AS MATERIALIZED (
  SELECT cursors.*, streams.head,
         cursors.format = $10 AND cursors.epoch = streams.epoch
           AND (cursors.event_id IS NULL
                OR cursors.read_to <= streams.head
                   AND coalesce((SELECT events.id = cursors.event_id
                                   FROM events
                                  WHERE events.stream = cursors.stream
                                    AND events.stream_offset = cursors.read_to), true)) AS fits,
         $12 AND EXISTS (SELECT 1
                           FROM dead_letters
                          WHERE dead_letters.subscription = cursors.subscription
                            AND dead_letters.consumer = cursors.consumer
                            AND NOT dead_letters.unread) AS has_letters
    FROM cursors JOIN streams ON streams.name = cursors.stream
   WHERE subscription = $2 AND consumer = $3
),
wanted AS MATERIALIZED (
  SELECT seen.*, moment.now,
         ARRAY(SELECT json_array_elements_text(seen.events::json)) AS names
    FROM seen CROSS JOIN moment
   WHERE seen.fits
     AND seen.truncated_to IS NULL
     AND NOT EXISTS (SELECT 1 FROM pauses WHERE pauses.subscription = seen.subscription)
     AND (seen.read_to < seen.head
          OR EXISTS (SELECT 1
                       FROM deliveries
                      WHERE cursor_id = seen.id
                        AND (due_at <= moment.now
                             OR token = 0 AND (due_at IS NULL OR seen.has_letters))))
),
locked AS MATERIALIZED (
  SELECT id, revision
    FROM cursors
   WHERE id = (SELECT id FROM wanted)
     FOR UPDATE
),
fresh AS MATERIALIZED (
  SELECT wanted.*
    FROM wanted JOIN locked USING (id, revision)
),
delivery AS MATERIALIZED (
  SELECT deliveries.stream_offset, deliveries.workflow_id, deliveries.token, deliveries.holder,
         deliveries.failures + (deliveries.token <> 0 AND deliveries.due_at <= fresh.now)::int
           AS failures,
         deliveries.token <> 0 AND deliveries.due_at > fresh.now AS is_claimed,
         deliveries.token = 0 AND coalesce(deliveries.due_at > fresh.now, false) AS is_waiting,
         deliveries.token <> 0 AND deliveries.due_at <= fresh.now AS is_expired,
         fresh.has_letters
           AND (deliveries.token = 0 OR deliveries.due_at <= fresh.now)
           AND EXISTS (SELECT 1
                         FROM dead_letters
                        WHERE dead_letters.subscription = fresh.subscription
                          AND dead_letters.consumer = fresh.consumer
                          AND dead_letters.workflow_id = deliveries.workflow_id
                          AND dead_letters.stream_offset < deliveries.stream_offset
                          AND NOT dead_letters.unread) AS is_behind
    FROM fresh JOIN deliveries ON deliveries.cursor_id = fresh.id
),
room AS MATERIALIZED (
  SELECT greatest(0, least($5::bigint, $6::bigint - count(*) FILTER (WHERE is_claimed
                                                                       AND holder = $4)))
           AS claims,
         greatest(0, $9::bigint - count(*) FILTER (WHERE NOT is_behind)) AS entries
    FROM delivery
),
ahead AS MATERIALIZED (
  SELECT found.*,
         fresh.has_letters
           AND EXISTS (SELECT 1
                         FROM dead_letters
                        WHERE dead_letters.subscription = fresh.subscription
                          AND dead_letters.consumer = fresh.consumer
                          AND dead_letters.workflow_id = found.workflow_id
                          AND dead_letters.stream_offset < found.stream_offset
                          AND NOT dead_letters.unread) AS is_behind
    FROM fresh CROSS JOIN room
         CROSS JOIN LATERAL (SELECT events.stream_offset, events.workflow_id
                               FROM events
                              WHERE events.stream = fresh.stream
                                AND events.stream_offset > fresh.read_to
                                AND events.stream_offset <= least(fresh.head, fresh.read_to + $8)
                                AND (fresh.events IS NULL OR events.name = ANY (fresh.names))
                              ORDER BY events.stream_offset
                              LIMIT room.entries) AS found
   WHERE room.claims > 0
),
entry AS MATERIALIZED (
  SELECT each.*, row_number() OVER (PARTITION BY lane ORDER BY stream_offset) AS place,
         bool_or(is_claimed) OVER (PARTITION BY lane) AS is_busy,
         bool_or(is_waiting) OVER (PARTITION BY lane ORDER BY stream_offset) AS has_to_wait
    FROM (SELECT stream_offset, failures, token, is_claimed, is_waiting, is_expired,
                 false AS is_new,
                 CASE WHEN fresh.sequence = 'workflow' THEN delivery.workflow_id END AS lane
            FROM delivery CROSS JOIN fresh
           WHERE NOT delivery.is_behind
           UNION ALL
          SELECT stream_offset, 0, 0, false, false, false,
                 true,
                 CASE WHEN fresh.sequence = 'workflow' THEN ahead.workflow_id END
            FROM ahead CROSS JOIN fresh
           WHERE NOT ahead.is_behind) AS each
),
picked AS MATERIALIZED (
  SELECT stream_offset, lane, is_new, row_number() OVER (ORDER BY stream_offset) AS number
    FROM entry
   WHERE place <= $11 AND NOT is_busy AND NOT has_to_wait
   ORDER BY stream_offset
   LIMIT (SELECT claims FROM room)
),
reached AS MATERIALIZED (
  SELECT CASE
           WHEN room.claims = 0 THEN fresh.read_to
           WHEN (SELECT count(*) FROM picked) >= room.claims
             THEN greatest(fresh.read_to, (SELECT max(stream_offset) FROM picked WHERE is_new))
           WHEN (SELECT count(*) FROM ahead) >= room.entries
             THEN greatest(fresh.read_to, (SELECT max(stream_offset) FROM ahead))
           ELSE least(fresh.head, fresh.read_to + $8)
         END AS read_to
    FROM fresh CROSS JOIN room
),
changed AS MATERIALIZED (
  SELECT asked.*
    FROM (SELECT entry.stream_offset, entry.failures, entry.token, picked.number
            FROM entry LEFT JOIN picked USING (stream_offset)
           WHERE NOT entry.is_new AND (entry.is_expired OR picked.number IS NOT NULL)
           ORDER BY stream_offset) AS asked
         CROSS JOIN LATERAL (SELECT 1
                               FROM deliveries
                              WHERE cursor_id = (SELECT id FROM fresh)
                                AND deliveries.stream_offset = asked.stream_offset
                                AND deliveries.token = asked.token
                              LIMIT 1
                                FOR UPDATE SKIP LOCKED) AS found
),
-- Of a lane of which somebody has an event right now, none that comes after it is given.
passed_over AS MATERIALIZED (
  SELECT coalesce(lane, '') AS lane, min(stream_offset) AS first
    FROM picked
   WHERE NOT is_new AND stream_offset NOT IN (SELECT stream_offset FROM changed)
   GROUP BY lane
),
given AS MATERIALIZED (
  SELECT stream_offset, number
    FROM picked
   WHERE NOT EXISTS (SELECT 1
                       FROM passed_over
                      WHERE passed_over.lane = coalesce(picked.lane, '')
                        AND passed_over.first <= picked.stream_offset)
),
aside AS MATERIALIZED (
  SELECT asked.*
    FROM (SELECT stream_offset, token, failures
            FROM delivery
           WHERE is_behind AND (SELECT claims FROM room) > 0
           ORDER BY stream_offset) AS asked
         CROSS JOIN LATERAL (SELECT 1
                               FROM deliveries
                              WHERE cursor_id = (SELECT id FROM fresh)
                                AND deliveries.stream_offset = asked.stream_offset
                                AND deliveries.token = asked.token
                              LIMIT 1
                                FOR UPDATE SKIP LOCKED) AS found
),
settled AS (
  DELETE FROM deliveries
   USING aside, fresh
   WHERE deliveries.cursor_id = fresh.id
     AND deliveries.stream_offset = aside.stream_offset
),
new_letter AS (
  INSERT INTO dead_letters (subscription, consumer, stream, stream_offset, id, name, version,
                            workflow, workflow_id, workflow_version, recorded_at, data, metadata,
                            error, attempts, set_aside_at, behind, unread)
  SELECT fresh.subscription, fresh.consumer, events.stream, events.stream_offset, events.id,
         events.name, events.version, events.workflow, events.workflow_id,
         events.workflow_version, events.recorded_at, events.data, events.metadata,
         $13, asked.failures, fresh.now, true, false
    FROM (SELECT stream_offset, failures
            FROM aside
           UNION ALL
          SELECT stream_offset, 0
            FROM ahead
           WHERE is_behind AND stream_offset <= (SELECT read_to FROM reached)) AS asked
         CROSS JOIN fresh
         JOIN events ON events.stream = fresh.stream
                    AND events.stream_offset = asked.stream_offset
   WHERE NOT EXISTS (SELECT 1
                       FROM dead_letters
                      WHERE dead_letters.subscription = fresh.subscription
                        AND dead_letters.consumer = fresh.consumer
                        AND dead_letters.workflow_id = events.workflow_id
                        AND dead_letters.stream_offset = events.stream_offset)
   ORDER BY asked.stream_offset
),
updated AS (
  UPDATE deliveries
     SET failures = changed.failures,
         token = CASE WHEN given.number IS NULL THEN 0 ELSE fresh.last_token + given.number END,
         holder = CASE WHEN given.number IS NULL THEN '' ELSE $4 END,
         due_at = CASE WHEN given.number IS NOT NULL THEN fresh.now + $7::interval END
    FROM changed LEFT JOIN given USING (stream_offset) CROSS JOIN fresh
   WHERE deliveries.cursor_id = fresh.id
     AND deliveries.stream_offset = changed.stream_offset
  RETURNING deliveries.stream_offset, deliveries.token, deliveries.failures
),
added AS (
  INSERT INTO deliveries (cursor_id, stream_offset, workflow_id, failures, token, holder, due_at,
                          held)
  SELECT fresh.id, ahead.stream_offset, ahead.workflow_id, 0,
         CASE WHEN number IS NULL THEN 0 ELSE fresh.last_token + number END,
         CASE WHEN number IS NULL THEN '' ELSE $4 END,
         CASE WHEN number IS NOT NULL THEN fresh.now + $7::interval END,
         false
    FROM ahead CROSS JOIN fresh LEFT JOIN given USING (stream_offset)
   WHERE ahead.stream_offset <= (SELECT read_to FROM reached) AND NOT ahead.is_behind
  RETURNING stream_offset, token, failures
),
moved AS (
  UPDATE cursors
     SET read_to = reached.read_to,
         event_id = CASE WHEN reached.read_to = fresh.read_to THEN cursors.event_id
                         ELSE (SELECT events.id
                                 FROM events
                                WHERE events.stream = fresh.stream
                                  AND events.stream_offset = reached.read_to) END,
         revision = cursors.revision + 1,
         last_token = cursors.last_token + (SELECT count(*) FROM picked)
    FROM fresh CROSS JOIN reached
   WHERE cursors.id = fresh.id
     AND (reached.read_to <> fresh.read_to
          OR EXISTS (SELECT 1 FROM picked)
          OR EXISTS (SELECT 1 FROM changed)
          OR EXISTS (SELECT 1 FROM aside))
),
taken AS MATERIALIZED (
  SELECT * FROM updated WHERE token <> 0
   UNION ALL
  SELECT * FROM added WHERE token <> 0
),
summary AS MATERIALIZED (
  SELECT seen.fits,
         CASE WHEN NOT EXISTS (SELECT 1 FROM pauses WHERE pauses.subscription = seen.subscription)
              THEN seen.truncated_from END AS truncated_from,
         seen.truncated_to,
         EXISTS (SELECT 1 FROM wanted) AND NOT EXISTS (SELECT 1 FROM fresh) AS is_stale,
         extract(epoch FROM least((SELECT min(due_at)
                                     FROM deliveries
                                    WHERE cursor_id = seen.id AND due_at > moment.now),
                                  CASE WHEN EXISTS (SELECT 1 FROM taken)
                                       THEN moment.now + $7::interval END)
                            - moment.now)::float8 AS next_due,
         coalesce((SELECT reached.read_to < seen.head AND room.claims > 0 AND room.entries > 0
                     FROM reached CROSS JOIN room), false)
           OR EXISTS (SELECT 1 FROM aside) AS is_cut_short
    FROM seen CROSS JOIN moment
)
SELECT events.stream, events.stream_offset, events.id, events.name, events.version,
       events.workflow, events.workflow_id, events.workflow_version, events.recorded_at,
       events.data, events.metadata,
       taken.token, taken.failures, summary.fits, summary.is_stale, summary.next_due,
       summary.is_cut_short, summary.truncated_from, summary.truncated_to
  FROM summary
       LEFT JOIN (taken CROSS JOIN fresh) ON true
       LEFT JOIN events ON events.stream = fresh.stream
                       AND events.stream_offset = taken.stream_offset
 ORDER BY taken.stream_offset
"""

LOCK_CURSOR = """
SELECT id
  FROM cursors
 WHERE subscription = $1 AND consumer = $2
   FOR UPDATE
"""


async def claim(
    database: Database, feed: Feed, holder: str, limit: int, now: datetime | None
) -> Claims:
    """Hand out up to `limit` events of the feed. With `None` the time is the database's.

    Raises:
        UnknownSubscriptionError: There is no such feed.
        CursorMismatchError: Its cursor was written for another stream.
        StoreUnavailableError: Nothing was handed out.
        OutcomeUnknownError: What was handed out, if anything, is void after its time.
    """
    scan = max(FIRST_SCAN, limit)
    stale = 0
    while True:
        arguments = (
            now,
            feed.key.subscription,
            feed.key.consumer or "",
            holder,
            limit,
            feed.in_flight,
            timedelta(seconds=feed.ack_timeout),
            scan,
            WINDOW,
            CURSOR_FORMAT,
            feed.run,
            feed.after_dead_letter is AfterDeadLetter.WAIT,
            BEHIND,
        )
        if stale < OPTIMISTIC_TRIES:
            rows = await database.write_now(CLAIM, *arguments)
        else:
            rows = await database.transaction_now(partial(_claim_in_turn, arguments))
        if not rows:
            raise UnknownSubscriptionError("the store", feed_name(feed.key))
        summary = rows[0]
        if not summary["fits"]:
            await database.read_now(lambda wire: require_fitting_cursor(wire, feed.key))
        elif summary["truncated_from"] is not None:
            return Claims((), None, Gap(summary["truncated_from"], summary["truncated_to"]))
        elif summary["is_stale"]:
            stale += 1
            await asyncio.sleep(pause(1))
        elif summary["token"] is None and summary["is_cut_short"]:
            scan = min(scan * 5, LONGEST_SCAN)
        else:
            return Claims(tuple(_claims(feed.key, rows)), summary["next_due"])


async def _claim_in_turn(arguments: tuple[Any, ...], wire: Wire) -> list[Row]:
    """Wait for the others first: nobody can come between then."""
    await wire.fetch(LOCK_CURSOR, *arguments[1:3])
    return await wire.fetch(CLAIM, *arguments)


def _claims(key: FeedKey, rows: Sequence[Row]) -> Iterator[Claim]:
    for row in rows:
        if row["token"] is not None:
            yield Claim(key, recorded_event(row), row["failures"] + 1, row["token"])


_SELECT_CURSOR = """
SELECT cursors.stream, cursors.format, cursors.epoch, cursors.read_to, cursors.event_id,
       streams.epoch AS stream_epoch, streams.head,
       (SELECT events.id
          FROM events
         WHERE events.stream = cursors.stream
           AND events.stream_offset = cursors.read_to) AS found
  FROM cursors JOIN streams ON streams.name = cursors.stream
 WHERE subscription = $1 AND consumer = $2
"""


async def require_fitting_cursor(wire: Wire, key: FeedKey) -> None:
    """Look whether the cursor belongs to the stream that is there.

    Raises:
        CursorMismatchError: It was written for another one.
    """
    row = await wire.fetch_one(_SELECT_CURSOR, key.subscription, key.consumer or "")
    if row is not None:
        require_fitting_row(key, row)


def require_fitting_row(key: FeedKey, row: Row) -> None:
    """The same, of a row with a cursor's columns and those of its stream.

    Raises:
        CursorMismatchError: It was written for another one.
    """
    reason = None
    if row["format"] != CURSOR_FORMAT:
        reason = f"it has format {row['format']}, and {CURSOR_FORMAT} is known here"
    elif row["epoch"] != row["stream_epoch"]:
        reason = (
            f"it was written in epoch {row['epoch']} of the stream, which was made anew since: "
            f"it is in epoch {row['stream_epoch']}"
        )
    elif row["event_id"] is not None:  # it has read something, and not only waits further up
        if row["read_to"] > row["head"]:
            reason = f"it stands at {row['read_to']}, and the stream ends at {row['head']}"
        elif row["found"] is not None and row["found"] != row["event_id"]:
            reason = f"event {row['read_to']} was {row['event_id']} when it was read"
    if reason is not None:
        raise CursorMismatchError(feed_name(key), row["stream"], reason)
