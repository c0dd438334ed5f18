"""Shapes of numbers, booleans, durations and times."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from typing_extensions import override

from ..load import Node, Place, Scalar
from ..problems import Problem
from .declare import Shape, Unread
from .reading import expected, refuse, shown
from .scalars import (
    MAX_DURATION_DAYS,
    MAX_INT,
    WHOLE_NUMBER,
    duration_seconds,
    is_bearable,
    json_number,
    read_instant,
    size_bytes,
    yaml_meaning,
)

__all__ = [
    "Boolean",
    "Duration",
    "GrammarVersion",
    "Instant",
    "Integer",
    "Number",
    "Size",
    "VersionNumber",
]

LARGEST_SIZE = 2**50  # bytes
_VERSION = re.compile(r"[1-9][0-9]{0,3}")


@dataclass(frozen=True)
class Boolean(Shape):
    """`true` or `false`, and no other word for it."""

    @override
    def read(self, node: Node, problems: list[Problem], owner: Place) -> object:
        if isinstance(node, Scalar) and node.plain:
            if node.text in {"true", "false"}:
                return node.text == "true"
            if yaml_meaning(node.text) == "a boolean":
                better = "true" if node.text.lower() in {"yes", "on", "true"} else "false"
                return refuse(
                    problems,
                    node,
                    "HW012",
                    f"YAML readers disagree about {node.text}",
                    f"write {better}",
                )
        hint = (
            "without quotes" if isinstance(node, Scalar) and node.text in {"true", "false"} else ""
        )
        return expected(problems, node, owner, "true or false", hint)

    @override
    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}

    @property
    @override
    def words(self) -> str:
        return "`true` or `false`"


@dataclass(frozen=True)
class Integer(Shape):
    """A whole number in decimal digits."""

    minimum: int
    maximum: int = MAX_INT

    @override
    def read(self, node: Node, problems: list[Problem], owner: Place) -> object:
        if not isinstance(node, Scalar) or not node.plain:
            return expected(problems, node, owner, "a whole number")
        if not WHOLE_NUMBER.fullmatch(node.text):
            return _no_number(problems, node, owner, "a whole number")
        number = int(node.text) if len(node.text) <= len(str(MAX_INT)) + 1 else math.inf
        if not self.minimum <= number <= self.maximum:
            return refuse(
                problems,
                node,
                "HW105",
                f"{shown(node.text)[1:-1]} is out of range",
                self._range(),
            )
        return number

    def _range(self) -> str:
        if self.minimum == self.maximum:
            return f"write {self.minimum}"
        if self.maximum == MAX_INT:
            return f"at least {self.minimum}"
        return f"{self.minimum:,} to {self.maximum:,}"

    @override
    def schema(self) -> dict[str, Any]:
        schema = {"type": "integer", "minimum": self.minimum}
        return schema if self.maximum == MAX_INT else schema | {"maximum": self.maximum}

    @property
    @override
    def words(self) -> str:
        if self.minimum == self.maximum:
            return f"`{self.minimum}`"
        if self.maximum == MAX_INT:
            return f"whole number from {self.minimum}"
        return f"whole number, {self.minimum} to {self.maximum}"


@dataclass(frozen=True)
class VersionNumber(Shape):
    """The number of a version, as a key: read as the text of its digits."""

    @override
    def read(self, node: Node, problems: list[Problem], owner: Place) -> object:
        if isinstance(node, Scalar) and _VERSION.fullmatch(node.text):
            return node.text
        return expected(problems, node, owner, "the number of a version", "1, 2, 3...")

    @override
    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{_VERSION.pattern}$"}

    @property
    @override
    def words(self) -> str:
        return "number of a version"


@dataclass(frozen=True)
class GrammarVersion(Integer):
    """The version of the grammar that a spec is written in."""

    minimum: int = 1
    maximum: int = 1

    @override
    def read(self, node: Node, problems: list[Problem], owner: Place) -> object:
        if isinstance(node, Scalar) and node.plain and WHOLE_NUMBER.fullmatch(node.text):
            digits = node.text.lstrip("-")
            is_newer = not node.text.startswith("-") and (len(digits), digits) > (
                len(str(self.maximum)),
                str(self.maximum),
            )
            if is_newer:
                message = f"headwater: {shown(node.text)[1:-1]} needs a newer Headwater"
                return refuse(
                    problems, node, "HW105", message, f"this one reads headwater: {self.maximum}"
                )
        return super().read(node, problems, owner)


@dataclass(frozen=True)
class Number(Shape):
    """A number as JSON writes it: whole numbers fit into 64 bits, others into a double."""

    @override
    def read(self, node: Node, problems: list[Problem], owner: Place) -> object:
        if not isinstance(node, Scalar) or not node.plain:
            return expected(problems, node, owner, "a number")
        number = json_number(node.text)
        if number is None:
            if node.text.lower().lstrip("+-") in {".nan", ".inf"}:
                return refuse(problems, node, "HW408", f"{node.text} is not a finite number")
            return _no_number(problems, node, owner, "a number")
        if not is_bearable(number):
            return refuse(
                problems,
                node,
                "HW408",
                f"{shown(node.text)[1:-1]} is too large",
                "whole numbers fit into 64 bits, others into a double",
            )
        return number

    @override
    def schema(self) -> dict[str, Any]:
        return {"type": "number"}

    @property
    @override
    def words(self) -> str:
        return "number"


@dataclass(frozen=True)
class Duration(Shape):
    """A span of time, read as seconds."""

    @override
    def read(self, node: Node, problems: list[Problem], owner: Place) -> object:
        if not isinstance(node, Scalar) or yaml_meaning(node.text) == "nothing":
            return expected(
                problems, node, owner, "a duration", "such as 100ms, 30s, 5m, 24h or 90d"
            )
        seconds = duration_seconds(node.text)
        if seconds is None:
            hint = (
                f"write {node.text}s"
                if node.text.isdigit()
                else "such as 100ms, 30s, 5m, 24h or 90d"
            )
            return refuse(problems, node, "HW106", f"{shown(node.text)} is not a duration", hint)
        if not 0 < seconds <= MAX_DURATION_DAYS * 86400:
            return refuse(
                problems,
                node,
                "HW105",
                f"{node.text} is out of range",
                f"1ms to {MAX_DURATION_DAYS}d",
            )
        return seconds

    @override
    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": "^[0-9]{1,9}(ms|s|m|h|d)$"}

    @property
    @override
    def words(self) -> str:
        return "duration"


@dataclass(frozen=True)
class Size(Shape):
    """A number of bytes, in units of 1024."""

    @override
    def read(self, node: Node, problems: list[Problem], owner: Place) -> object:
        if not isinstance(node, Scalar) or yaml_meaning(node.text) == "nothing":
            return expected(problems, node, owner, "a size", "such as 512KiB, 64MiB or 10GiB")
        size = size_bytes(node.text)
        if size is None:
            decimal = re.fullmatch(r"([1-9][0-9]{0,8}) ?([kKMGT])(?:i?[bB])?", node.text)
            hint = "such as 512KiB, 64MiB or 10GiB"
            if decimal:
                hint = f"write {decimal[1]}{decimal[2].upper()}iB: sizes are in units of 1024"
            return refuse(problems, node, "HW109", f"{shown(node.text)} is not a size", hint)
        if size > LARGEST_SIZE:
            message = f"{node.text} is out of range"
            return refuse(problems, node, "HW105", message, "1KiB to 1024TiB")
        return size

    @override
    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": "^[1-9][0-9]{0,8}(KiB|MiB|GiB|TiB)$"}

    @property
    @override
    def words(self) -> str:
        return "size"


@dataclass(frozen=True)
class Instant(Shape):
    """A date and time with its zone."""

    @override
    def read(self, node: Node, problems: list[Problem], owner: Place) -> object:
        if not isinstance(node, Scalar) or not node.text:
            return expected(
                problems, node, owner, "a date and time", "such as 2024-05-01T12:00:00Z"
            )
        instant = read_instant(node.text)
        if instant is None:
            return refuse(
                problems,
                node,
                "HW107",
                f"{shown(node.text)} is not a date and time",
                "such as 2024-05-01T12:00:00Z",
            )
        if instant.tzinfo is None:
            return refuse(problems, node, "HW107", "this time has no zone", f"such as {node.text}Z")
        return instant

    @override
    def schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "date-time"}

    @property
    @override
    def words(self) -> str:
        return "date and time with zone"


def _no_number(problems: list[Problem], node: Scalar, owner: Place, what: str) -> Unread:
    if yaml_meaning(node.text) == "a number":
        return refuse(
            problems,
            node,
            "HW012",
            f"YAML readers disagree about {shown(node.text)[1:-1]}",
            f"write {what} in plain decimal digits",
        )
    return expected(problems, node, owner, what)
