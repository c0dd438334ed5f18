"""Subscriptions that the broker's own queues serve, without a log in between."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from headwater import (
    CommandContext,
    CommandDefinition,
    CommandKind,
    ConfigurationError,
    Delivery,
    DeliverySemantics,
    EventContext,
    Mode,
    OnUnknown,
    Retry,
    Service,
    Stream,
    StreamType,
    WorkflowDefinition,
    manage,
)
from headwater.stores.keys import KeyCount, KeyKind
from headwater.testing import MemoryApp
from headwater.transports.broker import Message, Queue, Topic
from headwater.transports.memory import MemoryBroker
from sqlalchemy import text

from tests.support.crossing import (
    GiveTip,
    LedgerHandlers,
    MakeSale,
    SaleMadeV1,
    ShopHandlers,
    Tip,
    TipGiven,
    ledger_at,
    reading,
    shop_at,
)

Opens = Callable[..., Awaitable[MemoryApp[Any]]]
TOPIC = Topic("shop", "sales")
HOUR = 3_600.0

shared = reading("bookings", mode=Mode.EXCLUSIVE, retry=Retry(attempts=3, initial=1.0))
each = reading("board", mode=Mode.BROADCAST, handler=None)


@pytest.fixture
def name() -> str:
    return uuid4().hex


@pytest.fixture
def broker(name: str) -> MemoryBroker:
    return MemoryBroker.named(name)


@pytest.fixture
async def opens(name: str, broker: MemoryBroker) -> AsyncIterator[Opens]:
    """Opens apps on the broker until the case ends."""
    async with AsyncExitStack() as stack:

        async def open_app(service: Service[Any], handlers: Any, **options: Any) -> MemoryApp[Any]:
            app = MemoryApp(service, handlers=handlers, broker=f"memory://{name}", **options)
            return await stack.enter_async_context(app)

        yield open_app


def direct(*subscriptions: Any, **options: Any) -> Service[Any]:
    return ledger_at(1, *subscriptions, direct=True, **options)


async def sell(shop: MemoryApp[Any], *numbers: int, customer: str = "ada") -> None:
    for number in numbers:
        await shop.execute(MakeSale(customer=customer, number=number))
    await shop.advance(6.0)


async def test_a_handler_is_given_what_the_queue_has_and_nothing_is_kept(opens: Opens) -> None:
    handlers = LedgerHandlers()
    ledger = await opens(direct(shared), handlers)
    shop = await opens(shop_at(), ShopHandlers())
    await sell(shop, 1, 2)
    await ledger.advance(0.0)
    assert handlers.booked == [("ada", 1), ("ada", 2)]
    context = handlers.contexts[0]
    assert context.recorded.stream == "shop/sales"
    assert context.workflow_id == "ada"
    first, _ = [one async for one in shop.replay("sales").records()]
    assert context.recorded.id == first.id
    assert await ledger.positions() == []


async def test_what_fails_is_tried_again_after_a_wait_and_its_workflow_waits_for_it(
    opens: Opens,
) -> None:
    handlers = LedgerHandlers(failures=[RuntimeError("not now")])
    ledger = await opens(direct(replace(shared, concurrency=2)), handlers)
    shop = await opens(shop_at(), ShopHandlers())
    await sell(shop, 1, 2)
    await ledger.advance(0.0)
    assert handlers.booked == []
    await ledger.advance(1.0)
    assert handlers.booked == [("ada", 1), ("ada", 2)]
    assert [one.attempt for one in handlers.contexts] == [1, 2, 1]


async def test_what_has_failed_too_often_goes_to_the_dead_letters_of_the_queue(
    opens: Opens, broker: MemoryBroker
) -> None:
    handlers = LedgerHandlers(failures=[RuntimeError("no")] * 3)
    ledger = await opens(direct(shared), handlers)
    shop = await opens(shop_at(), ShopHandlers())
    await sell(shop, 1, 2)
    await ledger.advance(10.0)
    assert handlers.booked == [("ada", 2)]
    [(arrival, reason)] = broker.dead_letters(Queue(TOPIC, "ledger", "bookings"))
    assert arrival.body == b'{"number":1,"price":1}'
    assert "no" in reason


async def test_of_an_exclusive_one_each_event_goes_to_one_of_its_readers(opens: Opens) -> None:
    first, second = LedgerHandlers(), LedgerHandlers()
    one, other = await opens(direct(shared), first), await opens(direct(shared), second)
    shop = await opens(shop_at(), ShopHandlers())
    for number in range(10):
        await sell(shop, number, customer=f"c{number}")
        await one.advance(0.0)
        await other.advance(0.0)
    assert sorted(number for _, number in (*first.booked, *second.booked)) == list(range(10))


async def test_of_a_broadcast_each_consumer_has_a_queue_that_waits_for_it(opens: Opens) -> None:
    ledger = await opens(direct(each), LedgerHandlers())
    shop = await opens(shop_at(), ShopHandlers())
    for consumer in ("ann", "bob"):
        async with ledger.subscribe(each, consumer=consumer):
            pass
    await sell(shop, 1, 2)
    for consumer in ("ann", "bob"):
        async with ledger.subscribe(each, consumer=consumer) as events:
            assert await anext(events) == SaleMadeV1(number=1, price=1)
        async with ledger.subscribe(each, consumer=consumer) as events:
            assert await anext(events) == SaleMadeV1(number=1, price=1), "it was not acknowledged"
            assert await anext(events) == SaleMadeV1(number=2, price=2)


async def test_the_queue_of_one_without_a_name_goes_with_its_session(
    opens: Opens, broker: MemoryBroker
) -> None:
    ledger = await opens(direct(each), LedgerHandlers())
    async with ledger.subscribe(each):
        assert len(broker.queues) == 1
    assert not broker.queues


async def test_unsubscribing_removes_the_queue(opens: Opens, broker: MemoryBroker) -> None:
    ledger = await opens(direct(each), LedgerHandlers())
    async with ledger.subscribe(each, consumer="ann"):
        pass
    assert [queue.name for queue in broker.queues] == ["board.ann"]
    await ledger.unsubscribe(each, consumer="ann")
    assert not broker.queues


async def test_a_delivery_can_be_refused_released_and_set_aside(
    opens: Opens, broker: MemoryBroker
) -> None:
    subscription = replace(shared, handler=None)
    ledger = await opens(direct(subscription), LedgerHandlers())
    shop = await opens(shop_at(), ShopHandlers())
    async with ledger.subscribe(subscription) as session:
        deliveries = session.deliveries()
        await sell(shop, 1)
        first: Delivery[Any] = await anext(deliveries)
        await first.release()
        again = await anext(deliveries)
        assert again.context.attempt == 1
        await again.nack(requeue=False, reason="of no use")
        [(_, reason)] = broker.dead_letters(Queue(TOPIC, "ledger", "bookings"))
        assert reason == "of no use"


async def test_a_claim_whose_time_is_up_counts_as_a_failure(opens: Opens) -> None:
    subscription = replace(shared, handler=None, ack_timeout=2.0)
    ledger = await opens(direct(subscription), LedgerHandlers())
    shop = await opens(shop_at(), ShopHandlers())
    async with ledger.subscribe(subscription) as session:
        deliveries = session.deliveries()
        await sell(shop, 1)
        first = await anext(deliveries)
        await ledger.advance(2.0)
        second = await anext(deliveries)
        assert (first.context.attempt, second.context.attempt) == (1, 2)
        assert second.context.recorded.id == first.context.recorded.id
        await second.ack()


async def test_at_most_once_is_acknowledged_before_it_is_handled(opens: Opens) -> None:
    handlers = LedgerHandlers(failures=[RuntimeError("lost")])
    subscription = replace(shared, delivery=DeliverySemantics.AT_MOST_ONCE)
    ledger = await opens(direct(subscription), handlers)
    shop = await opens(shop_at(), ShopHandlers())
    await sell(shop, 1, 2)
    await ledger.advance(10.0)
    assert handlers.booked == [("ada", 2)]


class Books(LedgerHandlers):
    """Books in SQL."""

    async def bookings(self, event: Any, context: EventContext) -> None:
        connection = await context.connection()
        await connection.execute(text("CREATE TABLE IF NOT EXISTS bookings (number INTEGER)"))
        await connection.execute(
            text("INSERT INTO bookings VALUES (:number)"), {"number": event.number}
        )
        await super().bookings(event, context)


async def test_exactly_once_has_an_inbox_that_is_written_with_the_effect(
    opens: Opens, broker: MemoryBroker, tmp_path: Path
) -> None:
    """An event that the broker brings again, to a process that knows nothing, has no effect."""
    subscription = replace(shared, delivery=DeliverySemantics.EXACTLY_ONCE)
    database = f"sqlite:///{tmp_path}/ledger.db"
    shop = await opens(shop_at(), ShopHandlers())
    kept = Queue(TOPIC, "archive", "all")
    broker.declare(kept)
    handlers = Books()
    first = MemoryApp(
        direct(subscription), handlers=handlers, database=database, broker=shop.broker
    )
    async with first:
        await sell(shop, 1)
        await first.advance(0.0)
    [copy] = broker.take(kept, 10)
    broker.publish(
        TOPIC,
        Message(
            event="SaleMade",
            workflow_id="ada",
            headers=copy.headers,  # type: ignore[arg-type]
            body=copy.body,
        ),
    )
    second = await opens(direct(subscription), handlers, database=database)
    await sell(shop, 2)
    await second.advance(0.0)
    assert [number for _, number in handlers.booked] == [1, 1, 2], "it ran, in vain"
    store: Any = second._store
    transaction = await store.begin()
    found = await transaction.connection.execute(text("SELECT number FROM bookings"))
    assert [number for (number,) in found] == [1, 2]
    transaction.roll_back()
    plans = await second.keys()
    assert [(one.kind, one.stream, one.count.all) for one in plans] == [
        (KeyKind.INGEST, "shop/sales", 2)
    ]


async def test_what_is_no_event_is_set_aside_and_what_it_does_not_ask_for_passes(
    opens: Opens, broker: MemoryBroker
) -> None:
    handlers = LedgerHandlers()
    subscription = replace(shared, whole_stream=False)
    ledger = await opens(direct(subscription), handlers)
    shop = await opens(shop_at(), ShopHandlers())
    queue = Queue(TOPIC, "ledger", "bookings")
    broker.publish(TOPIC, Message(event="x", workflow_id="x", headers={}, body=b"{}"))
    await sell(shop, 1)
    await ledger.advance(0.0)
    assert handlers.booked == [("ada", 1)]
    assert len(broker.dead_letters(queue)) == 1


async def test_a_newer_version_waits_in_the_queue_for_a_release_that_knows_it(
    opens: Opens,
) -> None:
    old, new = LedgerHandlers(), LedgerHandlers()
    holding = replace(shared, on_unknown=OnUnknown.HOLD)
    shop = await opens(shop_at(2, publishes=2), ShopHandlers(2))
    first = MemoryApp(direct(holding), handlers=old, broker=shop.broker)
    async with first:
        await sell(shop, 1)
        await first.advance(10.0)
        assert old.booked == []
    newer = reading("bookings", 2, mode=Mode.EXCLUSIVE)
    second = await opens(ledger_at(2, newer, direct=True), new)
    await second.advance(0.0)
    assert new.booked == [("ada", 1)]


async def test_what_is_to_be_done_about_a_queue_is_done_at_the_broker(opens: Opens) -> None:
    ledger = await opens(direct(shared), LedgerHandlers())
    for act in (ledger.pause, ledger.resume):
        with pytest.raises(ConfigurationError, match="served by the broker's queue"):
            await act(shared)


@pytest.mark.parametrize("mode", [Mode.CONSUMER_GROUP, Mode.READ_RECEIPT])
def test_what_needs_a_log_cannot_be_served_by_a_queue(mode: Mode) -> None:
    with pytest.raises(ConfigurationError, match="is read from the broker"):
        direct(replace(shared, mode=mode, handler=None))


class Thanks(LedgerHandlers):
    """Gives a tip for each sale, by a command of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.tips: list[int] = []

    async def bookings(self, event: Any, context: EventContext) -> None:
        context.send(GiveTip(number=event.number))
        await super().bookings(event, context)

    async def give_tip(self, command: GiveTip, workflow: Any, context: CommandContext) -> None:
        self.tips.append(command.number)
        workflow.emit(TipGiven(number=command.number))


def thanking(delivery: DeliverySemantics) -> Service[Any]:
    """The ledger, which has a stream and a command of its own besides the shop's sales."""
    service = direct(replace(shared, delivery=delivery))
    return replace(
        service,
        streams=(*service.streams, Stream("tips", StreamType.PERSISTENT)),
        workflows=(WorkflowDefinition(Tip, stream="tips", events=(TipGiven,)),),
        commands=(
            CommandDefinition(GiveTip, CommandKind.STARTS, workflow=Tip, handler="give_tip"),
        ),
    )


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/ledger.db"
    return str(request.getfixturevalue("postgres_url"))


@pytest.mark.parametrize(
    ("delivery", "each"),
    [(DeliverySemantics.AT_LEAST_ONCE, 1), (DeliverySemantics.EXACTLY_ONCE, 2)],
)
async def test_what_a_handler_sends_is_executed_once_and_its_key_goes_as_those_of_the_inbox(
    opens: Opens, broker: MemoryBroker, database: str, delivery: DeliverySemantics, each: int
) -> None:
    """No database has the stream, so that keys go by their distance from its newest event."""
    shop = await opens(shop_at(), ShopHandlers())
    kept = Queue(TOPIC, "archive", "all")
    broker.declare(kept)
    handlers = Thanks()
    service = thanking(delivery)
    first = MemoryApp(service, handlers=handlers, database=database, broker=shop.broker)
    async with first:
        await sell(shop, 1, 2)
        await first.advance(0.0)
    for copy in broker.take(kept, 10):
        headers: Any = copy.headers
        message = Message(event="SaleMade", workflow_id="ada", headers=headers, body=copy.body)
        broker.publish(TOPIC, message)
    ledger = await opens(service, handlers, database=database)
    await ledger.advance(0.0)
    assert [number for _, number in handlers.booked] == [1, 2, 1, 2], "it ran, in vain"
    assert sorted(handlers.tips) == [1, 2]

    async def keys() -> list[tuple[KeyKind, str, KeyCount]]:
        return [(one.kind, one.stream, one.count) for one in await ledger.keys(kept=HOUR)]

    await ledger.advance(2 * HOUR)
    assert await keys() == [(KeyKind.INGEST, "shop/sales", KeyCount(2 * each, 0))]
    await sell(shop, 3)
    await ledger.advance(0.0)
    assert await keys() == [(KeyKind.INGEST, "shop/sales", KeyCount(3 * each, 2 * each))]
    async with manage(service, database, clock=ledger.clock) as management:
        removed = await management.forget_keys(kept=HOUR)
    assert [(one.stream, one.removed) for one in removed if one.removed] == [
        ("shop/sales", 2 * each)
    ]
