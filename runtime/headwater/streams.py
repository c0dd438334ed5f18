"""Streams: named sequences of events, kept or gone once consumed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TypeAlias
from uuid import UUID

__all__ = [
    "DeliverySemantics",
    "FromBeginning",
    "FromEventId",
    "FromLatest",
    "FromOffset",
    "FromTimestamp",
    "Start",
    "Stream",
    "StreamStatistics",
    "StreamType",
    "ToEventId",
    "ToLatest",
    "ToOffset",
    "ToTimestamp",
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


@dataclass(frozen=True, slots=True)
class Stream:
    """A named sequence of events."""

    name: str
    type: StreamType
    delivery: DeliverySemantics = DeliverySemantics.AT_LEAST_ONCE
    """Of subscriptions that do not say it themselves."""
    replay: bool = True
    """Whether its events can be read again, outside of subscriptions; never of an ephemeral one."""


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
