"""What carries published streams between services, the same for every broker.

A service publishes a stream to its *topic*. Another one reads it from a *queue* of its own, which
gets all that is published from its declaration on, and keeps it until it is settled. A transport
connects by itself, again and again; who uses it asks for its `state`, waits for its `changes`, and
is told of each message what became of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Protocol

from headwater.stores.signal import Signal

__all__ = [
    "Arrival",
    "BrokerState",
    "HeaderValue",
    "Intake",
    "Message",
    "Queue",
    "Receipt",
    "Topic",
    "Transport",
]

HeaderValue = str | int


@dataclass(frozen=True, slots=True)
class Topic:
    """Where a service publishes a stream."""

    service: str
    stream: str


@dataclass(frozen=True, slots=True)
class Queue:
    """What a service has a topic's messages kept in, until it has settled them."""

    topic: Topic
    service: str
    """Whose it is: the one that reads."""
    name: str
    """What it is for, among the queues of that service: `users.ingest`."""
    one_reader: bool = field(default=False, compare=False)
    """Whether one reader at a time has its messages, however many there are: what that one held and
    did not settle goes to the next one, in order, before anything newer does."""
    letters: str | None = field(default=None, compare=False)
    """What its dead letters are called after, where several queues share them; `None`: its name."""
    expires: float | None = field(default=None, compare=False)
    """Seconds without a reader after which the broker may remove it, with all that is in it;
    `None`: never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is published."""

    event: str
    """Name of the event."""
    workflow_id: str
    """Messages of one workflow stay in order."""
    headers: Mapping[str, HeaderValue]
    body: bytes
    content_type: str = "application/json"


class Receipt(Enum):
    """What became of a message that was published."""

    CONFIRMED = "confirmed"
    """The broker keeps it for every queue of the topic."""

    RETURNED = "returned"
    """The topic has no queue; the broker does not keep it."""

    REFUSED = "refused"
    """It was not sent, or the broker said that it does not keep it, or not in every queue."""

    UNKNOWN = "unknown"
    """The connection broke, or no answer came in time: kept or not, nobody can tell."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message that came, to be settled through the `Intake` that handed it out."""

    tag: int
    """The intake's own name for it."""
    headers: Mapping[str, object]
    """As they came: anything may be in them."""
    body: bytes
    content_type: str | None
    redeliveries: int = 0
    """How often the broker handed it out before, as far as the broker counts."""


@dataclass(frozen=True, slots=True)
class BrokerState:
    """How it stands with the connection, for health and for those who look after it."""

    connected: bool = False
    blocked: bool = False
    """Whether the broker takes no messages for now: it is low on memory or disk."""
    failures: int = 0
    """Attempts to connect that failed since the last one that did not."""
    since: datetime | None = None
    """When that last changed."""
    reason: str = field(default="not opened", compare=False)
    """Why it is not connected, without secrets; empty if it is."""


class Intake(Protocol):
    """The messages of one queue, as long as it is entered; it survives lost connections."""

    @property
    def changes(self) -> Signal:
        """Notifies when there may be something to take."""

    def take_nowait(self, limit: int) -> Sequence[Arrival]:
        """Up to `limit` of the messages that are there, oldest first; none if there is none.

        What was taken before a connection was lost comes again, under another tag.
        """

    async def take(self, limit: int) -> Sequence[Arrival]:
        """One message at least, as soon as there is one; waits through lost connections too."""

    async def acknowledge(self, arrivals: Sequence[Arrival]) -> None:
        """Have the broker forget these. Of a connection that is lost nothing is settled."""

    async def put_back(self, arrivals: Sequence[Arrival]) -> None:
        """Have the broker hand these out again, now or to another reader."""

    async def set_aside(self, arrivals: Sequence[Arrival], reason: str) -> None:
        """Have the broker move these to the queue's dead letters, whole."""


class Transport(Protocol):
    """A connection to a broker."""

    @property
    def address(self) -> str:
        """Where the broker is, without secrets."""

    @property
    def state(self) -> BrokerState:
        """How it stands with the connection."""

    @property
    def changes(self) -> Signal:
        """Notifies when the state changes."""

    async def open(self) -> None:
        """Begin to connect, and go on until closed. Returns at once, connected or not.

        Raises:
            ConfigurationError: The address or an option can't be right.
        """

    async def close(self) -> None:
        """Disconnect. What was taken and not settled comes again, to whoever reads next."""

    async def declare(self, queue: Queue) -> None:
        """Have the queue, and its topic, from now on.

        Raises:
            BrokerUnavailableError: There is no connection, or the broker refused.
        """

    async def remove(self, queue: Queue) -> None:
        """Have the queue no more, with all that is in it; nothing where it is not there.

        Raises:
            BrokerUnavailableError: There is no connection, or the broker refused.
        """

    async def publish(
        self, topic: Topic, messages: Sequence[Message], *, deadline: float
    ) -> list[Receipt]:
        """What became of each, in their order, within `deadline` seconds.

        They are sent in order and answered for together: whoever needs the order to survive a
        failure sends nothing of a workflow again without all that came after it. Never raises for
        what the broker or the network does.
        """

    def read(self, queue: Queue, *, prefetch: int) -> AbstractAsyncContextManager[Intake]:
        """Its messages, of which `prefetch` at most are unsettled at once; declares it first."""

    async def probe(self, *, deadline: float) -> None:
        """Send a message of its own to the broker and have it back.

        Raises:
            BrokerUnavailableError: It did not come back in time.
        """
