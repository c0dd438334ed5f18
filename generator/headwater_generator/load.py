"""YAML to nodes that know their line and column. Spec text is data: nothing in it is executed.

Only what a spec needs is let in: mappings, lists and scalars, one document a file. Aliases, merge
keys and tags are refused, as is a key given twice, text that the eye would misread, and whatever
passes a limit below. What a scalar means is left to whoever knows what is due at its place.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from collections.abc import Sequence as AnySequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TypeAlias

import yaml

from .problems import Problem, SpecError, printable

__all__ = [
    "MAX_BYTES",
    "MAX_DEPTH",
    "MAX_LINES",
    "MAX_TEXT",
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
    "entries",
    "listed",
    "load",
    "locate",
    "merge",
    "names",
    "read_sources",
]

MAX_BYTES = 8 * 1024 * 1024  # of a spec, all its files together
MAX_LINES = 100_000  # of a spec, all its files together
MAX_DEPTH = 64  # mappings and lists inside each other
MAX_TEXT = 20_000  # characters of one scalar
MAX_SHOWN = 20  # forbidden characters of one file that are reported one by one

# Controls but for tab and line ends, what YAML 1.1 takes for a line end, and what is invisible or
# turns the reading direction. The joiners U+200C and U+200D belong to scripts and emoji.
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)
_FORBIDDEN_NAMES = {
    "\x00": "NUL",
    "\x85": "a line end of its own kind",
    "\u2028": "a line end of its own kind",
    "\u2029": "a line end of its own kind",
    "\ufeff": "an invisible byte order mark",
}
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_INVISIBLE = frozenset("\u00ad\u180e\u200b\u2060\u2061\u2062\u2063\u2064")
_OTHER_ENCODINGS = (  # the longer mark first: UTF-32 begins as UTF-16 does
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)


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


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where something stands. Lines and columns count from 1."""

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


@dataclass(frozen=True, slots=True, eq=False)
class Scalar(Place):
    """A text as written. `plain`: without quotes, so YAML may have meant something else."""

    text: str
    plain: bool


@dataclass(frozen=True, slots=True, eq=False)
class Sequence(Place):
    """A list."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A key and its value."""

    key: Scalar
    value: Node


@dataclass(frozen=True, slots=True, eq=False)
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


@dataclass(frozen=True, slots=True, eq=False)
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


def listed(node: Node, key: str, values: Iterable[str]) -> Iterator[tuple[str, Place]]:
    """Yield the texts of a list that a mapping has under a key, each with its first place."""
    below = at(node, key)
    places: dict[str, Place] = {}
    for item in below.items if isinstance(below, Sequence) else ():
        if isinstance(item, Scalar):
            places.setdefault(item.text, item)
    yield from ((value, places.get(value, below)) for value in values)


def locate(path: Path, root: Path) -> str:
    """Return a path as problems and generated files name it: relative to the root, with `/`.

    Raises:
        SpecError: Links resolved, it lies outside the root, or its name could not stand in a
            comment of generated code.
    """
    try:
        relative = path.resolve().relative_to(root.resolve())
    except (OSError, RuntimeError, ValueError):
        shown = printable(PurePosixPath(path).as_posix())
        problem = Problem(
            code="HW013",
            message="the file is outside the project",
            file=shown,
            hint=f"the project is {printable(str(root))}",
        )
        raise SpecError([problem]) from None
    name = relative.as_posix()
    if not name.isprintable() or any(character in name for character in "\"'`\\{}"):
        problem = Problem(
            code="HW014",
            message="the name of this file has characters that could not be quoted safely",
            file=printable(name),
            hint="rename it: no quotes, backslashes, braces or control characters",
        )
        raise SpecError([problem])
    return name


def read_sources(path: Path, root: Path) -> list[Source]:
    """Return the text of a spec file, or of each file in a spec folder, by name.

    Raises:
        SpecError: A file cannot be read, is too large, or is not UTF-8.
    """
    name = locate(path, root)
    if not path.is_dir():
        return [_read(path, name)]
    problems: list[Problem] = []
    size = sum(member.stat().st_size for member in path.glob("*.yaml") if member.is_file())
    if size > MAX_BYTES:
        raise SpecError([_too_large(name, size)])
    sources: list[Source] = []
    for member in sorted(path.iterdir(), key=lambda member: member.name):
        if member.suffix == ".yml":
            problems.append(
                Problem(
                    code="HW015",
                    message="this file of the spec's folder would not be read",
                    file=f"{name}/{printable(member.name)}",
                    hint="name it .yaml",
                )
            )
        elif member.suffix == ".yaml":
            try:
                sources.append(_read(member, locate(member, root)))
            except SpecError as error:
                problems.extend(error.problems)
    if not problems and not sources:
        problems.append(
            Problem(
                code="HW015",
                message="there is no spec in this folder",
                file=name,
                hint="a spec's files end in .yaml and lie directly in its folder",
            )
        )
    if problems:
        raise SpecError(problems)
    return sources


def load(source: Source, problems: list[Problem]) -> Mapping | None:
    """Return the mapping that a file holds, and report what is refused in it.

    None if there is nothing to read on: malformed YAML is reported up to its first mistake.
    """
    found = list(_limits(source)) or list(_forbidden(source))
    problems.extend(found)
    return None if found else _Builder(source, problems).build()


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
                problems.append(_duplicate(entry.key, known.key))
    merged: list[Entry] = []
    for key, values in joined.items():
        value: Node = values[0]
        if len(values) > 1 and isinstance(value, Mapping):
            inner: dict[str, Entry] = {}
            for entry in (e for v in values if isinstance(v, Mapping) for e in v.entries):
                known = inner.setdefault(entry.key.text, entry)
                if known is not entry:
                    problems.append(_duplicate(entry.key, known.key))
            value = Mapping(value.source, value.line, value.column, 1, tuple(inner.values()))
        elif len(values) > 1:
            items = tuple(item for v in values if isinstance(v, Sequence) for item in v.items)
            value = Sequence(value.source, value.line, value.column, 1, items)
        merged.append(Entry(first[key].key, value))
    return Mapping(files[0].source, 1, 1, 1, tuple(merged))


def _same(one: Node, other: Node) -> bool:
    return isinstance(one, Scalar) and isinstance(other, Scalar) and one.text == other.text


def _duplicate(key: Scalar, known: Scalar) -> Problem:
    return key.problem(
        "HW008",
        f'"{key.text}" is there twice',
        f"the first is on {known.seen_from(key)}"
        if known.source.path == key.source.path
        else f"the first is at {known.seen_from(key)}",
    )


def _too_large(name: str, size: int) -> Problem:
    return Problem(
        code="HW011",
        message=f"a spec has at most {MAX_BYTES:,} bytes, this one has {size:,}",
        file=name,
        hint="make it several services",
    )


def _read(path: Path, name: str) -> Source:
    def refuse(code: str, message: str, hint: str = "") -> SpecError:
        return SpecError([Problem(code=code, message=message, file=name, hint=hint)])

    if path.exists() and not path.is_file():
        raise refuse("HW001", "this is not a file that could be read")
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise SpecError([_too_large(name, size)])
        raw = path.read_bytes()
    except FileNotFoundError:
        raise refuse("HW001", "there is no such file") from None
    except OSError as error:
        raise refuse("HW001", f"the file cannot be read: {error.strerror}") from None
    # ASCII comes first in any spec; beside NUL it is UTF-16 or UTF-32 without a mark.
    marks = dict(_OTHER_ENCODINGS)
    encoding = next((marks[mark] for mark in marks if raw.startswith(mark)), "")
    if encoding or (b"\0" in raw[:2] and len(raw) > 1):
        what = encoding or "UTF-16"
        raise refuse("HW002", f"the file is {what}, not UTF-8", "save it as UTF-8")
    raw = raw.removeprefix(codecs.BOM_UTF8)
    try:
        return Source(name, raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        good = raw[: error.start].decode("utf-8")
        source = Source(name, good + raw[error.start :].decode("utf-8", "replace"))
        line = len(re.split(r"\r\n|\r|\n", good))
        column = len(good) - max(good.rfind("\n"), good.rfind("\r"))
        byte = raw[error.start]
        problem = source.problem(
            "HW002", f"byte 0x{byte:02x} is not UTF-8", line, column, hint="save it as UTF-8"
        )
        raise SpecError([problem]) from None


def _limits(source: Source) -> Iterator[Problem]:
    if len(source.lines) > MAX_LINES:
        message = f"a spec has at most {MAX_LINES:,} lines, this file has {len(source.lines):,}"
        yield source.problem("HW011", message, MAX_LINES + 1, 1, hint="make it several services")


def _forbidden(source: Source) -> Iterator[Problem]:
    if _FORBIDDEN.search(source.text) is None:
        return
    shown = 0
    for number, line in enumerate(source.lines, 1):
        for match in _FORBIDDEN.finditer(line):
            yield source.problem(
                "HW009", _about(match[0]), number, match.start() + 1, hint="remove it"
            )
            shown += 1
            if shown == MAX_SHOWN:
                return


def _about(character: str) -> str:
    if character in _FORBIDDEN_NAMES:
        what = _FORBIDDEN_NAMES[character]
    elif character in _BIDI:
        what = "invisible and turns the direction of reading"
    elif character in _INVISIBLE:
        what = "invisible"
    else:
        what = "a control character"
    return f"character U+{ord(character):04X} is {what}"


class _Builder:
    """Nodes from YAML events, with a stack of its own: no depth of nesting can exhaust Python's."""

    def __init__(self, source: Source, problems: list[Problem]) -> None:
        self.source = source
        self.problems = problems
        self.anchors: set[str] = set()

    def build(self) -> Mapping | None:
        parser = yaml.CSafeLoader(self.source.text)
        try:
            return self._document(parser)
        except yaml.MarkedYAMLError as error:
            self.problems.append(self._malformed(error))
        except (yaml.YAMLError, ValueError) as error:
            self.problems.append(
                self.source.problem("HW003", f"this is not YAML: {printable(str(error))}", 1, 1)
            )
        finally:
            parser.dispose()
        return None

    def _document(self, parser: yaml.CSafeLoader) -> Mapping | None:
        stack: list[tuple[yaml.Event, list[Node]]] = []
        documents = 0
        top: Node | None = None
        while not isinstance(event := parser.get_event(), yaml.StreamEndEvent):
            node: Node | None = None
            if isinstance(event, yaml.ScalarEvent):
                node = self._scalar(event)
            elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                self._refuse_extras(event)
                stack.append((event, []))
                if len(stack) > MAX_DEPTH:
                    self._add(
                        "HW010",
                        event,
                        f"this is nested more than {MAX_DEPTH} levels deep",
                        "declare types and name them",
                    )
                    return None
            elif isinstance(event, yaml.MappingEndEvent):
                start, children = stack.pop()
                node = self._mapping(start, children)
            elif isinstance(event, yaml.SequenceEndEvent):
                start, children = stack.pop()
                node = self._unless_tagged(start, Sequence(*self._place(start), tuple(children)))
            elif isinstance(event, yaml.AliasEvent):
                if event.anchor not in self.anchors:  # else the anchor is reported
                    message = f"the alias *{event.anchor} is refused"
                    self._add("HW006", event, message, "write it out, or declare a type")
                node = Refused(*self._place(event))
            elif isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._add(
                        "HW005",
                        event,
                        "a second document begins here",
                        "a spec is one document; use a folder of files for more",
                    )
                    break
            if node is not None:
                if stack:
                    stack[-1][1].append(node)
                else:
                    top = node
        return self._top(top)

    def _top(self, node: Node | None) -> Mapping | None:
        if node is None or (isinstance(node, Scalar) and node.plain and not node.text):
            self.problems.append(
                self.source.problem("HW004", "the file is empty", 1, 1, hint="begin: headwater: 1")
            )
        elif not isinstance(node, Mapping | Refused):
            self.problems.append(
                node.problem("HW103", "a spec is a mapping of keys", "begin: headwater: 1")
            )
        return node if isinstance(node, Mapping) else None

    def _scalar(self, event: yaml.ScalarEvent) -> Node:
        self._refuse_extras(event)
        text: str = event.value
        plain: bool = event.implicit[0]
        scalar = Scalar(*self._place(event), text=text, plain=plain)
        if len(text) > MAX_TEXT:
            self.problems.append(
                scalar.problem(
                    "HW011", f"this text has {len(text):,} characters; the limit is {MAX_TEXT:,}"
                )
            )
        # The file has none of these characters; an escape such as "\u202e" can still make one.
        elif not plain and (match := _FORBIDDEN.search(text)):
            self.problems.append(
                scalar.problem("HW009", f"{_about(match[0])}, written as an escape", "remove it")
            )
        elif not plain and "\r" in text:
            self.problems.append(
                scalar.problem("HW009", "U+000D is a control character, written as an escape")
            )
        else:
            return self._unless_tagged(event, scalar)
        return Refused(*self._place(event))

    def _mapping(self, start: yaml.Event, children: list[Node]) -> Node:
        found: dict[str, Entry] = {}
        for key, value in zip(children[::2], children[1::2], strict=True):
            if isinstance(key, Refused):
                continue
            if not isinstance(key, Scalar):
                self.problems.append(key.problem("HW103", "a key is a text, not a list or mapping"))
            elif key.plain and key.text == "<<":
                self.problems.append(
                    key.problem("HW006", "the merge key << is refused", "write the keys out")
                )
                return Refused(*self._place(start))  # what it would bring in is not missing
            elif key.text in found:
                self.problems.append(_duplicate(key, found[key.text].key))
            else:
                found[key.text] = Entry(key, value)
        return self._unless_tagged(start, Mapping(*self._place(start), tuple(found.values())))

    def _unless_tagged(self, event: yaml.Event, node: Node) -> Node:
        """Return the node, or what is left of it if its tag was refused."""
        return node if getattr(event, "tag", None) is None else Refused(*self._place(event))

    def _refuse_extras(self, event: yaml.NodeEvent) -> None:
        if event.anchor is not None:
            self.anchors.add(event.anchor)
            self._add(
                "HW006",
                event,
                f"the anchor &{event.anchor} is refused",
                "aliases are not followed; declare a type to share fields",
            )
        tag = getattr(event, "tag", None)
        if tag is not None:
            shown = tag.replace("tag:yaml.org,2002:", "!!")
            self._add("HW007", event, f"the tag {shown} is refused", "a spec is plain data")

    def _add(self, code: str, event: yaml.Event, message: str, hint: str) -> None:
        self.problems.append(Place(*self._place(event)).problem(code, message, hint))

    def _place(self, event: yaml.Event) -> tuple[Source, int, int, int]:
        start, end = event.start_mark, event.end_mark
        if start is None or end is None:  # made by hand; the parser marks each
            return self.source, 1, 1, 1
        length = 1
        if not isinstance(event, yaml.CollectionStartEvent):
            same_line = end.line == start.line
            length = end.column - start.column if same_line else MAX_BYTES
        return self.source, start.line + 1, start.column + 1, max(1, length)

    def _malformed(self, error: yaml.MarkedYAMLError) -> Problem:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        lines = self.source.lines
        if line > len(lines) or (line == len(lines) and not lines[-1] and line > 1):
            # The parser noticed at the end of the file: the last line is what people look at.
            line = max(1, len(self.source.text.rstrip().splitlines()))
            column = len(lines[line - 1]) + 1
        rest = lines[line - 1][column - 1 :]
        opened = ""
        begun = error.context_mark
        if error.context and begun and begun.line + 1 != line:
            opened = f"{error.context}, begun on line {begun.line + 1}"
        if rest.startswith("\t"):
            return self.source.problem(
                "HW003", "a tab stands here; YAML is indented by spaces", line, column
            )
        if rest[:1] in {"@", "`", "%"} and "start any token" in (error.problem or ""):
            return self.source.problem(
                "HW003",
                f"YAML does not let a text begin with {rest[0]}",
                line,
                column,
                hint="put the text in quotes",
            )
        message = error.problem or "something is missing"
        hints = {
            "mapping values are not allowed in this context": 'a text with ": " in it needs quotes',
        }
        return self.source.problem(
            "HW003", f"this is not YAML: {message}", line, column, hint=hints.get(message, opened)
        )
