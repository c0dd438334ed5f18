"""What a subscription is: who gets which events of a stream, how often, and from where on."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Generic, TypeVar

from headwater.events import Event
from headwater.streams import DeliverySemantics, Start

__all__ = [
    "Mode",
    "OnUnknown",
    "Retry",
    "Subscription",
]

E_co = TypeVar("E_co", bound=Event, covariant=True)


class Mode(Enum):
    """How the consumers of a subscription share its events."""

    BROADCAST = "broadcast"
    """Each consumer gets every event."""

    EXCLUSIVE = "exclusive"
    """Consumers compete: each event goes to one of them."""


class OnUnknown(Enum):
    """What becomes of an event that the service does not know, or knows in older versions only."""

    DEAD_LETTER = "dead-letter"
    """It is set aside with its bytes, at once, and comes again when it is requeued."""

    HOLD = "hold"
    """It waits, and with it what comes after it in its lane, until a service that knows it runs."""

    SKIP = "skip"
    """It is passed over, logged and counted."""


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
    ack_timeout: float = 30.0
    """Seconds after which a delivery that was not settled counts as failed."""
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
