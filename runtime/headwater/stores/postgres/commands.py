"""Stored commands: taken for a while, postponed, given up."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from headwater.stores.contract import FailedCommand, SentCommand, Taken
from headwater.stores.keys import KeyKind, Occasion
from headwater.stores.operating import by_command

from .acts import write_act
from .wire import Row, Wire

__all__ = ["POSTPONE", "SELECT_FAILED", "TAKE", "failed_command", "retry_commands", "taken"]

# One that somebody else is just taking is passed over. Without any that is due nothing is written.
TAKE = """
WITH moment AS MATERIALIZED (
  SELECT coalesce($1::timestamptz, clock_timestamp()) AS now
   WHERE set_config('synchronous_commit', 'off', true) IS NOT NULL
),
due AS MATERIALIZED (
  SELECT key
    FROM sent_commands CROSS JOIN moment
   WHERE due_at <= moment.now
   ORDER BY due_at, key
   LIMIT $2
     FOR UPDATE OF sent_commands SKIP LOCKED
),
taken AS (
  UPDATE sent_commands
     SET due_at = moment.now + $3::interval, attempts = attempts + 1
    FROM due CROSS JOIN moment
   WHERE sent_commands.key = due.key
  RETURNING sent_commands.key, name, body, request_id, attempts, kind, stream, stream_offset
)
SELECT taken.*,
       extract(epoch FROM least((SELECT min(due_at)
                                   FROM sent_commands
                                  WHERE key NOT IN (SELECT key FROM due)),
                                CASE WHEN EXISTS (SELECT 1 FROM due)
                                     THEN moment.now + $3::interval END)
                          - moment.now)::float8 AS next_due
  FROM moment LEFT JOIN taken ON true
 ORDER BY key
"""


def taken(rows: Sequence[Row]) -> Taken:
    """What the rows of `TAKE` say."""
    commands = tuple(_command(row) for row in rows if row["key"] is not None)
    return Taken(commands, rows[0]["next_due"])


def _command(row: Row) -> SentCommand:
    return SentCommand(
        key=row["key"],
        name=row["name"],
        body=row["body"],
        request_id=row["request_id"],
        attempts=row["attempts"],
        occasion=Occasion(KeyKind(row["kind"]), row["stream"], row["stream_offset"]),
    )


POSTPONE = """
UPDATE sent_commands
   SET due_at = coalesce($1::timestamptz, clock_timestamp()) + $4::interval, error = $3
 WHERE key = $2
"""

_RETRY = """
UPDATE sent_commands
   SET due_at = coalesce($1::timestamptz, clock_timestamp()), attempts = 0
 WHERE key = ANY ($2::text[]) AND due_at IS NULL
RETURNING name, key
"""


async def retry_commands(
    wire: Wire, now: datetime | None, keys: Collection[str], actor: str
) -> int:
    """Have commands that were given up due at once; how many."""
    rows = await wire.fetch(_RETRY, now, list(keys))
    for name, theirs in by_command((row["name"], row["key"]) for row in rows):
        await write_act(wire, now, "retry", name, {"commands": theirs}, actor)
    return len(rows)


SELECT_FAILED = """
SELECT key, name, body, request_id, attempts, error, kind, stream, stream_offset
  FROM sent_commands
 WHERE due_at IS NULL
 ORDER BY sent_at, key
"""


def failed_command(row: Row) -> FailedCommand:
    """The command in a row of `SELECT_FAILED`."""
    return FailedCommand(_command(row), row["error"])
