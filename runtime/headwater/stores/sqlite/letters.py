"""Dead letters that come back or go: each function is one step of the writer."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from headwater.stores.contract import FeedKey
from headwater.stores.letters import LetterPlace, those_that_come_back

from .acts import write_act
from .groups import is_partition, requeue_in_partition, touch_partition
from .transaction import Transaction

__all__ = ["drop", "requeue"]

_SELECT_LETTER = """
SELECT subscription, consumer, stream, stream_offset, workflow_id
  FROM dead_letters
 WHERE letter_id = ?
"""

_SELECT_WORKFLOW = """
SELECT letter_id, stream_offset, behind, unread
  FROM dead_letters
 WHERE subscription = ? AND consumer = ? AND workflow_id = ?
"""

# The stream has let the event go: an ephemeral one, or retention has. It goes again once settled.
_RESTORE_EVENT = """
INSERT OR IGNORE INTO events (stream, stream_offset, id, name, version, workflow, workflow_id,
                              workflow_version, recorded_at, data, metadata)
SELECT stream, stream_offset, id, name, version, workflow, workflow_id, workflow_version,
       recorded_at, data, metadata
  FROM dead_letters
 WHERE letter_id = ?
"""

# To its recipient an event that comes back is as one that was never delivered.
_FORGET_RECEIPT = """
DELETE FROM read_receipts
 WHERE subscription = ? AND consumer = ? AND stream_offset = ? AND state = 'dead-lettered'
"""

_DELETE_LETTER = """
DELETE FROM dead_letters
 WHERE letter_id = ?
RETURNING subscription, consumer
"""


def requeue(transaction: Transaction, letters: Collection[int], actor: str | None = None) -> int:
    """Have these dead letters handed out again where they came from; how many there were.

    A line of the act is kept if it is an operator's, the `actor`'s.

    Raises:
        UnknownSubscriptionError: The feed of one is gone; nothing was done.
    """
    found = []
    for letter in _those_that_come_back(transaction, letters):
        row = transaction.connection.execute(_SELECT_LETTER, (letter,)).fetchone()
        key = FeedKey(row[0], row[1] or None)
        is_shared = is_partition(transaction.connection, key)
        feed = None if is_shared else transaction.feed(key)
        found.append((letter, key, feed, *row[2:]))
    for letter, key, feed, stream, offset, workflow_id in found:
        head = transaction.head(stream)
        if head.is_ephemeral or offset < head.first_offset:
            transaction.connection.execute(_RESTORE_EVENT, (letter,))
        if feed is None:
            requeue_in_partition(transaction, key, offset, workflow_id)
        else:
            feed.requeue(offset, workflow_id)
            place = (key.subscription, key.consumer or "", offset)
            transaction.connection.execute(_FORGET_RECEIPT, place)
            transaction.woken.add(key)
        transaction.connection.execute(_DELETE_LETTER, (letter,)).fetchall()
    if actor is not None:
        _note(transaction, "requeue", [(key, letter) for letter, key, *_ in found], actor)
    return len(found)


def _note(
    transaction: Transaction, act: str, letters: Sequence[tuple[FeedKey, int]], actor: str
) -> None:
    for subscription in sorted({key.subscription for key, _ in letters}):
        theirs = sorted(letter for key, letter in letters if key.subscription == subscription)
        write_act(transaction, act, subscription, {"letters": theirs}, actor)


def _those_that_come_back(transaction: Transaction, chosen: Collection[int]) -> list[int]:
    lanes: set[tuple[str, str, str]] = set()
    for letter in set(chosen):
        row = transaction.connection.execute(_SELECT_LETTER, (letter,)).fetchone()
        if row is not None:
            lanes.add((row[0], row[1], row[4]))
    standing = [
        LetterPlace(
            letter, FeedKey(lane[0], lane[1] or None), lane[2], offset, bool(behind), bool(unread)
        )
        for lane in lanes
        for letter, offset, behind, unread in transaction.connection.execute(_SELECT_WORKFLOW, lane)
    ]
    return [one.id for one in those_that_come_back(standing, chosen)]


def drop(transaction: Transaction, letters: Collection[int], actor: str) -> int:
    """Forget these dead letters; how many there were."""
    gone = [
        (FeedKey(subscription, consumer or None), letter)
        for letter in set(letters)
        for subscription, consumer in transaction.connection.execute(
            _DELETE_LETTER, (letter,)
        ).fetchall()
    ]
    for key in {key for key, _ in gone}:
        if is_partition(transaction.connection, key):
            touch_partition(transaction, key)
    _note(transaction, "drop", gone, actor)
    return len(gone)
