"""Numbers on the wire: of a message's fields and of an enum's values, each given once and for all.

A number that was given is never given again, not even after its field is gone: what is deleted
leaves its number and its name reserved, and `next_number` only grows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ..grammar import (
    EnumType,
    Field,
    ListOf,
    MapOf,
    Named,
    Nullable,
    ObjectType,
    Scalar,
    Spec,
    TypeDeclaration,
    TypeExpression,
    UnionType,
)
from ..grammar.ops import Op, Rename
from .versions import needed_types, type_versions_of, versions_of

__all__ = ["NOTHING_KNOWN", "NO_NUMBERS", "Numbering", "Numbers", "assign", "number", "wire_of"]

FIRST = 1
RESERVED_BY_PROTOBUF = range(19_000, 20_000)

_WIRES = {"int": "int64", "float": "double", "bool": "bool", "bytes": "bytes"}


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers of one message, or of one enum's values."""

    numbers: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """By name, as the spec has it."""
    wires: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """What stands on the wire under each name; "" for values of an enum and members of a union."""
    next_number: int = FIRST
    reserved_numbers: tuple[int, ...] = ()
    reserved_names: tuple[str, ...] = ()


NO_NUMBERS = Numbers()


@dataclass(frozen=True, slots=True)
class Numbering:
    """All numbers of a service."""

    events: Mapping[tuple[str, int], Numbers] = field(default_factory=dict)
    """By name and version."""
    types: Mapping[tuple[str, int], Numbers] = field(default_factory=dict)
    """Of types as they are in events, by name and version."""
    commands: Mapping[str, Numbers] = field(default_factory=dict)
    inputs: Mapping[str, Numbers] = field(default_factory=dict)
    """Of types as they are in commands."""


NOTHING_KNOWN = Numbering()


def number(spec: Spec, released: Numbering = NOTHING_KNOWN) -> Numbering:
    """Return the numbers of everything in a spec.

    What was released keeps what it has. A version that was not yet goes on from the one before it,
    a command or a type in one from how it was released last.
    """
    types = list(type_versions_of(spec))
    heads = {one.name: one.type for one in types}
    events: dict[tuple[str, int], Numbers] = {}
    for event in versions_of(spec):
        before = events.get((event.name, event.version - 1), NO_NUMBERS)
        known = released.events.get((event.name, event.version))
        events[event.name, event.version] = known or assign(
            _of_fields(event.fields, heads), before, _renamed(event.upcast)
        )
    in_events: dict[tuple[str, int], Numbers] = {}
    for one in types:
        before = in_events.get((one.type, one.version - 1), NO_NUMBERS)
        known = released.types.get(one.key)
        in_events[one.key] = known or assign(_of(one.declaration, heads), before)
    in_commands = needed_types(types, (one.fields for one in spec.commands.values()))
    return Numbering(
        events=events,
        types=in_events,
        commands={
            name: assign(_of_fields(one.fields, heads), released.commands.get(name, NO_NUMBERS))
            for name, one in spec.commands.items()
        },
        inputs={
            one.name: assign(_of(one.declaration, heads), released.inputs.get(one.name, NO_NUMBERS))
            for one in in_commands
        },
    )


def _renamed(ops: Iterable[Op]) -> dict[str, str]:
    """Return what renames at the top of a version's ops lead to, by the new name."""
    renamed: dict[str, str] = {}
    for op in ops:
        if isinstance(op, Rename):
            moved = {new: renamed.pop(old, old) for old, new in op.names.items()}
            renamed.update(moved)
    return renamed


def _of(declaration: TypeDeclaration, heads: Mapping[str, str]) -> dict[str, str]:
    match declaration:
        case EnumType(values=values):
            return dict.fromkeys(values, "")
        case UnionType(members=members):
            return dict.fromkeys((heads[member] for member in members), "")
        case ObjectType(fields=fields):
            return _of_fields(fields, heads)


def _of_fields(fields: Mapping[str, Field], heads: Mapping[str, str]) -> dict[str, str]:
    return {name: wire_of(one.type, heads) for name, one in fields.items()}


def assign(
    wires: Mapping[str, str],
    before: Numbers = NO_NUMBERS,
    renamed: Mapping[str, str] = MappingProxyType({}),
) -> Numbers:
    """Return the numbers of names, those they had before kept.

    A name keeps its number as long as the same stands on the wire; a renamed one takes it along.

    Args:
        wires: The names in their order, and what stands on the wire under each (`wire_of`).
        before: The numbers of the version, or of the release, before.
        renamed: Names of before, by what they are called now.
    """
    kept: dict[str, int] = {}
    for name, wire in wires.items():
        old = renamed.get(name, name)
        if old in before.numbers and before.wires[old] == wire:
            kept[name] = before.numbers[old]
    following = before.next_number
    numbers: dict[str, int] = {}
    for name in wires:
        if name in kept:
            numbers[name] = kept[name]
            continue
        if following in RESERVED_BY_PROTOBUF:
            following = RESERVED_BY_PROTOBUF.stop
        numbers[name] = following
        following += 1
    gone = {*before.numbers.values()} - {*kept.values()}
    names = {*before.reserved_names, *before.numbers} - {*wires}
    return Numbers(
        numbers=MappingProxyType(numbers),
        wires=MappingProxyType(dict(wires)),
        next_number=following,
        reserved_numbers=_sorted({*before.reserved_numbers, *gone}),
        reserved_names=tuple(sorted(names)),
    )


def wire_of(expression: TypeExpression, heads: Mapping[str, str]) -> str:
    """Return what stands on the wire for a type, so that equal texts can read each other.

    `T | null` reads what `T` wrote, but for a list or map: only a message can be without one. Of a
    type, all versions have one text: `heads` gives the name of each one's head.
    """
    match expression:
        case Nullable(item=ListOf() | MapOf() as item):
            return f"{{{wire_of(item, heads)}}}"
        case Nullable(item=item):
            return wire_of(item, heads)
        case ListOf(item=item):
            return f"repeated {_item(item, heads)}"
        case MapOf(item=item):
            return f"map {_item(item, heads)}"
        case Named(name=name):
            return heads[name]
        case Scalar(name=name):
            return _WIRES.get(name, "string")


def _item(expression: TypeExpression, heads: Mapping[str, str]) -> str:
    is_wrapped = isinstance(expression, ListOf | MapOf | Nullable)
    wire = wire_of(expression, heads)
    return f"{{{wire}}}" if is_wrapped else wire


def _sorted(numbers: Iterable[int]) -> tuple[int, ...]:
    return tuple(sorted(numbers))
