"""Revisions on real databases: they make the declared tables, and converge whatever happens."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from headwater import App
from headwater.errors import (
    ConfigurationError,
    EventsWouldBeLostError,
    MigrationLockedError,
    SchemaMismatchError,
)
from headwater.migrations import migrator as migrator_module
from headwater.migrations.databases import opened
from headwater.migrations.history import History
from headwater.migrations.migrator import Migrator
from headwater.schema import postgres as postgres_words
from headwater.schema import sqlite as sqlite_words
from headwater.schema.operations import opposite, replay
from headwater.schema.revisions import FIRST_REVISION, REVISION
from headwater.schema.tables import TABLES
from headwater.stores.databases import store_for
from headwater.streams import Stream, StreamType
from headwater.testing import VirtualClock
from headwater.testing.conformance.examples import new_event, unit

from tests.support import parcels
from tests.support.postgres import Server
from tests.support.revisions import LATER, blank_file, later_history

Blank = Callable[[], Awaitable[str]]
STREAMS = (Stream("log", StreamType.PERSISTENT),)
DECLARED = {table.name: table for table in TABLES}

cut = pytest.mark.row("D6")

# Kills itself before the n-th statement or commit that it sends, and says how many there were.
CHILD = """
import asyncio, os, signal, sys
from pathlib import Path
from sqlalchemy import event
from sqlalchemy.engine import Engine
from headwater.migrations.history import History
from headwater.migrations.migrator import Migrator

database, folder, limit = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
steps = 0

def step(*_):
    global steps
    steps += 1
    if steps == limit:
        os.kill(os.getpid(), signal.SIGKILL)

event.listen(Engine, "before_cursor_execute", step)
event.listen(Engine, "commit", step)
asyncio.run(Migrator(database, history=History(own=folder)).upgrade())
print(steps)
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def blank(request: pytest.FixtureRequest, tmp_path: Path) -> Blank:
    """Makes databases that have been through no revision."""
    if request.param == "sqlite":
        numbers = iter(range(1_000))

        async def new_file() -> str:
            return blank_file(tmp_path / f"{next(numbers)}.db")

        return new_file
    cluster: Server = request.getfixturevalue("postgres")
    return cluster.create_database


async def execute(database: str, *statements: str) -> None:
    """Run statements behind Headwater's back."""
    if database.startswith("sqlite"):
        connection = sqlite3.connect(urlsplit(database).path, isolation_level=None)
        for statement in statements:
            connection.execute(statement)
        connection.close()
    else:
        session = await asyncpg.connect(database)
        try:
            for statement in statements:
                await session.execute(statement)
        finally:
            await session.close()


async def append(database: str) -> None:
    store = store_for(database, VirtualClock())
    await store.open(STREAMS)
    await store.commit([unit(new_event())])
    await store.close()


# The chain


def test_the_runtime_has_a_revision_for_every_change_of_its_tables() -> None:
    """If it fails: `python -m headwater.migrations.drafting NAME` writes the next revision."""
    history = History()

    assert history.runtime[-1] == REVISION
    assert history.runtime[0] == FIRST_REVISION
    assert history.tables() == DECLARED


async def test_the_chain_makes_the_declared_tables(blank: Blank) -> None:
    database = await blank()
    migrator = Migrator(database)

    assert await migrator.upgrade() == list(History().runtime)

    assert await migrator.verify() == []
    assert await migrator.upgrade() == []
    await append(database)


async def test_a_new_file_is_what_the_chain_makes(tmp_path: Path) -> None:
    """Which alembic does not make: it is made from the declared tables, and stamped."""
    made, migrated = f"sqlite:///{tmp_path}/made.db", blank_file(tmp_path / "migrated.db")
    await append(made)
    await Migrator(migrated).upgrade()

    assert await Migrator(made).verify() == []
    connection = sqlite3.connect(tmp_path / "made.db")
    assert connection.execute("SELECT * FROM headwater_revisions").fetchall() == [(REVISION,)]
    query = "SELECT name, sql FROM sqlite_master WHERE sql LIKE '%headwater_revisions%'"
    [(_, as_made)] = connection.execute(query).fetchall()
    connection.close()
    connection = sqlite3.connect(tmp_path / "migrated.db")
    [(_, as_migrated)] = connection.execute(query).fetchall()
    connection.close()
    assert as_made.split() == as_migrated.split()


async def test_later_revisions_make_and_unmake_what_they_say(blank: Blank, tmp_path: Path) -> None:
    """Tables, columns with a value for the rows that are there, indexes; and the way back."""
    database = await blank()
    await Migrator(database).upgrade()
    await append(database)
    history = later_history(tmp_path / "later")
    migrator = Migrator(database, history=history)

    assert await migrator.upgrade() == list(history.runtime[len(History().runtime) :])
    assert await migrator.verify() == []
    async with opened(database, lock=False) as there:
        assert not any((await there.rows("SELECT closed FROM workflows"))[0])
        assert await there.rows("SELECT count(*) FROM events") == [(1,)]

    assert await migrator.downgrade(History().runtime[-1]) == list(
        reversed(history.runtime[len(History().runtime) :])
    )
    assert await Migrator(database).verify() == []
    await append(database)


async def test_a_number_is_not_given_again_after_a_table_was_made_anew(tmp_path: Path) -> None:
    database = blank_file(tmp_path / "a.db")
    await Migrator(database).upgrade()
    await append(database)
    await execute(database, "INSERT INTO sqlite_sequence (name, seq) VALUES ('cursors', 7)")

    await Migrator(database, history=later_history(tmp_path / "later", 2)).upgrade()

    connection = sqlite3.connect(tmp_path / "a.db")
    query = "SELECT seq FROM sqlite_sequence WHERE name = 'cursors'"
    assert connection.execute(query).fetchone() == (7,)
    connection.close()


@pytest.mark.parametrize("operations", LATER)
def test_what_an_operation_does_its_opposite_undoes(operations: tuple[object, ...]) -> None:
    before = replay(DECLARED, LATER[0])
    for operation in (one for one in LATER[1] + LATER[2]):
        after = replay(before, [operation])
        assert after != before
        back = replay(after, [opposite(operation)])
        assert {name: set(one.columns) for name, one in back.items()} == {
            name: set(one.columns) for name, one in before.items()
        }


# Interrupted, and at once


def _run(database: str, folder: Path, limit: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", CHILD, database, str(folder), str(limit)],
        capture_output=True,
        text=True,
        check=False,
    )


@cut
async def test_a_migrator_that_is_killed_at_any_step_is_finished_by_the_next(
    blank: Blank, tmp_path: Path, whole: bool
) -> None:
    """Before each statement and each commit, from nothing to the newest."""
    history = later_history(tmp_path / "later")
    done = await asyncio.to_thread(_run, await blank(), tmp_path / "later", 0)
    assert done.returncode == 0, done.stderr
    steps = int(done.stdout)
    assert steps > 30
    tried = (
        range(1, steps + 1) if whole else sorted({1, 2, steps // 3, steps // 2, steps - 1, steps})
    )
    for limit in tried:
        database = await blank()

        killed = await asyncio.to_thread(_run, database, tmp_path / "later", limit)

        assert killed.returncode == -signal.SIGKILL, (limit, killed.stderr)
        migrator = Migrator(database, history=history)
        await migrator.upgrade()
        assert await migrator.verify() == [], limit


@cut
async def test_of_several_migrators_one_works_and_the_others_find_it_done(
    blank: Blank, tmp_path: Path
) -> None:
    """Processes of their own, at the same moment."""
    later_history(tmp_path / "later")
    database = await blank()

    done = await asyncio.gather(
        *(asyncio.to_thread(_run, database, tmp_path / "later", 0) for _ in range(4))
    )

    assert [one.returncode for one in done] == [0] * 4, [one.stderr for one in done]
    assert await Migrator(database, history=History(own=tmp_path / "later")).verify() == []


@cut
async def test_who_waits_too_long_is_told_who_migrates(blank: Blank) -> None:
    database = await blank()
    async with opened(database, lock=True):
        held = "import asyncio, sys\n"
        held += "from headwater.migrations.migrator import Migrator\n"
        held += "asyncio.run(Migrator(sys.argv[1], lock_timeout=0.2).upgrade())\n"
        other = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", held, database],
            capture_output=True,
            text=True,
            check=False,
        )
    last = other.stderr.strip().splitlines()[-1]
    assert "MigrationLockedError" in last
    assert f"process {os.getpid()}" in last
    await Migrator(database).upgrade()


async def test_a_file_that_a_service_has_open_is_not_migrated(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/a.db"
    store = store_for(database, VirtualClock())
    await store.open(STREAMS)
    migrator = Migrator(database, history=later_history(tmp_path / "later"), lock_timeout=0.05)
    with pytest.raises(MigrationLockedError, match="nothing was changed"):
        await migrator.upgrade()
    await store.close()
    assert await migrator.upgrade()


# Databases from before there were revisions


async def unstamped(database: str) -> None:
    """Make it what earlier code has made."""
    if database.startswith("sqlite"):
        await execute(
            database,
            "DROP TABLE headwater_revisions",
            "PRAGMA user_version = 2",
            *sqlite_words.statements(),
        )
    else:
        await execute(
            database,
            "CREATE TABLE headwater_schema (version bigint NOT NULL)",
            "INSERT INTO headwater_schema VALUES (2)",
            *postgres_words.statements(),
        )


async def test_tables_of_earlier_code_are_looked_at_and_stamped(blank: Blank) -> None:
    database = await blank()
    await unstamped(database)
    assert [one.is_current for one in await Migrator(database).status()] == [False]

    assert await Migrator(database).upgrade() == list(History().runtime[1:])

    assert await Migrator(database).verify() == []
    await append(database)


async def test_a_file_of_earlier_code_opens_as_it_did(tmp_path: Path) -> None:
    """A service needs neither the verb nor alembic for that."""
    database = blank_file(tmp_path / "a.db")
    await unstamped(database)
    if REVISION != FIRST_REVISION:
        pytest.skip("there are later revisions, which need alembic")
    await append(database)
    assert await Migrator(database).verify() == []


async def test_tables_of_earlier_code_that_are_others_are_refused_as_they_are(
    blank: Blank,
) -> None:
    database = await blank()
    await unstamped(database)
    await execute(database, "ALTER TABLE workflows ADD COLUMN strange integer")

    with pytest.raises(SchemaMismatchError, match="workflows: column strange is not declared"):
        await Migrator(database).upgrade()

    async with opened(database, lock=False) as there:
        assert await there.is_unstamped()


async def test_tables_of_somebody_else_are_left_alone(postgres: Server) -> None:
    database = await postgres.create_database()
    await execute(database, "CREATE TABLE events (name text)")

    with pytest.raises(SchemaMismatchError, match="tables of the same names"):
        await Migrator(database).upgrade()

    async with opened(database, lock=False) as there:
        assert await there.found() == frozenset()


# Newer, older, lost


async def test_a_newer_revision_is_refused_with_what_to_do(blank: Blank) -> None:
    database = await blank()
    await Migrator(database).upgrade()
    await execute(database, "UPDATE headwater_revisions SET version_num = 'headwater.9999'")

    for attempt in (Migrator(database).upgrade, Migrator(database).downgrade):
        with pytest.raises(SchemaMismatchError, match="newer Headwater that made them"):
            await attempt()
    [status] = await Migrator(database).status()
    assert (status.found, status.is_known) == ("headwater.9999", False)
    with pytest.raises(SchemaMismatchError, match="newer Headwater that made them"):
        await append(database)


async def test_an_older_file_is_upgraded_when_a_service_is_run_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = f"sqlite:///{tmp_path}/a.db"
    await append(database)
    history = later_history(tmp_path / "later", 1)
    for module in ("headwater.stores.revisions", "headwater.stores.sqlite.file"):
        monkeypatch.setattr(f"{module}.REVISION", history.runtime[-1])
    monkeypatch.setattr(migrator_module, "History", lambda _: history)

    async with App(parcels.service, handlers=parcels.handlers, database=database):
        pass

    assert await Migrator(database, history=history).verify() == []


async def test_events_are_not_lost_without_a_word(blank: Blank) -> None:
    database = await blank()
    await Migrator(database).upgrade()
    await append(database)

    with pytest.raises(EventsWouldBeLostError, match=r"1 event of log .* --accept-loss"):
        await Migrator(database).downgrade("base")
    assert await Migrator(database).verify() == []

    await Migrator(database).downgrade("base", accept_loss=True)
    assert [one.found for one in await Migrator(database).status()] == [None]
    await Migrator(database).upgrade()
    assert await Migrator(database).verify() == []


async def test_a_revision_that_is_not_there_is_named(blank: Blank) -> None:
    database = await blank()
    await Migrator(database).upgrade()
    with pytest.raises(ConfigurationError, match=r"no revision 'x' to go back to; there are base"):
        await Migrator(database).downgrade("x")
    with pytest.raises(ConfigurationError, match=r"there is no revision 'x'"):
        Migrator(database).sql("x")


# What is told


async def test_the_sql_makes_what_an_upgrade_makes(blank: Blank, tmp_path: Path) -> None:
    history = later_history(tmp_path / "later")
    database = await blank()
    migrator = Migrator(database, history=history)
    script = migrator.sql()
    if database.startswith("sqlite"):
        database = f"sqlite:///{tmp_path}/by-hand.db"
        connection = sqlite3.connect(tmp_path / "by-hand.db")
        connection.executescript(script)
        connection.close()
    else:
        await execute(database, script)

    migrator = Migrator(database, history=history)
    assert await migrator.verify() == []

    back = migrator.sql(History().runtime[-1], is_downgrade=True)
    if database.startswith("sqlite"):
        connection = sqlite3.connect(tmp_path / "by-hand.db")
        connection.executescript(back)
        connection.close()
    else:
        await execute(database, back)
    assert await Migrator(database).verify() == []


DIFFERENCES = {
    "DROP INDEX cursors_by_stream": "cursors: index cursors_by_stream is missing",
    "DROP TABLE pauses": "table pauses is missing",
    "CREATE INDEX mine ON workflows (ended)": "workflows: index mine is not declared",
    "ALTER TABLE workflows RENAME COLUMN ended TO done": "workflows: column ended is missing",
}


@pytest.mark.parametrize("change", DIFFERENCES)
async def test_each_difference_is_told(blank: Blank, change: str) -> None:
    database = await blank()
    await Migrator(database).upgrade()
    await execute(database, change)

    assert DIFFERENCES[change] in await Migrator(database).verify()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            "ALTER TABLE workflows ALTER COLUMN version TYPE integer",
            "workflows: column version is integer NOT NULL, and should be bigint NOT NULL",
        ),
        (
            'ALTER TABLE streams ALTER COLUMN name TYPE text COLLATE "POSIX"',
            (
                'streams: column name is text COLLATE "POSIX" NOT NULL, and should be '
                'text COLLATE "C" NOT NULL'
            ),
        ),
        (
            "ALTER TABLE workflows ALTER COLUMN ended DROP NOT NULL",
            "workflows: column ended is boolean, and should be boolean NOT NULL",
        ),
        (
            "ALTER TABLE workflows DROP CONSTRAINT workflows_pkey",
            "workflows: primary key is nothing, and should be workflow, workflow_id",
        ),
        (
            "ALTER TABLE streams RESET (fillfactor)",
            "streams: options is nothing, and should be fillfactor=50",
        ),
    ],
)
async def test_differences_of_kind_are_told(postgres: Server, change: str, told: str) -> None:
    database = await postgres.create_database("template")
    await execute(database, change)

    assert told in await Migrator(database).verify()
