"""From a recorded event to the class that a handler knows."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import ValidationError
from pydantic_core import SchemaValidator

from .errors import ConfigurationError, UnreadableEventError
from .events import Event, RecordedEvent
from .trusted import trusting_validator

__all__ = ["Registry"]


class Registry:
    """The event classes of a service, found by name and version."""

    def __init__(self, events: Iterable[type[Event]]) -> None:
        self._classes: dict[tuple[str, int], type[Event]] = {}
        self._validators: dict[type[Event], SchemaValidator] = {}
        for event in events:
            key = (event.event_name, event.event_version)
            if self._classes.setdefault(key, event) is not event:
                raise ConfigurationError(f"two classes are {key[0]} version {key[1]}")

    def decode(self, recorded: RecordedEvent) -> Event:
        """The typed event. Fields that its class does not know are passed over.

        Raises:
            UnreadableEventError: There is no such class, or the data does not fit it.
        """
        event = self._classes.get((recorded.name, recorded.version))
        if event is None:
            raise UnreadableEventError(recorded.name, recorded.version, "no class reads it")
        try:
            found: Event = self._validator(event).validate_json(recorded.data, extra="ignore")
        except ValidationError as error:
            reason = "; ".join(
                f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()
            )
            raise UnreadableEventError(recorded.name, recorded.version, reason) from error
        return found

    def _validator(self, event: type[Event]) -> SchemaValidator:
        validator = self._validators.get(event)
        if validator is None:
            validator = self._validators[event] = trusting_validator(event)
        return validator
