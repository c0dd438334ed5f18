"""Logs for the loss-and-order part: our stores, the `eventsourcing` package, and broken ones."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
from eventsourcing.persistence import InfrastructureFactory, StoredEvent
from eventsourcing.utils import Environment
from headwater.stores.postgres.store import PostgresStore
from headwater.stores.sqlite.store import SqliteStore
from headwater.testing.conformance import STREAMS
from headwater.testing.conformance.order import Entry, StoreLog

LANES = 8  # connections of an `eventsourcing` application


@asynccontextmanager
async def sqlite(url: str) -> AsyncIterator[StoreLog]:
    store = SqliteStore(Path(url))
    await store.open(STREAMS)
    yield StoreLog(store)
    await store.close()


@asynccontextmanager
async def postgres(url: str) -> AsyncIterator[StoreLog]:
    store = PostgresStore(url)
    await store.open(STREAMS)
    yield StoreLog(store)
    await store.close()


class Skipping(StoreLog):
    """Gives positions whose events become visible later: the reader has passed them by then."""

    passed = 0

    async def read(self, after: int, limit: int) -> list[Entry]:
        entries = await super().read(after, limit)
        fresh, self.passed = after >= self.passed, max(self.passed, after)
        return entries[1:] if fresh and len(entries) > 1 else entries


class Doubling(StoreLog):
    """Gives the last event again."""

    async def read(self, after: int, limit: int) -> list[Entry]:
        return await super().read(max(after - 1, 0), limit)


class Forgetting(StoreLog):
    """Acknowledges without recording, now and then."""

    async def append(self, workflow: UUID, numbers: Sequence[int]) -> None:
        if numbers[0] % 3:
            await super().append(workflow, numbers)


class Halving(StoreLog):
    """Leaves out the last event of an append."""

    async def append(self, workflow: UUID, numbers: Sequence[int]) -> None:
        await super().append(workflow, numbers[: max(len(numbers) - 1, 1)])


class Shuffling(StoreLog):
    """Records an append from its end."""

    async def append(self, workflow: UUID, numbers: Sequence[int]) -> None:
        await super().append(workflow, numbers[::-1])


@asynccontextmanager
async def broken(url: str) -> AsyncIterator[StoreLog]:
    """`<name>:<path>`: a SQLite store behind the class of that name."""
    name, _, path = url.partition(":")
    kinds = {one.__name__: one for one in (Skipping, Doubling, Forgetting, Halving, Shuffling)}
    store = SqliteStore(Path(path))
    await store.open(STREAMS)
    yield kinds[name](store)
    await store.close()


class RecorderLog:
    """An application recorder of `eventsourcing`: its notification ids are the positions."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._factory = InfrastructureFactory[UUID].construct(Environment("Counts", environment))
        self._recorder = self._factory.application_recorder()
        self._threads = ThreadPoolExecutor(LANES)

    async def append(self, workflow: UUID, numbers: Sequence[int]) -> None:
        events = [StoredEvent(workflow, number, "Counted", b"") for number in numbers]
        await self._run(self._recorder.insert_events, events)

    async def read(self, after: int, limit: int) -> list[Entry]:
        found = await self._run(
            lambda: self._recorder.select_notifications(after, limit, inclusive_of_start=False)
        )
        return [Entry(one.id, one.originator_id, one.originator_version) for one in found]

    async def _run(self, function, *arguments):  # type: ignore[no-untyped-def]
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, function, *arguments)

    def close(self) -> None:
        self._threads.shutdown()
        self._factory.close()


@asynccontextmanager
async def eventsourcing(url: str, **settings: str) -> AsyncIterator[RecorderLog]:
    """With its default settings: each insert locks the table."""
    parts = urlsplit(url)
    log = RecorderLog(
        {
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": parts.path[1:],
            "POSTGRES_HOST": str(parts.hostname),
            "POSTGRES_PORT": str(parts.port),
            "POSTGRES_USER": str(parts.username),
            "POSTGRES_PASSWORD": parts.password or "",
            "POSTGRES_POOL_SIZE": str(LANES),
        }
        | settings
    )
    try:
        yield log
    finally:
        log.close()


@asynccontextmanager
async def eventsourcing_functions(url: str) -> AsyncIterator[RecorderLog]:
    """Inserting through its database function, which takes no table lock."""
    async with eventsourcing(url, POSTGRES_ENABLE_DB_FUNCTIONS="y") as log:
        yield log


# As on a disk or a standby that is slow now and then: the transaction is done, its rows have their
# numbers, and its commit takes its time.
CREATE_DELAY = """
CREATE FUNCTION delay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF random() < 0.005 THEN
    PERFORM pg_sleep(0.05);
  END IF;
  RETURN NULL;
END
$$
"""

TABLES = {
    "postgres": "events",
    "eventsourcing": "counts_events",
    "eventsourcing_functions": "counts_events",
}
OPENED = {
    "postgres": postgres,
    "eventsourcing": eventsourcing,
    "eventsourcing_functions": eventsourcing_functions,
}


async def slow_commits(name: str, url: str) -> None:
    """Have one in 200 events delay the commit that it is in by 50 ms."""
    async with OPENED[name](url):
        pass  # its tables are there now
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(CREATE_DELAY)
        await connection.execute(
            f"CREATE CONSTRAINT TRIGGER delay AFTER INSERT ON {TABLES[name]} "
            "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION delay()"
        )
    finally:
        await connection.close()
