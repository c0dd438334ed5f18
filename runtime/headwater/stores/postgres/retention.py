"""Old events that go.

The lease is locked before all else, then cursors by id, then the head; so nobody takes the lease
over within a transaction. The head is locked for one update: what takes long (looking for events
that a cursor still wants, adding up sizes, deleting) is done without it, and no append waits.
"""

from __future__ import annotations

from dataclasses import dataclass

from headwater.stores.contract import FeedKey
from headwater.stores.leases import Lease
from headwater.stores.retention import Standing, Swept

from .leases import require_lease
from .wire import Row, Wire, values

__all__ = [
    "KEEP_SIZE",
    "MAY_REMOVE",
    "MEASURE",
    "SELECT_EVENT",
    "SELECT_EXTENT",
    "TELL_GAP",
    "RegisteredMeanwhileError",
    "keep_size",
    "read_standings",
    "sweep",
    "truncate",
]

SELECT_EXTENT = """
SELECT first_offset, head, measured_to, size
  FROM streams
 WHERE name = $1
"""

MEASURE = """
SELECT coalesce(sum(octet_length(data)), 0)::bigint AS size
  FROM events
 WHERE stream = $1 AND stream_offset > $2 AND stream_offset <= $2::bigint + $3::bigint
"""

KEEP_SIZE = """
UPDATE streams
   SET measured_to = $2, size = $3
 WHERE name = $1
"""

# A role without rights, or one that row security lets delete some events only, sees no error: its
# statement deletes nothing.
MAY_REMOVE = """
SELECT has_table_privilege('events', 'DELETE')
   AND (NOT row_security_active('events')
        OR EXISTS (SELECT 1
                     FROM pg_policy
                    WHERE polrelid = 'events'::regclass
                      AND polcmd IN ('d', '*')
                      AND pg_get_expr(polqual, polrelid) = 'true'
                      AND EXISTS (SELECT 1
                                    FROM unnest(polroles) AS role
                                   WHERE role = 0 OR pg_has_role(role, 'USAGE')))) AS may
"""


async def keep_size(wire: Wire, stream: str, measured_to: int, size: int, lease: Lease) -> None:
    """Keep that the events from the first offset to `measured_to` have so many bytes."""
    await require_lease(wire, lease)
    await wire.fetch(KEEP_SIZE, stream, measured_to, size)


# Cursors with what keeps them from having settled everything up to an offset: the first event that
# was taken and is not settled, the first that is wanted and not taken yet, and the first that was
# delivered to a recipient and is not read; of the last, none that was let go already.
_SELECT_CURSORS = """
SELECT cursors.id, cursors.subscription, cursors.consumer, cursors.read_to,
       (SELECT min(stream_offset)
          FROM deliveries
         WHERE cursor_id = cursors.id) AS unsettled,
       (SELECT events.stream_offset
          FROM events
         WHERE events.stream = cursors.stream
           AND events.stream_offset > cursors.read_to
           AND events.stream_offset <= $2
           AND (cursors.events IS NULL
                OR events.name IN (SELECT json_array_elements_text(cursors.events::json)))
         ORDER BY events.stream_offset
         LIMIT 1) AS wanted,
       (SELECT read_receipts.stream_offset
          FROM read_receipts
         WHERE read_receipts.subscription = cursors.subscription
           AND read_receipts.consumer = cursors.consumer
           AND read_receipts.stream_offset >= streams.first_offset
           AND read_receipts.stream_offset <= $2
           AND read_receipts.state = 'delivered'
         ORDER BY read_receipts.stream_offset
         LIMIT 1) AS unread
  FROM cursors JOIN streams ON streams.name = cursors.stream
 WHERE cursors.stream = $1
 ORDER BY cursors.id
"""


@dataclass(frozen=True, slots=True)
class _Cursor:
    id: int
    key: FeedKey
    read_to: int
    unsettled: int | None
    wanted: int | None
    unread: int | None

    def position(self, through: int) -> int:
        """Offset up to which everything is settled, at most `through`."""
        open_ = [one - 1 for one in (self.unsettled, self.wanted, self.unread) if one is not None]
        return min([through, *open_])


def _cursor(row: Row) -> _Cursor:
    key = FeedKey(row["subscription"], row["consumer"] or None)
    return _Cursor(row["id"], key, row["read_to"], row["unsettled"], row["wanted"], row["unread"])


async def read_standings(wire: Wire, stream: str, through: int) -> list[Standing]:
    """The cursors on the stream that have not settled every event up to `through`."""
    cursors = [_cursor(row) for row in await wire.fetch(_SELECT_CURSORS, stream, through)]
    found = [Standing(one.key, one.position(through)) for one in cursors]
    return sorted((one for one in found if one.position < through), key=lambda one: one.position)


class RegisteredMeanwhileError(Exception):
    """A cursor has come that was not looked at; nothing was done yet."""


SELECT_EVENT = """
SELECT stream, stream_offset, id, name, version, workflow, workflow_id, workflow_version,
       recorded_at, data, metadata
  FROM events
 WHERE stream = $1 AND stream_offset = $2
"""

_LOCK_CURSORS = """
SELECT id
  FROM cursors
 WHERE stream = $1 AND read_to < $2
 ORDER BY subscription, consumer
   FOR UPDATE
"""

_LOCK_HEAD = """
SELECT first_offset, head, measured_to, size
  FROM streams
 WHERE name = $1
   FOR UPDATE
"""

_SELECT_NEW_CURSORS = """
SELECT 1
  FROM cursors
 WHERE stream = $1 AND read_to < $2 AND NOT id = ANY ($3::bigint[])
"""

_RAISE_FIRST_OFFSET = """
UPDATE streams
   SET first_offset = $2::bigint, measured_to = greatest(measured_to, $2::bigint - 1), size = $3
 WHERE name = $1
"""

_MOVE_CURSOR = """
UPDATE cursors
   SET read_to = $2::bigint,
       event_id = (SELECT events.id
                     FROM events
                    WHERE events.stream = cursors.stream AND events.stream_offset = $2::bigint),
       revision = revision + 1,
       truncated_from = CASE WHEN $3::bigint IS NULL THEN truncated_from
                        ELSE coalesce(truncated_from, $3::bigint) END,
       truncated_to = CASE WHEN $3::bigint IS NULL THEN truncated_to ELSE $2::bigint END,
       truncated = truncated + coalesce($2::bigint - $3::bigint + 1, 0)
 WHERE id = $1
"""


async def truncate(
    wire: Wire, stream: str, through: int, regardless: int, lease: Lease
) -> tuple[int, list[FeedKey]]:
    """Let the events up to `through` go; the offset of the first one left, and who was moved.

    Raises:
        LeaseLostError: Somebody else has taken the lease; nothing was done.
        RegisteredMeanwhileError: It is to be tried again.
        KeyError: There is no such stream.
    """
    await require_lease(wire, lease)
    known = await wire.fetch_one(SELECT_EXTENT, stream)
    if known is None:
        raise KeyError(stream)
    first, through = known["first_offset"], min(through, known["head"])
    locked = values(await wire.fetch(_LOCK_CURSORS, stream, through))
    cursors = [_cursor(row) for row in await wire.fetch(_SELECT_CURSORS, stream, through)]
    settled = min((one.position(through) for one in cursors), default=through)
    reached = min(through, max(settled, regardless))
    if reached < first:
        return first, []
    [gone] = await wire.fetch(MEASURE, stream, first - 1, reached - first + 1)
    head = await wire.fetch_one(_LOCK_HEAD, stream)
    if head is None:
        raise KeyError(stream)
    if await wire.fetch(_SELECT_NEW_CURSORS, stream, reached, locked):
        raise RegisteredMeanwhileError(stream)
    size = head["size"] - gone["size"] if reached < head["measured_to"] else 0
    await wire.fetch(_RAISE_FIRST_OFFSET, stream, reached + 1, size)
    moved = [one for one in cursors if one.read_to < reached]
    for cursor in moved:
        is_missed = cursor.wanted is not None and cursor.wanted <= reached
        missed = cursor.wanted if is_missed else None
        await wire.fetch(_MOVE_CURSOR, cursor.id, reached, missed)
    return reached + 1, [one.key for one in moved]


_SELECT_GONE = """
SELECT stream_offset
  FROM events
 WHERE stream = $1
   AND stream_offset >= $2
   AND stream_offset < (SELECT first_offset FROM streams WHERE name = $1)
 ORDER BY stream_offset
 LIMIT 1
"""

# What was taken and is not settled is handed out again, perhaps, and so is what is to be read by a
# certain time, or it is set aside then: their bytes are needed for that.
_DELETE_GONE = """
WITH needed AS MATERIALIZED (
  SELECT deliveries.stream_offset
    FROM cursors JOIN deliveries ON cursor_id = cursors.id
   WHERE cursors.stream = $1 AND deliveries.stream_offset < $2::bigint + $3::bigint
   UNION ALL
  SELECT read_receipts.stream_offset
    FROM cursors JOIN read_receipts USING (subscription, consumer)
   WHERE cursors.stream = $1
     AND read_receipts.stream_offset >= $2
     AND read_receipts.stream_offset < $2::bigint + $3::bigint
     AND read_receipts.due_at IS NOT NULL
),
removed AS (
  DELETE FROM events
   WHERE stream = $1
     AND stream_offset >= $2
     AND stream_offset < $2::bigint + $3::bigint
     AND stream_offset < (SELECT first_offset FROM streams WHERE name = $1)
     AND stream_offset NOT IN (SELECT stream_offset FROM needed)
  RETURNING 1
)
SELECT count(*) AS removed, set_config('synchronous_commit', 'off', true)
  FROM removed
"""


# Of what nobody can read or is to be told of any more. One that is read and still to be delivered
# tells that it need not be. Who has one of them locked has a later sweep remove it.
_FORGET_RECEIPTS = """
DELETE FROM read_receipts
 WHERE (subscription, consumer, stream_offset) IN
       (SELECT read_receipts.subscription, read_receipts.consumer, read_receipts.stream_offset
          FROM cursors JOIN read_receipts USING (subscription, consumer)
         WHERE cursors.stream = $1
           AND read_receipts.stream_offset < (SELECT first_offset FROM streams WHERE name = $1)
           AND read_receipts.due_at IS NULL
           AND NOT EXISTS (SELECT 1
                             FROM deliveries
                            WHERE cursor_id = cursors.id
                              AND deliveries.stream_offset = read_receipts.stream_offset)
         LIMIT $2
           FOR UPDATE OF read_receipts SKIP LOCKED)
RETURNING 1
"""


async def sweep(wire: Wire, stream: str, start: int, limit: int, lease: Lease) -> Swept:
    """Remove the bytes of what is gone, from `start` on and of up to `limit` offsets.

    Raises:
        LeaseLostError: Somebody else has taken the lease; nothing was done.
    """
    await require_lease(wire, lease)
    is_left = len(await wire.fetch(_FORGET_RECEIPTS, stream, limit)) == limit
    first = await wire.fetch_one(_SELECT_GONE, stream, start)
    if first is None:
        return Swept(0, start if is_left else None)
    offset = first["stream_offset"]
    [found] = await wire.fetch(_DELETE_GONE, stream, offset, limit)
    after = await wire.fetch_one(_SELECT_GONE, stream, offset + limit)
    if after is not None:
        return Swept(found["removed"], after["stream_offset"])
    return Swept(found["removed"], offset + limit if is_left else None)


TELL_GAP = """
UPDATE cursors
   SET truncated_from = CASE WHEN truncated_to > $3::bigint THEN $3::bigint + 1 END,
       truncated_to = CASE WHEN truncated_to > $3::bigint THEN truncated_to END,
       revision = revision + 1
 WHERE subscription = $1 AND consumer = $2 AND truncated_to IS NOT NULL
"""
