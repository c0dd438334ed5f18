"""Read receipts: recipients, what they have read, and what becomes of what they don't read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from headwater import (
    DeadLetter,
    Delivery,
    DeliveryLostError,
    DeliverySemantics,
    EventNotFoundError,
    FromLatest,
    Mode,
    Receipt,
    ReceiptState,
    Retry,
    TransactionRequiredError,
    UnknownSubscriptionError,
    Unread,
    UnreadThen,
)
from headwater.stores.contract import Unit
from sqlalchemy import text

from tests.support.order_handlers import OrderHandlers
from tests.support.orders import (
    NoteOrder,
    OrderShipped,
    PlaceOrder,
    Quote,
    ShipOrder,
    order_board,
    order_service,
    quote_desk,
)
from tests.support.virtual_app import VirtualApp
from tests.support.waiting import eventually

NEWS = replace(order_board, name="news", mode=Mode.READ_RECEIPT, handler=None, expire_after=None)
MakeApp = Callable[..., VirtualApp]


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def make_app(request: pytest.FixtureRequest, tmp_path: Path) -> MakeApp:
    """Apps on one database, with the given time to read."""
    database = "memory://"
    if request.param == "sqlite":
        database = f"sqlite:///{tmp_path}/orders.db"
    elif request.param == "postgres":
        database = request.getfixturevalue("postgres_url")
    seeds = count()

    def make(unread: Unread | None = None, **settings: Any) -> VirtualApp:
        news = replace(NEWS, unread=unread, **settings)
        service = replace(order_service, subscriptions=(*order_service.subscriptions, news))
        return VirtualApp(service, handlers=OrderHandlers(), database=database, seed=next(seeds))

    return make


def news(app: VirtualApp) -> Any:
    return app.service.subscriptions[-1]


async def place(app: VirtualApp, *orders: int) -> None:
    for order in orders:
        await app.execute(PlaceOrder(order_id=order, email="ada@example.com"))


async def next_of(deliveries: Any) -> Delivery[Any]:
    async with asyncio.timeout(10):
        return await anext(deliveries)


async def offsets(app: VirtualApp, consumer: str) -> list[int]:
    found = await app.unread(news(app), consumer=consumer)
    assert await app.unread_count(news(app), consumer=consumer) == len(found)
    return [one.event.offset for one in found]


async def test_a_recipient_without_a_session_keeps_its_unread(make_app: MakeApp) -> None:
    async with make_app() as app:
        await app.add_recipient(news(app), consumer="ann")
        await place(app, 1, 2)
        assert await offsets(app, "ann") == [1, 2]
    async with make_app() as app:
        assert app._database == "memory://" or await offsets(app, "ann") == [1, 2]


async def test_acknowledging_is_not_reading(make_app: MakeApp) -> None:
    async with make_app() as app, app.subscribe(news(app), consumer="ann") as events:
        await place(app, 1, 2)
        deliveries = events.deliveries()
        first = await next_of(deliveries)
        await first.ack()
        second = await next_of(deliveries)
        assert await second.mark_as_read()
        assert second.is_settled
        assert await offsets(app, "ann") == [1]
        assert await first.mark_as_read()
        assert await offsets(app, "ann") == []


async def test_an_event_is_read_by_its_id_or_its_offset(make_app: MakeApp) -> None:
    async with make_app() as app:
        await app.add_recipient(news(app), consumer="ann")
        await place(app, 1, 2)
        [first, _] = await app.unread(news(app), consumer="ann")
        assert await app.mark_as_read(news(app), first.event.id, consumer="ann")
        assert await app.mark_as_read(news(app), first.event.id, consumer="ann")
        assert await app.mark_as_read(news(app), 2, consumer="ann")
        assert await offsets(app, "ann") == []
        with pytest.raises(EventNotFoundError):
            await app.mark_as_read(news(app), uuid4(), consumer="ann")


async def test_what_was_read_before_it_is_delivered_is_not_delivered(make_app: MakeApp) -> None:
    async with make_app() as app:
        await app.add_recipient(news(app), consumer="ann")
        await place(app, 1, 2, 3)
        assert await app.mark_all_as_read(news(app), consumer="ann", through=2) == 2
        async with app.subscribe(news(app), consumer="ann") as events:
            assert (await next_of(events.deliveries())).event.order_id == 3
            assert (await app.progress(news(app), consumer="ann")).pending == 1


async def test_who_has_not_seen_an_event(make_app: MakeApp) -> None:
    async with make_app() as app:
        for name in ("ann", "bob", "cid"):
            await app.add_recipient(news(app), consumer=name)
        await place(app, 1)
        async with app.subscribe(news(app), consumer="bob") as events:
            delivery = await next_of(events.deliveries())
            event = delivery.context.recorded.id
            in_hand = await app.receipts(news(app), event)
            await delivery.ack()
            await app.mark_as_read(news(app), event, consumer="cid")
            now = app.clock.now()
            found = await app.receipts(news(app), event)
        assert [one.state for one in in_hand] == [ReceiptState.WAITING] * 3
        assert found == [
            Receipt("ann", ReceiptState.WAITING, None, None),
            Receipt("bob", ReceiptState.DELIVERED, now, None),
            Receipt("cid", ReceiptState.READ, None, now),
        ]
        await app.unsubscribe(news(app), consumer="bob")
        assert [one.consumer for one in await app.receipts(news(app), event)] == ["ann", "cid"]


async def test_what_is_not_read_in_time_is_dropped(make_app: MakeApp) -> None:
    async with (
        make_app(Unread(60.0, UnreadThen.DROP)) as app,
        app.subscribe(news(app), consumer="ann") as events,
    ):
        await place(app, 1, 2)
        async for delivery in events.deliveries():
            await delivery.ack()
            if delivery.event.order_id == 2:
                break
        await app.mark_as_read(news(app), 2, consumer="ann")
        await app.advance(59.0)
        assert await offsets(app, "ann") == [1]

        async def is_dropped() -> bool:
            await app.advance(1.0)
            return await offsets(app, "ann") == []

        await eventually(is_dropped)
        assert not await app.mark_as_read(news(app), 1, consumer="ann"), "it is too late"


async def test_or_is_a_dead_letter_that_can_come_back(make_app: MakeApp) -> None:
    async with (
        make_app(Unread(60.0, UnreadThen.DEAD_LETTER)) as app,
        app.subscribe(news(app), consumer="ann") as events,
    ):
        await place(app, 1)
        deliveries = events.deliveries()
        await (await next_of(deliveries)).ack()
        letters = await until_set_aside(app)
        assert letters[0].error == "not read within 1m"
        assert letters[0].consumer == "ann"
        assert await app.requeue(*letters) == 1
        again = await next_of(deliveries)
        assert again.event.order_id == 1
        assert await again.mark_as_read()
        assert await offsets(app, "ann") == []


async def test_or_comes_again(make_app: MakeApp) -> None:
    async with (
        make_app(Unread(60.0, UnreadThen.REQUEUE)) as app,
        app.subscribe(news(app), consumer="ann") as events,
    ):
        await place(app, 1)
        deliveries = events.deliveries()
        await (await next_of(deliveries)).ack()
        waiting = asyncio.ensure_future(next_of(deliveries))
        await until_done(app, waiting)
        again = await waiting
        assert again.event.order_id == 1
        assert await again.mark_as_read()
        assert await offsets(app, "ann") == []


async def test_until_it_has_come_as_often_as_it_may(make_app: MakeApp) -> None:
    async with (
        make_app(Unread(60.0, UnreadThen.REQUEUE), retry=Retry(attempts=2)) as app,
        app.subscribe(news(app), consumer="ann") as events,
    ):
        await place(app, 1)
        deliveries = events.deliveries()
        for attempt in (1, 2):
            waiting = asyncio.ensure_future(next_of(deliveries))
            await until_done(app, waiting)
            assert waiting.result().context.attempt == attempt
            await waiting.result().ack()
        [letter] = await until_set_aside(app)
        assert (letter.error, letter.attempts) == ("not read within 1m", 2)
        assert await offsets(app, "ann") == []


async def test_nothing_of_its_workflow_waits_for_what_was_not_read(make_app: MakeApp) -> None:
    async with (
        make_app(Unread(60.0, UnreadThen.DEAD_LETTER)) as app,
        app.subscribe(news(app), consumer="ann") as events,
    ):
        await place(app, 1)
        deliveries = events.deliveries()
        await (await next_of(deliveries)).ack()
        await until_set_aside(app)
        await app.execute(ShipOrder(order_id=1, carrier="bike"))
        shipped = await next_of(deliveries)
        assert isinstance(shipped.event, OrderShipped)
        assert await shipped.mark_as_read()


async def test_what_is_given_back_unacknowledged_was_not_delivered(make_app: MakeApp) -> None:
    async with make_app(Unread(60.0, UnreadThen.DROP)) as app:
        await app.add_recipient(news(app), consumer="ann")
        await place(app, 1)
        async with app.subscribe(news(app), consumer="ann") as events:
            event = (await next_of(events.deliveries())).context.recorded.id
        [receipt] = await app.receipts(news(app), event)
        assert receipt == Receipt("ann", ReceiptState.WAITING, None, None)
        await app.advance(120.0)
        assert await offsets(app, "ann") == [1]


async def test_an_event_is_read_although_its_delivery_was_lost(make_app: MakeApp) -> None:
    async with make_app() as app, app.subscribe(news(app), consumer="ann") as events:
        await place(app, 1, 2)
        deliveries = events.deliveries()
        first = await next_of(deliveries)
        await app.advance(news(app).ack_timeout + 1.0)
        again = await next_of(deliveries)
        assert await first.mark_as_read()
        assert await first.mark_as_read()
        assert await offsets(app, "ann") == [2]
        await again.ack()
        assert await offsets(app, "ann") == [2]
        assert (await next_of(deliveries)).event.order_id == 2


async def test_unless_something_is_to_be_stored_with_it(make_app: MakeApp) -> None:
    async with make_app() as app, app.subscribe(news(app), consumer="ann") as events:
        await place(app, 1)
        deliveries = events.deliveries()
        first = await next_of(deliveries)
        first.context.send(NoteOrder(order_id=1, text="seen"))
        await app.advance(news(app).ack_timeout + 1.0)
        again = await next_of(deliveries)
        with pytest.raises(DeliveryLostError):
            await first.mark_as_read()
        assert await offsets(app, "ann") == [1]
        again.context.send(NoteOrder(order_id=1, text="seen"))
        assert await again.mark_as_read()

        async def is_noted() -> bool:
            await app.advance(1.0)
            return (await app.progress(news(app), consumer="ann")).position == 2

        await eventually(is_noted)


async def test_what_is_delivered_at_most_once_is_read_by_itself(make_app: MakeApp) -> None:
    async with (
        make_app(delivery=DeliverySemantics.AT_MOST_ONCE) as app,
        app.subscribe(news(app), consumer="ann") as events,
    ):
        await place(app, 1)
        delivery = await next_of(events.deliveries())
        [receipt] = await app.receipts(news(app), delivery.context.recorded.id)
        assert receipt.state is ReceiptState.DELIVERED
        assert await delivery.mark_as_read()
        assert await offsets(app, "ann") == []


async def test_reading_is_committed_with_what_a_loop_writes(make_app: MakeApp) -> None:
    async with (
        make_app(delivery=DeliverySemantics.EXACTLY_ONCE) as app,
        app.subscribe(news(app), consumer="ann") as events,
    ):
        if app.is_in_memory:
            pytest.skip("a store in memory has no connections")
        await place(app, 1)
        delivery = await next_of(events.deliveries())
        with pytest.raises(TransactionRequiredError):
            await delivery.mark_as_read()
        assert await offsets(app, "ann") == [1]
        async with delivery.transaction() as connection:
            await connection.execute(text("CREATE TABLE seen (place INTEGER)"))
            assert await delivery.mark_as_read()
        assert delivery.is_settled
        assert await offsets(app, "ann") == []


async def test_a_receipt_survives_what_an_acknowledgement_need_not(make_app: MakeApp) -> None:
    """An event whose acknowledgement is undone comes again; nobody says again what was read."""
    units: list[Unit] = []
    app = make_app()
    if not app.is_in_memory:
        pytest.skip("what the store is asked for is seen in memory")
    async with app, app.subscribe(news(app), consumer="ann") as events:
        commit = app._store.commit

        async def commit_and_look(asked: Sequence[Unit]) -> Any:
            units.extend(asked)
            return await commit(asked)

        await place(app, 1, 2)
        app._store.commit = commit_and_look  # type: ignore[method-assign]
        deliveries = events.deliveries()
        await (await next_of(deliveries)).ack()
        await (await next_of(deliveries)).mark_as_read()
    assert [one.durable for one in units if one.settlements] == [False, True]


async def test_how_much_a_recipient_has_not_read_is_among_the_positions(make_app: MakeApp) -> None:
    async with make_app() as app:
        await app.add_recipient(news(app), consumer="ann")
        await app.add_recipient(news(app), consumer="bob", start=FromLatest())
        await place(app, 1, 2)
        await app.mark_as_read(news(app), 2, consumer="bob")
        found = await app.positions(news(app))
        assert {one.consumer: one.unread for one in found} == {"ann": 2, "bob": 1}
        assert all(one.unread is None for one in await app.positions(order_board))


async def test_an_event_that_is_not_there_has_no_receipts_and_says_so(make_app: MakeApp) -> None:
    async with make_app() as app:
        await place(app, 1)
        [placed] = await app._store.read("orders", 0, 1)
        assert await app.receipts(news(app), placed.id) == [], "it has no recipients"
        with pytest.raises(EventNotFoundError):
            await app.receipts(news(app), uuid4())


async def until_done(app: VirtualApp, waiting: asyncio.Future[Any]) -> None:
    async def is_done() -> bool:
        await app.advance(10.0)
        return waiting.done()

    await eventually(is_done)


async def until_set_aside(app: VirtualApp) -> list[DeadLetter]:
    found: list[DeadLetter] = []

    async def is_set_aside() -> bool:
        await app.advance(10.0)
        found[:] = await app.dead_letters(news(app))
        return bool(found)

    await eventually(is_set_aside)
    return found


async def test_receipts_are_for_subscriptions_that_have_them(make_app: MakeApp) -> None:
    async with make_app() as app:
        with pytest.raises(UnknownSubscriptionError, match="with read receipts"):
            await app.unread_count(order_board, consumer="ann")
        with pytest.raises(UnknownSubscriptionError, match="news/nobody"):
            await app.unread_count(news(app), consumer="nobody")
        async with app.subscribe(quote_desk, consumer="ann") as events:
            await app.execute(Quote(price=1))
            delivery = await next_of(events.deliveries())
            with pytest.raises(UnknownSubscriptionError, match="with read receipts"):
                await delivery.mark_as_read()
