"""Fields: constraints that suit their type, and defaults that are values of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..grammar import (
    CONSTRAINTS,
    JSON,
    UNSET,
    Field,
    Unset,
    named_types,
    show_type,
)
from ..grammar.fields import MAX_FIELDS
from ..grammar.patterns import pattern_fault
from ..load import Mapping as MappingNode
from ..load import Place, at
from .bounds import kind_of
from .scope import Scope
from .values import Reading

__all__ = ["RULES", "settled_fields"]

_BOUNDS = (  # what may not be above what
    ("minLength", "maxLength"),
    ("minimum", "maximum"),
    ("exclusiveMinimum", "exclusiveMaximum"),
    ("minimum", "exclusiveMaximum"),
    ("exclusiveMinimum", "maximum"),
    ("minItems", "maxItems"),
    ("minProperties", "maxProperties"),
)
_EXCLUSIVE = frozenset({"exclusiveMinimum", "exclusiveMaximum"})


def fields_are_few(scope: Scope) -> None:
    """HW011: nothing has more fields than anybody could read."""
    for carrier in scope.carriers:
        if len(carrier.fields) > MAX_FIELDS:
            message = f"these are {len(carrier.fields):,} fields; the limit is {MAX_FIELDS}"
            node = at(carrier.node, "fields")
            place = node.entries[MAX_FIELDS].key if isinstance(node, MappingNode) else node
            scope.add(place, "HW011", message, "group them in objects")


def constraints_suit(scope: Scope) -> None:
    """HW403: a constraint is one of the field's type."""
    for one in scope.fields:
        if not one.constraints:
            continue
        kind = kind_of(one.type)
        if any(named.name not in scope.types for named in named_types(one.type)):
            continue  # a type that is not there takes anything
        allowed = CONSTRAINTS.get(kind, ())
        for name in one.constraints:
            if name not in allowed:
                hint = f"{kind} takes {', '.join(allowed)}" if allowed else f"{kind} takes none"
                message = f'"{name}" does not apply to {show_type(one.type)}'
                scope.add(_key(one, name), "HW403", message, hint)


def constraints_can_be_met(scope: Scope) -> None:
    """HW404: there are values that meet all constraints of a field."""
    for one in scope.fields:
        if not one.constraints:
            continue
        for low, high in _BOUNDS:
            if low not in one.constraints or high not in one.constraints:
                continue
            bottom, top = _number(one, low), _number(one, high)
            if bottom is None or top is None:
                continue
            strict = bool({low, high} & _EXCLUSIVE)
            if bottom > top or (strict and bottom == top):
                message = f'no value can have "{low}" {bottom} and "{high}" {top}'
                scope.add(at(one.node, high), "HW404", message)
        whole = kind_of(one.type) == "int"
        for name in filter(one.constraints.__contains__, CONSTRAINTS["int"]):
            limit = _number(one, name)
            if limit is None:
                continue
            if whole and isinstance(limit, float):
                scope.add(at(one.node, name), "HW404", f'"{name}" of an int is a whole number')
            elif name == "multipleOf" and limit <= 0:
                scope.add(at(one.node, name), "HW404", '"multipleOf" is greater than 0')


def patterns_compile(scope: Scope) -> None:
    """HW405: a pattern is a regular expression that is matched in linear time."""
    for one in scope.fields:
        pattern = one.constraints.get("pattern")
        if isinstance(pattern, str) and (fault := pattern_fault(pattern)):
            message, hint = fault
            scope.add(at(one.node, "pattern"), "HW405", message, hint)


def settled_fields(scope: Scope, fields: Mapping[str, Field]) -> Mapping[str, Field]:
    """Return fields with their defaults as they are on the wire, and report those that are none.

    HW406: a default is a value of the field's type. HW407: it meets the field's constraints.
    HW408: a number is finite and fits.
    """
    if all(isinstance(one.default, Unset) for one in fields.values()):
        return fields
    return {name: replace(one, default=_default(scope, one)) for name, one in fields.items()}


def _default(scope: Scope, one: Field) -> JSON | Unset:
    if isinstance(one.default, Unset) or not isinstance(one.node, MappingNode):
        return one.default
    node = one.node.value("default")
    if node is None:
        return one.default
    reading = Reading(scope)
    value = reading.field(node, one)
    return UNSET if reading.failed else value


def _number(one: Field, name: str) -> int | float | None:
    value = one.constraints.get(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _key(one: Field, name: str) -> Place:
    entry = one.node.entry(name) if isinstance(one.node, MappingNode) else None
    return entry.key if entry else one.node


RULES = (fields_are_few, constraints_suit, constraints_can_be_met, patterns_compile)
