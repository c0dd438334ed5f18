"""Reading a log again, typed, against the reader of the `eventsourcing` package."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from .peer import Orders, open_orders, place
from .rates import Rate, interleaved, measured, processor_time
from .scale import Scale
from .shop import ORDERS, PlaceOrder, open_shop

__all__ = ["measure"]

EVENTS = 20_000
EACH = 100  # events of one order
PAGE = 1000  # notifications that the peer selects at once


def measure(scale: Scale) -> Iterator[tuple[str, str, str]]:
    """Yield rows of (case, figure, goal)."""
    with tempfile.TemporaryDirectory() as name:
        path, peer = Path(name) / "ours.db", Path(name) / "peer.db"
        asyncio.run(_fill(path))
        with open_orders(peer) as orders:
            for _ in range(EVENTS // EACH):
                place(orders, EACH)
            pairs = interleaved(
                scale.rounds, lambda: asyncio.run(_replay(path)), lambda: _notifications(orders)
            )
    yield f"{EVENTS:,} typed events to the reader of eventsourcing", pairs.text(), "at least 1.5"
    used = min(rate.processor for rate in pairs.ours) * 1e6
    yield "processor for an event that is read and typed", f"{used:.1f} µs", ""


async def _fill(path: Path) -> None:
    async with open_shop(path) as app:
        for _ in range(EVENTS // EACH):
            await app.execute(PlaceOrder(times=EACH))


async def _replay(path: Path) -> Rate:
    async with open_shop(path) as app:
        begun, used, count = time.perf_counter(), processor_time(), 0
        async for event in app.replay(ORDERS):
            count += event.quantity == 3  # type: ignore[attr-defined]  # it is an OrderPlaced
        assert count == EVENTS
        return measured(count, begun, used)


def _notifications(orders: Orders) -> Rate:
    begun, used, count = time.perf_counter(), processor_time(), 0
    last = 0
    while page := orders.recorder.select_notifications(last + 1, PAGE):
        for notification in page:
            event = orders.mapper.to_domain_event(notification)
            count += event.quantity == 3
            last = notification.id
    assert count == EVENTS
    return measured(count, begun, used)
