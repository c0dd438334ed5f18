"""What datamodel-code-generator is asked for: a form, which fields of many events share.

A form is a type, with the spec's types in it called `Ref0`, `Ref1`..., and the names of its
constraints. No name, prose or value of the spec is in it: where a constraint needs a value, all
fields stand under the same representative, an ordinary one that no other constraint has.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..grammar import (
    Field,
    ListOf,
    MapOf,
    Named,
    Nullable,
    ObjectType,
    Scalar,
    Spec,
    TypeExpression,
    UnionType,
    show_type,
)
from .commands import result_of
from .versions import versions_of

__all__ = ["KEYWORDS", "REPRESENTATIVES", "SCALARS", "Form", "forms_of"]

SCALARS: Mapping[str, tuple[Mapping[str, str], str]] = {
    "string": ({"type": "string"}, "str"),
    "int": ({"type": "integer"}, "int"),
    "float": ({"type": "number"}, "float"),
    "bool": ({"type": "boolean"}, "bool"),
    "decimal": ({"type": "number", "format": "decimal"}, "Decimal"),
    "uuid": ({"type": "string", "format": "uuid"}, "UUID"),
    "date": ({"type": "string", "format": "date"}, "date"),
    "time": ({"type": "string", "format": "time"}, "time"),
    "datetime": ({"type": "string", "format": "date-time"}, "AwareDatetime"),
    "duration": ({"type": "string", "format": "duration"}, "timedelta"),
    "bytes": ({"type": "string", "format": "binary"}, "bytes"),
    "email": ({"type": "string", "format": "email"}, "EmailStr"),
    "uri": ({"type": "string", "customTypePath": "headwater.Uri"}, "Uri"),
    "json": ({"customTypePath": "pydantic.JsonValue"}, "JsonValue"),
}
"""How a scalar is asked for, and the only answer that is believed."""

KEYWORDS: Mapping[str, str] = {
    "minLength": "min_length",
    "minItems": "min_length",
    "minProperties": "min_length",
    "maxLength": "max_length",
    "maxItems": "max_length",
    "maxProperties": "max_length",
    "pattern": "pattern",
    "minimum": "ge",
    "maximum": "le",
    "exclusiveMinimum": "gt",
    "exclusiveMaximum": "lt",
    "multipleOf": "multiple_of",
}
"""Arguments of pydantic's `Field` by constraint, in the order in which they are written."""

REPRESENTATIVES: Mapping[str, int | str] = {
    "minLength": 3,
    "minItems": 3,
    "minProperties": 3,
    "maxLength": 97,
    "maxItems": 97,
    "maxProperties": 97,
    "pattern": "^[a-z]+$",
    "minimum": 5,
    "maximum": 89,
    "exclusiveMinimum": 4,
    "exclusiveMaximum": 90,
    "multipleOf": 7,
}


class Form:
    """A type with the names of its constraints."""

    def __init__(self, members: Sequence[TypeExpression], constraints: Sequence[str] = ()) -> None:
        self.members = tuple(members)
        """The type; of a union, its members."""
        self.constraints = tuple(constraints)
        self.text = " ".join([" | ".join(map(show_type, members)), *constraints])
        """What tells it from any other form."""

    def schema(self) -> dict[str, Any]:
        """Return the question as a JSON Schema."""
        options = [_schema(member) for member in self.members]
        schema = options[0] if len(options) == 1 else {"oneOf": options}
        return schema | {name: REPRESENTATIVES[name] for name in self.constraints}

    @staticmethod
    def of_field(field: Field) -> tuple[Form, tuple[str, ...]]:
        """Return the form of a field and what its references stand for.

        The null of the field itself is left out: the library makes a class of a constrained type
        beside a null. `attributes` adds it outside.
        """
        expression = field.type.item if isinstance(field.type, Nullable) else field.type
        if not field.constraints:
            return _form((expression,), ())
        return _form((expression,), tuple(filter(field.constraints.__contains__, KEYWORDS)))

    @staticmethod
    def of_union(members: Sequence[str]) -> tuple[Form, tuple[str, ...]]:
        """Return the form of a union of objects and what its references stand for."""
        return _form(tuple(map(Named, members)), ())


def forms_of(spec: Spec) -> Iterator[Form]:
    """Yield the form of everything in a spec that has one; most come many times."""
    for declaration in spec.types.values():
        match declaration:
            case ObjectType(fields=fields):
                yield from _forms(fields)
            case UnionType(members=members):
                yield Form.of_union(members)[0]
    for event in versions_of(spec):
        yield from _forms(event.fields)
    for command in spec.commands.values():
        yield from _forms(command.fields)
        if result := result_of(command):
            yield Form.of_field(Field(type=result))[0]


def _forms(fields: Mapping[str, Field]) -> Iterator[Form]:
    return (Form.of_field(field)[0] for field in fields.values())


@functools.cache
def _form(
    members: tuple[TypeExpression, ...], constraints: tuple[str, ...]
) -> tuple[Form, tuple[str, ...]]:
    references: list[str] = []
    counted = [_counted(member, references) for member in members]
    return Form(counted, constraints), tuple(references)


def _counted(expression: TypeExpression, references: list[str]) -> TypeExpression:
    match expression:
        case ListOf(item=item):
            return ListOf(_counted(item, references))
        case MapOf(item=item):
            return MapOf(_counted(item, references))
        case Nullable(item=item):
            return Nullable(_counted(item, references))
        case Named(name=name):
            if name not in references:
                references.append(name)
            return Named(f"Ref{references.index(name)}")
        case Scalar():
            return expression


def _schema(expression: TypeExpression) -> dict[str, Any]:
    match expression:
        case Scalar(name=name):
            return dict(SCALARS[name][0])
        case ListOf(item=item):
            return {"type": "array", "items": _schema(item)}
        case MapOf(item=item):
            return {"type": "object", "additionalProperties": _schema(item)}
        case Nullable(item=item):
            return {"anyOf": [_schema(item), {"type": "null"}]}
        case Named(name=name):
            return {"customTypePath": f"refs.{name}"}
