"""The files of a spec's folder as if they were one."""

from __future__ import annotations

from collections.abc import Sequence as AnySequence

from ..problems import Problem
from .nodes import Entry, Mapping, Node, Scalar, Sequence, duplicate

__all__ = ["merge"]


def merge(
    files: AnySequence[Mapping], sections: frozenset[str], problems: list[Problem]
) -> Mapping:
    """Return the files of a spec's folder as if they were one.

    The named sections are joined, and lists too; any other key may stand in one file only, and
    what is declared in two is reported.
    """
    if len(files) == 1:
        return files[0]
    first: dict[str, Entry] = {}
    joined: dict[str, list[Node]] = {}
    for file in files:
        for entry in file.entries:
            key = entry.key.text
            known = first.setdefault(key, entry)
            if known is entry or key.startswith("x-"):
                joined[key] = [entry.value]
            elif key == "headwater" and _same(entry.value, known.value):
                pass  # each file may say which grammar it is in
            elif (
                isinstance(entry.value, Mapping | Sequence)
                and type(entry.value) is type(known.value)
                and key in sections
            ):
                joined[key].append(entry.value)
            else:
                problems.append(duplicate(entry.key, known.key))
    merged: list[Entry] = []
    for key, values in joined.items():
        value: Node = values[0]
        if len(values) > 1 and isinstance(value, Mapping):
            inner: dict[str, Entry] = {}
            for entry in (e for v in values if isinstance(v, Mapping) for e in v.entries):
                known = inner.setdefault(entry.key.text, entry)
                if known is not entry:
                    problems.append(duplicate(entry.key, known.key))
            value = Mapping(value.source, value.line, value.column, 1, tuple(inner.values()))
        elif len(values) > 1:
            items = tuple(item for v in values if isinstance(v, Sequence) for item in v.items)
            value = Sequence(value.source, value.line, value.column, 1, items)
        merged.append(Entry(first[key].key, value))
    return Mapping(files[0].source, 1, 1, 1, tuple(merged))


def _same(one: Node, other: Node) -> bool:
    return isinstance(one, Scalar) and isinstance(other, Scalar) and one.text == other.text
