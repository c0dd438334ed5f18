"""Default values: read as what their type says, and told as JSON on the wire tells them."""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation

from ..grammar import (
    JSON,
    EnumType,
    Field,
    ListOf,
    MapOf,
    Named,
    Nullable,
    ObjectType,
    TypeDeclaration,
    TypeExpression,
    UnionType,
    Unset,
    show_type,
    tag_value,
)
from ..grammar import Scalar as ScalarType
from ..grammar.reading import shown
from ..grammar.scalars import (
    WHOLE_NUMBER,
    duration_seconds,
    is_bearable,
    json_number,
    read_instant,
    yaml_meaning,
)
from ..grammar.wire import is_wire_text
from ..load import Mapping, Node, Place, Refused, Scalar, Sequence
from ..names import nearest
from .bounds import unmet
from .scope import Scope

__all__ = ["Reading"]

_MAX_DIGITS = 100  # of a decimal

_EXAMPLES = {
    "date": "such as 2024-05-01",
    "time": 'such as "12:30:00"',
    "datetime": "such as 2024-05-01T12:00:00Z",
    "duration": "such as 90s, 24h, or ISO 8601: PT90S",
    "uuid": "such as 0b8f1b3e-7d0c-4c6e-9f39-6c1d2f5a7e10",
    "bytes": "base64, such as aGVsbG8=",
    "email": "such as ada@example.com",
    "uri": "such as https://example.com/",
    "decimal": 'such as "12.50"',
}


class Reading:
    """One default being read. `failed` tells whether something was reported, or not to be known."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.failed = False

    def field(self, node: Node, one: Field, name: str = "") -> JSON:
        """Return the value of a field; `name` is told where it is inside another default."""
        before, self.failed = self.failed, False
        value = self.value(node, one.type)
        if not self.failed:
            where = f" of {name}" if name else ""
            for constraint, limit in unmet(one, value):
                message = f'the default does not meet "{constraint}"{where}'
                self.fail(node, "HW407", message, f"{constraint} is {json.dumps(limit)}")
        self.failed = self.failed or before
        return value

    def value(self, node: Node, expression: TypeExpression) -> JSON:
        """Return the value as JSON; what is wrong is reported where it stands."""
        match expression:
            case Nullable(item):
                return None if _is_null(node) else self.value(node, item)
            case ListOf(item):
                if not isinstance(node, Sequence):
                    return self.mismatch(node, expression, "a list")
                return [self.value(one, item) for one in node.items]
            case MapOf(item):
                if not isinstance(node, Mapping):
                    return self.mismatch(node, expression, "a mapping")
                return {one.key.text: self.value(one.value, item) for one in node.entries}
            case Named(name):
                declaration = self.scope.declaration(name)
                if declaration is None:  # reported where the type is mentioned or declared
                    self.failed = True
                    return None
                return self.named(node, name, declaration)
            case ScalarType(name):
                return self.any(node) if name == "json" else self.scalar(node, name)

    def named(self, node: Node, name: str, declaration: TypeDeclaration) -> JSON:
        """Return a value of a declared type."""
        match declaration:
            case EnumType(values=values):
                text = self.text(node, name)
                if text is not None and text not in values:
                    better = nearest(text, values)
                    hint = (
                        f'did you mean "{better}"?' if better else f"{name} has {', '.join(values)}"
                    )
                    self.fail(node, "HW406", f"{shown(text)} is no value of {name}", hint)
                return text
            case ObjectType(fields=fields):
                return self.object(node, name, dict(fields), {})
            case UnionType(tag=tag, members=members):
                found = node.value(tag) if isinstance(node, Mapping) else None
                if not isinstance(found, Scalar):
                    what = f'a mapping with "{tag}": {" or ".join(members)}'
                    return self.mismatch(node, Named(name), what)
                by_tag = {tag_value(self.scope.spec.types, one): one for one in members}
                member = self.scope.declaration(by_tag.get(found.text, ""))
                if not isinstance(member, ObjectType):
                    hint = f"{name} has {', '.join(by_tag)}"
                    return self.fail(
                        found, "HW406", f"{shown(found.text)} is no member of {name}", hint
                    )
                return self.object(node, found.text, dict(member.fields), {tag: found.text})

    def object(
        self, node: Node, name: str, fields: dict[str, Field], known: dict[str, JSON]
    ) -> JSON:
        """Return an object; `known` are the keys that are settled already, such as the tag."""
        if not isinstance(node, Mapping):
            return self.mismatch(node, Named(name), "a mapping")
        values = dict(known)
        meant: set[str] = set()
        for entry in node.entries:
            key = entry.key.text
            if key in known:
                continue
            if key not in fields:
                better = nearest(key, fields)
                meant.add(better or "")
                hint = f'did you mean "{better}"?' if better else ""
                self.fail(entry.key, "HW406", f"{name} has no field {shown(key)}", hint)
            else:
                values[key] = self.field(entry.value, fields[key], f"{name}.{key}")
        for key, one in fields.items():
            optional = isinstance(one.type, Nullable) or not isinstance(one.default, Unset)
            if key not in values and key not in meant and not optional:
                self.fail(node, "HW406", f'field "{key}" of {name} is missing in the default')
        return values

    def scalar(self, node: Node, name: str) -> JSON:
        """Return a value of a built-in type."""
        match name:
            case "bool":
                if isinstance(node, Scalar) and node.plain and node.text in {"true", "false"}:
                    return node.text == "true"
                return self.mismatch(node, ScalarType(name), "true or false")
            case "int" | "float":
                return self.number(node, name)
            case "decimal":
                return self.decimal(node)
        text = self.text(node, name)
        if text is None or name == "string":
            return text
        if name == "duration":
            seconds = duration_seconds(text)
            if seconds is not None:
                return f"PT{seconds:.3f}".rstrip("0").rstrip(".") + "S"
        if name == "datetime" and (instant := read_instant(text)) and instant.tzinfo is None:
            return self.fail(node, "HW406", "this time has no zone", f"such as {text}Z")
        if not is_wire_text(name, text):
            message = f"{shown(text)} is not a value of type {name}"
            return self.fail(node, "HW406", message, _EXAMPLES[name])
        return text

    def number(self, node: Node, name: str) -> JSON:
        """Return a number, finite and of a bearable size."""
        what = "a whole number" if name == "int" else "a number"
        if not isinstance(node, Scalar) or not node.plain:
            return self.mismatch(node, ScalarType(name), what)
        if node.text.lower().lstrip("+-") in {".nan", ".inf"}:
            return self.fail(node, "HW408", f"{node.text} is not a finite number")
        number = json_number(node.text)
        if number is not None and not is_bearable(number):
            hint = "whole numbers fit into 64 bits, others into a double"
            return self.fail(node, "HW408", f"{shown(node.text)[1:-1]} is too large", hint)
        if number is None and yaml_meaning(node.text) == "a number":
            message = f"YAML readers disagree about {shown(node.text)[1:-1]}"
            return self.fail(node, "HW012", message, f"write {what} in plain decimal digits")
        if number is None or (name == "int" and not WHOLE_NUMBER.fullmatch(node.text)):
            return self.mismatch(node, ScalarType(name), what)
        return number

    def decimal(self, node: Node) -> JSON:
        """Return a decimal as its digits."""
        if not isinstance(node, Scalar) or (
            node.plain and yaml_meaning(node.text) in {"nothing", "a boolean"}
        ):
            return self.mismatch(node, ScalarType("decimal"), "a decimal number")
        if json_number(node.text) is None or len(node.text) > _MAX_DIGITS:
            message = f"{shown(node.text)} is not a value of type decimal"
            return self.fail(node, "HW406", message, _EXAMPLES["decimal"])
        try:
            return str(Decimal(node.text))
        except InvalidOperation:
            return self.fail(node, "HW408", f"{node.text} is too large")

    def text(self, node: Node, name: str) -> str | None:
        """Return a text. Dates need no quotes where a date is due, and nowhere else."""
        if not isinstance(node, Scalar):
            self.mismatch(node, ScalarType(name), "a text")
            return None
        meaning = yaml_meaning(node.text) if node.plain else None
        if meaning == "nothing":
            self.mismatch(node, ScalarType(name), "a text")
            return None
        dated = meaning == "a date" and name in {"date", "datetime"}
        # Sixty-based numbers of YAML 1.1 look like times.
        timed = meaning == "a number" and name == "time" and ":" in node.text
        if meaning and not dated and not timed:
            message = f"{node.text} without quotes is {meaning} in YAML, not a text"
            self.fail(node, "HW012", message, f'write "{node.text}"')
            return None
        return node.text

    def any(self, node: Node) -> JSON:
        """Return JSON as it stands; what YAML readers disagree about needs quotes."""
        if isinstance(node, Mapping):
            return {entry.key.text: self.any(entry.value) for entry in node.entries}
        if isinstance(node, Sequence):
            return [self.any(item) for item in node.items]
        if isinstance(node, Refused):
            self.failed = True
            return None
        if not node.plain:
            return node.text
        if _is_null(node):
            return None
        if node.text in {"true", "false"}:
            return node.text == "true"
        if json_number(node.text) is not None or yaml_meaning(node.text) == "a number":
            return self.number(node, "float")
        return self.text(node, "json")

    def mismatch(self, node: Node, expression: TypeExpression, what: str) -> JSON:
        """Report a value of another type."""
        optional = " | null" if _is_null(node) else ""
        hint = f"or make the type {show_type(expression)}{optional}" if optional else ""
        return self.fail(
            node, "HW406", f"the default of {_article(show_type(expression))} is {what}", hint
        )

    def fail(self, node: Place, code: str, message: str, hint: str = "") -> JSON:
        """Report a problem; the value is not to be used."""
        self.failed = True
        if not isinstance(node, Refused):
            self.scope.add(node, code, message, hint)
        return None


def _article(name: str) -> str:
    return f"{'an' if name[0].lower() in 'aeio' else 'a'} {name}"


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.plain and yaml_meaning(node.text) == "nothing"
