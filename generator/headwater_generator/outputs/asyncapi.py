"""`asyncapi.yaml`: streams, event versions and who reads them, as AsyncAPI 3.0 tells it.

A channel is a stream, a message a version of an event, an operation what the service does with
them: it sends what its workflows record, and receives what its subscriptions read. On a broker a
message is a CloudEvent in binary mode; its attributes and ours are the headers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..grammar import Spec
from ..model.parts import Package
from ..model.versions import EventVersion
from ..names import event_class, pinned
from .files import File
from .schemas import declaration_of, payload_of
from .templates import Templates

__all__ = ["asyncapi"]

_HEADERS: Mapping[str, Mapping[str, str | int]] = {
    "ce-specversion": {"type": "string", "const": "1.0"},
    "ce-id": {"type": "string", "format": "uuid", "description": "The event's id."},
    "ce-source": {"type": "string", "description": "The service, as /user-service."},
    "ce-type": {"type": "string", "description": "The event's name."},
    "ce-time": {"type": "string", "format": "date-time", "description": "When it was recorded."},
    "ce-dataschema": {"type": "string", "format": "uri", "description": "The version's schema."},
    "event-type": {"type": "string", "description": "The event's name."},
    "event-version": {"type": "integer", "minimum": 1, "description": "The version."},
    "correlation-id": {"type": "string", "description": "The id of its workflow."},
    "timestamp": {"type": "string", "format": "date-time", "description": "As ce-time."},
}


@dataclass(frozen=True, slots=True)
class _Channel:
    name: str
    description: str | None
    type: str
    messages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Operation:
    name: str
    action: str
    channel: str
    messages: tuple[str, ...]
    summary: str
    mode: str = ""


@dataclass(frozen=True, slots=True)
class _Document:
    version: str
    channels: tuple[_Channel, ...]
    operations: tuple[_Operation, ...]
    schemas: tuple[tuple[str, dict[str, Any]], ...]
    headers: Mapping[str, Mapping[str, str | int]]


def asyncapi(package: Package, templates: Templates) -> Iterator[File]:
    """Yield the document. What the spec says stands in it as data, never as YAML."""
    text = templates.render("asyncapi.yaml.j2", package=package, document=_document(package))
    yield File(package.places.package_folder / "asyncapi.yaml", text, is_final=True)


def _document(package: Package) -> _Document:
    spec = package.spec
    carried = {
        stream: [one for one in package.versions if one.stream == stream]
        for stream, declared in spec.streams.items()
        if declared.origin is None  # of another's, that service's own document tells
    }
    return _Document(
        version=_contract_version(package),
        channels=tuple(
            _Channel(
                stream,
                spec.streams[stream].description,
                spec.streams[stream].type,
                tuple(one.class_name for one in versions),
            )
            for stream, versions in carried.items()
            if versions
        ),
        operations=tuple(_operations(spec, carried)),
        schemas=(
            *((name, _pointing_here(declaration_of(spec, name))) for name in spec.types),
            *(
                (f"{one.class_name}Payload", _pointing_here(payload_of(one)))
                for one in package.versions
            ),
        ),
        headers=_HEADERS,
    )


def _contract_version(package: Package) -> str:
    """Return 1, and how many versions have followed the first ones: each makes a minor version."""
    later = sum(one.version > 1 for one in package.versions)
    return f"1.{later}.0"


def _operations(spec: Spec, carried: Mapping[str, list[EventVersion]]) -> Iterator[_Operation]:
    for stream, versions in carried.items():
        heads = tuple(one.class_name for one in versions if one.is_head)
        if heads:
            summary = f"What {spec.service} records in {stream}."
            yield _Operation(f"record-{stream}", "send", stream, heads, summary)
    for name, one in spec.subscriptions.items():
        if one.stream not in carried:
            continue
        summary = one.description or f"What {name} reads."
        read = tuple(_read(one.events, carried[one.stream]))
        yield _Operation(name, "receive", one.stream, read, summary, one.mode)


def _read(events: tuple[str, ...] | None, versions: list[EventVersion]) -> list[str]:
    if events is None:
        return [one.class_name for one in versions if one.is_head]
    heads = {one.name: one.version for one in versions}
    return [event_class(name, version or heads[name]) for name, version in map(pinned, events)]


def _pointing_here(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema with its types looked for among the document's own."""
    return {key: _part(key, value) for key, value in schema.items()}


def _part(key: str, value: Any) -> Any:
    match key:
        case "$ref":
            return f"#/components/schemas/{value.removeprefix('#/$defs/')}"
        case "discriminator":  # AsyncAPI has the property's name there, JSON Schema's dialect more
            return value["propertyName"]
        case "properties":
            return {name: _pointing_here(one) for name, one in value.items()}
        case "items" | "additionalProperties" if isinstance(value, dict):
            return _pointing_here(value)
        case "anyOf" | "oneOf":
            return [_pointing_here(one) for one in value]
        case _:
            return value
