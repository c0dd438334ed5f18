"""Protobuf: what names become there, where fewer are told apart than in JSON and Python.

Of each message the fields' names in protobuf's own JSON differ, of each enum the values without its
prefix, and an enum's values share the package with those of all others. Every version has its
messages, so each is looked at by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..grammar import EnumType
from ..load import Place, entries, listed
from ..names import (
    enum_member,
    enum_prefix,
    input_message,
    json_name,
    snake,
    type_name,
    versioned,
    zero_member,
)
from .scope import Scope

__all__ = ["RULES"]


@dataclass(frozen=True, slots=True)
class _Claim:
    """A name of the spec, and what it becomes."""

    name: str
    owner: str
    """As a message calls it."""
    place: Place


def fields_have_names_of_their_own(scope: Scope) -> None:
    """HW309: no two fields of a command, an object or an event's version get one name."""
    for carrier in scope.carriers:
        if len({*map(json_name, carrier.fields)}) == len(carrier.fields):
            continue
        places = {one.key.text: one.key for one in entries(carrier.node, "fields")}
        _tell_clashes(
            scope,
            (
                _Claim(json_name(name), f'"{name}"', places.get(name, carrier.node))
                for name in carrier.fields
            ),
            "the field",
        )


def members_have_names_of_their_own(scope: Scope) -> None:
    """HW309: no two members of a tagged union get one name, such as two versions of a type."""
    heads = {past: head for head, past in _past(scope)}
    for _, union in scope.unions():
        _tell_clashes(
            scope,
            (
                _Claim(json_name(snake(heads.get(member, member))), f'"{member}"', place)
                for member, place in listed(union.node, "one_of", union.members, type_name)
            ),
            "the field",
        )


def enum_values_have_names_of_their_own(scope: Scope) -> None:
    """HW309: no two values of an enum get one name, and none that of another enum's value."""
    everywhere: list[_Claim] = []
    past = {name for _, name in _past(scope)}
    for name, enum in scope.enums():
        members: dict[str, tuple[str, Place]] = {}
        for value, place in listed(enum.node, "enum", enum.values):
            members.setdefault(enum_member(value), (value, place))
        members.pop("", None)  # that two have one member, or one has none, is told by HW307
        is_clear = _tell_clashes(
            scope,
            (
                _Claim(_without_case(member), f'"{value}"', place)
                for member, (value, place) in members.items()
            ),
            "the value",
        )
        if not is_clear:
            continue
        message = name if name in past else versioned(name, _version(enum))
        for prefix in (enum_prefix(message), enum_prefix(input_message(name))):
            everywhere += (
                _Claim(f"{prefix}{member}", f'"{value}" of {name}', place)
                for member, (value, place) in members.items()
            )
            unset = f"{prefix}{zero_member(members)}"
            everywhere.append(_Claim(unset, f"no value of {name}", scope.key("types", name)))
    _tell_clashes(scope, everywhere, "the value")


def _tell_clashes(scope: Scope, claims: Iterable[_Claim], what: str) -> bool:
    """Tell of what becomes the same name; return whether there is nothing of it."""
    taken: dict[str, _Claim] = {}
    is_clear = True
    for one in claims:
        first = taken.setdefault(one.name, one)
        if first.place is not one.place and first.owner != one.owner:
            is_clear = False
            message = f"{one.owner} and {first.owner} both become {what} {one.name} in protobuf"
            hint = f"{first.owner} is on {first.place.seen_from(one.place)}"
            scope.add(one.place, "HW309", message, hint)
    return is_clear


def _without_case(member: str) -> str:
    """Return the name that languages give a member: `IN_PROGRESS` is `InProgress`."""
    return "".join(word[:1] + word[1:].lower() for word in member.split("_"))


def _past(scope: Scope) -> Iterator[tuple[str, str]]:
    """Yield the head of each older version of a type, and what that version is called."""
    for head, declaration in scope.spec.types.items():
        for number in declaration.history:
            yield head, versioned(head, int(number))


def _version(enum: EnumType) -> int:
    return max(map(int, enum.history), default=0) + 1


RULES = (
    fields_have_names_of_their_own,
    members_have_names_of_their_own,
    enum_values_have_names_of_their_own,
)
