"""D10: the log is not the one that the cursor was written for."""

from __future__ import annotations

import asyncio

import pytest
from headwater import App, CursorMismatchError
from headwater.stores.contract import FeedKey

from tests.faults.databases import OF_THE_LOG, Database, FileDatabase, on_both
from tests.faults.ledger import POSTING, Enter, Handlers, ledger
from tests.faults.outcome import drain
from tests.faults.world import World

pytestmark = pytest.mark.row("D10")


def write_and_read(world: World, number: int) -> None:
    """Some entries, all of them handled, and nobody left."""
    producer = world.start("producer", count=number)
    assert producer.wait() == 0
    drain(world, world.start("consumer"))


async def start(database: Database) -> None:
    async with App(ledger(), handlers=Handlers(), database=database.url):
        pass


async def enter(database: Database, count: int) -> None:
    app = App(ledger(handler=False, mode="broadcast"), handlers=Handlers(), database=database.url)
    async with app:
        for number in range(count):
            await app.execute(Enter(account="later", marks=[f"later-{number}"]))


def test_the_file_of_a_service_that_has_stopped_is_whole_by_itself(
    world: World, database: FileDatabase
) -> None:
    """Whoever copies it then has everything; there is no log beside it."""
    write_and_read(world, 5)

    assert not database.path.with_name(f"{database.path.name}-wal").exists()


@on_both
def test_a_cursor_ahead_of_a_restored_log_is_refused(
    world: World, database: Database, whole: bool
) -> None:
    """The error names both positions, and nothing is delivered from a wrong place."""
    rounds = 10 if whole else 2
    write_and_read(world, 5)
    for round_ in range(rounds):
        backup, good = f"backup-{round_}", f"good-{round_}"
        database.save(backup)
        log_ends = database.position()
        write_and_read(world, 4)
        ahead = database.position()
        assert ahead > log_ends, "nothing was lost with the backup"
        database.save(good)
        database.restore(backup, OF_THE_LOG)

        with pytest.raises(CursorMismatchError, match=rf"\b{ahead}\b.*\b{log_ends}\b"):
            asyncio.run(start(database))
        assert database.position() == ahead
        database.restore(good)
    world.figures.faults({"restored backup": rounds})


@on_both
def test_a_log_that_has_grown_past_the_cursor_again_is_still_another_log(
    world: World, database: Database
) -> None:
    """The event at the cursor's position is not the one that was read there."""
    write_and_read(world, 5)
    database.save("backup")
    write_and_read(world, 4)
    ahead = database.position()
    database.restore("backup", OF_THE_LOG)
    asyncio.run(enter(database, ahead))

    with pytest.raises(CursorMismatchError, match=rf"event {ahead} was"):
        asyncio.run(start(database))
    assert database.position() == ahead


@on_both
def test_a_stream_that_was_made_anew_is_another_stream(world: World, database: Database) -> None:
    write_and_read(world, 5)
    before, now = database.make_anew()

    with pytest.raises(CursorMismatchError, match=rf"epoch {before}\b.*epoch {now}\b"):
        asyncio.run(start(database))


@on_both
def test_a_whole_backup_is_no_other_log(world: World, database: Database) -> None:
    """Cursors and log went back together: what was handled since is handled again."""
    write_and_read(world, 5)
    database.save("backup")
    before = database.position()
    write_and_read(world, 4)
    database.restore("backup")

    drain(world, world.start("consumer"))
    assert database.position() == before


@on_both
async def test_a_running_reader_stops_loudly_when_the_log_is_restored_under_it(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """It does not wait in silence for offsets that come a second time."""
    handled: list[str] = []

    class Remembering(Handlers):
        async def post(self, event: object, context: object) -> None:
            handled.append(str(event))

    async with App(ledger(), handlers=Remembering(), database=database.url) as app:
        await app.execute(Enter(account="a", marks=["1", "2"]))
        await until_settled(app, 2)
        database.save("backup")
        await app.execute(Enter(account="a", marks=["3", "4"]))
        await until_settled(app, 4)
        database.restore("backup", OF_THE_LOG)
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
