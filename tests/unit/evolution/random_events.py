"""Random events of two or more versions, with random ops between them, right by construction.

What the ops make of the fields is kept here in its own way, so that `application` is not measured
by itself.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import yaml
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
from hypothesis import strategies as st

NAMES = [f"{letter}{digit}" for letter in "abcdefgh" for digit in "123"]
SCALARS = ["string", "int", "bool", "uuid", "datetime", "string | null", "int | null"]
UNIONS = ["Contact", "Contact | null", "list<Contact>", "map<Contact>"]
MAPS = ["map<int>", "map<int>", "map<string | null>", "map<Box>"]
TYPES = [
    *SCALARS, *UNIONS, *MAPS, "Role", "list<string>", "list<int>", "Box", "list<Box>", "Box | null",
    "float",
]  # fmt: skip
BOX = {"size": "int", "label": "string"}
CARD = {"contact": "Contact", "tags": "map<int>"}
MAIL = {"kind": "Mail", "address": "a b"}
UUID = "0b8f1b3e-7d0c-4c6e-9f39-6c1d2f5a7e10"
BOXES = [{"size": 1, "label": "x"}, {"size": 2, "label": "y z"}]
DECLARED: dict[str, Any] = {
    "Role": {"enum": ["user", "admin", "guest"]},
    "Rank": {"enum": ["member", "admin", "guest"]},
    "Box": {"fields": BOX},
    "Crate": {"fields": {"volume": "int", "label": "string"}},
    "Pair": {"fields": {"left": "int", "right": "int"}},
    "Mail": {"fields": {"address": "string"}},
    "Call": {"fields": {"number": "int", "area": "string | null"}},
    "Contact": {"one_of": ["Mail", "Call"], "tag": "kind"},
    "Card": {"fields": CARD},
    "Badge": {"fields": {"contact": "Contact", "labels": "map<int>"}},
}
TEXTS = st.text("abc -", max_size=6)
INTS = st.integers(-1000, 1000)


@dataclass
class Draft:
    """The fields as they are after the ops so far."""

    fields: dict[str, str]
    ops: list[dict[str, Any]] = field(default_factory=list)
    has_wrapped_null: bool = False
    """Then a list's first item may be null, though no list says so."""

    def of(self, *kinds: str) -> list[str]:
        return [name for name, kind in self.fields.items() if kind in kinds]


@st.composite
def events(draw: st.DrawFn) -> tuple[dict[str, str], Draft]:
    """An event's older fields, and what ops have made of them."""
    older, draft = draw(histories(1))
    return older, draft


@st.composite
def histories(draw: st.DrawFn, hops: int | None = None) -> tuple[Any, ...]:
    """An event's oldest fields, and a draft for each version after: two or three, or so many."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=2, max_size=6, unique=True))
    older = {name: draw(st.sampled_from(TYPES)) for name in names}
    drafts: list[Draft] = []
    fields = older
    for hop in range(hops or draw(st.integers(2, 3))):
        draft = Draft(dict(fields))
        for number in range(draw(st.integers(1, 5))):
            fresh = [f"n{hop}_{number}", f"m{hop}_{number}"]
            draw(st.sampled_from(OPS))(draw, draft, fresh)
        drafts.append(draft)
        fields = draft.fields
    return older, *drafts


def rename(draw: st.DrawFn, draft: Draft, fresh: list[str]) -> None:
    if not draft.fields:
        return
    name = draw(st.sampled_from(sorted(draft.fields)))
    draft.ops.append({"rename": {name: fresh[0]}})
    draft.fields[fresh[0]] = draft.fields.pop(name)


def swap(draw: st.DrawFn, draft: Draft, fresh: list[str]) -> None:
    # Whether `head` of an empty list is null, says the newer field of the name it has then.
    if len(draft.fields) < 2 or any("head" in op for op in draft.ops):
        return
    one, other = draw(st.permutations(sorted(draft.fields)))[:2]
    draft.ops.append({"rename": {one: other, other: one}})
    draft.fields[one], draft.fields[other] = draft.fields[other], draft.fields[one]


def add(draw: st.DrawFn, draft: Draft, fresh: list[str]) -> None:
    kind, value = draw(
        st.sampled_from(
            [("int", 7), ("string", "x y"), ("bool", True), ("map<string | null>", {"a": None}),
             ("map<Contact>", {"b": MAIL}), ("Role", "user"), ("uuid", UUID), ("int | null", None),
             ("datetime", "2024-05-01T12:00:00Z"), ("list<string>", ["x y", "", "z"]),
             ("list<int>", [3]), ("Box", BOXES[0]), ("list<Box>", BOXES), ("Card", {"contact": MAIL,
             "tags": {"c": 1}}), ("Contact", MAIL), ("string | null", "a")]
        )
    )  # fmt: skip
    draft.ops.append({"add": {fresh[0]: value}})
    draft.fields[fresh[0]] = kind


def drop(draw: st.DrawFn, draft: Draft, fresh: list[str]) -> None:
    restorable: dict[str, Any] = {
        "int": 3, "string": "", "bool": True, "string | null": "z", "map<int>": {"b": 2},
        "Contact": MAIL, "Contact | null": MAIL, "list<Contact>": [MAIL], "map<Contact>": {},
    }  # fmt: skip
    found = draft.of(*restorable)
    if not found:
        return
    name = draw(st.sampled_from(found))
    restored = restorable[draft.fields.pop(name)]
    draft.ops.append({"drop": {name: restored} if draw(st.booleans()) else [name]})


def convert(draw: st.DrawFn, draft: Draft, fresh: list[str]) -> None:
    pairs = {
        "int": [("int_to_string", "string"), ("int_to_decimal", "decimal"),
                ("minor_units_to_decimal", "decimal"), ("epoch_to_datetime", "datetime")],
        "bool": [("bool_to_string", "string")],
        "uuid": [("uuid_to_string", "string")],
        "int | null": [("int_to_string", "string | null")],
        "datetime": [("datetime_to_epoch_ms", "int"), ("datetime_to_date", "date")],
    }  # fmt: skip
    found = draft.of(*pairs)
    if not found:
        return
    name = draw(st.sampled_from(found))
    pair, kind = draw(st.sampled_from(pairs[draft.fields[name]]))
    draft.ops.append({"convert": {name: pair}})
    draft.fields[name] = kind


def map_enum(draw: st.DrawFn, draft: Draft, fresh: list[str]) -> None:
    if not (found := draft.of("Role")):
        return
    name = draw(st.sampled_from(found))
    one_to_one = draw(st.booleans())
    values = {"user": "member"} if one_to_one else {"user": "member", "admin": "member"}
    mapping: dict[str, Any] = {"field": name, "values": values}
    if not one_to_one and draw(st.booleans()):
        mapping["back"] = {"member": "user", "admin": "admin"}
    draft.ops.append({"map_enum": mapping})
    draft.fields[name] = "Rank"


def split(draw: st.DrawFn, draft: Draft, fresh: list[str]) -> None:
    if not (found := draft.of("string")):
        return
    name = draw(st.sampled_from(found))
    del draft.fields[name]
    sep = draw(st.sampled_from([" ", "-", "--"]))
    draft.ops.append({"split": {"field": name, "into": fresh, "sep": sep}})
    draft.fields |= dict.fromkeys(fresh, "string")


def merge(draw: st.DrawFn, draft: Draft, fresh: list[str]) -> None:
    found = draft.of("string")
    if len(found) < 2:
        return
    names = draw(st.permutations(found))[:2]
    for name in names:
        del draft.fields[name]
    draft.ops.append({"merge": {"fields": list(names), "into": fresh[0], "sep": " "}})
    draft.fields[fresh[0]] = "string"


def nest(draw: st.DrawFn, draft: Draft, fresh: list[str]) -> None:
    kinds, names, into = draw(
        st.sampled_from(
            [
                (("int", "int"), ["left", "right"], "Pair"),
                (("Contact", "map<int>"), ["contact", "tags"], "Card"),
            ]
        )
    )
    one, other = (draft.of(kind) for kind in kinds)
    found = [(a, b) for a in one for b in other if a != b]
    if not found or set(names) & set(draft.fields):
        return
    pair = draw(st.sampled_from(found))
    draft.ops.append({"rename": dict(zip(pair, names, strict=True))})
    draft.ops.append({"nest": {"fields": names, "into": fresh[0]}})
    for name in pair:
        del draft.fields[name]
    draft.fields[fresh[0]] = into


def hoist(draw: st.DrawFn, draft: Draft, fresh: list[str]) -> None:
    kinds = {"Box": BOX, "Card": CARD}
    found = [one for one in draft.of(*kinds) if not set(kinds[draft.fields[one]]) & {*draft.fields}]
    if not found:
        return
    name = draw(st.sampled_from(found))
    fields = kinds[draft.fields.pop(name)]
    draft.ops.append({"hoist": {"from": name, "fields": list(fields)}})
    draft.fields |= fields


def wrap(draw: st.DrawFn, draft: Draft, fresh: list[str]) -> None:
    kinds = {
        "string": "list<string>", "string | null": "list<string>", "int": "list<int>",
        "Contact": "list<Contact>", "Contact | null": "list<Contact>",
        "map<int>": "list<map<int>>",
    }  # fmt: skip
    if not (found := draft.of(*kinds)):
        return
    name = draw(st.sampled_from(found))
    draft.ops.append({"wrap": {"field": name}})
    draft.has_wrapped_null |= draft.fields[name].endswith("| null")
    draft.fields[name] = kinds[draft.fields[name]]


def head(draw: st.DrawFn, draft: Draft, fresh: list[str]) -> None:
    kinds = {
        "list<string>": "string", "list<int>": "int", "list<Contact>": "Contact",
        "list<map<int>>": "map<int>",
    }  # fmt: skip
    if draft.has_wrapped_null or not (found := draft.of(*kinds)):
        return
    name = draw(st.sampled_from(found))
    draft.ops.append({"head": {"field": name}})
    draft.fields[name] = kinds[draft.fields[name]]


def inside(draw: st.DrawFn, draft: Draft, fresh: list[str]) -> None:
    kinds = {
        "Box": ("in", "Crate"), "Box | null": ("in", "Crate | null"),
        "list<Box>": ("each", "list<Crate>"), "Card": ("in", "Badge"),
    }  # fmt: skip
    if not (found := draft.of(*kinds)):
        return
    name = draw(st.sampled_from(found))
    renamed = {"tags": "labels"} if draft.fields[name] == "Card" else {"size": "volume"}
    op, kind = kinds[draft.fields[name]]
    draft.ops.append({op: {"field": name, "do": [{"rename": renamed}]}})
    draft.fields[name] = kind


def formatted(draw: st.DrawFn, draft: Draft, fresh: list[str]) -> None:
    if not (found := draft.of("int", "string", "bool", "uuid", "Role")):
        return
    name = draw(st.sampled_from(found))
    draft.ops.append({"format": {fresh[0]: f"<{{{name}}}> {{{{}}}}"}})
    draft.fields[fresh[0]] = "string"


def computed(draw: st.DrawFn, draft: Draft, fresh: list[str]) -> None:
    texts = {
        "int": [("{0} * 2 - 1", "int"), ("max({0}, 0) + abs({0})", "int"), ("str({0})", "string"),
                ("{0} > 3 and not {0} == 5", "bool"), ("{0} / 2", "float")],
        "string": [("upper({0})[1:3]", "string"), ("len(strip({0})) % 3", "int"),
                   ("{0} + '!' if {0} != '' else 'none'", "string")],
        "bool": [("1 if {0} else 0", "int"), ("str({0})", "string")],
        "int | null": [("coalesce({0}, 1) // 2", "int"), ("{0} is None", "bool")],
        "string | null": [("coalesce({0}, '-')", "string")],
    }  # fmt: skip
    if not (found := draft.of(*texts)):
        return
    name = draw(st.sampled_from(found))
    text, kind = draw(st.sampled_from(texts[draft.fields[name]]))
    draft.ops.append({"compute": {fresh[0]: text.format(name)}})
    draft.fields[fresh[0]] = kind


def from_envelope(draw: st.DrawFn, draft: Draft, fresh: list[str]) -> None:
    part, kind = draw(
        st.sampled_from([("id", "uuid"), ("time", "datetime"), ("workflow_id", "string")])
    )
    draft.ops.append({"from_envelope": {fresh[0]: part}})
    draft.fields[fresh[0]] = kind


OPS = [
    rename, swap, add, drop, convert, map_enum, split, merge, nest, hoist, wrap, head, inside,
    formatted, computed, from_envelope,
]  # fmt: skip


def event_of(older: dict[str, str], *drafts: Draft) -> dict[str, Any]:
    """What a spec says of such an event."""
    event, *past = (
        {"fields": one.fields} | ({"upcast": one.ops} if one.ops else {}) for one in drafts[::-1]
    )
    history = [{"fields": older}, *reversed(past)]
    return event | {"history": {str(number): one for number, one in enumerate(history, 1)}}


def spec_of(*event: Any) -> str:
    """A spec with the event `Changed`, in all its versions."""
    return spec_with({"Changed": event_of(*event)})


def spec_with(events: dict[str, Any]) -> str:
    """A spec with these events."""
    document = {
        "headwater": 1,
        "service": "user-service",
        "types": DECLARED,
        "streams": {"users": {"type": "persistent"}},
        "workflows": {"User": {"stream": "users", "events": events}},
    }
    plain = json.loads(json.dumps(document))  # the same value twice is no alias
    text: str = yaml.safe_dump(plain, sort_keys=False, width=1000)
    return text


def values(shape: Shape) -> st.SearchStrategy[Any]:
    """Values of a shape, as they are on the wire."""
    match shape:
        case ScalarShape(type=kind):
            return SCALAR_VALUES[kind]
        case EnumShape(values=options):
            return st.sampled_from(options)
        case ListShape(item=item):
            return st.lists(values(item), max_size=3)
        case MapShape(item=item):
            return st.dictionaries(TEXTS, values(item), max_size=3)
        case NullableShape(item=item):
            return st.none() | values(item)
        case ObjectShape(fields=fields):
            return st.fixed_dictionaries({key: values(one.shape) for key, one in fields.items()})
        case UnionShape(tag=tag, members=members):
            return st.one_of(
                values(one).map(lambda fields, name=name: {tag: name, **fields})
                for name, one in members.items()
            )
        case _:
            raise AssertionError(shape)


SCALAR_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "string": TEXTS,
    "int": INTS,
    "bool": st.booleans(),
    "float": st.floats(allow_nan=False, allow_infinity=False, width=32),
    "uuid": st.uuids().map(str),
    "date": st.dates().map(str),
    "decimal": st.decimals("-99", "99", places=2).map(str),
    "datetime": st.datetimes().map(lambda one: f"{one.isoformat()}Z"),
}
