"""From the bytes of a recorded event to its class: one function for each pair of versions.

It is made when the first such event is read, and whatever can be settled then does not happen
again with the events that follow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias
from uuid import UUID

from headwater.errors import UnreadableEventError, UpcastError
from headwater.events import Event, RecordedEvent
from pydantic import ValidationError
from pydantic_core import SchemaValidator, from_json

from .envelopes import Envelope, NoEnvelopeError
from .steps import Fields, StepError, Upcast, WithEnvelope

__all__ = ["Reader", "Way", "failure", "reader_of_another", "reader_of_same"]

Reader: TypeAlias = Callable[[RecordedEvent], Event]
"""Makes the typed event of a recorded one.

Raises:
    UnreadableEventError: The data does not fit.
    UpcastError: It could not be brought to the version.
"""


class Way:
    """The upcasts that lead from one version to another, at least one."""

    def __init__(self, upcasts: Sequence[Upcast | WithEnvelope]) -> None:
        self._upcasts = tuple(upcasts)

    def fields(self, fields: Fields, envelope: Envelope) -> Fields:
        """What comes of the fields in the end."""
        for one in self._upcasts:
            fields = one.upcast(fields, envelope) if isinstance(one, WithEnvelope) else one(fields)
        return fields

    @property
    def plain(self) -> Upcast | None:
        """The upcast that is the whole way and takes nothing from the envelope, if one is."""
        first, *others = self._upcasts
        return None if others or isinstance(first, WithEnvelope) else first


def reader_of_same(validator: SchemaValidator) -> Reader:
    """What reads events of the version that is wanted."""
    validate = validator.validate_json

    def read(recorded: RecordedEvent) -> Event:
        try:
            event: Event = validate(recorded.data, extra="ignore")
        except ValidationError as error:
            raise _misfit(error, recorded) from error
        return event

    return read


def reader_of_another(
    from_version: int, to_version: int, way: Way, make: Callable[..., Event]
) -> Reader:
    """What brings events to the wanted version; `make` takes the fields, and `extra` as pydantic
    has it.
    """
    plain = way.plain

    def read(recorded: RecordedEvent) -> Event:
        try:
            # Names of fields come back in every event; what they hold does not.
            fields = from_json(recorded.data, allow_inf_nan=False, cache_strings="keys")
        except ValueError as error:
            reason = "its data is no JSON"
            raise UnreadableEventError(recorded.name, from_version, reason) from error
        if not isinstance(fields, dict):
            reason = "its data is no JSON object"
            raise UnreadableEventError(recorded.name, from_version, reason)
        try:
            fields = plain(fields) if plain else way.fields(fields, Envelope.of(recorded))
        except Exception as error:
            raise failure(error, recorded.name, from_version, recorded.id) from error
        try:
            return make(fields, extra="ignore")
        except ValidationError as error:
            raise _misfit(error, recorded, to_version) from error

    return read


def failure(error: Exception, name: str, version: int, event_id: UUID | None) -> UpcastError:
    """What to raise where an upcast raised: which op of which hop, and nothing of the values."""
    match error:
        case StepError():
            return UpcastError(name, version, error.reason, event_id, error.hop, error.op)
        case NoEnvelopeError():
            reason = str(error)
        case KeyError():
            # Only names of fields are looked up here: this holds nothing of what the event says.
            reason = f"it has no field {error}"
        case _:
            # The message of a foreign error may hold what the event says, which may be personal.
            reason = f"its data is not of its version ({type(error).__name__})"
    return UpcastError(name, version, reason, event_id)


def _misfit(
    error: ValidationError, recorded: RecordedEvent, wanted: int | None = None
) -> UnreadableEventError:
    reason = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
    if wanted is not None:
        reason = f"brought to version {wanted}: {reason}"
    return UnreadableEventError(recorded.name, recorded.version, reason)
