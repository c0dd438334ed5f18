"""What is particular to a store in a file: other processes, restarts, files that are not ours."""

# ruff: noqa: ASYNC220, ASYNC240  (tests that look at files and start processes; nothing else runs)

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from headwater.errors import (
    ConfigurationError,
    CursorMismatchError,
    OutcomeUnknownError,
    SchemaMismatchError,
    StoreUnavailableError,
    UnknownSubscriptionError,
)
from headwater.schema.revisions import REVISION
from headwater.schema.sqlite import statements
from headwater.schema.tables import TABLES
from headwater.stores.contract import (
    Acknowledge,
    Committed,
    Expect,
    FeedKey,
    FeedStatistics,
    PutBack,
    Rejected,
    Unit,
)
from headwater.stores.sqlite.store import SqliteStore
from headwater.streams import FromTimestamp, Stream, StreamType
from headwater.testing import VirtualClock
from headwater.testing.conformance.examples import (
    ME,
    STREAMS,
    claim,
    feed,
    new_event,
    offsets,
    unit,
)

READER = FeedKey("reader")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a file?with#odd %name.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(path, VirtualClock(), busy_wait=0.05)
    await store.open(STREAMS)
    yield store
    await store.close()


@pytest.fixture
async def other(path: Path, store: SqliteStore) -> AsyncIterator[SqliteStore]:
    """The same file, as another process has it."""
    other = SqliteStore(path, VirtualClock(), poll=(0.001, 0.01))
    await other.open(STREAMS)
    yield other
    await other.close()


# The file


def test_the_tables_are_made_as_they_are_described() -> None:
    connection = sqlite3.connect(":memory:")
    for statement in statements():
        connection.execute(statement)
    for table in TABLES:
        columns = connection.execute(f"PRAGMA table_info({table.name})").fetchall()
        assert [column[1] for column in columns] == [column.name for column in table.columns]
        nullable = [column[1] for column in columns if not column[3] and not column[5]]
        assert nullable == [column.name for column in table.columns if column.nullable]
    connection.close()


async def test_a_commit_is_on_disk_when_it_is_acknowledged(store: SqliteStore, path: Path) -> None:
    """The write-ahead log, synced at every commit."""
    connection = store._writer._transaction.connection  # type: ignore[union-attr]
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert path.exists()


@pytest.mark.parametrize(("version", "whose"), [(4, "newer"), (1, "older")])
async def test_tables_of_another_version_are_refused(
    store: SqliteStore, path: Path, version: int, whose: str
) -> None:
    await store.close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()

    with pytest.raises(SchemaMismatchError, match=whose) as refused:
        await store.open(STREAMS)
    assert (refused.value.found, refused.value.expected) == (str(version), REVISION)


async def test_tables_of_a_newer_revision_are_refused(store: SqliteStore, path: Path) -> None:
    await store.close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE headwater_revisions SET version_num = 'headwater.9999'")
    connection.commit()
    connection.close()

    with pytest.raises(SchemaMismatchError, match="newer") as refused:
        await store.open(STREAMS)
    assert (refused.value.found, refused.value.is_newer) == ("headwater.9999", True)


async def test_a_database_of_somebody_else_is_refused_and_not_touched(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE things (name TEXT)")
    connection.close()
    before = path.read_bytes()

    with pytest.raises(SchemaMismatchError, match="holds something else") as refused:
        await SqliteStore(path).open(STREAMS)
    assert refused.value.found is None
    assert path.read_bytes() == before


async def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.write_text("name,age\nAda,36\n" * 100)
    with pytest.raises(ConfigurationError, match="not a database"):
        await SqliteStore(path).open(STREAMS)


async def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"there is no folder .*/no-such-folder$"):
        await SqliteStore(tmp_path / "no-such-folder" / "x.db").open(STREAMS)


async def test_a_folder_in_place_of_the_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"it is a folder$"):
        await SqliteStore(tmp_path).open(STREAMS)


async def test_a_folder_that_may_not_be_written_in_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked of the system, since whoever runs the tests may be allowed everything."""
    monkeypatch.setattr(os, "access", lambda *_: False)

    def refuse(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("unable to open database file")

    monkeypatch.setattr(sqlite3, "connect", refuse)
    with pytest.raises(ConfigurationError, match="this user may not write in"):
        await SqliteStore(tmp_path / "x.db").open(STREAMS)


async def test_a_stream_of_another_type_is_refused(store: SqliteStore, path: Path) -> None:
    again = SqliteStore(path)
    with pytest.raises(ConfigurationError, match="log is persistent in this database"):
        await again.open((Stream("log", StreamType.EPHEMERAL),))


async def test_a_store_that_is_closed_says_so(store: SqliteStore) -> None:
    await store.close()
    [outcome] = await store.commit([unit(new_event())])
    assert isinstance(outcome, Rejected)
    assert isinstance(outcome.error, StoreUnavailableError)
    with pytest.raises(StoreUnavailableError):
        await store.read("log", 0, 1)


# Restarts


async def test_all_that_was_acknowledged_is_there_after_a_restart(store: SqliteStore) -> None:
    await store.register(feed())
    await store.commit([unit(new_event(), to=name) for name in "abc"])
    first, second, _ = await claim(store, READER)
    await store.commit(
        [Unit(settlements=(Acknowledge(first), PutBack(second, failed=True, delay=5.0)))]
    )
    before = await store.read("log", 0, 9), await store.feed(READER)

    await store.close()
    await store.open(STREAMS)
    await store.register(feed())

    assert (await store.read("log", 0, 9), await store.feed(READER)) == before
    assert (await store.workflow("Cart", "a")).version == 1
    clock = store._clock
    assert isinstance(clock, VirtualClock)
    clock.advance(5.0)
    [again] = await claim(store, READER)
    assert (again.event.offset, again.attempt) == (2, 2)


async def test_a_claim_of_a_feed_that_was_made_anew_is_lost(store: SqliteStore) -> None:
    await store.register(feed())
    await store.commit([unit(new_event())])
    [old] = await claim(store, READER)
    await store.unregister(READER)
    await store.register(feed())
    [new] = await claim(store, READER)

    first, second = await store.commit(
        [Unit(settlements=(Acknowledge(old),)), Unit(settlements=(Acknowledge(new),))]
    )
    assert isinstance(first, Rejected)
    assert isinstance(second, Committed)


APPEND_UNTIL_KILLED = """
import asyncio, sys
from headwater.stores.sqlite.store import SqliteStore
from headwater.testing.conformance.examples import STREAMS, new_event, unit

async def main():
    store = SqliteStore(sys.argv[1])
    await store.open(STREAMS)
    while True:
        [done] = await store.commit([unit(new_event(), new_event())])
        print(done.offsets[-1], flush=True)

asyncio.run(main())
"""


async def test_what_a_killed_process_acknowledged_is_there_and_nothing_by_halves(
    path: Path,
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", APPEND_UNTIL_KILLED, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for _ in range(20):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    acknowledged = [20 * 2, *(int(line) for line in process.stdout if line.endswith("\n"))][-1]
    process.stdout.close()
    process.wait()

    store = SqliteStore(path)
    await store.open(STREAMS)
    recorded = await store.read("log", 0, 1_000_000)
    await store.close()
    assert acknowledged <= len(recorded)
    assert len(recorded) % 2 == 0, "a unit is written whole"
    assert [one.offset for one in recorded] == list(range(1, len(recorded) + 1))


# Other processes


async def test_two_processes_make_the_same_file_at_once(path: Path) -> None:
    stores = [SqliteStore(path) for _ in range(4)]
    await asyncio.gather(*(store.open(STREAMS) for store in stores))
    await asyncio.gather(*(store.commit([unit(new_event())]) for store in stores))
    assert (await stores[0].statistics("log")).head == 4
    for store in stores:
        await store.close()


async def test_expectations_hold_between_processes(store: SqliteStore, other: SqliteStore) -> None:
    outcomes = await asyncio.gather(
        *(one.commit([unit(new_event(), expect=Expect.NEW)]) for one in (store, other))
    )
    kinds = sorted(type(outcome).__name__ for [outcome] in outcomes)
    assert kinds == ["Committed", "Rejected"]


async def test_a_claim_of_one_process_is_not_made_by_the_other(
    store: SqliteStore, other: SqliteStore
) -> None:
    await store.register(feed())
    await other.register(feed())
    await store.commit([unit(new_event(), to=name) for name in "ab"])

    [mine] = await claim(store, READER, limit=1)
    [theirs] = await claim(other, READER)
    await other.commit([Unit(settlements=(Acknowledge(theirs),))])
    await store.commit([Unit(settlements=(Acknowledge(mine),))])

    assert (mine.event.offset, theirs.event.offset) == (1, 2)
    assert await other.feed(READER) == await store.feed(READER) == FeedStatistics(2, 0, 0)


async def test_who_waits_is_woken_by_what_another_process_writes(
    store: SqliteStore, other: SqliteStore
) -> None:
    await other.register(feed())
    changes = other.changes(READER)
    waiting = asyncio.ensure_future(changes.wait_after(changes.generation))

    await store.commit([unit(new_event())])

    await asyncio.wait_for(waiting, 5)
    assert offsets(await claim(other, READER)) == [1]


async def test_what_this_process_writes_does_not_look_like_another_s(store: SqliteStore) -> None:
    seen = await store._data_version()
    await store.commit([unit(new_event())])
    assert await store._data_version() == seen


async def test_a_file_that_another_process_holds_is_waited_for_and_then_given_up(
    store: SqliteStore, path: Path
) -> None:
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    begun = time.monotonic()
    outcomes = await store.commit([unit(new_event()), unit(new_event())])
    waited = time.monotonic() - begun
    holder.execute("ROLLBACK")
    holder.close()

    for outcome in outcomes:
        assert isinstance(outcome, Rejected)
        assert isinstance(outcome.error, StoreUnavailableError)
    assert waited >= 0.05
    assert [type(one) for one in await store.commit([unit(new_event())])] == [Committed]


async def test_looking_for_events_does_not_wait_for_another_process_that_writes(
    store: SqliteStore, path: Path
) -> None:
    await store.register(feed())
    await claim(store, READER)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    assert await claim(store, READER) == []
    assert await store.read("log", 0, 1) == []
    holder.execute("ROLLBACK")
    holder.close()


# Failures


async def test_a_unit_that_cannot_be_written_is_left_out_alone(store: SqliteStore) -> None:
    outcomes = await store.commit(
        [unit(new_event(), to="a"), unit(new_event(), to="\ud800"), unit(new_event(), to="c")]
    )
    assert [type(one) for one in outcomes] == [Committed, Rejected, Committed]
    assert [one.workflow_id for one in await store.read("log", 0, 9)] == ["a", "c"]


async def test_commits_of_one_moment_share_a_transaction_and_a_bad_one_fails_alone(
    store: SqliteStore,
) -> None:
    outcomes = await asyncio.gather(
        *(store.commit([unit(new_event(), to=name)]) for name in ("a", "\ud800", "c"))
    )
    assert [type(one) for [one] in outcomes] == [Committed, Rejected, Committed]


async def test_after_a_commit_that_failed_the_outcome_is_unknown_and_the_next_one_works(
    store: SqliteStore,
) -> None:
    class Failing:
        """A connection whose disk fails at the end."""

        def __init__(self, connection: sqlite3.Connection) -> None:
            self._connection = connection

        def execute(self, statement: str, *rest: object) -> object:
            if statement == "COMMIT":
                raise sqlite3.OperationalError("disk I/O error")
            return self._connection.execute(statement, *rest)  # type: ignore[arg-type]

        def __getattr__(self, name: str) -> object:
            return getattr(self._connection, name)

    transaction = store._writer._transaction
    assert transaction is not None
    transaction.connection = Failing(transaction.connection)  # type: ignore[assignment]

    with pytest.raises(OutcomeUnknownError, match="disk I/O error"):
        await store.commit([unit(new_event())])

    assert await store.commit([unit(new_event())]) == [Committed((1,))]


async def test_a_commit_goes_on_without_its_caller(store: SqliteStore) -> None:
    committing = asyncio.ensure_future(store.commit([unit(new_event())]))
    await asyncio.sleep(0)
    committing.cancel()
    await asyncio.wait([committing])
    await store.commit([])
    assert (await store.statistics("log")).head == 1


async def test_claims_of_a_caller_that_was_cancelled_are_given_back(store: SqliteStore) -> None:
    await store.register(feed())
    await store.commit([unit(new_event())])
    claiming = asyncio.ensure_future(store.claim(READER, ME, 1))
    await asyncio.sleep(0)
    claiming.cancel()
    await asyncio.wait([claiming])
    await store.close()
    await store.open(STREAMS)
    await store.register(feed())

    [again] = await claim(store, READER, holder="other#1")
    assert again.attempt == 1


# Cursors


async def test_a_cursor_of_another_stream_is_refused(store: SqliteStore, path: Path) -> None:
    await store.register(feed())
    await store.close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE streams SET epoch = epoch + 1")
    connection.commit()
    connection.close()

    await store.open(STREAMS)
    with pytest.raises(CursorMismatchError, match="epoch"):
        await store.register(feed())


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ("UPDATE events SET id = zeroblob(16)", "event 2 was"),
        ("UPDATE streams SET head = 1", "the stream ends at 1"),
        ("UPDATE cursors SET format = 99", "format 99"),
    ],
)
async def test_a_cursor_notices_that_the_stream_is_not_what_it_read(
    store: SqliteStore, path: Path, damage: str, reason: str
) -> None:
    await store.register(feed())
    await store.commit([unit(new_event(), to=name) for name in "ab"])
    await claim(store, READER)
    await store.close()
    connection = sqlite3.connect(path)
    connection.execute(damage)
    connection.commit()
    connection.close()

    await store.open(STREAMS)
    with pytest.raises(CursorMismatchError, match=reason):
        await store.register(feed())


async def test_a_timestamp_is_found_in_a_long_stream(path: Path) -> None:
    clock = VirtualClock()
    store = SqliteStore(path, clock)
    await store.open(STREAMS)
    times = []
    for number in range(40):
        clock.advance(number % 3)
        times.append(clock.now())
        await store.commit([unit(new_event(), to=str(number))])
    for number, time_ in enumerate(sorted(set(times))):
        await store.register(feed(f"reader-{number}", start=FromTimestamp(time_)))
        assert (await store.feed(FeedKey(f"reader-{number}"))).position == times.index(time_)
    await store.close()


async def test_a_feed_that_wants_little_passes_the_rest_in_steps(store: SqliteStore) -> None:
    """So that one claim does not hold up the other writers."""
    await store.register(feed(events=("Rare",)))
    await store.commit([unit(*(new_event("Other") for _ in range(2500)), new_event("Rare"))])
    changes = store.changes(READER)
    looks = 0
    while not (claims := await claim(store, READER)):
        assert changes.generation, "it is called again at once"
        looks += 1
        assert looks < 10
    assert (offsets(claims), looks) == ([2501], 2)


async def test_a_feed_that_wants_something_else_now_is_asked_for_it(store: SqliteStore) -> None:
    await store.register(feed())
    await store.commit([unit(new_event(), to="a"), unit(new_event("Other"), to="b")])
    assert offsets(await claim(store, READER, limit=1)) == [1]

    await store.register(replace(feed(), events=frozenset({"Added", "Other"})))

    assert offsets(await claim(store, READER)) == [2]


async def test_only_what_may_come_again_is_committed_without_waiting_for_the_disk(
    store: SqliteStore,
) -> None:
    """Claims, and settlements that say so; one durable unit makes its whole group wait."""
    seen: list[tuple[str, int]] = []

    class Watching:
        def __init__(self, connection: sqlite3.Connection) -> None:
            self._connection = connection

        def execute(self, statement: str, *rest: object) -> object:
            if statement == "COMMIT":
                [level] = self._connection.execute("PRAGMA synchronous").fetchone()
                seen.append((step, level))
            return self._connection.execute(statement, *rest)  # type: ignore[arg-type]

        def __getattr__(self, name: str) -> object:
            return getattr(self._connection, name)

    await store.register(feed())
    transaction = store._writer._transaction
    assert transaction is not None
    transaction.connection = Watching(transaction.connection)  # type: ignore[assignment]
    step = "append"
    await store.commit([unit(new_event(), to=name) for name in "abc"])
    step = "claim"
    first, second, third = await claim(store, READER)
    step = "durable"
    await store.commit([Unit(settlements=(Acknowledge(first),))])
    step = "not durable"
    await store.commit([Unit(settlements=(Acknowledge(second),), durable=False)])
    step = "both"
    await store.commit([Unit(settlements=(Acknowledge(third),), durable=False), unit(new_event())])
    full, normal = 2, 1
    assert seen == [
        ("append", full),
        ("claim", normal),
        ("durable", full),
        ("not durable", normal),
        ("both", full),
    ]


async def held_back(store: SqliteStore) -> threading.Event:
    """Keep the writer waiting until the event is set: what comes meanwhile is one group."""
    reached, go_on = threading.Event(), threading.Event()

    def wait(_: object) -> bool:
        reached.set()
        return go_on.wait(5)

    store._writer.look(wait)
    await asyncio.to_thread(reached.wait, 5)
    return go_on


async def test_a_durable_job_makes_its_whole_group_wait_for_the_disk(store: SqliteStore) -> None:
    await store.register(feed())
    await store.commit([unit(new_event(), to=name) for name in "ab"])
    first, _ = await claim(store, READER)
    go_on = await held_back(store)
    jobs = [
        asyncio.ensure_future(store.commit([one]))
        for one in (unit(new_event()), Unit(settlements=(Acknowledge(first),), durable=False))
    ]
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.gather(*jobs)
    assert store._writer._waits_for_disk


async def test_a_job_whose_caller_left_before_it_began_is_not_done(store: SqliteStore) -> None:
    go_on = await held_back(store)
    registering = asyncio.ensure_future(store.register(feed()))
    await asyncio.sleep(0)
    registering.cancel()
    await asyncio.wait([registering])
    go_on.set()
    await store.commit([])
    with pytest.raises(UnknownSubscriptionError):
        await store.feed(READER)


async def test_what_a_rolled_back_transaction_did_to_a_feed_is_forgotten(
    store: SqliteStore,
) -> None:
    await store.register(feed())
    await store.commit([unit(new_event())])
    [first] = await claim(store, READER)

    done, bad = await store.commit(
        [Unit(settlements=(Acknowledge(first),)), unit(new_event(), to="\ud800")]
    )

    assert (type(done), type(bad)) == (Committed, Rejected)
    assert await store.feed(READER) == FeedStatistics(1, 0, 0)
