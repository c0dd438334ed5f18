"""What owners of partitions write down, gathered for one transaction.

Guards are checked before anything of a unit is noted; what is noted for a partition is written at
once for all of the transaction's units.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field

from headwater.errors import DeliveryLostError
from headwater.events import RecordedEvent
from headwater.stores.contract import FeedKey
from headwater.stores.groups import Progress, Unsettled, partition_key
from headwater.stores.guards import feed_name

from .aside import set_aside

__all__ = ["Partitions"]

_SELECT_OWNER = """
SELECT id, owner, owner_epoch, read_to
  FROM cursors
 WHERE subscription = ? AND consumer = ?
"""

_SELECT_EARLIER_LETTER = """
SELECT 1
  FROM dead_letters
 WHERE subscription = ? AND consumer = ? AND workflow_id = ? AND stream_offset < ?
 LIMIT 1
"""

_DELETE_DELIVERY = """
DELETE FROM deliveries
 WHERE cursor_id = ? AND stream_offset = ?
"""

_PUT_DELIVERY = """
INSERT OR REPLACE INTO deliveries (cursor_id, stream_offset, workflow_id, failures, token, holder,
                                   due_at, held)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""

_MOVE_CURSOR = """
UPDATE cursors
   SET read_to = ?, skipped = skipped + ?,
       event_id = (SELECT id
                     FROM events
                    WHERE events.stream = cursors.stream AND events.stream_offset = ?)
 WHERE id = ?
"""

_COUNT_SKIPPED = """
UPDATE cursors
   SET skipped = skipped + ?
 WHERE id = ?
"""


@dataclass(slots=True)
class _Partition:
    id: int
    owner: str
    epoch: int
    read_to: int
    has_moved: bool = False
    skipped: int = 0
    entries: dict[int, Unsettled | None] = field(default_factory=dict)


class Partitions:
    """The partitions whose owners write in this transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._known: dict[FeedKey, _Partition | None] = {}

    def forget(self) -> None:
        """Know nothing, and write nothing."""
        self._known.clear()

    def failed_guards(self, progress: Progress) -> Iterator[DeliveryLostError]:
        """What keeps the progress from being written."""
        key = partition_key(progress.subscription, progress.partition)
        found = self._find(key)
        if found is None or not found.owner or found.epoch != progress.epoch:
            yield DeliveryLostError(feed_name(key), progress.read_to)
        for letter in progress.letters:
            if letter.behind and not self._is_blocked(key, progress, letter.event):
                yield DeliveryLostError(feed_name(key), letter.event.offset)

    def _is_blocked(self, key: FeedKey, progress: Progress, event: RecordedEvent) -> bool:
        return (
            any(
                other.event.workflow_id == event.workflow_id and other.event.offset < event.offset
                for other in progress.letters
            )
            or self._connection.execute(
                _SELECT_EARLIER_LETTER,
                (key.subscription, key.consumer, event.workflow_id, event.offset),
            ).fetchone()
            is not None
        )

    def note(self, progress: Progress, now: int) -> None:
        """Have progress written whose guards hold."""
        key = partition_key(progress.subscription, progress.partition)
        found = self._find(key)
        if found is None:
            raise AssertionError("a guard looked at it")
        if progress.read_to > found.read_to:
            found.read_to, found.has_moved = progress.read_to, True
        found.skipped += progress.skipped
        found.entries.update(dict.fromkeys(progress.settled))
        for letter in progress.letters:
            set_aside(
                self._connection,
                key,
                letter.event,
                letter.error,
                letter.attempts,
                now=now,
                behind=letter.behind,
            )
            found.entries[letter.event.offset] = None
        found.entries.update((one.offset, one) for one in progress.unsettled)

    def _find(self, key: FeedKey) -> _Partition | None:
        if key not in self._known:
            row = self._connection.execute(
                _SELECT_OWNER, (key.subscription, key.consumer)
            ).fetchone()
            self._known[key] = None if row is None else _Partition(*row)
        return self._known[key]

    def flush(self, now: int) -> None:
        """Write what was noted, and know nothing: others may change partitions now."""
        settled, unsettled = [], []
        for one in self._known.values():
            if one is None:
                continue
            for offset, entry in one.entries.items():
                if entry is None:
                    settled.append((one.id, offset))
                else:
                    unsettled.append(_row(one, entry, now))
            if one.has_moved:
                self._connection.execute(
                    _MOVE_CURSOR, (one.read_to, one.skipped, one.read_to, one.id)
                )
            elif one.skipped:
                self._connection.execute(_COUNT_SKIPPED, (one.skipped, one.id))
        if settled:
            self._connection.executemany(_DELETE_DELIVERY, settled)
        if unsettled:
            self._connection.executemany(_PUT_DELIVERY, unsettled)
        self._known.clear()


def _row(partition: _Partition, entry: Unsettled, now: int) -> tuple[object, ...]:
    return (
        partition.id,
        entry.offset,
        entry.workflow_id,
        entry.failures,
        int(entry.in_hand),
        partition.owner if entry.in_hand else "",
        now + round(entry.delay * 1_000_000) if entry.delay > 0 else None,
        entry.held,
    )
