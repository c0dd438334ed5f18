"""D4: old events are removed beside readers that lag and writers that append, and removers die."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from headwater.clock import SystemClock
from headwater.errors import StoreUnavailableError
from headwater.stores.contract import Acknowledge, FeedKey, PutBack, SetAside, Store, Unit
from headwater.stores.databases import store_for
from headwater.testing.conformance.examples import STREAMS, feed, new_event, unit

from tests.faults.databases import Database, on_both
from tests.faults.report import Figures, Progress
from tests.support.waiting import eventually

pytestmark = pytest.mark.row("D4")

READER = FeedKey("reader")
PATIENCE = 60.0  # seconds

# Removes what exceeds a retention, again and again, until it is killed. Says when it begins.
REMOVER = """
import asyncio, json, sys
from headwater.clock import SystemClock
from headwater.operations import caretaking, retention
from headwater.stores.databases import store_for
from headwater.streams import Lagging, Retention, Stream, StreamType
from headwater.testing.conformance.examples import STREAMS

retention.BATCH, retention.STEP, caretaking.LEASE = 3, 7, 0.2  # parts as small as it can do

async def main(database, lagging):
    stream = Stream(
        "log", StreamType.PERSISTENT, retention=Retention(events=5, lagging=Lagging(lagging))
    )
    store = store_for(database, SystemClock())
    await store.open(STREAMS)
    print("ready", flush=True)
    await retention.Retainer(store, [stream], SystemClock()).run(0.001)

asyncio.run(main(*sys.argv[1:]))
"""


@asynccontextmanager
async def opened(database: Database) -> AsyncIterator[Store]:
    store = store_for(database.url, SystemClock())
    await store.open(STREAMS)
    try:
        yield store
    finally:
        await store.close()


class Reader:
    """Takes events, fails at some, and keeps what it got and what it was told it has missed."""

    def __init__(self, store: Store, chance: random.Random) -> None:
        self.store = store
        self.chance = chance
        self.settled: list[int] = []
        self.missed: list[int] = []
        self.letters = 0

    async def step(self, *, kind: bool = False) -> bool:
        """Do what there is to do; whether there was anything. A `kind` one fails at nothing."""
        claims = await self.store.claim(READER, "me#1", self.chance.randint(1, 4))
        if (gap := claims.gap) is not None:
            self.missed += range(gap.first, gap.last + 1)
            await self.store.tell_gap(READER, gap)
            return True
        for one in claims.claims:
            assert json.loads(one.event.data) is not None
            dice = 9 if kind else self.chance.randrange(6)
            if dice == 0:
                await self.store.commit([Unit(settlements=(PutBack(one, failed=True),))])
            elif dice == 1:
                await self.store.commit([Unit(settlements=(SetAside(one, "no"),))])
                await self.requeue()
            else:
                await self.store.commit([Unit(settlements=(Acknowledge(one),))])
                self.settled.append(one.event.offset)
        return bool(claims.claims) or claims.next_due is not None

    async def requeue(self) -> None:
        """Have everything that was set aside handed out again, whether its event is gone or not."""
        letters = [one.id for one in await self.store.dead_letters("reader")]
        self.letters += await self.store.requeue(letters)


def start_remover(database: Database, lagging: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", REMOVER, database.url, lagging], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


async def kill_remover(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    assert await asyncio.to_thread(process.wait) == -signal.SIGKILL, "it had ended by itself"
    if process.stdout is not None:
        process.stdout.close()


@on_both
@pytest.mark.parametrize("lagging", ["hold", "gap"])
def test_every_event_is_read_or_told_as_missed_and_none_twice(
    database: Database,
    lagging: str,
    chance: random.Random,
    figures: Figures,
    progress: Progress,
    whole: bool,
) -> None:
    """Also those that are requeued when they are gone. Who is waited for misses none."""
    rounds = 100 if whole else 4
    asyncio.run(_race(database, lagging, rounds, chance, figures, progress))


async def _race(
    database: Database,
    lagging: str,
    rounds: int,
    chance: random.Random,
    figures: Figures,
    progress: Progress,
) -> None:
    async with opened(database) as store, opened(database) as writing:
        await store.register(feed(in_flight=8))
        reader = Reader(store, chance)
        appended = 0

        is_over = False

        async def append() -> None:
            nonlocal appended
            while not is_over:
                events = chance.randint(1, 5)
                to = f"cart-{chance.randrange(5)}"
                [outcome] = await writing.commit(
                    [unit(*(new_event() for _ in range(events)), to=to)]
                )
                appended = outcome.offsets[-1]  # type: ignore[union-attr]
                await asyncio.sleep(0.001)

        appending = asyncio.create_task(append())
        removers = [start_remover(database, lagging) for _ in range(2)]
        try:
            for number in range(rounds):
                progress(number, rounds, "kills")
                before = (await store.extent("log")).first_offset
                async with asyncio.timeout(PATIENCE):
                    while (await store.extent("log")).first_offset <= before + 10:
                        if chance.randrange(3):
                            await reader.step()
                        else:
                            await asyncio.sleep(chance.random() * 0.02)  # it falls behind
                assert not appending.done()
                place = chance.randrange(len(removers))
                await kill_remover(removers[place])
                removers[place] = start_remover(database, lagging)
            is_over = True
            await appending
            async with asyncio.timeout(PATIENCE):
                while (await store.feed(READER)).pending or await reader.step(kind=True):
                    await reader.requeue()
                    await reader.step(kind=True)
            await eventually(lambda: _begins_at(store, appended - 4))
        finally:
            appending.cancel()
            for process in removers:
                await kill_remover(process)
    assert sorted(reader.settled + reader.missed) == list(range(1, appended + 1))
    assert reader.letters, "nothing was requeued"
    if lagging == "hold":
        assert reader.missed == []
    else:
        assert reader.missed, "nobody lagged"
    figures.faults({"kill": rounds})
    figures.add(events=appended)
    figures.note(f"{len(reader.missed)} of {appended} missed and told, {reader.letters} requeued")


async def _begins_at(store: Store, offset: int) -> bool:
    return (await store.extent("log")).first_offset == offset


@on_both
def test_who_reads_along_by_offset_sees_where_a_part_is_gone(
    database: Database, chance: random.Random, whole: bool
) -> None:
    """A page never has a hole in it: what is gone is gone from its beginning."""

    async def race() -> None:
        async with opened(database) as store, opened(database) as writing:
            await writing.commit([unit(*(new_event() for _ in range(50)))])
            remover = start_remover(database, "gap")
            head = 50
            holes = 0
            after = 0
            try:
                async with asyncio.timeout(PATIENCE):
                    while holes < (200 if whole else 20):
                        await writing.commit([unit(*(new_event() for _ in range(9)))])
                        head += 9
                        for _ in range(chance.randrange(4)):
                            page = await store.read("log", after, 4)
                            if found := [one.offset for one in page]:
                                assert found == list(range(found[0], found[0] + len(found)))
                                holes += found[0] != after + 1
                                after = found[-1]
                            else:
                                first = (await store.extent("log")).first_offset
                                after = max(after, first - 1)
                        if chance.randrange(2):  # it falls behind for good
                            kept = head - 4
                            await eventually(lambda kept=kept: _begins_at(store, kept))
            finally:
                await kill_remover(remover)

    try:
        asyncio.run(race())
    except StoreUnavailableError as error:  # the file is held by a process that was killed
        pytest.fail(str(error))
