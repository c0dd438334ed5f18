"""D10: the log is not the one that the cursor was written for."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from headwater import App, CursorMismatchError
from headwater.stores.contract import FeedKey

from tests.faults.ledger import POSTING, Enter, Handlers, ledger
from tests.faults.outcome import drain
from tests.faults.world import World

pytestmark = pytest.mark.row("D10")

OF_THE_LOG = ("streams", "events", "workflows")


def restore(damaged: Path, backup: Path, tables: tuple[str, ...] = OF_THE_LOG) -> None:
    """Put these tables back as they were, and leave the others as they are."""
    with closing(sqlite3.connect(damaged)) as file:
        file.execute("ATTACH DATABASE ? AS backup", (str(backup),))
        with file:
            for table in tables:
                file.execute(f"DELETE FROM {table}")  # noqa: S608
                file.execute(f"INSERT INTO {table} SELECT * FROM backup.{table}")  # noqa: S608


def write_and_read(world: World, number: int) -> None:
    """Some entries, all of them handled, and nobody left."""
    producer = world.start("producer", count=number)
    assert producer.wait() == 0
    drain(world, world.start("consumer"))


async def start(database: str) -> None:
    async with App(ledger(), handlers=Handlers(), database=database):
        pass


async def enter(database: str, count: int) -> None:
    app = App(ledger(handler=False, mode="broadcast"), handlers=Handlers(), database=database)
    async with app:
        for number in range(count):
            await app.execute(Enter(account="later", marks=[f"later-{number}"]))


def position(path: Path) -> int:
    with closing(sqlite3.connect(path)) as file:
        [(read_to,)] = file.execute("SELECT read_to FROM cursors").fetchall()
    return int(read_to)


def test_the_file_of_a_service_that_has_stopped_is_whole_by_itself(world: World) -> None:
    """Whoever copies it then has everything; there is no log beside it."""
    write_and_read(world, 5)

    assert not world.path.with_name(f"{world.path.name}-wal").exists()


def test_a_cursor_ahead_of_a_restored_log_is_refused(world: World, whole: bool) -> None:
    """The error names both positions, and nothing is delivered from a wrong place."""
    rounds = 10 if whole else 2
    write_and_read(world, 5)
    backup, good = world.folder / "backup.db", world.folder / "good.db"
    for _ in range(rounds):
        shutil.copy(world.path, backup)
        log_ends = position(world.path)
        write_and_read(world, 4)
        ahead = position(world.path)
        assert ahead > log_ends, "nothing was lost with the backup"
        shutil.copy(world.path, good)
        restore(world.path, backup)

        with pytest.raises(CursorMismatchError, match=rf"\b{ahead}\b.*\b{log_ends}\b"):
            asyncio.run(start(world.database))
        assert position(world.path) == ahead
        shutil.copy(good, world.path)
    world.figures.faults({"restored backup": rounds})


def test_a_log_that_has_grown_past_the_cursor_again_is_still_another_log(world: World) -> None:
    """The event at the cursor's position is not the one that was read there."""
    write_and_read(world, 5)
    backup = world.folder / "backup.db"
    shutil.copy(world.path, backup)
    write_and_read(world, 4)
    ahead = position(world.path)
    restore(world.path, backup)
    asyncio.run(enter(world.database, ahead))

    with pytest.raises(CursorMismatchError, match=rf"event {ahead} was"):
        asyncio.run(start(world.database))
    assert position(world.path) == ahead


def test_a_stream_that_was_made_anew_is_another_stream(world: World) -> None:
    write_and_read(world, 5)
    with closing(sqlite3.connect(world.path)) as file, file:
        file.execute("DELETE FROM events")
        file.execute("DELETE FROM workflows")
        file.execute("UPDATE streams SET head = 0, epoch = epoch + 1")

    with closing(sqlite3.connect(world.path)) as file:
        [(now,)] = file.execute("SELECT epoch FROM streams WHERE name = 'entries'").fetchall()
    with pytest.raises(CursorMismatchError, match=rf"epoch {now - 1}.*epoch {now}"):
        asyncio.run(start(world.database))


def test_a_whole_backup_is_no_other_log(world: World) -> None:
    """Cursors and log went back together: what was handled since is handled again."""
    write_and_read(world, 5)
    backup = world.folder / "backup.db"
    shutil.copy(world.path, backup)
    before = position(backup)
    write_and_read(world, 4)
    for name in (world.path.name, f"{world.path.name}-wal", f"{world.path.name}-shm"):
        (world.folder / name).unlink(missing_ok=True)
    shutil.copy(backup, world.path)

    drain(world, world.start("consumer"))
    assert position(world.path) == before


async def test_a_running_reader_stops_loudly_when_the_log_is_restored_under_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It does not wait in silence for offsets that come a second time."""
    path, backup = tmp_path / "ledger.db", tmp_path / "backup.db"
    handled: list[str] = []

    class Remembering(Handlers):
        async def post(self, event: object, context: object) -> None:
            handled.append(str(event))

    async with App(ledger(), handlers=Remembering(), database=f"sqlite:///{path}") as app:
        await app.execute(Enter(account="a", marks=["1", "2"]))
        await until_settled(app, 2)
        with closing(sqlite3.connect(path)) as file, closing(sqlite3.connect(backup)) as copy:
            file.backup(copy)
        await app.execute(Enter(account="a", marks=["3", "4"]))
        await until_settled(app, 4)
        restore(path, backup)
        await app.execute(Enter(account="b", marks=["other 3"]))
        async with asyncio.timeout(10):
            while "does not fit entries" not in caplog.text:  # noqa: ASYNC110  (with a deadline)
                await asyncio.sleep(0.01)

    assert len(handled) == 4, "nothing of the other log was handled"


async def until_settled(app: App[object], position: int) -> None:
    feed = FeedKey(POSTING)
    async with asyncio.timeout(10):
        while (await app._store.feed(feed)).position < position:  # noqa: ASYNC110  (with a deadline)
            await asyncio.sleep(0.005)
