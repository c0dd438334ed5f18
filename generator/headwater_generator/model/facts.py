"""What is settled once for a service, and what every module of its package is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..evolution.chains import hops_of
from ..evolution.effects import Hop
from ..grammar import Field, Spec, Subscription, UnionType
from ..names import (
    RESERVED_MODULE_NAMES,
    event_class,
    pinned,
    python_name,
    snake,
    workflow_class,
    writer_class,
)
from .annotations import Annotations
from .places import Places
from .versions import EventVersion, versions_of

__all__ = ["Facts", "field_names"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A spec, the answers about its types, and what follows for more than one module."""

    spec: Spec
    places: Places
    annotations: Annotations
    """It has resolved the forms of the spec."""
    variable: str
    """Name of the `Service` object."""
    events: Mapping[str, Sequence[EventVersion]]
    """The versions of each event, oldest first; the last is its head."""
    hops: Mapping[str, Sequence[Hop]]
    """What leads from version to version of each event that has several."""
    events_of_stream: Mapping[str, Sequence[str]]
    writers: Mapping[str, str]
    """Classes that commands write to a stream through, by stream."""
    tags: Mapping[str, tuple[str, ...]]
    """Tags that an object carries because it is a member of unions, by object."""

    @classmethod
    def settle(cls, spec: Spec, places: Places, annotations: Annotations) -> Facts:
        """Settle what follows from the spec alone."""
        events: dict[str, list[EventVersion]] = {}
        events_of_stream: dict[str, list[str]] = {name: [] for name in spec.streams}
        for version in versions_of(spec):
            events.setdefault(version.name, []).append(version)
            if version.is_head:
                events_of_stream.setdefault(version.stream, []).append(version.name)
        variable = snake(spec.service)
        return cls(
            spec=spec,
            places=places,
            annotations=annotations,
            variable=f"{variable}_" if variable in RESERVED_MODULE_NAMES else variable,
            events=events,
            hops={
                name: hops_of(
                    spec.workflows[versions[-1].workflow].events[name], spec.types, _say_nothing
                )
                for name, versions in events.items()
                if len(versions) > 1
            },
            events_of_stream=events_of_stream,
            writers={
                command.target: writer_class(command.target)
                for command in spec.commands.values()
                if command.kind == "stream"
            },
            tags=_tags(spec),
        )

    @property
    def pins(self) -> Mapping[str, frozenset[int]]:
        """The versions of each event that subscriptions pin."""
        pins: dict[str, set[int]] = {}
        for subscription in self.spec.subscriptions.values():
            for event, version in map(pinned, subscription.events or ()):
                if version is not None:
                    pins.setdefault(event, set()).add(version)
        return {event: frozenset(versions) for event, versions in pins.items()}

    @property
    def event_names(self) -> tuple[str, ...]:
        """What `events.py` defines: each event's plain name, and a class for each version."""
        return tuple(
            name
            for event, versions in self.events.items()
            for name in (event, *(one.class_name for one in versions))
        )

    @property
    def writer_names(self) -> tuple[str, ...]:
        """What `workflows.py` defines: classes of workflows, and of streams that are written to."""
        return (*map(workflow_class, self.spec.workflows), *self.writers.values())

    @property
    def class_names(self) -> frozenset[str]:
        """Every class of the package."""
        own = (*self.spec.types, *self.spec.commands, *self.event_names, *self.writer_names)
        return frozenset(own)

    def head(self, event: str) -> EventVersion:
        """Return the version that is recorded today."""
        return self.events[event][-1]

    def subscribed(self, subscription: Subscription) -> Sequence[str]:
        """Return what the events that it is given are called in Python; a pinned one, its class."""
        if subscription.events is None:
            return self.events_of_stream[subscription.stream]
        return [
            event if version is None else event_class(event, version)
            for event, version in map(pinned, subscription.events)
        ]


def field_names(*groups: Mapping[str, Field]) -> set[str]:
    """Return what the fields are called in Python."""
    return {python_name(name) for fields in groups for name in fields}


def _say_nothing(*_: object) -> None:
    """What is wrong was told by `check`, and then nothing is generated."""


def _tags(spec: Spec) -> dict[str, tuple[str, ...]]:
    tags: dict[str, tuple[str, ...]] = {}
    for declaration in spec.types.values():
        if isinstance(declaration, UnionType):
            for member in declaration.members:
                mine = tags.get(member, ())
                if declaration.tag not in mine:
                    tags[member] = (*mine, declaration.tag)
    return tags
