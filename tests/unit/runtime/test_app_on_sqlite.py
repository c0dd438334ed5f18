"""An app on a file: what it did is there when it comes back, and others may share it."""

import asyncio
from pathlib import Path

from headwater import App, EventContext

from tests.support.order_handlers import OrderHandlers
from tests.support.orders import (
    Handlers,
    NoteOrder,
    OrderPlaced,
    PlaceOrder,
    Quote,
    audit,
    order_service,
    quote_desk,
)


def app_on(folder: Path, handlers: OrderHandlers | None = None) -> App[Handlers]:
    return App(
        order_service,
        handlers=handlers or OrderHandlers(),
        database=f"sqlite:///{folder}/orders.db",
    )


def place(order_id: int) -> PlaceOrder:
    return PlaceOrder(order_id=order_id, email="ada@example.com")


async def test_another_app_goes_on_where_the_first_one_stopped(tmp_path: Path) -> None:
    async with app_on(tmp_path) as app:
        await app.execute(place(1))
        await app.wait_until_idle()
        await app.execute(Quote(price=3))
        async with app.subscribe(audit, consumer="ann") as events:
            assert await anext(events) == OrderPlaced(order_id=1, email="ada@example.com")

    handlers = OrderHandlers()
    async with app_on(tmp_path, handlers) as app:
        assert await app.execute(NoteOrder(order_id=1, text="still there")) == 1
        await app.execute(place(2))
        await app.wait_until_idle()
        async with app.subscribe(quote_desk) as quotes:
            assert (await anext(quotes)).price == 3
        async with app.subscribe(audit, consumer="ann") as events:
            kinds = [(await anext(events)).event_name for _ in range(3)]
    assert handlers.packed == [2], "order 1 was packed before"
    assert kinds == ["OrderPlaced", "OrderNoted", "OrderPlaced"], "the first was never acknowledged"


async def test_two_apps_on_one_file_share_the_work_of_an_exclusive_subscription(
    tmp_path: Path,
) -> None:
    packed: list[int] = []
    everything = asyncio.Event()

    class Sharing(OrderHandlers):
        async def packing(self, event: OrderPlaced, context: EventContext) -> None:
            packed.append(event.order_id)
            await asyncio.sleep(0)
            if len(packed) == 20:
                everything.set()

    async with app_on(tmp_path, Sharing()) as one, app_on(tmp_path, Sharing()) as two:
        await asyncio.gather(
            *((one, two)[number % 2].execute(place(number + 21)) for number in range(20))
        )
        await asyncio.wait_for(everything.wait(), 10)
        await asyncio.gather(one.wait_until_idle(), two.wait_until_idle())
    assert sorted(packed) == list(range(21, 41)), "each once, whichever app had it"


async def test_many_commands_at_once_are_all_recorded(tmp_path: Path) -> None:
    async with app_on(tmp_path) as app:
        results = await asyncio.gather(*(app.execute(place(number)) for number in range(20, 120)))
        assert results == [str(number) for number in range(20, 120)]
        assert (await app.statistics("orders")).head == 100
