"""The versions of events: whatever is made of each one is made from these, and from nothing else.

A class, a schema and a definition exist for every version; the plain name of an event stands for
its head, the newest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..grammar import Field, Spec
from ..grammar.ops import Op
from ..names import event_class

__all__ = ["EventVersion", "versions_of"]


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
