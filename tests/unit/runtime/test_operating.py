"""What an operator does to subscriptions: look, pause, requeue, drop; and who is connected."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from headwater import (
    EventContext,
    FeedStatistics,
    Retry,
    Service,
    Subscription,
    UnknownSubscriptionError,
)
from headwater.subscriptions.heartbeat import SESSION_LIFETIME

from tests.support.order_handlers import OrderHandlers
from tests.support.orders import (
    Handlers,
    OrderPlaced,
    PlaceOrder,
    Quote,
    audit,
    order_board,
    order_service,
    packing,
    quote_desk,
    quote_feed,
)
from tests.support.virtual_app import VirtualApp


class Choosy(OrderHandlers):
    """Refuses the orders in `refused`."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: set[int] = set()

    async def packing(self, event: OrderPlaced, context: EventContext) -> None:
        if event.order_id in self.refused:
            raise ValueError("no box")
        await super().packing(event, context)


def service_with(**changes: Any) -> Service[Handlers]:
    """order-service, its `quote_feed` subscription changed, and one attempt at packing."""
    subscriptions: tuple[Subscription[Any], ...] = (
        order_board,
        audit,
        quote_desk,
        replace(packing, retry=Retry(attempts=1)),
        replace(quote_feed, **changes),
    )
    return replace(order_service, subscriptions=subscriptions)


@pytest.fixture
def handlers() -> Choosy:
    return Choosy()


@pytest.fixture(params=["memory", "sqlite"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/orders.db"


@pytest.fixture
async def app(database: str, handlers: Choosy) -> AsyncIterator[VirtualApp]:
    service = service_with(expire_after=60.0)
    async with VirtualApp(service, handlers=handlers, database=database) as app:
        yield app


def named(app: VirtualApp, name: str) -> Subscription[Any]:
    [found] = [one for one in app.service.subscriptions if one.name == name]
    return found


async def place(app: VirtualApp, *order_ids: int) -> None:
    for order_id in order_ids:
        await app.execute(PlaceOrder(order_id=order_id, email="ada@example.com"))
    await app.wait_until_idle()


async def test_a_paused_subscription_gets_nothing_until_it_is_resumed(
    app: VirtualApp, handlers: Choosy
) -> None:
    subscription = named(app, "packing")
    await place(app, 1)
    await app.pause(subscription)
    await place(app, 2, 3)
    assert handlers.packed == [1]
    assert await app.is_paused(subscription)
    assert not await app.is_paused(named(app, "audit"))
    assert await app.progress(subscription) == FeedStatistics(1, 0, 2)

    await app.resume(subscription)
    await app.wait_until_idle()
    assert handlers.packed == [1, 2, 3]
    assert await app.progress(subscription) == FeedStatistics(3, 0, 0)


async def test_it_stays_paused_when_the_service_starts_again(tmp_path: Path) -> None:
    handlers = Choosy()
    for order_id in (1, 2):
        database = f"sqlite:///{tmp_path}/orders.db"
        async with VirtualApp(service_with(), handlers=handlers, database=database) as app:
            await app.pause(named(app, "packing"))
            await place(app, order_id)
    assert handlers.packed == []


async def test_a_dead_letter_is_requeued_or_dropped(app: VirtualApp, handlers: Choosy) -> None:
    subscription = named(app, "packing")
    handlers.refused = {1, 2}
    await place(app, 1, 2, 3)
    first, second = await app.dead_letters(subscription)
    handlers.refused = set()

    assert await app.drop(second) == 1
    assert await app.requeue(first, second) == 1

    await app.wait_until_idle()
    assert handlers.packed == [3, 1]
    assert await app.dead_letters(subscription) == []


async def test_progress_of_a_broadcast_is_a_consumer_s(app: VirtualApp) -> None:
    subscription = named(app, "audit")
    await place(app, 1, 2)
    async with app.subscribe(subscription, consumer="ann") as events:
        delivery = await anext(events.deliveries())
        await delivery.ack()
        assert await app.progress(subscription, consumer="ann") == FeedStatistics(1, 0, 1)
    with pytest.raises(UnknownSubscriptionError):
        await app.progress(subscription, consumer="bob")
    with pytest.raises(UnknownSubscriptionError):
        await app.progress(replace(audit, name="elsewhere"))


async def test_consumers_are_known_with_their_sessions(app: VirtualApp) -> None:
    subscription = named(app, "quote-feed")
    async with (
        app.subscribe(subscription, consumer="ann"),
        app.subscribe(subscription, consumer="ann"),
        app.subscribe(subscription),
    ):
        ann, anonymous = await app.consumers(subscription)
        assert (ann.name, ann.sessions, anonymous.sessions) == ("ann", 2, 1)
    assert [(one.name, one.sessions) for one in await app.consumers(subscription)] == [("ann", 0)]
    workers = await app.consumers(named(app, "packing"))
    assert [(one.name, one.sessions) for one in workers] == [("order-service", 1)]


async def beats(app: VirtualApp, seconds: float) -> None:
    """Let time pass in steps in which the sessions are heard of."""
    for _ in range(int(seconds / 5)):
        app.clock.advance(5)
        await app._heartbeat.beat()


async def test_a_consumer_expires_when_it_has_been_away_for_so_long(app: VirtualApp) -> None:
    subscription = named(app, "quote-feed")
    async with (
        app.subscribe(subscription, consumer="ann"),
        app.subscribe(named(app, "audit"), consumer="ann"),
    ):
        async with app.subscribe(subscription, consumer="bob"):
            pass
        await app.execute(Quote(price=1))
        await beats(app, 55)
        assert [one.name for one in await app.consumers(subscription)] == ["ann", "bob"]
        await beats(app, 5)
        assert [one.name for one in await app.consumers(subscription)] == ["ann"]
        assert [one.name for one in await app.consumers(named(app, "audit"))] == ["ann"]
    await beats(app, 600)
    assert await app.consumers(subscription) == []
    assert [one.name for one in await app.consumers(named(app, "audit"))] == ["ann"]


async def test_the_heart_beats_by_itself(app: VirtualApp) -> None:
    subscription = named(app, "quote-feed")
    async with app.subscribe(subscription, consumer="ann"):
        before = (await app.consumers(subscription))[0].seen_at
        async with asyncio.timeout(5):
            while (await app.consumers(subscription))[0].seen_at == before:
                app.clock.advance(5)
                await asyncio.sleep(0.001)


async def test_a_session_that_was_taken_for_dead_connects_again(
    app: VirtualApp, caplog: pytest.LogCaptureFixture
) -> None:
    """As after a process was stopped for a while: its deliveries are with others."""
    subscription = named(app, "quote-desk")
    async with app.subscribe(subscription, consumer="ann") as events:
        await app.execute(Quote(price=1))
        late = await anext(events.deliveries())
        app.clock.advance(SESSION_LIFETIME)
        await app._store.remove_stale()
        with caplog.at_level(logging.WARNING):
            await app._heartbeat.beat()
        assert "taken for dead" in caplog.text
        assert [one.sessions for one in await app.consumers(subscription)] == [1]
        again = await anext(events.deliveries())
        assert (late.context.attempt, again.context.attempt) == (1, 2)


async def test_what_a_killed_process_held_comes_again_when_its_session_is_dead(
    tmp_path: Path,
) -> None:
    """Not only at `ack_timeout`: an anonymous consumer goes with its session too."""
    database = f"sqlite:///{tmp_path}/orders.db"
    killed = VirtualApp(service_with(), handlers=Choosy(), database=database)
    await killed.__aenter__()
    subscription, feed = named(killed, "quote-desk"), named(killed, "quote-feed")
    await killed.subscribe(feed).__aenter__()
    session = await killed.subscribe(subscription).__aenter__()
    await killed.execute(Quote(price=1))
    held = await anext(session.deliveries())
    killed._heartbeat._members.clear()  # nothing is heard of it any more

    async with VirtualApp(service_with(), handlers=Choosy(), database=database) as app:
        assert len(await app.consumers(feed)) == 1
        await beats(app, SESSION_LIFETIME)
        async with app.subscribe(subscription) as events:
            again = await asyncio.wait_for(anext(events.deliveries()), 5)
        assert again.context.recorded == held.context.recorded
        assert await app.consumers(feed) == []
    await killed.__aexit__(None, None, None)
