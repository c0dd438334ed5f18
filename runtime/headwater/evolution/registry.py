"""The versions of a service's events, and the way from one to another.

An event at the wanted version goes from its bytes straight into its class. Any other is brought
there by one generated function, on the plain data, and validated once at the end: as if it had just
been read out of JSON, so that what a class accepts does not depend on the recorded version.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from headwater.errors import ConfigurationError, UnknownEventError, UnreadableEventError
from headwater.events import Event, RecordedEvent
from headwater.trusted import trusting_maker, trusting_validator
from pydantic_core import SchemaValidator

from .envelopes import Envelope, NoEnvelope
from .readers import Reader, Way, failure, reader_of_another, reader_of_same
from .steps import Upcast, Upcasting, WithEnvelope

__all__ = ["Registry"]

UNVERSIONED = 1  # the version of an event that says none
_NO_VERSIONS: Mapping[str, int] = MappingProxyType({})


class Registry:
    """The event classes of a service by name and version, and the ways between them."""

    def __init__(self, events: Iterable[type[Event]], upcasting: Upcasting | None = None) -> None:
        self._classes: dict[str, dict[int, type[Event]]] = {}
        self._validators: dict[tuple[str, int], SchemaValidator] = {}
        self._upcasting = upcasting or {}
        self._readers: dict[tuple[str, int, int | None], Reader] = {}
        # by name, version as recorded, and version that is pinned
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
        return from_version == to_version or bool(self._upcasts(name, from_version, to_version))

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
        try:
            return way.fields(dict(data), envelope or NoEnvelope())
        except Exception as error:
            raise failure(error, name, from_version, None) from error

    def decode(self, recorded: RecordedEvent, versions: Mapping[str, int] = _NO_VERSIONS) -> Event:
        """The typed event, at the version of `versions` for its name, else at its head.

        Fields that its class does not know are passed over. An event that was recorded without a
        version (it is 0 then: one from before there were any) counts as version 1.

        Raises:
            UnknownEventError: There is no such event, or it is of a version that is not known.
            UnreadableEventError: There is no way to the version, or the data does not fit.
            UpcastError: It could not be brought to the version.
        """
        name = recorded.name
        pinned = versions.get(name) if versions else None
        try:
            read = self._readers[name, recorded.version, pinned]
        except KeyError:
            read = self._reader(name, recorded.version, pinned)
        return read(recorded)

    def _reader(self, name: str, recorded: int, pinned: int | None) -> Reader:
        version = recorded or UNVERSIONED
        wanted = pinned or self._heads.get(name, version)
        self.get(name, version)
        event = self.get(name, wanted)
        if version == wanted:
            read = reader_of_same(self._validator(name, version))
        else:
            make = trusting_maker(event, self._validator(name, wanted))
            read = reader_of_another(version, wanted, self._way(name, version, wanted), make)
        self._readers[name, recorded, pinned] = read
        return read

    def _way(self, name: str, from_version: int, to_version: int) -> Way:
        upcasts = self._upcasts(name, from_version, to_version)
        if not upcasts:
            raise UnreadableEventError(name, from_version, f"no way leads to version {to_version}")
        return Way(upcasts)

    def _upcasts(self, name: str, source: int, target: int) -> tuple[Upcast | WithEnvelope, ...]:
        """The one upcast that leads there, or one for each hop; none if there is no way."""
        direct = self._upcasting.get((name, source, target))
        if direct is not None:
            return (direct,)
        step = 1 if target > source else -1
        hops = [
            self._upcasting.get((name, version, version + step))
            for version in range(source, target, step)
        ]
        return tuple(hop for hop in hops if hop is not None) if None not in hops else ()

    def _validator(self, name: str, version: int) -> SchemaValidator:
        validator = self._validators.get((name, version))
        if validator is None:
            validator = trusting_validator(self.get(name, version))
            self._validators[name, version] = validator
        return validator
