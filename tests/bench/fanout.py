"""A broadcast to many consumers of one process, against a fan-out that is nothing but queues.

The peer decodes each event once and puts it into a queue for each consumer: no cursor, nothing
that is acknowledged, nothing that survives. What our side adds is all of that.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from headwater import App, Mode, Subscription

from .rates import Rate, interleaved, measured, processor_time
from .scale import Scale
from .shop import ORDERS, Handlers, OrderPlaced, PlaceOrder, shop

__all__ = ["measure"]

CONSUMERS = (1, 10, 100)
DELIVERIES = 10_000  # in all
FOLLOWING: Subscription[OrderPlaced] = Subscription(
    name="following", stream=ORDERS, mode=Mode.BROADCAST, events=(OrderPlaced,)
)


def measure(scale: Scale) -> Iterator[tuple[str, str, str]]:
    """Yield rows of (case, figure, goal)."""
    with tempfile.TemporaryDirectory() as folder:
        for where in ("memory", "SQLite"):
            for consumers in CONSUMERS:
                number = iter(range(1_000))

                def ours(w: str = where, c: int = consumers, n: Any = number) -> Rate:
                    database = "memory://" if w == "memory" else f"{folder}/{c}-{next(n)}.db"
                    return asyncio.run(_sessions(database, c))

                def theirs(c: int = consumers) -> Rate:
                    return asyncio.run(_queues(c))

                pairs = interleaved(scale.rounds, ours, theirs)
                yield f"broadcast to {consumers}, {where}, to queues", pairs.text(), "at least 0.3"


async def _sessions(database: str, consumers: int) -> Rate:
    url = database if database == "memory://" else f"sqlite:///{Path(database)}"
    events = DELIVERIES // consumers
    async with App(shop(FOLLOWING), handlers=Handlers(), database=url) as app:
        for _ in range(events // 100):
            await app.execute(PlaceOrder(times=100))

        async def follow(name: str) -> None:
            async with app.subscribe(FOLLOWING, consumer=name) as session:
                for _ in range(events):
                    await anext(session)

        begun, used = time.perf_counter(), processor_time()
        await asyncio.gather(*(follow(f"consumer-{number}") for number in range(consumers)))
        return measured(events * consumers, begun, used)


async def _queues(consumers: int) -> Rate:
    events = DELIVERIES // consumers
    async with App(shop(FOLLOWING), handlers=Handlers(), database="memory://") as app:
        for _ in range(events // 100):
            await app.execute(PlaceOrder(times=100))
        queues: list[asyncio.Queue[object]] = [asyncio.Queue(100) for _ in range(consumers)]

        async def follow(queue: asyncio.Queue[object]) -> None:
            for _ in range(events):
                await queue.get()

        async def fan_out() -> None:
            async for event in app.replay(ORDERS):
                for queue in queues:
                    await queue.put(event)

        begun, used = time.perf_counter(), processor_time()
        await asyncio.gather(fan_out(), *(follow(queue) for queue in queues))
        return measured(events * consumers, begun, used)
