"""From the ops between two versions to one expression for each field: what the generated code says.

The ops are carried out on expressions instead of values. What was renamed twice, nested and
hoisted again, or added and dropped, leaves no trace: an expression says what becomes of the
source's fields, and the way there is gone. That the ops fit is not asked here: `check` has seen to
it.
"""

from __future__ import annotations

import ast
import string
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from headwater.schema.conversions import CONVERSIONS

from ..grammar import JSON, UNSET, Unset
from ..grammar import ops as grammar
from ..grammar.ops import Op, op_name
from .shapes import (
    EnumShape,
    FieldShape,
    ListShape,
    NullableShape,
    ObjectShape,
    ScalarShape,
    Shape,
)

__all__ = [
    "Called",
    "Computed",
    "Constant",
    "Converted",
    "Each",
    "Expression",
    "First",
    "Formatted",
    "Hop",
    "Item",
    "Joined",
    "Label",
    "Lifted",
    "Made",
    "Mapped",
    "Part",
    "Read",
    "Single",
    "Source",
    "Taken",
    "fuse",
]


@dataclass(frozen=True, slots=True)
class Label:
    """Which op of which hop an expression comes from: errors name it."""

    version: int
    """The newer version of the hop."""
    op: str
    """As in `map_enum role`."""
    down: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """The fields of the version that is read."""


@dataclass(frozen=True, slots=True)
class Item:
    """The item of the list around this place; 0 is the outermost list."""

    depth: int


@dataclass(frozen=True, slots=True)
class Read:
    """A field of an object."""

    name: str
    base: Expression
    default: JSON | Unset = UNSET
    """What stands for a missing field."""


@dataclass(frozen=True, slots=True)
class Constant:
    """Always this."""

    value: JSON


@dataclass(frozen=True, slots=True)
class Part:
    """One of `count` parts of a text, taken apart at the first separators."""

    text: Expression
    sep: str
    index: int
    count: int


@dataclass(frozen=True, slots=True)
class Joined:
    """Texts put together, without a separator before an empty tail."""

    parts: tuple[Expression, ...]
    sep: str


@dataclass(frozen=True, slots=True)
class Converted:
    """What a named conversion makes of a value."""

    value: Expression
    conversion: str
    label: Label


@dataclass(frozen=True, slots=True)
class Mapped:
    """What stands for an enum's value."""

    value: Expression
    table: tuple[tuple[str, str], ...]
    label: Label


@dataclass(frozen=True, slots=True)
class Made:
    """An object of these fields."""

    fields: Mapping[str, Expression]


@dataclass(frozen=True, slots=True)
class Single:
    """A list of one value; of null, an empty one, where it may be null."""

    value: Expression
    nullable: bool


@dataclass(frozen=True, slots=True)
class First:
    """The first item of a list; of an empty one, null or a failure."""

    items: Expression
    or_null: bool
    label: Label


@dataclass(frozen=True, slots=True)
class Each:
    """A list with something made of each item."""

    items: Expression
    item: Expression
    depth: int


@dataclass(frozen=True, slots=True)
class Lifted:
    """Null where `value` is null, else `result`."""

    value: Expression
    result: Expression


@dataclass(frozen=True, slots=True)
class Formatted:
    """Texts, and values as text in between; with each value, whether it is a boolean."""

    parts: tuple[str | tuple[Expression, bool], ...]


@dataclass(frozen=True, slots=True)
class Computed:
    """An expression of the spec over the values of fields."""

    expression: ast.expr
    names: Mapping[str, Expression]
    label: Label


@dataclass(frozen=True, slots=True)
class Taken:
    """Something that is recorded beside the event."""

    part: Literal["id", "time", "workflow_id"]


@dataclass(frozen=True, slots=True)
class Called:
    """What a function of the team's own makes of all the fields."""

    function: str
    fields: Mapping[str, Expression]
    label: Label
    due: tuple[str, ...]
    """The fields that it must return: those without a default."""


Expression: TypeAlias = (
    Source
    | Item
    | Read
    | Constant
    | Part
    | Joined
    | Converted
    | Mapped
    | Made
    | Single
    | First
    | Each
    | Lifted
    | Formatted
    | Computed
    | Taken
    | Called
)


@dataclass(frozen=True, slots=True)
class Hop:
    """From one version to the next."""

    version: int
    """The newer version's number."""
    older: ObjectShape
    newer: ObjectShape
    ops: tuple[Op, ...]


@dataclass(frozen=True, slots=True)
class _Value:
    """An expression, and the shape of its values where it is known."""

    expression: Expression
    shape: Shape | None = None


_State: TypeAlias = dict[str, _Value]


def fuse(hops: Sequence[Hop], *, down: bool = False) -> Mapping[str, Expression]:
    """Return an expression for each field of the last version, in its order.

    The hops follow each other, oldest first; going down they are gone from the last to the first.
    """
    first, last = (hops[-1].newer, hops[0].older) if down else (hops[0].older, hops[-1].newer)
    state = dict(_fields_of(first, Source()))
    for hop in reversed(hops) if down else hops:
        state = _down(hop, state) if down else _up(hop, state)
    return {name: state[name].expression for name in last.fields}


def _up(hop: Hop, state: _State) -> _State:
    walk = _Walk(hop.version, down=False)
    for op in hop.ops:
        state = walk.up(op, state, hop.newer)
    return _as_declared(state, hop.newer)


def _down(hop: Hop, state: _State) -> _State:
    walk = _Walk(hop.version, down=True)
    state = walk.all_down(hop.ops, dict(_fields_of(hop.older, Source())), state, hop)
    return _as_declared(state, hop.older)


def _as_declared(state: _State, shape: ObjectShape) -> _State:
    """Take on the shapes that the version declares: what became wider is so from here on."""
    return {
        name: replace(state[name], shape=one.shape)
        for name, one in shape.fields.items()
        if name in state
    }


def _fields_of(shape: ObjectShape, base: Expression) -> Iterator[tuple[str, _Value]]:
    for name, one in shape.fields.items():
        yield name, _Value(_member(base, name, one.default), one.shape)


def _due(shape: ObjectShape) -> tuple[str, ...]:
    return tuple(name for name, one in shape.fields.items() if isinstance(one.default, Unset))


def _member(base: Expression, name: str, default: JSON | Unset) -> Expression:
    match base:
        case Made(fields=fields):
            return fields[name]
        case Constant(value=dict() as value):
            return Constant(value[name]) if name in value else Constant(_or_null(default))
        case _:
            return Read(name, base, default)


def _or_null(default: JSON | Unset) -> JSON:
    return None if isinstance(default, Unset) else default


@dataclass(frozen=True, slots=True)
class _Walk:
    """Carries out the ops of one hop, at one depth of lists."""

    version: int
    down: bool
    depth: int = 0
    path: str = ""
    steps: list[str] = field(default_factory=list)

    def label(self, op: Op, name: str) -> Label:
        return Label(self.version, f"{op_name(op)} {self.path}{name}".rstrip(), self.down)

    # Up

    def up(self, op: Op, state: _State, newer: ObjectShape) -> _State:
        match op:
            case grammar.Rename(names=names):
                return {names.get(name, name): value for name, value in state.items()}
            case grammar.Add(values=values):
                return state | {name: _Value(Constant(value)) for name, value in values.items()}
            case grammar.Drop(restored=restored):
                return _without(state, restored)
            case grammar.Convert(pairs=pairs):
                return self.convert(op, pairs, state)
            case grammar.MapEnum(mapping=mapping):
                value = state[mapping.source]
                return state | {mapping.source: self.mapped(op, value, table_up(op, value.shape))}
            case grammar.Split(parting=parting):
                return self.split(parting.source, parting.into, parting.sep, state)
            case grammar.Merge(joining=joining):
                return self.merge(joining.sources, joining.into, joining.sep, state)
            case grammar.Nest(nesting=nesting):
                return self.nest(nesting.sources, nesting.into, state)
            case grammar.Hoist(hoisting=hoisting):
                return self.hoist(hoisting.source, hoisting.fields, state)
            case grammar.Wrap(one=one):
                return state | {one.name: _single(state[one.name])}
            case grammar.Head(one=one):
                target = newer.fields.get(one.name)
                or_null = target is not None and isinstance(target.shape, NullableShape)
                label = self.label(op, one.name)
                return state | {one.name: _first(state[one.name], label, or_null=or_null)}
            case grammar.In(inner=inner):
                target_shape = _object_at(newer, inner.name)
                return state | {
                    inner.name: self.within(
                        state[inner.name],
                        lambda walk, fields: _each_up(walk, inner.do, fields, target_shape),
                        inner.name,
                    )
                }
            case grammar.Each(inner=inner):
                target_shape = _object_at(newer, inner.name)
                return state | {
                    inner.name: self.each(
                        state[inner.name],
                        lambda walk, fields: _each_up(walk, inner.do, fields, target_shape),
                        inner.name,
                    )
                }
            case grammar.Format(texts=texts):
                made = {name: _Value(_formatted(text, state)) for name, text in texts.items()}
                return state | made
            case grammar.Compute(expressions=expressions):
                return state | {
                    name: _Value(self.computed(op, name, text, state))
                    for name, text in expressions.items()
                }
            case grammar.FromEnvelope(parts=parts):
                return state | {name: _Value(Taken(part)) for name, part in parts.items()}
            case grammar.Custom(functions=functions):
                called = Called(
                    functions.up,
                    {name: value.expression for name, value in state.items()},
                    self.label(op, functions.up),
                    _due(newer),
                )
                return dict(_fields_of(newer, called))

    # Down

    def all_down(self, ops: Sequence[Op], older: _State, state: _State, hop: Hop | None) -> _State:
        """Undo the ops, the last first. `older` are the fields before the first: their shapes."""
        newer = hop.newer if hop else ObjectShape({})
        before = [older]
        forward = replace(self, down=False)
        for op in ops[:-1]:
            before.append(forward.up(op, before[-1], newer))
        for op, shapes in zip(reversed(ops), reversed(before[: len(ops)]), strict=True):
            state = self.undo(op, shapes, state, hop)
        return state

    def undo(self, op: Op, before: _State, state: _State, hop: Hop | None) -> _State:
        match op:
            case grammar.Rename(names=names):
                back = {new: old for old, new in names.items()}
                return {back.get(name, name): value for name, value in state.items()}
            case grammar.Add(values=fields) | grammar.Compute(expressions=fields):
                return _without(state, fields)
            case grammar.Format(texts=texts):
                return _without(state, texts)
            case grammar.FromEnvelope(parts=parts):
                return _without(state, parts)
            case grammar.Drop(restored=restored):
                return state | {
                    name: _Value(Constant(_or_null(value)), before[name].shape)
                    for name, value in restored.items()
                }
            case grammar.Convert(pairs=pairs):
                back = {name: CONVERSIONS[pair].back for name, pair in pairs.items()}
                return self.convert(op, back, state)
            case grammar.MapEnum(mapping=mapping):
                name = mapping.source
                return state | {
                    name: self.mapped(op, state[name], table_down(op, before[name].shape))
                }
            case grammar.Split(parting=parting):
                return self.merge(parting.into, parting.source, parting.sep, state)
            case grammar.Merge(joining=joining):
                return self.split(joining.into, joining.sources, joining.sep, state)
            case grammar.Nest(nesting=nesting):
                return self.hoist(nesting.into, nesting.sources, state)
            case grammar.Hoist(hoisting=hoisting):
                return self.nest(hoisting.fields, hoisting.source, state)
            case grammar.Wrap(one=one):
                or_null = isinstance(before[one.name].shape, NullableShape)
                label = self.label(op, one.name)
                return state | {one.name: _first(state[one.name], label, or_null=or_null)}
            case grammar.Head(one=one):
                return state | {one.name: _single(state[one.name])}
            case grammar.In(inner=inner):
                return state | {
                    inner.name: self.within(
                        state[inner.name], _undoing(inner.do, before[inner.name]), inner.name
                    )
                }
            case grammar.Each(inner=inner):
                return state | {
                    inner.name: self.each(
                        state[inner.name], _undoing(inner.do, before[inner.name]), inner.name
                    )
                }
            case grammar.Custom(functions=functions):
                older = ObjectShape(
                    {name: FieldShape(one.shape) for name, one in before.items() if one.shape}
                )
                called = Called(
                    functions.down or functions.up,
                    {name: value.expression for name, value in state.items()},
                    self.label(op, functions.down or functions.up),
                    _due(older),
                )
                return dict(_fields_of(older, called))

    # Ops in both directions

    def convert(self, op: Op, pairs: Mapping[str, str], state: _State) -> _State:
        made: _State = {}
        for name, pair in pairs.items():
            label = self.label(op, name)
            made[name] = _lifted(
                state[name],
                lambda value, pair=pair, label=label: Converted(value, pair, label),  # type: ignore[misc]  # mypy cannot infer a lambda with defaults
                ScalarShape(CONVERSIONS[pair].target),
            )
        return state | made

    def mapped(self, op: grammar.MapEnum, value: _Value, table: Mapping[str, str]) -> _Value:
        shape = EnumShape(tuple(dict.fromkeys(table.values())))
        if all(key == one for key, one in table.items()) and not self.down:
            return replace(value, shape=_like(value.shape, shape))
        known = value.expression
        if isinstance(known, Constant) and isinstance(known.value, str) and known.value in table:
            return _Value(Constant(table[known.value]), shape)
        label = self.label(op, op.mapping.source)
        pairs = tuple(table.items())
        return _lifted(value, lambda inner: Mapped(inner, pairs, label), shape)

    def split(self, source: str, into: Sequence[str], sep: str, state: _State) -> _State:
        text = state[source].expression
        parts: _State = {}
        for index, name in enumerate(into):
            parts[name] = _Value(Part(text, sep, index, len(into)), ScalarShape("string"))
        return _without(state, (source,)) | parts

    def merge(self, sources: Sequence[str], into: str, sep: str, state: _State) -> _State:
        joined = Joined(tuple(state[name].expression for name in sources), sep)
        return _without(state, sources) | {into: _Value(joined, ScalarShape("string"))}

    def nest(self, sources: Sequence[str], into: str, state: _State) -> _State:
        made = Made({name: state[name].expression for name in sources})
        shapes = {name: state[name].shape for name in sources}
        fields = {name: FieldShape(shape) for name, shape in shapes.items() if shape is not None}
        return _without(state, sources) | {into: _Value(made, ObjectShape(fields))}

    def hoist(self, source: str, fields: Sequence[str], state: _State) -> _State:
        value = state[source]
        shapes = value.shape.fields if isinstance(value.shape, ObjectShape) else {}
        lifted: _State = {}
        for name in fields:
            one = shapes.get(name)
            default = one.default if one else UNSET
            lifted[name] = _Value(
                _member(value.expression, name, default), one.shape if one else None
            )
        return _without(state, (source,)) | lifted

    def within(self, value: _Value, change: Callable[[_Walk, _State], _State], name: str) -> _Value:
        shape, _ = _present(value.shape)
        walk = replace(self, path=f"{self.path}{name}.")

        def made(inner: Expression) -> Expression:
            return _made(change(walk, _members(inner, shape)))

        return _lifted(value, made, shape)

    def each(self, value: _Value, change: Callable[[_Walk, _State], _State], name: str) -> _Value:
        shape, _ = _present(value.shape)
        item_shape = shape.item if isinstance(shape, ListShape) else None
        walk = replace(self, depth=self.depth + 1, path=f"{self.path}{name}[].")

        def made(inner: Expression) -> Expression:
            state = _members(Item(self.depth), item_shape)
            return Each(inner, _made(change(walk, state)), self.depth)

        return _lifted(value, made, shape)

    def computed(self, op: Op, name: str, text: str, state: _State) -> Expression:
        expression = ast.parse(text.strip(), mode="eval").body
        names = {one.id for one in ast.walk(expression) if isinstance(one, ast.Name)}
        values = {one: state[one].expression for one in sorted(names) if one in state}
        return Computed(expression, values, self.label(op, name))


def table_up(op: grammar.MapEnum, shape: Shape | None) -> dict[str, str]:
    """Return what each value of the older enum becomes."""
    enum, _ = _present(shape)
    values = enum.values if isinstance(enum, EnumShape) else tuple(op.mapping.values)
    return {value: op.mapping.values.get(value, value) for value in values}


def table_down(op: grammar.MapEnum, shape: Shape | None) -> dict[str, str]:
    """Return what each value becomes going down; what has no predecessor is left out.

    `shape` is the older enum's. Where several old values became one, only `back` says which it is;
    it has the last word in any case.
    """
    up = table_up(op, shape)
    news = list(up.values())
    table = {new: old for old, new in up.items() if news.count(new) == 1}
    return table | dict(op.mapping.back)


def _each_up(walk: _Walk, ops: Sequence[Op], state: _State, newer: ObjectShape) -> _State:
    for op in ops:
        state = walk.up(op, state, newer)
    return state


def _undoing(ops: Sequence[Op], before: _Value) -> Callable[[_Walk, _State], _State]:
    shape, _ = _present(before.shape)
    if isinstance(shape, ListShape):
        shape = shape.item
    older = _members(Source(), shape)
    return lambda walk, state: walk.all_down(ops, older, state, None)


def _object_at(shape: ObjectShape, name: str) -> ObjectShape:
    """Return the object that a field holds, or that a list's items are; if none, an empty one."""
    one = shape.fields.get(name)
    found, _ = _present(one.shape if one else None)
    if isinstance(found, ListShape):
        found, _ = _present(found.item)
    return found if isinstance(found, ObjectShape) else ObjectShape({})


def _present(shape: Shape | None) -> tuple[Shape | None, bool]:
    """Return what a value is if it is not null, and whether it may be."""
    return (shape.item, True) if isinstance(shape, NullableShape) else (shape, False)


def _like(shape: Shape | None, new: Shape) -> Shape:
    return NullableShape(new) if isinstance(shape, NullableShape) else new


def _lifted(value: _Value, made: Callable[[Expression], Expression], shape: Shape | None) -> _Value:
    """Return what is made of a value, null staying null."""
    _, nullable = _present(value.shape)
    expression = made(value.expression)
    if nullable:
        expression = Lifted(value.expression, expression)
    return _Value(expression, NullableShape(shape) if nullable and shape is not None else shape)


def _members(base: Expression, shape: Shape | None) -> _State:
    if isinstance(base, Made) and not isinstance(shape, ObjectShape):
        return {name: _Value(one) for name, one in base.fields.items()}
    if isinstance(base, Constant) and isinstance(base.value, dict):
        return {name: _Value(Constant(one)) for name, one in base.value.items()}
    return dict(_fields_of(shape, base)) if isinstance(shape, ObjectShape) else {}


def _made(state: _State) -> Made:
    return Made({name: value.expression for name, value in state.items()})


def _single(value: _Value) -> _Value:
    item, nullable = _present(value.shape)
    shape = ListShape(item) if item is not None else None
    return _Value(Single(value.expression, nullable), shape)


def _first(value: _Value, label: Label, *, or_null: bool) -> _Value:
    items, nullable = _present(value.shape)
    item = items.item if isinstance(items, ListShape) else None
    expression: Expression
    if isinstance(value.expression, Single) and value.expression.nullable <= or_null:
        expression = value.expression.value
    else:
        expression = First(value.expression, or_null or nullable, label)
    shape = NullableShape(item) if (or_null or nullable) and item is not None else item
    return _Value(expression, shape)


def _formatted(text: str, state: _State) -> Expression:
    parts: list[str | tuple[Expression, bool]] = []
    for literal, name, _, _ in string.Formatter().parse(text):
        if literal:
            parts.append(literal)
        if name is not None:
            value = state[name]
            shape, _ = _present(value.shape)
            parts.append((value.expression, shape == ScalarShape("bool")))
    return Formatted(tuple(parts))


def _without(state: _State, names: Iterator[str] | Sequence[str] | Mapping[str, object]) -> _State:
    gone = set(names)
    return {name: value for name, value in state.items() if name not in gone}
