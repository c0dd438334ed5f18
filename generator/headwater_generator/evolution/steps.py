"""What ops come down to: steps that each change the fields of an event, in one direction.

`run` is the reference: what generated code does is held against it. Steps know nothing of shapes;
whether they can be carried out was found out before, by `application`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from headwater.schema.conversions import CONVERSIONS

from ..grammar import JSON
from .expressions import Expression, text_of

__all__ = [
    "Call",
    "Compute",
    "Convert",
    "Each",
    "Envelope",
    "Fill",
    "First",
    "Format",
    "Functions",
    "Group",
    "Join",
    "MapValues",
    "Move",
    "Put",
    "Remove",
    "Split",
    "Step",
    "Take",
    "Ungroup",
    "Within",
    "Wrap",
    "interpret",
    "joined",
    "parted",
]

Fields: TypeAlias = dict[str, Any]
Functions: TypeAlias = Mapping[str, Callable[[Fields], Fields]]
"""What `custom` calls, by name."""


class Envelope(Protocol):
    """What is recorded beside an event, as it is on the wire."""

    @property
    def id(self) -> str: ...  # noqa: D102

    @property
    def time(self) -> str: ...  # noqa: D102

    @property
    def workflow_id(self) -> str: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Around:
    """What steps may use beside the fields."""

    envelope: Envelope
    functions: Functions


@dataclass(frozen=True, slots=True)
class Fill:
    """A field that was not given gets its default."""

    name: str
    value: JSON

    def run(self, fields: Fields, _: Around) -> None:
        """Carry it out."""
        if self.name not in fields:
            fields[self.name] = copy.deepcopy(self.value)


@dataclass(frozen=True, slots=True)
class Move:
    """Fields get other names, all at once: pairs of the old name and the new."""

    names: tuple[tuple[str, str], ...]

    def run(self, fields: Fields, _: Around) -> None:
        """Carry it out."""
        values = [fields.pop(old) for old, _ in self.names]
        fields.update(zip((new for _, new in self.names), values, strict=True))


@dataclass(frozen=True, slots=True)
class Put:
    """A field gets this value."""

    name: str
    value: JSON

    def run(self, fields: Fields, _: Around) -> None:
        """Carry it out."""
        fields[self.name] = copy.deepcopy(self.value)


@dataclass(frozen=True, slots=True)
class Remove:
    """A field goes."""

    name: str

    def run(self, fields: Fields, _: Around) -> None:
        """Carry it out."""
        fields.pop(self.name, None)


@dataclass(frozen=True, slots=True)
class Convert:
    """A value goes through a named conversion; null stays."""

    name: str
    conversion: str

    def run(self, fields: Fields, _: Around) -> None:
        """Carry it out."""
        if fields[self.name] is not None:
            fields[self.name] = CONVERSIONS[self.conversion].function(fields[self.name])


@dataclass(frozen=True, slots=True)
class MapValues:
    """A text becomes what the table says; one that is not in it cannot, and null stays."""

    name: str
    table: tuple[tuple[str, str], ...]

    def run(self, fields: Fields, _: Around) -> None:
        """Carry it out."""
        if fields[self.name] is not None:
            fields[self.name] = dict(self.table)[fields[self.name]]


@dataclass(frozen=True, slots=True)
class Split:
    """A text is taken apart at the first separators; parts that are missing are empty."""

    name: str
    into: tuple[str, ...]
    separator: str

    def run(self, fields: Fields, _: Around) -> None:
        """Carry it out."""
        parts = parted(fields.pop(self.name), self.separator, len(self.into))
        fields.update(zip(self.into, parts, strict=True))


@dataclass(frozen=True, slots=True)
class Join:
    """Texts are put together, without separators before an empty tail."""

    names: tuple[str, ...]
    into: str
    separator: str

    def run(self, fields: Fields, _: Around) -> None:
        """Carry it out."""
        fields[self.into] = joined([fields.pop(name) for name in self.names], self.separator)


@dataclass(frozen=True, slots=True)
class Group:
    """Fields go into an object of their own."""

    names: tuple[str, ...]
    into: str

    def run(self, fields: Fields, _: Around) -> None:
        """Carry it out."""
        inner = {name: fields.pop(name) for name in self.names}
        fields[self.into] = inner


@dataclass(frozen=True, slots=True)
class Ungroup:
    """Fields come out of an object, which goes."""

    source: str
    names: tuple[str, ...]

    def run(self, fields: Fields, _: Around) -> None:
        """Carry it out."""
        inner = fields.pop(self.source)
        fields.update((name, inner[name]) for name in self.names)


@dataclass(frozen=True, slots=True)
class Wrap:
    """A value becomes a list of it alone, and null an empty list."""

    name: str

    def run(self, fields: Fields, _: Around) -> None:
        """Carry it out."""
        value = fields[self.name]
        fields[self.name] = [] if value is None else [value]


@dataclass(frozen=True, slots=True)
class First:
    """A list becomes its first item. An empty one becomes null where that is `nullable`."""

    name: str
    nullable: bool

    def run(self, fields: Fields, _: Around) -> None:
        """Carry it out."""
        items = fields[self.name]
        fields[self.name] = None if self.nullable and not items else items[0]


@dataclass(frozen=True, slots=True)
class Within:
    """Steps on the fields of an object; null stays."""

    name: str
    steps: tuple[Step, ...]

    def run(self, fields: Fields, around: Around) -> None:
        """Carry it out."""
        if fields[self.name] is not None:
            _run(self.steps, fields[self.name], around)


@dataclass(frozen=True, slots=True)
class Each:
    """Steps on the fields of each object in a list; null stays."""

    name: str
    steps: tuple[Step, ...]

    def run(self, fields: Fields, around: Around) -> None:
        """Carry it out."""
        for item in fields[self.name] or ():
            _run(self.steps, item, around)


@dataclass(frozen=True, slots=True)
class Format:
    """A field gets a text; parts with `True` are names of fields, others stand for themselves."""

    name: str
    parts: tuple[tuple[str, bool], ...]

    def run(self, fields: Fields, _: Around) -> None:
        """Carry it out."""
        fields[self.name] = "".join(
            text_of(fields[part]) if is_field else part for part, is_field in self.parts
        )


@dataclass(frozen=True, slots=True)
class Compute:
    """A field gets the result of an expression."""

    name: str
    expression: Expression

    def run(self, fields: Fields, _: Around) -> None:
        """Carry it out."""
        fields[self.name] = self.expression.value(fields)


@dataclass(frozen=True, slots=True)
class Take:
    """A field gets a part of the envelope: `id`, `time` or `workflow_id`."""

    name: str
    part: str

    def run(self, fields: Fields, around: Around) -> None:
        """Carry it out."""
        fields[self.name] = getattr(around.envelope, self.part)


@dataclass(frozen=True, slots=True)
class Call:
    """All fields go through a function of the team's own."""

    function: str

    def run(self, fields: Fields, around: Around) -> None:
        """Carry it out."""
        made = around.functions[self.function](dict(fields))
        fields.clear()
        fields.update(made)


Step: TypeAlias = (
    Fill
    | Move
    | Put
    | Remove
    | Convert
    | MapValues
    | Split
    | Join
    | Group
    | Ungroup
    | Wrap
    | First
    | Within
    | Each
    | Format
    | Compute
    | Take
    | Call
)


def interpret(
    steps: Sequence[Step],
    fields: Mapping[str, Any],
    envelope: Envelope,
    functions: Functions | None = None,
) -> Fields:
    """Return the fields after the steps; those that were given stay as they are.

    Raises whatever a step raises for a value that it cannot take.
    """
    changed = copy.deepcopy(dict(fields))
    _run(steps, changed, Around(envelope, functions or {}))
    return changed


def parted(text: str, separator: str, count: int) -> list[str]:
    """Return so many parts of a text; those that are missing are empty."""
    parts = text.split(separator, count - 1)
    return parts + [""] * (count - len(parts))


def joined(parts: Sequence[str], separator: str) -> str:
    """Return the parts as one text, without separators before an empty tail."""
    last = max((number for number, part in enumerate(parts) if part), default=0)
    return separator.join(parts[: last + 1])


def _run(steps: Sequence[Step], fields: Fields, around: Around) -> None:
    for step in steps:
        step.run(fields, around)
