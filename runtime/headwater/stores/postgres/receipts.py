"""Read receipts in PostgreSQL, on the database's time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
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

from .database import Database
from .leases import hold_off_retention
from .rows import recorded_event
from .wire import Row, Wire

__all__ = ["PostgresReceipts"]

_CURSOR = """
WITH cursor AS (
  SELECT cursors.id, subscription, consumer, stream, read_to, streams.head,
         events IS NULL AS wants_all,
         ARRAY(SELECT jsonb_array_elements_text(coalesce(events, '[]')::jsonb)) AS names
    FROM cursors JOIN streams ON streams.name = cursors.stream
   WHERE subscription = $1 AND consumer = $2
)
"""
# What of the recipient's events is still to be delivered, and has no receipt.
_PENDING = """
    FROM cursor
         CROSS JOIN LATERAL (SELECT events.*
                               FROM events
                              WHERE events.stream = cursor.stream
                                AND events.stream_offset > cursor.read_to
                                AND events.stream_offset <= cursor.head
                              UNION ALL
                             SELECT events.*
                               FROM deliveries JOIN events
                                    ON events.stream = cursor.stream
                                   AND events.stream_offset = deliveries.stream_offset
                              WHERE deliveries.cursor_id = cursor.id
                                AND deliveries.stream_offset <= cursor.read_to) AS event
   WHERE (cursor.wants_all OR event.name = ANY (cursor.names))
     AND NOT EXISTS (SELECT 1
                       FROM read_receipts
                      WHERE read_receipts.subscription = cursor.subscription
                        AND read_receipts.consumer = cursor.consumer
                        AND read_receipts.stream_offset = event.stream_offset)
"""

_SELECT_CURSOR = """
SELECT id, stream
  FROM cursors
 WHERE subscription = $1 AND consumer = $2
"""


async def _require_cursor(wire: Wire, key: FeedKey, *, locked: bool = False) -> str:
    """The recipient's stream.

    Raises:
        UnknownSubscriptionError: There is no such recipient.
    """
    statement = _SELECT_CURSOR + (" FOR UPDATE" if locked else "")
    row = await wire.fetch_one(statement, key.subscription, key.consumer or "")
    if row is None:
        raise UnknownSubscriptionError("the store", feed_name(key))
    return str(row["stream"])


_MARK = """
UPDATE read_receipts
   SET state = 'read', read_at = coalesce($3::timestamptz, clock_timestamp()), due_at = NULL
 WHERE subscription = $1
   AND consumer = $2
   AND state = 'delivered'
   AND ($4::bigint[] IS NULL OR stream_offset = ANY ($4))
   AND ($5::bigint IS NULL OR stream_offset <= $5)
RETURNING stream_offset
"""

_MARK_PENDING = (
    _CURSOR
    + """
INSERT INTO read_receipts (subscription, consumer, stream, stream_offset, event_id, state,
                           attempts, delivered_at, read_at, due_at)
SELECT cursor.subscription, cursor.consumer, cursor.stream, event.stream_offset, event.id, 'read',
       0, NULL, coalesce($3::timestamptz, clock_timestamp()), NULL
"""
    + _PENDING
    + """
     AND ($4::bigint[] IS NULL OR event.stream_offset = ANY ($4))
     AND ($5::bigint IS NULL OR event.stream_offset <= $5)
   ORDER BY event.stream_offset
      ON CONFLICT (subscription, consumer, stream_offset) DO NOTHING
RETURNING stream_offset
"""
)

_SELECT_READ = """
SELECT stream_offset
  FROM read_receipts
 WHERE subscription = $1
   AND consumer = $2
   AND stream_offset = ANY ($3::bigint[])
   AND state = 'read'
 ORDER BY stream_offset
"""


# What is still to be delivered comes first: a delivery that is acknowledged at the same time is
# either not there yet, and finds the receipt, or has left one for the second statement. Nobody else
# can come between, who has not the cursor.
_MARKS = (_MARK_PENDING, _MARK)


async def find_read(wire: Wire, key: FeedKey, offsets: Collection[int]) -> frozenset[int]:
    """Which of these the recipient has read."""
    rows = await wire.fetch(_SELECT_READ, key.subscription, key.consumer or "", list(offsets))
    return frozenset(row["stream_offset"] for row in rows)


async def mark_read(
    wire: Wire, now: datetime | None, key: FeedKey, offsets: Collection[int]
) -> frozenset[int]:
    """Have the recipient read these; returns those that it has read now."""
    await _require_cursor(wire, key, locked=True)
    ours = (key.subscription, key.consumer or "")
    for statement in _MARKS:
        await wire.fetch(statement, *ours, now, list(offsets), None)
    return await find_read(wire, key, offsets)


async def mark_all_read(wire: Wire, now: datetime | None, key: FeedKey, through: int | None) -> int:
    """Have the recipient read all up to that offset; how many were unread."""
    await _require_cursor(wire, key, locked=True)
    ours = (key.subscription, key.consumer or "")
    marked = [len(await wire.fetch(statement, *ours, now, None, through)) for statement in _MARKS]
    return sum(marked)


# As whoever marks events as read does, it locks cursors before receipts.
_LOCK_LATE = """
SELECT cursors.consumer
  FROM cursors
 WHERE subscription = $2
   AND consumer IN (SELECT consumer
                      FROM (SELECT consumer
                              FROM read_receipts
                             WHERE subscription = $2
                               AND due_at <= coalesce($1::timestamptz, clock_timestamp())
                             ORDER BY due_at, consumer, stream_offset
                             LIMIT $3) AS late)
 ORDER BY subscription, consumer
   FOR UPDATE
"""

_SELECT_DUE = """
SELECT consumer, stream, stream_offset, attempts
  FROM read_receipts
 WHERE subscription = $2
   AND due_at <= coalesce($1::timestamptz, clock_timestamp())
   AND consumer = ANY ($3::text[])
 ORDER BY due_at, consumer, stream_offset
 LIMIT $4
   FOR UPDATE
"""

_REQUEUE = """
WITH gone AS (
  DELETE FROM read_receipts
   USING unnest($2::text[], $3::bigint[]) AS given (consumer, stream_offset)
   WHERE read_receipts.subscription = $1
     AND read_receipts.consumer = given.consumer
     AND read_receipts.stream_offset = given.stream_offset
  RETURNING read_receipts.consumer, read_receipts.stream, read_receipts.stream_offset,
            read_receipts.attempts
),
back AS (
  INSERT INTO deliveries (cursor_id, stream_offset, workflow_id, failures, token, holder, due_at,
                          held)
  SELECT cursors.id, gone.stream_offset, events.workflow_id, gone.attempts, 0, '', NULL, false
    FROM gone
         JOIN cursors ON cursors.subscription = $1 AND cursors.consumer = gone.consumer
         JOIN events ON events.stream = gone.stream
                    AND events.stream_offset = gone.stream_offset
   ORDER BY cursors.id, gone.stream_offset
  RETURNING cursor_id
)
UPDATE cursors
   SET revision = revision + 1
 WHERE id IN (SELECT cursor_id FROM back)
"""

_SET_ASIDE = """
WITH late AS (
  UPDATE read_receipts
     SET state = 'dead-lettered', due_at = NULL
    FROM unnest($4::text[], $5::bigint[]) AS given (consumer, stream_offset)
   WHERE read_receipts.subscription = $2
     AND read_receipts.consumer = given.consumer
     AND read_receipts.stream_offset = given.stream_offset
  RETURNING read_receipts.consumer, read_receipts.stream, read_receipts.stream_offset,
            read_receipts.attempts
)
INSERT INTO dead_letters (subscription, consumer, stream, stream_offset, id, name, version,
                          workflow, workflow_id, workflow_version, recorded_at, data, metadata,
                          error, attempts, set_aside_at, behind, unread)
SELECT $2, late.consumer, events.stream, events.stream_offset, id, name, version, workflow,
       workflow_id, workflow_version, recorded_at, data, metadata, $3, late.attempts,
       coalesce($1::timestamptz, clock_timestamp()), false, true
  FROM late JOIN events ON events.stream = late.stream
                       AND events.stream_offset = late.stream_offset
 ORDER BY late.consumer, late.stream_offset
"""

_DROP = """
UPDATE read_receipts
   SET state = 'dropped', due_at = NULL
  FROM unnest($2::text[], $3::bigint[]) AS given (consumer, stream_offset)
 WHERE read_receipts.subscription = $1
   AND read_receipts.consumer = given.consumer
   AND read_receipts.stream_offset = given.stream_offset
"""

_SELECT_NEXT_DUE = """
SELECT extract(epoch FROM min(due_at) - coalesce($1::timestamptz, clock_timestamp()))::float8
       AS seconds
  FROM read_receipts
 WHERE subscription = $2 AND due_at IS NOT NULL
"""


async def expire_unread(
    wire: Wire, now: datetime | None, subscription: str, policy: UnreadPolicy, limit: int
) -> tuple[Expired, list[FeedKey]]:
    """Do what the policy says with what was not read in time; the feeds that have some again, too.

    Retention waits meanwhile, so that the events are there.
    """
    if policy.then is not UnreadThen.DROP:
        await hold_off_retention(wire)
    recipients = [row["consumer"] for row in await wire.fetch(_LOCK_LATE, now, subscription, limit)]
    due = await wire.fetch(_SELECT_DUE, now, subscription, recipients, limit)
    late = [_late(row, policy) for row in due]
    by_then = {then: [one for one in late if one.then is then] for then in UnreadThen}
    if back := by_then[UnreadThen.REQUEUE]:
        await wire.fetch(_REQUEUE, subscription, *_places(back))
    if aside := by_then[UnreadThen.DEAD_LETTER]:
        await wire.fetch(_SET_ASIDE, now, subscription, policy.reason, *_places(aside))
    if dropped := by_then[UnreadThen.DROP]:
        await wire.fetch(_DROP, subscription, *_places(dropped))
    row = await wire.fetch_one(_SELECT_NEXT_DUE, now, subscription)
    seconds = None if row is None or row["seconds"] is None else max(0.0, row["seconds"])
    keys = [FeedKey(subscription, one) for one in sorted({one.consumer for one in back})]
    return Expired(tuple(late), seconds), keys


def _late(row: Row, policy: UnreadPolicy) -> Late:
    then, attempts = policy.then, row["attempts"]
    if then is UnreadThen.REQUEUE and attempts >= policy.attempts:
        then = UnreadThen.DEAD_LETTER
    return Late(row["consumer"], row["stream_offset"], attempts, then)


def _places(late: Sequence[Late]) -> tuple[list[str], list[int]]:
    return [one.consumer for one in late], [one.offset for one in late]


_FIND = (
    _CURSOR
    + """
SELECT stream_offset
  FROM read_receipts
 WHERE subscription = $1 AND consumer = $2 AND event_id = $3
 UNION ALL
SELECT event.stream_offset
"""
    + _PENDING
    + """
     AND event.id = $3
 UNION ALL
SELECT stream_offset
  FROM dead_letters
 WHERE subscription = $1 AND consumer = $2 AND id = $3
 LIMIT 1
"""
)


async def find_offset(wire: Wire, key: FeedKey, event: UUID) -> int | None:
    """Where the event with that id is, if it is the recipient's."""
    await _require_cursor(wire, key)
    row = await wire.fetch_one(_FIND, key.subscription, key.consumer or "", event)
    return None if row is None else int(row["stream_offset"])


_OPEN = """
    FROM read_receipts
         JOIN streams ON streams.name = read_receipts.stream
   WHERE subscription = $1
     AND consumer = $2
     AND state = 'delivered'
     AND read_receipts.stream_offset >= streams.first_offset
"""

_COUNT = (
    _CURSOR + "SELECT (SELECT count(*)" + _OPEN + ") + (SELECT count(*)" + _PENDING + ") AS count"
)


async def count_unread(wire: Wire, key: FeedKey) -> int:
    """How many events the recipient has not read."""
    await _require_cursor(wire, key)
    row = await wire.fetch_one(_COUNT, key.subscription, key.consumer or "")
    return 0 if row is None else int(row["count"])


_LIST = (
    _CURSOR
    + """
SELECT events.stream, events.stream_offset, events.id, events.name, events.version,
       events.workflow, events.workflow_id, events.workflow_version, events.recorded_at,
       events.data, events.metadata, found.delivered_at
  FROM (SELECT read_receipts.stream, read_receipts.stream_offset, delivered_at
"""
    + _OPEN
    + """
           AND read_receipts.stream_offset > $3
         UNION ALL
        SELECT event.stream, event.stream_offset, NULL
"""
    + _PENDING
    + """
           AND event.stream_offset > $3
         ORDER BY stream_offset
         LIMIT $4) AS found
       JOIN events ON events.stream = found.stream AND events.stream_offset = found.stream_offset
 ORDER BY events.stream_offset
"""
)


async def read_unread(wire: Wire, key: FeedKey, after: int, limit: int) -> list[UnreadEvent]:
    """What the recipient has not read behind that offset."""
    await _require_cursor(wire, key)
    rows = await wire.fetch(_LIST, key.subscription, key.consumer or "", after, limit)
    return [UnreadEvent(recorded_event(row), row["delivered_at"]) for row in rows]


_SELECT_RECEIPTS = """
SELECT consumer, state, delivered_at, read_at
  FROM read_receipts
 WHERE subscription = $1 AND event_id = $2
"""

_IS_PENDING = _CURSOR + "SELECT 1" + _PENDING + " AND event.id = $3 LIMIT 1"

_SELECT_LETTERS = """
SELECT consumer
  FROM dead_letters
 WHERE subscription = $1 AND id = $2
"""

_SELECT_RECIPIENTS = """
SELECT consumer
  FROM cursors
 WHERE subscription = $1 AND consumer <> ''
 ORDER BY consumer
"""


async def read_receipts(wire: Wire, subscription: str, event: UUID) -> list[Receipt]:
    """What has become of the event for each recipient that it is for."""
    noted = {
        row["consumer"]: Receipt(
            row["consumer"], ReceiptState(row["state"]), row["delivered_at"], row["read_at"]
        )
        for row in await wire.fetch(_SELECT_RECEIPTS, subscription, event)
    }
    set_aside = {row["consumer"] for row in await wire.fetch(_SELECT_LETTERS, subscription, event)}
    found = []
    for row in await wire.fetch(_SELECT_RECIPIENTS, subscription):
        consumer = row["consumer"]
        if consumer in noted:
            found.append(noted[consumer])
        elif await wire.fetch_one(_IS_PENDING, subscription, consumer, event) is not None:
            found.append(Receipt(consumer, ReceiptState.WAITING, None, None))
        elif consumer in set_aside:
            found.append(Receipt(consumer, ReceiptState.DEAD_LETTERED, None, None))
    return found


class PostgresReceipts:
    """What a store's recipients have read. `now` is the clock's time where it is not the server's,
    and `woken` is told of feeds that have something again.
    """

    def __init__(
        self,
        database: Database,
        now: Callable[[], datetime | None],
        woken: Callable[[Collection[FeedKey]], None],
    ) -> None:
        self._database = database
        self._now = now
        self._woken = woken

    async def recipients(self, subscription: str) -> list[str]:
        """Their names, sorted."""
        rows = await self._database.fetch(_SELECT_RECIPIENTS, subscription)
        return [row["consumer"] for row in rows]

    async def read_of(self, key: FeedKey, offsets: Collection[int]) -> frozenset[int]:
        """Which of these the recipient has read."""
        return await self._database.read(lambda wire: find_read(wire, key, offsets))

    async def offset_of(self, key: FeedKey, event: UUID) -> int | None:
        """Where the event with that id is, if it is the recipient's."""
        return await self._database.read(lambda wire: find_offset(wire, key, event))

    async def mark_read(self, key: FeedKey, offsets: Collection[int]) -> frozenset[int]:
        """Have the recipient read these; returns those that it has read now."""
        now = self._now()
        return await self._database.transaction(lambda wire: mark_read(wire, now, key, offsets))

    async def mark_all_read(self, key: FeedKey, through: int | None) -> int:
        """Have the recipient read all up to that offset; how many were unread."""
        now = self._now()
        return await self._database.transaction(lambda wire: mark_all_read(wire, now, key, through))

    async def unread_count(self, key: FeedKey) -> int:
        """How many events the recipient has not read."""
        return await self._database.read(lambda wire: count_unread(wire, key))

    async def unread(self, key: FeedKey, after: int, limit: int) -> list[UnreadEvent]:
        """Those behind that offset, in order."""
        return await self._database.read(lambda wire: read_unread(wire, key, after, limit))

    async def receipts(self, subscription: str, event: UUID) -> list[Receipt]:
        """What has become of the event for each recipient that it is for."""
        return await self._database.read(lambda wire: read_receipts(wire, subscription, event))

    async def expire_unread(self, subscription: str, policy: UnreadPolicy, limit: int) -> Expired:
        """Do what the policy says with what was not read in time."""
        now = self._now()
        expired, keys = await self._database.transaction(
            lambda wire: expire_unread(wire, now, subscription, policy, limit)
        )
        self._woken(keys)
        return expired
