"""What one transaction of the writer works on: heads, workflows, new events, and feeds.

Nothing is written before `flush`: guards are checked against what is read and what earlier units
have decided, so a unit that is refused has left no trace. `flush` then writes heads and events,
what became of the feeds, and lets go of what an ephemeral stream has no reader for.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from headwater.clock import Clock
from headwater.errors import (
    CursorMismatchError,
    DeliveryLostError,
    RejectedError,
    UnknownSubscriptionError,
)
from headwater.stores.contract import (
    Acknowledge,
    Answer,
    Append,
    Committed,
    FeedKey,
    IdempotencyKey,
    Outcome,
    PutBack,
    Rejected,
    SentCommand,
    SetAside,
    Settlement,
    Skip,
    Unit,
    WorkflowState,
)
from headwater.stores.guards import answered, failed_expectation, feed_name
from headwater.stores.metadata import metadata_text
from headwater.streams import StreamType

from .feeds import SqliteFeed, load_feed
from .progress import Partitions
from .receiving import note_received
from .rows import occasion_row, to_microseconds, wanted_events

__all__ = ["Head", "Transaction"]


@dataclass(slots=True)
class Head:
    """The row of a stream, as this transaction will leave it."""

    name: str
    type: str
    head: int
    first_offset: int
    epoch: int
    dropped: int
    recorded_at: int | None
    registrations: int
    readers: int
    last_token: int
    is_changed: bool = False

    @property
    def is_ephemeral(self) -> bool:
        """Whether an event goes once it is consumed."""
        return self.type == StreamType.EPHEMERAL.value


@dataclass(slots=True)
class _Workflow:
    version: int
    ended: bool
    is_changed: bool = False


class Transaction:
    """The state of the file as the writer's current transaction sees and changes it.

    What it knows of feeds is kept from one transaction to the next, as long as no other process
    has changed them.
    """

    def __init__(self, connection: sqlite3.Connection, clock: Clock) -> None:
        self.connection = connection
        self._clock = clock
        self._feeds: dict[FeedKey, SqliteFeed] = {}
        self._readers: dict[str, tuple[int, list[tuple[FeedKey, frozenset[str] | None]]]] = {}
        self._partitions = Partitions(connection)
        self.begin()

    def begin(self) -> None:
        """Start afresh, after the last transaction was committed."""
        self.now = to_microseconds(self._clock.now())
        self.woken: set[FeedKey] = set()
        self.appended: dict[str, set[str]] = {}
        self.regrouped: set[str] = set()
        self._heads: dict[str, Head] = {}
        self._workflows: dict[tuple[str, str], _Workflow] = {}
        self._new_events: list[tuple[Any, ...]] = []
        self._new_keys: dict[str, IdempotencyKey] = {}
        self._sends: list[SentCommand] = []
        self._done: list[tuple[str]] = []
        self.sent = False
        self._used: dict[FeedKey, SqliteFeed] = {}
        self._to_tidy: dict[str, set[FeedKey]] = {}
        self._partitions.forget()

    def forget(self) -> None:
        """Know nothing, after a transaction was rolled back."""
        self._feeds.clear()
        self._readers.clear()
        self.begin()

    # Units

    def commit(self, unit: Unit) -> Outcome:
        """Check every guard of the unit, then note what it writes."""
        if unit.key is not None and (known := self._answer(unit.key.key)) is not None:
            if unit.carries_out is not None:
                self._done.append((unit.carries_out,))
            return answered(unit.key, known)
        for error in self._failed_guards(unit):
            return Rejected(error)
        offsets = [offset for append in unit.appends for offset in self._append(append)]
        for settlement in unit.settlements:
            self._settle(settlement)
        for progress in unit.progress:
            self._partitions.note(progress, self.now)
        if unit.key is not None:
            self._new_keys[unit.key.key] = unit.key
        for command in unit.sends:
            if self._answer(command.key) is None:
                self._sends.append(command)
                self.sent = True
        if unit.carries_out is not None:
            self._done.append((unit.carries_out,))
        return Committed(tuple(offsets))

    def _failed_guards(self, unit: Unit) -> Iterator[RejectedError]:
        states: dict[tuple[str, str], WorkflowState] = {}
        for append in unit.appends:
            if append.workflow is not None:
                key = (append.workflow, append.workflow_id)
                state = states.get(key)
                if state is None:
                    known = self._workflow(key)
                    state = WorkflowState(known.version, known.ended)
                yield from failed_expectation(append, key, state)
                states[key] = WorkflowState(
                    state.version + len(append.events), any(one.terminal for one in append.events)
                )
        tokens: set[tuple[FeedKey, int]] = set()
        for claim in (settlement.claim for settlement in unit.settlements):
            token = (claim.feed, claim.token)
            feed = None
            with suppress(CursorMismatchError):
                feed = self.find_feed(claim.feed)
            if feed is None or token in tokens or not feed.holds(claim):
                yield DeliveryLostError(feed_name(claim.feed), claim.event.offset)
            tokens.add(token)
        for progress in unit.progress:
            yield from self._partitions.failed_guards(progress)

    _SELECT_ANSWER = """
    SELECT fingerprint, answer
      FROM append_keys
     WHERE key = ?
    """

    def _answer(self, key: str) -> Answer | None:
        if (new := self._new_keys.get(key)) is not None:
            return new.answer
        row = self.connection.execute(self._SELECT_ANSWER, (key,)).fetchone()
        return None if row is None else Answer(*row)

    _SELECT_WORKFLOW = """
    SELECT version, ended
      FROM workflows
     WHERE workflow = ? AND workflow_id = ?
    """

    def _workflow(self, key: tuple[str, str]) -> _Workflow:
        found = self._workflows.get(key)
        if found is None:
            row = self.connection.execute(self._SELECT_WORKFLOW, key).fetchone()
            found = _Workflow(row[0], bool(row[1])) if row else _Workflow(0, ended=False)
            self._workflows[key] = found
        return found

    def _append(self, append: Append) -> Iterator[int]:
        if not append.events:
            return
        head = self.head(append.stream)
        head.is_changed = True
        readers = self.readers(head) if head.is_ephemeral else []
        workflow = None
        if append.workflow is not None:
            workflow = self._workflow((append.workflow, append.workflow_id))
            workflow.is_changed = True
        recorded_at = head.recorded_at = max(self.now, head.recorded_at or self.now)
        names = self.appended.setdefault(append.stream, set())
        for event in append.events:
            head.head += 1
            names.add(event.name)
            if workflow is not None:
                workflow.version += 1
                workflow.ended = event.terminal
            if head.is_ephemeral and not readers:
                head.first_offset = head.head + 1
                head.dropped += 1
            else:
                self._new_events.append(
                    (
                        append.stream,
                        head.head,
                        event.id.bytes,
                        event.name,
                        event.version,
                        append.workflow,
                        append.workflow_id,
                        workflow.version if workflow is not None else None,
                        recorded_at,
                        event.data,
                        metadata_text(event.metadata),
                    )
                )
            for key, wanted in readers:
                if wanted is not None and event.name not in wanted:
                    self._to_tidy.setdefault(append.stream, set()).add(key)
            yield head.head

    def _settle(self, settlement: Settlement) -> None:
        claim = settlement.claim
        feed = self.feed(claim.feed)
        self.woken.add(claim.feed)
        match settlement:
            case PutBack():
                feed.put_back(settlement, until=self._after(settlement.delay))
                return
            case SetAside(_, error):
                feed.set_aside(claim, error, self.now)
            case Skip():
                feed.count_skipped()
            case Acknowledge(_, receipt):
                if receipt is not None:
                    note_received(self.connection, claim, receipt, self.now)
        feed.settle(claim)
        if self.head(feed.stream).is_ephemeral:
            self._to_tidy.setdefault(feed.stream, set()).add(claim.feed)

    def _after(self, delay: float) -> int:
        return self.now + round(delay * 1_000_000) if delay > 0 else 0

    # Streams

    _SELECT_HEAD = """
    SELECT name, type, head, first_offset, epoch, dropped, recorded_at, registrations, readers,
           last_token
      FROM streams
     WHERE name = ?
    """

    def head(self, stream: str) -> Head:
        """The stream's row. Raises `KeyError` where there is none."""
        found = self._heads.get(stream)
        if found is None:
            row = self.connection.execute(self._SELECT_HEAD, (stream,)).fetchone()
            if row is None:
                raise KeyError(stream)
            found = self._heads[stream] = Head(*row)
        return found

    _SELECT_READERS = """
    SELECT subscription, consumer, events
      FROM cursors
     WHERE stream = ?
     ORDER BY id
    """

    def readers(self, head: Head) -> list[tuple[FeedKey, frozenset[str] | None]]:
        """The feeds on the stream, of all processes, and the events that each wants."""
        known = self._readers.get(head.name)
        if known is None or known[0] != head.registrations:
            rows = self.connection.execute(self._SELECT_READERS, (head.name,))
            found = [
                (FeedKey(subscription, consumer or None), wanted_events(events))
                for subscription, consumer, events in rows
            ]
            known = (head.registrations, found)
            self._readers[head.name] = known
        return known[1]

    # Feeds

    def feed(self, key: FeedKey) -> SqliteFeed:
        """The feed, to be changed.

        Raises:
            UnknownSubscriptionError: There is none.
            CursorMismatchError: Its cursor was written for another stream.
        """
        found = self.find_feed(key)
        if found is None:
            raise UnknownSubscriptionError("the store", feed_name(key))
        return found

    def find_feed(self, key: FeedKey) -> SqliteFeed | None:
        """The feed, to be changed, if there is one."""
        found = self._used.get(key)
        if found is None:
            found = load_feed(self.connection, key, self._feeds.get(key))
            if found is None:
                self._feeds.pop(key, None)
                return None
            self._feeds[key] = self._used[key] = found
        return found

    def drop_feed(self, key: FeedKey) -> None:
        """Forget the feed, which is there no more."""
        self._feeds.pop(key, None)
        self._used.pop(key, None)

    def tidy(self, stream: str) -> None:
        """Let go what the stream's readers have consumed, when this transaction ends."""
        if self.head(stream).is_ephemeral:
            self._to_tidy.setdefault(stream, set())

    def flush_partitions(self) -> None:
        """Have the progress that was made in the tables, for others to change partitions."""
        self._partitions.flush(self.now)

    def flush_feeds(self) -> None:
        """Have the tables tell what this transaction knows of events, feeds and partitions."""
        self.flush_events()
        self.flush_partitions()
        for feed in self._used.values():
            feed.flush()

    # Writing

    _INSERT_EVENT = """
    INSERT INTO events (stream, stream_offset, id, name, version, workflow, workflow_id,
                        workflow_version, recorded_at, data, metadata)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    """

    def flush_events(self) -> None:
        """Have the new events in the table, for feeds to find them."""
        if self._new_events:
            self.connection.executemany(self._INSERT_EVENT, self._new_events)
            self._new_events.clear()

    _INSERT_KEY = """
    INSERT INTO append_keys (key, fingerprint, answer, recorded_at, kind, stream, stream_offset)
    VALUES (?, ?, ?, ?, ?, ?, ?)
    """

    _PUT_WORKFLOW = """
    INSERT INTO workflows (workflow, workflow_id, version, ended)
    VALUES (?, ?, ?, ?)
        ON CONFLICT (workflow, workflow_id) DO UPDATE
       SET version = excluded.version, ended = excluded.ended
    """

    _UPDATE_HEAD = """
    UPDATE streams
       SET head = ?, first_offset = ?, dropped = ?, recorded_at = ?, registrations = ?,
           readers = ?, last_token = ?
     WHERE name = ?
    """

    _INSERT_COMMAND = """
    INSERT OR IGNORE INTO sent_commands (key, name, body, request_id, attempts, due_at, error,
                                         sent_at, kind, stream, stream_offset)
    VALUES (?, ?, ?, ?, 0, ?, '', ?, ?, ?, ?)
    """

    _DELETE_COMMAND = """
    DELETE FROM sent_commands
     WHERE key = ?
    """

    def flush(self) -> None:
        """Write all that the transaction's units have decided."""
        if self._sends:
            self.connection.executemany(
                self._INSERT_COMMAND,
                [
                    (
                        one.key,
                        one.name,
                        one.body,
                        one.request_id,
                        self.now,
                        self.now,
                        *occasion_row(one.occasion),
                    )
                    for one in self._sends
                ],
            )
        if self._done:
            self.connection.executemany(self._DELETE_COMMAND, self._done)
        if self._new_keys:
            self.connection.executemany(
                self._INSERT_KEY,
                [
                    (
                        key,
                        one.answer.fingerprint,
                        one.answer.content,
                        self.now,
                        *occasion_row(one.occasion),
                    )
                    for key, one in self._new_keys.items()
                ],
            )
        if changed := [
            (*key, workflow.version, workflow.ended)
            for key, workflow in self._workflows.items()
            if workflow.is_changed
        ]:
            self.connection.executemany(self._PUT_WORKFLOW, changed)
        self.flush_events()
        self.flush_partitions()
        for stream, keys in self._to_tidy.items():
            for key in keys:
                with suppress(CursorMismatchError):  # told to those who read it
                    if (feed := self.find_feed(key)) is not None:
                        feed.pass_what_is_not_wanted(self.head(stream).head)
        for feed in self._used.values():
            feed.flush()
        for stream in self._to_tidy:
            self._let_go_what_is_consumed(self.head(stream))
        self.flush_heads()

    def flush_heads(self) -> None:
        """Have heads and new events in their tables."""
        self.flush_events()
        for head in self._heads.values():
            if head.is_changed:
                self.connection.execute(
                    self._UPDATE_HEAD,
                    (
                        head.head,
                        head.first_offset,
                        head.dropped,
                        head.recorded_at,
                        head.registrations,
                        head.readers,
                        head.last_token,
                        head.name,
                    ),
                )

    # The offset up to which every reader of the stream has settled everything.
    _SELECT_CONSUMED = """
    SELECT min(coalesce(
               (SELECT min(stream_offset) - 1 FROM deliveries WHERE cursor_id = cursors.id),
               read_to))
      FROM cursors
     WHERE stream = ?
    """

    _DELETE_CONSUMED = """
    DELETE FROM events
     WHERE stream = ? AND stream_offset <= ?
    """

    def _let_go_what_is_consumed(self, head: Head) -> None:
        [consumed] = self.connection.execute(self._SELECT_CONSUMED, (head.name,)).fetchone()
        if consumed is None:
            consumed = head.head
        self.connection.execute(self._DELETE_CONSUMED, (head.name, consumed))
        if consumed >= head.first_offset:
            head.first_offset = consumed + 1
            head.is_changed = True
