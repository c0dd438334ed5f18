"""What the rules of a service share: the tree, what is declared, and where problems go."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from ..grammar import (
    FIRST_VERSION,
    Command,
    EnumType,
    Event,
    Field,
    ObjectType,
    PastVersion,
    Spec,
    TypeDeclaration,
    TypeExpression,
    UnionType,
)
from ..load import Mapping as MappingNode
from ..load import Place, entries, names
from ..names import nearest, versioned
from ..problems import Problem

__all__ = ["Scope"]

MAX_SUGGESTIONS = 50  # of one spec


@dataclass(frozen=True)
class Scope:
    """One service under examination.

    Names are declared where they stand in the file, even if what they name could not be read.
    """

    spec: Spec
    shared: tuple[MappingNode, ...] = ()
    """The imported files."""
    problems: list[Problem] = field(default_factory=list)
    suggested: list[str] = field(default_factory=list)

    @cached_property
    def types(self) -> frozenset[str]:
        """Every declared type, and every older version under its name in Python."""
        return frozenset(self.type_places)

    @cached_property
    def type_places(self) -> dict[str, Place]:
        """Where each type is declared, older versions among them: the first key of each."""
        places: dict[str, Place] = {}
        for file in (self.spec.node, *self.shared):
            for one in entries(file, "types"):
                places.setdefault(one.key.text, one.key)
                for past in entries(one.value, "history"):
                    if past.key.text.isdecimal():
                        name = versioned(one.key.text, int(past.key.text))
                        places.setdefault(name, past.key)
        return places

    @cached_property
    def streams(self) -> frozenset[str]:
        """Every stream that can be read: declared here, or under a remote."""
        return frozenset(names(self.spec.node, "streams")) | self.remote_streams

    @cached_property
    def remote_streams(self) -> frozenset[str]:
        """Every stream of another service, by what it is called here: `user-service/users`."""
        return frozenset(
            f"{service}/{stream}"
            for service, remote in self.spec.remote.items()
            for stream in remote.streams
        )

    def remote_events(self, stream: str) -> Mapping[str, Event]:
        """Return the events of another service's stream; none where they could not be read."""
        one = self.spec.streams.get(stream)
        if one is None or one.origin is None:
            return {}
        return self.spec.contracts[one.origin.service].events_of(one.origin.stream)

    def is_readable(self, stream: str) -> bool:
        """Tell whether what a stream has is known: of another service's, its contract was read."""
        return stream not in self.remote_streams or stream in self.spec.streams

    @cached_property
    def workflows(self) -> frozenset[str]:
        """Every declared workflow."""
        return frozenset(names(self.spec.node, "workflows"))

    @cached_property
    def events(self) -> dict[str, str]:
        """Every declared event, with the first workflow that declares it."""
        found: dict[str, str] = {}
        for workflow in entries(self.spec.node, "workflows"):
            for event in names(workflow.value, "events"):
                found.setdefault(event, workflow.key.text)
        return found

    @cached_property
    def broken_workflows(self) -> frozenset[str]:
        """Workflows that are declared but could not be read."""
        return self.workflows - set(self.spec.workflows)

    def versions(self, workflow: str, event: str) -> tuple[int, ...]:
        """Return the numbers of an event's versions; of one that could not be read, the first."""
        declared = self.spec.workflows.get(workflow)
        read = declared.events.get(event) if declared else None
        return tuple(read.versions) if read else (FIRST_VERSION,)

    def events_of_workflow(self, workflow: str) -> tuple[str, ...]:
        """Return the events that a workflow declares."""
        return names(self.spec.node, "workflows", workflow, "events")

    def events_of_stream(self, stream: str) -> frozenset[str]:
        """Return the events of all workflows on a stream."""
        if stream in self.remote_streams:
            return frozenset(self.remote_events(stream))
        return frozenset(
            event
            for name, workflow in self.spec.workflows.items()
            if workflow.stream == stream
            for event in self.events_of_workflow(name)
        )

    def objects(self) -> Iterator[tuple[str, ObjectType]]:
        """Yield the objects among the types."""
        for name, declaration in self.spec.types.items():
            if isinstance(declaration, ObjectType):
                yield name, declaration

    def unions(self) -> Iterator[tuple[str, UnionType]]:
        """Yield the tagged unions among the types."""
        for name, declaration in self.spec.types.items():
            if isinstance(declaration, UnionType):
                yield name, declaration

    def enums(self) -> Iterator[tuple[str, EnumType]]:
        """Yield the enums among the types."""
        for name, declaration in self.spec.types.items():
            if isinstance(declaration, EnumType):
                yield name, declaration

    @cached_property
    def carriers(self) -> tuple[ObjectType | Event | PastVersion | Command, ...]:
        """Everything that has fields, in the order of the file."""
        events = (one for flow in self.spec.workflows.values() for one in flow.events.values())
        return (
            *(declaration for _, declaration in self.objects()),
            *(version for event in events for version in event.versions.values()),
            *self.spec.commands.values(),
        )

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        """Every field of the service."""
        return tuple(one for carrier in self.carriers for one in carrier.fields.values())

    def type_expressions(self) -> Iterator[TypeExpression]:
        """Yield every type that is mentioned, but for the members of unions."""
        for one in self.fields:
            yield one.type
        for command in self.spec.commands.values():
            if command.result is not None:
                yield command.result

    def declaration(self, name: str) -> TypeDeclaration | None:
        """Return a type, if it is declared and could be read."""
        return self.spec.types.get(name)

    def key(self, section: str, name: str) -> Place:
        """Return where something is declared: its key."""
        if section == "types":
            return self.type_places.get(name, self.spec.node)
        return self._places.get((section, name), self.spec.node)

    def event_key(self, workflow: str, event: str) -> Place:
        """Return where an event is declared: its key."""
        return self._places.get((workflow, event), self.spec.node)

    @cached_property
    def _places(self) -> dict[tuple[str, str], Place]:
        """Keys by section and name, and those of events by workflow and name; the first of each."""
        places: dict[tuple[str, str], Place] = {}
        for file in (self.spec.node, *self.shared):
            for section in entries(file):
                for entry in entries(section.value):
                    places.setdefault((section.key.text, entry.key.text), entry.key)
        for workflow in entries(self.spec.node, "workflows"):
            for entry in entries(workflow.value, "events"):
                places.setdefault((workflow.key.text, entry.key.text), entry.key)
        return places

    def add(self, place: Place, code: str, message: str, hint: str = "") -> None:
        """Report a problem."""
        self.problems.append(place.problem(code, message, hint))

    def suggest(self, name: str, known: Collection[str]) -> str | None:
        """Return what was probably meant; only for the first mistakes, for it takes its time."""
        self.suggested.append(name)
        return nearest(name, known) if len(self.suggested) <= MAX_SUGGESTIONS else None

    def unknown(
        self, place: Place, code: str, noun: str, name: str, known: Collection[str]
    ) -> None:
        """Report a name that refers to nothing."""
        better = self.suggest(name, known)
        if better:
            hint = f'did you mean "{better}"?'
        elif known and len(known) <= 8:
            hint = f"there is {', '.join(sorted(known))}"
        else:
            hint = ""
        self.add(place, code, f'there is no {noun} "{name}"', hint)
