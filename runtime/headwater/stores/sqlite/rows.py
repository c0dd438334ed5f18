"""Between what the tables hold and what the contract speaks of."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID, SafeUUID

from headwater.events import RecordedEvent
from headwater.stores.keys import KeyKind, Occasion
from headwater.stores.metadata import metadata_of

__all__ = [
    "from_microseconds",
    "microseconds",
    "occasion_of",
    "occasion_row",
    "recorded_event",
    "to_microseconds",
    "wanted_events",
    "wanted_text",
]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def to_microseconds(moment: datetime) -> int:
    """The moment as it is stored."""
    return (moment - EPOCH) // MICROSECOND


@lru_cache(maxsize=1024)  # what was committed together has one
def from_microseconds(stored: int) -> datetime:
    """The moment that was stored."""
    return EPOCH + timedelta(microseconds=stored)


def microseconds(seconds: float) -> int:
    """The duration as it is stored."""
    return round(seconds * 1_000_000)


def occasion_row(occasion: Occasion) -> tuple[str, str, int]:
    """What a key is for, as it is stored."""
    return occasion.kind.value, occasion.stream, occasion.offset


def occasion_of(kind: str, stream: str, offset: int) -> Occasion:
    """What was stored of what a key is for."""
    return Occasion(KeyKind(kind), stream, offset)


def _uuid(stored: bytes) -> UUID:
    """The id that was stored, without the checks of a text that could be anything."""
    made = object.__new__(UUID)
    object.__setattr__(made, "int", int.from_bytes(stored, "big"))
    object.__setattr__(made, "is_safe", SafeUUID.unknown)
    return made


def wanted_text(events: frozenset[str] | None) -> str | None:
    """The names of the events that a feed wants, as they are stored; null for every event."""
    return None if events is None else json.dumps(sorted(events))


def wanted_events(stored: str | None) -> frozenset[str] | None:
    """The names that were stored."""
    return None if stored is None else frozenset(json.loads(stored))


def recorded_event(row: tuple[Any, ...]) -> RecordedEvent:
    """The event in a row of `events`: its columns in the table's order."""
    (
        stream,
        offset,
        event_id,
        name,
        version,
        workflow,
        workflow_id,
        workflow_version,
        recorded_at,
        data,
        metadata,
    ) = row
    return RecordedEvent(
        stream,
        offset,
        _uuid(event_id),
        name,
        version,
        workflow,
        workflow_id,
        workflow_version,
        from_microseconds(recorded_at),
        data,
        metadata_of(metadata),
    )
