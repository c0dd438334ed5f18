"""One service publishes, another one reads: two apps of one process, over a broker in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from headwater import ConfigurationError, Mode, Service, Unrouted
from headwater.relaying.border import NOTABLE_BACKLOG
from headwater.testing import MemoryApp
from headwater.transports.broker import Queue, Topic

from tests.support.crossing import (
    GiveTip,
    LedgerHandlers,
    MakeSale,
    SaleMadeV2,
    ShopHandlers,
    ledger_at,
    reading,
    shop_at,
)

Opens = Callable[..., Awaitable[MemoryApp[Any]]]


@pytest.fixture
def broker() -> str:
    """One that no other case has."""
    return f"memory://{uuid4().hex}"


@pytest.fixture
async def opens(broker: str) -> AsyncIterator[Opens]:
    """Opens apps on the broker until the case ends."""
    async with AsyncExitStack() as stack:

        async def open_app(service: Service[Any], handlers: Any, **options: Any) -> MemoryApp[Any]:
            app = MemoryApp(service, handlers=handlers, **{"broker": broker, **options})
            return await stack.enter_async_context(app)

        yield open_app


async def sell(shop: MemoryApp[Any], *numbers: int, customer: str = "ada") -> None:
    for number in numbers:
        await shop.execute(MakeSale(customer=customer, number=number))


async def settle(*apps: MemoryApp[Any]) -> None:
    """Let what the first has recorded reach the handlers of the others."""
    for app in apps:
        await app.advance(0.0)


async def test_what_one_service_records_the_handler_of_another_is_given(opens: Opens) -> None:
    handlers = LedgerHandlers()
    shop = await opens(shop_at(), ShopHandlers())
    ledger = await opens(ledger_at(), handlers)
    await sell(shop, 1, 2)
    await sell(shop, 3, customer="bob")
    await shop.advance(10.0)
    await settle(ledger)
    assert sorted(handlers.booked) == [("ada", 1), ("ada", 2), ("bob", 3)]
    [context, *_] = handlers.contexts
    assert context.recorded.stream == "shop/sales"
    assert await ledger.events("shop/sales") == await shop.events("sales")
    [sold, *_] = [one async for one in shop.replay("sales").records()]
    assert context.recorded.id == sold.id


async def test_both_tell_how_it_stands(opens: Opens) -> None:
    shop = await opens(shop_at(), ShopHandlers())
    ledger = await opens(ledger_at(), LedgerHandlers())
    await sell(shop, 1, 2)
    await settle(shop, ledger)
    status = await shop.broker_status()
    assert status is not None
    assert status.summary() == {
        "state": "connected",
        "published": {"sales": {"backlog": 0, "oldest_age": None, "circuit": "closed"}},
        "taken_in": {},
    }
    assert [one.published for one in status.relays] == [2]
    there = await ledger.broker_status()
    assert there is not None
    [ingest] = there.ingests
    assert (ingest.stream, ingest.is_active, ingest.taken_in) == ("shop/sales", True, 2)


async def test_without_a_broker_what_is_published_waits_in_the_log(
    opens: Opens, tmp_path: Path
) -> None:
    """It goes out once there is one, however long it was recorded before."""
    database = f"sqlite:///{tmp_path}/shop.db"
    async with MemoryApp(shop_at(), handlers=ShopHandlers(), database=database) as shop:
        await sell(shop, 1, 2)
        assert await shop.broker_status() is None
        assert shop.cautions == ()
    handlers = LedgerHandlers()
    ledger = await opens(ledger_at(), handlers)
    shop = await opens(shop_at(), ShopHandlers(), database=database)
    await sell(shop, 3)
    await settle(shop, ledger)
    assert handlers.booked == [("ada", 1), ("ada", 2), ("ada", 3)]


async def test_what_no_queue_takes_waits_until_the_reader_is_there(opens: Opens) -> None:
    shop = await opens(shop_at(), ShopHandlers())
    await sell(shop, 1)
    await settle(shop)
    handlers = LedgerHandlers()
    ledger = await opens(ledger_at(), handlers)
    await shop.advance(10.0)
    await settle(ledger)
    assert handlers.booked == [("ada", 1)]


async def test_or_is_dropped_where_the_spec_says_so(opens: Opens) -> None:
    shop = await opens(shop_at(unrouted=Unrouted.DROP), ShopHandlers())
    await sell(shop, 1)
    await settle(shop)
    handlers = LedgerHandlers()
    ledger = await opens(ledger_at(), handlers)
    await sell(shop, 2)
    await shop.advance(10.0)
    await settle(ledger)
    assert handlers.booked == [("ada", 2)]


async def test_an_ephemeral_stream_goes_out_from_its_first_start_with_a_broker_on(
    opens: Opens, broker: str, tmp_path: Path
) -> None:
    """Before that nobody keeps anything for a broker that there may never be."""
    database = f"sqlite:///{tmp_path}/shop.db"
    service = shop_at(tips=True)

    async def tip(number: int, **options: Any) -> MemoryApp[Any]:
        app = MemoryApp(service, handlers=ShopHandlers(), database=database, **options)
        async with app:
            await app.execute(GiveTip(number=number))
            await settle(app)
        return app

    await tip(1)
    await tip(2, broker=broker)
    await tip(3)  # it has had a broker, and may have one again
    handlers = LedgerHandlers()
    subscription = reading(stream="shop/tips", events=service.events_of("tips"))
    ledger = await opens(ledger_at(1, subscription, stream="tips"), handlers)
    shop = await opens(service, ShopHandlers(), database=database)
    await shop.advance(10.0)
    await settle(ledger)
    assert sorted(number for _, number in handlers.booked) == [2, 3]


async def test_the_subscriptions_of_a_remote_stream_do_all_that_others_do(opens: Opens) -> None:
    """Retries and replay, and an upcast to the version that it asks for."""
    handlers = LedgerHandlers(failures=[RuntimeError("not now")])
    shop = await opens(shop_at(1), ShopHandlers(1))
    ledger = await opens(ledger_at(2, reading(head=2)), handlers)
    await sell(shop, 1, 2)
    await settle(shop, ledger)
    await ledger.advance(2.0)
    assert handlers.booked == [("ada", 1), ("ada", 2)]
    assert [one.attempt for one in handlers.contexts] == [1, 2, 1]
    replayed = [event async for event in ledger.replay("shop/sales")]
    assert replayed == [SaleMadeV2(number=1, cents=1), SaleMadeV2(number=2, cents=2)]


async def test_one_process_of_a_service_takes_in_and_another_takes_over(
    opens: Opens, broker: str, tmp_path: Path
) -> None:
    database = f"sqlite:///{tmp_path}/ledger.db"
    handlers = LedgerHandlers()
    shop = await opens(shop_at(), ShopHandlers())

    def process() -> MemoryApp[Any]:
        return MemoryApp(ledger_at(), handlers=handlers, database=database, broker=broker)

    async def takes_in(app: MemoryApp[Any]) -> bool:
        status = await app.broker_status()
        assert status is not None
        return status.ingests[0].is_active

    first, second = process(), process()
    async with second:
        pass  # it makes the file
    async with first:
        await second.__aenter__()
        assert (await takes_in(first), await takes_in(second)) == (True, False)
        await sell(shop, 1)
        await settle(shop, first, second)
    await second.advance(5.0)
    assert await takes_in(second)
    await sell(shop, 2)
    await settle(shop, second)
    await second.__aexit__(None, None, None)
    assert handlers.booked == [("ada", 1), ("ada", 2)]


async def test_a_service_that_ingests_starts_without_a_broker_and_says_what_it_misses() -> None:
    async with MemoryApp(ledger_at(), handlers=LedgerHandlers()) as ledger:
        assert ledger.cautions == (
            "nothing new comes in of shop/sales: no broker is configured (HEADWATER_BROKER)",
        )


def test_one_that_reads_from_the_broker_does_not_and_the_setting_is_named() -> None:
    service = ledger_at(1, reading(mode=Mode.EXCLUSIVE), direct=True)
    with pytest.raises(ConfigurationError, match="HEADWATER_BROKER"):
        MemoryApp(service, handlers=LedgerHandlers())


@pytest.mark.parametrize(
    ("broker", "problem"),
    [
        ("kafka://secret@localhost", r"'kafka://' is not supported; amqp://"),
        ("guest:secret@localhost", r"a broker without a scheme is not supported; amqp://"),
        ("amqp:/guest:secret@localhost", r"a broker without a scheme is not supported; amqp://"),
        ("memory://", "has a name"),
        ("amqp://:secret@", "cannot be understood"),
    ],
)
def test_a_broker_that_there_cannot_be_is_refused_without_its_secret(
    broker: str, problem: str
) -> None:
    with pytest.raises(ConfigurationError, match=problem) as refused:
        MemoryApp(shop_at(), handlers=ShopHandlers(), broker=broker)
    assert "secret" not in str(refused.value)


async def test_a_backlog_that_grows_is_told_of(
    opens: Opens, caplog: pytest.LogCaptureFixture
) -> None:
    """Once at a size, again when it has doubled, and when it is gone."""
    shop = await opens(shop_at(), ShopHandlers(), broker=None)
    await asyncio.gather(
        *(sell(shop, number, customer=f"c{number}") for number in range(NOTABLE_BACKLOG))
    )
    await shop.advance(120.0)
    told = [one for one in caplog.records if "wait to be taken to the broker" in one.message]
    assert [one.__dict__["backlog"] for one in told] == [NOTABLE_BACKLOG]


async def test_an_open_app_declares_what_it_takes_in_as_one_reader_s_queue(
    opens: Opens,
) -> None:
    """Two readers of one queue would share its messages, and the order would be lost."""
    ledger = await opens(ledger_at(), LedgerHandlers())
    [ingester] = ledger._border._ingesters
    assert ingester._ingest.queue == Queue(Topic("shop", "sales"), "ledger", "shop.sales.ingest")
    assert ingester._ingest.queue.one_reader
