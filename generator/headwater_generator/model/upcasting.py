"""`upcasting.py`: a function for each way between two versions of an event."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ..evolution import shape_of_fields
from ..evolution.fusion import (
    Called,
    Computed,
    Constant,
    Converted,
    Each,
    Expression,
    First,
    Formatted,
    Hop,
    Item,
    Joined,
    Label,
    Lifted,
    Made,
    Mapped,
    Part,
    Read,
    Single,
    Source,
    Taken,
    fuse,
)
from ..evolution.ways import ways
from ..grammar import Unset
from ..names import snake
from .facts import Facts
from .literals import literal
from .parts import StepObject, UpcastFunction, UpcastingModule
from .scope import Scope
from .versions import EventVersion

__all__ = ["function_between", "upcasting_module"]


def upcasting_module(facts: Facts) -> UpcastingModule:
    """Settle `upcasting.py`: its functions by event, and the steps in them that may fail."""
    scope = Scope({"UPCASTING"})
    functions: list[UpcastFunction] = []
    steps: list[StepObject] = []
    for event, versions in facts.events.items():
        if len(versions) == 1:
            continue
        scope.use("Fields", "Envelope", "Upcasting")
        hops = _hops(facts, versions)
        writer = _Writer(event, scope)
        for source, target in ways(facts.hops[event], facts.pins.get(event, ())):
            low, high = min(source, target), max(source, target)
            fused = fuse(hops[low - 1 : high - 1], down=target < source)
            functions.append(writer.function(source, target, fused))
        steps += writer.steps.values()
    return UpcastingModule(
        imports=scope.imports(),
        names=scope.names(),
        items=tuple(functions),
        steps=tuple(steps),
    )


def function_between(event: str, source: int, target: int) -> str:
    """Return the name of the function from one version to another: `user_added_v1_to_v3`."""
    return f"{snake(event)}_v{source}_to_v{target}"


def _hops(facts: Facts, versions: Sequence[EventVersion]) -> list[Hop]:
    shapes = [shape_of_fields(one.fields, facts.spec.types) for one in versions]
    return [
        Hop(newer.version, shapes[index], shapes[index + 1], newer.upcast)
        for index, newer in enumerate(versions[1:])
    ]


@dataclass(slots=True)
class _Writer:
    """Writes the functions of one event."""

    event: str
    scope: Scope
    steps: dict[tuple[Label, str, tuple[str, ...]], StepObject] = field(default_factory=dict)
    """By op, kind and arguments: a hop may convert a field twice."""

    def function(self, source: int, target: int, fused: Mapping[str, Expression]) -> UpcastFunction:
        text = _Text(self)
        fields = tuple((name, text.of(expression)) for name, expression in fused.items())
        return UpcastFunction(
            event=self.event,
            source=source,
            target=target,
            name=function_between(self.event, source, target),
            statements=tuple(text.statements),
            fields=fields,
        )

    def step(self, label: Label, kind: str, arguments: Sequence[str]) -> str:
        """Return the name of the step that stands for an op, which is made when first asked for."""
        key = (label, kind, tuple(arguments))
        known = self.steps.get(key)
        if known is None:
            direction = "_down" if label.down else ""
            name = f"_{snake(self.event)}_v{label.version}_{_words(label.op)}{direction}".upper()
            taken = {one.name for one in self.steps.values()}
            while name in taken:
                name += "_"
            known = StepObject(
                name=name,
                kind=self.scope[kind],
                version=label.version,
                op=label.op,
                arguments=(*arguments, *(("down=True",) if label.down else ())),
            )
            self.steps[key] = known
        return known.name


def _words(op: str) -> str:
    return "_".join("".join(c if c.isalnum() else " " for c in op).split())


@dataclass(slots=True)
class _Text:
    """The source text of the expressions of one function."""

    writer: _Writer
    statements: list[tuple[str, str]] = field(default_factory=list)
    """What stands above the result: a name, and its expression."""
    called: dict[int, str] = field(default_factory=dict)

    def of(self, expression: Expression) -> str:
        match expression:
            case Source():
                return "data"
            case Item(depth=depth):
                return "item" if not depth else f"item_{depth + 1}"
            case Read(name=name, base=base, default=default):
                if isinstance(default, Unset):
                    return f"{self.of(base)}[{literal(name)}]"
                if default is None:
                    return f"{self.of(base)}.get({literal(name)})"
                return f"{self.of(base)}.get({literal(name)}, {literal(default)})"
            case Constant(value=value):
                return literal(value)
            case Made(fields=fields):
                return self.dict(fields)
            case Taken(part=part):
                return f"envelope.{part}"
            case Lifted(value=value, result=result):
                return f"(None if {self.of(value)} is None else {self.of(result)})"
            case Part() | Joined() | Formatted():
                return self.text(expression)
            case Single() | First() | Each():
                return self.list(expression)
            case Converted() | Mapped() | Computed() | Called():
                return self.step(expression)

    def dict(self, fields: Mapping[str, Expression]) -> str:
        inner = ", ".join(f"{literal(name)}: {self.of(one)}" for name, one in fields.items())
        return f"{{{inner}}}"

    def text(self, expression: Part | Joined | Formatted) -> str:
        match expression:
            case Part(text=text, sep=sep, index=index, count=2):
                whole = self.of(text)
                if isinstance(text, Formatted) and len(text.parts) > 1:
                    whole = f"({whole})"  # a sum
                return f"{whole}.partition({literal(sep)})[{index * 2}]"
            case Part(text=text, sep=sep, index=index, count=count):
                parted = self.writer.scope["parted"]
                return f"{parted}({self.of(text)}, {literal(sep)}, {count})[{index}]"
            case Joined(parts=parts, sep=sep):
                joined = self.writer.scope["joined"]
                return f"{joined}({literal(sep)}, {', '.join(map(self.of, parts))})"
            case Formatted(parts=parts):
                return " + ".join(self.formatted(parts))

    def formatted(self, parts: Sequence[str | tuple[Expression, bool]]) -> Iterator[str]:
        if not parts:
            yield '""'
        for part in parts:
            if isinstance(part, str):
                yield literal(part)
            else:
                yield f"{self.writer.scope['text']}({self.of(part[0])})"

    def list(self, expression: Single | First | Each) -> str:
        match expression:
            case Single(value=value, nullable=True):
                return f"([] if {self.of(value)} is None else [{self.of(value)}])"
            case Single(value=value):
                return f"[{self.of(value)}]"
            case First(items=items, or_null=True):
                return f"({self.of(items)}[0] if {self.of(items)} else None)"
            case First(items=items, label=label):
                return f"{self.writer.step(label, 'FirstItem', ())}({self.of(items)})"
            case Each(items=items, item=item, depth=depth):
                name = self.of(Item(depth))
                return f"[{self.of(item)} for {name} in {self.of(items)}]"

    def step(self, expression: Converted | Mapped | Computed | Called) -> str:
        step = self.writer.step
        match expression:
            case Converted(value=value, conversion=conversion, label=label):
                return f"{step(label, 'Conversion', (literal(conversion),))}({self.of(value)})"
            case Mapped(value=value, table=table, label=label):
                return f"{step(label, 'EnumMap', (literal(dict(table)),))}({self.of(value)})"
            case Computed(expression=tree, names=names, label=label):
                texts = {name: self.of(one) for name, one in names.items()}
                body = ast.unparse(
                    _Computation(texts, self.writer.scope).visit(ast.parse(ast.unparse(tree)))
                )
                return f"{step(label, 'Computation', ())}(lambda: {body})"
            case Called(function=function, fields=fields, label=label, due=due):
                if id(expression) not in self.called:
                    upcasts = self.writer.scope.sibling(".", "upcasts")
                    arguments = (f"{upcasts}.{function}", *map(literal, due))
                    name = step(label, "Function", arguments)
                    made = f"{name}({self.dict(fields)})"
                    variable = "made" if not self.called else f"made_{len(self.called) + 1}"
                    self.statements.append((variable, made))
                    self.called[id(expression)] = variable
                return self.called[id(expression)]


class _Computation(ast.NodeTransformer):
    """Puts expressions in the place of fields, and Python in that of our functions."""

    def __init__(self, texts: Mapping[str, str], scope: Scope) -> None:
        self._texts = texts
        self._scope = scope

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """A field becomes what it is read from."""
        text = self._texts.get(node.id)
        if text is None:
            return node
        return ast.parse(text, mode="eval").body

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        """Whether a constant is null is known: Python would warn of the question."""
        left = self.visit(node.left)
        others = [self.visit(one) for one in node.comparators]
        if isinstance(left, ast.Constant) and isinstance(node.ops[0], ast.Is | ast.IsNot):
            return ast.Constant((left.value is None) == isinstance(node.ops[0], ast.Is))
        return ast.Compare(left, node.ops, others)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """`lower(x)` becomes `x.lower()`, `coalesce(x, y)` a choice, `str(x)` a text as in JSON."""
        function = node.func.id if isinstance(node.func, ast.Name) else ""
        arguments: list[ast.expr] = [self.visit(one) for one in node.args]
        if function in {"lower", "upper", "strip"}:
            return ast.Call(ast.Attribute(arguments[0], function), arguments[1:], [])
        if function == "coalesce":
            *choices, last = arguments
            for one in reversed(choices):
                if isinstance(one, ast.Constant):
                    last = last if one.value is None else one
                    continue
                is_there = ast.Compare(one, [ast.IsNot()], [ast.Constant(None)])
                last = ast.IfExp(is_there, one, last)
            return last
        if function == "str":
            return ast.Call(ast.Name(self._scope["text"]), arguments, [])
        return ast.Call(node.func, arguments, [])
