"""Appends, reads and wake-up on PostgreSQL, against the least that each can cost.

The server is one of our own with `fsync=on`. Peers: a bare coalescing writer (workflow rows, head
and events of ready bytes, in one statement), plain multi-row insert and COPY, the `eventsourcing`
package in its safe mode, rows of asyncpg validated by pydantic, and a bare notification.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
from headwater.events import Metadata
from headwater.evolution import Registry
from headwater.stores.committer import Committer
from headwater.stores.contract import Append, Expect, Feed, FeedKey, NewEvent, Order, Unit
from headwater.stores.postgres.store import PostgresStore
from headwater.streams import FromLatest, Stream, StreamType

from tests.support.postgres import Cluster, binaries
from tests.support.waiting import eventually

from .rates import Rate, interleaved, measured, of_tasks, of_threads, processor_time
from .scale import Scale
from .shop import FIELDS, OrderPlaced

__all__ = ["durable_cluster", "measure"]

STREAM = Stream("orders", StreamType.PERSISTENT)
METADATA = Metadata(command="PlaceOrder")
BODY = OrderPlaced(**FIELDS).model_dump_json().encode().ljust(300)
PAGE = 1000  # events to read at once
READ = 100_000  # events to read in all
WAKES = 200  # appends to time from the one process to the other

CREATE_BARE = """
CREATE TABLE bare_head (head bigint NOT NULL) WITH (fillfactor = 50);
INSERT INTO bare_head VALUES (0);
CREATE TABLE bare_workflows (
  workflow text COLLATE "C", workflow_id text COLLATE "C", version bigint NOT NULL,
  ended boolean NOT NULL, PRIMARY KEY (workflow, workflow_id));
CREATE TABLE bare_events (LIKE events INCLUDING ALL);
"""

# The workflows, the head, the events: what the store's statement does, and nothing else.
APPEND_BARE = """
WITH
workflow AS (
  INSERT INTO bare_workflows
  SELECT 'Order', workflow_id, events, false
    FROM unnest($1::text[], $2::bigint[]) AS given (workflow_id, events)
),
moved AS (
  UPDATE bare_head SET head = head + cardinality($3::uuid[]) RETURNING head
),
event AS (
  INSERT INTO bare_events
  SELECT 'orders', moved.head - cardinality($3::uuid[]) + place, id, 'OrderPlaced', 1, 'Order',
         workflow_id, version, clock_timestamp(), data, '{"command": "PlaceOrder"}'
    FROM unnest($3::uuid[], $4::text[], $5::bigint[], $6::bytea[])
         WITH ORDINALITY AS given (id, workflow_id, version, data, place), moved
)
SELECT head FROM moved
"""

INSERT_PLAIN = """
INSERT INTO bare_events
SELECT 'orders', $1 + place, id, 'OrderPlaced', 1, 'Order', $2, place, clock_timestamp(), data,
       '{"command": "PlaceOrder"}'
  FROM unnest($3::uuid[], $4::bytea[]) WITH ORDINALITY AS given (id, data, place)
"""

SELECT_BARE = """
SELECT stream_offset, id, name, version, data
  FROM events
 WHERE stream = 'orders' AND stream_offset > $1 AND stream_offset <= $1 + $2
 ORDER BY stream_offset
"""


def measure(scale: Scale) -> Iterator[tuple[str, str, str]]:
    """Yield rows of (case, figure, goal)."""
    programs = binaries()
    if programs is None:
        yield "PostgreSQL", "not on this machine", ""
        return
    with durable_cluster(programs) as cluster:
        yield from _appends(cluster, scale)
        yield from _against_eventsourcing(cluster, scale)
        yield from _costs(cluster, scale)
        yield from _reads(cluster, scale)
        yield from _processes(cluster, scale)
        yield from _wakes(cluster)


@contextmanager
def durable_cluster(programs: Path) -> Iterator[Cluster]:
    """A server that waits for the disk."""
    cluster = Cluster(programs, fsync=True, shared_buffers="128MB")
    try:
        cluster.start()
        cluster.run(cluster.make_template())
        yield cluster
    finally:
        cluster.remove()


@asynccontextmanager
async def _database(cluster: Cluster) -> AsyncIterator[str]:
    url = await cluster.create_database("template")
    try:
        yield url
    finally:
        await cluster.drop_database(url)


def _run(cluster: Cluster, case: Callable[[str], Awaitable[Rate]]) -> Callable[[], Rate]:
    async def run() -> Rate:
        async with _database(cluster) as url:
            return await case(url)

    return lambda: asyncio.run(run())


# Appends

SIZES = ((1, 1, ""), (16, 1, ""), (64, 1, "at least 0.6"), (1000, 1, ""), (1, 100, ""))
LARGEST = (1, 1000, "at least 0.45")


def _appends(cluster: Cluster, scale: Scale) -> Iterator[tuple[str, str, str]]:
    for callers, each, goal in (*SIZES, LARGEST):
        what = f"{callers} at once" if each == 1 else f"batches of {each}"
        pairs = interleaved(
            scale.rounds,
            _run(cluster, lambda url, n=callers, e=each: _ours(url, n, e, scale.seconds)),
            _run(cluster, lambda url, n=callers, e=each: _bare(url, n, e, scale.seconds)),
        )
        yield f"units to a bare coalescing writer, {what}", pairs.text(), goal
    for each in (100, 1000):
        for name, peer in (("multi-row insert", _inserts), ("COPY", _copies)):
            pairs = interleaved(
                scale.rounds,
                _run(cluster, lambda url, e=each: _ours(url, 1, e, scale.seconds)),
                _run(cluster, lambda url, e=each, p=peer: p(url, e, scale.seconds)),
            )
            yield f"units to plain {name}, batches of {each}", pairs.text(), ""


@asynccontextmanager
async def _store(url: str) -> AsyncIterator[PostgresStore]:
    store = PostgresStore(url)
    await store.open([STREAM])
    try:
        yield store
    finally:
        await store.close()


async def _ours(url: str, callers: int, each: int, seconds: float) -> Rate:
    async with _store(url) as store:
        committer = Committer(store)
        await committer.commit(_unit(1))
        rate = await of_tasks(lambda: committer.commit(_unit(each)), callers, seconds, each=each)
        await committer.close()
        return rate


def _unit(events: int) -> Unit:
    append = Append(
        stream="orders",
        workflow="Order",
        workflow_id=str(uuid4()),
        expect=Expect.NEW,
        events=tuple(
            NewEvent(
                id=uuid4(),
                name="OrderPlaced",
                version=1,
                data=BODY,
                terminal=False,
                metadata=METADATA,
            )
            for _ in range(events)
        ),
    )
    return Unit(appends=(append,))


class _BareWriter:
    """Coalesces what waits into one statement."""

    def __init__(self, connection: asyncpg.Connection, append: Any) -> None:
        self._connection = connection
        self._append = append
        self._waiting: list[tuple[str, list[Any], asyncio.Future[int]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def append(self, events: int) -> int:
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append((str(uuid4()), [uuid4() for _ in range(events)], future))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        return await future

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:128], self._waiting[128:]
            ids = [one for _, given, _ in batch for one in given]
            [row] = await self._append.fetch(
                [name for name, _, _ in batch],
                [len(given) for _, given, _ in batch],
                ids,
                [name for name, given, _ in batch for _ in given],
                [version for _, given, _ in batch for version in range(1, len(given) + 1)],
                [BODY] * len(ids),
            )
            offset = row["head"] - len(ids)
            for _, given, future in batch:
                future.set_result(offset := offset + len(given))
        self._writer = None


@asynccontextmanager
async def _bare_connection(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url, server_settings={"jit": "off"})
    try:
        await connection.execute(CREATE_BARE)
        yield connection
    finally:
        await connection.close()


async def _bare(url: str, callers: int, each: int, seconds: float) -> Rate:
    async with _bare_connection(url) as connection:
        writer = _BareWriter(connection, await connection.prepare(APPEND_BARE))
        await writer.append(1)
        return await of_tasks(lambda: writer.append(each), callers, seconds, each=each)


async def _inserts(url: str, each: int, seconds: float) -> Rate:
    async with _bare_connection(url) as connection:
        insert = await connection.prepare(INSERT_PLAIN)
        head = 0

        async def once() -> None:
            nonlocal head
            await insert.fetch(head, str(uuid4()), [uuid4() for _ in range(each)], [BODY] * each)
            head += each

        await once()
        return await of_tasks(once, 1, seconds, each=each)


async def _copies(url: str, each: int, seconds: float) -> Rate:
    async with _bare_connection(url) as connection:
        head = 0

        async def once() -> None:
            nonlocal head
            name, now = str(uuid4()), datetime.now(UTC)
            records = [
                (
                    "orders",
                    head + place,
                    uuid4(),
                    "OrderPlaced",
                    1,
                    "Order",
                    name,
                    place,
                    now,
                    BODY,
                    '{"command": "PlaceOrder"}',
                )
                for place in range(1, each + 1)
            ]
            await connection.copy_records_to_table("bare_events", records=records)
            head += each

        await once()
        return await of_tasks(once, 1, seconds, each=each)


# The eventsourcing package


def _against_eventsourcing(cluster: Cluster, scale: Scale) -> Iterator[tuple[str, str, str]]:
    for callers, each, what, goal in (
        (64, 1, "64 at once", "at least 20"),
        (1, 1, "one by one", "at least 2"),
        (1, 1000, "batches of 1000", "at least 3"),
    ):
        pairs = interleaved(
            scale.rounds,
            _run(cluster, lambda url, n=callers, e=each: _ours(url, n, e, scale.seconds)),
            lambda n=callers, e=each: _saves(cluster, n, e, scale.seconds),
        )
        yield f"units to eventsourcing, {what}", pairs.text(), goal


def _saves(cluster: Cluster, callers: int, each: int, seconds: float) -> Rate:
    from eventsourcing.persistence import StoredEvent
    from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore

    url = cluster.run(cluster.create_database())
    parts = urlsplit(url)
    datastore = PostgresDatastore(
        dbname=parts.path[1:],
        host=str(parts.hostname),
        port=str(parts.port),
        user="postgres",
        password="",
        pool_size=callers,
        max_overflow=callers,
    )
    recorder = PostgresApplicationRecorder(datastore, events_table_name="stored_events")
    recorder.create_table()

    def once() -> None:
        name = uuid4()
        recorder.insert_events(
            [
                StoredEvent(
                    originator_id=name,
                    originator_version=version,
                    topic="orders:OrderPlaced",
                    state=BODY,
                )
                for version in range(1, each + 1)
            ]
        )

    try:
        once()
        return of_threads(once, callers, seconds, each=each)
    finally:
        datastore.close()
        cluster.run(cluster.drop_database(url))


# What it costs


def _costs(cluster: Cluster, scale: Scale) -> Iterator[tuple[str, str, str]]:
    async def run() -> tuple[Rate, float, float]:
        async with _database(cluster) as url:
            connection = await asyncpg.connect(url)
            before = await connection.fetchrow(_COUNTERS)
            async with _store(url) as store:
                committer = Committer(store)
                rate = await of_tasks(lambda: committer.commit(_unit(1)), 64, scale.seconds)
                head = (await store.statistics("orders")).head
            await eventually(lambda: connection.fetchval(_ALL_COUNTED))
            after = await connection.fetchrow(_COUNTERS)
            await connection.close()
            commits = (after["commits"] - before["commits"]) / head * 1000
            syncs = (after["syncs"] - before["syncs"]) / head * 1000
            return rate, commits, syncs

    rate, commits, syncs = asyncio.run(run())
    yield "client processor for an event, 64 at once", f"{rate.processor * 1e6:.1f} us", ""
    yield "commits and log syncs for 1,000 events, 64 at once", f"{commits:.1f}, {syncs:.1f}", ""


# A backend that ends hands in what it counted before it leaves the list.
_ALL_COUNTED = """
SELECT count(*) = 0
  FROM pg_stat_activity
 WHERE datname = current_database()
   AND backend_type = 'client backend'
   AND pid <> pg_backend_pid()
"""

_COUNTERS = """
SELECT (SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()) AS commits,
       (SELECT wal_sync FROM pg_stat_wal) AS syncs
"""


# Reading


def _reads(cluster: Cluster, scale: Scale) -> Iterator[tuple[str, str, str]]:
    url = cluster.run(cluster.create_database("template"))

    async def fill() -> None:
        async with _store(url) as store:
            for _ in range(READ // PAGE):
                await store.commit([_unit(PAGE)])

    cluster.run(fill())
    registry = Registry([OrderPlaced])

    async def ours() -> Rate:
        async with _store(url) as store:
            begun, used = time.perf_counter(), processor_time()
            for after in range(0, READ, PAGE):
                for recorded in await store.read("orders", after, PAGE):
                    registry.decode(recorded)
            return measured(READ, begun, used)

    async def bare() -> Rate:
        connection = await asyncpg.connect(url)
        select = await connection.prepare(SELECT_BARE)
        begun, used = time.perf_counter(), processor_time()
        for after in range(0, READ, PAGE):
            for row in await select.fetch(after, PAGE):
                OrderPlaced.model_validate_json(row["data"])
        rate = measured(READ, begun, used)
        await connection.close()
        return rate

    pairs = interleaved(scale.rounds, lambda: asyncio.run(ours()), lambda: asyncio.run(bare()))
    yield "catch-up of typed events to bare rows and pydantic", pairs.text(), "at least 0.6"
    cluster.run(cluster.drop_database(url))


# Several processes

APPENDER = """
import asyncio, sys
from tests.bench.postgres import _ours
rate = asyncio.run(_ours(sys.argv[1], 64, 1, float(sys.argv[2])))
print(rate.each)
"""


def _processes(cluster: Cluster, scale: Scale) -> Iterator[tuple[str, str, str]]:
    for count in (2, 4):
        pairs = interleaved(
            scale.rounds,
            lambda n=count: _total(cluster, n, scale.seconds),
            lambda: _total(cluster, 1, scale.seconds),
        )
        yield (
            f"{count} processes on one stream to one, 64 callers each",
            pairs.text(),
            ("at least 0.8"),
        )


def _total(cluster: Cluster, count: int, seconds: float) -> Rate:
    url = cluster.run(cluster.create_database("template"))
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", APPENDER, url, str(seconds)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(count)
    ]
    rates = [float(process.communicate()[0]) for process in processes]
    cluster.run(cluster.drop_database(url))
    return Rate(sum(rates), 0.0)


# Waking another process

ECHO = """
import asyncio, sys
from tests.bench.postgres import _echo
asyncio.run(_echo(sys.argv[1]))
"""


async def _echo(url: str) -> None:
    """Handle each event in a process of its own: say when, by the machine's clock."""
    async with _store(url) as store:
        key = FeedKey("echo")
        await store.register(
            Feed(
                key=key,
                stream="orders",
                events=frozenset({"OrderPlaced"}),
                start=FromLatest(),
                order=Order.WORKFLOW,  # each is the first of its own: none waits for another
                in_flight=1000,
                ack_timeout=60.0,
            )
        )
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        for _ in range(WAKES):
            changes = store.changes(key)
            while True:
                seen = changes.generation
                claims = (await store.claim(key, "echo", 1)).claims
                if claims:
                    break
                await changes.wait_after(seen)
            sys.stdout.write(f"{time.monotonic_ns()}\n")
            sys.stdout.flush()


def _wakes(cluster: Cluster) -> Iterator[tuple[str, str, str]]:
    async def ours() -> list[float]:
        async with _database(cluster) as url, _store(url) as store:
            echo = await asyncio.create_subprocess_exec(
                sys.executable, "-c", ECHO, url, stdout=asyncio.subprocess.PIPE, env=os.environ
            )
            assert echo.stdout is not None
            await echo.stdout.readline()
            waits = []
            for _ in range(WAKES):
                await asyncio.sleep(0.01)
                begun = time.monotonic_ns()
                await store.commit([_unit(1)])
                waits.append((int(await echo.stdout.readline()) - begun) / 1e6)
            await echo.wait()
            return waits

    async def bare() -> list[float]:
        async with _database(cluster) as url:
            sender, listener = [await asyncpg.connect(url) for _ in range(2)]
            heard = asyncio.Event()
            await listener.add_listener("bare", lambda *_: heard.set())
            waits = []
            for _ in range(WAKES):
                await asyncio.sleep(0.01)
                heard.clear()
                begun = time.monotonic_ns()
                await sender.execute("NOTIFY bare")
                await heard.wait()
                waits.append((time.monotonic_ns() - begun) / 1e6)
            await sender.close()
            await listener.close()
            return waits

    mine, theirs = asyncio.run(ours()), asyncio.run(bare())
    yield (
        "append to handler in another idle process, to a bare notification (p50)",
        (
            f"{statistics.median(mine) / statistics.median(theirs):.2f} x "
            f"({statistics.median(mine):.2f} ms to {statistics.median(theirs):.2f} ms; "
            f"p99 {_p99(mine):.2f} ms)"
        ),
        "at most 3",
    )


def _p99(waits: Sequence[float]) -> float:
    return sorted(waits)[int(len(waits) * 0.99) - 1]
