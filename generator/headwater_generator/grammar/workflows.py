"""The keys of workflows, and of their events in all versions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, cast

from ..load import NOWHERE, Node
from .containers import MapShape, Record
from .declare import DESCRIPTION, NONE, Model, key
from .fields import Field, fields_key
from .numbers import Boolean, VersionNumber
from .ops import Op, Ops
from .words import Name, Reference, Text

__all__ = ["FIRST_VERSION", "Event", "PastVersion", "Workflow"]

FIRST_VERSION = 1  # of an event


def _upcast() -> tuple[Op, ...]:
    return cast(
        "tuple[Op, ...]",
        key(
            "The ops that lead here from the version before, in order. What only became wider (a "
            "new enum value, `T` to `T | null`, int to float, a looser constraint) needs none.",
            Ops(),
            default=(),
            default_words="none: the version before fits as it is",
            example='upcast: [add: {note: ""}]',
        ),
    )


@dataclass(frozen=True, kw_only=True)
class PastVersion(Model):
    """A version of an event that is not recorded any more, and still read."""

    NOUN: ClassVar[str] = "a past version"

    description: str | None = key(
        DESCRIPTION, Text(), default=None, example="description: As it was before 2024."
    )
    fields: Mapping[str, Field] = fields_key()
    upcast: tuple[Op, ...] = _upcast()
    node: Node = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True)
class Event(Model):
    """What happened. The workflow's id and the time are recorded with it, they are no fields."""

    NOUN: ClassVar[str] = "an event"

    description: str | None = key(
        DESCRIPTION, Text(), default=None, example="description: A user exists from now on."
    )
    terminal: bool = key(
        "Whether it ends its workflow: continuing an ended one is an error.",
        Boolean(),
        default=False,
        example="terminal: true",
    )
    fields: Mapping[str, Field] = fields_key()
    upcast: tuple[Op, ...] = _upcast()
    history: Mapping[str, PastVersion] = cast(
        "Mapping[str, PastVersion]",
        key(
            "Its versions before this one by their numbers, 1, 2, 3... This one, the head, has the "
            "next number.",
            MapShape(VersionNumber(), Record(PastVersion)),
            default=NONE,
            default_words="none: this is version 1",
            example="history: {1: {fields: {user_id: int}}}",
        ),
    )
    node: Node = field(default=NOWHERE, compare=False, repr=False)

    @property
    def version(self) -> int:
        """The head's number."""
        return max(map(int, self.history), default=0) + FIRST_VERSION

    @cached_property
    def versions(self) -> Mapping[int, PastVersion | Event]:
        """Each version by its number, oldest first; the last is the head."""
        past = sorted(self.history.items(), key=lambda one: int(one[0]))
        return {**{int(number): one for number, one in past}, self.version: self}


@dataclass(frozen=True, kw_only=True)
class Workflow(Model):
    """A business process. Each instance has an id; its events share one stream."""

    NOUN: ClassVar[str] = "a workflow"

    description: str | None = key(
        DESCRIPTION, Text(), default=None, example="description: One user, from added to removed."
    )
    stream: str = key(
        "The stream that its events are recorded in.",
        Reference("a stream"),
        example="stream: users",
    )
    events: Mapping[str, Event] = key(
        "What it emits. An event's name is unique in the service.",
        MapShape(Name("an event", "PascalCase"), Record(Event)),
        example="events: {UserRemoved: {terminal: true, fields: {user_id: int}}}",
    )
    node: Node = field(default=NOWHERE, compare=False, repr=False)
