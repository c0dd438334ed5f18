"""`headwater streams copy`: everything of a database in another one, whatever kinds they are."""

from __future__ import annotations

import asyncio
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import pytest
from headwater.cli import main
from headwater.clock import SystemClock
from headwater.errors import (
    ConfigurationError,
    CopyFailedError,
    CopyRefusedError,
    CopyUnfinishedError,
    SchemaMismatchError,
    WorkflowEndedError,
)
from headwater.schema.tables import TABLES
from headwater.stores.contract import (
    Acknowledge,
    Claim,
    Committed,
    FeedKey,
    PutBack,
    Rejected,
    SetAside,
    Store,
    Unit,
)
from headwater.stores.copying import Stage, copy_database
from headwater.stores.databases import store_for
from headwater.stores.groups import Ownership, Unsettled, partition_key
from headwater.stores.receipts import Received
from headwater.testing.conformance.examples import (
    STREAMS,
    claim,
    connection,
    feed,
    new_event,
    schema,
    sent,
    unit,
    unit_with_key,
)
from headwater.testing.conformance.groups import PARTITION, Sessions, group, progress

from tests.support.postgres import Server

T = TypeVar("T")

KINDS = ("sqlite", "postgres")
READER, QUEUE = FeedKey("reader"), FeedKey("worker")

# Copies, and kills itself when it has told how far it is for the n-th time.
KILLED = """
import asyncio, os, signal, sys
from headwater.stores.copying import copy_database

def progress(stage, done, total, left=[int(sys.argv[3])]):
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(copy_database(sys.argv[1], sys.argv[2], progress=progress))
"""

MakeDatabase = Callable[[str], str]


@pytest.fixture
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> MakeDatabase:
    """Makes a database of a kind, and returns its URL: a file, or a schema with empty tables."""
    numbers = count(1)

    def make(kind: str) -> str:
        if kind == "sqlite":
            return f"sqlite:///{tmp_path}/{next(numbers)}.db"
        cluster: Server = request.getfixturevalue("postgres")
        url = cluster.run(cluster.create_database("template"))
        request.addfinalizer(lambda: cluster.run(cluster.drop_database(url)))
        return url

    return make


@asynccontextmanager
async def opened(database: str) -> AsyncIterator[Store]:
    store = store_for(database, SystemClock())
    await store.open(STREAMS)
    try:
        yield store
    finally:
        await store.close()


@dataclass
class Filled:
    """What a test has to know of the content of a source."""

    held: Claim
    """Of an event that is being handled."""
    letter: int
    owned: Ownership
    """By a member of a group, which has an event to be settled still."""


async def fill(database: str) -> Filled:
    """Have something in every table, and numbers that were given and are gone."""
    async with opened(database) as store:
        await store.keep_schemas([schema(), schema("Added", 2, "b2")])
        await store.register(feed("gone"))
        await store.register(feed("reader"))
        await store.register(feed("worker", stream="queue"))
        await store.unregister(FeedKey("gone"))
        await store.commit(
            [
                unit(new_event(text="käse"), new_event(), new_event("Other"), to="cart-1"),
                unit(new_event(terminal=True), to="cart-2"),
                unit(new_event(), to="alone", workflow=None),
                unit(new_event(), new_event(), new_event(), to="cart-3", stream="queue"),
                unit_with_key("once", new_event(), to="cart-4"),
            ]
        )
        by_workflow = {one.event.workflow_id: one for one in await claim(store, READER)}
        assert set(by_workflow) == {"cart-1", "cart-2", "alone", "cart-4"}
        await store.commit(
            [
                Unit(settlements=(PutBack(by_workflow["cart-2"], failed=True, delay=3600.0),)),
                Unit(settlements=(SetAside(by_workflow["alone"], "no room"),)),
                Unit(settlements=(SetAside(by_workflow["cart-4"], "no"),)),
                Unit(sends=(sent("later"), sent("failed"))),
            ]
        )
        first, second = await store.dead_letters("reader")
        await store.drop([second.id])
        await store.take_commands(2, 3600.0)
        await store.postpone_command("failed", "it broke", None)
        [queued] = await claim(store, QUEUE)
        await store.commit([Unit(settlements=(Acknowledge(queued),))])
        await store.connect(connection("session-1"), lifetime=3600.0, expire_after=7200.0)
        await store.connect(connection("session-2", "ben"), lifetime=3600.0, expire_after=None)
        await store.pause("worker")
        await store.acquire_lease("relay", "me", 3600.0)
        news = FeedKey("news", "ann")
        await store.register(feed("news", consumer="ann"))
        delivered = await claim(store, news)
        received = Received(unread_after=3600.0)
        await store.commit(
            [Unit(settlements=tuple(Acknowledge(one, received) for one in delivered))]
        )
        await store.receipts.mark_read(news, [1])
        await store.register_group(group())
        sessions = Sessions(store)
        await sessions.join("member")
        await sessions.balance("member")
        owned = sessions.owned["member"][PARTITION]
        waits = Unsettled(1, "cart-1", failures=2, delay=3600.0)
        await store.commit([Unit(progress=(progress(owned, 3, unsettled=[waits], skipped=1),))])
        return Filled(by_workflow["cart-1"], first.id, owned)


NOT_FILLED: set[str] = set()  # by nothing that this test does


async def add_events(database: str, events: int) -> None:
    async with opened(database) as store:
        for _ in range(events // 500):
            await store.commit([unit(*(new_event(text="x" * 40) for _ in range(500)), to="bulk")])


def content(path: str) -> dict[str, list[Any]]:
    """All rows of a file, as SQLite itself gives them, in the order of their keys."""
    with closing(sqlite3.connect(path.removeprefix("sqlite:///"))) as file:
        found = {
            table.name: file.execute(
                f"SELECT * FROM {table.name} ORDER BY {', '.join(table.primary_key)}"  # noqa: S608
            ).fetchall()
            for table in TABLES
        }
        found["numbers"] = file.execute(
            "SELECT name, seq FROM sqlite_sequence ORDER BY name"
        ).fetchall()
    return found


async def as_file(database: str, new_database: MakeDatabase) -> dict[str, list[Any]]:
    """All rows of a database, seen through a file that it is copied to."""
    if database.startswith("sqlite"):
        return content(database)
    file = new_database("sqlite")
    await copy_database(database, file)
    return content(file)


def beside(work: Coroutine[Any, Any, T]) -> T:
    """What the work returns, done in another event loop while this one stands still."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


@pytest.mark.parametrize("target_kind", KINDS)
@pytest.mark.parametrize("source_kind", KINDS)
async def test_a_copy_is_equal_and_goes_on_as_the_source_would(
    source_kind: str, target_kind: str, new_database: MakeDatabase
) -> None:
    source, target = new_database(source_kind), new_database(target_kind)
    filled = await fill(source)

    copied = await copy_database(source, target)

    rows = {table.name: table.rows for table in copied.tables}
    empty = {name for name, count in rows.items() if not count}
    assert empty <= NOT_FILLED, "a table that is empty proves nothing"
    assert copied.added == sum(rows.values())
    async with opened(source) as theirs, opened(target) as ours:
        assert await ours.read("log", 0, 100) == await theirs.read("log", 0, 100) != []
        assert await ours.statistics("log") == await theirs.statistics("log")
        # What was consumed of a queue goes when a store finds the time.
        assert await ours.read("queue", 1, 100) == await theirs.read("queue", 1, 100) != []
        for key in (READER, QUEUE, partition_key("group", PARTITION)):
            assert await ours.feed(key) == await theirs.feed(key)
        assert await ours.partitions("group") == await theirs.partitions("group")
        for subscription in ("reader", "worker", "group"):
            assert await ours.dead_letters(subscription) == await theirs.dead_letters(subscription)
            assert await ours.consumers(subscription) == await theirs.consumers(subscription)
        assert await ours.schemas() == await theirs.schemas()
        assert await ours.paused() == {"worker"}
        assert await ours.failed_commands() == await theirs.failed_commands() != []

        [ended, known, settled, made] = await ours.commit(
            [
                unit(new_event(), to="cart-2"),
                unit_with_key("once", new_event(), to="cart-4"),
                Unit(settlements=(Acknowledge(filled.held),)),
                Unit(progress=(progress(filled.owned, 3, settled=[1]),)),
            ]
        )
        assert isinstance(ended, Rejected)
        assert isinstance(ended.error, WorkflowEndedError)
        assert isinstance(known, Committed)
        assert known.earlier is not None
        assert (settled, made) == (Committed(()), Committed(()))
        head = (await theirs.statistics("log")).head
        assert await ours.commit([unit(new_event())]) == [Committed((head + 1,))]
        assert await ours.requeue([filled.letter]) == 1


async def test_there_and_back_again_no_byte_has_changed(new_database: MakeDatabase) -> None:
    first, middle, last = (new_database(kind) for kind in ("sqlite", "postgres", "sqlite"))
    await fill(first)

    there = await copy_database(first, middle)
    back = await copy_database(middle, last)

    assert content(last) == content(first)
    assert there.digest == back.digest
    assert {one.name for one in there.tables if not one.rows} == NOT_FILLED


@pytest.mark.parametrize("kind", KINDS)
async def test_numbers_that_were_given_are_not_given_again(
    kind: str, new_database: MakeDatabase
) -> None:
    """Of the cursors and dead letters with the highest numbers there are none any more."""
    source, target = new_database("sqlite"), new_database(kind)
    async with opened(source) as store:
        await store.commit([unit(new_event())])
        await store.register(feed("reader"))
        await store.register(feed("gone"))
        await store.unregister(FeedKey("gone"))

    await copy_database(source, target)

    async with opened(target) as store:
        await store.register(feed("new"))
    numbers = [row[0] for row in (await as_file(target, new_database))["cursors"]]
    assert numbers == [1, 3]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_killed_copy_goes_on_and_ends_equal(kind: str, new_database: MakeDatabase) -> None:
    """Killed again and again, wherever it is; no service takes the target for its own before."""
    source, target = new_database("sqlite"), new_database(kind)
    await fill(source)
    await add_events(source, 6000)
    expected = content(source)
    rows = sum(len(expected[table.name]) for table in TABLES)

    kills = 0
    for moment in [1, *random.sample(range(2, 12), 3)]:
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", KILLED, source, target, str(moment)],
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == -signal.SIGKILL, done.stderr.decode()
        kills += 1
        with pytest.raises(CopyUnfinishedError, match="streams copy"):
            async with opened(target):
                pass
    copied = await copy_database(source, target)

    assert kills == 4
    assert copied.added < rows
    assert await as_file(target, new_database) == expected


@pytest.mark.parametrize("kind", KINDS)
async def test_a_service_that_runs_is_neither_copied_from_nor_to(
    kind: str, new_database: MakeDatabase
) -> None:
    """Once it has stopped the copy is made."""
    source, target, other = (new_database(one) for one in (kind, "sqlite", "sqlite"))
    async with opened(other):
        pass
    async with opened(source) as store:
        await store.commit([unit(new_event())])
        with pytest.raises(CopyRefusedError, match=r"stop .* --ahead"):
            await copy_database(source, target)
        with pytest.raises(CopyRefusedError, match="stop"):
            await copy_database(other, source)

        assert await store.commit([unit(new_event())]) == [Committed((2,))]
    assert (await copy_database(source, target)).added > 0


@pytest.mark.parametrize("kind", KINDS)
async def test_while_it_is_copied_nobody_writes_to_the_source(
    kind: str, new_database: MakeDatabase
) -> None:
    """A writer that comes then has to wait; what it writes is not in the copy."""
    source, target = new_database(kind), new_database("sqlite")
    await fill(source)
    refusals = []

    def progress(stage: Stage, done: int, total: int) -> None:
        if not refusals:
            refusals.append(beside(refusal()))

    async def refusal() -> str:
        if kind == "sqlite":
            path = source.removeprefix("sqlite:///")
            with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as writer:
                try:
                    writer.execute("BEGIN IMMEDIATE")
                except sqlite3.OperationalError as error:
                    return str(error)
            return ""
        writer = await asyncpg.connect(source)
        try:
            await writer.execute("SET lock_timeout = '100ms'")
            await writer.execute("DELETE FROM events")
        except asyncpg.LockNotAvailableError as error:
            return str(error)
        finally:
            await writer.close()
        return ""

    copied = await copy_database(source, target, progress=progress)

    assert len(refusals) == 1
    assert "lock" in refusals[0]
    assert copied.tables


@pytest.mark.parametrize("kind", KINDS)
async def test_most_is_copied_ahead_while_the_service_runs(
    kind: str, new_database: MakeDatabase
) -> None:
    source, target = new_database(kind), new_database("postgres")
    await fill(source)
    async with opened(source) as store:
        await add_events(source, 1000)
        ahead = await copy_database(source, target, ahead=True)
        await store.commit([unit(new_event(), new_event(), to="late")])

    assert ahead.tables == ()
    assert ahead.added > 1000
    with pytest.raises(CopyUnfinishedError):
        async with opened(target):
            pass
    copied = await copy_database(source, target)
    assert {one.name: one.rows for one in copied.tables}["events"] > ahead.added
    assert copied.added < 200
    assert await as_file(target, new_database) == await as_file(source, new_database)


@pytest.mark.parametrize("kind", KINDS)
async def test_what_differs_is_found_and_copied_anew(kind: str, new_database: MakeDatabase) -> None:
    """Rows that were changed, came or went after a run had copied them."""
    source, target = new_database("sqlite"), new_database(kind)
    await fill(source)
    await copy_database(source, target, ahead=True)
    changes = (
        "UPDATE events SET workflow_id = 'another' WHERE stream_offset = 2",
        "INSERT INTO pauses (subscription, paused_at) VALUES ('nobody', {now})",
        "DELETE FROM events WHERE stream_offset = 1",
    )
    for change in changes:
        if kind == "sqlite":
            with closing(sqlite3.connect(target.removeprefix("sqlite:///"))) as file, file:
                file.execute(change.format(now="0"))
        else:
            connection = await asyncpg.connect(target)
            await connection.execute(change.format(now="now()"))
            await connection.close()

    await copy_database(source, target)

    assert await as_file(target, new_database) == content(source)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_target_with_something_else_in_it_is_refused_and_left_alone(
    kind: str, new_database: MakeDatabase
) -> None:
    source, other, target = new_database("sqlite"), new_database("sqlite"), new_database(kind)
    await fill(source)
    async with opened(target) as store:
        await store.commit([unit(new_event())])
    with pytest.raises(CopyRefusedError, match=r"is not free: there are \w+ in it"):
        await copy_database(source, target)
    async with opened(target) as store:
        assert len(await store.read("log", 0, 10)) == 1

    await copy_database(source, begun := new_database(kind), ahead=True)
    async with opened(other):
        pass
    with pytest.raises(CopyRefusedError, match="holds a part of"):
        await copy_database(other, begun)
    await copy_database(source, begun)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_target_whose_service_has_only_been_set_up_is_free(
    kind: str, new_database: MakeDatabase
) -> None:
    source, target = new_database("sqlite"), new_database(kind)
    await fill(source)
    async with opened(target) as store:
        await store.keep_schemas([schema("Added", 1, "another")])

    await copy_database(source, target)

    assert await as_file(target, new_database) == content(source)


async def test_of_two_copies_to_one_database_the_later_goes_on(new_database: MakeDatabase) -> None:
    source, target = new_database("postgres"), new_database("postgres")
    await fill(source)
    later: list[Any] = []

    def progress(stage: Stage, done: int, total: int) -> None:
        if not later:
            later.append(beside(copy_database(source, target, ahead=True)))

    with pytest.raises(CopyFailedError, match="another run"):
        await copy_database(source, target, progress=progress)

    assert len(later) == 1
    assert (await copy_database(source, target)).tables


async def test_a_text_that_postgresql_cannot_keep_is_told_by_its_column(
    new_database: MakeDatabase,
) -> None:
    source = new_database("sqlite")
    async with opened(source) as store:
        await store.commit([unit(new_event(), to="a\0b")])

    with pytest.raises(CopyFailedError, match="NUL in workflow_id of workflows"):
        await copy_database(source, new_database("postgres"))


async def test_databases_that_are_not_there_are_told(
    new_database: MakeDatabase, tmp_path: Path, postgres: Server
) -> None:
    source = new_database("sqlite")
    await fill(source)
    for one, other, reason in (
        ("memory://", source, "memory:// holds"),
        (source, source, "is named twice"),
        (f"sqlite:///{tmp_path}/nothing.db", source, "there is no file"),
        (source, f"sqlite:///{tmp_path}/no/folder.db", "there is no folder"),
        (source, "nosql://", "is not supported"),
    ):
        with pytest.raises(ConfigurationError, match=reason):
            await copy_database(one, other)
    bare = await asyncio.to_thread(postgres.run, postgres.create_database())
    with pytest.raises(SchemaMismatchError, match="headwater migrate upgrade"):
        await copy_database(source, bare)


async def test_a_role_that_may_only_read_is_told_to_use_the_owner(
    new_database: MakeDatabase, postgres: Server
) -> None:
    source = new_database("postgres")
    await fill(source)
    await postgres.administer(
        "DROP ROLE IF EXISTS looker",
        "CREATE ROLE looker LOGIN",
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO looker",
        database=source.rpartition("/")[2],
    )

    with pytest.raises(CopyRefusedError, match="use the one that owns them"):
        await copy_database(source.replace("postgres@", "looker@"), new_database("sqlite"))


def test_the_command_tells_what_it_did_and_repeats_no_password(
    new_database: MakeDatabase, capfd: pytest.CaptureFixture[str]
) -> None:
    source, target = new_database("sqlite"), new_database("postgres")
    asyncio.run(fill(source))
    secret = target.replace("postgres@", "postgres:hunter2@")

    def copy(*arguments: str) -> tuple[int, str, str]:
        status = main(["streams", "copy", *arguments])
        out, err = capfd.readouterr()
        assert "Traceback" not in out + err
        assert "hunter2" not in out + err
        return status, out, err

    status, out, err = copy("--from", source, "--to", secret, "--ahead")
    assert (status, err) == (0, "")
    assert f"{target}: 6 events were copied ahead; stop the service and copy again" in out
    status, out, err = copy("--from", source, "--to", secret)
    assert (status, err) == (0, "")
    assert f"{target}: 8 events of 2 streams, and all that belongs to them, are as in" in out
    status, out, err = copy("--from", source, "--to", secret)
    assert (status, out) == (2, "")
    assert "is not free: there are streams in it" in err
    assert copy("--from", source, "--to", "postgresql://owner:hunter2@127.0.0.1:1/no")[0] == 2
    status, out, err = copy("--help")
    assert status == 0
    assert "it goes on" in out
