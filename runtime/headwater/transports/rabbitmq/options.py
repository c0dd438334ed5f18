"""What of RabbitMQ a team may choose, and the address without its secrets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from urllib.parse import unquote, urlsplit

from headwater.errors import ConfigurationError

__all__ = ["Address", "ExchangeType", "RabbitmqOptions", "RoutingKey"]

SCHEMES = ("amqp", "amqps")
EXCHANGE = re.compile(r"(?!amq\.)[A-Za-z0-9_.:-]{1,255}")
PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class ExchangeType(Enum):
    """How an exchange chooses the queues; each of ours gets the whole stream all the same."""

    TOPIC = "topic"
    FANOUT = "fanout"
    DIRECT = "direct"


class RoutingKey(Enum):
    """What stands in the routing key, for queues that others bind to the exchange."""

    EVENT = "event"
    """The event's name."""
    WORKFLOW = "workflow"
    """The workflow's id."""
    STREAM = "stream"
    """The stream's name, of all its events the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RabbitmqOptions:
    """Names, queues and patience.

    Raises:
        ConfigurationError: One can't be, or two do not go together; all of them named at once.
    """

    prefix: str = "headwater"
    """What names of exchanges and queues begin with."""
    exchange: ExchangeType = ExchangeType.TOPIC
    routing_key: RoutingKey = RoutingKey.EVENT
    dead_letter_exchange: str | None = None
    """The exchange over which what is set aside goes to its queue; `None`: `{prefix}.dead-letters`.
    A team can bind queues of its own to it, by the name of the queue that a message was in."""
    prefetch: int = 200
    """Messages of a queue that the broker hands out before the first of them is settled."""
    delivery_limit: int | None = None
    """How often the broker hands out a message that comes back, before it is a dead letter; a lost
    connection counts too. `None`: as often as it takes."""
    confirm_timeout: float = 10.0
    """Seconds to wait for the broker to confirm a message."""
    connect_timeout: float = 5.0
    """Seconds that one attempt to connect may take, its probe included."""
    longest_pause: float = 5.0
    """Seconds that are waited at most between two attempts."""
    declare_interval: float = 30.0
    """Seconds between two looks whether a queue that is read is still bound, and its exchange
    there: both are made again."""
    heartbeat: int = 10
    """Seconds between two signs of life on a connection where nothing else happens."""

    def __post_init__(self) -> None:
        problems = []
        if not PREFIX.fullmatch(self.prefix):
            problems.append(
                f"the prefix {self.prefix[:80]!r} of exchanges and queues is not 1 to 64 letters, "
                "digits, points, dashes and underscores"
            )
        is_direct = self.exchange is ExchangeType.DIRECT
        if is_direct and self.routing_key is not RoutingKey.STREAM:
            problems.append(
                "a direct exchange needs the routing key `stream`: queues are bound to all events "
                f"of a stream, and with the routing key `{self.routing_key.value}` a direct one "
                "can't know them"
            )
        exchange = self.dead_letter_exchange
        if exchange is not None and not EXCHANGE.fullmatch(exchange):
            problems.append(
                f"the dead-letter exchange {exchange[:80]!r} is not 1 to 255 letters, digits, "
                "points, dashes, underscores and colons, or begins with `amq.`"
            )
        if not 1 <= self.prefetch <= 65_535:
            problems.append(f"the prefetch {self.prefetch} is not 1 to 65535")
        if self.delivery_limit is not None and not 1 <= self.delivery_limit <= 1_000_000:
            problems.append(f"the delivery limit {self.delivery_limit} is not 1 to 1000000")
        if problems:
            raise ConfigurationError(*problems)


class Address:
    """A broker's URL. As text, and in `repr`, it has neither password nor options."""

    def __init__(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            port = parts.port or (5671 if parts.scheme == "amqps" else 5672)
        except ValueError:
            parts, port = urlsplit(""), 0
        if parts.scheme not in SCHEMES or not parts.hostname:
            raise ConfigurationError(
                "the broker's URL cannot be understood; it has the form amqp://user:password@"
                "host:port/virtual-host or amqps://..., with %-escapes for special characters"
            )
        self.url = url
        user = f"{unquote(parts.username)}@" if parts.username else ""
        self._text = f"{parts.scheme}://{user}{parts.hostname}:{port}{parts.path}"

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"Address({self._text!r})"
