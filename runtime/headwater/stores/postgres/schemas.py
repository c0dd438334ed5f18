"""What event versions are, as JSON Schema, and how many events there are of each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from headwater.errors import SchemaChangedError
from headwater.stores.contract import EventSchema

from .wire import Wire

__all__ = ["COUNT_EVENTS", "SELECT_SCHEMAS", "SELECT_STREAM_NAMES", "keep_schemas"]

SELECT_STREAM_NAMES = """
SELECT name
  FROM streams
 ORDER BY name COLLATE "C"
"""

# Both bounds are given, so a page costs what it holds, wherever it is.
COUNT_EVENTS = """
SELECT events.name, greatest(version, 1) AS number, count(*)
  FROM events JOIN streams ON streams.name = events.stream
 WHERE stream = $1 AND stream_offset > $2 AND stream_offset <= $2 + $3
   AND stream_offset >= first_offset
 GROUP BY events.name, number
 ORDER BY events.name COLLATE "C", number
"""

SELECT_SCHEMAS = """
SELECT name, version, digest
  FROM event_schemas
"""

_LOCK_SCHEMAS = """
LOCK TABLE event_schemas IN SHARE ROW EXCLUSIVE MODE
"""

_HAS_EVENTS = """
SELECT 1
  FROM events
 WHERE name = $1 AND greatest(version, 1) = $2
 LIMIT 1
"""

_PUT_SCHEMAS = """
INSERT INTO event_schemas (name, version, digest, schema, recorded_at)
SELECT name, version, digest, schema, coalesce($1::timestamptz, clock_timestamp())
  FROM unnest($2::text[], $3::bigint[], $4::text[], $5::text[])
       AS given (name, version, digest, schema)
    ON CONFLICT (name, version) DO UPDATE
   SET digest = excluded.digest, schema = excluded.schema, recorded_at = excluded.recorded_at
"""


async def keep_schemas(wire: Wire, schemas: Sequence[EventSchema], now: datetime | None) -> None:
    """Keep the schemas, in place of those of the same versions.

    Raises:
        SchemaChangedError: Some were another, and there are events of them; nothing was kept.
    """
    await wire.execute(_LOCK_SCHEMAS)
    rows = await wire.fetch(SELECT_SCHEMAS)
    known = {(row["name"], row["version"]): row["digest"] for row in rows}
    if changed := [
        (one.name, one.version)
        for one in schemas
        if known.get((one.name, one.version), one.digest) != one.digest
        and await wire.fetch_one(_HAS_EVENTS, one.name, one.version)
    ]:
        raise SchemaChangedError(changed)
    await wire.fetch(
        _PUT_SCHEMAS,
        now,
        [one.name for one in schemas],
        [one.version for one in schemas],
        [one.digest for one in schemas],
        [one.schema for one in schemas],
    )
