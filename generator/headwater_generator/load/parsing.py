"""One file's text to nodes, or every reason why it is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

from ..problems import Problem, printable
from .characters import FORBIDDEN, about, forbidden
from .limits import MAX_BYTES, MAX_DEPTH, MAX_LINES, MAX_TEXT
from .nodes import Entry, Mapping, Node, Place, Refused, Scalar, Sequence, Source, duplicate

__all__ = ["load"]

_CONFLICT = re.compile(r"<{7} |={7}$|>{7} |\|{7} ")  # at the beginning of a line

_NO_TAGS = "remove it: a spec is plain data"


def load(source: Source, problems: list[Problem]) -> Mapping | None:
    """Return the mapping that a file holds, and report what is refused in it.

    None if there is nothing to read on: malformed YAML is reported up to its first mistake.
    """
    found = list(_limits(source)) or list(_conflicts(source)) or list(forbidden(source))
    problems.extend(found)
    return None if found else _Builder(source, problems).build()


def _conflicts(source: Source) -> Iterator[Problem]:
    """Yield where git left two sides; of markers that lost their beginning only the first."""
    marked = [
        (number, line) for number, line in enumerate(source.lines, 1) if _CONFLICT.match(line)
    ]
    begun = [(number, line) for number, line in marked if line.startswith("<")]
    for number, line in begun or marked[:1]:
        yield source.problem(
            "HW003",
            "a merge conflict; resolve it first",
            number,
            1,
            length=len(line),
            hint="keep what is right of both sides, and delete the marked lines",
        )


def _limits(source: Source) -> Iterator[Problem]:
    if len(source.lines) > MAX_LINES:
        message = f"a spec has at most {MAX_LINES:,} lines, this file has {len(source.lines):,}"
        yield source.problem("HW011", message, MAX_LINES + 1, 1, hint="make it several services")


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
            elif isinstance(event, yaml.CollectionStartEvent):
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
        text: str = event.value
        plain: bool = event.implicit[0]
        scalar = Scalar(*self._place(event), text, plain)
        if event.anchor is None and event.tag is None and plain and len(text) <= MAX_TEXT:
            return scalar  # so are nearly all
        self._refuse_extras(event)
        if len(text) > MAX_TEXT:
            self.problems.append(
                scalar.problem(
                    "HW011", f"this text has {len(text):,} characters; the limit is {MAX_TEXT:,}"
                )
            )
        # The file has none of these characters; an escape such as "\u202e" can still make one.
        elif not plain and (match := FORBIDDEN.search(text)):
            self.problems.append(
                scalar.problem("HW009", f"{about(match[0])}, written as an escape", "remove it")
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
                self.problems.append(duplicate(key, found[key.text].key))
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
            self._add("HW007", event, f"the tag {shown} is refused", _NO_TAGS)

    def _add(self, code: str, event: yaml.Event, message: str, hint: str) -> None:
        self.problems.append(Place(*self._place(event)).problem(code, message, hint))

    def _place(self, event: yaml.Event) -> tuple[Source, int, int, int]:
        start, end = event.start_mark, event.end_mark
        if start is None or end is None:  # made by hand; the parser marks each
            return self.source, 1, 1, 1
        line, column, length = start.line, start.column, 1
        if not isinstance(event, yaml.CollectionStartEvent):
            length = (end.column - column or 1) if end.line == line else MAX_BYTES
        return self.source, line + 1, column + 1, length

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
