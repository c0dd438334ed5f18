"""The relay and the ingest against bare aio-pika on a RabbitMQ of our own.

Both sides have as many messages in flight, to and from a durable quorum queue. Publishing, both
wait for confirms with `mandatory` and persistent messages; the relay reads its log and notes what
was confirmed as well. Consuming, both acknowledge by hand; the ingest has each event in its log
first. Then the way of single events, from one service to the other.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4

import aio_pika
from headwater import App, EventContext
from headwater.clock import SystemClock
from headwater.events import Metadata
from headwater.evolution import Registry
from headwater.relaying import Ingest, Relay
from headwater.stores.committer import Committer
from headwater.stores.contract import Append, Expect, NewEvent, Store, Unit
from headwater.stores.postgres.store import PostgresStore
from headwater.stores.sqlite.store import SqliteStore
from headwater.streams import Stream, StreamType
from headwater.transports.broker import Message, Topic
from headwater.transports.cloudevents import to_message
from headwater.transports.rabbitmq import RabbitmqOptions, RabbitmqTransport

from tests.support.crossing import LedgerHandlers, MakeSale, ShopHandlers, ledger_at, shop_at
from tests.support.postgres import Cluster, binaries
from tests.support.rabbitmq import Broker, broker, programs

from . import direct
from .postgres import durable_cluster
from .rates import Rate, interleaved, measured, processor_time
from .scale import Scale
from .shop import FIELDS, ORDERS, OrderPlaced

__all__ = ["measure"]

STREAM = Stream(ORDERS, StreamType.PERSISTENT)
TOPIC = Topic("shop", ORDERS)
IN_FLIGHT = 100  # messages, published and not confirmed
PREFETCH = 200  # messages, handed out and not acknowledged
EVENTS = 5_000  # of one measurement
BODY = OrderPlaced(**FIELDS).model_dump_json().encode()
SALES = 300  # whose way is timed
PAUSE = 0.02  # seconds between two of them
LOOK = 0.005  # seconds between two looks whether all is done

Stores: TypeAlias = Callable[[], Any]


def measure(scale: Scale) -> Iterator[tuple[str, str, str]]:
    """Yield rows of (case, figure, goal)."""
    if programs() is None:
        yield "RabbitMQ", "not on this machine", ""
        return
    with ExitStack() as opened:
        one = opened.enter_context(broker())
        stores: dict[str, Stores] = {"SQLite": _on_sqlite}
        if (found := binaries()) is not None:
            server = opened.enter_context(durable_cluster(found))
            stores["PostgreSQL"] = lambda: _on_postgres(server)
        for name, store in stores.items():
            pairs = interleaved(
                scale.rounds,
                lambda s=store: asyncio.run(_relay(one, s)),
                lambda: asyncio.run(_publish(one)),
            )
            yield f"relay from {name} to bare aio-pika", pairs.text(), "at least 0.8"
        for name, store in stores.items():
            pairs = interleaved(
                scale.rounds,
                lambda s=store: asyncio.run(_ingest(one, s)),
                lambda: asyncio.run(_consume(one)),
            )
            yield f"ingest into {name} to bare aio-pika", pairs.text(), "at least 0.6"
        yield _direct(one, scale)
        took = asyncio.run(_latencies(one))
        p50, p99 = took[len(took) // 2], took[len(took) * 99 // 100]
        figure = f"p50 {p50 * 1e3:.1f} ms, p99 {p99 * 1e3:.1f} ms"
        yield "from an append to the handler of another service, on SQLite", figure, ""


def _direct(one: Broker, scale: Scale) -> tuple[str, str, str]:
    case = "a handler on a queue of the broker to FastStream"
    if not direct.is_there():
        return case, "FastStream is not installed", "at least 1.2"
    messages = asyncio.run(_messages())
    pairs = interleaved(
        scale.rounds,
        lambda: asyncio.run(direct.ours(one, messages, PREFETCH)),
        lambda: asyncio.run(direct.theirs(one, messages, PREFETCH)),
    )
    return case, pairs.text(), "at least 1.2"


@asynccontextmanager
async def _on_sqlite() -> AsyncIterator[Store]:
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder) / "shop.db")
        await store.open([STREAM])
        yield store
        await store.close()


@asynccontextmanager
async def _on_postgres(server: Cluster) -> AsyncIterator[Store]:
    url = await server.create_database("template")
    store = PostgresStore(url)
    await store.open([STREAM])
    yield store
    await store.close()
    await server.drop_database(url)


@asynccontextmanager
async def _transport(one: Broker, prefix: str) -> AsyncIterator[RabbitmqTransport]:
    transport = RabbitmqTransport(one.url, RabbitmqOptions(prefix=prefix))
    await transport.open()
    await transport.ready()
    try:
        yield transport
    finally:
        await transport.close()


def _ingester(store: Store, transport: RabbitmqTransport) -> Ingest:
    return Ingest(
        TOPIC,
        ORDERS,
        "analytics",
        store=store,
        transport=transport,
        clock=SystemClock(),
        chance=random.Random(),  # noqa: S311  (no secret)
        prefetch=PREFETCH,
    )


def _prefix() -> str:
    return f"bench-{uuid4().hex[:8]}"


@asynccontextmanager
async def _bare(one: Broker, prefix: str) -> AsyncIterator[tuple[Any, Any]]:
    """A channel of aio-pika's, and a queue of the same kind as ours."""
    async with await aio_pika.connect(one.url) as connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        queue = await channel.declare_queue(
            f"{prefix}.bare", durable=True, arguments={"x-queue-type": "quorum"}
        )
        yield channel, queue
        await queue.delete(if_unused=False, if_empty=False)


async def _relay(one: Broker, stores: Stores) -> Rate:
    """All that a log has goes out, from the first claim to the last note that it was confirmed."""
    prefix = _prefix()
    async with stores() as store, _transport(one, prefix) as transport:
        queue = _ingester(store, transport).queue
        await transport.declare(queue)
        committer = Committer(store)
        await _fill(store)
        relay = Relay(
            STREAM,
            TOPIC,
            {"OrderPlaced": 1},
            store=store,
            committer=committer,
            registry=Registry([OrderPlaced], {}),
            transport=transport,
            clock=SystemClock(),
            chance=random.Random(),  # noqa: S311  (no secret)
            in_flight=IN_FLIGHT,
        )
        await relay.register()
        begun, used = time.perf_counter(), processor_time()
        running = asyncio.create_task(relay.run())
        while (await relay.state()).backlog:  # noqa: ASYNC110  (it tells nobody)
            await asyncio.sleep(LOOK)
        rate = measured(EVENTS, begun, used)
        relay.stop()
        await running
        await committer.close()
        await _remove(one, transport.topology.queue_name(queue))
        return rate


async def _fill(store: Store) -> None:
    """Orders of one event each, as most are; those of one order would go one after the other."""
    for _ in range(EVENTS // 100):
        await store.commit([_unit() for _ in range(100)])


def _unit() -> Unit:
    event = NewEvent(
        id=uuid4(),
        name="OrderPlaced",
        version=1,
        data=BODY,
        terminal=False,
        metadata=Metadata(command="PlaceOrder"),
    )
    append = Append(
        stream=ORDERS,
        workflow="Order",
        workflow_id=str(uuid4()),
        expect=Expect.NEW,
        events=(event,),
    )
    return Unit(appends=(append,))


async def _messages() -> list[Message]:
    """Those that the relay would send."""
    async with _on_sqlite() as store:
        await _fill(store)
        pages = [await store.read(ORDERS, after, 1_000) for after in range(0, EVENTS, 1_000)]
    return [to_message(TOPIC, event) for page in pages for event in page]


async def _publish(one: Broker) -> Rate:
    async with _bare(one, _prefix()) as (channel, queue):
        messages = await _messages()
        waiting = iter(messages)
        exchange = channel.default_exchange

        async def send() -> None:
            for message in waiting:
                await exchange.publish(_amqp(message), queue.name, mandatory=True)

        begun, used = time.perf_counter(), processor_time()
        await asyncio.gather(*(send() for _ in range(IN_FLIGHT)))
        return measured(EVENTS, begun, used)


def _amqp(message: Message) -> aio_pika.Message:
    return aio_pika.Message(
        message.body,
        headers=dict(message.headers),
        content_type=message.content_type,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
    )


async def _ingest(one: Broker, stores: Stores) -> Rate:
    """All that a queue has is taken in, from the first message to the last commit."""
    prefix = _prefix()
    async with stores() as store, _transport(one, prefix) as transport:
        ingest = _ingester(store, transport)
        await transport.declare(ingest.queue)
        await _send(transport.publish(TOPIC, await _messages(), deadline=60.0))
        begun, used = time.perf_counter(), processor_time()
        running = asyncio.create_task(ingest.run())
        while ingest.state().taken_in < EVENTS:  # noqa: ASYNC110  (it tells nobody)
            await asyncio.sleep(LOOK)
        rate = measured(EVENTS, begun, used)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await _remove(one, transport.topology.queue_name(ingest.queue))
        return rate


async def _send(receipts: Awaitable[list[Any]]) -> None:
    kept = await receipts
    assert {one.value for one in kept} == {"confirmed"}


async def _consume(one: Broker) -> Rate:
    async with _bare(one, _prefix()) as (channel, queue):
        exchange = channel.default_exchange
        sending = [exchange.publish(_amqp(one), queue.name) for one in await _messages()]
        await asyncio.gather(*sending)
        await channel.set_qos(prefetch_count=PREFETCH)
        done, count = asyncio.Event(), 0

        async def arrive(message: aio_pika.abc.AbstractIncomingMessage) -> None:
            nonlocal count
            await message.ack()
            count += 1
            if count == EVENTS:
                done.set()

        begun, used = time.perf_counter(), processor_time()
        await queue.consume(arrive)
        await done.wait()
        return measured(EVENTS, begun, used)


class _Clocked(LedgerHandlers):
    """Notes when it was handed each sale."""

    def __init__(self) -> None:
        self.times: dict[int, float] = {}
        self.first, self.last = asyncio.Event(), asyncio.Event()

    async def bookings(self, event: Any, context: EventContext) -> None:
        self.times[event.number] = time.perf_counter()
        self.first.set()
        if event.number == SALES:
            self.last.set()


async def _latencies(one: Broker) -> list[float]:
    """Seconds from when an append is acknowledged until the other service's handler has it."""
    settings: dict[str, Any] = {
        "broker": one.url,
        "broker_options": RabbitmqOptions(prefix=_prefix()),
    }
    handlers, sold = _Clocked(), dict[int, float]()
    with tempfile.TemporaryDirectory() as folder:
        shop = App(
            shop_at(), handlers=ShopHandlers(), database=f"sqlite:///{folder}/shop.db", **settings
        )
        ledger = App(
            ledger_at(), handlers=handlers, database=f"sqlite:///{folder}/ledger.db", **settings
        )
        async with ledger, shop:
            await shop.execute(MakeSale(customer="the first", number=0))
            await handlers.first.wait()  # all connections are there, and the queue
            for number in range(1, SALES + 1):
                await shop.execute(MakeSale(customer=f"customer-{number % 50}", number=number))
                sold[number] = time.perf_counter()
                await asyncio.sleep(PAUSE)
            await handlers.last.wait()
    return sorted(handlers.times[number] - begun for number, begun in sold.items())


async def _remove(one: Broker, queue: str) -> None:
    await asyncio.to_thread(one.control, "delete_queue", queue)
