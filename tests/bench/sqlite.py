"""Appends and reads on SQLite against what the standard library can do, in interleaved pairs.

    python -m tests.bench.sqlite [--seconds 1.0] [--rounds 5]

The bare writer is a queue, futures, one thread and `sqlite3`, with the same rows in the same tables
and the same durability; it checks nothing. Each round runs both, one after the other and in turns
first; the table gives the median of each and of their ratio.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import sqlite3
import statistics
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from uuid import uuid4

from headwater.clock import SystemClock
from headwater.events import Metadata
from headwater.schema.sqlite import statements
from headwater.stores.committer import Committer
from headwater.stores.contract import Append, Expect, NewEvent, Unit
from headwater.stores.sqlite.store import SqliteStore
from headwater.streams import Stream, StreamType

BODY = b'{"order_id":123456,"email":"someone@example.com","lines":[{"sku":"abc","quantity":2}]}'
STREAM = Stream("orders", StreamType.PERSISTENT)
METADATA = Metadata(command="PlaceOrder")

Append1 = Callable[[], Awaitable[object]]


class BareWriter:
    """Coalesces what waits into one transaction."""

    INSERT_EVENT = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    INSERT_WORKFLOW = "INSERT INTO workflows VALUES (?, ?, ?, ?)"

    def __init__(self, path: Path) -> None:
        self._queue: SimpleQueue[tuple[str, asyncio.Future[int]] | None] = SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        for statement in statements():
            self._connection.execute(statement)
        self._connection.execute(
            "INSERT INTO streams VALUES ('orders', 'persistent', 0, 1, 1, 0, 0, 0, 0)"
        )
        self._head = 0
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    async def append(self) -> int:
        future: asyncio.Future[int] = self._loop.create_future()
        self._queue.put((str(uuid4()), future))
        return await future

    async def close(self) -> None:
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)
        self._connection.close()

    def _run(self) -> None:
        while True:
            item = self._queue.get()
            if item is None:
                return
            batch = [item]
            while len(batch) < 128:
                try:
                    more = self._queue.get_nowait()
                except Empty:
                    break
                if more is None:
                    self._queue.put(None)
                    break
                batch.append(more)
            now = time.time_ns() // 1000
            events, workflows = [], []
            for workflow_id, _ in batch:
                self._head += 1
                events.append(
                    (
                        "orders",
                        self._head,
                        uuid4().bytes,
                        "OrderPlaced",
                        1,
                        "Order",
                        workflow_id,
                        1,
                        now,
                        BODY,
                        '{"command": "PlaceOrder"}',
                    )
                )
                workflows.append(("Order", workflow_id, 1, 0))
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(self.INSERT_WORKFLOW, workflows)
            self._connection.executemany(self.INSERT_EVENT, events)
            self._connection.execute("UPDATE streams SET head = ?", (self._head,))
            self._connection.execute("COMMIT")
            head = self._head - len(batch)
            self._loop.call_soon_threadsafe(self._tell, batch, head)

    @staticmethod
    def _tell(batch: list[tuple[str, asyncio.Future[int]]], head: int) -> None:
        for offset, (_, future) in enumerate(batch, head + 1):
            if not future.done():
                future.set_result(offset)


async def rate(append: Append1, callers: int, seconds: float) -> tuple[float, float]:
    """Appends a second by so many callers at once, and microseconds of processor for each."""
    done = 0
    until = time.perf_counter() + seconds

    async def call() -> None:
        nonlocal done
        while time.perf_counter() < until:
            await append()
            done += 1

    used = cpu()
    begun = time.perf_counter()
    await asyncio.gather(*(call() for _ in range(callers)))
    return done / (time.perf_counter() - begun), (cpu() - used) / done * 1e6


def cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def new_unit() -> Unit:
    event = NewEvent(
        id=uuid4(), name="OrderPlaced", version=1, data=BODY, terminal=False, metadata=METADATA
    )
    append = Append(
        stream="orders",
        workflow="Order",
        workflow_id=str(uuid4()),
        expect=Expect.NEW,
        events=(event,),
    )
    return Unit(appends=(append,))


async def bare(folder: Path, callers: int, seconds: float) -> tuple[float, float]:
    writer = BareWriter(folder / f"bare-{uuid4()}.db")
    try:
        return await rate(writer.append, callers, seconds)
    finally:
        await writer.close()


async def headwater(folder: Path, callers: int, seconds: float) -> tuple[float, float]:
    store = SqliteStore(folder / f"headwater-{uuid4()}.db", SystemClock())
    await store.open([STREAM])
    committer = Committer(store)
    try:
        return await rate(lambda: committer.commit(new_unit()), callers, seconds)
    finally:
        await committer.close()
        await store.close()


async def main(seconds: float, rounds: int) -> None:
    print(f"{'callers':>8} {'bare/s':>9} {'ours/s':>9} {'ratio':>6} {'bare us':>8} {'ours us':>8}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for callers in (1, 8, 64):
            pairs = []
            for number in range(rounds):
                order = [bare, headwater] if number % 2 else [headwater, bare]
                figures = {}
                for run in order:
                    figures[run.__name__] = await run(folder, callers, seconds)
                pairs.append((figures["bare"], figures["headwater"]))
            theirs = statistics.median(one[0][0] for one in pairs)
            ours = statistics.median(one[1][0] for one in pairs)
            ratio = statistics.median(one[1][0] / one[0][0] for one in pairs)
            costs = [statistics.median(one[side][1] for one in pairs) for side in (0, 1)]
            print(
                f"{callers:>8} {theirs:>9,.0f} {ours:>9,.0f} {ratio:>6.2f} "
                f"{costs[0]:>8.1f} {costs[1]:>8.1f}"
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=5, help="pairs for each line")
    arguments = parser.parse_args()
    asyncio.run(main(arguments.seconds, arguments.rounds))
