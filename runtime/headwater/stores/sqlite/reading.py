"""Reading the file beside the writer: a few connections, each in one thread at a time."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar

from headwater.errors import StoreUnavailableError, UnknownSubscriptionError
from headwater.events import RecordedEvent
from headwater.stores.contract import (
    Answer,
    Consumer,
    DeadLetter,
    FeedKey,
    FeedStatistics,
    WorkflowState,
)
from headwater.stores.groups import partition_of
from headwater.stores.guards import feed_name, partition_number
from headwater.stores.retention import gap_between
from headwater.streams import StreamStatistics

from .file import connect
from .groups import is_partition
from .rows import from_microseconds, recorded_event

__all__ = [
    "Readers",
    "read_answer",
    "read_consumers",
    "read_dead_letters",
    "read_events",
    "read_feed",
    "read_history",
    "read_paused",
    "read_statistics",
    "read_workflow",
]

T = TypeVar("T")

CONNECTIONS = 2


class Readers:
    """Connections that only read, from `start` to `stop`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: SimpleQueue[sqlite3.Connection] = SimpleQueue()
        self._threads: ThreadPoolExecutor | None = None

    def start(self) -> None:
        """Be ready; the file has to be there."""
        self._threads = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="headwater-read")
        for _ in range(CONNECTIONS):
            self._idle.put(connect(self._path, read_only=True))

    async def stop(self) -> None:
        """Let what is being read finish, then close."""
        if self._threads is not None:
            threads, self._threads = self._threads, None
            await asyncio.to_thread(threads.shutdown)
            while not self._idle.empty():
                self._idle.get_nowait().close()

    async def run(self, read: Callable[[sqlite3.Connection], T]) -> T:
        """What `read` returns; all its statements see the same state of the file."""
        if self._threads is None:
            raise StoreUnavailableError("it is not open")
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, self._read, read)
        except sqlite3.Error as error:
            raise StoreUnavailableError(str(error)) from error

    def _read(self, read: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._idle.get()
        try:
            connection.execute("BEGIN")
            try:
                return read(connection)
            finally:
                connection.execute("COMMIT")
        finally:
            self._idle.put(connection)


# Both bounds are given: offsets have no gaps, so a page is found without counting rows.
_SELECT_EVENTS = """
SELECT events.stream, stream_offset, id, events.name, version, workflow, workflow_id,
       workflow_version, events.recorded_at, data, metadata
  FROM events JOIN streams ON streams.name = events.stream
 WHERE stream = ? AND stream_offset > ? AND stream_offset <= ? AND stream_offset >= first_offset
 ORDER BY stream_offset
"""


def read_events(
    connection: sqlite3.Connection, stream: str, after: int, limit: int
) -> list[RecordedEvent]:
    """The events with `after < offset <= after + limit`."""
    rows = connection.execute(_SELECT_EVENTS, (stream, after, after + limit))
    return [recorded_event(row) for row in rows]


_SELECT_WORKFLOW = """
SELECT version, ended
  FROM workflows
 WHERE workflow = ? AND workflow_id = ?
"""


def read_workflow(connection: sqlite3.Connection, workflow: str, workflow_id: str) -> WorkflowState:
    """How far the workflow has come."""
    row = connection.execute(_SELECT_WORKFLOW, (workflow, workflow_id)).fetchone()
    return WorkflowState(row[0], bool(row[1])) if row else WorkflowState()


_SELECT_HISTORY = """
SELECT stream, stream_offset, id, events.name, version, workflow, workflow_id, workflow_version,
       events.recorded_at, data, metadata
  FROM events JOIN streams ON streams.name = events.stream
 WHERE workflow = ? AND workflow_id = ? AND workflow_version <= ? AND stream = ?
   AND stream_offset >= first_offset
 ORDER BY workflow_version
"""


def read_history(
    connection: sqlite3.Connection, stream: str, workflow: str, workflow_id: str, version: int
) -> list[RecordedEvent]:
    """The first `version` events of the workflow."""
    rows = connection.execute(_SELECT_HISTORY, (workflow, workflow_id, version, stream))
    return [recorded_event(row) for row in rows]


_SELECT_STATISTICS = """
SELECT head, head - first_offset + 1, dropped
  FROM streams
 WHERE name = ?
"""


def read_statistics(connection: sqlite3.Connection, stream: str) -> StreamStatistics:
    """How far the stream has come."""
    row = connection.execute(_SELECT_STATISTICS, (stream,)).fetchone()
    if row is None:
        raise KeyError(stream)
    return StreamStatistics(*row)


_SELECT_CURSOR = """
SELECT cursors.id, stream, events, read_to, head, skipped, truncated, truncated_from, truncated_to
  FROM cursors JOIN streams ON streams.name = stream
 WHERE subscription = ? AND consumer = ?
"""

_COUNT_UNSETTLED = """
SELECT count(*), count(nullif(token, 0)), min(stream_offset), count(nullif(held, 0))
  FROM deliveries
 WHERE cursor_id = ?
"""

_COUNT_AHEAD = """
SELECT count(*), min(stream_offset)
  FROM events
 WHERE stream = ? AND stream_offset > ?
   AND (? IS NULL OR name IN (SELECT value FROM json_each(?)))
"""


# Reads each event ahead: nothing in the table tells which partition it is in.
_COUNT_AHEAD_IN_PARTITION = """
SELECT count(*), min(stream_offset)
  FROM events
 WHERE stream = ? AND stream_offset > ?
   AND (? IS NULL OR name IN (SELECT value FROM json_each(?)))
   AND partition_of(workflow_id) = ?
"""


def read_feed(connection: sqlite3.Connection, key: FeedKey) -> FeedStatistics:
    """How far the feed has come."""
    row = connection.execute(_SELECT_CURSOR, (key.subscription, key.consumer or "")).fetchone()
    if row is None:
        raise UnknownSubscriptionError("the store", feed_name(key))
    cursor_id, stream, events, read_to, head, skipped, truncated, *ends = row
    unsettled, claimed, first, held = connection.execute(_COUNT_UNSETTLED, (cursor_id,)).fetchone()
    wanted = (stream, read_to, events, events)
    if is_partition(connection, key):
        connection.create_function("partition_of", 1, partition_of, deterministic=True)
        ahead, next_wanted = connection.execute(
            _COUNT_AHEAD_IN_PARTITION, (*wanted, partition_number(key))
        ).fetchone()
    else:
        ahead, next_wanted = connection.execute(_COUNT_AHEAD, wanted).fetchone()
    next_open = first if first is not None else next_wanted
    position = max(head, read_to) if next_open is None else next_open - 1
    pending, gap = unsettled + ahead, gap_between(*ends)
    return FeedStatistics(position, claimed, pending, held, skipped, truncated, gap)


_SELECT_DEAD_LETTERS = """
SELECT stream, stream_offset, id, name, version, workflow, workflow_id, workflow_version,
       recorded_at, data, metadata, subscription, consumer, error, attempts, set_aside_at,
       letter_id, behind, unread
  FROM dead_letters
 WHERE subscription = ?
 ORDER BY letter_id
"""


def read_dead_letters(connection: sqlite3.Connection, subscription: str) -> list[DeadLetter]:
    """The subscription's dead letters, oldest first."""
    return [
        DeadLetter(
            id=row[16],
            subscription=row[11],
            consumer=row[12] or None,
            event=recorded_event(row[:11]),
            error=row[13],
            attempts=row[14],
            set_aside_at=from_microseconds(row[15]),
            behind=bool(row[17]),
            unread=bool(row[18]),
        )
        for row in connection.execute(_SELECT_DEAD_LETTERS, (subscription,))
    ]


_SELECT_ANSWER = """
SELECT fingerprint, answer
  FROM append_keys
 WHERE key = ?
"""


def read_answer(connection: sqlite3.Connection, key: str) -> Answer | None:
    """What was kept with the idempotency key."""
    row = connection.execute(_SELECT_ANSWER, (key,)).fetchone()
    return None if row is None else Answer(*row)


_SELECT_CONSUMERS = """
SELECT consumer, registered_at, seen_at,
       (SELECT count(*)
          FROM sessions
         WHERE sessions.subscription = consumers.subscription
           AND sessions.consumer = consumers.consumer)
  FROM consumers
 WHERE subscription = ?
 ORDER BY consumer
"""


def read_consumers(connection: sqlite3.Connection, subscription: str) -> list[Consumer]:
    """The subscription's consumers, by name."""
    return [
        Consumer(subscription, name, from_microseconds(since), from_microseconds(seen), sessions)
        for name, since, seen, sessions in connection.execute(_SELECT_CONSUMERS, (subscription,))
    ]


_SELECT_PAUSED = """
SELECT subscription
  FROM pauses
"""


def read_paused(connection: sqlite3.Connection) -> frozenset[str]:
    """The subscriptions that are paused."""
    return frozenset(row[0] for row in connection.execute(_SELECT_PAUSED))
