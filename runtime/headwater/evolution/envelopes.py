"""What is recorded beside an event, as the ops of a spec may take from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import Any

from headwater.events import RecordedEvent

__all__ = ["Envelope", "NoEnvelope", "NoEnvelopeError"]


@dataclass(frozen=True, slots=True)
class Envelope:
    """What is recorded beside an event, as it is on the wire: what `from_envelope` takes from."""

    id: str
    time: str
    """When it happened, RFC 3339 in UTC: when it was recorded, first of all."""
    workflow_id: str

    @classmethod
    def of(cls, recorded: RecordedEvent) -> Envelope:
        """The envelope of a recorded event. Most upcasts take nothing from it, so that its texts
        are made when they are asked for.
        """
        return _EnvelopeOf(recorded)


class _EnvelopeOf(Envelope):
    __slots__ = ("_recorded",)
    _recorded: RecordedEvent

    __setattr__ = object.__setattr__  # a frozen dataclass has a slow one

    def __init__(self, recorded: RecordedEvent) -> None:
        self._recorded = recorded

    @property
    def id(self) -> str:
        return str(self._recorded.id)

    @property
    def time(self) -> str:
        recorded = self._recorded
        moment = recorded.metadata.occurred_at or recorded.recorded_at
        return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")

    @property
    def workflow_id(self) -> str:
        return self._recorded.workflow_id


class NoEnvelopeError(LookupError):
    """What an op wants is in an envelope, and there is none."""


class NoEnvelope(Envelope):
    """Stands where no envelope was given: whoever takes something from it is told so."""

    def __init__(self) -> None:
        super().__init__("", "", "")

    def __getattribute__(self, name: str) -> Any:
        """Nothing but the error."""
        raise NoEnvelopeError(f"no envelope was given to take {name} from")
