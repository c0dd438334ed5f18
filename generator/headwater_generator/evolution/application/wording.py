"""How problems and notes tell of an op: where a word of it stands, and itself on one line."""

from __future__ import annotations

import json
from collections.abc import Iterator

from ...grammar import JSON
from ...grammar.ops import Op, op_name
from ...load import Mapping as MappingNode
from ...load import Node, Place, Refused, Scalar, Sequence
from ..effects import Note

__all__ = ["as_json", "notes_of", "told", "where_in", "with_article"]


def where_in(op: Op, text: str) -> Place:
    """Return where a text stands in an op: the first key or value that is just that."""
    return next((one for one in _texts(op.node) if one.text == text), op.node)


def _texts(node: Node) -> Iterator[Scalar]:
    match node:
        case Scalar():
            yield node
        case Sequence(items=items):
            for item in items:
                yield from _texts(item)
        case MappingNode(entries=entries):
            for entry in entries:
                yield entry.key
                yield from _texts(entry.value)
        case Refused():
            pass


def told(op: Op) -> str:
    """Return an op as a spec would write it, on one line."""
    return f"{op_name(op)} {_flow(op.node, top=True)}"


def _flow(node: Node, *, top: bool = False) -> str:
    match node:
        case Scalar(text=text, plain=plain):
            return text if plain else json.dumps(text, ensure_ascii=False)
        case Sequence(items=items):
            return f"[{', '.join(map(_flow, items))}]"
        case MappingNode(entries=[entry]) if top:
            return _flow(entry.value)
        case MappingNode(entries=entries):
            members = (f"{one.key.text}: {_flow(one.value)}" for one in entries)
            return f"{{{', '.join(members)}}}"
        case _:
            return ""


def with_article(word: str) -> str:
    """Return a word with `a` or `an` before it."""
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def as_json(value: JSON) -> str:
    """Return a value as a spec would write it."""
    return json.dumps(value, ensure_ascii=False)


def notes_of(name: str, what: str) -> tuple[Note, ...]:
    """Return a note of what is lost or refused, if anything is."""
    return (Note(name, what),) if what else ()
