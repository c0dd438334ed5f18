"""The versions of a service's events, and the way from one to another.

An event at the wanted version goes from its bytes straight into its class. Any other is brought
there by one generated function, on the plain data, and validated once at the end: as JSON, so that
what a class accepts does not depend on the version an event was recorded at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any
from uuid import UUID

from headwater.errors import (
    ConfigurationError,
    UnknownEventError,
    UnreadableEventError,
    UpcastError,
)
from headwater.events import Event, RecordedEvent
from headwater.trusted import trusting_validator
from pydantic import ValidationError
from pydantic_core import SchemaValidator, from_json, to_json

from .steps import Envelope, Fields, NoEnvelope, NoEnvelopeError, StepError, Upcast, Upcasting

__all__ = ["Registry"]

UNVERSIONED = 1  # the version of an event that says none
_NO_VERSIONS: Mapping[str, int] = MappingProxyType({})


class Registry:
    """The event classes of a service by name and version, and the ways between them."""

    def __init__(self, events: Iterable[type[Event]], upcasting: Upcasting | None = None) -> None:
        self._classes: dict[str, dict[int, type[Event]]] = {}
        self._validators: dict[type[Event], SchemaValidator] = {}
        self._upcasting = upcasting or {}
        for event in events:
            versions = self._classes.setdefault(event.event_name, {})
            if versions.setdefault(event.event_version, event) is not event:
                raise ConfigurationError(
                    f"two classes are {event.event_name} version {event.event_version}"
                )
        self._heads = {name: max(versions) for name, versions in self._classes.items()}

    def get(self, name: str, version: int | None = None) -> type[Event]:
        """The class of one version of an event; without a number, of its head.

        Raises:
            UnknownEventError: There is no such event or version.
        """
        versions = self._classes.get(name, {})
        wanted = self._heads.get(name, 0) if version is None else version
        event = versions.get(wanted)
        if event is None:
            raise UnknownEventError(name, wanted, sorted(versions))
        return event

    def history(self, name: str) -> tuple[type[Event], ...]:
        """The classes of every version of an event, oldest first; the last is its head.

        Raises:
            UnknownEventError: There is no such event.
        """
        versions = self._classes.get(name)
        if versions is None:
            raise UnknownEventError(name, 0, ())
        return tuple(versions[number] for number in sorted(versions))

    def can_upcast(self, name: str, from_version: int, to_version: int) -> bool:
        """Whether events of one version can be brought to another, up or down."""
        versions = self._classes.get(name, {})
        if from_version not in versions or to_version not in versions:
            return False
        return from_version == to_version or bool(self._hops(name, from_version, to_version))

    def upcast(
        self,
        name: str,
        data: Mapping[str, Any],
        from_version: int,
        to_version: int,
        *,
        envelope: Envelope | None = None,
    ) -> dict[str, Any]:
        """The fields of an event, as they are in JSON, brought from one version to another.

        Up or down. `data` stays as it is; the result is not validated. Without an `envelope`, what
        takes a field from it fails.

        Raises:
            UnknownEventError: There is no such event or version.
            UnreadableEventError: There is no way between them.
            UpcastError: An op of the way can't do it with this data.
        """
        self.get(name, from_version)
        self.get(name, to_version)
        if from_version == to_version:
            return dict(data)
        way = self._way(name, from_version, to_version)
        return _run(way, dict(data), envelope or NoEnvelope(), name, from_version, None)

    def decode(self, recorded: RecordedEvent, versions: Mapping[str, int] = _NO_VERSIONS) -> Event:
        """The typed event, at the version of `versions` for its name, else at its head.

        Fields that its class does not know are passed over. An event that was recorded without a
        version (it is 0 then: one from before there were any) counts as version 1.

        Raises:
            UnknownEventError: There is no such event, or it is of a version that is not known.
            UnreadableEventError: There is no way to the version, or the data does not fit.
            UpcastError: It could not be brought to the version.
        """
        name, version = recorded.name, recorded.version or UNVERSIONED
        wanted = versions.get(name) or self._heads.get(name, version)
        if version == wanted:
            return self._validated(self.get(name, version), recorded.data, recorded)
        self.get(name, version)
        event = self.get(name, wanted)
        way = self._way(name, version, wanted)
        try:
            fields = from_json(recorded.data)
        except ValueError as error:
            raise UnreadableEventError(name, version, "its data is no JSON") from error
        if not isinstance(fields, dict):
            raise UnreadableEventError(name, version, "its data is no JSON object")
        changed = _run(way, fields, Envelope.of(recorded), name, version, recorded.id)
        return self._validated(event, changed, recorded)

    def _way(self, name: str, from_version: int, to_version: int) -> tuple[Upcast, ...]:
        hops = self._hops(name, from_version, to_version)
        if not hops:
            raise UnreadableEventError(name, from_version, f"no way leads to version {to_version}")
        return hops

    def _hops(self, name: str, source: int, target: int) -> tuple[Upcast, ...]:
        """The one function that leads there, or one for each hop; none if there is no way."""
        direct = self._upcasting.get((name, source, target))
        if direct is not None:
            return (direct,)
        step = 1 if target > source else -1
        hops = [
            self._upcasting.get((name, version, version + step))
            for version in range(source, target, step)
        ]
        return tuple(hop for hop in hops if hop is not None) if None not in hops else ()

    def _validated(
        self, event: type[Event], data: bytes | Fields, recorded: RecordedEvent
    ) -> Event:
        validator = self._validator(event)
        try:
            found: Event
            if isinstance(data, bytes):
                found = validator.validate_json(data, extra="ignore")
            else:
                # As JSON, so that what a class accepts does not depend on the recorded version.
                found = validator.validate_json(to_json(data), extra="ignore")
        except ValidationError as error:
            reason = "; ".join(
                f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()
            )
            if recorded.version != event.event_version:
                reason = f"brought to version {event.event_version}: {reason}"
            raise UnreadableEventError(recorded.name, recorded.version, reason) from error
        return found

    def _validator(self, event: type[Event]) -> SchemaValidator:
        validator = self._validators.get(event)
        if validator is None:
            validator = self._validators[event] = trusting_validator(event)
        return validator


def _run(
    way: tuple[Upcast, ...],
    fields: Fields,
    envelope: Envelope,
    name: str,
    version: int,
    event_id: UUID | None,
) -> Fields:
    try:
        for upcast in way:
            fields = upcast(fields, envelope)
    except StepError as error:
        raise UpcastError(name, version, error.reason, event_id, error.hop, error.op) from error
    except NoEnvelopeError as error:
        raise UpcastError(name, version, str(error), event_id) from error
    except KeyError as error:
        # Only names of fields are looked up here, so this holds nothing of what the event says.
        raise UpcastError(name, version, f"it has no field {error}", event_id) from error
    except Exception as error:
        # The message of a foreign error may hold what the event says, and that may be personal.
        reason = f"its data is not of its version ({type(error).__name__})"
        raise UpcastError(name, version, reason, event_id) from error
    return fields
