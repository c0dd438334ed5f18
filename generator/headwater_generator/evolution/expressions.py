"""Expressions of `compute`: a few words of Python over the fields, typed before they are used.

An expression is parsed, held to an allow-list, and typed before anything runs. The interpreter
walks its tree; generated modules contain it as source.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

from .shapes import EnumShape, LiteralShape, NullableShape, ScalarShape, Shape, present

__all__ = ["Expression", "ExpressionError", "parse", "text_of"]

MAX_LENGTH = 500  # characters
MAX_DEPTH = 32  # parts inside each other

_NUMBERS = frozenset({"int", "float"})
_OPERATORS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.FloorDiv: lambda a, b: a // b,
    ast.Mod: lambda a, b: a % b,
}
_COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: lambda a, b: a == b,
    ast.NotEq: lambda a, b: a != b,
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
    ast.Is: lambda a, b: a is b,
    ast.IsNot: lambda a, b: a is not b,
}
_ARITY = {
    **dict.fromkeys(("len", "lower", "upper", "strip", "abs", "round", "int", "str"), (1, 1)),
    "min": (2, 8),
    "max": (2, 8),
    "coalesce": (2, 8),
}


class ExpressionError(Exception):
    """An expression is none, or says what its fields cannot do. The message is for people."""


@dataclass(frozen=True, slots=True)
class Type:
    """What a part of an expression is: `int`, `float`, `string`, `bool`, or nothing but null."""

    name: str
    nullable: bool = False

    def __str__(self) -> str:
        return f"{self.name} | null" if self.nullable and self.name != "null" else self.name


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression whose parts are allowed; names are those of fields, or of functions called."""

    text: str
    tree: ast.expr

    @property
    def names(self) -> tuple[str, ...]:
        """The fields that it reads, in order, each once."""
        called = {id(one.func) for one in ast.walk(self.tree) if isinstance(one, ast.Call)}
        return tuple(
            dict.fromkeys(
                one.id
                for one in ast.walk(self.tree)
                if isinstance(one, ast.Name) and id(one) not in called
            )
        )

    def shape(self, fields: Mapping[str, Shape]) -> tuple[Shape, str]:
        """Return the shape of the result, and what it refuses, in words; "" if it never fails.

        Raises:
            ExpressionError: A field is not there, or a part does not take what it is given.
        """
        typing = _Typing(fields)
        found = typing.of(self.tree)
        if found.name == "null":
            raise ExpressionError("an expression that is always null is no value of a field")
        shape: Shape = ScalarShape(found.name)
        return NullableShape(shape) if found.nullable else shape, typing.refuses

    def value(self, fields: Mapping[str, Any]) -> Any:
        """Return the result for these fields."""
        return _value(self.tree, fields)


def parse(text: str) -> Expression:
    """Return the expression that a text holds.

    Raises:
        ExpressionError: It holds none, or something that is not allowed in one.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"an expression has at most {MAX_LENGTH} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ExpressionError("this is no expression, such as price * count") from error
    _allow(tree, 0)
    return Expression(text.strip(), tree)


def text_of(value: Any) -> str:
    """Return a value as `str` and `format` write it: as it is in JSON, a text without quotes."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else repr(value)


def _allow(node: ast.expr, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ExpressionError("this expression is nested too deeply")
    match node:
        case ast.Name():
            parts: list[ast.expr] = []
        case ast.Constant(value=value):
            if not (value is None or isinstance(value, bool | int | float | str)):
                raise ExpressionError("constants are numbers, texts, True, False and None")
            if isinstance(value, int) and abs(value) >= 2**63:
                raise ExpressionError("whole numbers fit into 64 bits")
            if isinstance(value, float) and value in {float("inf"), float("-inf")}:
                raise ExpressionError("numbers are finite")
            parts = []
        case ast.BinOp(left=left, op=op, right=right):
            if type(op) not in _OPERATORS:
                raise ExpressionError("the operators are + - * / // %")
            parts = [left, right]
        case ast.UnaryOp(op=ast.USub() | ast.Not(), operand=operand):
            parts = [operand]
        case ast.BoolOp(values=values):
            parts = values
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            is_null = isinstance(right, ast.Constant) and right.value is None
            if isinstance(op, ast.Is | ast.IsNot) != is_null or type(op) not in _COMPARISONS:
                raise ExpressionError("compare with == != < <= > >=, and with null by `is None`")
            parts = [left, right]
        case ast.Compare():
            raise ExpressionError("one comparison at a time; join two with `and`")
        case ast.IfExp(test=test, body=body, orelse=orelse):
            parts = [test, body, orelse]
        case ast.Subscript(value=value, slice=ast.Slice(lower=low, upper=high, step=None)):
            if not all(one is None or _is_whole(one) for one in (low, high)):
                raise ExpressionError("the ends of a slice are whole numbers")
            parts = [value]
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _ARITY:
            least, most = _ARITY[name]
            if not least <= len(args) <= most:
                count = f"{least}" if least == most else f"{least} to {most}"
                raise ExpressionError(f"{name} takes {count}, not {len(args)}")
            parts = args
        case ast.Call():
            raise ExpressionError(f"the functions are {', '.join(_ARITY)}")
        case _:
            raise ExpressionError(f"{type(node).__name__} is not allowed here")
    for part in parts:
        _allow(part, depth + 1)


def _is_whole(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node = node.operand
    return isinstance(node, ast.Constant) and type(node.value) is int


class _Typing:
    def __init__(self, fields: Mapping[str, Shape]) -> None:
        self.fields = fields
        self.refuses = ""

    def of(self, node: ast.expr) -> Type:
        match node:
            case ast.Name(id=name):
                return self.field(name)
            case ast.Constant(value=value):
                return Type(_kind(value), nullable=value is None)
            case ast.BinOp(left=left, op=operator, right=right):
                return self.arithmetic(operator, self.sure(left), self.sure(right))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return self.expect(operand, "bool")
            case ast.UnaryOp(operand=operand):
                return self.expect(operand, "int", "float")
            case ast.BoolOp(values=values):
                for one in values:
                    self.expect(one, "bool")
                return Type("bool")
            case ast.Compare(left=left, ops=[ast.Is() | ast.IsNot()]):
                self.of(left)
                return Type("bool")
            case ast.Compare(left=left, ops=[comparison], comparators=[right]):
                return self.comparison(comparison, self.sure(left), self.sure(right))
            case ast.IfExp(test=test, body=body, orelse=orelse):
                self.expect(test, "bool")
                return _either(self.of(body), self.of(orelse))
            case ast.Subscript(value=value):
                return self.expect(value, "string")
            case ast.Call(func=ast.Name(id=name), args=args):
                return self.call(name, args)
            case _:
                raise ExpressionError(f"{type(node).__name__} is not allowed here")

    def field(self, name: str) -> Type:
        if name not in self.fields:
            raise ExpressionError(f'there is no field "{name}"')
        shape = self.fields[name]
        inner, nullable = present(shape)
        match inner:
            case LiteralShape(values=values) if not any(
                isinstance(one, dict | list) for one in values
            ):
                kinds = [Type(_kind(one)) for one in values] or [Type("null", nullable=True)]
                return reduce(_either, kinds, Type(kinds[0].name, nullable))
            case ScalarShape(type="int" | "float" | "bool" as kind):
                return Type(kind, nullable)
            case ScalarShape(type=kind) if kind != "json":
                return Type("string", nullable)  # as it is on the wire
            case EnumShape():
                return Type("string", nullable)
            case _:
                raise ExpressionError(f'"{name}" is neither a text, a number nor a bool')

    def sure(self, node: ast.expr) -> Type:
        found = self.of(node)
        if found.nullable:
            raise ExpressionError(
                f"{ast.unparse(node)} may be null here; give coalesce({ast.unparse(node)}, ...)"
            )
        return found

    def expect(self, node: ast.expr, *names: str) -> Type:
        found = self.sure(node)
        if found.name not in names:
            wanted = " or ".join(names)
            raise ExpressionError(f"{ast.unparse(node)} is {found}, and {wanted} is due")
        return found

    def comparison(self, op: ast.cmpop, one: Type, other: Type) -> Type:
        if one.name != other.name and not {one.name, other.name} <= _NUMBERS:
            raise ExpressionError(f"{one} and {other} cannot be compared")
        if one.name == "bool" and not isinstance(op, ast.Eq | ast.NotEq):
            raise ExpressionError("bools are compared with == and !=")
        return Type("bool")

    def arithmetic(self, op: ast.operator, one: Type, other: Type) -> Type:
        if isinstance(op, ast.Add) and one.name == other.name == "string":
            return one
        if not {one.name, other.name} <= _NUMBERS:
            raise ExpressionError(f"{one} and {other} cannot be reckoned with")
        if isinstance(op, ast.Div | ast.FloorDiv | ast.Mod):
            self.refuses = "a division by zero"
        if "float" in {one.name, other.name} or isinstance(op, ast.Div):
            # What overflows is no number that JSON has.
            self.refuses = self.refuses or "a result that is no finite number"
            return Type("float")
        return Type("int")

    def call(self, name: str, args: list[ast.expr]) -> Type:
        match name:
            case "coalesce":
                types = [self.of(one) for one in args]
                found = types[0]
                for one in types[1:]:
                    found = _either(found, one)
                return Type(found.name, nullable=all(one.nullable for one in types))
            case "len":
                self.expect(args[0], "string")
                return Type("int")
            case "lower" | "upper" | "strip":
                return self.expect(args[0], "string")
            case "abs":
                return self.expect(args[0], "int", "float")
            case "round":
                self.expect(args[0], "int", "float")
                return Type("int")
            case "int":
                if self.expect(args[0], "int", "float", "string").name == "string":
                    self.refuses = self.refuses or "a text that is no whole number"
                return Type("int")
            case "str":
                self.sure(args[0])
                return Type("string")
            case _:
                types = [self.expect(one, "int", "float") for one in args]
                return Type("float" if any(one.name == "float" for one in types) else "int")


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "bool"
        case int():
            return "int"
        case float():
            return "float"
        case _:
            return "string"


def _either(one: Type, other: Type) -> Type:
    nullable = one.nullable or other.nullable
    if "null" in {one.name, other.name}:
        return Type(other.name if one.name == "null" else one.name, nullable=nullable)
    if one.name == other.name:
        return Type(one.name, nullable)
    if {one.name, other.name} <= _NUMBERS:
        return Type("float", nullable)
    raise ExpressionError(f"this is {one} or {other}, and a field has one type")


def _value(node: ast.expr, fields: Mapping[str, Any]) -> Any:
    match node:
        case ast.Name(id=name):
            return fields[name]
        case ast.Constant(value=value):
            return value
        case ast.BinOp(left=left, op=op, right=right):
            return _OPERATORS[type(op)](_value(left, fields), _value(right, fields))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _value(operand, fields)
        case ast.UnaryOp(operand=operand):
            return -_value(operand, fields)
        case ast.BoolOp(op=ast.And(), values=values):
            return all(_value(one, fields) for one in values)
        case ast.BoolOp(values=values):
            return any(_value(one, fields) for one in values)
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _COMPARISONS[type(op)](_value(left, fields), _value(right, fields))
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return _value(body if _value(test, fields) else orelse, fields)
        case ast.Subscript(value=value, slice=ast.Slice(lower=low, upper=high)):
            ends = [None if one is None else _value(one, fields) for one in (low, high)]
            return _value(value, fields)[slice(*ends)]
        case ast.Call(func=ast.Name(id="coalesce"), args=args):
            return next((one for arg in args if (one := _value(arg, fields)) is not None), None)
        case ast.Call(func=ast.Name(id=name), args=args):
            return _FUNCTIONS[name](*(_value(one, fields) for one in args))
        case _:
            raise AssertionError(node)  # refused by `_allow`


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "len": len,
    "lower": str.lower,
    "upper": str.upper,
    "strip": str.strip,
    "abs": abs,
    "round": round,
    "int": int,
    "str": text_of,
    "min": min,
    "max": max,
}
