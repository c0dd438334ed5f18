"""What people write who know another language: the spec's own way to say it.

A key that is unknown is most often a constraint under another name, or a field that is written
where the key `fields` is due. The hints for both are made here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping as AnyMapping
from types import MappingProxyType

from ..load import Entry, Mapping, Node, Scalar, Sequence
from .types import SCALARS

__all__ = ["FIELD_KEYS", "UNDER_FIELDS", "is_built_in", "is_like_field", "list_hint", "sized"]

UNDER_FIELDS = "put it under fields"

_DESCRIPTION = 'did you mean "description"?'
_ENUM = "declare an enum under types, and name it as the type"
_OBJECT = "declare an object under types, and name it as the type"
_LIST = "write list<T> as the type"
_NO_EXAMPLE = "a spec has no examples; a description can tell one"
_NULL = "write T | null as the type"

FIELD_KEYS: AnyMapping[str, str] = MappingProxyType(
    {
        "choices": _ENUM,
        "comment": _DESCRIPTION,
        "const": _ENUM,
        "doc": _DESCRIPTION,
        "enum": _ENUM,
        "example": _NO_EXAMPLE,
        "examples": _NO_EXAMPLE,
        "fields": _OBJECT,
        "format": "a format is a type of its own: email, uri, uuid, date, datetime, duration",
        "ge": 'did you mean "minimum"?',
        "gt": 'did you mean "exclusiveMinimum"?',
        "gte": 'did you mean "minimum"?',
        "items": _LIST,
        "le": 'did you mean "maximum"?',
        "lt": 'did you mean "exclusiveMaximum"?',
        "lte": 'did you mean "maximum"?',
        "matches": 'did you mean "pattern"?',
        "nullable": _NULL,
        "optional": f"{_NULL}, or give the field a default",
        "pii": 'did you mean "personal"?',
        "private": 'did you mean "personal"?',
        "properties": _OBJECT,
        "regex": 'did you mean "pattern"?',
        "regexp": 'did you mean "pattern"?',
        "required": "a field without a default is required: leave it out",
        "sensitive": 'did you mean "personal"?',
        "summary": _DESCRIPTION,
        "title": _DESCRIPTION,
        "unique": 'did you mean "uniqueItems"?',
        "values": _ENUM,
    }
)
"""Keys of a field elsewhere, in small letters and without `_` or `-`."""

_SIZES = {
    "string": "Length",
    "email": "Length",
    "uri": "Length",
    "bytes": "Length",
    "list": "Items",
    "map": "Properties",
}
_BUILT_IN = re.compile(rf"\s*(?:(?:{'|'.join(SCALARS)})\b|(?:list|map)\s*<)")
_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9_<> ]*(?:\|\s*null\s*)?")


def sized(word: str, kind: str) -> str:
    """Return what `min`, `max` and the like are called for a type; "" if the type has no bounds.

    `kind` is the beginning of the type: that of `list<string>` is `list`.
    """
    found = re.fullmatch(r"(min|max)(?:size|value|count|len)?", word)
    if found is None:
        return ""
    if kind in _SIZES:
        return f"{found[1]}{_SIZES[kind]}"
    return f"{found[1]}imum" if kind in {"int", "float", "decimal", ""} else ""


def list_hint(node: Sequence) -> str:
    """Return how a list that stands for a type is written."""
    items = [item.text for item in node.items if isinstance(item, Scalar)]
    if len(items) == len(node.items) == 2 and "null" in items:
        [item] = [item for item in items if item != "null"] or ["T"]
        return f"write {item} | null"
    if len(items) == len(node.items) == 1 and _TYPE.fullmatch(items[0]):
        return f"write list<{items[0]}>"
    return "write list<T>, such as list<string>"


def is_built_in(node: Node) -> bool:
    """Tell whether a text is a type that needs no declaration, such as `list<Role>`."""
    return isinstance(node, Scalar) and _BUILT_IN.match(node.text) is not None


def is_like_field(entry: Entry) -> bool:
    """Tell whether a key with its value would be a field, were it in the right place."""
    if re.fullmatch(r"[a-z][a-z0-9_]*", entry.key.text) is None:
        return False
    match entry.value:
        case Mapping() as node:
            return node.value("type") is not None
        case Scalar(plain=True, text=text):
            return text not in {"true", "false", "null"} and _TYPE.fullmatch(text) is not None
        case _:
            return False
