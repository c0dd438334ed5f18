"""Handlers and iterators: what they are given, in which order, and what becomes of failures."""

import asyncio
import random
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from headwater import (
    ConfigurationError,
    DeliveryLostError,
    DeliverySemantics,
    EventContext,
    FromLatest,
    Metadata,
    Mode,
    NotRunningError,
    Retry,
    Service,
    Subscription,
    UnknownSubscriptionError,
)
from headwater.stores.contract import Append, FeedKey, NewEvent, Unit
from headwater.testing import MemoryApp

from tests.support.order_handlers import OrderHandlers
from tests.support.orders import (
    Handlers,
    NoteOrder,
    OrderNoted,
    OrderPlaced,
    PlaceOrder,
    Quote,
    ShipOrder,
    audit,
    order_board,
    order_service,
    packing,
    quote_desk,
    quote_feed,
)
from tests.support.virtual_app import VirtualApp
from tests.support.waiting import until


def service_with(**changes: Any) -> Service[Handlers]:
    """order-service, its `packing` subscription changed."""
    subscriptions: tuple[Subscription[Any], ...] = (order_board, audit, quote_feed, quote_desk)
    changed = (*subscriptions, replace(packing, **changes))
    return replace(order_service, subscriptions=changed)


def app_with(handlers: Handlers | None = None, **changes: Any) -> MemoryApp[Handlers]:
    return MemoryApp(service_with(**changes), handlers=handlers or OrderHandlers())


async def place(app: MemoryApp[Handlers], *order_ids: int) -> None:
    for order_id in order_ids:
        await app.execute(PlaceOrder(order_id=order_id, email="ada@example.com"))


async def test_an_iterator_gets_only_the_events_that_its_subscription_names() -> None:
    async with app_with() as app:
        await place(app, 1)
        await app.execute(NoteOrder(order_id=1, text="fragile"))
        await app.execute(ShipOrder(order_id=1, carrier="post"))
        async with app.subscribe(order_board) as events:
            kinds = [(await anext(events)).event_name for _ in range(2)]
    assert kinds == ["OrderPlaced", "OrderShipped"]


async def test_an_iterator_waits_for_what_is_recorded_later() -> None:
    async with app_with() as app, app.subscribe(audit) as events:
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        await place(app, 1)
        assert await waiting == OrderPlaced(order_id=1, email="ada@example.com")


async def test_a_named_consumer_goes_on_where_it_stopped_and_an_anonymous_one_starts_anew() -> None:
    async with app_with() as app:
        await place(app, 1, 2)

        async def first_of(consumer: str | None) -> int:
            async with app.subscribe(order_board, consumer=consumer) as events:
                delivery = await anext(events.deliveries())
                await delivery.ack()
                assert isinstance(delivery.event, OrderPlaced)
                return delivery.event.order_id

        assert [await first_of("ann"), await first_of("ann")] == [1, 2]
        assert [await first_of(None), await first_of(None)] == [1, 1]


async def test_an_unsubscribed_consumer_is_forgotten() -> None:
    async with app_with() as app:
        async with app.subscribe(quote_feed, consumer="ann"):
            pass
        await app.execute(Quote(price=1))
        assert (await app.statistics("quotes")).dropped == 0

        await app.unsubscribe(quote_feed, consumer="ann")

        key = FeedKey("quote-feed", "ann")
        with pytest.raises(UnknownSubscriptionError):
            await app._store.feed(key)


async def test_an_anonymous_consumer_leaves_nothing_behind() -> None:
    async with app_with() as app:
        async with app.subscribe(quote_feed) as events:
            key = FeedKey("quote-feed", events.consumer)
            await app._store.feed(key)
        with pytest.raises(UnknownSubscriptionError):
            await app._store.feed(key)


async def test_a_loop_that_raises_has_failed_the_event_in_hand() -> None:
    async with app_with() as app:
        await place(app, 1)

        async def read() -> None:
            async with app.subscribe(order_board, consumer="ann") as events:
                async for _ in events:
                    raise ValueError("no room")

        with pytest.raises(ValueError, match="no room"):
            await read()
        app.clock.advance(1.0)
        async with app.subscribe(order_board, consumer="ann") as events:
            delivery = await anext(events.deliveries())
        assert delivery.context.attempt == 2


async def test_a_block_that_raises_has_failed_the_deliveries_that_are_open() -> None:
    async with app_with() as app:
        await place(app, 1)

        async def read() -> None:
            async with app.subscribe(order_board, consumer="ann") as events:
                async for _ in events.deliveries():
                    raise ValueError("no room")

        with pytest.raises(ValueError, match="no room"):
            await read()
        app.clock.advance(1.0)
        async with app.subscribe(order_board, consumer="ann") as events:
            delivery = await anext(events.deliveries())
        assert delivery.context.attempt == 2


async def test_a_session_of_an_app_that_closed_cannot_be_entered() -> None:
    async with app_with() as app:
        session = app.subscribe(audit)
    with pytest.raises(NotRunningError):
        await asyncio.wait_for(session.__aenter__(), 1.0)


async def test_an_anonymous_consumer_is_forgotten_even_if_it_is_cancelled_twice() -> None:
    async with app_with() as app:
        key: list[FeedKey] = []
        leaving, may_leave = asyncio.Event(), asyncio.Event()
        disconnect = app._store.disconnect

        async def slow(session: str) -> None:
            leaving.set()
            await may_leave.wait()
            await disconnect(session)

        async def read() -> None:
            async with app.subscribe(quote_feed) as events:
                key.append(FeedKey("quote-feed", events.consumer))
                await anext(events)

        app._store.disconnect = slow  # type: ignore[method-assign]
        reading = asyncio.ensure_future(read())
        await until(lambda: key)
        reading.cancel()
        await leaving.wait()
        reading.cancel()
        await asyncio.wait([reading])
        may_leave.set()
        await until(lambda: not app._readership._sessions)
        with pytest.raises(UnknownSubscriptionError):
            await app._store.feed(key[0])


async def test_deliveries_are_settled_by_hand() -> None:
    async with app_with() as app, app.subscribe(quote_desk) as session:
        for price in (1, 2, 3):
            await app.execute(Quote(price=price))
        deliveries = session.deliveries()

        first = await anext(deliveries)
        await first.ack()
        second = await anext(deliveries)
        await second.nack()
        third = await anext(deliveries)
        await third.nack(requeue=False, reason="never")
        app.clock.advance(1.0)
        again = await anext(deliveries)

        assert (again.event.price, again.context.attempt) == (2, 2)
        [letter] = await app.dead_letters(quote_desk)
        assert (letter.error, letter.attempts) == ("never", 1)
        with pytest.raises(DeliveryLostError):
            await first.ack()
        assert first.is_settled


async def test_a_delivery_that_timed_out_cannot_be_acknowledged() -> None:
    async with (
        app_with() as app,
        app.subscribe(quote_desk) as ann,
        app.subscribe(quote_desk) as bob,
    ):
        await app.execute(Quote(price=1))
        late = await anext(ann.deliveries())
        app.clock.advance(30)
        await anext(bob.deliveries())
        with pytest.raises(DeliveryLostError):
            await late.ack()


async def test_an_event_that_is_never_acknowledged_becomes_a_dead_letter() -> None:
    subscription = replace(quote_desk, retry=Retry(attempts=2))
    service = replace(order_service, subscriptions=(subscription, packing))
    async with MemoryApp(service, handlers=OrderHandlers()) as app:
        async with app.subscribe(subscription) as events:
            await app.execute(Quote(price=1))
            for _ in range(2):
                await anext(events.deliveries())
                app.clock.advance(30)
            waiting = asyncio.ensure_future(anext(events.deliveries()))
            await app.execute(Quote(price=2))
            assert (await waiting).event.price == 2
        [letter] = await app.dead_letters(subscription)
        assert "not acknowledged within 30 s" in letter.error
        assert letter.attempts == 2


async def test_a_handler_that_takes_too_long_is_cancelled_and_has_failed() -> None:
    class Stuck(OrderHandlers):
        def __init__(self) -> None:
            super().__init__()
            self.attempts: list[int] = []
            self.cancelled = 0

        async def packing(self, event: OrderPlaced, context: EventContext) -> None:
            self.attempts.append(context.attempt)
            if context.attempt == 1:
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    self.cancelled += 1
                    raise

    handlers = Stuck()
    async with app_with(handlers) as app:
        await place(app, 1)
        await until(lambda: handlers.attempts)
        await app.advance(5.0)
        await app.advance(1.0)
    assert (handlers.attempts, handlers.cancelled) == ([1, 2], 1)


async def test_an_event_that_cannot_be_read_becomes_a_dead_letter_at_once() -> None:
    handlers = OrderHandlers()
    async with app_with(handlers) as app:
        bad = NewEvent(
            id=UUID(int=1),
            name="OrderPlaced",
            version=1,
            data=b'{"order_id": "one"}',
            terminal=False,
            metadata=Metadata(),
        )
        append = Append(stream="orders", workflow_id="w", events=(bad,))
        await app._store.commit([Unit(appends=(append,))])
        await place(app, 2)
        await app.wait_until_idle()
        [letter] = await app.dead_letters(app.service.subscriptions[-1])
    assert "order_id" in letter.error
    assert handlers.packed == [2]


class Gated(OrderHandlers):
    """Holds every event until the test lets its order go."""

    def __init__(self) -> None:
        super().__init__()
        self.entered: list[str] = []
        self.gates: dict[str, asyncio.Event] = {}

    async def packing(self, event: OrderPlaced, context: EventContext) -> None:
        self.entered.append(f"{context.workflow_id}:{context.recorded.offset}")
        await self.gates.setdefault(context.workflow_id, asyncio.Event()).wait()


async def test_with_concurrency_workflows_overlap_and_each_keeps_its_order() -> None:
    handlers = Gated()
    events = (OrderPlaced, OrderNoted)
    async with app_with(handlers, concurrency=3, events=events) as app:
        await place(app, 1, 2)
        await app.execute(NoteOrder(order_id=1, text="after the order"))
        await until(lambda: len(handlers.entered) == 2)
        assert sorted(handlers.entered) == ["1:1", "2:2"], "1:3 waits for 1:1"
        handlers.gates["1"].set()
        await until(lambda: len(handlers.entered) == 3)
        assert handlers.entered[2] == "1:3"
        handlers.gates["2"].set()
        await app.wait_until_idle()


async def test_concurrency_is_the_most_that_is_under_way() -> None:
    handlers = Gated()
    async with app_with(handlers, concurrency=2) as app:
        await place(app, 1, 2, 3)
        for _ in range(50):
            await asyncio.sleep(0)
        assert len(handlers.entered) == 2
        for gate in ("1", "2", "3"):
            handlers.gates.setdefault(gate, asyncio.Event()).set()
        await app.wait_until_idle()
    assert len(handlers.entered) == 3


async def test_a_handler_learns_where_its_event_comes_from() -> None:
    seen: list[EventContext] = []

    class Curious(OrderHandlers):
        async def packing(self, event: OrderPlaced, context: EventContext) -> None:
            seen.append(context)

    async with app_with(Curious(), start=FromLatest()) as app:
        await app.execute(PlaceOrder(order_id=4, email="ada@example.com"), request_id="r-4")
        await app.wait_until_idle()
    [context] = seen
    assert (context.workflow_id, context.recorded.offset, context.attempt) == ("4", 1, 1)
    assert context.recorded.metadata.request_id == "r-4"
    assert context.subscription.metadata == {"team": "warehouse"}
    assert context.consumer == "order-service"


async def test_iterators_end_when_the_app_closes() -> None:
    seen: list[object] = []

    async def read(app: MemoryApp[Handlers]) -> None:
        async with app.subscribe(audit) as events:
            async for event in events:
                seen.append(event)  # noqa: PERF401  (a loop, as users write it)

    async with app_with() as app:
        reading = asyncio.ensure_future(read(app))
        await place(app, 1)
        await until(lambda: seen)
    await reading
    with pytest.raises(NotRunningError):
        app.subscribe(audit)


async def test_a_subscription_of_another_service_is_unknown() -> None:
    async with app_with() as app:
        with pytest.raises(UnknownSubscriptionError):
            app.subscribe(replace(audit, name="elsewhere"))


async def test_workers_outlive_a_store_that_fails() -> None:
    handlers = OrderHandlers()
    async with app_with(handlers) as app:
        claim = app._store.claim
        failures = 1

        async def broken(key: FeedKey, holder: str, limit: int) -> Any:
            nonlocal failures
            if key.subscription == "packing" and failures:
                failures -= 1
                raise OSError("disk gone")
            return await claim(key, holder, limit)

        app._store.claim = broken  # type: ignore[method-assign]
        await place(app, 1)
        await until(lambda: not failures)
        app.clock.advance(1.0)
        await until(lambda: handlers.packed)
    assert handlers.packed == [1]


def test_waits_double_up_to_the_longest_and_vary_by_half() -> None:
    retry = Retry(attempts=9, initial=1.0, maximum=5.0)
    chance = random.Random(1)  # noqa: S311  (the same in every run)
    for failures, longest in enumerate([1.0, 2.0, 4.0, 5.0, 5.0], 1):
        waits = [retry.delay(failures, chance) for _ in range(200)]
        assert longest / 2 <= min(waits) < longest * 0.55
        assert longest * 0.95 < max(waits) <= longest
    assert retry.delay(10_000, chance) <= 5.0


async def test_a_failing_handler_is_logged_with_its_traceback_each_time(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Broken(OrderHandlers):
        async def packing(self, event: OrderPlaced, context: EventContext) -> None:
            raise RuntimeError("no more boxes")

    async with app_with(Broken(), retry=Retry(attempts=2, initial=0.1, maximum=0.1)) as app:
        await place(app, 1)
        await app.advance(10)

    failures = [record for record in caplog.records if record.exc_info]
    assert [record.getMessage() for record in failures] == [
        "packing failed at attempt 1: RuntimeError: no more boxes",
        "packing failed at attempt 2: RuntimeError: no more boxes",
    ]


async def test_advancing_far_makes_every_retry_on_the_way() -> None:
    """A retry is asked for while time passes, and falls due before the end of the jump."""
    tries: list[int] = []

    class Broken(OrderHandlers):
        async def packing(self, event: OrderPlaced, context: EventContext) -> None:
            tries.append(context.attempt)
            raise RuntimeError("no more boxes")

    async with app_with(Broken(), retry=Retry(attempts=4, initial=1.0, maximum=60.0)) as app:
        await place(app, 1)
        await app.advance(500)

        assert tries == [1, 2, 3, 4]
        assert len(await app.dead_letters(app.service.subscriptions[-1])) == 1


async def test_a_handler_that_awaits_a_cancelled_task_has_failed_and_its_subscription_goes_on() -> (
    None
):
    class Awaiting(OrderHandlers):
        async def packing(self, event: OrderPlaced, context: EventContext) -> None:
            if context.attempt == 1:
                label = asyncio.ensure_future(asyncio.Event().wait())
                label.cancel()
                await label
            await super().packing(event, context)

    handlers = Awaiting()
    async with app_with(handlers) as app:
        await place(app, 1)
        await app.wait_until_idle()
        assert handlers.packed == []
        await app.advance(1.0)
    assert handlers.packed == [1]


async def test_an_iterator_whose_consumer_is_removed_ends_and_the_app_closes() -> None:
    async with app_with() as app:
        async with app.subscribe(audit, consumer="ann") as events:
            waiting = asyncio.ensure_future(anext(events, None))
            await asyncio.sleep(0)
            await app.unsubscribe(audit, consumer="ann")
            assert await asyncio.wait_for(waiting, 1.0) is None
            await app._heartbeat.beat()
            assert await app.consumers(audit) == []
        held = app.subscribe(audit, consumer="bob")
        await held.__aenter__()
        await app.unsubscribe(audit, consumer="bob")
    await held.__aexit__(None, None, None)


async def test_the_consumer_of_a_handler_is_not_removed_while_the_service_runs() -> None:
    handlers = OrderHandlers()
    app = app_with(handlers, mode=Mode.BROADCAST)
    subscription = app.service.subscriptions[-1]
    async with app:
        with pytest.raises(ConfigurationError, match="while the service runs"):
            await app.unsubscribe(subscription, consumer="order-service")
        await place(app, 1)
        await app.wait_until_idle()
    assert handlers.packed == [1]


async def test_a_handler_that_takes_too_long_comes_again_after_its_back_off() -> None:
    """No other worker of the subscription takes the event before."""
    attempts: list[int] = []

    class Stuck(OrderHandlers):
        async def packing(self, event: OrderPlaced, context: EventContext) -> None:
            attempts.append(context.attempt)
            await asyncio.Event().wait()

    retry = Retry(attempts=3, initial=20.0, maximum=20.0)
    async with app_with(Stuck(), concurrency=2, retry=retry) as app:
        await place(app, 1)
        await until(lambda: attempts)
        await app.advance(5.0)
        await app.advance(9.9)
        assert attempts == [1]
        for _ in range(100):
            app.clock.advance(1.0)
            for _ in range(10):
                await asyncio.sleep(0)
        [letter] = await app.dead_letters(app.service.subscriptions[-1])
    assert attempts == [1, 2, 3]
    assert (letter.attempts, letter.error) == (3, "not done within 5 s")


async def test_a_handler_is_cancelled_when_its_own_time_is_up() -> None:
    """Before its claim ends, so it has failed by then."""
    ends: list[str] = []

    class Stuck(OrderHandlers):
        async def packing(self, event: OrderPlaced, context: EventContext) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ends.append(f"attempt {context.attempt}")

    retry = Retry(attempts=1)
    async with app_with(Stuck(), timeout=2.0, retry=retry) as app:
        await place(app, 1)
        app.clock.advance(1.9)
        await asyncio.sleep(0)
        assert ends == []
        await app.advance(0.2)
        [letter] = await app.dead_letters(app.service.subscriptions[-1])
    assert (ends, letter.error) == (["attempt 1"], "not done within 2 s")


async def test_a_handler_of_at_most_once_can_have_a_time_limit_too() -> None:
    """Its event is lost then, and the next one is handled."""

    class Stuck(OrderHandlers):
        async def packing(self, event: OrderPlaced, context: EventContext) -> None:
            if event.order_id == 1:
                await asyncio.Event().wait()
            await super().packing(event, context)

    handlers = Stuck()
    at_most_once = DeliverySemantics.AT_MOST_ONCE
    async with app_with(handlers, timeout=60.0, delivery=at_most_once) as app:
        await place(app, 1, 2)
        await app.advance(60.0)
        assert handlers.packed == [2]


async def test_a_step_s_key_is_the_same_for_an_event_at_each_attempt_and_after_a_restart(
    tmp_path: Path,
) -> None:
    keys: list[tuple[str, str]] = []

    class Paying(OrderHandlers):
        async def packing(self, event: OrderPlaced, context: EventContext) -> None:
            keys.append((context.key("reserve"), context.key("charge")))
            if len(keys) < 3:
                raise ValueError("the bank does not answer")

    def app() -> VirtualApp:
        service = service_with(retry=Retry(attempts=2, initial=1.0))
        return VirtualApp(service, handlers=Paying(), database=f"sqlite:///{tmp_path}/orders.db")

    async with app() as first:
        await place(first, 1)
        await first.advance(2.0)
        await place(first, 2)
        await first.wait_until_idle()
    async with app() as second:
        assert await second.requeue(*await second.dead_letters(second.service.subscriptions[-1]))
        await second.wait_until_idle()
    first_try, second_try, other, requeued = keys
    assert first_try == second_try == requeued
    assert len({*first_try, *other}) == 4
    assert all(UUID(key) for key in other)


async def test_consumers_of_a_broadcast_have_keys_of_their_own() -> None:
    """What one has done, another does not take for done."""
    async with app_with() as app:
        await place(app, 1)
        keys = []
        for consumer in ("ann", "bob", "ann"):
            async with app.subscribe(order_board, consumer=consumer) as events:
                delivery = await anext(events.deliveries())
                keys.append(delivery.context.key("show"))
                await delivery.release()
    assert keys[0] == keys[2] != keys[1]
