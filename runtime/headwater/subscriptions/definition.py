"""What a subscription is: who gets which events of a stream, how often, and from where on."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Generic, TypeVar

from headwater.events import Event
from headwater.stores.receipts import UnreadThen
from headwater.streams import AfterDeadLetter, DeliverySemantics, Start

__all__ = [
    "Breaker",
    "Mode",
    "OnUnknown",
    "Retry",
    "Subscription",
    "Unread",
    "UnreadThen",
]

E_co = TypeVar("E_co", bound=Event, covariant=True)


class Mode(Enum):
    """How the consumers of a subscription share its events."""

    BROADCAST = "broadcast"
    """Each consumer gets every event."""

    EXCLUSIVE = "exclusive"
    """Consumers compete: each event goes to one of them."""

    CONSUMER_GROUP = "consumer-group"
    """Consumers divide the workflows among themselves: each owns partitions of the stream, and the
    events of one workflow go to one of them, in order."""

    READ_RECEIPT = "read-receipt"
    """Each consumer, a recipient, gets every event and says when it has read it."""

    @property
    def needs_a_log(self) -> bool:
        """Whether only a persistent stream can be read like this."""
        return self in {Mode.CONSUMER_GROUP, Mode.READ_RECEIPT}

    @property
    def has_own_cursors(self) -> bool:
        """Whether each consumer has a cursor of its own, which goes with it."""
        return self in {Mode.BROADCAST, Mode.READ_RECEIPT}


class OnUnknown(Enum):
    """What becomes of an event that the service does not know, or knows in older versions only."""

    DEAD_LETTER = "dead-letter"
    """It is set aside with its bytes, at once, and comes again when it is requeued."""

    HOLD = "hold"
    """It waits, and with it what comes after it in its lane, until a service that knows it runs."""

    SKIP = "skip"
    """It is passed over, logged and counted."""


@dataclass(frozen=True, slots=True)
class Unread:
    """What becomes of events that are delivered and not read."""

    timeout: float
    """Seconds from the delivery on."""
    then: UnreadThen


@dataclass(frozen=True, slots=True)
class Retry:
    """How often to try an event, and how long to wait in between."""

    attempts: int = 5
    """Tries in all; the event becomes a dead letter after the last."""
    initial: float = 1.0
    """Seconds before the second try; doubles from there."""
    maximum: float = 60.0
    """Seconds that no wait exceeds."""

    def delay(self, failures: int, chance: random.Random) -> float:
        """Seconds to wait after so many failures: between half and all of the doubled wait."""
        longest = min(self.maximum, self.initial * 2.0 ** min(failures - 1, 64))
        return longest * chance.uniform(0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Breaker:
    """When to take no events for a while, because the handler fails for each."""

    failures: int = 20
    """Events in a row that it has failed for, each counted once."""
    pause: float = 30.0
    """Seconds until one event is let through; if it is handled, all go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription(Generic[E_co]):
    """A named interest in the events of one stream."""

    name: str
    stream: str
    mode: Mode
    events: tuple[type[E_co], ...]
    """The ones to deliver, each at the version of its class: what was recorded at another is
    brought there. Others of the stream are passed over."""
    whole_stream: bool = False
    """Whether it is for every event of the stream. What the service does not know is then not
    passed over, but follows `on_unknown`."""
    on_unknown: OnUnknown = OnUnknown.DEAD_LETTER
    """What becomes of an event that the service does not know, or of a newer version than it does.
    Without `whole_stream`, events of other names are not asked for and pass."""
    delivery: DeliverySemantics | None = None
    """`None`: as the stream says."""
    start: Start | None = None
    """Where a new consumer starts. `None`: a persistent stream's beginning, an ephemeral's end."""
    retry: Retry = Retry()
    after_dead_letter: AfterDeadLetter = AfterDeadLetter.WAIT
    """What becomes of the later events of a workflow that has a dead letter here. Has no meaning
    for at-most-once: they never wait."""
    breaker: Breaker = Breaker()
    """When its handler is given nothing for a while."""
    ack_timeout: float = 30.0
    """Seconds after which a delivery that was not settled counts as failed."""
    timeout: float | None = None
    """Seconds that its handler may take, below `ack_timeout`; then it is cancelled and has failed.
    `None`: until `ack_timeout`, and for as long as it needs where delivery is at-most-once."""
    unread: Unread | None = None
    """What becomes of events that a recipient does not read; `None`: they stay unread."""
    max_consumers: int | None = None
    """How many sessions of a consumer group own partitions at once; others stand by. `None`: each
    of them."""
    batch: int | None = None
    """Events that its handler is given at once, as a list: as many as there are, and this many at
    most. They are settled together. `None`: one, and not as a list."""
    concurrency: int = 1
    """Deliveries of one consumer under way at once. Those of one workflow keep their order, but
    for at-most-once with more than 1: acknowledged before they are handled, they may overlap. A
    broadcast with 1 keeps the order of the whole stream."""
    expire_after: float | None = None
    """Seconds after which a consumer without a session is forgotten, with its cursor; `None`:
    never."""
    handler: str | None = None
    """Name of the handler function; `None` where only iterators read."""
    metadata: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """The spec's own notes, for handlers to read."""
