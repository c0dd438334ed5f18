"""What an event costs on SQLite: processor, commits, waits for the disk, time to its handler."""

from __future__ import annotations

import asyncio
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import uuid4

from headwater import EventContext

from .rates import Rate, measured, processor_time
from .scale import Scale
from .shop import Handlers, OrderPlaced, PlaceOrder, open_shop

__all__ = ["measure"]

EVENTS = 1000
CALLERS = 64
SYNCS = ("fsync", "fdatasync")


def measure(scale: Scale) -> Iterator[tuple[str, str, str]]:
    """Yield rows of (case, figure, goal)."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for callers in (1, CALLERS):
            rates = [asyncio.run(_appended(folder, callers)) for _ in range(scale.rounds)]
            yield f"processor for an event appended, {callers} at once", _least(rates), ""
        rates = [asyncio.run(_handled(folder, concurrency=8)) for _ in range(scale.rounds)]
        yield "processor for an event delivered, handled and acknowledged", _least(rates), ""
        for what, case in CASES.items():
            yield f"commits for {EVENTS:,} events {what}", _commits(folder, case), ""
            yield f"waits for the disk for {EVENTS:,} events {what}", _syncs(folder, what), ""
        times = sorted(asyncio.run(_to_handler(folder)))
        p50, p99 = (times[int(len(times) * part)] * 1000 for part in (0.5, 0.99))
        yield "from command to handler in one process", f"p50 {p50:.2f} ms, p99 {p99:.2f} ms", ""


def _least(rates: list[Rate]) -> str:
    """The least is what it takes; what is above it, others have taken."""
    return f"{min(rate.processor for rate in rates) * 1e6:.0f} µs"


async def _appended(folder: Path, callers: int) -> Rate:
    async with open_shop(folder / f"{uuid4()}.db") as app:
        await app.execute(PlaceOrder())
        left = iter(range(EVENTS))

        async def call() -> None:
            for _ in left:
                await app.execute(PlaceOrder())

        begun, used = time.perf_counter(), processor_time()
        await asyncio.gather(*(call() for _ in range(callers)))
        return measured(EVENTS, begun, used)


class Counting(Handlers):
    """Says when all have come, and when each has."""

    def __init__(self, count: int) -> None:
        self.all = asyncio.Event()
        self.times: list[float] = []
        self._count = count

    async def dispatch(self, event: OrderPlaced, context: EventContext) -> None:
        self.times.append(time.perf_counter())
        if len(self.times) == self._count:
            self.all.set()


async def _handled(folder: Path, concurrency: int) -> Rate:
    path = folder / f"{uuid4()}.db"
    async with open_shop(path) as app:
        await asyncio.gather(*(app.execute(PlaceOrder()) for _ in range(EVENTS)))
    handlers = Counting(EVENTS)
    begun, used = time.perf_counter(), processor_time()
    async with open_shop(path, handlers=handlers, subscribed=True, concurrency=concurrency) as app:
        await handlers.all.wait()
        await app.wait_until_idle()
        return measured(EVENTS, begun, used)


async def _to_handler(folder: Path) -> list[float]:
    """Seconds from the call of `execute` to that of the handler, one event after the other."""
    handlers = Counting(EVENTS)
    async with open_shop(folder / f"{uuid4()}.db", handlers=handlers, subscribed=True) as app:
        called = []
        for number in range(1, EVENTS + 1):
            called.append(time.perf_counter())
            await app.execute(PlaceOrder())
            while len(handlers.times) < number:  # noqa: ASYNC110  (each turn is one of the loop's)
                await asyncio.sleep(0)
        await app.wait_until_idle()
    return [at - since for since, at in zip(called, handlers.times, strict=True)]


CASES: dict[str, Callable[[Path], Any]] = {
    "appended one by one": partial(_appended, callers=1),
    f"appended by {CALLERS} at once": partial(_appended, callers=CALLERS),
    "delivered and handled": partial(_handled, concurrency=8),
}


def _commits(folder: Path, case: Callable[[Path], Any]) -> str:
    """Transactions that wrote, counted on the connection."""
    counts: Counter[str] = Counter()
    real = sqlite3.connect

    def connect(database: str, **options: Any) -> sqlite3.Connection:
        connection = real(database, **options)
        if "mode=ro" not in database:
            connection.set_trace_callback(lambda text: counts.update([text]))
        return connection

    with patch.object(sqlite3, "connect", connect):
        asyncio.run(case(folder))
    begun = counts["BEGIN IMMEDIATE"]
    if "handled" in str(case):
        return f"{begun:,} with those that appended them"
    return f"{begun:,}"


def _syncs(folder: Path, what: str) -> str:
    """System calls, counted by strace in a process of its own."""
    strace = shutil.which("strace")
    if strace is None:
        return "not counted: there is no strace"
    summary = folder / "strace"
    command = [strace, "-f", "-qq", "-e", f"trace={','.join(SYNCS)}", "-o", str(summary)]
    program = [sys.executable, "-m", "tests.bench.costs", what]
    done = subprocess.run([*command, *program], capture_output=True, text=True, check=False)
    if done.returncode:
        return f"not counted: {done.stderr.strip().splitlines()[-1]}"
    calls = re.findall(rf"\b({'|'.join(SYNCS)})\(", summary.read_text())
    return f"{len(calls):,}"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as own:
        asyncio.run(CASES[sys.argv[1]](Path(own)))
