"""For each op, events on which it cannot do everything, and what it claims to do less.

A claim is made one notch stronger by a mutant: the op goes on doing what it does, and says nothing
of a loss, of values that it refuses, or of there being no way down.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Any

import pytest
import yaml
from headwater.schema.conversions import CONVERSIONS, Conversion
from headwater_generator.evolution import (
    EnumShape,
    ListShape,
    MapShape,
    NullableShape,
    ObjectShape,
    ScalarShape,
    Shape,
    UnionShape,
)
from headwater_generator.evolution.application import hop as ends
from headwater_generator.evolution.application import ops as table
from headwater_generator.evolution.effects import Effect, Hop
from headwater_generator.evolution.values import fault
from headwater_generator.grammar.ops import OPS
from hypothesis import strategies as st

from .properties import Versions, read

__all__ = ["CASES", "WIDENING", "Case", "Notch", "claiming_more", "notches", "payloads", "widening"]

WIDENING = "(none)"
"""What stands for the op where a field only became wider."""


class Notch(Enum):
    """Something that an op claims less than it might."""

    UP_LOSS = "what went up does not all come back"
    DOWN_LOSS = "what went down does not all come back"
    UP_REFUSAL = "some values do not go up"
    DOWN_REFUSAL = "some values do not go down"
    NO_WAY = "there is no way down"


@dataclass(frozen=True)
class Case:
    """An op, and an event that it changes."""

    op: str
    about: str
    older: dict[str, Any]
    newer: dict[str, Any]
    ops: tuple[dict[str, Any], ...]
    less: frozenset[Notch]
    """What it claims less."""
    functions: str = ""

    def __str__(self) -> str:
        return f"{self.op} {self.about}"

    def versions(self) -> Versions:
        """Both versions of the event, and what the op does to it."""
        event = {"fields": self.newer, "history": {"1": {"fields": self.older}}}
        if self.ops:
            event["upcast"] = list(self.ops)
        spec = {
            "headwater": 1,
            "service": "user-service",
            "types": TYPES,
            "streams": {"users": {"type": "persistent"}},
            "workflows": {"User": {"stream": "users", "events": {"Changed": event}}},
        }
        plain = json.loads(json.dumps(spec))  # the same value twice is no alias
        return read(yaml.safe_dump(plain, sort_keys=False, width=1000), self.functions)


TYPES: dict[str, Any] = {
    "Role": {"enum": ["user", "admin", "guest"]},
    "Rank": {"enum": ["member", "admin", "guest"]},
    "Level": {"enum": ["member", "guest"]},
    "Grade": {"enum": ["member", "guest", "vip"]},
    "Wide": {"enum": ["user", "admin", "guest", "robot"]},
    "Box": {"fields": {"size": "int"}},
    "Labelled": {"fields": {"size": "int", "label": "string"}},
    "Empty": {"fields": {}},
    "Text": {"fields": {"size": "string"}},
    "Wider": {"fields": {"size": "int | null"}},
}
SHORT = {"type": "string", "maxLength": 4}
SOME = {"type": "list<int>", "minItems": 1}
PAIR = {"type": "list<int>", "minItems": 2}
CUSTOM = """
def up(fields):
    return {"number": int(fields["text"].strip())}


def down(fields):
    if fields["number"] < 0:
        raise ValueError("it is less than nothing")
    return {"text": str(fields["number"] // 10)}
"""


def _case(
    op: str,
    about: str,
    older: dict[str, Any],
    newer: dict[str, Any],
    does: Any,
    *less: Notch,
    functions: str = "",
) -> Case:
    ops = ({op: does},) if does is not None else ()
    return Case(op, about, older, newer, ops, frozenset(less), functions)


def _conversions() -> Iterator[Case]:
    for name, one in CONVERSIONS.items():
        yield Case(
            "convert",
            name,
            {"a": one.source},
            {"a": one.target},
            ({"convert": {"a": name}},),
            frozenset(_told(one, CONVERSIONS[one.back])),
        )


def _told(there: Conversion, back: Conversion) -> Iterator[Notch]:
    if there.loss:
        yield Notch.UP_LOSS
    if there.refuses:
        yield Notch.UP_REFUSAL
    if back.loss:
        yield Notch.DOWN_LOSS
    if back.refuses:
        yield Notch.DOWN_REFUSAL


def _inside() -> Iterator[Case]:
    """Ops on an object, and on each of a list: what those inside claim less, they do."""
    for op, of in (("in", "{}"), ("in", "{} | null"), ("each", "list<{}>")):
        for about, newer, does, less in (
            ("rename", "Text", {"convert": {"size": "int_to_string"}}, (Notch.DOWN_REFUSAL,)),
            ("add", "Labelled", {"add": {"label": "-"}}, (Notch.DOWN_LOSS,)),
            ("drop to restore", "Empty", {"drop": {"size": 3}}, (Notch.UP_LOSS,)),
            ("drop", "Empty", {"drop": ["size"]}, (Notch.NO_WAY,)),
        ):
            yield _case(
                op,
                f"{of.format('Box')}: {about}",
                {"a": of.format("Box")},
                {"a": of.format(newer)},
                {"field": "a", "do": [does]},
                *less,
            )
        yield _case(
            op,
            f"{of.format('Text')}: convert",
            {"a": of.format("Text")},
            {"a": of.format("Box")},
            {"field": "a", "do": [{"convert": {"size": "string_to_int"}}]},
            Notch.UP_REFUSAL,
        )


CASES = (
    _case("rename", "of two", {"a": "int", "b": "string"}, {"b": "int", "a": "string"},
          {"a": "b", "b": "a"}),
    _case("rename", "of a text that has limits", {"a": SHORT}, {"b": SHORT}, {"a": "b"}),
    _case("add", "of a number", {"a": "int"}, {"a": "int", "n": "int"}, {"n": 7},
          Notch.DOWN_LOSS),
    _case("add", "of null", {"a": "int"}, {"a": "int", "n": "Role | null"}, {"n": None},
          Notch.DOWN_LOSS),
    _case("drop", "of what is restored", {"a": "int", "b": "int"}, {"b": "int"}, {"a": 3},
          Notch.UP_LOSS),
    _case("drop", "of what may be null", {"a": "Box | null", "b": "int"}, {"b": "int"}, ["a"],
          Notch.UP_LOSS),
    _case("drop", "for good", {"a": "int", "b": "int"}, {"b": "int"}, ["a"],
          Notch.NO_WAY),
    *_conversions(),
    _case("convert", "to a text that has limits", {"a": SHORT}, {"a": "int"},
          {"a": "string_to_int"}, Notch.UP_REFUSAL, Notch.DOWN_REFUSAL),
    _case("map_enum", "one to one", {"a": "Role"}, {"a": "Rank"},
          {"field": "a", "values": {"user": "member"}}),
    _case("map_enum", "of several to one", {"a": "Role"}, {"a": "Level"},
          {"field": "a", "values": {"user": "member", "admin": "member"}},
          Notch.UP_LOSS, Notch.DOWN_REFUSAL),
    _case("map_enum", "of several to one and back", {"a": "Role"}, {"a": "Level"},
          {"field": "a", "values": {"user": "member", "admin": "member"},
           "back": {"member": "user"}}, Notch.UP_LOSS),
    _case("map_enum", "of what is new, back", {"a": "Role"}, {"a": "Grade"},
          {"field": "a", "values": {"user": "member", "admin": "member"},
           "back": {"member": "user", "vip": "admin"}}, Notch.UP_LOSS, Notch.DOWN_LOSS),
    _case("split", "", {"a": "string"}, {"b": "string", "c": "string"},
          {"field": "a", "into": ["b", "c"], "sep": " "}, Notch.UP_LOSS, Notch.DOWN_LOSS),
    _case("split", "of a text that has limits", {"a": SHORT}, {"b": "string", "c": "string"},
          {"field": "a", "into": ["b", "c"], "sep": "-"},
          Notch.UP_LOSS, Notch.DOWN_LOSS, Notch.DOWN_REFUSAL),
    _case("merge", "", {"a": "string", "b": "string"}, {"c": "string"},
          {"fields": ["a", "b"], "into": "c", "sep": " "}, Notch.UP_LOSS, Notch.DOWN_LOSS),
    _case("merge", "of texts that have limits", {"a": "string", "b": SHORT}, {"c": "string"},
          {"fields": ["a", "b"], "into": "c", "sep": "-"},
          Notch.UP_LOSS, Notch.DOWN_LOSS, Notch.DOWN_REFUSAL),
    _case("nest", "", {"size": "int", "label": "string"}, {"a": "Labelled"},
          {"fields": ["size", "label"], "into": "a"}),
    _case("hoist", "", {"a": "Labelled"}, {"size": "int", "label": "string"},
          {"from": "a", "fields": ["size", "label"]}),
    _case("wrap", "", {"a": "int"}, {"a": "list<int>"}, {"field": "a"},
          Notch.DOWN_LOSS, Notch.DOWN_REFUSAL),
    _case("wrap", "of what may be null", {"a": "int | null"}, {"a": "list<int>"}, {"field": "a"},
          Notch.DOWN_LOSS),
    _case("head", "", {"a": "list<int>"}, {"a": "int"}, {"field": "a"},
          Notch.UP_LOSS, Notch.UP_REFUSAL),
    _case("head", "or null", {"a": "list<int>"}, {"a": "int | null"}, {"field": "a"},
          Notch.UP_LOSS),
    _case("head", "of some", {"a": SOME}, {"a": "int"}, {"field": "a"}, Notch.UP_LOSS),
    _case("head", "of two or more", {"a": PAIR}, {"a": "int"}, {"field": "a"},
          Notch.NO_WAY),
    *_inside(),
    _case("format", "", {"a": "int"}, {"a": "int", "n": "string"}, {"n": "no {a}"},
          Notch.DOWN_LOSS),
    _case("compute", "", {"a": "int"}, {"a": "int", "n": "int"}, {"n": "a + 1"},
          Notch.DOWN_LOSS),
    _case("compute", "with a division", {"a": "int"}, {"a": "int", "n": "int"}, {"n": "7 // a"},
          Notch.DOWN_LOSS, Notch.UP_REFUSAL),
    _case("from_envelope", "", {"a": "int"}, {"a": "int", "n": "string"}, {"n": "workflow_id"},
          Notch.DOWN_LOSS),
    _case("custom", "with a way down", {"text": "string"}, {"number": "int"},
          {"up": "up", "down": "down"}, Notch.UP_LOSS, Notch.DOWN_LOSS, Notch.UP_REFUSAL,
          Notch.DOWN_REFUSAL, functions=CUSTOM),
    _case("custom", "without", {"text": "string"}, {"number": "int"}, {"up": "up"},
          Notch.NO_WAY, Notch.UP_REFUSAL, functions=CUSTOM.partition("\n\n\n")[0] + "\n"),
    _case(WIDENING, "an int for a float", {"a": "int"}, {"a": "float"}, None, Notch.NO_WAY),
    _case(WIDENING, "null, too", {"a": "int"}, {"a": "int | null"}, None, Notch.NO_WAY),
    _case(WIDENING, "a new value", {"a": "Role"}, {"a": "Wide"}, None, Notch.NO_WAY),
    _case(WIDENING, "null inside", {"a": "list<Box>"}, {"a": "list<Wider>"}, None, Notch.NO_WAY),
    _case(WIDENING, "a looser limit", {"a": SHORT}, {"a": "string"}, None, Notch.NO_WAY),
    Case(WIDENING, "a new value beside map_enum", {"a": "Role"}, {"a": "Grade"},
         ({"map_enum": {"field": "a", "values": {"user": "member", "admin": "member"},
                        "back": {"member": "user"}}},),
         frozenset({Notch.DOWN_REFUSAL})),
)  # fmt: skip
"""At least one case for each op; for each notch one, where an op claims less."""


def notches(effect: Effect) -> Iterator[Notch]:
    """What an op claims less; where there is no way down, nothing comes back anyhow."""
    if effect.up_refusals:
        yield Notch.UP_REFUSAL
    if effect.down is None:
        yield Notch.NO_WAY
        return
    if effect.up_losses:
        yield Notch.UP_LOSS
    if effect.down_losses:
        yield Notch.DOWN_LOSS
    if effect.down_refusals:
        yield Notch.DOWN_REFUSAL


def widening(hop: Hop) -> Iterator[Notch]:
    """What is claimed less because fields became wider than ops made them."""
    if hop.obstacles:
        yield Notch.NO_WAY
    if hop.refusals:
        yield Notch.DOWN_REFUSAL


def _more(effect: Effect, notch: Notch) -> Effect:
    match notch:
        case Notch.UP_LOSS:
            return replace(effect, up_losses=())
        case Notch.DOWN_LOSS:
            return replace(effect, down_losses=())
        case Notch.UP_REFUSAL:
            return replace(effect, up_refusals=())
        case Notch.DOWN_REFUSAL:
            return replace(effect, down_refusals=())
        case Notch.NO_WAY:
            return replace(effect, down=effect.down or ())


@contextmanager
def claiming_more(op: str, notch: Notch) -> Iterator[None]:
    """Let an op claim what it does not do, and do what it did."""
    whole = ends.look_down

    def look_down(*args: Any) -> None:
        """Leave out of the hop what it would say of the values of enums, or of widening."""
        *given, obstacles, refusals = args
        if op == WIDENING and notch is Notch.NO_WAY:
            obstacles = []
        if notch is Notch.DOWN_REFUSAL:
            refusals = []
        whole(*given, obstacles, refusals)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ends, "look_down", look_down)
        if op != WIDENING:
            apply = table._OPS[OPS[op]]
            patch.setitem(table._OPS, OPS[op], lambda *args: _more(apply(*args), notch))  # type: ignore[arg-type]
        yield


def payloads(shape: Shape) -> st.SearchStrategy[Any]:
    """Values of a shape, and such as are written in another way than others write them."""
    return _any_of(shape).filter(lambda one: fault(one, shape) is None)


def _any_of(shape: Shape) -> st.SearchStrategy[Any]:
    match shape:
        case ScalarShape(type=kind):
            return SCALARS[kind]
        case EnumShape(values=values):
            return st.sampled_from(values)
        case ListShape(item=item):
            return st.lists(payloads(item), max_size=3)
        case MapShape(item=item):
            return st.dictionaries(st.text("ab", max_size=2), payloads(item), max_size=3)
        case NullableShape(item=item):
            return st.none() | payloads(item)
        case ObjectShape(fields=fields):
            return st.fixed_dictionaries({key: payloads(one.shape) for key, one in fields.items()})
        case UnionShape() | _:
            raise AssertionError(shape)


INTS = st.integers(-20, 20) | st.integers(-(10**18), 10**18)
FLOATS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-9, 9).map(float),
    st.just(-0.0),
)
DECIMALS = st.decimals("-9", "9", places=3).map(str) | st.decimals("-9", "9", places=1).map(str)
UUIDS = st.uuids().map(str) | st.uuids().map(lambda one: str(one).upper())
DATES = st.dates().map(str)
DATETIMES = st.builds(
    lambda moment, zone: f"{moment.isoformat()}{zone}",
    st.datetimes() | st.sampled_from([datetime(1, 1, 1), datetime(9999, 12, 31, 23)]),  # noqa: DTZ001 - its zone follows
    st.sampled_from(["Z", "+00:00", "+05:30", "-11:00"]),
)
EMAILS = st.sampled_from(["ada@example.com", "Ada@Example.com"])
URIS = st.sampled_from(["https://example.com/", "HTTPS://example.com", "urn:isbn:1"])
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "int": INTS,
    "float": FLOATS,
    "bool": st.booleans(),
    "decimal": DECIMALS,
    "uuid": UUIDS,
    "date": DATES,
    "datetime": DATETIMES,
    "email": EMAILS,
    "uri": URIS,
    "string": st.one_of(
        st.text("a -", max_size=2),
        st.text("ab -", max_size=5),
        st.integers(-20, 20).map(str),
        st.sampled_from(["007", "1e3", "1.50", "true", "false", "nan"]),
        FLOATS.map(repr),
        DECIMALS,
        UUIDS,
        EMAILS,
        URIS,
    ),
}
