"""Streams: named sequences of events, kept or gone once consumed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import TypeAlias
from uuid import UUID

__all__ = [
    "AfterDeadLetter",
    "Ceiling",
    "DeliverySemantics",
    "FromBeginning",
    "FromEventId",
    "FromLatest",
    "FromOffset",
    "FromTimestamp",
    "Lagging",
    "Publication",
    "Remote",
    "Retention",
    "Start",
    "Stream",
    "StreamStatistics",
    "StreamType",
    "ToEventId",
    "ToLatest",
    "ToOffset",
    "ToTimestamp",
    "Unrouted",
    "Until",
]


class StreamType(Enum):
    """What becomes of an event once it was consumed."""

    PERSISTENT = "persistent"
    """A log: it stays, at a gapless offset from 1 on, in the order of the commits."""

    EPHEMERAL = "ephemeral"
    """A queue for each subscription: it is gone."""


class DeliverySemantics(Enum):
    """How often a subscription's handler takes effect for one event."""

    AT_MOST_ONCE = "at-most-once"
    """Acknowledged before the handler runs: a failure loses the event."""

    AT_LEAST_ONCE = "at-least-once"
    """Acknowledged after it returned: a failure repeats the event."""

    EXACTLY_ONCE = "exactly-once"
    """Acknowledged in the transaction in which it writes: a failure undoes both, then repeats the
    event. That is what it writes through its connection and the commands that it sends, nothing
    elsewhere. An iterator acknowledges in `Delivery.transaction` only."""


class AfterDeadLetter(Enum):
    """What becomes of the later events of a workflow that has a dead letter in a subscription."""

    WAIT = "wait"
    """They are set aside behind it, in order, and come back with it. Other workflows go on."""

    CONTINUE = "continue"
    """They are handed out as if nothing had happened."""


class Lagging(Enum):
    """What becomes of old events that a subscription is still to settle."""

    HOLD = "hold"
    """They stay until it has, or until they exceed the ceiling."""

    GAP = "gap"
    """They go, and the subscription is told which it has missed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """How far behind those who lag are waited for; events that exceed any of it are not held."""

    age: float | None = None
    """Seconds since it was recorded."""
    events: int | None = None
    """Among the newest so many."""
    size: int | None = None
    """Among the newest of so many bytes of data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long a stream's events are kept; those that exceed any of its limits go."""

    age: float | None = None
    """Seconds since it was recorded."""
    events: int | None = None
    """The newest so many."""
    size: int | None = None
    """The newest of so many bytes of data."""
    lagging: Lagging = Lagging.HOLD
    ceiling: Ceiling | None = None
    """Without one, `HOLD` waits for as long as it takes."""


class Unrouted(Enum):
    """What becomes of an event that leaves through a broker where no queue takes it."""

    HOLD = "hold"
    """It waits until one does, and with it what comes after it in its workflow."""

    DROP = "drop"
    """It is done with, and counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """How a stream leaves through a broker, for other services to read."""

    versions: Mapping[str, int] = field(hash=False)
    """The version at which each of its events leaves, by name, whichever it was recorded at."""
    unrouted: Unrouted = Unrouted.HOLD


@dataclass(frozen=True, slots=True)
class Remote:
    """The stream of another service that a stream is, here."""

    service: str
    stream: str
    direct: bool = False
    """Whether the broker's own queues serve its subscriptions. Else its events are taken into a
    local log, each once, and read from there."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A named sequence of events."""

    name: str
    type: StreamType
    delivery: DeliverySemantics = DeliverySemantics.AT_LEAST_ONCE
    """Of subscriptions that do not say it themselves."""
    replay: bool = True
    """Whether its events can be read again, outside of subscriptions; never of an ephemeral one."""
    retention: Retention | None = None
    """How long its events are kept, if it is persistent; `None`: for good."""
    publication: Publication | None = None
    """How it leaves through the broker; `None`: it stays within the service."""
    remote: Remote | None = None
    """Whose it is, if another service's; it is called `user-service/users` then. It is persistent
    if its events are taken in, and ephemeral if the broker's queues serve it: then it has no place
    in the database either. Nobody here emits into it."""

    @property
    def is_kept(self) -> bool:
        """Whether the database has a place for it; one that is read from the broker has none."""
        return self.remote is None or not self.remote.direct


@dataclass(frozen=True, slots=True)
class StreamStatistics:
    """How far a stream has come."""

    head: int
    """Offset of the newest event; 0 when there never was one."""
    length: int
    """Events that are still there."""
    dropped: int
    """Events of an ephemeral stream that nobody was registered for."""


@dataclass(frozen=True, slots=True)
class FromBeginning:
    """Start with the oldest event there is."""


@dataclass(frozen=True, slots=True)
class FromLatest:
    """Start with the first event that is recorded after the subscription."""


@dataclass(frozen=True, slots=True)
class FromOffset:
    """Start with the event at this offset."""

    offset: int


@dataclass(frozen=True, slots=True)
class FromTimestamp:
    """Start with the first event recorded at this time or later."""

    timestamp: datetime


@dataclass(frozen=True, slots=True)
class FromEventId:
    """Start with the event that has this id."""

    id: UUID


@dataclass(frozen=True, slots=True)
class ToLatest:
    """End with the newest event there is."""


@dataclass(frozen=True, slots=True)
class ToOffset:
    """End with the event at this offset."""

    offset: int


@dataclass(frozen=True, slots=True)
class ToTimestamp:
    """End with the last event recorded at this time or earlier."""

    timestamp: datetime


@dataclass(frozen=True, slots=True)
class ToEventId:
    """End with the event that has this id."""

    id: UUID


Start: TypeAlias = FromBeginning | FromLatest | FromOffset | FromTimestamp | FromEventId
Until: TypeAlias = ToLatest | ToOffset | ToTimestamp | ToEventId
