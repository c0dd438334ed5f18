"""Idempotency keys that nobody needs any more.

The lease is locked before all else; keys are looked at and removed without any other lock, so no
append waits for more than the batch that has its very key.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from headwater.stores.keys import KeyCount, KeyKind
from headwater.stores.leases import Lease
from headwater.stores.retention import Swept

from .leases import require_lease
from .wire import Wire

__all__ = ["MAY_FORGET", "forget_keys", "read_key_count"]

MAY_FORGET = """
SELECT has_table_privilege('append_keys', 'DELETE') AS may
"""

# Keys that were recorded before this moment are old. Of events that come from elsewhere it is told
# by the newest one.
_SELECT_BEFORE = """
SELECT coalesce(CASE WHEN $2::text = 'ingest'
                     THEN (SELECT recorded_at
                             FROM append_keys
                            WHERE kind = $2 AND stream = $3 AND stream_offset = 0
                            ORDER BY recorded_at DESC
                            LIMIT 1) END,
                $1::timestamptz, clock_timestamp()) - $4::interval AS before
"""


async def _before(
    wire: Wire, now: datetime | None, kind: KeyKind, stream: str, kept: timedelta
) -> datetime:
    [row] = await wire.fetch(_SELECT_BEFORE, now, kind.value, stream, kept)
    before: datetime = row["before"]
    return before


_COUNT = """
SELECT count(*) AS every,
       count(*) FILTER (WHERE stream_offset = 0 AND recorded_at < $3) AS old
  FROM append_keys
 WHERE kind = $1 AND stream = $2
"""

# Of events that are gone for good: neither the stream has them, perhaps for one who took them and
# has not settled them, nor are they dead letters, which may be requeued.
_COUNT_SETTLED = """
SELECT count(*) AS settled
  FROM append_keys
 WHERE kind = 'sent'
   AND stream = $1
   AND stream_offset > 0
   AND stream_offset < (SELECT first_offset FROM streams WHERE name = $1)
   AND recorded_at < $2
   AND NOT EXISTS (SELECT 1
                     FROM events
                    WHERE events.stream = append_keys.stream
                      AND events.stream_offset = append_keys.stream_offset)
   AND NOT EXISTS (SELECT 1
                     FROM dead_letters
                    WHERE dead_letters.stream = append_keys.stream
                      AND dead_letters.stream_offset = append_keys.stream_offset)
"""


async def read_key_count(
    wire: Wire, now: datetime | None, kind: KeyKind, stream: str, kept: timedelta
) -> KeyCount:
    """How many keys there are of that kind and stream."""
    before = await _before(wire, now, kind, stream, kept)
    [found] = await wire.fetch(_COUNT, kind.value, stream, before)
    gone = 0 if kind is KeyKind.IMPORT else found["old"]
    if kind is KeyKind.SENT:
        [row] = await wire.fetch(_COUNT_SETTLED, stream, before)
        gone += row["settled"]
    return KeyCount(found["every"], gone)


_DELETE_OLD = """
WITH old AS MATERIALIZED (
  SELECT key
    FROM append_keys
   WHERE kind = $1 AND stream = $2 AND stream_offset = 0 AND recorded_at < $3
   ORDER BY recorded_at
   LIMIT $4
),
removed AS (
  DELETE FROM append_keys
   USING old
   WHERE append_keys.key = old.key
  RETURNING 1
)
SELECT count(*) AS removed, set_config('synchronous_commit', 'off', true)
  FROM removed
"""

_SELECT_SETTLED = """
SELECT stream_offset
  FROM append_keys
 WHERE kind = 'sent'
   AND stream = $1
   AND stream_offset >= $2
   AND stream_offset < (SELECT first_offset FROM streams WHERE name = $1)
 ORDER BY stream_offset
 LIMIT 1
"""

_DELETE_SETTLED = """
WITH needed AS MATERIALIZED (
  SELECT stream_offset
    FROM events
   WHERE stream = $1 AND stream_offset >= $2 AND stream_offset < $2::bigint + $3::bigint
   UNION ALL
  SELECT stream_offset
    FROM dead_letters
   WHERE stream = $1 AND stream_offset >= $2 AND stream_offset < $2::bigint + $3::bigint
),
removed AS (
  DELETE FROM append_keys
   WHERE kind = 'sent'
     AND stream = $1
     AND stream_offset >= $2
     AND stream_offset < $2::bigint + $3::bigint
     AND stream_offset < (SELECT first_offset FROM streams WHERE name = $1)
     AND recorded_at < $4
     AND stream_offset NOT IN (SELECT stream_offset FROM needed)
  RETURNING 1
)
SELECT count(*) AS removed, set_config('synchronous_commit', 'off', true)
  FROM removed
"""


async def forget_keys(
    wire: Wire,
    now: datetime | None,
    kind: KeyKind,
    stream: str,
    kept: timedelta,
    start: int,
    limit: int,
    lease: Lease,
) -> Swept:
    """Remove up to `limit` keys that are not needed.

    Raises:
        LeaseLostError: Somebody else has taken the lease; nothing was done.
    """
    await require_lease(wire, lease)
    if kind is KeyKind.IMPORT:
        return Swept(0, None)
    before = await _before(wire, now, kind, stream, kept)
    if kind is not KeyKind.SENT or not stream:
        [found] = await wire.fetch(_DELETE_OLD, kind.value, stream, before, limit)
        return Swept(found["removed"], start if found["removed"] == limit else None)
    first = await wire.fetch_one(_SELECT_SETTLED, stream, max(start, 1))
    if first is None:
        return Swept(0, None)
    offset = first["stream_offset"]
    [found] = await wire.fetch(_DELETE_SETTLED, stream, offset, limit, before)
    after = await wire.fetch_one(_SELECT_SETTLED, stream, offset + limit)
    return Swept(found["removed"], None if after is None else after["stream_offset"])
