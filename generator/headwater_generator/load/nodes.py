"""What a file is read into: nodes, each of which knows its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from ..problems import Problem

__all__ = [
    "NOWHERE",
    "Entry",
    "Mapping",
    "Node",
    "Place",
    "Refused",
    "Scalar",
    "Sequence",
    "Source",
    "at",
    "duplicate",
    "entries",
    "listed",
    "names",
]


@dataclass(frozen=True, eq=False)
class Source:
    """The text of one file, under the path it is reported by."""

    path: str
    text: str

    @cached_property
    def lines(self) -> list[str]:
        """The lines without their ends, split as YAML splits them."""
        return re.split(r"\r\n|\r|\n", self.text)

    def problem(
        self, code: str, message: str, line: int, column: int, *, length: int = 1, hint: str = ""
    ) -> Problem:
        """Return a problem at a place of this file."""
        text = self.lines[line - 1] if 0 < line <= len(self.lines) else ""
        return Problem(
            code=code,
            message=message,
            file=self.path,
            line=line,
            column=column,
            length=max(1, min(length, len(text) - column + 1)),
            hint=hint,
            text=text,
        )


@dataclass(slots=True, eq=False)  # frozen, it would take five times as long to make one
class Place:
    """Where something stands. Lines and columns count from 1. Nobody changes one."""

    source: Source
    line: int
    column: int
    length: int

    def problem(self, code: str, message: str, hint: str = "") -> Problem:
        """Return a problem at this place."""
        return self.source.problem(
            code, message, self.line, self.column, length=self.length, hint=hint
        )

    def seen_from(self, other: Place) -> str:
        """Return "line 7", or "shared.yaml:7" where the other place is in another file."""
        if other.source.path == self.source.path:
            return f"line {self.line}"
        return f"{self.source.path}:{self.line}"


@dataclass(slots=True, eq=False)
class Scalar(Place):
    """A text as written. `plain`: without quotes, so YAML may have meant something else."""

    text: str
    plain: bool


@dataclass(slots=True, eq=False)
class Sequence(Place):
    """A list."""

    items: tuple[Node, ...]


@dataclass(slots=True, eq=False)
class Entry:
    """A key and its value."""

    key: Scalar
    value: Node


@dataclass(slots=True, eq=False)
class Mapping(Place):
    """Keys and values in the order of the file; no key is there twice."""

    entries: tuple[Entry, ...]

    def entry(self, key: str) -> Entry | None:
        """Return the entry with this key."""
        return next((entry for entry in self.entries if entry.key.text == key), None)

    def value(self, key: str) -> Node | None:
        """Return the value at this key."""
        entry = self.entry(key)
        return entry.value if entry else None


@dataclass(slots=True, eq=False)
class Refused(Place):
    """What stood here was reported, and says nothing any more."""


Node: TypeAlias = Scalar | Sequence | Mapping | Refused

NOWHERE = Mapping(Source("", ""), 0, 0, 1, ())
"""The node of a tree that was not read from a file."""


def at(node: Node, *keys: str) -> Place:
    """Return the deepest place there is on the way down these keys: a value, or the node itself."""
    for key in keys:
        below = node.value(key) if isinstance(node, Mapping) else None
        if below is None:
            break
        node = below
    return node


def entries(node: Node | None, *keys: str) -> tuple[Entry, ...]:
    """Return the entries of the mapping that lies down these keys; none if there is none."""
    for key in keys:
        node = node.value(key) if isinstance(node, Mapping) else None
    return node.entries if isinstance(node, Mapping) else ()


def names(node: Node | None, *keys: str) -> tuple[str, ...]:
    """Return the keys of the mapping that lies down these keys; none if there is none."""
    return tuple(entry.key.text for entry in entries(node, *keys))


def listed(
    node: Node, key: str, values: Iterable[str], read: Callable[[str], str] = str
) -> Iterator[tuple[str, Place]]:
    """Yield the texts of a list that a mapping has under a key, each with its first place.

    `read` says what became of a text when it was read.
    """
    below = at(node, key)
    places: dict[str, Place] = {}
    for item in below.items if isinstance(below, Sequence) else ():
        if isinstance(item, Scalar):
            places.setdefault(read(item.text), item)
    yield from ((value, places.get(value, below)) for value in values)


def duplicate(key: Scalar, known: Scalar) -> Problem:
    """Return the problem (HW008) that a key was there before."""
    return key.problem(
        "HW008",
        f'"{key.text}" is there twice',
        f"the first is on {known.seen_from(key)}"
        if known.source.path == key.source.path
        else f"the first is at {known.seen_from(key)}",
    )
