"""The keys of a field: its type, its default and its limits."""

# ruff: noqa: RUF009 - `key` and `keys` declare fields, as `dataclasses.field` does
from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import ClassVar, cast

from typing_extensions import override

from ..load import NOWHERE, Entry, Node
from ..load import Mapping as MappingNode
from ..load import Scalar as ScalarNode
from .containers import MapShape, Record
from .declare import DESCRIPTION, JSON, NONE, UNSET, Model, Unset, key, keys
from .foreign import FIELD_KEYS, is_like_field, sized
from .numbers import Boolean, Integer, Number
from .types import TypeExpression
from .words import Json, Name, Pattern, Text, TypeText

__all__ = ["CONSTRAINTS", "MAX_FIELDS", "Field", "fields_key"]

CONSTRAINTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "string": ("minLength", "maxLength", "pattern"),
        "email": ("minLength", "maxLength", "pattern"),
        "uri": ("minLength", "maxLength", "pattern"),
        "bytes": ("minLength", "maxLength"),
        "int": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
        "float": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
        "decimal": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
        "list": ("minItems", "maxItems", "uniqueItems"),
        "map": ("minProperties", "maxProperties"),
    }
)
"""Which constraints a type takes; of `T | null`, those of `T`."""
MAX_FIELDS = 500  # of one event, command or object


@dataclass(frozen=True, kw_only=True)
class Field(Model):
    """A value that an event, a command or an object carries."""

    NOUN: ClassVar[str] = "a field"

    type: TypeExpression = key(
        "What values the field takes.", TypeText(), example="type: list<string>"
    )
    description: str | None = key(
        DESCRIPTION, Text(), default=None, example="description: What a search finds it by."
    )
    default: JSON | Unset = key(
        "The value of a field that is not given. In a list or mapping, each instance gets its own.",
        Json(),
        default=UNSET,
        default_words="none: the field must be given (`null` for `T | null`)",
        example="default: []",
    )
    personal: bool = key(
        "Whether the value tells something about a person: it is masked in `repr` and in logs.",
        Boolean(),
        default=False,
        example="personal: true",
    )
    constraints: Mapping[str, JSON] = keys(
        minLength=("The fewest characters, or bytes.", Integer(0), "minLength: 1"),
        maxLength=("The most characters, or bytes.", Integer(0), "maxLength: 80"),
        pattern=(
            (
                "A regular expression that is found in the text; `^` and `$` tie it to the ends. "
                "No look-around, no back-references: matching takes time linear in the text. "
                "No flags either, nor what else JSON Schema (ECMA-262) does not know."
            ),
            Pattern(),
            'pattern: "^[A-Z]{3}$"',
        ),
        minimum=("The least value.", Number(), "minimum: 0"),
        maximum=("The greatest value.", Number(), "maximum: 100"),
        exclusiveMinimum=("Values are greater than this.", Number(), "exclusiveMinimum: 0"),
        exclusiveMaximum=("Values are less than this.", Number(), "exclusiveMaximum: 1"),
        multipleOf=("Values are a multiple of this.", Number(), "multipleOf: 5"),
        minItems=("The fewest items of a list.", Integer(0), "minItems: 1"),
        maxItems=("The most items of a list.", Integer(0), "maxItems: 10"),
        uniqueItems=("Whether the items of a list differ.", Boolean(), "uniqueItems: true"),
        minProperties=("The fewest entries of a map.", Integer(0), "minProperties: 1"),
        maxProperties=("The most entries of a map.", Integer(0), "maxProperties: 10"),
    )
    node: Node = field(default=NOWHERE, compare=False, repr=False)

    EXAMPLES: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("type", "description", "default", "personal", "maxItems", "uniqueItems"),
        ("type", "minItems"),
        ("type: string", "minLength", "maxLength", "pattern"),
        ("type: int", "minimum", "maximum", "multipleOf"),
        ("type: float", "exclusiveMinimum", "exclusiveMaximum"),
        ("type: map<int>", "minProperties", "maxProperties"),
    )
    FOREIGN: ClassVar[Mapping[str, str]] = FIELD_KEYS

    @override
    @classmethod
    def hint(cls, unknown: Entry, node: MappingNode) -> str:
        word = re.sub(r"[-_]", "", unknown.key.text).lower()
        if hint := super().hint(unknown, node):
            written = node.value("type")
            if isinstance(written, ScalarNode) and "null" not in written.text:
                return hint.replace("T | null", f"{written.text} | null")
            return hint
        if better := sized(word, _kind(node)):
            return f'did you mean "{better}"?'
        if node.value("type") is None and is_like_field(unknown):
            return "declare an object under types, and name it as the type"
        return ""

    @override
    @classmethod
    def fitting(cls, node: MappingNode) -> tuple[str, ...]:
        return ("type", "description", "default", "personal", *CONSTRAINTS.get(_kind(node), ()))


def _kind(node: MappingNode) -> str:
    """Return how the type of a field begins: that of `list<string> | null` is `list`."""
    written = node.value("type")
    found = re.match(r"\s*(\w+)", written.text) if isinstance(written, ScalarNode) else None
    return found[1] if found else ""


def fields_key(*, required: bool = False) -> Mapping[str, Field]:
    """Declare the key `fields` of what has fields."""
    meaning = "Its fields, in the order of the constructor."
    shape = MapShape(Name("a field", "snake_case"), Record(Field, short="type"), empty=True)
    example = "fields: {user_id: int, note: {type: string, maxLength: 500}}"
    if required:
        return cast("Mapping[str, Field]", key(meaning, shape, example=example))
    return cast(
        "Mapping[str, Field]",
        key(meaning, shape, default=NONE, default_words="no fields", example=example),
    )
