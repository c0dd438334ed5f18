"""The next version of an event or type, written into the text of its spec.

Comments, quotes and layout stay: text is inserted and copied by the places of YAML's nodes, and
nothing is written anew that was there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import yaml

from ..grammar import Spec
from ..model.versions import TypeVersion, needed_types, type_versions_of, versions_of
from .entries import Lock
from .keeping import fields_of

__all__ = ["Scaffold", "next_event", "next_type"]

_NOTE = "# upcast: `headwater generate` says what is missing, once the fields are changed"
_FORMS = ("enum", "fields", "one_of", "tag")


@dataclass(frozen=True, slots=True)
class Scaffold:
    """What `headwater version` did."""

    files: Mapping[str, str]
    """New text of each file that changes, by path."""
    versions: tuple[str, ...]
    """The versions that are new, such as `UserAdded@2`."""


def next_event(spec: Spec, texts: Mapping[str, str], name: str) -> Scaffold:
    """Move the head of an event into its history; the text of `fields` stays as the next one's."""
    documents = {path: _Document(texts[path]) for path in spec.files}
    told = [_bump_event(spec, documents, name, {})]
    return _scaffold(documents, told)


def next_type(
    services: Sequence[tuple[Spec, Lock]], texts: Mapping[str, str], name: str
) -> Scaffold:
    """Move a type into its history, with all that was released and has it.

    Released types that contain it get their next version too, as do the events whose released head
    has one of these, in every service that has the type. Older versions of events name what they
    had: `Role@1`.
    """
    documents = {path: _Document(text) for path, text in texts.items()}
    moved: dict[str, str] = {}
    told: list[str] = []
    for spec, known in services:
        types = list(type_versions_of(spec))
        for one in types:
            is_moved = one.name == name or (
                _is_released(known, one) and name in _inside(types, one)
            )
            if one.is_head and is_moved and one.name not in moved:
                moved[one.name] = f"{one.name}@{one.version}"
                told.append(f"{one.name}@{one.version + 1}")
    for document in documents.values():
        document.rename_in_history(moved)
    for head, older in moved.items():
        version = int(older.rpartition("@")[2])
        for document in documents.values():
            if entry := document.entry("types", head):
                document.move(entry, version, _FORMS, (), moved)
    for spec, known in services:
        mine = {path: documents[path] for path in spec.files}
        types = list(type_versions_of(spec))
        for event in versions_of(spec):
            known_entry = known.events.get(event.name, {}).get(event.version)
            mentioned = {one.name for one in needed_types(types, [event.fields])}
            is_released = known_entry is not None and known_entry.is_released
            if event.is_head and is_released and mentioned & moved.keys():
                told.append(_bump_event(spec, mine, event.name, moved))
    return _scaffold(documents, told)


def _scaffold(documents: Mapping[str, _Document], told: Iterable[str]) -> Scaffold:
    files = {path: one.result() for path, one in documents.items() if one.is_changed}
    return Scaffold(files, tuple(told))


def _is_released(known: Lock, one: TypeVersion) -> bool:
    entry = known.types.get(one.type, {}).get(one.version)
    return entry is not None and entry.is_released


def _inside(types: Sequence[TypeVersion], one: TypeVersion) -> set[str]:
    return {each.name for each in needed_types(types, [fields_of(one)])}


def _bump_event(
    spec: Spec,
    documents: Mapping[str, _Document],
    name: str,
    moved: Mapping[str, str],
) -> str:
    for workflow, declared in spec.workflows.items():
        if name not in declared.events:
            continue
        version = declared.events[name].version
        for document in documents.values():
            if entry := document.entry("workflows", workflow, "events", name):
                document.move(entry, version, ("fields", "upcast"), ("upcast",), moved)
                return f"{name}@{version + 1}"
    raise KeyError(name)


@dataclass(frozen=True, slots=True)
class _Edit:
    start: int
    end: int
    text: str


_Entry = tuple[yaml.ScalarNode, yaml.Node]


class _Document:
    """The text of one file, and what is to change in it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.end_of_line = "\r\n" if "\r\n" in text else "\n"
        self._root = yaml.compose(text, Loader=yaml.CSafeLoader)
        self._edits: list[_Edit] = []
        self._renames: list[_Edit] = []

    @property
    def is_changed(self) -> bool:
        """Whether anything is to change."""
        return bool(self._edits or self._renames)

    def entry(self, *keys: str) -> _Entry | None:
        """Return the key and value that lie down these keys."""
        node: yaml.Node | None = self._root
        found: _Entry | None = None
        for key in keys:
            found = next((one for one in _children(node) if one[0].value == key), None)
            node = found[1] if found else None
        return found

    def rename_in_history(self, moved: Mapping[str, str]) -> None:
        """Let older versions of events and types name the types that they had."""
        for _, workflow in _children(_value(self._root, "workflows")):
            for _, event in _children(_value(workflow, "events")):
                for _, past in _children(_value(event, "history")):
                    self._renames += self._renamed(past, moved)
        for _, declared in _children(_value(self._root, "types")):
            for _, past in _children(_value(declared, "history")):
                self._renames += self._renamed(past, moved)

    def move(
        self,
        entry: _Entry,
        version: int,
        copied: Sequence[str],
        dropped: Sequence[str],
        moved: Mapping[str, str],
    ) -> None:
        """Copy keys of an entry's value into its history, under a version, and drop some there."""
        key, value = entry
        parts = [one for one in _children(value) if one[0].value in copied]
        renames = self._renamed(value, moved)
        if _is_flow(value):
            inner = ", ".join(self._copy(one, renames) for one in parts) or "fields: {}"
            self._move_in_flow(value, version, inner, dropped)
        else:
            self._move_in_block(key, value, version, parts, renames, dropped)

    def result(self) -> str:
        """Return the text with all that is to change."""
        inserted = sorted(self._edits, key=lambda one: one.start)
        kept = [
            one
            for one in self._renames
            if not any(edit.start <= one.start < edit.end for edit in inserted)
        ]
        text = self.text
        for edit in sorted((*inserted, *kept), key=lambda one: one.start, reverse=True):
            text = text[: edit.start] + edit.text + text[edit.end :]
        return text

    def _move_in_flow(
        self, value: yaml.Node, version: int, inner: str, dropped: Sequence[str]
    ) -> None:
        new = f"{version}: {{{inner}}}"
        history = next((one for one in _children(value) if one[0].value == "history"), None)
        target = history[1] if history else value
        close = target.end_mark.index - 1
        text = new if history else f"history: {{{new}}}"
        before = self.text[:close].rstrip()
        comma = "" if before.endswith(("{", ",")) else ", "
        space = " " if before.endswith(",") else ""
        self._edits.append(_Edit(len(before), close, f"{comma}{space}{text}"))
        for name, one in _children(value):
            if name.value in dropped:
                start, end = name.start_mark.index, one.end_mark.index
                behind = re.match(r"\s*,\s*", self.text[end:])
                ahead = re.search(r",\s*$", self.text[:start])
                if behind:
                    end += behind.end()
                elif ahead:
                    start = ahead.start()
                self._edits.append(_Edit(start, end, ""))

    def _move_in_block(
        self,
        key: yaml.ScalarNode,
        value: yaml.Node,
        version: int,
        parts: Sequence[_Entry],
        renames: Sequence[_Edit],
        dropped: Sequence[str],
    ) -> None:
        line = self.end_of_line
        children = list(_children(value))
        column = children[0][0].start_mark.column if children else key.start_mark.column + 2
        step = max(2, column - key.start_mark.column)
        history = next((one for one in children if one[0].value == "history"), None)
        inner = column + step
        past = [f"{' ' * inner}{version}:"]
        for part in parts:
            text = self._copy(part, renames, with_comment=True)
            past += self._shifted(text, part[0], inner + step)
        if not parts:
            past.append(f"{' ' * (inner + step)}fields: {{}}")
        if history is None:
            last = children[-1] if children else (key, value)
            at = self._end_of_line(self._end(*last))
            new = [f"{' ' * column}history:", *past]
            self._edits.append(_Edit(at, at, "".join(f"{line}{one}" for one in new)))
        elif _is_flow(history[1]):
            old = [
                f"{' ' * inner}{self._copy(one, self._renames)}" for one in _children(history[1])
            ]
            start, end = history[0].end_mark.index, history[1].end_mark.index
            self._edits.append(
                _Edit(start, end, ":" + "".join(f"{line}{one}" for one in (*old, *past)))
            )
        else:
            first = next(_children(history[1]))[0].start_mark.column
            past = [
                f"{' ' * (first - inner)}{one}" if first > inner else one[inner - first :]
                for one in past
            ]
            at = self._end_of_line(self._end(*history))
            self._edits.append(_Edit(at, at, "".join(f"{line}{one}" for one in past)))
        for name, one in children:
            if name.value in dropped:
                start = self.text.rfind("\n", 0, name.start_mark.index) + 1
                end = self._end_of_line(self._end(name, one))
                self._edits.append(_Edit(start, end, f"{' ' * column}{_NOTE}"))

    def _copy(self, entry: _Entry, renames: Sequence[_Edit], *, with_comment: bool = False) -> str:
        """Return the text of a key with its value, types renamed."""
        start, end = entry[0].start_mark.index, self._end(*entry)
        if with_comment:
            end = self._end_of_line(end)
        text = self.text[start:end]
        for one in sorted(renames, key=lambda one: one.start, reverse=True):
            if start <= one.start and one.end <= end:
                text = text[: one.start - start] + one.text + text[one.end - start :]
        return text

    def _shifted(self, text: str, key: yaml.ScalarNode, column: int) -> Iterator[str]:
        """Yield lines that begin at another column."""
        by = column - key.start_mark.column
        for number, one in enumerate(re.split(r"\r?\n", text)):
            if not one.strip():
                yield ""
            elif number == 0:
                yield f"{' ' * column}{one}"
            else:
                yield f"{' ' * by}{one}" if by >= 0 else one[-by:]

    def _end(self, key: yaml.ScalarNode, value: yaml.Node) -> int:
        """Return where a value ends, without blank lines and comments that belong elsewhere."""
        end: int = value.end_mark.index
        lines = self.text[:end].split("\n")
        while len(lines) - 1 > key.start_mark.line:
            last = lines[-1]
            indent = len(last) - len(last.lstrip())
            is_comment = last.lstrip().startswith("#") and indent <= key.start_mark.column
            if last.strip() and not is_comment:
                break
            lines.pop()
        return len("\n".join(lines).rstrip())

    def _end_of_line(self, at: int) -> int:
        """Return the end of the line, behind a comment that stands there."""
        end = self.text.find("\n", at)
        end = len(self.text) if end < 0 else end
        return end - 1 if self.text[end - 1 : end] == "\r" else end

    def _renamed(self, node: yaml.Node, moved: Mapping[str, str]) -> list[_Edit]:
        """Return the edits that let the types of fields and unions be older versions."""
        edits: list[_Edit] = []
        if not moved:
            return edits
        for scalar in _types_in(node):
            start, end = scalar.start_mark.index, scalar.end_mark.index
            text = self.text[start:end]
            new = re.sub(
                r"(?<![\w@])[A-Z]\w*(?![\w@])", lambda one: moved.get(one[0], one[0]), text
            )
            if new != text:
                edits.append(_Edit(start, end, new))
        return edits


def _children(node: yaml.Node | None) -> Iterator[_Entry]:
    if isinstance(node, yaml.MappingNode):
        yield from node.value


def _value(node: yaml.Node | None, key: str) -> yaml.Node | None:
    return next((value for name, value in _children(node) if name.value == key), None)


def _is_flow(node: yaml.Node) -> bool:
    return isinstance(node, yaml.CollectionNode) and bool(node.flow_style)


def _types_in(node: yaml.Node) -> Iterator[yaml.ScalarNode]:
    """Yield where a version of an event or a form of a type names types."""
    for _, field in _children(_value(node, "fields")):
        named = field if isinstance(field, yaml.ScalarNode) else _value(field, "type")
        if isinstance(named, yaml.ScalarNode):
            yield named
    members = _value(node, "one_of")
    for member in members.value if isinstance(members, yaml.SequenceNode) else ():
        if isinstance(member, yaml.ScalarNode):
            yield member
