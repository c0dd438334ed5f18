"""Between what the tables hold and what the contract speaks of."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID, SafeUUID

from headwater.events import Metadata, RecordedEvent

__all__ = [
    "from_microseconds",
    "metadata_text",
    "microseconds",
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


@lru_cache(maxsize=1024)
def metadata_text(metadata: Metadata) -> str:
    """The metadata as it is stored."""
    fields = {"command": metadata.command, "request_id": metadata.request_id}
    return json.dumps({name: value for name, value in fields.items() if value is not None})


@lru_cache(maxsize=1024)
def _metadata(text: str) -> Metadata:
    fields = json.loads(text)
    return Metadata(command=fields.get("command"), request_id=fields.get("request_id"))


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
        _metadata(metadata),
    )
