"""A feed in the file: its cursor, and a row for each event that was taken and is not settled.

The window of a feed stays in memory between transactions. It is used again if the cursor's
`revision` is the one that this process wrote last; otherwise it is built from the rows anew.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any
from uuid import UUID

from headwater.errors import CursorMismatchError
from headwater.stores.contract import Claim, Claims, FeedKey, Order, PutBack
from headwater.stores.guards import feed_name
from headwater.stores.window import WINDOW, Entry, Window

from .rows import metadata_text, recorded_event, to_microseconds, wanted_events

__all__ = ["CURSOR_FORMAT", "SqliteFeed", "load_feed"]

CURSOR_FORMAT = 1
SCAN = 1000  # events to look at in one claim, while other writers wait

_SELECT_CURSOR = """
SELECT cursors.id, cursors.stream, cursors.events, cursors.sequence, cursors.format, cursors.epoch,
       cursors.read_to, cursors.event_id, cursors.revision, cursors.last_token, cursors.skipped,
       streams.epoch, streams.head
  FROM cursors JOIN streams ON streams.name = cursors.stream
 WHERE cursors.subscription = ? AND cursors.consumer = ?
"""

_SELECT_EVENT_ID = """
SELECT id
  FROM events
 WHERE stream = ? AND stream_offset = ?
"""

_SELECT_DELIVERIES = """
SELECT stream_offset, workflow_id, failures, token, holder, due_at, held
  FROM deliveries
 WHERE cursor_id = ?
"""


def load_feed(
    connection: sqlite3.Connection, key: FeedKey, known: SqliteFeed | None
) -> SqliteFeed | None:
    """The feed as it stands: `known`, if nobody has changed it since.

    Raises:
        CursorMismatchError: Its cursor was written for another stream.
    """
    row = connection.execute(_SELECT_CURSOR, (key.subscription, key.consumer or "")).fetchone()
    if row is None:
        return None
    epoch, read_to, stream_epoch, head = row[5], row[6], row[11], row[12]
    is_the_same_stream = epoch == stream_epoch and read_to <= head  # or else it is looked into
    if known is not None and (known.id, known.revision) == (row[0], row[8]) and is_the_same_stream:
        return known
    return SqliteFeed(connection, key, row)


class SqliteFeed:
    """One feed, as the current transaction sees and changes it."""

    def __init__(self, connection: sqlite3.Connection, key: FeedKey, row: tuple[Any, ...]) -> None:
        (
            self.id,
            self.stream,
            events,
            sequence,
            cursor_format,
            epoch,
            self.read_to,
            self._event_id,
            self.revision,
            self.last_token,
            self.skipped,
            stream_epoch,
            head,
        ) = row
        self.key = key
        self.events = wanted_events(events)
        self.order = Order(sequence)
        self._wanted = events
        self._connection = connection
        self._require_the_same_stream(cursor_format, epoch, stream_epoch, head)
        self._window = Window(self.order)
        self._window.restore(
            Entry(offset, workflow_id, None, failures, token, holder, due_at or 0, bool(held))
            for offset, workflow_id, failures, token, holder, due_at, held in connection.execute(
                _SELECT_DELIVERIES, (self.id,)
            )
        )
        self._changed: set[int] = set()
        self._settled: set[int] = set()
        self._is_changed = False

    def _require_the_same_stream(
        self, cursor_format: int, epoch: int, stream_epoch: int, head: int
    ) -> None:
        def mismatch(reason: str) -> CursorMismatchError:
            return CursorMismatchError(feed_name(self.key), self.stream, reason)

        if cursor_format != CURSOR_FORMAT:
            raise mismatch(f"it has format {cursor_format}, and {CURSOR_FORMAT} is known here")
        if epoch != stream_epoch:
            raise mismatch(
                f"it was written in epoch {epoch} of the stream, which was made anew since: it is "
                f"in epoch {stream_epoch}"
            )
        if self._event_id is not None:  # it has read something, and not only waits further up
            if self.read_to > head:
                raise mismatch(f"it stands at {self.read_to}, and the stream ends at {head}")
            found = self._id_of(self.read_to)
            if found is not None and found != self._event_id:
                raise mismatch(
                    f"event {self.read_to} was {UUID(bytes=self._event_id)} when it was read"
                )

    # Claims

    def may_hand_out(self, holder: str, in_flight: int, head: int, now: int) -> bool:
        """Whether `claim` would hand out or change anything."""
        due = self._window.next_due()
        if due is not None and due <= now:
            return True
        if self._window.held(holder) >= in_flight:
            return False
        return self._window.has_ready or (self.read_to < head and len(self._window) < WINDOW)

    def next_due(self, now: int) -> float | None:
        """Seconds until a claim or a wait ends."""
        due = self._window.next_due()
        return None if due is None else (due - now) / 1_000_000

    _SELECT_EVENT = """
    SELECT stream, stream_offset, id, name, version, workflow, workflow_id, workflow_version,
           recorded_at, data, metadata
      FROM events
     WHERE stream = ? AND stream_offset = ?
    """

    def claim(
        self, holder: str, limit: int, *, in_flight: int, ack_timeout: int, head: int, now: int
    ) -> tuple[Claims, bool]:
        """Hand out up to `limit` events, and tell whether there may be more further up."""
        for entry in self._window.pass_time(now):
            self._changed.add(entry.offset)
        room = min(limit, in_flight - self._window.held(holder))
        claims: list[Claim] = []
        with closing(_Scan(self._connection, self.stream, self.read_to, head)) as scan:
            while len(claims) < room and (self._window.has_ready or self._take_from(scan)):
                claims.append(self._hand_out(holder, now + ack_timeout))
        if scan.read_to != self.read_to:
            self._move(scan.read_to, scan.event_id)
        return Claims(tuple(claims), self.next_due(now)), scan.is_cut_short

    def _hand_out(self, holder: str, until: int) -> Claim:
        self.last_token += 1
        entry = self._window.take(holder, self.last_token, until)
        self._changed.add(entry.offset)
        event, entry.event = entry.event, None
        if event is None:
            event = recorded_event(
                self._connection.execute(self._SELECT_EVENT, (self.stream, entry.offset)).fetchone()
            )
        return Claim(self.key, event, entry.failures + 1, entry.token)

    def holds(self, claim: Claim) -> bool:
        """Whether the claim can still be settled."""
        entry = self._window.get(claim.event.offset)
        return entry is not None and entry.token == claim.token

    def settle(self, claim: Claim) -> None:
        """Be done with the event."""
        self._window.settle(claim.event.offset)
        self._changed.discard(claim.event.offset)
        self._settled.add(claim.event.offset)

    def count_skipped(self) -> None:
        """Count an event as passed over; it is settled like any other."""
        self.skipped += 1

    def put_back(self, settlement: PutBack, *, until: int) -> None:
        """Have the event handed out again, once it is `until`."""
        offset = settlement.claim.event.offset
        self._window.put_back(offset, failed=settlement.failed, until=until, held=settlement.held)
        self._changed.add(offset)

    _INSERT_DEAD_LETTER = """
    INSERT INTO dead_letters (subscription, consumer, stream, stream_offset, id, name, version,
                              workflow, workflow_id, workflow_version, recorded_at, data, metadata,
                              error, attempts, set_aside_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    """

    def set_aside(self, claim: Claim, error: str, now: int) -> None:
        """Keep the event as a dead letter."""
        event = claim.event
        self._connection.execute(
            self._INSERT_DEAD_LETTER,
            (
                self.key.subscription,
                self.key.consumer or "",
                event.stream,
                event.offset,
                event.id.bytes,
                event.name,
                event.version,
                event.workflow,
                event.workflow_id,
                event.workflow_version,
                to_microseconds(event.recorded_at),
                event.data,
                metadata_text(event.metadata),
                error,
                claim.attempt,
                now,
            ),
        )

    def requeue(self, offset: int, workflow_id: str) -> None:
        """Have an event that was settled handed out again, as new."""
        if offset <= self.read_to and self._window.get(offset) is None:
            self._window.enter_again(Entry(offset, workflow_id))
            self._changed.add(offset)

    def take_from(self, holder: str) -> bool:
        """Void the holder's claims, as failures; whether there were any."""
        voided = {entry.offset for entry in self._window.take_from(holder)}
        self._changed |= voided
        return bool(voided)

    # Moving on

    _SELECT_FIRST_WANTED = """
    SELECT stream_offset
      FROM events
     WHERE stream = ? AND stream_offset > ? AND name IN (SELECT value FROM json_each(?))
     ORDER BY stream_offset
     LIMIT 1
    """

    def pass_what_is_not_wanted(self, head: int) -> None:
        """Stand right before the first unsettled event, or at the head."""
        if not self._window and self.read_to < head:
            if self.events is None:
                return  # the next one is wanted, whichever it is
            row = self._connection.execute(
                self._SELECT_FIRST_WANTED, (self.stream, self.read_to, self._wanted)
            ).fetchone()
            read_to = head if row is None else row[0] - 1
            if read_to != self.read_to:
                self._move(read_to, None)

    def _take_from(self, scan: _Scan) -> bool:
        """Take events until one is ready; whether one is."""
        while not self._window.has_ready and len(self._window) < WINDOW:
            row = scan.next()
            if row is None:
                return False
            if self.events is None or row[3] in self.events:
                event = recorded_event(row)
                entry = Entry(event.offset, event.workflow_id, event)
                self._window.enter(entry)
                self._changed.add(event.offset)
                if not self._window.has_ready:
                    entry.event = None  # it waits in its lane; the table has it
        return self._window.has_ready

    def _move(self, read_to: int, event_id: bytes | None) -> None:
        self.read_to = read_to
        self._event_id = self._id_of(read_to) if event_id is None else event_id
        self._is_changed = True

    def _id_of(self, offset: int) -> bytes | None:
        row = self._connection.execute(_SELECT_EVENT_ID, (self.stream, offset)).fetchone()
        return None if row is None else row[0]

    # Writing

    _DELETE_DELIVERY = """
    DELETE FROM deliveries
     WHERE cursor_id = ? AND stream_offset = ?
    """

    _PUT_DELIVERY = """
    INSERT OR REPLACE INTO deliveries (cursor_id, stream_offset, workflow_id, failures, token,
                                       holder, due_at, held)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    """

    _UPDATE_CURSOR = """
    UPDATE cursors
       SET read_to = ?, event_id = ?, revision = ?, last_token = ?, skipped = ?
     WHERE id = ?
    """

    def flush(self) -> None:
        """Write what has changed since the last time."""
        if not (self._is_changed or self._changed or self._settled):
            return
        if self._settled:
            self._connection.executemany(
                self._DELETE_DELIVERY, [(self.id, offset) for offset in self._settled]
            )
        entries = [entry for offset in self._changed if (entry := self._window.get(offset))]
        if entries:
            self._connection.executemany(
                self._PUT_DELIVERY,
                [
                    (
                        self.id,
                        entry.offset,
                        entry.workflow_id,
                        entry.failures,
                        entry.token,
                        entry.holder,
                        int(entry.due) or None,
                        entry.held,
                    )
                    for entry in entries
                ],
            )
        self.revision += 1
        self._connection.execute(
            self._UPDATE_CURSOR,
            (
                self.read_to,
                self._event_id,
                self.revision,
                self.last_token,
                self.skipped,
                self.id,
            ),
        )
        self._changed.clear()
        self._settled.clear()
        self._is_changed = False


class _Scan:
    """The events behind a cursor, one by one and no more than `SCAN`."""

    # The upper bound is the head: without it, a statement that lacks statistics may sort.
    _SELECT_EVENTS = """
    SELECT stream, stream_offset, id, name, version, workflow, workflow_id, workflow_version,
           recorded_at, data, metadata
      FROM events
     WHERE stream = ? AND stream_offset > ? AND stream_offset <= ?
     ORDER BY stream_offset
    """

    def __init__(self, connection: sqlite3.Connection, stream: str, after: int, head: int) -> None:
        self.read_to = after
        self.event_id: bytes | None = None
        self.is_cut_short = False
        self._left = SCAN
        self._head = head
        self._connection = connection
        self._stream = stream
        self._rows: sqlite3.Cursor | None = None

    def close(self) -> None:
        """End the statement: one that is open would keep the transaction's view of the file."""
        if self._rows is not None:
            self._rows.close()

    def next(self) -> tuple[Any, ...] | None:
        """The next event's row."""
        if self.read_to >= self._head:
            return None
        if self._left == 0:
            self.is_cut_short = True
            return None
        if self._rows is None:
            self._rows = self._connection.execute(
                self._SELECT_EVENTS, (self._stream, self.read_to, self._head)
            )
        row: tuple[Any, ...] | None = self._rows.fetchone()
        self._left -= 1
        self.read_to, self.event_id = (self._head, None) if row is None else (row[1], row[2])
        return row
