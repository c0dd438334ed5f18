"""Expressions with the shapes of their values, and what is made of them without a trace."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ...grammar import JSON, Unset
from ..shapes import ListShape, LiteralShape, NullableShape, ObjectShape, Shape, present
from .nodes import Constant, Expression, First, Label, Lifted, Made, Read, Single

__all__ = [
    "State",
    "Value",
    "as_value",
    "fields_of",
    "first_of",
    "lifted",
    "like",
    "made_of",
    "member",
    "members",
    "single_of",
    "without",
]


@dataclass(frozen=True, slots=True)
class Value:
    """An expression, and the shape of its values where it is known."""

    expression: Expression
    shape: Shape | None = None


State: TypeAlias = dict[str, Value]


def fields_of(shape: ObjectShape, base: Expression) -> Iterator[tuple[str, Value]]:
    """Yield the fields of an object that is read from `base`."""
    for name, one in shape.fields.items():
        yield name, Value(member(base, name, one.default), one.shape)


def member(base: Expression, name: str, default: JSON | Unset) -> Expression:
    """Return a field of an object; what is known of it is taken instead of read."""
    match base:
        case Made(fields=fields):
            return fields[name]
        case Constant(value=dict() as value):
            return Constant(value[name]) if name in value else Constant(as_value(default))
        case _:
            return Read(name, base, default)


def as_value(default: JSON | Unset) -> JSON:
    """Return a default, and null where there is none."""
    return None if isinstance(default, Unset) else default


def members(base: Expression, shape: Shape | None) -> State:
    """Return the fields of an object, whatever is known of it."""
    shape, _ = present(shape)
    if isinstance(base, Made) and not isinstance(shape, ObjectShape):
        return {name: Value(one) for name, one in base.fields.items()}
    if isinstance(base, Constant) and isinstance(base.value, dict):
        return {
            name: Value(Constant(one), LiteralShape((one,))) for name, one in base.value.items()
        }
    return dict(fields_of(shape, base)) if isinstance(shape, ObjectShape) else {}


def made_of(state: State) -> Made:
    """Return the object that fields make."""
    return Made({name: value.expression for name, value in state.items()})


def single_of(value: Value) -> Value:
    """Return a list of the value alone."""
    item, nullable = present(value.shape)
    shape = ListShape(item) if item is not None else None
    if isinstance(value.expression, Constant):
        constant = value.expression.value
        return Value(Constant([] if constant is None else [constant]), shape)
    return Value(Single(value.expression, nullable), shape)


def first_of(value: Value, label: Label, *, or_null: bool) -> Value:
    """Return the first item of a list; of a list just made, what it was made of."""
    items, nullable = present(value.shape)
    item = items.item if isinstance(items, ListShape) else None
    expression: Expression
    if isinstance(value.expression, Single) and value.expression.nullable <= or_null:
        expression = value.expression.value
    else:
        expression = First(value.expression, or_null or nullable, label)
    shape = NullableShape(item) if (or_null or nullable) and item is not None else item
    return Value(expression, shape)


def lifted(value: Value, made: Callable[[Expression], Expression], shape: Shape | None) -> Value:
    """Return what is made of a value, null staying null."""
    _, nullable = present(value.shape)
    if value.expression == Constant(None):
        return value
    expression = made(value.expression)
    if nullable and not isinstance(value.expression, Constant):
        expression = Lifted(value.expression, expression)
    return Value(expression, NullableShape(shape) if nullable and shape is not None else shape)


def like(shape: Shape | None, new: Shape) -> Shape:
    """Return the new shape, with null in it if it was in the old."""
    return NullableShape(new) if isinstance(shape, NullableShape) else new


def without(state: State, names: Iterator[str] | Sequence[str] | Mapping[str, object]) -> State:
    """Return the fields but these."""
    gone = set(names)
    return {name: value for name, value in state.items() if name not in gone}
