"""Random payloads of an event version, from the JSON Schema that its package has of it.

The schemas are Headwater's own, so every form in them is known, among them the texts that stand for
other values: libraries that read any JSON Schema know nothing of `x-minimum` of a decimal.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, TypeAlias

from headwater.schema import DECIMAL_PATTERN
from hypothesis import strategies as st

__all__ = ["payloads"]

Schema: TypeAlias = Mapping[str, Any]
Values: TypeAlias = st.SearchStrategy[Any]

MOST_ITEMS = 4  # of a list or map that has no bounds
WIDEST = 2**63 - 1  # of a whole number that has no bounds
FARTHEST = 10**15  # of a decimal that has no bounds


def payloads(schema: Schema) -> Values:
    """Payloads as they are on the wire, fields that have a default now there and now not.

    A few may not meet a combination of constraints, such as a pattern and a length.
    """
    return _Strategies(schema).of(schema)


class _Strategies:
    """The strategies of one schema, with a deferred one for each of its types."""

    def __init__(self, schema: Schema) -> None:
        self._types: Mapping[str, Schema] = schema.get("$defs", {})
        self._known: dict[str, Values] = {}

    def of(self, schema: Schema) -> Values:
        if "$ref" in schema:
            return self._type(schema["$ref"].rpartition("/")[2])
        if "const" in schema:
            return st.just(schema["const"])
        if "enum" in schema:
            return st.sampled_from(schema["enum"])
        for word in ("anyOf", "oneOf"):
            if word in schema:
                return st.one_of([self.of(one) for one in schema[word]])
        match schema.get("type"):
            case "object" if "properties" in schema:
                return self._object(schema)
            case "object":
                return self._map(schema)
            case "array":
                return self._list(schema)
            case "integer":
                steps = _multiples(schema, int)
                return _whole(schema) if steps is None else steps
            case "number":
                steps = _multiples(schema, float)
                return _floats(schema) if steps is None else steps
            case "boolean":
                return st.booleans()
            case "string":
                return _text(schema)
            case _:
                return _JSON

    def _type(self, name: str) -> Values:
        if name not in self._known:
            self._known[name] = st.deferred(lambda: self.of(self._types[name]))
        return self._known[name]

    def _object(self, schema: Schema) -> Values:
        fields = {name: self.of(one) for name, one in schema["properties"].items()}
        required = schema.get("required", ())
        return st.fixed_dictionaries(
            {name: one for name, one in fields.items() if name in required},
            optional={name: one for name, one in fields.items() if name not in required},
        )

    def _map(self, schema: Schema) -> Values:
        least, most = _sizes(schema, "Properties")
        values = self.of(schema["additionalProperties"])
        return st.dictionaries(_TEXTS, values, min_size=least, max_size=most)

    def _list(self, schema: Schema) -> Values:
        least, most = _sizes(schema, "Items")
        unique = repr if schema.get("uniqueItems") else None
        return st.lists(self.of(schema["items"]), min_size=least, max_size=most, unique_by=unique)


def _sizes(schema: Schema, what: str, most: int = MOST_ITEMS) -> tuple[int, int]:
    least: int = schema.get(f"min{what}", 0)
    return least, schema.get(f"max{what}", least + most)


# Numbers


def _whole(schema: Schema) -> Values:
    lowest, highest = _bounds(schema)
    return st.integers(
        -WIDEST if lowest is None else int(lowest), WIDEST if highest is None else int(highest)
    ).filter(_within(schema))


def _floats(schema: Schema) -> Values:
    lowest, highest = _bounds(schema)
    return st.floats(
        None if lowest is None else float(lowest),
        None if highest is None else float(highest),
        allow_nan=False,
        allow_infinity=False,
    ).filter(_within(schema))


def _multiples(schema: Schema, kind: Callable[[Any], Any]) -> Values | None:
    """Multiples of a step; `None` where there is no step."""
    if not (step := schema.get("multipleOf")):
        return None
    size = Decimal(str(step))
    lowest, highest = _bounds(schema)
    least = -FARTHEST if lowest is None else int(lowest / size) - 1
    most = FARTHEST if highest is None else int(highest / size) + 1
    steps = st.integers(min(least, most), max(least, most))
    return steps.map(lambda count: kind(count * size)).filter(_within(schema))


def _bounds(schema: Schema) -> tuple[Decimal | None, Decimal | None]:
    """The lowest and the highest number there may be, or the ones next to it."""
    found: list[Decimal | None] = []
    for word in ("minimum", "maximum"):
        bound = schema.get(word, schema.get(f"exclusive{word.capitalize()}"))
        found.append(None if bound is None else Decimal(str(bound)))
    lowest, highest = found
    if lowest is not None and highest is None:
        highest = max(lowest, Decimal(0)) + FARTHEST
    if highest is not None and lowest is None:
        lowest = min(highest, Decimal(0)) - FARTHEST
    return lowest, highest


def _within(schema: Schema) -> Callable[[Any], bool]:
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    lowest, highest = schema.get("minimum"), schema.get("maximum")

    def holds(number: Any) -> bool:
        value = Decimal(str(number))
        return (
            (above is None or value > Decimal(str(above)))
            and (below is None or value < Decimal(str(below)))
            and (lowest is None or value >= Decimal(str(lowest)))
            and (highest is None or value <= Decimal(str(highest)))
        )

    return holds


# Texts


def _text(schema: Schema) -> Values:
    if schema.get("contentEncoding") == "base64":
        least, most = _sizes(_unprefixed(schema), "Length", 20)
        return st.binary(min_size=least, max_size=most).map(
            lambda one: base64.b64encode(one).decode()
        )
    if schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]]
    pattern = schema.get("pattern")
    if pattern == DECIMAL_PATTERN:
        return _decimals(_unprefixed(schema))
    least, most = _sizes(schema, "Length", 40)
    if pattern is not None:
        return st.from_regex(pattern).filter(lambda text: least <= len(text) <= most)
    plain = st.text(min_size=least, max_size=most)
    dividing = st.text(_DIVIDING, min_size=least, max_size=most)
    return plain | dividing | _STANDING_FOR_OTHERS.filter(lambda text: least <= len(text) <= most)


def _unprefixed(schema: Schema) -> Schema:
    """The constraints of a value that a text stands for: JSON Schema's would be the text's."""
    return {key.removeprefix("x-"): one for key, one in schema.items() if key.startswith("x-")}


def _decimals(schema: Schema) -> Values:
    if (steps := _multiples(schema, str)) is not None:
        return steps
    lowest, highest = _bounds(schema)
    plain = st.decimals(
        -FARTHEST if lowest is None else lowest,
        FARTHEST if highest is None else highest,
        allow_nan=False,
        allow_infinity=False,
    )
    usual = st.decimals(
        -FARTHEST if lowest is None else lowest,
        FARTHEST if highest is None else highest,
        places=2,
    )
    found = usual | plain if lowest is None or highest is None or highest - lowest >= 1 else plain
    return found.map(lambda one: f"{one:f}").filter(_within(schema))


def _moment(wall: datetime, hours: int) -> str:
    return wall.replace(tzinfo=timezone(timedelta(hours=hours))).isoformat()


def _duration(length: timedelta) -> str:
    hours, rest = divmod(length.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"P{length.days}DT{hours}H{minutes}M{seconds}.{length.microseconds:06}S"


_DIVIDING = "ab ,;:-/|_.@#\t\n0é"  # what texts are taken apart at
_WORDS = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=8)
_FIRST, _LAST = datetime(1900, 1, 1), datetime(2999, 1, 1)  # noqa: DTZ001 - on the wall
_MOMENTS = st.one_of(
    st.datetimes(timezones=st.just(UTC)).map(
        lambda one: f"{one.replace(tzinfo=None).isoformat()}Z"
    ),
    st.builds(_moment, st.datetimes(_FIRST, _LAST), st.integers(-12, 14)),
)
_FORMATS: Mapping[str, Values] = {
    "uuid": st.uuids().map(str),
    "date": st.dates().map(str),
    "time": st.times().map(str),
    "date-time": _MOMENTS,
    "duration": st.timedeltas(timedelta(0), timedelta(days=99_999)).map(_duration),
    "email": st.builds(
        "{}@{}".format, _WORDS, st.sampled_from(["example.com", "mail.example.org"])
    ),
    "uri": st.builds("{}://{}/{}".format, st.sampled_from(["https", "ftp"]), _WORDS, _WORDS),
}
_STANDING_FOR_OTHERS = st.one_of(
    st.integers(-1000, 1000).map(str),
    st.floats(allow_nan=False, allow_infinity=False, width=16).map(repr),
    st.sampled_from(["true", "false", ""]),
    *_FORMATS.values(),
)
_TEXTS = st.text(max_size=8)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | _TEXTS,
    lambda inner: (
        st.lists(inner, max_size=MOST_ITEMS) | st.dictionaries(_TEXTS, inner, max_size=MOST_ITEMS)
    ),
    max_leaves=6,
)
