"""What a service says: events, commands and the data in them; and an event as it is recorded.

The models are frozen and strict: an event is checked once, when it is made, and encoded once,
when it is emitted. On the wire bytes are base64 with the standard alphabet, durations ISO 8601.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar, Generic, NamedTuple, TypeAlias, TypeVar, get_args
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
)
from pydantic_core import CoreSchema, core_schema, to_jsonable_python

__all__ = [
    "Command",
    "Data",
    "Event",
    "Metadata",
    "Personal",
    "RecordedEvent",
    "UniqueItems",
    "Uri",
]

R_co = TypeVar("R_co", covariant=True)


class Personal:
    """Marks a field that is about a person: `Annotated[str, Personal]` shows as `***`."""


_URI = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+"
)


def _absolute_uri(text: str) -> str:
    if _URI.fullmatch(text) is None:
        raise ValueError("must be a URI with a scheme, such as https://example.com/")
    return text


Uri: TypeAlias = Annotated[
    str, AfterValidator(_absolute_uri), Field(json_schema_extra={"format": "uri"})
]


class UniqueItems:
    """Refuses a list in which an item comes twice: `Annotated[list[str], UniqueItems]`.

    Items are compared by what they are on the wire, as JSON Schema's `uniqueItems` does.
    """

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """The list's own schema, then the look for repeats."""
        return core_schema.no_info_after_validator_function(_without_repeats, handler(source))

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """The list's own JSON Schema, saying so."""
        return {**handler(schema), "uniqueItems": True}


def _without_repeats(items: list[Any] | None) -> list[Any] | None:
    seen: set[str] = set()
    for place, item in enumerate(items or ()):
        text = json.dumps(to_jsonable_python(item), sort_keys=True)
        if text in seen:
            raise ValueError(f"items must be unique; item {place + 1} came before")
        seen.add(text)
    return items


CHECKED_WHEN_MADE = (_absolute_uri, _without_repeats)
"""Checks that an event does not have to pass again when it is read."""

_PARTS_OF_A_SCHEMA = frozenset(
    {"schema", "fields", "choices", "items_schema", "keys_schema", "values_schema", "definitions"}
)
_STANDARD_BASE64 = core_schema.plain_serializer_function_ser_schema(
    lambda value: base64.b64encode(value).decode("ascii"),
    return_schema=core_schema.str_schema(),
    when_used="json",
)


def _write_bytes_in_standard_base64(schema: Any) -> None:
    """Pydantic writes the URL-safe alphabet; JSON Schema's `base64` is the standard one."""
    if isinstance(schema, (list, tuple)):
        for part in schema:
            _write_bytes_in_standard_base64(part)
    elif isinstance(schema, dict):
        if schema.get("type") == "bytes":
            schema["serialization"] = _STANDARD_BASE64
        for key in _PARTS_OF_A_SCHEMA & schema.keys():
            part = schema[key]
            by_name = isinstance(part, dict) and not isinstance(part.get("type"), str)
            _write_bytes_in_standard_base64(list(part.values()) if by_name else part)


class Data(BaseModel):
    """A frozen value with typed fields, as it stands in events and commands."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        allow_inf_nan=False,
        hide_input_in_errors=True,
        # `model_dump_` is what the generator makes of a field `model_dump`; nothing it shadows.
        protected_namespaces=(),
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        val_json_bytes="base64",
        ser_json_bytes="base64",
        ser_json_timedelta="iso8601",
    )

    __personal_fields__: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Remember which fields are about a person."""
        super().__pydantic_init_subclass__(**kwargs)
        cls.__personal_fields__ = frozenset(
            name
            for name, field in cls.model_fields.items()
            if Personal in field.metadata or _mentions_personal(field.annotation)
        )

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """The usual schema, writing bytes with base64's standard alphabet."""
        schema = handler(source)
        _write_bytes_in_standard_base64(schema)
        return schema

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """The fields to show, those about a person hidden."""
        for name, value in super().__repr_args__():
            yield name, _HIDDEN if name in self.__personal_fields__ else value


class Event(Data):
    """Something that happened. Subclasses are one version of one event each."""

    event_name: ClassVar[str]
    event_version: ClassVar[int]
    terminal: ClassVar[bool] = False


class Command(Data, Generic[R_co]):
    """Something a caller wants to happen; `execute` returns an `R_co` for it."""

    command_name: ClassVar[str]


@dataclass(frozen=True, slots=True)
class Metadata:
    """Where an event came from. The correlation id is not here: it is the workflow's id."""

    command: str | None = None
    """Name of the command whose handler emitted it."""

    request_id: str | None = None
    """What the caller of that command gave to find it again."""

    occurred_at: datetime | None = None
    """When it happened, where it was recorded somewhere else before; `recorded_at` is the time at
    which it was taken in here."""


class RecordedEvent(NamedTuple):
    """An event as the store keeps it: an envelope around bytes.

    A tuple, because one is made for every event that is read, and a frozen dataclass of so many
    fields costs several times as much as the rest of reading it.
    """

    stream: str
    offset: int
    """Place in the stream: 1, 2, 3... without gaps on a persistent one."""
    id: UUID
    name: str
    version: int
    """Version of the event's shape."""
    workflow: str | None
    """Name of the workflow; `None` where a command writes to the stream itself."""
    workflow_id: str
    """The correlation id: of the workflow, or of that one command."""
    workflow_version: int | None
    """Place in the workflow: 1, 2, 3...; `None` without a workflow."""
    recorded_at: datetime
    data: bytes
    """The fields as JSON."""
    metadata: Metadata

    def __repr__(self) -> str:
        """The envelope; what the event says may be about a person."""
        shown = (f"{name}={getattr(self, name)!r}" for name in self._fields if name != "data")
        return f"RecordedEvent({', '.join(shown)})"


class _Hidden:
    def __repr__(self) -> str:
        return "***"


_HIDDEN = _Hidden()


def _mentions_personal(annotation: Any) -> bool:
    return annotation is Personal or any(_mentions_personal(part) for part in get_args(annotation))
