"""Ops on fields that an op before has added: of what type they are, each op says for itself."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from headwater_generator.evolution.values import fault
from headwater_generator.problems import SpecError

from . import properties
from .properties import ENVELOPE, Versions
from .test_fusion import both, generated

TYPES: dict[str, Any] = {
    "Role": {"enum": ["user", "admin"]},
    "Rank": {"enum": ["member", "admin"]},
    "Box": {"fields": {"role": "Role", "size": {"type": "int", "minimum": 1}}},
    "Crate": {"fields": {"role": "Rank", "size": {"type": "int", "minimum": 1}}},
    "Mail": {"fields": {"address": "email"}},
    "Contact": {"one_of": ["Mail"], "tag": "kind"},
}
RANKED = {"map_enum": {"field": "role", "values": {"user": "member"}}}
BOX = {"role": "user", "size": 2}
MAIL = {"kind": "Mail", "address": "a@example.com"}
LETTER = {"kind": "Mail", "to": "a@example.com"}
Ops = list[dict[str, Any]]
# What is added, what is done to it, the type that it is then, and what becomes of it.
CASES: dict[str, tuple[Ops, dict[str, Any], dict[str, Any]]] = {
    "rename": (
        [{"add": {"a": "user"}}, {"rename": {"a": "role"}}],
        {"role": "Role"},
        {"role": "user"},
    ),
    "drop": ([{"add": {"a": 1}}, {"drop": ["a"]}], {}, {}),
    "map_enum": ([{"add": {"role": "user"}}, RANKED], {"role": "Rank"}, {"role": "member"}),
    "map_enum with more in its table": (
        [
            {"add": {"role": "user"}},
            {"map_enum": {"field": "role", "values": {"guest": "admin", "user": "member"}}},
        ],
        {"role": "Rank"},
        {"role": "member"},
    ),
    "map_enum twice": (
        [
            {"add": {"role": "guest"}},
            {"map_enum": {"field": "role", "values": {"guest": "user"}}},
            RANKED,
        ],
        {"role": "string"},
        {"role": "member"},
    ),
    "convert": (
        [{"add": {"at": "1970-01-01T00:00:01Z"}}, {"convert": {"at": "datetime_to_epoch_ms"}}],
        {"at": {"type": "int", "minimum": 1000}},
        {"at": 1000},
    ),
    "convert null": (
        [{"add": {"n": None}}, {"convert": {"n": "int_to_string"}}],
        {"n": "string | null"},
        {"n": None},
    ),
    "split": (
        [
            {"add": {"name": "Ada Lovelace"}},
            {"split": {"field": "name", "into": ["first", "last"], "sep": " "}},
        ],
        {"first": {"type": "string", "minLength": 3}, "last": {"type": "string", "minLength": 8}},
        {"first": "Ada", "last": "Lovelace"},
    ),
    "merge": (
        [
            {"add": {"name": "a", "domain": "example.com"}},
            {"merge": {"fields": ["name", "domain"], "into": "email", "sep": "@"}},
        ],
        {"email": "email"},
        {"email": "a@example.com"},
    ),
    "merge with a field of before": (
        [
            {"add": {"title": "Dr"}},
            {"merge": {"fields": ["title", "kept"], "into": "kept", "sep": " "}},
        ],
        {},
        {"kept": "Dr k"},
    ),
    "nest": (
        [{"add": BOX}, {"nest": {"fields": ["role", "size"], "into": "box"}}],
        {"box": "Box"},
        {"box": BOX},
    ),
    "nest, and map_enum in it": (
        [
            {"add": BOX},
            {"nest": {"fields": ["role", "size"], "into": "box"}},
            {"in": {"field": "box", "do": [RANKED]}},
        ],
        {"box": "Crate"},
        {"box": {"role": "member", "size": 2}},
    ),
    "nest with a field of before": (
        [
            {"add": {"role": "user"}},
            {"nest": {"fields": ["role", "number"], "into": "box"}},
            {"in": {"field": "box", "do": [RANKED, {"rename": {"number": "size"}}]}},
            {"hoist": {"from": "box", "fields": ["role", "size"]}},
            {"rename": {"size": "number"}},
        ],
        {"role": "Rank"},
        {"role": "member"},
    ),
    "hoist": (
        [{"add": {"box": BOX}}, {"hoist": {"from": "box", "fields": ["role", "size"]}}],
        {"role": "Role", "size": {"type": "int", "minimum": 2}},
        BOX,
    ),
    "wrap": (
        [{"add": {"role": "user"}}, {"wrap": {"field": "role"}}],
        {"role": "list<Role>"},
        {"role": ["user"]},
    ),
    "wrap null": ([{"add": {"n": None}}, {"wrap": {"field": "n"}}], {"n": "list<int>"}, {"n": []}),
    "head": (
        [{"add": {"role": ["user", "admin"]}}, {"head": {"field": "role"}}],
        {"role": "Role"},
        {"role": "user"},
    ),
    "in": (
        [{"add": {"box": BOX}}, {"in": {"field": "box", "do": [RANKED]}}],
        {"box": "Crate"},
        {"box": {"role": "member", "size": 2}},
    ),
    "in a member of a union": (
        [{"add": {"to": LETTER}}, {"in": {"field": "to", "do": [{"rename": {"to": "address"}}]}}],
        {"to": "Contact"},
        {"to": MAIL},
    ),
    "each": (
        [
            {"add": {"boxes": [BOX, {"role": "admin", "size": 1}]}},
            {"each": {"field": "boxes", "do": [RANKED]}},
        ],
        {"boxes": "list<Crate>"},
        {"boxes": [{"role": "member", "size": 2}, {"role": "admin", "size": 1}]},
    ),
    "each, and head": (
        [
            {"add": {"box": [BOX, {"role": "admin", "size": 1}]}},
            {"each": {"field": "box", "do": [RANKED]}},
            {"head": {"field": "box"}},
        ],
        {"box": "Crate"},
        {"box": {"role": "member", "size": 2}},
    ),
    "format": (
        [{"add": {"n": 7}}, {"format": {"t": "<{n}>"}}],
        {"n": "int", "t": "string"},
        {"n": 7, "t": "<7>"},
    ),
    "compute": (
        [{"add": {"n": 7}}, {"compute": {"m": "n * number"}}],
        {"n": "float", "m": "int"},
        {"n": 7, "m": 35},
    ),
}
OLDER = {"kept": "string", "number": "int"}
EVENT = {"kept": "k", "number": 5}


def spec_of(ops: Ops, fields: dict[str, Any]) -> str:
    document = {
        "headwater": 1,
        "service": "user-service",
        "types": TYPES,
        "streams": {"users": {"type": "persistent"}},
        "workflows": {
            "User": {
                "stream": "users",
                "events": {
                    "Changed": {
                        "fields": {**OLDER, **fields},
                        "upcast": ops,
                        "history": {"1": {"fields": OLDER}},
                    }
                },
            }
        },
    }
    dumper = type("Plain", (yaml.SafeDumper,), {"ignore_aliases": lambda *_: True})
    text: str = yaml.dump(document, Dumper=dumper, sort_keys=False, width=1000)
    return text


def read(ops: Ops, fields: dict[str, Any]) -> Versions:
    return properties.read(spec_of(ops, fields))


@pytest.mark.parametrize("what", CASES)
def test_what_is_added_becomes_what_the_ops_make_of_it_and_goes_again(what: str) -> None:
    ops, fields, made = CASES[what]
    versions = read(ops, fields)

    newer = properties.up(versions, EVENT)

    assert newer == {**EVENT, **made}
    assert fault(newer, versions.newer) is None
    assert properties.down(versions, newer) == EVENT


@pytest.mark.parametrize("what", CASES)
def test_generated_code_does_the_same(what: str, tmp_path: Any) -> None:
    ops, fields, _ = CASES[what]
    versions = read(ops, fields)
    [fused], _ = both(spec_of(ops, fields), tmp_path)

    newer = properties.up(versions, EVENT)

    assert generated(fused, down=False)(EVENT, ENVELOPE) == newer
    assert generated(fused, down=True)(newer, ENVELOPE) == EVENT


@pytest.mark.parametrize("what", [name for name in CASES if "of before" not in name])
def test_whatever_a_newer_event_has_there_goes_down(what: str, tmp_path: Any) -> None:
    """Only the newer version knows such fields, so nothing of an older event is lost on them."""
    ops, fields, made = CASES[what]
    versions = read(ops, fields)
    [fused], _ = both(spec_of(ops, fields), tmp_path)
    other = {
        **EVENT,
        **{
            name: OTHERS.get(value, value) for name, value in made.items() if isinstance(value, str)
        },
    }
    newer = {**EVENT, **made, **other}

    assert versions.hop.is_up_safe
    assert properties.down(versions, newer) == EVENT
    assert generated(fused, down=True)(newer, ENVELOPE) == EVENT


OTHERS = {"user": "admin", "member": "admin", "Ada": "Grace", "a@example.com": "b"}


@pytest.mark.parametrize(
    ("ops", "fields", "code", "said"),
    [
        (
            [{"add": {"n": "many"}}, {"convert": {"n": "string_to_int"}}],
            {"n": "int"},
            "HW803",
            '"many" of "n" cannot be converted',
        ),
        (
            [{"add": {"n": 7}}, {"convert": {"n": "string_to_int"}}],
            {"n": "int"},
            "HW803",
            'convert takes a string, and "n" is 7',
        ),
        (
            [{"add": {"role": "guest"}}, RANKED],
            {"role": "Rank"},
            "HW808",
            '"user" is no value of "role"',
        ),
        (
            [{"add": {"role": "guest"}}, {"rename": {"role": "rank"}}],
            {"rank": "Rank"},
            "HW807",
            '"rank" does not fit from version 1 to 2: "guest" is no value of Rank',
        ),
        (
            [
                {"add": {"role": "guest", "size": 0}},
                {"nest": {"fields": ["role", "size"], "into": "box"}},
            ],
            {"box": "Box"},
            "HW807",
            'role: "guest" is no value of Role',
        ),
        (
            [{"add": {"n": 7}}, {"map_enum": {"field": "n", "values": {"7": "a"}}}],
            {"n": "Rank"},
            "HW803",
            'map_enum takes an enum, and "n" is 7',
        ),
        (
            [{"add": {"n": None}}, {"split": {"field": "n", "into": ["a", "b"], "sep": " "}}],
            {"a": "string", "b": "string"},
            "HW803",
            "split takes a text that is never null",
        ),
        (
            [
                {"add": {"n": [{"a": 1}, {"b": 1}]}},
                {"each": {"field": "n", "do": [{"rename": {"a": "c"}}]}},
            ],
            {"n": "json"},
            "HW803",
            "each takes a list of objects",
        ),
    ],
)
def test_what_does_not_suit_the_value_is_told(
    ops: Ops, fields: dict[str, Any], code: str, said: str
) -> None:
    with pytest.raises(SpecError) as caught:
        read(ops, fields)

    [problem] = caught.value.problems
    assert problem.code == code
    assert said in problem.message
