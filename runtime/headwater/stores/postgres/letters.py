"""Dead letters that are listed, come back, or go."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from headwater.errors import UnknownSubscriptionError
from headwater.stores.contract import DeadLetter, FeedKey
from headwater.stores.guards import feed_name
from headwater.stores.letters import LetterPlace, those_that_come_back

from .acts import write_act
from .leases import hold_off_retention
from .rows import recorded_event
from .wire import Row, Wire

__all__ = ["SELECT_DEAD_LETTERS", "dead_letter", "drop", "requeue"]

SELECT_DEAD_LETTERS = """
SELECT stream, stream_offset, id, name, version, workflow, workflow_id, workflow_version,
       recorded_at, data, metadata, subscription, consumer, error, attempts, set_aside_at,
       letter_id, behind, unread
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
        behind=row["behind"],
        unread=row["unread"],
    )


_DROP = """
DELETE FROM dead_letters
 WHERE letter_id = ANY ($1::bigint[])
RETURNING letter_id, subscription
"""

# With the letters that are asked for, all others of their workflows.
_SELECT_WORKFLOWS = """
SELECT letter_id, subscription, consumer, workflow_id, stream_offset, behind, unread
  FROM dead_letters
 WHERE (subscription, consumer, workflow_id) IN (SELECT subscription, consumer, workflow_id
                                                   FROM dead_letters
                                                  WHERE letter_id = ANY ($1::bigint[]))
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
 ORDER BY cursors.subscription, cursors.consumer
   FOR UPDATE
"""

_LOCK_HEADS = """
SELECT name
  FROM streams
 WHERE name = ANY ($1::text[]) AND type = 'ephemeral'
 ORDER BY name
   FOR UPDATE
"""

# The stream has let the event go: an ephemeral one, or retention has. It goes again once settled.
_RESTORE_EVENTS = """
INSERT INTO events (stream, stream_offset, id, name, version, workflow, workflow_id,
                    workflow_version, recorded_at, data, metadata)
SELECT stream, stream_offset, id, name, version, workflow, workflow_id, workflow_version,
       recorded_at, data, metadata
  FROM dead_letters
 WHERE letter_id = ANY ($1::bigint[])
   AND (stream = ANY ($2::text[])
        OR stream_offset < (SELECT first_offset FROM streams WHERE streams.name = stream))
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

# To its recipient an event that comes back is as one that was never delivered.
_FORGET_RECEIPTS = """
DELETE FROM read_receipts
 USING dead_letters
 WHERE letter_id = ANY ($1::bigint[])
   AND read_receipts.subscription = dead_letters.subscription
   AND read_receipts.consumer = dead_letters.consumer
   AND read_receipts.stream_offset = dead_letters.stream_offset
   AND read_receipts.state = 'dead-lettered'
"""

_TOUCH_CURSORS = """
UPDATE cursors
   SET revision = revision + 1
 WHERE id = ANY ($1::bigint[])
"""


async def requeue(
    wire: Wire,
    letters: Collection[int],
    now: datetime | None = None,
    actor: str | None = None,
) -> list[FeedKey]:
    """Have these dead letters handed out again where they came from; a feed for each.

    A line of the act is kept if it is an operator's, the `actor`'s.

    Raises:
        UnknownSubscriptionError: The feed of one is gone; nothing was done.
    """
    await hold_off_retention(wire)
    cursors = {
        FeedKey(row["subscription"], row["consumer"] or None): row["id"]
        for row in await wire.fetch(_LOCK_CURSORS, list(letters))
    }
    standing = [
        LetterPlace(
            row["letter_id"],
            FeedKey(row["subscription"], row["consumer"] or None),
            row["workflow_id"],
            row["stream_offset"],
            row["behind"],
            row["unread"],
        )
        for row in await wire.fetch(_SELECT_WORKFLOWS, list(letters))
    ]
    back = [one.id for one in those_that_come_back(standing, letters)]
    rows = await wire.fetch(_LOCK_LETTERS, back)
    found = [row["letter_id"] for row in rows]
    keys = [FeedKey(row["subscription"], row["consumer"] or None) for row in rows]
    for key in keys:
        if key not in cursors:
            raise UnknownSubscriptionError("the store", feed_name(key))
    ephemeral = await wire.fetch(_LOCK_HEADS, sorted({row["stream"] for row in rows}))
    await wire.fetch(_RESTORE_EVENTS, found, [row["name"] for row in ephemeral])
    await wire.fetch(_DELIVER, found)
    await wire.fetch(_FORGET_RECEIPTS, found)
    await wire.fetch(_TOUCH_CURSORS, list(cursors.values()))
    await wire.fetch(_DROP, found)
    if actor is not None:
        await _note(wire, now, "requeue", rows, actor)
    return keys


async def _note(
    wire: Wire, now: datetime | None, act: str, rows: Sequence[Row], actor: str
) -> None:
    for subscription in sorted({row["subscription"] for row in rows}):
        theirs = sorted(row["letter_id"] for row in rows if row["subscription"] == subscription)
        await write_act(wire, now, act, subscription, {"letters": theirs}, actor)


_LOCK_PARTITIONS = """
SELECT cursors.id, cursors.subscription
  FROM cursors
 WHERE (subscription, consumer) IN (SELECT subscription, consumer
                                      FROM dead_letters
                                     WHERE letter_id = ANY ($1::bigint[])
                                       AND consumer ~ '^partition-[0-6][0-9]$')
 ORDER BY cursors.subscription, cursors.consumer
   FOR UPDATE
"""


async def drop(
    wire: Wire, letters: Collection[int], now: datetime | None, actor: str
) -> tuple[int, frozenset[str]]:
    """Forget these dead letters; how many there were, and of which groups.

    An owner of a partition, which knows whose letters keep others back, has to look again.
    """
    partitions = await wire.fetch(_LOCK_PARTITIONS, list(letters))
    await wire.fetch(_TOUCH_CURSORS, [row["id"] for row in partitions])
    gone = await wire.fetch(_DROP, list(letters))
    await _note(wire, now, "drop", gone, actor)
    return len(gone), frozenset(row["subscription"] for row in partitions)
