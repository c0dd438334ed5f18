"""Revisions of a service on real databases: carried out, refused, replaced, taken back."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import asyncpg
import pytest
from headwater import App
from headwater.cli import main
from headwater.errors import EventsWouldBeLostError, SchemaMismatchError
from headwater.migrations.databases import opened
from headwater.migrations.migrator import Migrator
from headwater.stores.databases import store_for
from headwater.streams import Stream, StreamType
from headwater.testing import VirtualClock
from headwater.testing.conformance.examples import new_event, unit

from tests.support.postgres import Server
from tests.support.services import Project

NUMBERS = count()
PAID = "      OrderPaid: {fields: {number: int}}"
SENT = "      OrderSent: {fields: {number: int}}"
Empty = Callable[[], Awaitable[str]]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    one = Project(tmp_path / "project", f"shop{next(NUMBERS)}")
    one.generate()
    return one


@pytest.fixture(autouse=True)
def _here(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As whoever types a command stands in the project."""
    monkeypatch.chdir(project.root)
    before = list(sys.path)
    yield
    sys.path[:] = before


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Empty:
    """Makes databases with nothing in them."""
    if request.param == "sqlite":

        async def name() -> str:
            return f"sqlite:///{tmp_path}/{next(NUMBERS)}.db"

        return name
    cluster: Server = request.getfixturevalue("postgres")
    return cluster.create_database


async def execute(database: str, statement: str) -> None:
    if database.startswith("sqlite"):
        connection = sqlite3.connect(urlsplit(database).path, isolation_level=None)
        connection.execute(statement)
        connection.close()
        return
    session = await asyncpg.connect(database)
    await session.execute(statement)
    await session.close()


async def upgrade(project: Project, database: str) -> list[str]:
    with project.service() as service:
        return await Migrator(database, service.migrations, service.schemas).upgrade()


async def verify(project: Project, database: str) -> list[str]:
    with project.service() as service:
        return await Migrator(database, service.migrations, service.schemas).verify()


async def serve(project: Project, database: str) -> None:
    """Run the service, for a moment."""
    with project.service() as service:
        async with App(service, handlers=SimpleNamespace(), database=database):
            pass


async def append(database: str, stream: str = "orders") -> None:
    store = store_for(database, VirtualClock())
    await store.open([Stream(stream, StreamType.PERSISTENT)])
    await store.commit([unit(new_event(), stream=stream)])
    await store.close()


async def test_the_streams_and_schemas_are_there_before_the_service_is_run(
    empty: Empty, project: Project
) -> None:
    project.release()
    database = await empty()

    done = await upgrade(project, database)

    assert await verify(project, database) == []
    assert done[-1].startswith(project.name)
    async with opened(database, lock=False) as there:
        assert await there.rows("SELECT name, type, head FROM streams") == [
            ("orders", "persistent", 0)
        ]
        [(event, version, schema)] = await there.rows(
            "SELECT name, version, schema FROM event_schemas"
        )
        assert (event, version) == ("OrderPlaced", 1)
        assert '"number"' in schema
    await serve(project, database)
    assert await upgrade(project, database) == []


async def test_growth_is_carried_out_after_what_was_there(empty: Empty, project: Project) -> None:
    project.release()
    database = await empty()
    await upgrade(project, database)
    await append(database)

    project.add(PAID)
    project.add_stream("offers")
    project.release()
    assert len(await verify(project, database)) == 1
    [done] = await upgrade(project, database)

    assert await verify(project, database) == []
    assert done in (project.folder / "migrations" / "index.json").read_text()
    async with opened(database, lock=False) as there:
        assert await there.rows("SELECT head FROM streams WHERE name = 'orders'") == [(1,)]


async def test_on_postgresql_a_service_refuses_what_was_not_carried_out(
    postgres: Server, project: Project
) -> None:
    """And names the command, which then helps."""
    project.release()
    database = await postgres.create_database("template")
    with pytest.raises(SchemaMismatchError) as refused:
        await serve(project, database)
    command = f"headwater migrate upgrade {project.package} --database {database}"
    assert f"`{command}`" in str(refused.value)
    async with opened(database, lock=False) as there:
        assert await there.rows("SELECT * FROM streams") == []

    with project.service():
        assert await asyncio.to_thread(main, command.split()[1:]) == 0
    await serve(project, database)
    project.add(PAID)
    project.generate()
    with pytest.raises(
        SchemaMismatchError, match=r"of revision \w+\.\w+, and this code works with"
    ):
        await serve(project, database)


async def test_an_sqlite_file_follows_the_service_that_is_run_on_it(
    tmp_path: Path, project: Project
) -> None:
    """Without the verb, and without alembic."""
    database = f"sqlite:///{tmp_path}/a.db"
    for change in (project.generate, project.release, lambda: project.add(PAID), project.release):
        change()
        project.generate()
        await serve(project, database)
        assert await verify(project, database) == []


async def test_a_revision_of_newer_code_is_refused_with_what_to_do(
    empty: Empty, project: Project, tmp_path: Path
) -> None:
    project.release()
    older = project.copy(tmp_path / "older")
    project.add(PAID)
    project.release()
    database = await empty()
    await upgrade(project, database)
    await serve(project, database)

    for attempt in (upgrade, serve):
        with pytest.raises(
            SchemaMismatchError, match="deploy the service's code that has"
        ) as caught:
            await attempt(older, database)
        assert caught.value.is_newer
        assert f"headwater migrate downgrade {project.package}" in str(caught.value)
    with older.service() as service:
        migrator = Migrator(database, service.migrations, service.schemas)
        _, status = await migrator.status()
        assert not status.is_known
        with pytest.raises(SchemaMismatchError):
            await migrator.downgrade()

    with project.service() as service:
        await Migrator(database, service.migrations, service.schemas).downgrade()
    await serve(older, database)


async def test_a_draft_is_replaced_by_the_next_one_and_by_what_is_released(
    empty: Empty, project: Project
) -> None:
    database = await empty()
    await upgrade(project, database)
    await append(database)
    for change in (PAID, SENT):
        project.add(change)
        project.generate()
        assert "draft" in (await upgrade(project, database))[-1]
        assert await verify(project, database) == []
    project.release()
    assert len(await upgrade(project, database)) == 1
    assert await verify(project, database) == []
    async with opened(database, lock=False) as there:
        assert await there.rows("SELECT head FROM streams") == [(1,)]


async def test_events_are_not_lost_without_a_word(empty: Empty, project: Project) -> None:
    project.release()
    database = await empty()
    await upgrade(project, database)
    await append(database)
    await append(database, "others")
    with project.service() as service:
        migrator = Migrator(database, service.migrations, service.schemas)
        with pytest.raises(EventsWouldBeLostError, match="1 event of orders in"):
            await migrator.downgrade("base")
        assert await migrator.verify() == []

        await migrator.downgrade("base", accept_loss=True)
        async with opened(database, lock=False) as there:
            assert await there.rows("SELECT DISTINCT stream FROM events") == [("others",)]
            assert await there.rows("SELECT name FROM streams") == [("others",)]
            assert await there.rows("SELECT * FROM event_schemas") == []
        await migrator.upgrade()
        assert await migrator.verify() == []


async def test_the_tables_of_a_service_are_not_taken_from_under_it(
    empty: Empty, project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    database = await empty()
    await upgrade(project, database)

    arguments = ["migrate", "downgrade", "--to", "base", "--accept-loss", "--database", database]
    assert await asyncio.to_thread(main, arguments) == 2
    assert "take that back first" in capsys.readouterr().err
    assert await verify(project, database) == []


async def test_what_was_released_apart_is_carried_out_from_either_side(
    empty: Empty, project: Project, tmp_path: Path
) -> None:
    """And taken back to either side."""
    project.release()
    other = project.copy(tmp_path / "other")
    project.add(PAID)
    project.release()
    other.add(SENT)
    other.release()
    merged = project.copy(tmp_path / "merged")
    merged.add(SENT)
    for path in (other.root / "spec" / "lock").glob("*/*"):
        target = merged.root / path.relative_to(other.root)
        if not target.exists():
            target.write_bytes(path.read_bytes())
    merged.generate()

    for side in (project, other):
        database = await empty()
        await upgrade(side, database)
        assert await upgrade(merged, database)
        assert await verify(merged, database) == []
        await serve(merged, database)
        with merged.service() as service:
            assert service.migrations
            first, *_ = service.migrations.chain().revisions
            migrator = Migrator(database, service.migrations, service.schemas)
            assert len(await migrator.downgrade(first)) == 3
            assert await migrator.upgrade()
            assert await migrator.verify() == []
            assert len(await migrator.downgrade("base")) == 4


async def test_each_missing_row_is_told(empty: Empty, project: Project) -> None:
    project.release()
    database = await empty()
    await upgrade(project, database)

    await execute(database, "UPDATE event_schemas SET digest = 'x'")
    assert await verify(project, database) == ["the schema of OrderPlaced version 1 is another"]
    await execute(database, "DELETE FROM event_schemas")
    assert await verify(project, database) == ["the schema of OrderPlaced version 1 is missing"]
    await execute(database, "DELETE FROM streams")
    assert "stream orders is missing, and should be persistent" in await verify(project, database)


async def test_the_sql_does_what_an_upgrade_does(
    empty: Empty, project: Project, tmp_path: Path
) -> None:
    project.release()
    project.add(PAID)
    project.release()
    database = await empty()
    with project.service() as service:
        script = Migrator(database, service.migrations, service.schemas).sql()
        assert service.migrations
        first, second = service.migrations.chain().revisions
        only = Migrator(database, service.migrations, service.schemas).sql(first)
        down = Migrator(database, service.migrations, service.schemas).sql(is_downgrade=True)
    if database.startswith("sqlite"):
        connection = sqlite3.connect(urlsplit(database).path)
        connection.executescript(script)
        connection.close()
    else:
        await execute(database, script)

    assert await verify(project, database) == []
    assert "CREATE TABLE" not in only
    assert "OrderPaid" in only
    assert "OrderPlaced" not in only
    assert "DELETE FROM event_schemas" in down
    assert second in down


CHILD = """
import asyncio, os, signal, sys
from importlib import import_module
from sqlalchemy import event
from sqlalchemy.engine import Engine
from headwater.migrations.migrator import Migrator

sys.path.insert(0, sys.argv[1])
service = getattr(import_module(sys.argv[2]), sys.argv[2].rpartition(".")[2])
steps, limit = 0, int(sys.argv[4])

def step(*_):
    global steps
    steps += 1
    if steps == limit:
        os.kill(os.getpid(), signal.SIGKILL)

event.listen(Engine, "before_cursor_execute", step)
event.listen(Engine, "commit", step)
asyncio.run(Migrator(sys.argv[3], service.migrations, service.schemas).upgrade())
print(steps)
"""


async def test_a_migrator_that_is_killed_at_any_step_is_finished_by_the_next(
    empty: Empty, project: Project, whole: bool
) -> None:
    """From a draft that is there no more to two released revisions."""

    async def run(database: str, limit: int) -> subprocess.CompletedProcess[str]:
        arguments = [str(project.root), project.package, database, str(limit)]
        return await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", CHILD, *arguments],
            capture_output=True,
            text=True,
            check=False,
        )

    async def prepared() -> str:
        database = await empty()
        await upgrade(draft, database)
        await append(database)
        return database

    draft = project.copy(project.root.parent / "draft")
    project.release()
    project.add(PAID)
    project.release()
    done = await run(await prepared(), 0)
    assert done.returncode == 0, done.stderr
    steps = int(done.stdout)
    for limit in range(1, steps + 1) if whole else sorted({1, steps // 2, steps - 1, steps}):
        database = await prepared()
        killed = await run(database, limit)
        assert killed.returncode == -signal.SIGKILL, (limit, killed.stderr)
        await upgrade(project, database)
        assert await verify(project, database) == [], limit
        await serve(project, database)
