"""A queue of the broker's that a service's handler reads directly, and the same with FastStream.

Both have as many messages from a durable quorum queue in hand, make a pydantic model of each, call
an async handler with it and acknowledge it when that has returned. Neither has a log in between.
"""

from __future__ import annotations

import asyncio
import importlib.util
import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import aio_pika
from headwater import (
    App,
    Contract,
    EventContext,
    Mode,
    Remote,
    Service,
    Stream,
    StreamType,
    Subscription,
)
from headwater.transports.broker import Message, Queue, Topic
from headwater.transports.rabbitmq import RabbitmqOptions, RabbitmqTransport
from pydantic import AwareDatetime, BaseModel

from tests.support.rabbitmq import Broker

from .rates import Rate, measured, processor_time
from .shop import ORDERS, OrderPlaced

__all__ = ["is_there", "ours", "theirs"]

TOPIC = Topic("shop", ORDERS)
AT_ONCE = 16  # handlers that run


def is_there() -> bool:
    """Whether FastStream is installed."""
    return importlib.util.find_spec("faststream") is not None


class _Counted:
    """Counts what a handler is called with, and measures from the first to the last."""

    def __init__(self, count: int) -> None:
        self._left = count
        self._count = count
        self._begun = self._used = 0.0
        self.rate: asyncio.Future[Rate] = asyncio.get_running_loop().create_future()

    def one(self) -> None:
        """One more."""
        if self._left == self._count:
            self._begun, self._used = time.perf_counter(), processor_time()
        self._left -= 1
        if not self._left:
            self.rate.set_result(measured(self._count - 1, self._begun, self._used))


class PlacedOrder(BaseModel):
    """The order as FastStream makes it, of values that JSON has read already."""

    order_id: UUID
    customer: str
    note: str
    quantity: int
    price: float
    placed_at: AwareDatetime


class _Handlers:
    def __init__(self, counted: _Counted) -> None:
        self._counted = counted

    async def counting(self, event: OrderPlaced, context: EventContext) -> None:
        self._counted.one()


def _analytics() -> Service[Any]:
    stream = f"shop/{ORDERS}"
    return Service(
        format=1,
        name="analytics",
        streams=(Stream(stream, StreamType.EPHEMERAL, remote=Remote("shop", ORDERS, direct=True)),),
        subscriptions=(
            Subscription(
                name="counting",
                stream=stream,
                mode=Mode.EXCLUSIVE,
                events=(OrderPlaced,),
                whole_stream=True,
                handler="counting",
                concurrency=AT_ONCE,
            ),
        ),
        remotes=(Contract(service="shop", streams={ORDERS: (OrderPlaced,)}),),
    )


async def ours(one: Broker, messages: Sequence[Message], prefetch: int) -> Rate:
    """A service's subscription to a remote stream, from its first event to its last."""
    options = RabbitmqOptions(prefix=f"bench-{uuid4().hex[:8]}", prefetch=prefetch)
    queue = Queue(TOPIC, "analytics", "counting")
    transport = RabbitmqTransport(one.url, options)
    await transport.open()
    await transport.ready()
    await transport.declare(queue)
    receipts = await transport.publish(TOPIC, messages, deadline=60.0)
    assert {receipt.value for receipt in receipts} == {"confirmed"}
    await transport.close()
    counted = _Counted(len(messages))
    async with App(
        _analytics(),
        handlers=_Handlers(counted),
        database="memory://",
        broker=one.url,
        broker_options=options,
    ):
        rate = await counted.rate
    await asyncio.to_thread(one.control, "delete_queue", transport.topology.queue_name(queue))
    return rate


async def theirs(one: Broker, messages: Sequence[Message], prefetch: int) -> Rate:
    """The same of FastStream, on a queue of the same kind."""
    from faststream import AckPolicy
    from faststream.rabbit import (
        Channel,
        QueueType,
        RabbitBroker,
        RabbitQueue,
    )

    name = f"bench-{uuid4().hex[:8]}"
    await _fill(one, name, messages)
    counted = _Counted(len(messages))
    broker = RabbitBroker(one.url, logger=None)

    @broker.subscriber(
        RabbitQueue(name, queue_type=QueueType.QUORUM),
        channel=Channel(prefetch_count=prefetch),
        ack_policy=AckPolicy.NACK_ON_ERROR,
    )
    async def counting(order: PlacedOrder) -> None:
        counted.one()

    await broker.start()
    rate = await counted.rate
    await broker.stop()
    await asyncio.to_thread(one.control, "delete_queue", name)
    return rate


async def _fill(one: Broker, queue: str, messages: Sequence[Message]) -> None:
    async with await aio_pika.connect(one.url) as connection:
        channel = await connection.channel()
        await channel.declare_queue(queue, durable=True, arguments={"x-queue-type": "quorum"})
        sending = [
            channel.default_exchange.publish(
                aio_pika.Message(
                    message.body,
                    headers=dict(message.headers),
                    content_type=message.content_type,
                    delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                ),
                queue,
            )
            for message in messages
        ]
        await asyncio.gather(*sending)
