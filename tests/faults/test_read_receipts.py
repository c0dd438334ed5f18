"""D3 and D9: events are read just as their time is over, and recipients are killed."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from headwater import App, ReceiptState, UnreadThen, manage
from headwater.clock import SystemClock
from headwater.stores.contract import Acknowledge, FeedKey, Store, Unit
from headwater.stores.databases import store_for
from headwater.stores.receipts import Received, UnreadPolicy
from headwater.testing.conformance.examples import STREAMS, claim, feed, new_event, unit

from tests.faults.databases import Database, on_both
from tests.faults.recipients import news_service
from tests.faults.report import Figures, Progress
from tests.support.order_handlers import OrderHandlers
from tests.support.orders import PlaceOrder
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[2]
ANN = FeedKey("news", "ann")
RECIPIENTS = ("ann", "bob", "cid")
CHUNK = 50  # events of which each is read or late
AHEAD = 30  # orders at most that are placed and not noted by the one to be killed
NUMBERS = 1000  # before those of the orders
PATIENCE = 90.0  # seconds


@asynccontextmanager
async def opened(database: Database) -> AsyncIterator[Store]:
    store = store_for(database.url, SystemClock())
    await store.open(STREAMS)
    try:
        yield store
    finally:
        await store.close()


# Ends what is unread, again and again, as every process of the service does.
ENDER = """
import asyncio, sys
from headwater.clock import SystemClock
from headwater.stores.databases import store_for
from headwater.stores.receipts import UnreadPolicy, UnreadThen
from headwater.testing.conformance.examples import STREAMS

async def main(database, then):
    store = store_for(database, SystemClock())
    await store.open(STREAMS)
    print("ready", flush=True)
    policy = UnreadPolicy(then=UnreadThen(then), attempts=2, reason="late")
    while True:
        await store.receipts.expire_unread("news", policy, 3)

asyncio.run(main(*sys.argv[1:]))
"""


def start(*arguments: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert process.stdout is not None
    return process


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it had ended by itself"
    if process.stdout is not None:
        process.stdout.close()


@on_both
@pytest.mark.row("D3")
@pytest.mark.parametrize("then", [UnreadThen.REQUEUE, UnreadThen.DEAD_LETTER])
def test_what_is_read_as_its_time_is_over_is_read_or_late_and_never_both(
    database: Database, then: UnreadThen, whole: bool, chance: random.Random, figures: Figures
) -> None:
    """Two processes end what is late while another marks; each event has one outcome."""
    asyncio.run(_race(database, then, 5000 if whole else 100, chance, figures))


async def _race(
    database: Database, then: UnreadThen, races: int, chance: random.Random, figures: Figures
) -> None:
    async with opened(database) as store:
        await store.register(feed("news", consumer="ann"))
        enders = [start("-c", ENDER, database.url, then.value) for _ in "12"]
        read: set[int] = set()
        try:
            for ender in enders:
                assert ender.stdout is not None
                assert await asyncio.to_thread(ender.stdout.readline) == "ready\n"
            for begin in range(0, races, CHUNK):
                events = [unit(new_event(), to=f"cart-{begin + number}") for number in range(CHUNK)]
                await store.commit(events)
                claims = await claim(store, ANN)
                received = Received(unread_after=0.0)
                acknowledged = tuple(Acknowledge(one, received) for one in claims)
                await store.commit([Unit(settlements=acknowledged)])
                offsets = [one.event.offset for one in claims]
                chance.shuffle(offsets)
                *soon, last = (offsets[at : at + 5] for at in range(0, len(offsets), 5))
                for some in soon:
                    read |= await store.receipts.mark_read(ANN, some)
                if then is UnreadThen.DEAD_LETTER and begin == 0:
                    await eventually(lambda: store.dead_letters("news"))
                read |= await store.receipts.mark_read(ANN, last)
        finally:
            for ender in enders:
                await asyncio.to_thread(kill, ender)
        policy = UnreadPolicy(then=UnreadThen.DEAD_LETTER, attempts=2, reason="late")
        while (await store.receipts.expire_unread("news", policy, 100)).events:
            pass
        letters = Counter(one.event.offset for one in await store.dead_letters("news"))
        waiting = {one.event.offset for one in await store.receipts.unread(ANN, 0, races)}
        head = (await store.extent("log")).head

        assert await store.receipts.read_of(ANN, range(1, head + 1)) == read
        assert all(times == 1 for times in letters.values())
        assert sorted([*read, *letters, *waiting]) == [*range(1, head + 1)]
        assert read
        if then is UnreadThen.DEAD_LETTER:
            assert letters, "nobody was late"
            assert not waiting
        figures.faults({"race": races})
        figures.note(f"{len(read)} read, {len(letters)} set aside, {len(waiting)} come again")


@on_both
@pytest.mark.row("D9")
@pytest.mark.parametrize("then", [UnreadThen.REQUEUE, UnreadThen.DEAD_LETTER])
def test_recipients_that_are_killed_leave_true_receipts_and_lose_nothing(
    database: Database,
    then: UnreadThen,
    tmp_path: Path,
    whole: bool,
    chance: random.Random,
    figures: Figures,
    progress: Progress,
) -> None:
    """What was delivered was acknowledged, what was said to be read is; and nothing is neither."""
    kills = 100 if whole else 3
    asyncio.run(_kill_recipients(database, then, tmp_path, kills, chance, figures, progress))


async def _kill_recipients(
    database: Database,
    then: UnreadThen,
    folder: Path,
    kills: int,
    chance: random.Random,
    figures: Figures,
    progress: Progress,
) -> None:
    service = news_service(then)
    [news] = service.subscriptions
    silent = replace(service, subscriptions=())  # it places orders, and leaves receipts alone
    placed = 0
    living: dict[str, subprocess.Popen[str]] = {}

    def begin(name: str) -> None:
        seed = str(chance.getrandbits(32))
        words = (database.url, then.value, name, str(folder / name), seed)
        living[name] = start("-m", "tests.faults.recipients", *words)

    async with (
        App(silent, handlers=OrderHandlers(), database=database.url) as app,
        manage(service, database.url) as management,
    ):
        for name in RECIPIENTS:
            await management.add_recipient(news, consumer=name)
            begin(name)
        try:
            for done in range(kills):
                progress(done, kills, "kills")
                name = chance.choice(RECIPIENTS)
                begun = len(_notes(folder / name))
                async with asyncio.timeout(PATIENCE):
                    enough = begun + chance.randint(5, 25)
                    while (noted := len(_notes(folder / name))) < enough:
                        if placed < noted + AHEAD:
                            placed += 1
                            number = NUMBERS + placed
                            await app.execute(PlaceOrder(order_id=number, email="ada@example.com"))
                        await asyncio.sleep(0.005)
                await asyncio.to_thread(kill, living.pop(name))
                letters = await management.dead_letters(news)
                await management.requeue(*chance.sample(letters, len(letters) // 2))
                begin(name)
            async with asyncio.timeout(PATIENCE):
                while sum(one.lag for one in await management.positions(news)):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        finally:
            for process in living.values():
                await asyncio.to_thread(kill, process)
        letters = await management.dead_letters(news)
        states = Counter[str]()
        for event in await management._store.read("orders", 0, placed):
            for receipt in await management.receipts(news, event.id):
                states[receipt.state.value] += 1
                theirs = _notes(folder / receipt.consumer)[event.offset]
                mine = [
                    one
                    for one in letters
                    if (one.consumer, one.event.offset) == (receipt.consumer, event.offset)
                ]
                _check(receipt.state, theirs, len(mine))
        assert states.total() == placed * len(RECIPIENTS), "some event is nobody's"
        assert states["read"]
        assert states["dead-lettered"]
    figures.faults({"kill": kills})
    figures.add(events=placed)
    figures.note(", ".join(f"{count} {state}" for state, count in sorted(states.items())))


def _check(state: ReceiptState, notes: set[str], letters: int) -> None:
    """What the store says of an event for a recipient, and what that one has noted."""
    about = (state, notes, letters)
    assert letters == (state is ReceiptState.DEAD_LETTERED), about
    if "read" in notes:
        assert state is ReceiptState.READ, about
    match state:
        case ReceiptState.READ:
            assert "reading" in notes, about
        case ReceiptState.DELIVERED:
            assert "acking" in notes, about
        case ReceiptState.WAITING:  # it came again just now
            assert "acking" in notes, about
        case ReceiptState.DROPPED:
            raise AssertionError(about)


def _notes(path: Path) -> dict[int, set[str]]:
    """What was noted, by offset; a line that a kill has cut short was never written."""
    found: dict[int, set[str]] = defaultdict(set)
    if path.exists():
        for line in path.read_text().splitlines():
            what, offset = line.split()
            found[int(offset)].add(what)
    return found
