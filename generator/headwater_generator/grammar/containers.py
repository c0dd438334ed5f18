"""Shapes that hold others: lists, mappings, records; and the one reader of records."""

from __future__ import annotations

import re
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from typing_extensions import override

from ..load import Entry, Mapping, Node, Place, Scalar, Sequence
from ..names import nearest
from ..problems import Problem
from .declare import UNREAD, Key, Model, Shape, anchor, keys_of
from .foreign import UNDER_FIELDS, is_built_in, is_like_field
from .reading import alternatives, expected, refuse, shown, ways_out
from .words import Choice

__all__ = [
    "ListShape",
    "MapShape",
    "Record",
    "Variants",
    "read_record",
]


@dataclass(frozen=True)
class ListShape(Shape):
    """A list without repetitions."""

    item: Shape
    empty: bool = False
    one: str = "entry"

    @override
    def read(self, node: Node, problems: list[Problem], owner: Place) -> object:
        if not isinstance(node, Sequence):
            return expected(problems, node, owner, "a list", "in [ ], or one - a line")
        if not node.items and not self.empty:
            return refuse(problems, node, "HW111", "this list is empty")
        seen: dict[object, Node] = {}
        whole = True
        for item in node.items:
            value = self.item.read(item, problems, item)
            if value is UNREAD:
                whole = False
            elif value in seen:
                problems.append(
                    item.problem(
                        "HW108",
                        f'"{value}" is in this list twice',
                        f"the first is on {seen[value].seen_from(item)}",
                    )
                )
            else:
                seen[value] = item
        return tuple(seen) if whole else UNREAD

    @override
    def schema(self) -> dict[str, Any]:
        schema = {"type": "array", "items": self.item.schema(), "uniqueItems": True}
        return schema if self.empty else schema | {"minItems": 1}

    @property
    @override
    def words(self) -> str:
        return f"list: {self.item.words}"

    @override
    def parts(self) -> tuple[type[Model], ...]:
        return self.item.parts()


@dataclass(frozen=True)
class MapShape(Shape):
    """A mapping from names to values; a value that cannot be read is left out."""

    name: Shape
    value: Shape
    empty: bool = False

    @override
    def read(self, node: Node, problems: list[Problem], owner: Place) -> object:
        if not isinstance(node, Mapping):
            return expected(
                problems, node, owner, "a mapping", ways_out(node) if self.empty else ""
            )
        if not node.entries and not self.empty:
            return refuse(problems, node, "HW111", "this mapping is empty", "leave the key out")
        values: dict[str, object] = {}
        for entry in node.entries:
            name = self.name.read(entry.key, problems, entry.key)
            value = self.value.read(entry.value, problems, entry.key)
            if isinstance(name, str) and value is not UNREAD:
                values[name] = value
        return MappingProxyType(values)

    @override
    def schema(self) -> dict[str, Any]:
        schema = {
            "type": "object",
            "propertyNames": self.name.schema(),
            "additionalProperties": self.value.schema(),
        }
        return schema if self.empty else schema | {"minProperties": 1}

    @property
    @override
    def words(self) -> str:
        return f"mapping: {self.name.words} to {self.value.words}"

    @override
    def parts(self) -> tuple[type[Model], ...]:
        return self.value.parts()


@dataclass(frozen=True)
class Record(Shape):
    """A mapping with known keys; `short` names the key that a bare text stands for."""

    model: type[Model]
    short: str = ""

    @override
    def read(self, node: Node, problems: list[Problem], owner: Place) -> object:
        if self.short and isinstance(node, Scalar):
            key = keys_of(self.model)[self.short]
            value = key.shape.read(node, problems, owner)
            return value if value is UNREAD else self.model(**{key.attribute: value, "node": node})
        if self.short and isinstance(node, Sequence):
            return keys_of(self.model)[self.short].shape.read(node, problems, owner)
        return read_record(self.model, node, problems, owner)

    @override
    def schema(self) -> dict[str, Any]:
        reference = {"$ref": f"#/$defs/{self.model.__name__}"}
        if not self.short:
            return reference
        # The text first: editors then offer it first.
        return {"anyOf": [keys_of(self.model)[self.short].shape.schema(), reference]}

    @property
    @override
    def words(self) -> str:
        link = f"[{self.model.NOUN}](#{anchor(self.model)})"
        return f"{keys_of(self.model)[self.short].shape.words} or {link}" if self.short else link

    @override
    def parts(self) -> tuple[type[Model], ...]:
        return (self.model,)


@dataclass(frozen=True)
class Variants(Shape):
    """One of several records, told apart by a key that only one of them has; or a word."""

    models: AnyMapping[str, type[Model]]
    words_for: AnyMapping[str, object] = field(default_factory=dict)
    """Words that stand for a value of their own."""

    @override
    def read(self, node: Node, problems: list[Problem], owner: Place) -> object:
        if self.words_for and isinstance(node, Scalar):
            word = Choice(tuple(self.words_for)).read(node, problems, owner)
            return self.words_for[word] if isinstance(word, str) else word
        marks = tuple(self.models)
        if not isinstance(node, Mapping):
            return expected(problems, node, owner, f"a mapping with {alternatives(marks)}")
        found = [entry for entry in node.entries if entry.key.text in self.models]
        if len(found) == 1:
            return read_record(self.models[found[0].key.text], node, problems, owner)
        if found:
            return refuse(
                problems,
                found[1].key,
                "HW110",
                f'"{found[1].key.text}" and "{found[0].key.text}" exclude each other',
                "keep one of them",
            )
        for entry in node.entries:
            better = nearest(entry.key.text, marks)
            if better:
                return refuse(
                    problems,
                    entry.key,
                    "HW101",
                    f"unknown key {shown(entry.key.text)}",
                    f'did you mean "{better}"?',
                )
        hint = ""
        if "fields" in marks and node.entries and all(map(is_like_field, node.entries)):
            hint = "put these under fields"
        return refuse(problems, owner, "HW110", f"one of {alternatives(marks)} is due here", hint)

    @override
    def schema(self) -> dict[str, Any]:
        options: list[dict[str, Any]] = [{"enum": list(self.words_for)}] if self.words_for else []
        options += [{"$ref": f"#/$defs/{model.__name__}"} for model in self.models.values()]
        return {"anyOf": options}

    @property
    @override
    def words(self) -> str:
        options = [f"`{word}`" for word in self.words_for]
        options += [Record(model).words for model in self.models.values()]
        return alternatives(tuple(options))

    @override
    def parts(self) -> tuple[type[Model], ...]:
        return tuple(self.models.values())


def read_record(model: type[Model], node: Node, problems: list[Problem], owner: Place) -> object:
    """Return the record that a mapping holds; its unreadable optional keys are left out."""
    if not isinstance(node, Mapping):
        optional = not any(key.required for key in keys_of(model).values())
        hint = ways_out(node) if optional and not model.EXACTLY_ONE else ""
        needed = ", ".join(key.example for key in keys_of(model).values() if key.required)
        return expected(
            problems, node, owner, "a mapping", f"such as {{{needed}}}" if needed else hint
        )
    known = keys_of(model)
    values: dict[str, Any] = {"node": node}
    groups: dict[str, dict[str, object]] = {}
    met: dict[str, Place] = {}
    for entry in node.entries:
        name = entry.key.text
        if name.startswith("x-"):
            continue
        key = known.get(name)
        if key is None:
            hint, better = _instead(model, entry, node)
            if not hint and "" not in met:
                hint = f"{model.NOUN} takes {', '.join(model.fitting(node))}"
                met[""] = entry.key  # told once
            if better:
                met.setdefault(better, entry.key)
            problems.append(entry.key.problem("HW101", f"unknown key {shown(name)}", hint))
            continue
        met[name] = entry.key
        before = len(problems)
        value = key.shape.read(entry.value, problems, entry.key)
        if value is UNREAD:
            problems[before:] = [_shown_how(one, entry, key) for one in problems[before:]]
            continue
        if key.grouped:
            groups.setdefault(key.attribute, {})[name] = value
        else:
            values[key.attribute] = value
    values |= {name: MappingProxyType(group) for name, group in groups.items()}
    problems.extend(
        owner.problem("HW102", f'{model.NOUN} needs "{key.name}"', f"such as {key.example}")
        for key in known.values()
        if key.required and key.name not in met
    )
    chosen = [met[name] for name in model.EXACTLY_ONE if name in met]
    if model.EXACTLY_ONE and not chosen:
        problems.append(
            owner.problem("HW110", f"{model.NOUN} needs one of {alternatives(model.EXACTLY_ONE)}")
        )
    message = f"{model.NOUN} takes one of {alternatives(model.EXACTLY_ONE)}"
    problems.extend(place.problem("HW110", message, "keep one of them") for place in chosen[1:])
    complete = all(key.attribute in values for key in known.values() if key.required)
    one = (
        not model.EXACTLY_ONE
        or len([n for n in model.EXACTLY_ONE if known[n].attribute in values]) == 1
    )
    return model(**values) if complete and one else UNREAD


def _shown_how(problem: Problem, entry: Entry, key: Key) -> Problem:
    """Return a problem with an example of the key, where its value is of no use at all."""
    at_value = {(place.line, place.column) for place in (entry.key, entry.value)}
    is_bare = not problem.hint or (problem.code == "HW111" and key.required)
    if problem.code not in {"HW103", "HW111"} or not is_bare:
        return problem
    if (problem.line, problem.column) not in at_value:
        return problem
    return replace(problem, hint=f"such as {key.example}")


def _instead(model: type[Model], entry: Entry, node: Mapping) -> tuple[str, str]:
    """Return the hint for an unknown key, and the key that was meant; both may be empty."""
    known = keys_of(model)
    takes_fields = "fields" in known and is_like_field(entry)
    hint = model.hint(entry, node)
    if not hint and takes_fields and is_built_in(entry.value):
        hint = UNDER_FIELDS
    if not hint and (better := nearest(entry.key.text, tuple(known))):
        hint = f'did you mean "{better}"?'
    if not hint and takes_fields:
        hint = UNDER_FIELDS
    meant = re.fullmatch(r'did you mean "(\w+)"\?', hint)
    return hint, meant[1] if meant else ""
