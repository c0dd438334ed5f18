"""Dead letters that are listed, come back, or go."""

from __future__ import annotations

from collections.abc import Collection

from headwater.errors import UnknownSubscriptionError
from headwater.stores.contract import DeadLetter, FeedKey
from headwater.stores.guards import feed_name

from .rows import recorded_event
from .wire import Row, Wire

__all__ = ["DROP", "SELECT_DEAD_LETTERS", "dead_letter", "requeue"]

SELECT_DEAD_LETTERS = """
SELECT stream, stream_offset, id, name, version, workflow, workflow_id, workflow_version,
       recorded_at, data, metadata, subscription, consumer, error, attempts, set_aside_at,
       letter_id
  FROM dead_letters
 WHERE subscription = $1
 ORDER BY letter_id
"""


def dead_letter(row: Row) -> DeadLetter:
    """The letter in a row of `SELECT_DEAD_LETTERS`."""
    return DeadLetter(
        id=row["letter_id"],
        subscription=row["subscription"],
        consumer=row["consumer"] or None,
        event=recorded_event(row),
        error=row["error"],
        attempts=row["attempts"],
        set_aside_at=row["set_aside_at"],
    )


DROP = """
DELETE FROM dead_letters
 WHERE letter_id = ANY ($1::bigint[])
RETURNING letter_id
"""

_LOCK_LETTERS = """
SELECT letter_id, subscription, consumer, stream
  FROM dead_letters
 WHERE letter_id = ANY ($1::bigint[])
 ORDER BY letter_id
   FOR UPDATE
"""

_LOCK_CURSORS = """
SELECT cursors.id, cursors.subscription, cursors.consumer
  FROM cursors
 WHERE (subscription, consumer) IN (SELECT subscription, consumer
                                      FROM dead_letters
                                     WHERE letter_id = ANY ($1::bigint[]))
 ORDER BY cursors.id
   FOR UPDATE
"""

_LOCK_HEADS = """
SELECT name
  FROM streams
 WHERE name = ANY ($1::text[]) AND type = 'ephemeral'
 ORDER BY name
   FOR UPDATE
"""

# An ephemeral stream has let the event go; it goes again when it is settled.
_RESTORE_EVENTS = """
INSERT INTO events (stream, stream_offset, id, name, version, workflow, workflow_id,
                    workflow_version, recorded_at, data, metadata)
SELECT stream, stream_offset, id, name, version, workflow, workflow_id, workflow_version,
       recorded_at, data, metadata
  FROM dead_letters
 WHERE letter_id = ANY ($1::bigint[]) AND stream = ANY ($2::text[])
 ORDER BY stream, stream_offset
    ON CONFLICT (stream, stream_offset) DO NOTHING
"""

# One whose event is still ahead of the cursor comes anyway.
_DELIVER = """
INSERT INTO deliveries (cursor_id, stream_offset, workflow_id, failures, token, holder, due_at,
                        held)
SELECT cursors.id, dead_letters.stream_offset, dead_letters.workflow_id, 0, 0, '', NULL, false
  FROM dead_letters JOIN cursors USING (subscription, consumer)
 WHERE letter_id = ANY ($1::bigint[]) AND dead_letters.stream_offset <= cursors.read_to
 ORDER BY cursors.id, dead_letters.stream_offset
    ON CONFLICT (cursor_id, stream_offset) DO NOTHING
"""

_TOUCH_CURSORS = """
UPDATE cursors
   SET revision = revision + 1
 WHERE id = ANY ($1::bigint[])
"""


async def requeue(wire: Wire, letters: Collection[int]) -> list[FeedKey]:
    """Have these dead letters handed out again where they came from; a feed for each.

    Raises:
        UnknownSubscriptionError: The feed of one is gone; nothing was done.
    """
    rows = await wire.fetch(_LOCK_LETTERS, sorted(set(letters)))
    found = [row["letter_id"] for row in rows]
    keys = [FeedKey(row["subscription"], row["consumer"] or None) for row in rows]
    cursors = {
        FeedKey(row["subscription"], row["consumer"] or None): row["id"]
        for row in await wire.fetch(_LOCK_CURSORS, found)
    }
    for key in keys:
        if key not in cursors:
            raise UnknownSubscriptionError("the store", feed_name(key))
    ephemeral = await wire.fetch(_LOCK_HEADS, sorted({row["stream"] for row in rows}))
    await wire.fetch(_RESTORE_EVENTS, found, [row["name"] for row in ephemeral])
    await wire.fetch(_DELIVER, found)
    await wire.fetch(_TOUCH_CURSORS, list(cursors.values()))
    await wire.fetch(DROP, found)
    return keys
