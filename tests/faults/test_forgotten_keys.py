"""D1: keys go as soon as they may, and no command that was sent is carried out twice for that."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from contextlib import suppress

import pytest
from headwater.errors import UnknownSubscriptionError
from headwater.stores.contract import (
    Acknowledge,
    Answer,
    Claim,
    Committed,
    FeedKey,
    IdempotencyKey,
    SentCommand,
    SetAside,
    Store,
    Unit,
)
from headwater.stores.keys import KeyKind, Occasion
from headwater.streams import FromBeginning
from headwater.testing.conformance.examples import feed, new_event, unit

from tests.faults.databases import Database, on_both
from tests.faults.report import Figures, Progress
from tests.faults.test_retention_races import kill_remover, opened

pytestmark = pytest.mark.row("D1")

READER = FeedKey("reader")
PATIENCE = 60.0  # seconds
KEPT = 20  # events of the log

# Removes keys that are older than a moment, and what exceeds a retention, until it is killed.
KEEPER = f"""
import asyncio, sys
from headwater.clock import SystemClock
from headwater.operations import caretaking, keys, retention
from headwater.stores.databases import store_for
from headwater.streams import Lagging, Retention, Stream, StreamType
from headwater.testing.conformance.examples import STREAMS

caretaking.LEASE = 0.2
keys.BATCH = retention.BATCH = 3  # parts as small as it can do

async def main(database):
    kept = Retention(events={KEPT}, lagging=Lagging.HOLD)
    stream = Stream("log", StreamType.PERSISTENT, retention=kept)
    store = store_for(database, SystemClock())
    await store.open(STREAMS)
    print("ready", flush=True)
    await asyncio.gather(
        keys.KeyKeeper(store, [stream], 0.001, SystemClock()).run(0.001),
        retention.Retainer(store, [stream], SystemClock()).run(0.001),
    )

asyncio.run(main(sys.argv[1]))
"""


def start_keeper(database: Database) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", KEEPER, database.url], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


class Sender:
    """Sends a command for each event, handles events again and again, and carries out commands."""

    def __init__(self, store: Store, chance: random.Random) -> None:
        self.store = store
        self.chance = chance
        self.again = 0

    async def handle(self) -> None:
        """Settle some events, or have the reader begin once more with the oldest that is left."""
        dice = self.chance.randrange(12)
        if dice == 0:
            self.again += 1
            await self.store.reset([READER], FromBeginning(), forced=True, dry_run=False, actor="")
        elif dice == 1:
            letters = [one.id for one in await self.store.dead_letters("reader")]
            with suppress(UnknownSubscriptionError):
                self.again += await self.store.requeue(letters)
        for one in (await self.store.claim(READER, "me#1", self.chance.randint(1, 6))).claims:
            await self._settle(one)

    async def _settle(self, one: Claim) -> None:
        event = one.event
        send = SentCommand(
            key=f"sent:reader//{event.id}/1",
            name="Note",
            body=str(event.id).encode(),
            request_id=None,
            occasion=Occasion(KeyKind.SENT, event.stream, event.offset),
        )
        # A handler that failed after an earlier run had sent the command: requeued, it sends again.
        if self.chance.randrange(6):
            await self.store.commit([Unit(settlements=(Acknowledge(one),), sends=(send,))])
        else:
            await self.store.commit([Unit(sends=(send,)), Unit(settlements=(SetAside(one, "no"),))])

    async def carry_out(self) -> int:
        """Carry out what was sent, each as an event of a workflow of its own; how many."""
        taken = (await self.store.take_commands(16, lease=30.0)).commands
        for command in taken:
            note = unit(new_event("Noted"), to=command.body.decode(), stream="queue")
            key = IdempotencyKey(command.key, Answer(b"", b""), command.occasion)
            [done] = await self.store.commit(
                [Unit(key=key, carries_out=command.key, appends=note.appends)]
            )
            assert isinstance(done, Committed)
        return len(taken)


@on_both
def test_what_was_sent_for_an_event_is_carried_out_once_however_often_the_event_comes(
    database: Database, chance: random.Random, figures: Figures, progress: Progress, whole: bool
) -> None:
    """Reset and requeued, while keys and events go at once and those who remove them are killed."""
    rounds = 100 if whole else 4
    asyncio.run(_race(database, rounds, chance, figures, progress))


async def _race(
    database: Database, rounds: int, chance: random.Random, figures: Figures, progress: Progress
) -> None:
    async with opened(database) as store:
        await store.register(feed(in_flight=8))
        sender = Sender(store, chance)
        ids: list[str] = []
        keepers = [start_keeper(database) for _ in range(2)]
        try:
            for number in range(rounds):
                progress(number, rounds, "kills")
                before = (await store.extent("log")).first_offset
                async with asyncio.timeout(PATIENCE):
                    while (await store.extent("log")).first_offset <= before + KEPT:
                        event = new_event()
                        ids.append(str(event.id))
                        await store.commit([unit(event, to=f"cart-{chance.randrange(5)}")])
                        await sender.handle()
                        await sender.carry_out()
                place = chance.randrange(len(keepers))
                await kill_remover(keepers[place])
                keepers[place] = start_keeper(database)
            async with asyncio.timeout(PATIENCE):
                while (await store.feed(READER)).pending or await sender.carry_out():
                    await sender.handle()
        finally:
            for keeper in keepers:
                keeper.kill()
                keeper.wait()
                if keeper.stdout is not None:
                    keeper.stdout.close()
        versions = [(await store.workflow("Cart", one)).version for one in ids]
        left = (await store.count_keys(KeyKind.SENT, "log", 0.001)).all
    figures.faults({"kill": rounds, "handled again": sender.again})
    figures.add(events=len(ids), lost=versions.count(0), again=sum(versions) - len(ids))
    assert versions == [1] * len(ids)
    assert sender.again
    assert left < len(ids), "no key has gone"
