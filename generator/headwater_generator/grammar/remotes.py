"""The keys of other services whose streams are read here."""

# ruff: noqa: RUF009 - `key` and `keys` declare fields, as `dataclasses.field` does
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar

from typing_extensions import override

from ..load import NOWHERE, Node, Place, Sequence
from ..problems import Problem
from .containers import ListShape, MapShape, Record
from .declare import Model, Shape, key
from .numbers import Boolean
from .retention import Retention
from .streams import DELIVERIES, Delivery
from .words import Choice, Name, Note

__all__ = ["Remote", "RemoteStream"]


@dataclass(frozen=True, kw_only=True)
class RemoteStream(Model):
    """A published stream of another service, as it is read here."""

    NOUN: ClassVar[str] = "a remote stream"
    EXAMPLES: ClassVar[tuple[tuple[str, ...], ...]] = (("delivery", "retention"), ("direct",))

    direct: bool = key(
        "Whether the broker's own queues serve the subscriptions. Otherwise the events are taken "
        "into a log of this service, each once, and every mode, replay and retention is as with a "
        "stream of its own.",
        Boolean(),
        default=False,
        example="direct: true",
    )
    delivery: Delivery = key(
        "How often a handler takes effect for one event, where its subscription does not say.",
        Choice(DELIVERIES),
        default="at-least-once",
        default_words="`at-least-once`",
        example="delivery: exactly-once",
    )
    retention: Retention | None = key(
        "How long the events are kept here.",
        Record(Retention),
        default=None,
        default_words="for good",
        example="retention: {age: 30d}",
    )
    node: Node = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class _Streams(Shape):
    """Names of streams, or what is set for each of them."""

    _name = Name("a stream", "kebab-case")
    _long = MapShape(_name, Record(RemoteStream))

    @override
    def read(self, node: Node, problems: list[Problem], owner: Place) -> object:
        if not isinstance(node, Sequence):
            return self._long.read(node, problems, owner)
        names = ListShape(self._name).read(node, problems, owner)
        if not isinstance(names, tuple):
            return names
        places = {str(getattr(item, "text", "")): item for item in node.items}
        return MappingProxyType({name: RemoteStream(node=places[name]) for name in names})

    @override
    def schema(self) -> dict[str, Any]:
        return {"anyOf": [ListShape(self._name).schema(), self._long.schema()]}

    @property
    @override
    def words(self) -> str:
        return f"{ListShape(self._name).words}; or {self._long.words}"

    @override
    def parts(self) -> tuple[type[Model], ...]:
        return (RemoteStream,)


@dataclass(frozen=True, kw_only=True)
class Remote(Model):
    """Another service, where its contract is found, and which of its streams are read."""

    NOUN: ClassVar[str] = "a remote"
    EXACTLY_ONE: ClassVar[tuple[str, ...]] = ("client", "spec")
    EXAMPLES: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("client", "streams"),
        ("spec", "streams: {entries: {direct: true}}"),
    )
    FOREIGN: ClassVar[Mapping[str, str]] = {
        "package": 'did you mean "client"?',
        "stream": 'did you mean "streams"?',
    }

    client: str | None = key(
        "The client package of the service, as it is imported. It is installed where this service "
        "runs and where Headwater generates.",
        Note("the name of a package"),
        default=None,
        example="client: audit_service_client",
    )
    spec: str | None = key(
        "The service's spec, relative to this file, where both are in one project. What it "
        "publishes becomes a part of this service's package.",
        Note("the path of a spec"),
        default=None,
        example="spec: audit_service.yaml",
    )
    streams: Mapping[str, RemoteStream] = key(
        "The streams that are read; `audit-service/entries` is what a subscription calls one.",
        _Streams(),
        example="streams: [entries]",
    )
    node: Node = field(default=NOWHERE, compare=False, repr=False)
