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
from headwater.events import RecordedEvent
from headwater.stores.contract import Claim, Claims, FeedKey, Order, PutBack
from headwater.stores.guards import feed_name
from headwater.stores.letters import BEHIND
from headwater.stores.retention import Gap
from headwater.stores.window import WINDOW, Entry, Window

from .aside import set_aside
from .rows import recorded_event, wanted_events

__all__ = ["CURSOR_FORMAT", "SqliteFeed", "load_feed", "require_fitting_cursor"]

CURSOR_FORMAT = 1
SCAN = 1000  # events to look at in one claim, while other writers wait

_SELECT_CURSOR = """
SELECT cursors.id, cursors.stream, cursors.events, cursors.sequence, cursors.format, cursors.epoch,
       cursors.read_to, cursors.event_id, cursors.revision, cursors.last_token, cursors.skipped,
       streams.epoch, streams.head, cursors.truncated_from, cursors.truncated_to
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


def require_fitting_cursor(
    key: FeedKey,
    stream: str,
    cursor_format: int,
    epoch: int,
    read_to: int,
    event_id: bytes | None,
    stream_epoch: int,
    head: int,
    found: bytes | None,
) -> None:
    """See that the cursor was written for the stream as it is; `found` is the id at its place.

    Raises:
        CursorMismatchError: It was not.
    """

    def mismatch(reason: str) -> CursorMismatchError:
        return CursorMismatchError(feed_name(key), stream, reason)

    if cursor_format != CURSOR_FORMAT:
        raise mismatch(f"it has format {cursor_format}, and {CURSOR_FORMAT} is known here")
    if epoch != stream_epoch:
        raise mismatch(
            f"it was written in epoch {epoch} of the stream, which was made anew since: it is "
            f"in epoch {stream_epoch}"
        )
    if event_id is not None:  # it has read something, and not only waits further up
        if read_to > head:
            raise mismatch(f"it stands at {read_to}, and the stream ends at {head}")
        if found is not None and found != event_id:
            raise mismatch(f"event {read_to} was {UUID(bytes=event_id)} when it was read")


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
            truncated_from,
            truncated_to,
        ) = row
        self.gap = None if truncated_to is None else Gap(truncated_from, truncated_to)
        self.key = key
        self.events = wanted_events(events)
        self.order = Order(sequence)
        self._wanted = events
        self._connection = connection
        require_fitting_cursor(
            key,
            self.stream,
            cursor_format,
            epoch,
            self.read_to,
            self._event_id,
            stream_epoch,
            head,
            None if self._event_id is None else self._id_of(self.read_to),
        )
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

    # Claims

    def may_hand_out(
        self, holder: str, in_flight: int, head: int, now: int, *, waits: bool
    ) -> bool:
        """Whether `claim` might hand out or change anything."""
        due = self._window.next_due()
        if due is not None and due <= now:
            return True
        if self._window.held(holder) >= in_flight:
            return False
        if self._window.has_ready or (self.read_to < head and len(self._window) < WINDOW):
            return True
        return waits and len(self._window) > self._window.claimed and self._has_letters()

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
        self,
        holder: str,
        limit: int,
        *,
        in_flight: int,
        ack_timeout: int,
        run: int,
        head: int,
        now: int,
        waits: bool,
    ) -> tuple[Claims, bool]:
        """Hand out up to `limit` events, and tell whether there may be more further up.

        With `waits`, what nobody has of a workflow with an earlier dead letter is set aside.
        """
        for entry in self._window.pass_time(now):
            self._changed.add(entry.offset)
        room = min(limit, in_flight - self._window.held(holder))
        looks_for_letters = waits and room > 0 and self._has_letters()
        if looks_for_letters:
            self._set_aside_what_waits(now)
        claims: list[Claim] = []
        self._window.begin_run(run)
        with closing(_Scan(self._connection, self.stream, self.read_to, head)) as scan:
            while len(claims) < room and (
                self._window.has_ready or self._take_from(scan, now if looks_for_letters else None)
            ):
                claims.append(self._hand_out(holder, now + ack_timeout))
        self._window.end_run()
        if scan.read_to != self.read_to:
            self._move(scan.read_to, scan.event_id)
        return Claims(tuple(claims), self.next_due(now)), scan.is_cut_short

    def _hand_out(self, holder: str, until: int) -> Claim:
        self.last_token += 1
        entry = self._window.take(holder, self.last_token, until)
        self._changed.add(entry.offset)
        event = self._event_of(entry)
        entry.event = None
        return Claim(self.key, event, entry.failures + 1, entry.token)

    def _event_of(self, entry: Entry) -> RecordedEvent:
        return entry.event or recorded_event(
            self._connection.execute(self._SELECT_EVENT, (self.stream, entry.offset)).fetchone()
        )

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

    def set_aside(self, claim: Claim, error: str, now: int) -> None:
        """Keep the event as a dead letter."""
        set_aside(
            self._connection, self.key, claim.event, error, claim.attempt, now=now, behind=False
        )

    _SELECT_ANY_LETTER = """
    SELECT 1
      FROM dead_letters
     WHERE subscription = ? AND consumer = ? AND NOT unread
     LIMIT 1
    """

    def _has_letters(self) -> bool:
        key = (self.key.subscription, self.key.consumer or "")
        return self._connection.execute(self._SELECT_ANY_LETTER, key).fetchone() is not None

    _SELECT_EARLIER_LETTER = """
    SELECT 1
      FROM dead_letters
     WHERE subscription = ? AND consumer = ? AND workflow_id = ? AND stream_offset < ?
       AND NOT unread
     LIMIT 1
    """

    def _is_behind(self, workflow_id: str, offset: int) -> bool:
        """Whether the workflow has an earlier event among the feed's dead letters."""
        place = (self.key.subscription, self.key.consumer or "", workflow_id, offset)
        return self._connection.execute(self._SELECT_EARLIER_LETTER, place).fetchone() is not None

    _SELECT_SAME_LETTER = """
    SELECT 1
      FROM dead_letters
     WHERE subscription = ? AND consumer = ? AND workflow_id = ? AND stream_offset = ?
     LIMIT 1
    """

    def _set_behind(self, event: RecordedEvent, attempts: int, now: int) -> None:
        """Keep the event behind its workflow's dead letters, unless it is there already."""
        place = (self.key.subscription, self.key.consumer or "", event.workflow_id, event.offset)
        if self._connection.execute(self._SELECT_SAME_LETTER, place).fetchone() is None:
            set_aside(self._connection, self.key, event, BEHIND, attempts, now=now, behind=True)

    def _set_aside_what_waits(self, now: int) -> None:
        for entry in tuple(self._window):
            if not entry.token and self._is_behind(entry.workflow_id, entry.offset):
                self._set_behind(self._event_of(entry), entry.failures, now)
                self._window.remove(entry.offset)
                self._changed.discard(entry.offset)
                self._settled.add(entry.offset)

    def requeue(self, offset: int, workflow_id: str, failures: int = 0) -> None:
        """Have an event that was settled handed out again, as one that has failed so often."""
        if offset <= self.read_to and self._window.get(offset) is None:
            self._window.enter_again(Entry(offset, workflow_id, failures=failures))
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

    def _take_from(self, scan: _Scan, now: int | None) -> bool:
        """Take events until one is ready; whether one is.

        With a time, it is when those that have to wait for a dead letter are set aside.
        """
        while not self._window.has_ready and len(self._window) < WINDOW:
            row = scan.next()
            if row is None:
                return False
            if self.events is None or row[3] in self.events:
                event = recorded_event(row)
                if now is not None and self._is_behind(event.workflow_id, event.offset):
                    self._set_behind(event, 0, now)
                    continue
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
