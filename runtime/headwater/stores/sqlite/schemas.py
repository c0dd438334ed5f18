"""What event versions are, as JSON Schema, and how many events there are of each."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from headwater.errors import SchemaChangedError
from headwater.stores.contract import EventCount, EventSchema

from .transaction import Transaction

__all__ = ["count_events", "keep_schemas", "read_schemas", "read_streams"]

_SELECT_STREAMS = """
SELECT name
  FROM streams
 ORDER BY name
"""


def read_streams(connection: sqlite3.Connection) -> list[str]:
    """The names of all streams, sorted."""
    return [name for (name,) in connection.execute(_SELECT_STREAMS)]


# Both bounds are given, so a page costs what it holds, wherever it is.
_COUNT_EVENTS = """
SELECT events.name, max(version, 1) AS number, count(*)
  FROM events JOIN streams ON streams.name = events.stream
 WHERE stream = ? AND stream_offset > ? AND stream_offset <= ? AND stream_offset >= first_offset
 GROUP BY events.name, number
 ORDER BY events.name, number
"""


def count_events(
    connection: sqlite3.Connection, stream: str, after: int, limit: int
) -> list[EventCount]:
    """How many of the events with `after < offset <= after + limit` are of which version."""
    rows = connection.execute(_COUNT_EVENTS, (stream, after, after + limit))
    return [EventCount(*row) for row in rows]


_SELECT_SCHEMAS = """
SELECT name, version, digest
  FROM event_schemas
"""


def read_schemas(connection: sqlite3.Connection) -> dict[tuple[str, int], str]:
    """The digests of the schemas that are kept."""
    rows = connection.execute(_SELECT_SCHEMAS)
    return {(name, version): digest for name, version, digest in rows}


_HAS_EVENTS = """
SELECT 1
  FROM events
 WHERE name = ? AND max(version, 1) = ?
 LIMIT 1
"""

_PUT_SCHEMA = """
INSERT OR REPLACE INTO event_schemas (name, version, digest, schema, recorded_at)
VALUES (?, ?, ?, ?, ?)
"""


def keep_schemas(transaction: Transaction, schemas: Sequence[EventSchema]) -> None:
    """Keep the schemas, in place of those of the same versions.

    Raises:
        SchemaChangedError: Some were another, and there are events of them; nothing was kept.
    """
    transaction.flush_events()
    known = read_schemas(transaction.connection)
    if changed := [
        (one.name, one.version)
        for one in schemas
        if known.get((one.name, one.version), one.digest) != one.digest
        and transaction.connection.execute(_HAS_EVENTS, (one.name, one.version)).fetchone()
    ]:
        raise SchemaChangedError(changed)
    transaction.connection.executemany(
        _PUT_SCHEMA,
        [(one.name, one.version, one.digest, one.schema, transaction.now) for one in schemas],
    )
