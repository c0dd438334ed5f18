"""Messages out, each with what became of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from typing import cast

from aio_pika.abc import AbstractChannel, AbstractConnection
from aiormq.channel import Channel
from headwater.errors import BrokerUnavailableError
from headwater.transports.broker import Message, Receipt, Topic

from .batch import Batch
from .link import FAILURES, Link, reason_of
from .options import RabbitmqOptions
from .topology import Topology

__all__ = ["Publisher"]

logger = logging.getLogger("headwater.transports.rabbitmq")


class Publisher:
    """Publishes over one channel; after an outcome that nobody can tell, over a new one."""

    def __init__(self, link: Link, topology: Topology, options: RabbitmqOptions) -> None:
        self._link = link
        self._topology = topology
        self._confirm_timeout = options.confirm_timeout
        self._connection: AbstractConnection | None = None
        self._channel: AbstractChannel | None = None
        self._topics: set[Topic] = set()
        self._batches: dict[AbstractChannel, set[Batch]] = {}
        self._opening = asyncio.Lock()

    async def publish(
        self, topic: Topic, messages: Sequence[Message], deadline: float
    ) -> list[Receipt]:
        """What became of each, in their order."""
        limit = min(deadline, self._confirm_timeout)
        until = asyncio.get_running_loop().time() + limit
        channel = None
        try:
            async with asyncio.timeout_at(until):
                if await self._link.look_whether_blocked():
                    return [Receipt.REFUSED] * len(messages)
                channel = await self._open_channel(topic)
                underlying = cast("Channel", await channel.get_underlay_channel())
                batch = Batch(underlying, len(messages))
                self._batches.setdefault(channel, set()).add(batch)
                await batch.send(
                    self._topology.exchange_name(topic),
                    [(self._topology.routing_key(topic, one), one) for one in messages],
                )
        except (BrokerUnavailableError, *FAILURES) as error:
            await self._renew(channel or self._channel)
            if isinstance(error, TimeoutError) and self._connection is not None:
                self._link.doubt(self._connection)
            return [Receipt.REFUSED] * len(messages)  # none of them was sent
        try:
            async with asyncio.timeout_at(until):
                await batch.wait()
        except TimeoutError:
            logger.debug("no confirm in time")
        self._batches.get(channel, set()).discard(batch)
        receipts = list(batch.receipts)
        if Receipt.UNKNOWN in receipts:
            await self._link.look_whether_blocked()
            await self._renew(channel)
        return receipts

    async def close(self) -> None:
        """Use the channel no more."""
        await self._renew(self._channel)

    async def _open_channel(self, topic: Topic) -> AbstractChannel:
        """A channel on which the exchange was declared."""
        connection = self._link.connection()
        async with self._opening:
            channel = self._channel
            if channel is None or channel.is_closed or connection is not self._connection:
                self._channel, self._connection = None, connection
                self._topics.clear()
                channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
                channel.close_callbacks.add(partial(self._closed, channel))
                self._channel = channel
            if topic not in self._topics:
                await self._topology.declare_topic(channel, topic)
                self._topics.add(topic)
            return channel

    def _closed(self, channel: AbstractChannel, *_: object) -> None:
        for batch in self._batches.pop(channel, ()):
            batch.end()

    async def _renew(self, channel: AbstractChannel | None) -> None:
        """Use this channel no more, if it is the one in use."""
        if channel is None or channel is not self._channel:
            return
        self._channel = None
        self._topics.clear()
        try:
            async with asyncio.timeout(1.0):
                await channel.close()
        except FAILURES as error:
            logger.debug("a channel did not close: %s", reason_of(error))
