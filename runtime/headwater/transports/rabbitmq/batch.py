"""Messages that are sent together: written at once, and waited for at once.

The driver publishes one message at a time, with a task and a lock for each; a relay has a hundred
of them. So these are encoded by the driver's own codec, go to its connection as one piece, and its
channel tells each its outcome, under the delivery tag that they took from it.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from aio_pika import DeliveryMode
from aio_pika.exceptions import PublishError
from aiormq.abc import ChannelFrame
from aiormq.channel import Channel
from headwater.transports.broker import Message, Receipt
from pamqp import commands
from pamqp.body import ContentBody
from pamqp.frame import marshal
from pamqp.header import ContentHeader

__all__ = ["Batch"]


class Batch:
    """So many messages on one channel, and what became of each."""

    def __init__(self, channel: Channel, count: int) -> None:
        self.receipts = [Receipt.UNKNOWN] * count
        """Unknown until there is something to know."""
        self._channel = channel
        self._left = count
        self._settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._name = uuid4().hex

    async def send(self, exchange: str, messages: Sequence[tuple[str, Message]]) -> None:
        """Send them in their order, each under its routing key, persistent and `mandatory`.

        Raises what the driver raises; then none of them was sent.
        """
        channel = self._channel
        async with channel.lock:
            number = channel.number
            written = io.BytesIO()
            for place, (routing_key, message) in enumerate(messages):
                publish = commands.Basic.Publish(
                    exchange=exchange, routing_key=routing_key, mandatory=True
                )
                properties = commands.Basic.Properties(
                    content_type=message.content_type,
                    headers=dict(message.headers),
                    delivery_mode=DeliveryMode.PERSISTENT.value,
                    message_id=self._message_id(place),
                )
                written.write(marshal(publish, number))
                written.write(
                    marshal(
                        ContentHeader(body_size=len(message.body), properties=properties), number
                    )
                )
                for start in range(0, len(message.body), channel.max_content_size):
                    part = message.body[start : start + channel.max_content_size]
                    written.write(marshal(ContentBody(part), number))
            await channel.write_queue.put(ChannelFrame(written.getvalue(), should_close=False))
            confirmations: dict[int, Any] = channel.confirmations
            for place in range(len(messages)):
                channel.delivery_tag += 1
                confirmations[channel.delivery_tag] = _Outcome(self, place)
                channel.message_id_delivery_tag[self._message_id(place)] = channel.delivery_tag

    async def wait(self) -> None:
        """Return as soon as each has a receipt that says something, or nothing more is coming."""
        await self._settled

    def end(self) -> None:
        """Expect nothing more: the channel is closed."""
        if not self._settled.done():
            self._settled.set_result(None)

    def settle(self, place: int, receipt: Receipt) -> None:
        """Keep what became of one."""
        self._channel.message_id_delivery_tag.pop(self._message_id(place), None)
        self.receipts[place] = receipt
        self._left -= 1
        if not self._left:
            self.end()

    def _message_id(self, place: int) -> str:
        """By which the broker says which one it returns; another one each time it is sent."""
        return f"{self._name}-{place}"


class _Outcome:
    """One message, as the driver's channel tells it what became of it: like a future."""

    __slots__ = ("_batch", "_is_done", "_place")

    def __init__(self, batch: Batch, place: int) -> None:
        self._batch = batch
        self._place = place
        self._is_done = False

    def done(self) -> bool:
        return self._is_done

    def cancelled(self) -> bool:
        return False

    def set_result(self, _: object) -> None:
        self._settle(Receipt.CONFIRMED)

    def set_exception(self, error: BaseException) -> None:
        is_returned = isinstance(error, PublishError)
        self._settle(Receipt.RETURNED if is_returned else Receipt.REFUSED)

    def _settle(self, receipt: Receipt) -> None:
        self._is_done = True
        self._batch.settle(self._place, receipt)
