"""What is settled once for a service, and what every module of its package is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

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
from .publication import Departures, departures
from .remotes import RemoteContract, remote_contracts
from .scope import Scope
from .versions import EventVersion, versions_of

if TYPE_CHECKING:
    from ..evolution.effects import Hop

__all__ = ["Facts", "field_names"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A spec, the answers about its types, and what follows for more than one module."""

    spec: Spec
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
    departures: Departures
    """At which versions events leave the service, by published stream."""
    pins: Mapping[str, frozenset[int]]
    """The versions of each event that subscriptions pin, or at which it leaves the service."""
    remotes: Mapping[str, RemoteContract]
    """What is read of other services, by service."""

    @classmethod
    def settle(
        cls,
        spec: Spec,
        annotations: Annotations,
        first_released: Mapping[str, int] = MappingProxyType({}),
    ) -> Facts:
        """Settle what follows from the spec, and from which versions were released first."""
        events: dict[str, list[EventVersion]] = {}
        events_of_stream: dict[str, list[str]] = {name: [] for name in spec.streams}
        for version in versions_of(spec):
            events.setdefault(version.name, []).append(version)
            if version.is_head:
                events_of_stream.setdefault(version.stream, []).append(version.name)
        writers = {
            command.target: writer_class(command.target)
            for command in spec.commands.values()
            if command.kind == "stream"
        }
        own = _class_names(spec, events, writers)
        remotes = {one.service: one for one in remote_contracts(spec.contracts, spec.streams, own)}
        for one in remotes.values():
            events_of_stream.update({stream: [*names] for stream, names in one.events.items()})
        variable = snake(spec.service)
        leaving = departures(spec, first_released)
        return cls(
            spec=spec,
            annotations=annotations,
            variable=f"{variable}_" if variable in RESERVED_MODULE_NAMES else variable,
            events=events,
            hops=_hops(spec, events),
            events_of_stream=events_of_stream,
            writers=writers,
            tags=_tags(spec),
            departures=leaving,
            pins=_pins(spec, leaving),
            remotes=remotes,
        )

    @classmethod
    def settle_contract(cls, spec: Spec, annotations: Annotations) -> Facts:
        """Settle what follows from what a service publishes. Who reads it may pin any version."""
        facts = cls.settle(spec, annotations)
        every = {
            name: frozenset(one.version for one in versions[:-1])
            for name, versions in facts.events.items()
        }
        return replace(facts, pins=every)

    @property
    def event_names(self) -> tuple[str, ...]:
        """What `events.py` defines: each event's plain name, and a class for each version."""
        return _event_names(self.events)

    @property
    def writer_names(self) -> tuple[str, ...]:
        """What `workflows.py` defines: classes of workflows, and of streams that are written to."""
        return (*map(workflow_class, self.spec.workflows), *self.writers.values())

    @property
    def class_names(self) -> frozenset[str]:
        """Every class of the package, and every class that it imports of other services."""
        return _class_names(self.spec, self.events, self.writers) | self.foreign_names

    @property
    def foreign_names(self) -> frozenset[str]:
        """What the events of other services are called here."""
        return frozenset(
            one.local_names.get(name, name)
            for one in self.remotes.values()
            for subscription in self.spec.subscriptions.values()
            if subscription.stream in one.events
            for name in self._names_for(subscription)
        )

    def head(self, event: str) -> EventVersion:
        """Return the version that is recorded today."""
        return self.events[event][-1]

    def subscribed(
        self, subscription: Subscription, scope: Scope, *, package: str = ""
    ) -> Sequence[str]:
        """Import the classes of the events that it is given, and return what they are called.

        They come from `package`, or else from its modules.
        """
        names = self._names_for(subscription)
        for one in self.remotes.values():
            if subscription.stream in one.events:
                return [one.use(name, scope, module="events", package=package) for name in names]
        return [scope.sibling(package or ".events", name) for name in names]

    def _names_for(self, subscription: Subscription) -> Sequence[str]:
        """Return what the events that it is given are called in Python; a pinned one, its class."""
        if subscription.events is None:
            return self.events_of_stream[subscription.stream]
        return [
            event if version is None else event_class(event, version)
            for event, version in map(pinned, subscription.events)
        ]


def _event_names(events: Mapping[str, Sequence[EventVersion]]) -> tuple[str, ...]:
    return tuple(
        name
        for event, versions in events.items()
        for name in (event, *(one.class_name for one in versions))
    )


def _class_names(
    spec: Spec, events: Mapping[str, Sequence[EventVersion]], writers: Mapping[str, str]
) -> frozenset[str]:
    written = (*map(workflow_class, spec.workflows), *writers.values())
    return frozenset((*spec.types, *spec.commands, *_event_names(events), *written))


def field_names(*groups: Mapping[str, Field]) -> set[str]:
    """Return what the fields are called in Python."""
    return {python_name(name) for fields in groups for name in fields}


def _hops(spec: Spec, events: Mapping[str, Sequence[EventVersion]]) -> Mapping[str, Sequence[Hop]]:
    changed = {name: one[-1].workflow for name, one in events.items() if len(one) > 1}
    if not changed:
        return {}
    from ..evolution.chains import hops_of  # a seventh of all imports, and many specs need none

    return {
        name: hops_of(spec.workflows[workflow].events[name], spec.types, _say_nothing)
        for name, workflow in changed.items()
    }


def _pins(spec: Spec, leaving: Departures) -> dict[str, frozenset[int]]:
    heads = {
        name: one.version for flow in spec.workflows.values() for name, one in flow.events.items()
    }
    pins: dict[str, set[int]] = {}
    for events in leaving.values():
        for event, version in events.items():
            if version != heads[event]:
                pins.setdefault(event, set()).add(version)
    own = (one for one in spec.subscriptions.values() if not spec.streams[one.stream].origin)
    for subscription in own:
        for event, pin in map(pinned, subscription.events or ()):
            if pin is not None:
                pins.setdefault(event, set()).add(pin)
    return {event: frozenset(versions) for event, versions in pins.items()}


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
