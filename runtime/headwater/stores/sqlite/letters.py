"""Dead letters that come back or go: each function is one step of the writer."""

from __future__ import annotations

from collections.abc import Collection

from headwater.stores.contract import FeedKey

from .transaction import Transaction

__all__ = ["drop", "requeue"]

_SELECT_LETTER = """
SELECT subscription, consumer, stream, stream_offset, workflow_id
  FROM dead_letters
 WHERE letter_id = ?
"""

# An ephemeral stream has let the event go; it goes again when it is settled.
_RESTORE_EVENT = """
INSERT OR IGNORE INTO events (stream, stream_offset, id, name, version, workflow, workflow_id,
                              workflow_version, recorded_at, data, metadata)
SELECT stream, stream_offset, id, name, version, workflow, workflow_id, workflow_version,
       recorded_at, data, metadata
  FROM dead_letters
 WHERE letter_id = ?
"""

_DELETE_LETTER = """
DELETE FROM dead_letters
 WHERE letter_id = ?
"""


def requeue(transaction: Transaction, letters: Collection[int]) -> int:
    """Have these dead letters handed out again where they came from; how many there were.

    Raises:
        UnknownSubscriptionError: The feed of one is gone; nothing was done.
    """
    found = []
    for letter in sorted(set(letters)):
        row = transaction.connection.execute(_SELECT_LETTER, (letter,)).fetchone()
        if row is not None:
            key = FeedKey(row[0], row[1] or None)
            found.append((letter, transaction.feed(key), row[2], row[3], row[4]))
    for letter, feed, stream, offset, workflow_id in found:
        if transaction.head(stream).is_ephemeral:
            transaction.connection.execute(_RESTORE_EVENT, (letter,))
        feed.requeue(offset, workflow_id)
        transaction.woken.add(feed.key)
        transaction.connection.execute(_DELETE_LETTER, (letter,))
    return len(found)


def drop(transaction: Transaction, letters: Collection[int]) -> int:
    """Forget these dead letters; how many there were."""
    return sum(
        transaction.connection.execute(_DELETE_LETTER, (letter,)).rowcount
        for letter in set(letters)
    )
