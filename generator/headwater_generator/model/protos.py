"""What stands in the protos of a package: messages and enums, every name and number settled.

The messages of event versions, and of the types in them, never change once released: `UserAddedV1`,
`RoleV1`. A command changes in place, so what it consists of has messages of its own, which keep
their names: `AddUserCommand`, `RoleInput`. No two of these can ever get the same name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from ..grammar import (
    UNSET,
    EnumType,
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
)
from ..names import enum_member, enum_prefix, input_message, pascal, snake, versioned, zero_member
from .numbers import Numbering, Numbers
from .versions import TypeVersion, needed_types, type_versions_of, versions_of

__all__ = [
    "ProtoEnum",
    "ProtoField",
    "ProtoFile",
    "ProtoMessage",
    "command_message",
    "files_of",
    "package_of",
]

_SCALARS = {"int": "int64", "float": "double", "bool": "bool", "bytes": "bytes"}
# What a text holds that has no type of its own in protobuf; as it is in JSON.
_TEXTS = {
    "decimal": "A decimal number, such as 12.50.",
    "uuid": "A UUID.",
    "date": "A date, ISO 8601.",
    "time": "A time of day, ISO 8601.",
    "datetime": "A point in time with its offset, RFC 3339.",
    "duration": "A duration, ISO 8601.",
    "json": "Any JSON, as text.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtoField:
    """A field: `label` is `optional`, `repeated` or nothing."""

    name: str
    type: str
    number: int
    label: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtoMessage:
    """A message; its fields in the order of their numbers."""

    name: str
    fields: tuple[ProtoField, ...]
    comment: str = ""
    choice: str = ""
    """Name of the oneof that all fields stand in; empty where there is none."""
    nested: tuple[ProtoMessage, ...] = ()
    reserved_numbers: tuple[int, ...] = ()
    reserved_names: tuple[str, ...] = ()
    kind: str = "message"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtoEnum:
    """An enum; its values, pairs of name and number, in the order of these."""

    name: str
    values: tuple[tuple[str, int], ...]
    comment: str = ""
    reserved_numbers: tuple[int, ...] = ()
    reserved_names: tuple[str, ...] = ()
    kind: str = "enum"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtoFile:
    """One file of the package's protos."""

    name: str
    """Without its ending, such as `events`."""
    title: str
    items: tuple[ProtoMessage | ProtoEnum, ...]
    imports: tuple[str, ...] = ()


def package_of(spec: Spec) -> str:
    """Return the protobuf package of a service: `user_service.v1`, whatever versions follow."""
    return f"{snake(spec.service)}.v1"


def command_message(name: str) -> str:
    """Return the message of a command."""
    return f"{name}Command"


def files_of(spec: Spec, numbering: Numbering) -> tuple[ProtoFile, ...]:
    """Return those files of a service's protos that differ from spec to spec and hold something."""
    types = tuple(type_versions_of(spec))
    names = {one.name: one for one in types}
    in_events = needed_types(types, (one.fields for one in versions_of(spec)))
    in_commands = needed_types(types, (one.fields for one in spec.commands.values()))
    of_events = _Maker(names, lambda one: versioned(*one.key))
    of_commands = _Maker(names, lambda one: input_message(one.name))
    folder = package_of(spec).replace(".", "/")
    files = (
        ProtoFile(
            name="types",
            title=f"Types in the events of {spec.service}, a message or enum for each version.",
            items=tuple(of_events.type(one, numbering.types[one.key]) for one in in_events),
        ),
        ProtoFile(
            name="events",
            title=f"The events of {spec.service}, a message for each version.",
            imports=(f"{folder}/types.proto",) if in_events else (),
            items=tuple(
                of_events.message(
                    one.class_name,
                    one.fields,
                    numbering.events[one.name, one.version],
                    one.description or f"{one.name}, version {one.version}.",
                )
                for one in versions_of(spec)
            ),
        ),
        ProtoFile(
            name="commands",
            title=f"The commands of {spec.service}, and the types in them.",
            items=(
                *(of_commands.type(one, numbering.inputs[one.name]) for one in in_commands),
                *(
                    of_commands.message(
                        command_message(name),
                        one.fields,
                        numbering.commands[name],
                        one.description or f"The command {name}.",
                    )
                    for name, one in spec.commands.items()
                ),
            ),
        ),
    )
    return tuple(one for one in files if one.items)


class _Maker:
    """Makes messages and enums; types are called as `name_of` says."""

    def __init__(
        self, types: Mapping[str, TypeVersion], name_of: Callable[[TypeVersion], str]
    ) -> None:
        self._types = types
        self._name_of = name_of

    def type(self, one: TypeVersion, numbers: Numbers) -> ProtoMessage | ProtoEnum:
        """Return the message or enum of a type."""
        name = self._name_of(one)
        comment = one.declaration.description or f"One {one.type}."
        match one.declaration:
            case EnumType(values=values):
                return _enum(name, values, numbers, comment)
            case UnionType(members=members, tag=tag):
                return self._union(name, members, tag, numbers, comment)
            case ObjectType(fields=fields):
                return self.message(name, fields, numbers, comment)

    def message(
        self, name: str, fields: Mapping[str, Field], numbers: Numbers, comment: str
    ) -> ProtoMessage:
        """Return the message of what has fields."""
        nested: list[ProtoMessage] = []
        made = [
            self._field(
                field_name,
                field.type,
                numbers.numbers[field_name],
                nested,
                is_optional=field.default is not UNSET,
                comment=field.description or "",
            )
            for field_name, field in fields.items()
        ]
        return ProtoMessage(
            name=name,
            comment=comment,
            fields=tuple(sorted(made, key=lambda one: one.number)),
            nested=tuple(nested),
            reserved_numbers=numbers.reserved_numbers,
            reserved_names=numbers.reserved_names,
        )

    def _field(
        self,
        name: str,
        expression: TypeExpression,
        number: int,
        nested: list[ProtoMessage],
        *,
        is_optional: bool = False,
        comment: str = "",
    ) -> ProtoField:
        """Return a field; messages that it needs inside its own are added to `nested`."""
        label = ""
        bare = expression.item if isinstance(expression, Nullable) else expression
        match expression:
            case ListOf(item=item):
                label, kind = "repeated", self._inside(f"{pascal(name)}Item", item, nested)
            case MapOf(item=item):
                kind = f"map<string, {self._inside(f'{pascal(name)}Value', item, nested)}>"
            case Nullable(item=ListOf() | MapOf() as item):
                word = "List" if isinstance(item, ListOf) else "Map"
                kind = self._inside(f"{pascal(name)}{word}", item, nested)
            case Nullable(item=item):
                label, kind = "optional", self._inside("", item, nested)
            case _:
                label = "optional" if is_optional else ""
                kind = self._inside("", expression, nested)
        text = _TEXTS.get(bare.name, "") if isinstance(bare, Scalar) else ""
        return ProtoField(
            name=name,
            type=kind,
            number=number,
            label=label,
            comment=" ".join(filter(None, (comment, text))),
        )

    def _inside(self, wrapper: str, expression: TypeExpression, nested: list[ProtoMessage]) -> str:
        """Return a type that can be repeated or left out; lists, maps and null need a message."""
        match expression:
            case Scalar(name=name):
                return _SCALARS.get(name, "string")
            case Named(name=name):
                return self._name_of(self._types[name])
            case ListOf():
                field_name, what = "items", "A list"
            case MapOf():
                field_name, what = "entries", "A map"
            case Nullable():
                field_name, what = "value", "A value, or null if it is not set"
        inner: list[ProtoMessage] = []
        field = self._field(field_name, expression, 1, inner)
        nested.append(
            ProtoMessage(name=wrapper, comment=f"{what}.", fields=(field,), nested=tuple(inner))
        )
        return wrapper

    def _union(
        self, name: str, members: Iterable[str], tag: str, numbers: Numbers, comment: str
    ) -> ProtoMessage:
        types = [self._types[one] for one in members]
        fields = [
            ProtoField(
                name=snake(one.type), type=self._name_of(one), number=numbers.numbers[one.type]
            )
            for one in types
        ]
        choice = tag
        while choice in {field.name for field in fields}:
            choice += "_choice"
        return ProtoMessage(
            name=name,
            comment=comment,
            choice=choice,
            fields=tuple(sorted(fields, key=lambda one: one.number)),
            reserved_numbers=numbers.reserved_numbers,
            reserved_names=tuple(sorted(map(snake, numbers.reserved_names))),
        )


def _enum(name: str, values: Iterable[str], numbers: Numbers, comment: str) -> ProtoEnum:
    prefix = enum_prefix(name)
    members = {value: enum_member(value) for value in values}
    zero = zero_member(members.values())
    found = [(f"{prefix}{member}", numbers.numbers[value]) for value, member in members.items()]
    reserved = {f"{prefix}{enum_member(value)}" for value in numbers.reserved_names}
    return ProtoEnum(
        name=name,
        comment=comment,
        values=((f"{prefix}{zero}", 0), *sorted(found, key=lambda one: one[1])),
        reserved_numbers=numbers.reserved_numbers,
        reserved_names=tuple(sorted(reserved - {one for one, _ in found})),
    )
