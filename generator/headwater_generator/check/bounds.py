"""Whether a value, as it is on the wire, meets the constraints of its field."""

from __future__ import annotations

from collections.abc import Iterator

from ..grammar import (
    CONSTRAINTS,
    JSON,
    Field,
    ListOf,
    MapOf,
    Nullable,
    Scalar,
    TypeExpression,
)
from ..grammar.limits import meets

__all__ = ["kind_of", "unmet"]


def unmet(one: Field, value: JSON) -> Iterator[tuple[str, JSON]]:
    """Yield the constraints that the value does not meet: name and limit."""
    kind = kind_of(one.type)
    for name, limit in one.constraints.items():
        if name in CONSTRAINTS.get(kind, ()) and not meets(value, kind, name, limit):
            yield name, limit


def kind_of(expression: TypeExpression) -> str:
    """Return what decides which constraints apply: `list`, `map`, or the type's name."""
    match expression:
        case Nullable(item):
            return kind_of(item)
        case ListOf():
            return "list"
        case MapOf():
            return "map"
        case Scalar(name):
            return name
        case _:
            return expression.name
