"""Expanded shapes: what an event version, a command or a type is on the wire, names resolved.

Two shapes are equal when the same values fit both, fields and enum values stand in the same order,
and defaults and fields about a person are the same. What the spec calls a type is kept for messages
and does not count, but for the members of a tagged union, whose names are on the wire.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

from ..grammar import (
    JSON,
    UNSET,
    EnumType,
    Field,
    ListOf,
    MapOf,
    Named,
    Nullable,
    ObjectType,
    Scalar,
    TypeDeclaration,
    TypeExpression,
    UnionType,
    Unset,
    tag_value,
)

__all__ = [
    "Constraints",
    "EnumShape",
    "FieldShape",
    "ListShape",
    "LiteralShape",
    "MapShape",
    "NullableShape",
    "ObjectShape",
    "RecursiveShape",
    "ScalarShape",
    "Shape",
    "UnionShape",
    "canonical",
    "digest",
    "present",
    "shape_of_expression",
    "shape_of_fields",
    "shape_of_type",
    "show_shape",
]

Constraints: TypeAlias = Mapping[str, JSON]
_NONE: Constraints = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ScalarShape:
    """A built-in type with its constraints."""

    type: str
    constraints: Constraints = field(default_factory=lambda: _NONE)


@dataclass(frozen=True, slots=True)
class EnumShape:
    """One of some texts, in the order of the spec."""

    values: tuple[str, ...]
    name: str = field(default="", compare=False)
    """What the spec calls it."""


@dataclass(frozen=True, slots=True, eq=False)
class FieldShape:
    """A field of an object."""

    shape: Shape
    default: JSON | Unset = UNSET
    """What stands for a field that is not given; of `T | null`, null."""
    personal: bool = False

    @property
    def is_required(self) -> bool:
        """Whether a value without the field is refused."""
        return isinstance(self.default, Unset)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FieldShape):
            return NotImplemented
        return _canonical_field(self) == _canonical_field(other) and (
            _text(self.default) == _text(other.default)  # to Python, 1 and true are equal
        )

    __hash__ = None  # type: ignore[assignment]  # shapes hold JSON, which has no hash; see `digest`


@dataclass(frozen=True, slots=True, eq=False)
class ObjectShape:
    """Fields by their names on the wire."""

    fields: Mapping[str, FieldShape]
    name: str = ""
    """What the spec calls it; empty where it has no name."""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ObjectShape):
            return NotImplemented
        return list(self.fields.items()) == list(other.fields.items())

    __hash__ = None  # type: ignore[assignment]  # shapes hold JSON, which has no hash; see `digest`


@dataclass(frozen=True, slots=True)
class UnionShape:
    """One of several objects, which the tag tells apart."""

    tag: str
    members: Mapping[str, ObjectShape]
    """By what stands at the tag."""
    name: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class ListShape:
    """Items of one shape."""

    item: Shape
    constraints: Constraints = field(default_factory=lambda: _NONE)


@dataclass(frozen=True, slots=True)
class MapShape:
    """Values of one shape by texts."""

    item: Shape
    constraints: Constraints = field(default_factory=lambda: _NONE)


@dataclass(frozen=True, slots=True)
class NullableShape:
    """Null, or a value of the shape."""

    item: Shape


@dataclass(frozen=True, slots=True)
class RecursiveShape:
    """The type around this place, so many named types further out; 1 is the innermost."""

    up: int
    name: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class LiteralShape:
    """One of these values: an op of a spec makes them, and no version has said of what type yet.

    Where a value has to be of a type, it is whatever type takes all of them.
    """

    values: tuple[JSON, ...]


Shape: TypeAlias = (
    ScalarShape
    | EnumShape
    | ObjectShape
    | UnionShape
    | ListShape
    | MapShape
    | NullableShape
    | RecursiveShape
    | LiteralShape
)


def shape_of_fields(
    fields: Mapping[str, Field], types: Mapping[str, TypeDeclaration]
) -> ObjectShape:
    """Return the shape of what carries these fields: an event version or a command.

    Every type that they name is one of `types`; `check` has seen to that.
    """
    return _object(fields, types, (), "")


def shape_of_type(name: str, types: Mapping[str, TypeDeclaration]) -> Shape:
    """Return the shape of a declared type."""
    return _named(name, types, ())


def shape_of_expression(expression: TypeExpression, types: Mapping[str, TypeDeclaration]) -> Shape:
    """Return the shape of a type as it is written, such as `list<Role>`."""
    return _shape(expression, _NONE, types, ())


def _object(
    fields: Mapping[str, Field],
    types: Mapping[str, TypeDeclaration],
    around: tuple[str, ...],
    name: str,
) -> ObjectShape:
    shapes: dict[str, FieldShape] = {}
    for key, one in fields.items():
        default = one.default
        if isinstance(default, Unset) and isinstance(one.type, Nullable):
            default = None
        shape = _shape(one.type, one.constraints, types, around)
        shapes[key] = FieldShape(shape, default, one.personal)
    return ObjectShape(MappingProxyType(shapes), name)


def _shape(
    expression: TypeExpression,
    constraints: Constraints,
    types: Mapping[str, TypeDeclaration],
    around: tuple[str, ...],
) -> Shape:
    match expression:
        case Nullable(item):
            return NullableShape(_shape(item, constraints, types, around))
        case ListOf(item):
            return ListShape(_shape(item, _NONE, types, around), constraints)
        case MapOf(item):
            return MapShape(_shape(item, _NONE, types, around), constraints)
        case Scalar(name):
            return ScalarShape(name, constraints)
        case Named(name):
            return _named(name, types, around)


def _named(name: str, types: Mapping[str, TypeDeclaration], around: tuple[str, ...]) -> Shape:
    if name in around:
        return RecursiveShape(len(around) - around.index(name), name)
    declaration = types[name]
    inside = (*around, name)
    match declaration:
        case EnumType(values=values):
            return EnumShape(values, name)
        case ObjectType(fields=fields):
            return _object(fields, types, inside, name)
        case UnionType(tag=tag, members=members):
            shapes: dict[str, ObjectShape] = {}
            for member in members:
                declared = types[member]
                if isinstance(declared, ObjectType):  # `check` has seen to that
                    shapes[tag_value(types, member)] = _object(
                        declared.fields, types, (*inside, member), member
                    )
            return UnionShape(tag, MappingProxyType(shapes), name)


def canonical(shape: Shape) -> JSON:
    """Return the shape as plain data, to be kept as JSON: equal data for equal shapes.

    Fields and enum values keep their order, constraints and members are sorted by name.
    Descriptions and names of types are left out. Each form has one key of its own that tells it:
    `type`, `enum`, `fields`, `one_of`, `list`, `map`, `nullable`, `recursive` or, which no version
    of anything has, `literal`.
    """
    match shape:
        case ScalarShape(type=name, constraints=constraints):
            return {"type": name, **_constraints(constraints)}
        case EnumShape(values=values):
            return {"enum": list(values)}
        case ObjectShape(fields=fields):
            return {"fields": {name: _canonical_field(one) for name, one in fields.items()}}
        case UnionShape(tag=tag, members=members):
            return {
                "one_of": {name: canonical(members[name]) for name in sorted(members)},
                "tag": tag,
            }
        case ListShape(item=item, constraints=constraints):
            return {"list": canonical(item), **_constraints(constraints)}
        case MapShape(item=item, constraints=constraints):
            return {"map": canonical(item), **_constraints(constraints)}
        case NullableShape(item=item):
            return {"nullable": canonical(item)}
        case RecursiveShape(up=up):
            return {"recursive": up}
        case LiteralShape(values=values):
            return {"literal": list(values)}


def _canonical_field(one: FieldShape) -> JSON:
    form: dict[str, JSON] = {"shape": canonical(one.shape)}
    if not isinstance(one.default, Unset):
        form["default"] = one.default
    if one.personal:
        form["personal"] = True
    return form


def _constraints(constraints: Constraints) -> dict[str, JSON]:
    return {name: constraints[name] for name in sorted(constraints)}


def digest(shape: Shape) -> str:
    """Return the SHA-256 of a shape's canonical form in hex."""
    return hashlib.sha256(_text(canonical(shape)).encode()).hexdigest()


def _text(value: JSON | Unset) -> str:
    if isinstance(value, Unset):
        return ""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def present(shape: Shape | None) -> tuple[Shape | None, bool]:
    """Return what a value is if it is not null, and whether it may be.

    Of literals that are all objects with the same fields it is an object of literals, and a list of
    them where all are lists.
    """
    match shape:
        case NullableShape(item=item):
            return present(item)[0], True
        case LiteralShape(values=values):
            some = tuple(one for one in values if one is not None)
            return _literal(some), len(some) < len(values)
        case _:
            return shape, False


def _literal(values: tuple[JSON, ...]) -> Shape:
    objects = [one for one in values if isinstance(one, dict)]
    if objects and len(objects) == len(values) and len({frozenset(one) for one in objects}) == 1:
        return ObjectShape(
            {
                name: FieldShape(LiteralShape(tuple(one[name] for one in objects)))
                for name in objects[0]
            }
        )
    lists = [one for one in values if isinstance(one, list)]
    if lists and len(lists) == len(values):
        items = tuple(item for one in lists for item in one)
        return ListShape(LiteralShape(items), {"minItems": min(map(len, lists))})
    return LiteralShape(values)


def show_shape(shape: Shape) -> str:
    """Return a shape for a message, as a spec would write it: `list<Role> | null`."""
    match shape:
        case ScalarShape(type=name, constraints=constraints):
            return name + _show_constraints(constraints)
        case EnumShape(values=values, name=name):
            return name or f"one of {', '.join(values)}"
        case ObjectShape(fields=fields, name=name):
            return name or f"an object with {', '.join(fields) or 'no fields'}"
        case UnionShape(members=members, name=name):
            return name or f"one of {', '.join(members)}"
        case ListShape(item=item, constraints=constraints):
            return f"list<{show_shape(item)}>{_show_constraints(constraints)}"
        case MapShape(item=item, constraints=constraints):
            return f"map<{show_shape(item)}>{_show_constraints(constraints)}"
        case NullableShape(item=item):
            return f"{show_shape(item)} | null"
        case RecursiveShape(name=name):
            return name
        case LiteralShape(values=values):
            return " or ".join(json.dumps(one, ensure_ascii=False) for one in values)


def _show_constraints(constraints: Constraints) -> str:
    told = ", ".join(f"{name}: {json.dumps(value)}" for name, value in constraints.items())
    return f" ({told})" if told else ""
