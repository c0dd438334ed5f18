"""Messages in: one queue's, through lost connections and deleted queues."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from itertools import chain

from aio_pika.abc import AbstractChannel
from aiormq.abc import DeliveredMessage
from headwater.clock import Clock, end_task, sleep
from headwater.stores.signal import Signal
from headwater.transports.broker import Arrival, Queue

from .link import FAILURES, Link, drivers_cancellation, reason_of
from .topology import Topology

__all__ = ["RabbitmqIntake"]

LONGEST_PAUSE = 5.0  # seconds between two attempts to consume
FIRST_PAUSE = 0.1

logger = logging.getLogger("headwater.transports.rabbitmq")


class RabbitmqIntake:
    """Consumes from one queue over a channel of its own, from `open` to `close`."""

    def __init__(
        self,
        queue: Queue,
        prefetch: int,
        link: Link,
        topology: Topology,
        declare_interval: float,
        clock: Clock,
        chance: random.Random,
    ) -> None:
        self._queue = queue
        self._declare_interval = declare_interval
        self._prefetch = prefetch
        self._link = link
        self._topology = topology
        self._clock = clock
        self._chance = chance
        self._came: OrderedDict[int, DeliveredMessage] = OrderedDict()  # not taken yet
        self._taken: dict[int, DeliveredMessage] = {}
        self._last_tag = 0
        self._filled = Signal()
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin to consume."""
        name = f"headwater-rabbitmq-{self._queue.name}"
        self._task = asyncio.create_task(self._run(), name=name)

    async def close(self) -> None:
        """Consume no more. The broker hands out again what is not settled."""
        if self._task is not None:
            await end_task(self._task)
            self._task = None

    @property
    def changes(self) -> Signal:
        """Notifies when a message came."""
        return self._filled

    async def take(self, limit: int) -> Sequence[Arrival]:
        """The next messages: one at least, up to `limit` of those that came, oldest first."""
        while True:
            seen = self._filled.generation
            if arrivals := self.take_nowait(limit):
                return arrivals
            await self._filled.wait_after(seen)

    def take_nowait(self, limit: int) -> Sequence[Arrival]:
        """Up to `limit` of those that came, oldest first."""
        arrivals = []
        for _ in range(min(limit, len(self._came))):
            tag, message = self._came.popitem(last=False)
            self._taken[tag] = message
            arrivals.append(_arrival(tag, message))
        return arrivals

    async def acknowledge(self, arrivals: Sequence[Arrival]) -> None:
        """Have the broker forget these, in one word if they are the oldest that it waits for."""
        messages = self._settled(arrivals)
        if not messages:
            return
        newest = max(messages, key=_delivery_tag)
        left = next(chain(self._taken.values(), self._came.values()), None)  # the oldest
        with suppress(*FAILURES):  # of a lost connection nothing is settled: it comes again
            if left is None or _delivery_tag(left) > _delivery_tag(newest):
                await newest.channel.basic_ack(_delivery_tag(newest), multiple=True)
            else:
                for message in messages:
                    await message.channel.basic_ack(_delivery_tag(message))

    async def put_back(self, arrivals: Sequence[Arrival]) -> None:
        """Have the broker hand these out again."""
        for message in self._settled(arrivals):
            with suppress(*FAILURES):
                await message.channel.basic_nack(_delivery_tag(message), requeue=True)

    async def set_aside(self, arrivals: Sequence[Arrival], reason: str) -> None:
        """Have the broker move these to the queue's dead letters."""
        for message in self._settled(arrivals):
            logger.error(
                "message set aside: %s",
                reason,
                extra={"queue": self._topology.queue_name(self._queue), "error": reason},
            )
            with suppress(*FAILURES):
                await message.channel.basic_reject(_delivery_tag(message), requeue=False)

    def _settled(self, arrivals: Sequence[Arrival]) -> list[DeliveredMessage]:
        """Those of the connection that is there, not settled before."""
        found = (self._taken.pop(one.tag, None) for one in arrivals)
        return [message for message in found if message is not None]

    async def _run(self) -> None:
        failures = 0
        while True:
            connection = await self._link.connected()
            channel: AbstractChannel | None = None
            try:
                channel = await connection.channel(publisher_confirms=False)
                ended = await self._consume(channel)
                failures = 0
                while not ended.done():
                    await asyncio.wait({ended}, timeout=self._declare_interval)
                    if not ended.done():  # somebody may have removed the exchange or the binding
                        await self._topology.declare_queue(channel, self._queue)
                reason = ended.result()
            except Exception as error:  # noqa: BLE001  (whatever the driver raises, it goes on)
                reason = reason_of(error)
            finally:
                self._came.clear()
                self._taken.clear()  # settling these would settle others on the next channel
                if channel is not None:
                    with suppress(*FAILURES), drivers_cancellation():
                        async with asyncio.timeout(1.0):
                            await channel.close()
            failures += 1
            logger.warning(
                "reading from the broker interrupted, and taken up again",
                extra={"queue": self._topology.queue_name(self._queue), "error": reason},
            )
            longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(failures - 1, 16))
            await sleep(self._clock, longest * self._chance.uniform(0.5, 1.0))

    async def _consume(self, channel: AbstractChannel) -> asyncio.Future[str]:
        """Have messages come; the future has the reason why they don't any more."""
        ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def end(reason: str) -> None:
            if not ended.done():
                ended.set_result(reason)

        channel.close_callbacks.add(
            lambda _, error: end(reason_of(error) if error else "the channel was closed")
        )
        underlying = await channel.get_underlay_channel()
        underlying.on_consumer_cancel_callbacks.add(
            lambda _: end("the broker cancelled it: the queue was deleted, or has moved")
        )
        await channel.set_qos(prefetch_count=self._prefetch)
        queue = await self._topology.declare_queue(channel, self._queue)

        async def arrive(message: DeliveredMessage) -> None:
            if ended.done():
                return  # it comes again on the next channel, where its tag means something
            self._last_tag += 1
            self._came[self._last_tag] = message
            self._filled.notify()

        await underlying.basic_consume(queue.name, arrive)
        return ended


def _arrival(tag: int, message: DeliveredMessage) -> Arrival:
    properties = message.header.properties
    headers = properties.headers or {}
    count = headers.get("x-delivery-count", 0)
    counted = count if isinstance(count, int) and not isinstance(count, bool) else 0
    return Arrival(tag, headers, message.body, properties.content_type, max(0, counted))


def _delivery_tag(message: DeliveredMessage) -> int:
    return message.delivery_tag or 0
