"""P8: transactions begin, write, commit and roll back in any order, and a reader reads along."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg
import pytest
from headwater.stores.contract import Append, Committed, OwnTransaction, Unit
from headwater.stores.postgres.store import PostgresStore

from tests.faults.actors import mark_of, post_of
from tests.faults.databases import ServerDatabase, on_postgres
from tests.faults.ledger import EFFECTS, ledger
from tests.faults.report import Figures, Progress

pytestmark = [pytest.mark.row("P8"), on_postgres]

SESSIONS = 8
PROCESSES = 2  # stores, which know nothing of each other
PAGE = 100  # events


class Session:
    """One writer: it begins a transaction, writes into it, and ends it one way or the other."""

    def __init__(self, store: PostgresStore, chance: random.Random) -> None:
        self._store = store
        self._chance = chance
        self._open: OwnTransaction | None = None
        self.committed: list[str] = []
        self.steps: list[str] = []

    async def step(self) -> None:
        """Do what comes next, or one of the things that may."""
        if self._open is None:
            await self._chance.choice((self._begin, self._append))()
        else:
            await self._chance.choice((self._write, self._commit, self._roll_back))()

    async def end(self) -> None:
        """Leave nothing open."""
        if self._open is not None:
            await self._roll_back()

    async def _begin(self) -> None:
        self.steps.append("begin")
        self._open = await self._store.begin()

    async def _write(self) -> None:
        assert self._open is not None
        self.steps.append("write")
        await self._open.connection.exec_driver_sql("INSERT INTO notes VALUES ('along')")

    async def _commit(self) -> None:
        assert self._open is not None
        self.steps.append("commit")
        transaction, self._open = self._open, None
        unit, marks = self._unit()
        assert isinstance(await transaction.commit(unit), Committed)
        self.committed += marks

    async def _roll_back(self) -> None:
        assert self._open is not None
        self.steps.append("roll back")
        transaction, self._open = self._open, None
        transaction.roll_back()
        await asyncio.shield(transaction.ended)

    async def _append(self) -> None:
        """Without a transaction of its own: in a group with what else there is."""
        self.steps.append("append")
        unit, marks = self._unit(self._chance.choice((None, "Effect")))
        [outcome] = await self._store.commit([unit])
        assert isinstance(outcome, Committed)
        self.committed += marks

    def _unit(self, workflow: str | None = None) -> tuple[Unit, list[str]]:
        marks = [str(uuid4()) for _ in range(self._chance.randint(1, 3))]
        events = tuple(post_of(mark, 0) for mark in marks)
        append = Append(
            stream=EFFECTS,
            workflow=workflow,
            workflow_id=str(self._chance.randint(1, 5)),
            events=events,
        )
        return Unit(appends=(append,)), marks


@asynccontextmanager
async def an_open_transaction_elsewhere(database: ServerDatabase) -> AsyncIterator[None]:
    """In another database of the same server, with a row written and a transaction id taken."""
    other = await asyncpg.connect(database.server.url())
    try:
        await other.execute("CREATE TEMPORARY TABLE elsewhere (number int)")
        await other.execute("BEGIN; INSERT INTO elsewhere VALUES (1)")
        yield
    finally:
        await other.close()


async def test_a_reader_that_reads_along_sees_every_event_once_and_in_order(
    database: ServerDatabase,
    chance: random.Random,
    figures: Figures,
    progress: Progress,
    whole: bool,
) -> None:
    """Whatever order eight sessions take their steps in; and nobody far away holds it up."""
    steps = 40_000 if whole else 800
    database.ask("CREATE TABLE notes (mark text)")
    stores = [PostgresStore(database.url) for _ in range(PROCESSES)]
    for store in stores:
        await store.open(ledger().streams)
    sessions = [Session(stores[number % PROCESSES], chance) for number in range(SESSIONS)]
    seen: list[str] = []
    is_over = False

    async def read_along() -> None:
        while True:
            was_over = is_over
            page = await stores[0].read(EFFECTS, len(seen), PAGE)
            assert [one.offset for one in page] == [
                *range(len(seen) + 1, len(seen) + len(page) + 1)
            ]
            seen.extend(mark_of(one.data) for one in page)
            if was_over and not page:
                return
            await asyncio.sleep(0)

    async def write(session: Session) -> None:
        while sum(len(one.steps) for one in sessions) < steps:
            await session.step()
            progress(sum(len(one.steps) for one in sessions), steps, "steps")
            for _ in range(chance.randint(0, 3)):
                await asyncio.sleep(0)
        await session.end()

    async with an_open_transaction_elsewhere(database):
        reading = asyncio.create_task(read_along())
        await asyncio.gather(*(write(session) for session in sessions))
        is_over = True
        async with asyncio.timeout(10):
            await reading
    for store in stores:
        await store.close()

    taken = [step for session in sessions for step in session.steps]
    assert {*taken} == {"begin", "write", "commit", "roll back", "append"}
    assert sorted(seen) == sorted(mark for one in sessions for mark in one.committed)
    assert len(seen) == len({*seen})
    figures.faults({step: taken.count(step) for step in ("commit", "roll back", "append")})
    figures.add(events=len(seen))
