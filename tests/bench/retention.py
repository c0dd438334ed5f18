"""How long appends wait while a million events are removed, on SQLite and on PostgreSQL.

Windows with and without a removal take turns, so that both meet the machine alike.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

from headwater.clock import SystemClock
from headwater.events import Metadata
from headwater.operations.retention import Retainer
from headwater.stores.committer import Committer
from headwater.stores.contract import Append, Expect, NewEvent, Store, Unit
from headwater.stores.databases import store_for
from headwater.streams import Retention, Stream, StreamType

from tests.support.postgres import Cluster, binaries

from .bare_writer import BODY
from .scale import Scale

__all__ = ["measure"]

EVENTS = 1_000_000
APPENDING = 8  # tasks
WINDOWS = 5  # of each kind
METADATA = Metadata(command="PlaceOrder")


def measure(scale: Scale) -> Iterator[tuple[str, str, str]]:
    """Yield rows of (case, figure, goal)."""
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        yield from asyncio.run(_case("SQLite", f"sqlite:///{folder}/orders.db", scale))
        if (programs := binaries()) is None:
            yield "PostgreSQL", "no server's programs here", ""
            return
        cluster = Cluster(programs, fsync=True)
        opened.callback(cluster.remove)
        cluster.start()
        cluster.run(cluster.make_template())
        url = cluster.run(cluster.create_database("template"))
        yield from asyncio.run(_case("PostgreSQL", url, scale))


async def _case(name: str, database: str, scale: Scale) -> list[tuple[str, str, str]]:
    clock = SystemClock()
    store = store_for(database, clock)
    stream = Stream("orders", StreamType.PERSISTENT)
    await store.open([stream])
    committer = Committer(store)
    try:
        await _fill(store, name)
        without: list[float] = []
        beside: list[float] = []
        removed = 0
        used = 0.0
        for number in range(WINDOWS):
            without += await _append(committer, scale.seconds)
            extent = await store.extent("orders")
            kept = extent.head - (number + 1) * EVENTS // WINDOWS
            retained = Stream(
                "orders", StreamType.PERSISTENT, retention=Retention(events=max(1, kept))
            )
            begun = time.perf_counter()
            removing = asyncio.create_task(Retainer(store, [retained], clock).retain())
            while not removing.done():
                beside += await _append(committer, 0.1)
            used += time.perf_counter() - begun
            removed += sum(one.removed for one in await removing or ())
            _progress(f"{name}: {removed:,} of {EVENTS:,} events removed")
    finally:
        await committer.close()
        await store.close()
    ratio = _p99(beside) / _p99(without)
    return [
        (
            f"p99 of an append on {name} during a removal, to without",
            (
                f"{ratio:.2f} x ({_p99(beside) * 1000:.1f} ms to {_p99(without) * 1000:.1f} ms; "
                f"median {_median(beside):.1f} ms to {_median(without):.1f} ms)"
            ),
            "at most 3",
        ),
        (f"events removed in a second on {name}, meanwhile", f"{removed / used:,.0f}", ""),
    ]


async def _fill(store: Store, name: str) -> None:
    for number in range(0, EVENTS, 1000):
        await store.commit([_unit(500), _unit(500)])
        if number % 100_000 == 0:
            _progress(f"{name}: {number:,} of {EVENTS:,} events recorded")


async def _append(committer: Committer, seconds: float) -> list[float]:
    """How long each append took, of so many tasks that do nothing else for a while."""
    times: list[float] = []
    until = time.perf_counter() + seconds

    async def append() -> None:
        while (begun := time.perf_counter()) < until:
            await committer.commit(_unit(1))
            times.append(time.perf_counter() - begun)

    await asyncio.gather(*(append() for _ in range(APPENDING)))
    return times


def _unit(events: int) -> Unit:
    new = tuple(
        NewEvent(
            id=uuid4(), name="OrderPlaced", version=1, data=BODY, terminal=False, metadata=METADATA
        )
        for _ in range(events)
    )
    return Unit(
        appends=(
            Append(
                stream="orders",
                workflow="Order",
                workflow_id=str(uuid4()),
                expect=Expect.NEW,
                events=new,
            ),
        )
    )


def _p99(times: Sequence[float]) -> float:
    return sorted(times)[int(len(times) * 0.99)]


def _median(times: Sequence[float]) -> float:
    return statistics.median(times) * 1000


def _progress(line: str) -> None:
    sys.stderr.write(f"{line}\n")
