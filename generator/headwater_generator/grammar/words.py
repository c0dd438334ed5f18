"""Shapes of text: names, references, choices, types."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Any

from typing_extensions import override

from ..load import Node, Place, Scalar, Sequence
from ..names import (
    MAX_NAME_LENGTH,
    is_kebab,
    is_pascal,
    is_snake,
    kebab,
    nearest,
    pascal,
    snake,
    type_name,
)
from ..problems import Problem
from .declare import UNREAD, Shape, Unread
from .foreign import list_hint
from .reading import alternatives, expected, read_text, refuse, shown
from .scalars import json_value
from .types import TypeExpression, parse_type

__all__ = [
    "MAX_VALUE_LENGTH",
    "Choice",
    "EnumValue",
    "Json",
    "Name",
    "Note",
    "Pattern",
    "Reference",
    "Text",
    "TypeName",
    "TypeText",
]
MAX_VALUE_LENGTH = 200  # characters of an enum value, and of the spec's own notes
_CASES = {
    "kebab-case": (is_kebab, kebab, r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"),
    "PascalCase": (is_pascal, pascal, r"^[A-Z][A-Za-z0-9]*$"),
    "snake_case": (is_snake, snake, r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$"),
}


@dataclass(frozen=True)
class Text(Shape):
    """Any text that says something."""

    @override
    def read(self, node: Node, problems: list[Problem], owner: Place) -> object:
        text = read_text(node, problems, owner)
        if isinstance(text, str) and not text.strip():
            return refuse(problems, node, "HW111", "this text is empty", "leave the key out")
        return text

    @override
    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": r"\S"}

    @property
    @override
    def words(self) -> str:
        return "text"


@dataclass(frozen=True)
class Name(Shape):
    """The name of something that is declared here."""

    noun: str
    case: str

    @override
    def read(self, node: Node, problems: list[Problem], owner: Place) -> object:
        text = read_text(node, problems, owner, f"the name of {self.noun}")
        if isinstance(text, Unread):
            return text
        fits, convert, _ = _CASES[self.case]
        if len(text) > MAX_NAME_LENGTH:
            problems.append(
                node.problem(
                    "HW302",
                    f"this name has {len(text):,} characters; the limit is {MAX_NAME_LENGTH}",
                )
            )
        elif not fits(text):
            better = convert(text) if text.isascii() else ""
            hint = f"write {better}" if fits(better) else "letters a to z and digits only"
            problems.append(
                node.problem(
                    "HW301", f"the name of {self.noun} is {self.case}, unlike {shown(text)}", hint
                )
            )
        # The name stays known, so that those who use it are not wrong as well.
        return text

    @override
    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": _CASES[self.case][2], "maxLength": MAX_NAME_LENGTH}

    @property
    @override
    def words(self) -> str:
        return f"name in {self.case}"


@dataclass(frozen=True)
class Reference(Shape):
    """The name of something that is declared elsewhere."""

    noun: str

    @override
    def read(self, node: Node, problems: list[Problem], owner: Place) -> object:
        return read_text(node, problems, owner, f"the name of {self.noun}")

    @override
    def schema(self) -> dict[str, Any]:
        return {"type": "string"}

    @property
    @override
    def words(self) -> str:
        return f"name of {self.noun}"


@dataclass(frozen=True)
class TypeName(Reference):
    """The name of a type; of an older version, `Role@1`, what it is called in Python."""

    @override
    def read(self, node: Node, problems: list[Problem], owner: Place) -> object:
        text = super().read(node, problems, owner)
        return type_name(text) if isinstance(text, str) else text


@dataclass(frozen=True)
class EnumValue(Shape):
    """A value of an enum."""

    @override
    def read(self, node: Node, problems: list[Problem], owner: Place) -> object:
        text = read_text(node, problems, owner, "a value")
        if isinstance(text, Unread):
            return text
        if not text.strip():
            return refuse(problems, node, "HW111", "this text is empty")
        if len(text) > MAX_VALUE_LENGTH:
            return refuse(
                problems,
                node,
                "HW302",
                f"this value has {len(text):,} characters; the limit is {MAX_VALUE_LENGTH}",
            )
        if not text.isprintable() or unicodedata.normalize("NFC", text) != text:
            return refuse(
                problems,
                node,
                "HW009",
                "a value is one line of visible characters, composed (NFC)",
            )
        return text

    @override
    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": r"\S", "maxLength": MAX_VALUE_LENGTH}

    @property
    @override
    def words(self) -> str:
        return "text"


@dataclass(frozen=True)
class Note(Shape):
    """One line of text."""

    noun: str

    @override
    def read(self, node: Node, problems: list[Problem], owner: Place) -> object:
        text = read_text(node, problems, owner, self.noun)
        if isinstance(text, Unread):
            return text
        if not text.strip():
            return refuse(problems, node, "HW111", "this text is empty")
        if len(text) > MAX_VALUE_LENGTH:
            return refuse(
                problems,
                node,
                "HW302",
                f"this text has {len(text):,} characters; the limit is {MAX_VALUE_LENGTH}",
            )
        if not text.isprintable():
            return refuse(problems, node, "HW009", f"{self.noun} is one line of visible characters")
        return text

    @override
    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": r"\S", "maxLength": MAX_VALUE_LENGTH}

    @property
    @override
    def words(self) -> str:
        return "text"


@dataclass(frozen=True)
class Pattern(Shape):
    """A regular expression; whether it is one is for `check` to say."""

    @override
    def read(self, node: Node, problems: list[Problem], owner: Place) -> object:
        return read_text(node, problems, owner, "a regular expression")

    @override
    def schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "regex"}

    @property
    @override
    def words(self) -> str:
        return "regular expression"


@dataclass(frozen=True)
class Choice(Shape):
    """One of a few words."""

    options: tuple[str, ...]

    @override
    def read(self, node: Node, problems: list[Problem], owner: Place) -> object:
        text = read_text(node, problems, owner, alternatives(self.options))
        if isinstance(text, Unread) or text in self.options:
            return text
        better = nearest(text, self.options)
        hint = f'did you mean "{better}"?' if better else f"write {alternatives(self.options)}"
        return refuse(problems, node, "HW104", f"{shown(text)} is not possible here", hint)

    @override
    def schema(self) -> dict[str, Any]:
        return {"enum": list(self.options)}

    @property
    @override
    def words(self) -> str:
        return " or ".join(f"`{option}`" for option in self.options)


@dataclass(frozen=True)
class TypeText(Shape):
    """A type of a field."""

    @override
    def read(self, node: Node, problems: list[Problem], owner: Place) -> object:
        if isinstance(node, Sequence):
            return expected(problems, node, owner, "a type", list_hint(node))
        if not isinstance(node, Scalar) or (node.plain and node.text in {"", "~"}):
            return expected(problems, node, owner, "a type", "such as string or list<Role>")
        result: TypeExpression | Problem = parse_type(node)
        if isinstance(result, Problem):
            problems.append(result)
            return UNREAD
        return result

    @override
    def schema(self) -> dict[str, Any]:
        return {"$ref": "#/$defs/type"}

    @property
    @override
    def words(self) -> str:
        return "[type](#types-of-fields)"


@dataclass(frozen=True)
class Json(Shape):
    """Any value; whether it suits its type is for `check` to say, which knows the type."""

    @override
    def read(self, node: Node, problems: list[Problem], owner: Place) -> object:
        return json_value(node)

    @override
    def schema(self) -> dict[str, Any]:
        return {}

    @property
    @override
    def words(self) -> str:
        return "value of the field's type"
