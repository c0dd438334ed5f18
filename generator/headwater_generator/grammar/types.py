"""Types of fields as a spec writes them: `string`, `list<T>`, `map<T>`, `T | null`, a name."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TypeAlias

from ..load import NOWHERE, Place
from ..load import Scalar as ScalarNode
from ..names import versioned
from ..problems import Problem

__all__ = [
    "SCALARS",
    "ListOf",
    "MapOf",
    "Named",
    "Nullable",
    "Scalar",
    "TypeExpression",
    "named_types",
    "parse_type",
    "show_type",
]

SCALARS = (
    "string",
    "int",
    "float",
    "bool",
    "decimal",
    "uuid",
    "date",
    "time",
    "datetime",
    "duration",
    "bytes",
    "email",
    "uri",
    "json",
)

MAX_TYPE_DEPTH = 8  # lists and maps inside each other


@dataclass(frozen=True, slots=True)
class Scalar:
    """One of the built-in types, `SCALARS`."""

    name: str


@dataclass(frozen=True, slots=True)
class ListOf:
    """`list<T>`."""

    item: TypeExpression


@dataclass(frozen=True, slots=True)
class MapOf:
    """`map<T>`: its keys are strings."""

    item: TypeExpression


@dataclass(frozen=True, slots=True)
class Named:
    """A type of the spec's own. Of `Role@1`, an older version, the name is `RoleV1`."""

    name: str
    place: Place = field(default=NOWHERE, compare=False, repr=False)
    written: str = field(default="", compare=False, repr=False)
    """As the spec writes it, where that differs from the name."""


@dataclass(frozen=True, slots=True)
class Nullable:
    """`T | null`; without a default of its own, null is the default."""

    item: TypeExpression


TypeExpression: TypeAlias = Scalar | ListOf | MapOf | Named | Nullable


def show_type(expression: TypeExpression) -> str:
    """Return a type as a spec writes it."""
    match expression:
        case ListOf(item):
            return f"list<{show_type(item)}>"
        case MapOf(item):
            return f"map<{show_type(item)}>"
        case Nullable(item):
            return f"{show_type(item)} | null"
        case Named(name):
            return expression.written or name
        case Scalar(name):
            return name


def named_types(expression: TypeExpression) -> tuple[Named, ...]:
    """Return the spec's own types that a type mentions."""
    while not isinstance(expression, Scalar | Named):
        expression = expression.item
    return (expression,) if isinstance(expression, Named) else ()


def parse_type(node: ScalarNode) -> TypeExpression | Problem:
    """Return the type that a text stands for, or what is wrong with it."""
    if node.text in SCALARS:
        return Scalar(node.text)  # most are that simple
    try:
        return _Parser(node).parse()
    except _Malformed as error:
        return error.problem


class _Malformed(Exception):  # noqa: N818 - carries a problem, is none
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem


_TOKEN = re.compile(r"\s*(?:([A-Za-z_][A-Za-z0-9_]*(?:@[1-9][0-9]*)?)|(\S))")
_EXAMPLE = "such as string, list<string>, map<int> or Role | null"


class _Parser:
    def __init__(self, node: ScalarNode) -> None:
        self.node = node
        self.tokens = [
            (match[1] or match[2], match.start(1)) if match[1] else (match[2], match.start(2))
            for match in _TOKEN.finditer(node.text)
        ]
        self.position = 0

    def parse(self) -> TypeExpression:
        if not self.tokens:
            raise self.error("a type is missing here", hint=_EXAMPLE)
        expression = self.union(depth=0)
        if self.token() is not None:
            raise self.unexpected()
        return expression

    def union(self, depth: int) -> TypeExpression:
        if depth > MAX_TYPE_DEPTH:
            raise self.error("this type is nested too deeply", hint="declare a type and name it")
        if self.token() == "null":
            rest = self.tokens[self.position + 1 :]
            hint = "write the type first: T | null" if rest else _EXAMPLE
            raise self.error("null alone is not a type", hint=hint)
        expression = self.part(depth)
        if self.token() != "|":
            return expression
        self.position += 1
        if self.token() != "null":
            raise self.error(
                "only null may follow the |", hint="declare a tagged union under types: one_of"
            )
        self.position += 1
        if self.token() == "|":
            raise self.error("only null may follow the |")
        return Nullable(expression)

    def part(self, depth: int) -> TypeExpression:
        word = self.token()
        if word is None or not (word[0].isalpha() or word[0] == "_") or not word.isascii():
            raise self.unexpected()
        place = self.place()
        self.position += 1
        if word in {"list", "map"}:
            return self.container(word, place, depth)
        if self.token() == "<":
            raise self.error(f"{word} takes no type in < >", hint="list<T> and map<T> do")
        if self.token() == "[":
            raise self.error("a list is written another way", hint=f"list<{word}>")
        if self.token() == "?":
            raise self.error("what may be missing is written another way", hint=f"{word} | null")
        if word in SCALARS:
            return Scalar(word)
        name, _, version = word.partition("@")
        return Named(versioned(name, int(version)), place, word) if version else Named(word, place)

    def container(self, word: str, place: Place, depth: int) -> TypeExpression:
        if self.token() != "<":
            what = "items" if word == "list" else "values"
            raise _Malformed(
                place.problem("HW402", f"{word} needs the type of its {what}", f"{word}<string>")
            )
        self.position += 1
        item = self.union(depth + 1)
        if self.token() == ",":
            raise self.error(
                f"{word} takes one type",
                hint="the keys of a map are strings: map<int>" if word == "map" else "",
            )
        if self.token() != ">":
            raise self.unexpected()
        self.position += 1
        return ListOf(item) if word == "list" else MapOf(item)

    def token(self) -> str | None:
        return self.tokens[self.position][0] if self.position < len(self.tokens) else None

    def place(self) -> Place:
        """Return where the token stands; the whole text where quotes or folding moved it."""
        node = self.node
        if self.position >= len(self.tokens):
            return Place(node.source, node.line, node.column, node.length)
        token, offset = self.tokens[self.position]
        column = node.column + offset + (not node.plain)
        lines = node.source.lines
        line = lines[node.line - 1] if 0 < node.line <= len(lines) else ""
        if line[column - 1 : column - 1 + len(token)] != token:
            return Place(node.source, node.line, node.column, node.length)
        return Place(node.source, node.line, column, len(token))

    def unexpected(self) -> _Malformed:
        token = self.token()
        if token is None:
            return self.error("the type ends too early", hint=_EXAMPLE)
        return self.error(f'"{token}" does not belong into a type', hint=_EXAMPLE)

    def error(self, message: str, hint: str = "") -> _Malformed:
        return _Malformed(self.place().problem("HW402", message, hint))
