"""What fused code says of each field: an expression, as a tree."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ...grammar import JSON, UNSET, Unset

__all__ = [
    "Called",
    "Computed",
    "Constant",
    "Converted",
    "Each",
    "Expression",
    "First",
    "Formatted",
    "Item",
    "Joined",
    "Label",
    "Lifted",
    "Made",
    "Mapped",
    "Part",
    "Read",
    "Single",
    "Source",
    "Taken",
]


@dataclass(frozen=True, slots=True)
class Label:
    """Which op of which hop an expression comes from: errors name it."""

    version: int
    """The newer version of the hop."""
    op: str
    """As in `map_enum role`."""
    down: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """The fields of the version that is read."""


@dataclass(frozen=True, slots=True)
class Item:
    """The item of the list around this place; 0 is the outermost list."""

    depth: int


@dataclass(frozen=True, slots=True)
class Read:
    """A field of an object."""

    name: str
    base: Expression
    default: JSON | Unset = UNSET
    """What stands for a missing field."""


@dataclass(frozen=True, slots=True)
class Constant:
    """Always this."""

    value: JSON


@dataclass(frozen=True, slots=True)
class Part:
    """One of `count` parts of a text, taken apart at the first separators."""

    text: Expression
    sep: str
    index: int
    count: int


@dataclass(frozen=True, slots=True)
class Joined:
    """Texts put together, without a separator before an empty tail."""

    parts: tuple[Expression, ...]
    sep: str


@dataclass(frozen=True, slots=True)
class Converted:
    """What a named conversion makes of a value."""

    value: Expression
    conversion: str
    label: Label


@dataclass(frozen=True, slots=True)
class Mapped:
    """What stands for an enum's value."""

    value: Expression
    table: tuple[tuple[str, str], ...]
    label: Label


@dataclass(frozen=True, slots=True)
class Made:
    """An object of these fields."""

    fields: Mapping[str, Expression]


@dataclass(frozen=True, slots=True)
class Single:
    """A list of one value; of null, an empty one, where it may be null."""

    value: Expression
    nullable: bool


@dataclass(frozen=True, slots=True)
class First:
    """The first item of a list; of an empty one, null or a failure."""

    items: Expression
    or_null: bool
    label: Label


@dataclass(frozen=True, slots=True)
class Each:
    """A list with something made of each item."""

    items: Expression
    item: Expression
    depth: int


@dataclass(frozen=True, slots=True)
class Lifted:
    """Null where `value` is null, else `result`."""

    value: Expression
    result: Expression


@dataclass(frozen=True, slots=True)
class Formatted:
    """Texts, and values as text in between; with each value, whether it is a boolean."""

    parts: tuple[str | tuple[Expression, bool], ...]


@dataclass(frozen=True, slots=True)
class Computed:
    """An expression of the spec over the values of fields."""

    expression: ast.expr
    names: Mapping[str, Expression]
    label: Label


@dataclass(frozen=True, slots=True)
class Taken:
    """Something that is recorded beside the event."""

    part: Literal["id", "time", "workflow_id"]


@dataclass(frozen=True, slots=True)
class Called:
    """What a function of the team's own makes of all the fields."""

    function: str
    fields: Mapping[str, Expression]
    label: Label
    due: tuple[str, ...]
    """The fields that it must return: those without a default."""


Expression: TypeAlias = (
    Source
    | Item
    | Read
    | Constant
    | Part
    | Joined
    | Converted
    | Mapped
    | Made
    | Single
    | First
    | Each
    | Lifted
    | Formatted
    | Computed
    | Taken
    | Called
)
