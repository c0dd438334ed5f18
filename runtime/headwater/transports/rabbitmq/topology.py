"""Exchanges and queues: what they are called, and how they are declared.

A topic is an exchange, `{prefix}.{owning service}.{stream}`. A queue of ours is a quorum queue,
`{prefix}.{reading service}.{name}`, bound to the whole stream. What is set aside goes to
`{queue}.dead-letters`, over the exchange `{prefix}.dead-letters`; the broker moves it only once the
other queue has it.
"""

from __future__ import annotations

from typing import Any

from aio_pika import ExchangeType as Kind
from aio_pika.abc import AbstractChannel, AbstractExchange, AbstractQueue
from headwater.errors import ConfigurationError
from headwater.transports.broker import Message, Queue, Topic

from .options import ExchangeType, RabbitmqOptions, RoutingKey

__all__ = ["Topology"]

FIRST_WITH_A_LIMIT = 4  # major version of RabbitMQ
LONGEST_NAME = 255 - len(".dead-letters")  # bytes, as AMQP 0-9-1 has it for short strings


class Topology:
    """Names under one prefix, and their declarations."""

    def __init__(self, options: RabbitmqOptions) -> None:
        self._options = options

    def exchange_name(self, topic: Topic) -> str:
        """The exchange that the topic is."""
        return self._name(topic.service, topic.stream)

    def queue_name(self, queue: Queue) -> str:
        """The queue on the broker."""
        return self._name(queue.service, queue.name)

    def dead_letters_name(self, queue: Queue) -> str:
        """The queue of what was set aside."""
        return f"{self._name(queue.service, queue.letters or queue.name)}.dead-letters"

    def routing_key(self, topic: Topic, message: Message) -> str:
        """What the message is published with."""
        match self._options.routing_key:
            case RoutingKey.EVENT:
                return message.event
            case RoutingKey.WORKFLOW:
                return message.workflow_id[:255]
            case RoutingKey.STREAM:
                return topic.stream

    async def declare_topic(self, channel: AbstractChannel, topic: Topic) -> AbstractExchange:
        """Have the exchange."""
        kind = Kind(self._options.exchange.value)
        return await channel.declare_exchange(self.exchange_name(topic), kind, durable=True)

    async def declare_queue(self, channel: AbstractChannel, queue: Queue) -> AbstractQueue:
        """Have the queue, its exchange, the binding, and the place for what is set aside."""
        name, dead = self.queue_name(queue), self.dead_letters_name(queue)
        aside = self._options.dead_letter_exchange or f"{self._options.prefix}.dead-letters"
        await channel.declare_exchange(aside, Kind.DIRECT, durable=True)
        letters = await channel.declare_queue(
            dead, durable=True, arguments={"x-queue-type": "quorum"}
        )
        under = self._name(queue.service, queue.letters or queue.name)
        await letters.bind(aside, routing_key=under)
        arguments: dict[str, Any] = {
            "x-queue-type": "quorum",
            "x-dead-letter-exchange": aside,
            "x-dead-letter-routing-key": under,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",  # the strategy needs it
        }
        if queue.one_reader:
            arguments["x-single-active-consumer"] = True
        if queue.expires is not None:
            arguments["x-expires"] = max(1, round(queue.expires * 1_000))  # milliseconds
        if self._options.delivery_limit is not None:
            arguments["x-delivery-limit"] = self._options.delivery_limit
        elif await _has_limit_of_its_own(channel):
            arguments["x-delivery-limit"] = -1
        declared = await channel.declare_queue(name, durable=True, arguments=arguments)
        exchange = await self.declare_topic(channel, queue.topic)
        await declared.bind(exchange, routing_key=self._binding(queue.topic))
        return declared

    def _binding(self, topic: Topic) -> str:
        by_pattern = self._options.exchange is ExchangeType.TOPIC
        return "#" if by_pattern else topic.stream

    def _name(self, service: str, rest: str) -> str:
        name = f"{self._options.prefix}.{service}.{rest}"
        if len(name.encode()) > LONGEST_NAME:
            raise ConfigurationError(
                f"{name[:60]}... has more than {LONGEST_NAME} bytes and cannot be a name on "
                "RabbitMQ: shorten the prefix or the names"
            )
        return name


async def _has_limit_of_its_own(channel: AbstractChannel) -> bool:
    """Whether the broker drops what has come back too often unless it is told not to: from 4.0 on.

    Earlier ones do not take the word for it.
    """
    underlying = await channel.get_underlay_channel()
    version = getattr(underlying.connection, "server_properties", {}).get("version", "")
    text = version.decode(errors="replace") if isinstance(version, bytes) else str(version)
    major = text.partition(".")[0]
    return major.isdigit() and int(major) >= FIRST_WITH_A_LIMIT
