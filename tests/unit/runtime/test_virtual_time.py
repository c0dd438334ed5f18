"""Time in tests stands still while a store is at work, however slow the machine."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.order_handlers import OrderHandlers
from tests.support.orders import NoteOrder, OrderPlaced, PlaceOrder, order_service
from tests.support.virtual_app import VirtualApp

SLOWLY = 0.02  # seconds of the machine's clock: long beside the turns of an event loop


class Sending(OrderHandlers):
    async def packing(self, event: OrderPlaced, context: Any) -> None:
        context.send(NoteOrder(order_id=event.order_id, text="packed"))


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[VirtualApp]:
    database = f"sqlite:///{tmp_path}/orders.db"
    async with VirtualApp(order_service, handlers=Sending(), database=database) as app:
        yield app


def slow_down(app: VirtualApp, *calls: str) -> None:
    store = app._observed._behind
    for name in calls:
        quick = getattr(store, name)

        async def slow(*arguments: Any, quick: Any = quick, **options: Any) -> Any:
            await asyncio.sleep(SLOWLY)
            return await quick(*arguments, **options)

        setattr(store, name, slow)


async def test_a_command_s_deadline_does_not_run_out_while_the_disk_is_slow(
    app: VirtualApp,
) -> None:
    slow_down(app, "workflow", "commit")
    running = asyncio.ensure_future(app.execute(PlaceOrder(order_id=1, email="ada@example.com")))
    await app.advance(60)
    assert running.done()
    assert await running == "1"


async def test_a_sent_command_is_not_given_up_because_the_disk_is_slow(app: VirtualApp) -> None:
    slow_down(app, "answer")
    await app.execute(PlaceOrder(order_id=1, email="ada@example.com"))
    for _ in range(10):
        await app.advance(60)
    assert [one.event_name for one in await app.events("orders")] == ["OrderPlaced", "OrderNoted"]
    assert await app.failed_commands() == []


async def test_a_store_that_never_answers_ends_the_wait(
    app: VirtualApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headwater.testing.app.PATIENCE", 0.05)
    slow_down(app, "workflow")
    monkeypatch.setattr(f"{__name__}.SLOWLY", 0.5)
    running = asyncio.ensure_future(app.execute(PlaceOrder(order_id=1, email="ada@example.com")))
    with pytest.raises(TimeoutError):
        await app.advance(60)
    await running
