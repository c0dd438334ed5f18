"""RabbitMQ as a transport."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aio_pika.abc import AbstractChannel
from headwater.clock import Clock, SystemClock
from headwater.errors import BrokerUnavailableError
from headwater.stores.signal import Signal
from headwater.transports.broker import BrokerState, Message, Queue, Receipt, Topic

from .intake import RabbitmqIntake
from .link import FAILURES, Link, Purpose, reason_of, send_and_receive
from .options import Address, RabbitmqOptions
from .publisher import Publisher
from .topology import Topology

__all__ = ["RabbitmqTransport"]


class RabbitmqTransport:
    """A connection to RabbitMQ for publishing and one for consuming, so that neither is held up.

    Messages are persistent, published with confirms and `mandatory`, and kept in quorum queues.
    `url` is `amqp://user:password@host:port/virtual-host` or `amqps://`; its query may hold the
    driver's options for TLS (`cafile`, `certfile`, `keyfile`).

    Raises:
        ConfigurationError: The URL cannot be understood.
    """

    def __init__(
        self,
        url: str,
        options: RabbitmqOptions | None = None,
        *,
        clock: Clock | None = None,
        chance: random.Random | None = None,
    ) -> None:
        self._options = options or RabbitmqOptions()
        self._clock = clock or SystemClock()
        self._chance = chance or random.SystemRandom()
        self._address = address = Address(url)
        self._changes = Signal()
        self._out, self._in = (
            Link(address, purpose, self._options, self._clock, self._chance, self._changes)
            for purpose in (Purpose.PUBLISHING, Purpose.CONSUMING)
        )
        self._topology = Topology(self._options)
        self._publisher = Publisher(self._out, self._topology, self._options)

    @property
    def address(self) -> str:
        """The URL, without its password."""
        return str(self._address)

    @property
    def state(self) -> BrokerState:
        """Of the connection for publishing, or of the other one if only that one is missing."""
        is_only_other = self._out.state.connected and not self._in.state.connected
        return self._in.state if is_only_other else self._out.state

    @property
    def changes(self) -> Signal:
        """Notifies when one of the connections comes, goes, is blocked or unblocked."""
        return self._changes

    @property
    def topology(self) -> Topology:
        """What exchanges and queues are called."""
        return self._topology

    async def open(self) -> None:
        """Begin to connect, and go on until closed."""
        self._out.open()
        self._in.open()

    async def ready(self) -> None:
        """Return once both connections are there."""
        await self._out.connected()
        await self._in.connected()

    async def close(self) -> None:
        """Disconnect. What was taken and not settled comes again."""
        await self._publisher.close()
        await self._out.close()
        await self._in.close()

    async def declare(self, queue: Queue) -> None:
        """Have the queue, and its exchange, from now on.

        Raises:
            BrokerUnavailableError: There is no connection, or the broker refused.
        """
        async with self._channel() as channel:
            await self._topology.declare_queue(channel, queue)

    async def remove(self, queue: Queue) -> None:
        """Have the queue no more, with all that is in it; its dead letters stay.

        Raises:
            BrokerUnavailableError: There is no connection, or the broker refused.
        """
        async with self._channel() as channel:
            await channel.queue_delete(self._topology.queue_name(queue))

    async def publish(
        self, topic: Topic, messages: Sequence[Message], *, deadline: float
    ) -> list[Receipt]:
        """What became of each, in their order, within `deadline` seconds."""
        return await self._publisher.publish(topic, messages, deadline)

    @asynccontextmanager
    async def read(self, queue: Queue, *, prefetch: int) -> AsyncIterator[RabbitmqIntake]:
        """The queue's messages, of which `prefetch` at most are unsettled at once."""
        intake = RabbitmqIntake(
            queue,
            prefetch,
            self._in,
            self._topology,
            self._options.declare_interval,
            self._clock,
            self._chance,
        )
        intake.open()
        try:
            yield intake
        finally:
            await intake.close()

    @asynccontextmanager
    async def _channel(self) -> AsyncIterator[AbstractChannel]:
        """A channel for one purpose.

        Raises:
            BrokerUnavailableError: There is no connection, or the broker refused.
        """
        connection = self._in.connection()
        try:
            async with asyncio.timeout(self._options.connect_timeout):
                channel = await connection.channel(publisher_confirms=False)
                try:
                    yield channel
                finally:
                    await channel.close()
        except FAILURES as error:
            raise BrokerUnavailableError(reason_of(error)) from error

    async def probe(self, *, deadline: float) -> None:
        """Send a message over each of the two connections, and have it back.

        Raises:
            BrokerUnavailableError: One did not come back in time.
        """
        try:
            async with asyncio.timeout(deadline):
                for link in (self._out, self._in):
                    await send_and_receive(link.connection())
        except FAILURES as error:
            raise BrokerUnavailableError(reason_of(error)) from error
