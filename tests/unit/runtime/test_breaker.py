"""A handler that fails for one event after the other is given none for a while."""

import asyncio
import logging
from dataclasses import replace
from typing import Any

import pytest
from headwater import (
    BatchContext,
    Breaker,
    ConfigurationError,
    DeliverySemantics,
    EventContext,
    Mode,
    Retry,
    Service,
)
from headwater.testing import MemoryApp

from tests.support.order_handlers import OrderHandlers
from tests.support.orders import (
    OrderPlaced,
    PlaceOrder,
    audit,
    order_board,
    order_service,
    packing,
    quote_desk,
    quote_feed,
)


class Packer(OrderHandlers):
    """Fails for as long as the packing table is away."""

    def __init__(self) -> None:
        super().__init__()
        self.is_broken = True
        self.bad: set[int] = set()
        self.tried: list[int] = []

    async def packing(self, event: OrderPlaced, context: EventContext) -> None:
        self.tried.append(event.order_id)
        if self.is_broken or event.order_id in self.bad:
            raise ConnectionError("there is no table")
        await super().packing(event, context)


def service_with(**changes: Any) -> Service[Any]:
    settings: dict[str, Any] = {
        "breaker": Breaker(failures=3, pause=30.0),
        "retry": Retry(attempts=4, initial=1.0, maximum=1.0),
        **changes,
    }
    return replace(
        order_service,
        subscriptions=(order_board, audit, quote_feed, quote_desk, replace(packing, **settings)),
    )


def app_with(handlers: OrderHandlers, **changes: Any) -> MemoryApp[Any]:
    return MemoryApp(service_with(**changes), handlers=handlers)


async def place(app: MemoryApp[Any], *order_ids: int) -> None:
    for order_id in order_ids:
        await app.execute(PlaceOrder(order_id=order_id, email="ada@example.com"))
    await app.wait_until_idle()


@pytest.mark.parametrize("concurrency", [1, 4])
async def test_after_so_many_failures_in_a_row_nothing_is_taken_until_one_is_handled(
    concurrency: int, caplog: pytest.LogCaptureFixture
) -> None:
    handlers = Packer()
    async with app_with(handlers, concurrency=concurrency) as app:
        await place(app, 1, 2)
        assert app.interrupted == ()
        await place(app, 3)
        assert app.interrupted == ("packing",)
        assert "packing takes no events for 30 s" in caplog.text
        await place(app, 4, 5, 6)
        await app.advance(29)
        assert sorted(handlers.tried) == [1, 2, 3], "no attempt is lost meanwhile"

        await app.advance(1)
        assert len(handlers.tried) == 4, "one is let through"
        assert app.interrupted == ("packing",)
        await app.advance(29)
        assert len(handlers.tried) == 4

        handlers.is_broken = False
        with caplog.at_level(logging.INFO):
            await app.advance(1)
            await app.advance(5)
        assert app.interrupted == ()
        assert "its handler works again" in caplog.text
        assert sorted(handlers.packed) == [1, 2, 3, 4, 5, 6]
        assert await app.dead_letters(app.service.subscriptions[-1]) == []


async def test_one_event_that_fails_again_and_again_stops_nobody() -> None:
    """It counts once, and the others are handled in between."""
    handlers = Packer()
    handlers.is_broken, handlers.bad = False, {1}
    async with app_with(handlers) as app:
        await place(app, 1)
        for _ in range(4):
            await app.advance(1)
        assert handlers.tried == [1, 1, 1, 1]
        assert app.interrupted == ()
        handlers.bad = {2, 4, 5, 7, 8}
        await place(app, 2, 3, 4, 5, 6, 7, 8)
        assert app.interrupted == ()


async def test_where_each_waits_for_the_one_before_failures_are_of_different_events() -> None:
    """In stream order an event that fails is a dead letter before the next one is tried."""
    handlers = Packer()
    async with app_with(handlers, mode=Mode.BROADCAST, retry=Retry(attempts=1)) as app:
        await place(app, 1, 2, 3, 4, 5)
        assert handlers.tried == [1, 2, 3]
        assert app.interrupted == ("packing",)
        handlers.is_broken = False
        await app.advance(30)
        await app.advance(1)
        assert handlers.packed == [4, 5]


async def test_events_at_most_once_are_not_lost_while_it_waits() -> None:
    handlers = Packer()
    async with app_with(handlers, delivery=DeliverySemantics.AT_MOST_ONCE) as app:
        await place(app, 1, 2, 3, 4, 5)
        handlers.is_broken = False
        await app.advance(30)
        assert (handlers.tried[:3], handlers.packed) == ([1, 2, 3], [4, 5])


async def test_a_batch_that_fails_for_one_of_its_events_interrupts_nothing() -> None:
    class Batches(Packer):
        async def packing(self, events: list[OrderPlaced], context: BatchContext) -> None:  # type: ignore[override]
            for event, one in zip(events, context.each, strict=True):
                await super().packing(event, one)

    handlers = Batches()
    handlers.is_broken, handlers.bad = False, {3}
    async with app_with(handlers, batch=10) as app:
        subscription = app.service.subscriptions[-1]
        await app.pause(subscription)
        await place(app, 1, 2, 3, 4, 5)
        await app.resume(subscription)
        await app.advance(1)
        await app.advance(8)
        assert app.interrupted == ()
        assert handlers.tried.count(3) > 1
        assert sorted(handlers.packed) == [1, 1, 2, 2, 4, 5], "two were packed in the batch as well"


async def test_what_is_let_through_and_given_back_lets_another_through() -> None:
    """A service stops while it is interrupted, and at once."""
    handlers = Packer()
    async with app_with(handlers) as app:
        await place(app, 1, 2, 3)
        assert app.interrupted == ("packing",)
        begun = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - begun < 5
    assert app.interrupted == ()


@pytest.mark.parametrize("breaker", [Breaker(failures=0), Breaker(pause=0.0)])
def test_a_breaker_without_sense_is_refused(breaker: Breaker) -> None:
    with pytest.raises(ConfigurationError, match="breaker"):
        service_with(breaker=breaker)
