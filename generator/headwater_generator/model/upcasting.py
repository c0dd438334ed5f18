"""`upcasting.py`: a function for each way between two versions of an event."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ..evolution import shape_of_fields
from ..evolution.fusion import Hop, fuse, nodes
from ..evolution.fusion.nodes import Expression, Label
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
        scope.use("Fields", "Upcasting")
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
        if text.takes_envelope:
            self.scope.use("Envelope", "WithEnvelope")
        return UpcastFunction(
            event=self.event,
            source=source,
            target=target,
            name=function_between(self.event, source, target),
            statements=tuple(text.statements),
            takes_envelope=text.takes_envelope,
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
    parted: dict[str, str] = field(default_factory=dict)
    """Texts that are taken apart above the result: the expression, and its variable."""
    always: bool = True
    """Whether what is written now is evaluated whatever the fields hold, and once."""
    takes_envelope: bool = False

    def of(self, expression: Expression) -> str:
        match expression:
            case nodes.Source():
                return "data"
            case nodes.Item(depth=depth):
                return "item" if not depth else f"item_{depth + 1}"
            case nodes.Read(name=name, base=base, default=default):
                if isinstance(default, Unset):
                    return f"{self.of(base)}[{literal(name)}]"
                if default is None:
                    return f"{self.of(base)}.get({literal(name)})"
                return f"{self.of(base)}.get({literal(name)}, {literal(default)})"
            case nodes.Constant(value=value):
                return literal(value)
            case nodes.Made(fields=fields):
                return self.dict(fields)
            case nodes.Taken(part=part):
                self.takes_envelope = True
                return f"envelope.{part}"
            case nodes.Lifted(value=value, result=result):
                return f"(None if {self.of(value)} is None else {self.sometimes(result)})"
            case nodes.Part() | nodes.Joined() | nodes.Formatted():
                return self.text(expression)
            case nodes.Single() | nodes.First() | nodes.Each():
                return self.list(expression)
            case nodes.Converted() | nodes.Mapped() | nodes.Computed() | nodes.Called():
                return self.step(expression)

    def sometimes(self, expression: Expression) -> str:
        """What is evaluated for some fields only, or several times, and so stays where it is."""
        before, self.always = self.always, False
        try:
            return self.of(expression)
        finally:
            self.always = before

    def apart(self, expression: str) -> str:
        """A text taken apart, once for all its parts where that can be."""
        if not self.always:
            return expression
        if expression not in self.parted:
            variable = "parts" if not self.parted else f"parts_{len(self.parted) + 1}"
            self.statements.append((variable, expression))
            self.parted[expression] = variable
        return self.parted[expression]

    def dict(self, fields: Mapping[str, Expression]) -> str:
        inner = ", ".join(f"{literal(name)}: {self.of(one)}" for name, one in fields.items())
        return f"{{{inner}}}"

    def text(self, expression: nodes.Part | nodes.Joined | nodes.Formatted) -> str:
        match expression:
            case nodes.Part(text=text, sep=sep, index=index, count=2):
                whole = self.of(text)
                if isinstance(text, nodes.Formatted) and len(text.parts) > 1:
                    whole = f"({whole})"  # a sum
                parts = self.apart(f"{whole}.partition({literal(sep)})")
                return f"{parts}[{index * 2}]"
            case nodes.Part(text=text, sep=sep, index=index, count=count):
                parted = self.writer.scope["parted"]
                parts = self.apart(f"{parted}({self.of(text)}, {literal(sep)}, {count})")
                return f"{parts}[{index}]"
            case nodes.Joined(parts=parts, sep=sep):
                joined = self.writer.scope["joined"]
                return f"{joined}({literal(sep)}, {', '.join(map(self.of, parts))})"
            case nodes.Formatted(parts=parts):
                return " + ".join(self.formatted(parts))

    def formatted(self, parts: Sequence[str | tuple[Expression, bool]]) -> Iterator[str]:
        if not parts:
            yield '""'
        for part in parts:
            if isinstance(part, str):
                yield literal(part)
            else:
                yield f"{self.writer.scope['text']}({self.of(part[0])})"

    def list(self, expression: nodes.Single | nodes.First | nodes.Each) -> str:
        match expression:
            case nodes.Single(value=value, nullable=True):
                return f"([] if {self.of(value)} is None else [{self.of(value)}])"
            case nodes.Single(value=value):
                return f"[{self.of(value)}]"
            case nodes.First(items=items, or_null=True):
                return f"({self.of(items)}[0] if {self.of(items)} else None)"
            case nodes.First(items=items, label=label):
                return f"{self.writer.step(label, 'first_item', ())}({self.of(items)})"
            case nodes.Each(items=items, item=item, depth=depth):
                name = self.of(nodes.Item(depth))
                return f"[{self.sometimes(item)} for {name} in {self.of(items)}]"

    def step(
        self, expression: nodes.Converted | nodes.Mapped | nodes.Computed | nodes.Called
    ) -> str:
        step = self.writer.step
        match expression:
            case nodes.Converted(value=value, conversion=conversion, label=label):
                return f"{step(label, 'conversion', (literal(conversion),))}({self.of(value)})"
            case nodes.Mapped(value=value, table=table, label=label):
                return f"{step(label, 'enum_map', (literal(dict(table)),))}({self.of(value)})"
            case nodes.Computed(expression=tree, names=names, label=label):
                texts = {name: self.sometimes(one) for name, one in names.items()}
                body = ast.unparse(
                    _Computation(texts, self.writer.scope).visit(ast.parse(ast.unparse(tree)))
                )
                return f"{step(label, 'computation', ())}(lambda: {body})"
            case nodes.Called(function=function, fields=fields, label=label, due=due):
                if id(expression) not in self.called:
                    upcasts = self.writer.scope.sibling(".", "upcasts")
                    arguments = (f"{upcasts}.{function}", *map(literal, due))
                    name = step(label, "custom_function", arguments)
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
