"""From a recorded event to the class and version that a reader knows.

An event at the wanted version goes from its bytes straight into its class. Any other is brought
there by one generated function, on the plain data, and validated once at the end: as JSON, so that
what a class accepts does not depend on the version an event was recorded at.
"""

from __future__ import annotations

import copy
import linecache
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC
from types import CodeType, MappingProxyType
from typing import Any, TypeAlias
from uuid import UUID

from pydantic import ValidationError
from pydantic_core import SchemaValidator, from_json, to_json

from .errors import ConfigurationError, UnreadableEventError, UpcastError
from .events import Event, RecordedEvent
from .trusted import trusting_validator

__all__ = ["Envelope", "Registry", "Upcast", "Upcasting"]


@dataclass(frozen=True, slots=True)
class Envelope:
    """What is recorded beside an event, as it is on the wire: what `from_envelope` takes from."""

    id: str
    time: str
    """When it was recorded, RFC 3339 in UTC."""
    workflow_id: str

    @classmethod
    def of(cls, recorded: RecordedEvent) -> Envelope:
        """The envelope of a recorded event."""
        time = recorded.recorded_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
        return cls(str(recorded.id), time, recorded.workflow_id)


Upcast: TypeAlias = Callable[[dict[str, Any], Envelope], dict[str, Any]]
"""Brings the fields of an event from one version to another, up or down; may change the dict."""

Upcasting: TypeAlias = Mapping[tuple[str, int, int], Upcast]
"""The ways between versions there are: by name, version before and version after."""

_NO_VERSIONS: Mapping[str, int] = MappingProxyType({})
_OP = re.compile(r"\s*# (\d+) → (\d+): (.+)")


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
            UnreadableEventError: There is no such event or version.
        """
        versions = self._classes.get(name, {})
        wanted = self._heads.get(name, 0) if version is None else version
        event = versions.get(wanted)
        if event is None:
            raise UnreadableEventError(name, wanted, "no class reads it")
        return event

    def history(self, name: str) -> tuple[type[Event], ...]:
        """The classes of every version of an event, oldest first; the last is its head.

        Raises:
            UnreadableEventError: There is no such event.
        """
        versions = self._classes.get(name)
        if versions is None:
            raise UnreadableEventError(name, 0, "no class reads it")
        return tuple(versions[number] for number in sorted(versions))

    def can_upcast(self, name: str, from_version: int, to_version: int) -> bool:
        """Whether events of one version can be brought to another, up or down."""
        versions = self._classes.get(name, {})
        if from_version not in versions or to_version not in versions:
            return False
        return from_version == to_version or (name, from_version, to_version) in self._upcasting

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
            UnreadableEventError: There is no such event or version, or no way between them.
            UpcastError: An op of the way can't do it with this data.
        """
        self.get(name, from_version)
        self.get(name, to_version)
        fields = copy.deepcopy(dict(data))
        if from_version == to_version:
            return fields
        function = self._way(name, from_version, to_version)
        return _run(function, fields, envelope or _Missing("", "", ""), name, from_version, None)

    def decode(self, recorded: RecordedEvent, versions: Mapping[str, int] = _NO_VERSIONS) -> Event:
        """The typed event, at the version of `versions` for its name, else at its head.

        Fields that its class does not know are passed over.

        Raises:
            UnreadableEventError: There is no such class, no way to the version, or the data does
                not fit.
            UpcastError: It could not be brought to the version.
        """
        name, version = recorded.name, recorded.version
        wanted = versions.get(name) or self._heads.get(name, version)
        if version == wanted:
            return self._validated(self.get(name, version), recorded.data, recorded)
        self.get(name, version)
        event = self.get(name, wanted)
        function = self._way(name, version, wanted)
        try:
            fields = from_json(recorded.data)
        except ValueError as error:
            raise UnreadableEventError(name, version, "its data is no JSON") from error
        if not isinstance(fields, dict):
            raise UnreadableEventError(name, version, "its data is no JSON object")
        changed = _run(function, fields, Envelope.of(recorded), name, version, recorded.id)
        return self._validated(event, to_json(changed), recorded)

    def _way(self, name: str, from_version: int, to_version: int) -> Upcast:
        function = self._upcasting.get((name, from_version, to_version))
        if function is None:
            raise UnreadableEventError(name, from_version, f"no way leads to version {to_version}")
        return function

    def _validated(self, event: type[Event], data: bytes, recorded: RecordedEvent) -> Event:
        try:
            found: Event = self._validator(event).validate_json(data, extra="ignore")
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


class _Missing(Envelope):
    """Stands where no envelope was given: whoever takes something from it is told so."""

    def __getattribute__(self, name: str) -> Any:
        raise _NoEnvelopeError(f"no envelope was given to take {name} from")


class _NoEnvelopeError(LookupError):
    """What an op wants is in an envelope, and there is none."""


def _run(
    function: Upcast,
    fields: dict[str, Any],
    envelope: Envelope,
    name: str,
    version: int,
    event_id: UUID | None,
) -> dict[str, Any]:
    try:
        return function(fields, envelope)
    except Exception as error:
        hop, op = _failed_op(error, getattr(function, "__code__", None))
        # The message of a foreign error may hold what the event says, and that may be personal.
        reason = str(error) if isinstance(error, _NoEnvelopeError) else type(error).__name__
        raise UpcastError(name, version, reason, event_id, hop, op) from error


def _failed_op(error: Exception, code: CodeType | None) -> tuple[tuple[int, int] | None, str]:
    """The hop and the op at which a generated function failed: the comment above the line."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code is not code:
        trace = trace.tb_next
    if trace is None or code is None:
        return None, ""
    for line in range(trace.tb_lineno, code.co_firstlineno, -1):
        if found := _OP.match(linecache.getline(code.co_filename, line, trace.tb_frame.f_globals)):
            return (int(found[1]), int(found[2])), found[3].strip()
    return None, ""
