"""The transport that a broker's URL means."""

from __future__ import annotations

import random

from headwater.clock import Clock
from headwater.errors import ConfigurationError

from .broker import Transport
from .memory import MemoryBroker, MemoryTransport
from .rabbitmq.options import SCHEMES, RabbitmqOptions

__all__ = ["transport_for"]

MEMORY = "memory://"


def transport_for(
    broker: str, options: RabbitmqOptions | None, clock: Clock, chance: random.Random
) -> Transport:
    """The transport, not opened yet.

    Raises:
        ConfigurationError: There is no such kind of broker, the URL does not name one, or the
            extra that it needs is not installed.
    """
    if broker.startswith(MEMORY):
        name = broker.removeprefix(MEMORY)
        if not name:
            raise ConfigurationError(
                "a broker in memory has a name that its services share, such as memory://office"
            )
        return MemoryTransport(MemoryBroker.named(name), clock, address=broker)
    scheme, separator, _ = broker.partition("://")  # the rest may hold a password
    if scheme in SCHEMES and separator:
        return _rabbitmq(broker, options, clock, chance)
    shown = f"the broker {scheme + separator!r}" if separator else "a broker without a scheme"
    raise ConfigurationError(
        f"{shown} is not supported; amqp://user:password@host:port/"
        "virtual-host is, and amqps://, and memory://name between the services of one process"
    )


def _rabbitmq(
    url: str, options: RabbitmqOptions | None, clock: Clock, chance: random.Random
) -> Transport:
    try:
        from .rabbitmq.transport import RabbitmqTransport
    except ModuleNotFoundError as error:
        if error.name not in {"aio_pika", "aiormq", "pamqp"}:
            raise
        raise ConfigurationError(
            "RabbitMQ needs the extra `rabbitmq`: pip install 'headwater[rabbitmq]'"
        ) from error
    return RabbitmqTransport(url, options, clock=clock, chance=chance)
