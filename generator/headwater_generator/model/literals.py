"""Values of the spec as Python expressions. Text becomes a literal and nothing else."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

from ..grammar import (
    EnumType,
    ListOf,
    MapOf,
    Named,
    Nullable,
    ObjectType,
    Scalar,
    TypeDeclaration,
    TypeExpression,
    UnionType,
    tag_value,
)
from ..names import enum_member, python_name
from .scope import Scope

__all__ = ["Default", "default_of", "literal", "moment"]

_UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_SPEC_DURATION = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?)(?P<unit>ms|s|m|h|d)")
_ISO_DURATION = re.compile(
    r"P(?:(?P<weeks>[0-9.]+)W)?(?:(?P<days>[0-9.]+)D)?"
    r"(?:T(?:(?P<hours>[0-9.]+)H)?(?:(?P<minutes>[0-9.]+)M)?(?:(?P<seconds>[0-9.]+)S)?)?"
)


@dataclass(frozen=True, slots=True)
class Default:
    """A default value as an expression."""

    expression: str
    is_mutable: bool = False
    """Whether each instance needs one of its own."""
    is_loose: bool = False
    """Whether a type checker needs to be told the type of the list or mapping."""


def literal(value: object) -> str:
    """Return the literal of text, bytes, numbers, booleans, None, lists, tuples and mappings.

    Text is in double quotes; what cannot be printed is escaped, so that no value can end its quotes
    or its line.
    """
    match value:
        case None | bool() | int() | float():
            return repr(value)
        case str():
            return f'"{"".join(map(_character, value))}"'
        case bytes():
            return "b" + literal(value.decode("latin-1")) if value.isascii() else repr(value)
        case list():
            return f"[{', '.join(map(literal, value))}]"
        case tuple():
            items = ", ".join(map(literal, value))
            return f"({items},)" if len(value) == 1 else f"({items})"
        case Mapping():
            items = ", ".join(f"{literal(key)}: {literal(item)}" for key, item in value.items())
            return f"{{{items}}}"
        case _:
            raise TypeError(f"no literal for {type(value).__name__}")


def default_of(
    expression: TypeExpression,
    value: object,
    *,
    types: Mapping[str, TypeDeclaration],
    scope: Scope,
    types_module: str | None,
) -> Default:
    """Return the default `value`, JSON as `check` accepted it, as a value of the type.

    Args:
        types_module: Where the spec's own types are imported from; `None` within that module.
    """
    return _Encoder(types, scope, types_module).encode(expression, value)


def moment(value: datetime, scope: Scope) -> str:
    """Return a date and time, in UTC, as an expression."""
    utc = value.astimezone(UTC)
    parts = [utc.year, utc.month, utc.day, utc.hour, utc.minute, utc.second, utc.microsecond]
    while len(parts) > 3 and not parts[-1]:
        parts.pop()
    return f"{scope['datetime']}({', '.join(map(str, parts))}, tzinfo={scope['UTC']})"


@dataclass(frozen=True, slots=True)
class _Encoder:
    types: Mapping[str, TypeDeclaration]
    scope: Scope
    module: str | None

    def encode(self, expression: TypeExpression, value: object) -> Default:
        match expression, value:
            case Nullable(), None:
                return Default("None")
            case Nullable(item=item), _:
                return self.encode(item, value)
            case ListOf(item=item), list():
                items = [self.encode(item, one).expression for one in value]
                return Default(
                    f"[{', '.join(items)}]", is_mutable=True, is_loose=self._is_loose(item)
                )
            case MapOf(item=item), Mapping():
                pairs = [
                    f"{literal(key)}: {self.encode(item, one).expression}"
                    for key, one in value.items()
                ]
                return Default(
                    f"{{{', '.join(pairs)}}}", is_mutable=True, is_loose=self._is_loose(item)
                )
            case Named(name=name), _:
                return self._named(name, value)
            case Scalar(name=name), _:
                return self._scalar(name, value)
            case _:
                raise TypeError(f"{value!r} is no {expression}")

    def _is_loose(self, item: TypeExpression) -> bool:
        match item:
            case Scalar(name=name):
                return name == "json"
            case Named(name=name):
                return isinstance(self.types[name], UnionType)
            case _:
                return True

    def _named(self, name: str, value: object) -> Default:
        match self.types[name], value:
            case EnumType(), str():
                return Default(f"{self._class(name)}.{enum_member(value)}")
            case ObjectType(fields=fields), Mapping():
                arguments = [
                    f"{python_name(key)}={self.encode(fields[key].type, one).expression}"
                    for key, one in value.items()
                    if key in fields
                ]
                # Made when needed, so that importing validates nothing.
                return Default(f"{self._class(name)}({', '.join(arguments)})", is_mutable=True)
            case UnionType(tag=tag, members=members), Mapping():
                by_tag = {tag_value(self.types, one): one for one in members}
                return self._named(by_tag[str(value[tag])], value)
            case _:
                raise TypeError(f"{value!r} is no {name}")

    def _class(self, name: str) -> str:
        return self.scope.sibling(self.module, name) if self.module else name

    def _scalar(self, name: str, value: object) -> Default:
        text = str(value)
        match name:
            case "json":
                is_container = isinstance(value, (list, Mapping))
                return Default(literal(value), is_mutable=is_container, is_loose=is_container)
            case "float" if isinstance(value, int):
                return Default(repr(float(value)))
            case "bytes":
                return Default(literal(base64.b64decode(text, validate=True)))
            case "decimal":
                return Default(f"{self.scope['Decimal']}({literal(str(Decimal(text)))})")
            case "uuid":
                return Default(f"{self.scope['UUID']}({literal(str(UUID(text)))})")
            case "date":
                day = date.fromisoformat(text)
                return Default(self._call("date", [day.year, day.month, day.day]))
            case "time":
                return Default(self._time(time.fromisoformat(text)))
            case "datetime":
                return Default(moment(datetime.fromisoformat(text), self.scope))
            case "duration":
                return Default(self._seconds(_duration(text)))
            case _:
                return Default(literal(value))

    def _call(self, name: str, arguments: list[int]) -> str:
        return f"{self.scope[name]}({', '.join(map(str, arguments))})"

    def _time(self, value: time) -> str:
        parts = [value.hour, value.minute, value.second, value.microsecond]
        offset = value.utcoffset()
        while len(parts) > 2 and not parts[-1]:
            parts.pop()
        if offset is None:
            return self._call("time", parts)
        zone = self.scope["UTC"] if not offset else self._zone(offset)
        return self._call("time", parts)[:-1] + f", tzinfo={zone})"

    def _zone(self, offset: timedelta) -> str:
        return f"{self.scope['timezone']}({self._seconds(offset)})"

    def _seconds(self, value: timedelta) -> str:
        parts = {
            "days": value.days, "seconds": value.seconds, "microseconds": value.microseconds,
        }  # fmt: skip
        arguments = [f"{name}={number}" for name, number in parts.items() if number]
        return f"{self.scope['timedelta']}({', '.join(arguments)})"


def _duration(text: str) -> timedelta:
    """Read `90s` as a spec writes it, or ISO 8601 without months and years."""
    if match := _SPEC_DURATION.fullmatch(text):
        return timedelta(**{_UNITS[match["unit"]]: float(match["number"])})
    if match := _ISO_DURATION.fullmatch(text):
        parts = {name: float(number) for name, number in match.groupdict("0").items()}
        return timedelta(**parts)
    raise ValueError(f"{text!r} is no duration")


def _character(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    code = ord(character)
    short = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character)
    if short:
        return short
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
