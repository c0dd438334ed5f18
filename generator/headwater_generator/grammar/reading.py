"""What all shapes do when something else stands there than is due."""

from __future__ import annotations

from ..load import Mapping, Node, Place, Refused, Scalar, Sequence
from ..problems import Problem
from .declare import UNREAD, Unread
from .scalars import yaml_meaning

__all__ = [
    "alternatives",
    "expected",
    "kind_of",
    "read_text",
    "refuse",
    "shown",
    "ways_out",
]


def shown(text: str) -> str:
    """Return text for a message: in quotes, and not too long."""
    return f'"{text if len(text) <= 60 else f"{text[:59]}…"}"'


def alternatives(options: tuple[str, ...]) -> str:
    """Return "a, b or c"."""
    if not options:
        return ""
    return options[0] if len(options) == 1 else f"{', '.join(options[:-1])} or {options[-1]}"


def refuse(problems: list[Problem], node: Place, code: str, message: str, hint: str = "") -> Unread:
    """Report a problem and return `UNREAD`."""
    problems.append(node.problem(code, message, hint))
    return UNREAD


def expected(
    problems: list[Problem], node: Node, owner: Place, what: str, hint: str = ""
) -> Unread:
    """Report that another kind of value is due; what was refused already is passed over."""
    if isinstance(node, Refused):
        return UNREAD
    kind = kind_of(node)
    # Nothing has no extent: point at the key that has no value.
    place = owner if kind == "nothing" and isinstance(node, Scalar) and not node.text else node
    return refuse(problems, place, "HW103", f"{what} is due here, not {kind}", hint)


def ways_out(node: Node) -> str:
    """Return the hint for a mapping that may be empty: where nothing stands, `{}` does."""
    return "write {}" if kind_of(node) == "nothing" else ""


def kind_of(node: Node) -> str:
    """Return what a node is, such as "a list" or "a boolean"."""
    match node:
        case Mapping():
            return "a mapping"
        case Sequence():
            return "a list"
        case Scalar(plain=True, text=text):
            return yaml_meaning(text) or "a text"
        case _:
            return "a text"


def read_text(
    node: Node, problems: list[Problem], owner: Place, what: str = "a text"
) -> str | Unread:
    """Return a text, refusing what some YAML reader would not take for one."""
    if not isinstance(node, Scalar):
        return expected(problems, node, owner, what)
    meaning = yaml_meaning(node.text) if node.plain else None
    if meaning == "nothing" and node.text != "null":
        return expected(problems, node, owner, what)
    if meaning:
        return refuse(
            problems,
            node,
            "HW012",
            f"{what} is due here, but {node.text} without quotes is {meaning} in YAML",
            f'write "{node.text}"',
        )
    return node.text
