"""Two services with databases of their own, and RabbitMQ between them."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import aio_pika
import pytest
from headwater import App, EventContext, Mode, OnUnknown, Retry, Service
from headwater.transports.memory import MemoryBroker
from headwater.transports.rabbitmq import RabbitmqOptions

from tests.support.crossing import (
    LedgerHandlers,
    MakeSale,
    ShopHandlers,
    ledger_at,
    reading,
    shop_at,
)
from tests.support.rabbitmq import Broker
from tests.support.waiting import eventually

PATIENCE = 60.0  # seconds for what may wait for a broker that starts again

Between = Callable[..., App[Any]]


async def soon(condition: Callable[[], object]) -> None:
    await eventually(condition, within=PATIENCE)


@pytest.fixture
def between(rabbitmq: Broker, tmp_path: Path) -> Between:
    """Makes apps on the broker, under a prefix and in files of this case's own."""
    options = RabbitmqOptions(prefix=f"t{uuid4().hex[:8]}")

    def app(service: Service[Any], handlers: Any, **more: Any) -> App[Any]:
        database = f"sqlite:///{tmp_path}/{service.name}.db"
        given = {"database": database, "broker": rabbitmq.url, "broker_options": options, **more}
        return App(service, handlers=handlers, **given)

    return app


async def state_of(app: App[Any]) -> str:
    status = await app.broker_status()
    assert status is not None
    return status.state


async def sell(shop: App[Any], *numbers: int, customer: str = "ada") -> None:
    for number in numbers:
        await shop.execute(MakeSale(customer=customer, number=number))


async def test_a_broker_that_dies_and_comes_back_loses_and_repeats_nothing(
    own_rabbitmq: Broker, tmp_path: Path
) -> None:
    """Commands are executed meanwhile as ever, and what they record goes out later."""
    handlers = LedgerHandlers()
    url = own_rabbitmq.url
    shop = App(
        shop_at(), handlers=ShopHandlers(), database=f"sqlite:///{tmp_path}/shop.db", broker=url
    )
    ledger = App(
        ledger_at(), handlers=handlers, database=f"sqlite:///{tmp_path}/ledger.db", broker=url
    )
    async with ledger, shop:
        await sell(shop, 1, 2, 3)
        await soon(lambda: len(handlers.booked) == 3)
        await asyncio.to_thread(own_rabbitmq.flush)
        await asyncio.to_thread(own_rabbitmq.kill)
        await sell(shop, 4, 5, 6)

        async def is_lost() -> bool:
            return await state_of(shop) == "lost"

        await soon(is_lost)
        assert await shop.is_ready()
        await asyncio.to_thread(own_rabbitmq.start)
        await sell(shop, 7)
        await soon(lambda: len(handlers.booked) >= 7)
        assert await state_of(shop) == "connected"
    assert handlers.booked == [("ada", number) for number in range(1, 8)]


async def test_services_start_without_a_broker_and_go_on_when_it_comes(
    between: Between, rabbitmq: Broker
) -> None:
    handlers = LedgerHandlers()
    nowhere = between(shop_at(), ShopHandlers(), broker="amqp://guest:secret@127.0.0.1:1")
    async with nowhere as shop:
        await sell(shop, 1, 2)
        assert await state_of(shop) == "lost"
        status = await shop.broker_status()
        assert status is not None
        assert status.address == "amqp://guest@127.0.0.1:1"
        assert [one.backlog for one in status.relays] == [2]
    async with between(ledger_at(), handlers), between(shop_at(), ShopHandlers()):
        await soon(lambda: len(handlers.booked) == 2)
    assert handlers.booked == [("ada", 1), ("ada", 2)]


async def test_what_foreigners_publish_is_set_aside_and_holds_up_nothing(
    between: Between, rabbitmq: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    handlers = LedgerHandlers()
    async with between(ledger_at(), handlers) as ledger, between(shop_at(), ShopHandlers()) as shop:
        await sell(shop, 1)
        await soon(lambda: len(handlers.booked) == 1)
        prefix = ledger._broker_options.prefix
        connection = await aio_pika.connect(rabbitmq.url)
        async with connection, connection.channel() as channel:
            exchange = await channel.get_exchange(f"{prefix}.shop.sales")
            await exchange.publish(aio_pika.Message(b"{}"), routing_key="SaleMade")
        await sell(shop, 2)
        await soon(lambda: len(handlers.booked) == 2)
        status = await ledger.broker_status()
        assert status is not None
        assert [one.set_aside for one in status.ingests] == [1]
    assert "guest:guest" not in caplog.text


class Gated(LedgerHandlers):
    """Handles nothing before it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.has_begun = asyncio.Event()
        self.may_end = asyncio.Event()

    async def bookings(self, event: Any, context: EventContext) -> None:
        self.has_begun.set()
        await self.may_end.wait()
        await super().bookings(event, context)


async def test_a_connection_that_is_lost_while_a_handler_runs_repeats_nothing(
    between: Between, rabbitmq: Broker
) -> None:
    """The message comes again over the next connection, and is known."""
    handlers = Gated()
    service = ledger_at(1, reading(mode=Mode.EXCLUSIVE), direct=True)
    async with between(service, handlers) as ledger, between(shop_at(), ShopHandlers()) as shop:
        await sell(shop, 1)
        async with asyncio.timeout(PATIENCE):
            await handlers.has_begun.wait()
        seen = ledger._border._transport.changes.generation  # type: ignore[union-attr]
        await asyncio.to_thread(rabbitmq.control, "close_all_connections", "for a test")
        async with asyncio.timeout(PATIENCE):
            await ledger._border._transport.changes.wait_after(seen)  # type: ignore[union-attr]
        handlers.may_end.set()
        await sell(shop, 2, 3)
        await soon(lambda: len(handlers.booked) >= 3)
    assert handlers.booked == [("ada", 1), ("ada", 2), ("ada", 3)]


async def test_what_fails_in_a_queue_of_the_broker_is_in_its_dead_letters_with_all_it_had(
    between: Between, rabbitmq: Broker
) -> None:
    handlers = LedgerHandlers(failures=[RuntimeError("no")] * 2)
    retry = Retry(attempts=2, initial=0.05)
    service = ledger_at(1, reading(mode=Mode.EXCLUSIVE, retry=retry), direct=True)
    async with between(service, handlers) as ledger, between(shop_at(), ShopHandlers()) as shop:
        await sell(shop, 1, 2)
        await soon(lambda: handlers.booked == [("ada", 2)])
        prefix = ledger._broker_options.prefix
        connection = await aio_pika.connect(rabbitmq.url)
        async with connection, connection.channel() as channel:
            letters = await channel.get_queue(f"{prefix}.ledger.bookings.dead-letters")

            async def letter() -> Any:
                return await letters.get(fail=False, no_ack=True)

            found: list[Any] = []

            async def is_there() -> bool:
                found.append(await letter())
                return found[-1] is not None

            await soon(is_there)
        assert found[-1].body == b'{"number":1,"price":1}'
        assert found[-1].headers["event-type"] == "SaleMade"
    assert [one.attempt for one in handlers.contexts] == [1, 2, 1]


async def test_consumers_of_a_broadcast_have_queues_and_one_without_a_name_leaves_none(
    between: Between, rabbitmq: Broker
) -> None:
    board = reading("board", mode=Mode.BROADCAST, handler=None)
    service = ledger_at(1, board, direct=True)
    async with between(service, None) as ledger, between(shop_at(), ShopHandlers()) as shop:

        async def queues() -> set[str]:
            told = await asyncio.to_thread(rabbitmq.control, "list_queues", "name")
            prefix = f"{ledger._broker_options.prefix}.ledger.board."
            return {one.removeprefix(prefix) for one in told.split() if one.startswith(prefix)}

        async def has_four() -> bool:
            return len(await queues()) == 4

        async with (
            ledger.subscribe(board, consumer="ann") as ann,
            ledger.subscribe(board, consumer="bob") as bob,
            ledger.subscribe(board) as somebody,
        ):
            await soon(has_four)  # theirs, and one for the dead letters of all
            await sell(shop, 1)
            async with asyncio.timeout(PATIENCE):
                for session in (ann, bob, somebody):
                    assert (await anext(session)).number == 1
        assert await queues() == {"ann", "bob", "dead-letters"}
        await ledger.unsubscribe(board, consumer="bob")
        assert await queues() == {"ann", "dead-letters"}


@pytest.fixture(params=["memory", "rabbitmq"])
def broker_url(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "rabbitmq":
        yield request.getfixturevalue("rabbitmq").url
        return
    name = uuid4().hex
    broker = MemoryBroker.named(name)  # for as long as no service has it
    yield f"memory://{name}"
    del broker


async def test_releases_of_both_sides_come_and_go_and_nothing_is_lost_or_read_as_something_else(
    broker_url: str, tmp_path: Path
) -> None:
    """Old readers meet newer versions, and hold them until a release that knows them runs."""
    chance = random.Random(11)  # noqa: S311
    options = RabbitmqOptions(prefix=f"t{uuid4().hex[:8]}")
    sold: dict[str, list[int]] = defaultdict(list)
    handlers = LedgerHandlers()

    @asynccontextmanager
    async def shop(head: int) -> AsyncIterator[App[Any]]:
        async with App(
            shop_at(head, publishes=head),
            handlers=ShopHandlers(head),
            database=f"sqlite:///{tmp_path}/shop.db",
            broker=broker_url,
            broker_options=options,
        ) as app:
            yield app

    @asynccontextmanager
    async def ledger(head: int) -> AsyncIterator[App[Any]]:
        async with App(
            ledger_at(head, reading(head=head, on_unknown=OnUnknown.HOLD)),
            handlers=handlers,
            database=f"sqlite:///{tmp_path}/ledger.db",
            broker=broker_url,
            broker_options=options,
        ) as app:
            yield app

    number = 0
    releases = [(1, 1), (2, 1), (3, 2), (1, 3), (3, 1), (2, 2), (1, 1), (3, 3)]
    for at, (head_of_shop, head_of_ledger) in enumerate(releases):
        async with ledger(head_of_ledger) as reader, shop(head_of_shop) as app:
            for _ in range(20):
                number += 1
                customer = f"c{chance.randrange(5)}"
                sold[customer].append(number)
                await sell(app, number, customer=customer)

            async def has_half(reader: App[Any] = reader, half: int = number // 2) -> bool:
                return (await reader.statistics("shop/sales")).head >= half

            if at % 2:  # in the other rounds both end while events are on their way
                await soon(has_half)
    async with ledger(3) as reader, shop(3):
        await soon(lambda: len(handlers.booked) >= number)
        await reader.wait_until_idle()
        [subscription] = reader.service.subscriptions
        assert await reader.dead_letters(subscription) == []
    booked: dict[str, list[int]] = defaultdict(list)
    for customer, one in handlers.booked:
        booked[customer].append(one)
    assert booked == sold
