"""A shop and a ledger in several releases at once, each process of one: what a rolling change is.

The shop sells at the version that its release has, and publishes at the one that it was told. The
ledger reads at the version of its own release, and holds what is newer until a release runs that
knows it.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

from headwater import App, EventContext, OnUnknown
from headwater.relaying import border
from headwater.relaying import relay as relay_module
from headwater.subscriptions import heartbeat
from headwater.transports.rabbitmq import RabbitmqOptions

from tests.faults.actors import Role, terminated
from tests.faults.history import Scribe
from tests.support.crossing import MakeSale, ShopHandlers, ledger_at, reading, shop_at

__all__ = ["BOOKING", "ROLES"]

BOOKING = "bookings"


async def sell(scribe: Scribe, options: dict[str, Any]) -> None:
    """Sell until SIGTERM, each of `customers` things with growing numbers, and publish that."""
    stopping = terminated()
    app = _app(shop_at(options["head"], publishes=options["publishes"]), options)
    numbers: dict[str, int] = dict(options["customers"])
    async with AsyncExitStack() as opened:
        app = await opened.enter_async_context(app)
        scribe.note("info", "ready")
        while not stopping.is_set():
            for customer, last in numbers.items():
                numbers[customer] = last + 1
                await _sell(app, scribe, customer, last + 1)
            await asyncio.sleep(options.get("pause", 0.0))


async def _sell(app: App[Any], scribe: Scribe, customer: str, number: int) -> None:
    mark = f"{customer}/{number}"
    scribe.note("invoke", "append", mark, ids=(mark,), stream="sales", key=customer)
    await app.execute(MakeSale(customer=customer, number=number))
    scribe.note("ok", "append", mark)


async def book(scribe: Scribe, options: dict[str, Any]) -> None:
    """Book what is sold until SIGTERM."""
    stopping = terminated()
    head = options["head"]
    app = _app(ledger_at(head, reading(head=head, on_unknown=OnUnknown.HOLD)), options, scribe)
    async with app:
        scribe.note("info", "ready")
        await stopping.wait()


class _Booking:
    def __init__(self, scribe: Scribe, head: int) -> None:
        self._scribe = scribe
        self._head = head

    async def bookings(self, event: Any, context: EventContext) -> None:
        customer = context.recorded.workflow_id
        self._scribe.note(
            "info",
            "effect",
            ids=(f"{customer}/{event.number}",),
            subscription=BOOKING,
            key=customer,
            version=event.number,
            offset=context.recorded.offset,
            note=f"recorded at {context.recorded.version}, read at {type(event).event_version}",
        )


def _app(service: Any, options: dict[str, Any], scribe: Scribe | None = None) -> App[Any]:
    """With claims and leases that end soon."""
    relay_module.ACK_TIMEOUT = border.LEASE = heartbeat.SESSION_LIFETIME = options["lifetime"]
    border.RENEWAL = heartbeat.INTERVAL = options["lifetime"] / 4
    head = options["head"]
    return App(
        service,
        handlers=ShopHandlers(head) if scribe is None else _Booking(scribe, head),
        database=options["database"],
        broker=options["broker"],
        broker_options=RabbitmqOptions(**options["rabbitmq"]),
    )


ROLES: dict[str, Role] = {"shop": sell, "booking": book}
