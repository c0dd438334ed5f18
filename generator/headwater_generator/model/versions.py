"""The versions of events: whatever is made of each one is made from these, and from nothing else.

A class, a schema and a definition exist for every version; the plain name of an event stands for
its head, the newest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ..grammar import Field, ObjectType, Spec, TypeDeclaration, UnionType, named_types
from ..grammar.ops import Op
from ..names import event_class, versioned

__all__ = ["EventVersion", "TypeVersion", "needed_types", "type_versions_of", "versions_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventVersion:
    """One version of an event."""

    name: str
    """The event's."""
    version: int
    is_head: bool
    workflow: str
    stream: str
    terminal: bool
    description: str | None
    fields: Mapping[str, Field]
    upcast: tuple[Op, ...]
    """What leads here from the version before."""

    @property
    def class_name(self) -> str:
        """Its class; also what tells it from every other version of every event."""
        return event_class(self.name, self.version)


def versions_of(spec: Spec) -> Iterator[EventVersion]:
    """Yield every version of every event: events in the order of the spec, each oldest first."""
    for workflow_name, workflow in spec.workflows.items():
        for name, event in workflow.events.items():
            for version, one in event.versions.items():
                yield EventVersion(
                    name=name,
                    version=version,
                    is_head=version == event.version,
                    workflow=workflow_name,
                    stream=workflow.stream,
                    terminal=event.terminal,
                    description=one.description or event.description,
                    fields=one.fields,
                    upcast=one.upcast,
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeVersion:
    """One version of a type of the spec's own."""

    type: str
    """What its head is called."""
    version: int
    is_head: bool
    name: str
    """What it is called itself: as its head, or, of an older version, `RoleV1`."""
    declaration: TypeDeclaration

    @property
    def key(self) -> tuple[str, int]:
        """What tells it from every other version of every type."""
        return self.type, self.version


def type_versions_of(spec: Spec) -> Iterator[TypeVersion]:
    """Yield every version of every type: types in the order of the spec, each oldest first."""
    past = {
        versioned(name, int(number))
        for name, declaration in spec.types.items()
        for number in declaration.history
    }
    for name, declaration in spec.types.items():
        if name in past:
            continue
        numbers = sorted(map(int, declaration.history))
        for number in numbers:
            older = versioned(name, number)
            yield TypeVersion(
                type=name,
                version=number,
                is_head=False,
                name=older,
                declaration=spec.types[older],
            )
        yield TypeVersion(
            type=name,
            version=max(numbers, default=0) + 1,
            is_head=True,
            name=name,
            declaration=declaration,
        )


def needed_types(
    types: Iterable[TypeVersion], groups: Iterable[Mapping[str, Field]]
) -> tuple[TypeVersion, ...]:
    """Return the versions of types that groups of fields need, directly or not, in their order."""
    by_name = {one.name: one for one in types}
    found: set[str] = set()
    waiting = [name for fields in groups for name in _mentioned(fields)]
    while waiting:
        name = waiting.pop()
        if name in found or name not in by_name:
            continue
        found.add(name)
        match by_name[name].declaration:
            case ObjectType(fields=fields):
                waiting += _mentioned(fields)
            case UnionType(members=members):
                waiting += members
            case _:
                pass
    return tuple(one for name, one in by_name.items() if name in found)


def _mentioned(fields: Mapping[str, Field]) -> Iterator[str]:
    for field in fields.values():
        for named in named_types(field.type):
            yield named.name
