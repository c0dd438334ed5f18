"""The ops of a hop carried out on expressions, either way."""

from __future__ import annotations

import ast
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from headwater.schema.conversions import CONVERSIONS

from ...grammar import UNSET, Unset
from ...grammar import ops as grammar
from ...grammar.ops import Op, op_name
from ..shapes import (
    EnumShape,
    FieldShape,
    ListShape,
    LiteralShape,
    NullableShape,
    ObjectShape,
    ScalarShape,
    present,
)
from .nodes import (
    Called,
    Computed,
    Constant,
    Converted,
    Each,
    Expression,
    Formatted,
    Item,
    Joined,
    Label,
    Made,
    Mapped,
    Part,
    Source,
    Taken,
)
from .tables import table_down, table_up
from .values import (
    State,
    Value,
    as_value,
    fields_of,
    first_of,
    lifted,
    like,
    made_of,
    member,
    members,
    single_of,
    without,
)

__all__ = ["Hop", "Walk"]


@dataclass(frozen=True, slots=True)
class Hop:
    """From one version to the next."""

    version: int
    """The newer version's number."""
    older: ObjectShape
    newer: ObjectShape
    ops: tuple[Op, ...]


@dataclass(frozen=True, slots=True)
class Walk:
    """Carries out the ops of one hop, at one depth of lists."""

    version: int
    down: bool
    depth: int = 0
    path: str = ""

    def _label(self, op: Op, name: str) -> Label:
        return Label(self.version, f"{op_name(op)} {self.path}{name}".rstrip(), self.down)

    # Up

    def up(self, op: Op, state: State, newer: ObjectShape) -> State:
        """Carry out one op; `newer` is the version, or the object in it, that the ops lead to."""
        match op:
            case grammar.Rename(names=names):
                return {names.get(name, name): value for name, value in state.items()}
            case grammar.Add(values=values):
                return state | {
                    name: Value(Constant(value), LiteralShape((value,)))
                    for name, value in values.items()
                }
            case grammar.Drop(restored=restored):
                return without(state, restored)
            case grammar.Convert(pairs=pairs):
                return self._convert(op, pairs, state)
            case grammar.MapEnum(mapping=mapping):
                value = state[mapping.source]
                return state | {mapping.source: self._mapped(op, value, table_up(op, value.shape))}
            case grammar.Split(parting=parting):
                return self._split(parting.source, parting.into, parting.sep, state)
            case grammar.Merge(joining=joining):
                return self._merge(joining.sources, joining.into, joining.sep, state)
            case grammar.Nest(nesting=nesting):
                return self._nest(nesting.sources, nesting.into, state)
            case grammar.Hoist(hoisting=hoisting):
                return self._hoist(hoisting.source, hoisting.fields, state)
            case grammar.Wrap(one=one):
                return state | {one.name: single_of(state[one.name])}
            case grammar.Head(one=one):
                target = newer.fields.get(one.name)
                or_null = target is not None and isinstance(target.shape, NullableShape)
                label = self._label(op, one.name)
                return state | {one.name: first_of(state[one.name], label, or_null=or_null)}
            case grammar.In(inner=inner):
                target_shape = _object_at(newer, inner.name)
                return state | {
                    inner.name: self._within(
                        state[inner.name],
                        lambda walk, fields: _each_up(walk, inner.do, fields, target_shape),
                        inner.name,
                    )
                }
            case grammar.Each(inner=inner):
                target_shape = _object_at(newer, inner.name)
                return state | {
                    inner.name: self._each(
                        state[inner.name],
                        lambda walk, fields: _each_up(walk, inner.do, fields, target_shape),
                        inner.name,
                    )
                }
            case grammar.Format(texts=texts):
                made = {name: Value(_formatted(text, state)) for name, text in texts.items()}
                return state | made
            case grammar.Compute(expressions=expressions):
                return state | {
                    name: Value(self._computed(op, name, text, state))
                    for name, text in expressions.items()
                }
            case grammar.FromEnvelope(parts=parts):
                return state | {name: Value(Taken(part)) for name, part in parts.items()}
            case grammar.Custom(functions=functions):
                called = Called(
                    functions.up,
                    {name: value.expression for name, value in state.items()},
                    self._label(op, functions.up),
                    _due(newer),
                )
                return dict(fields_of(newer, called))

    # Down

    def all_down(self, ops: Sequence[Op], older: State, state: State, hop: Hop | None) -> State:
        """Undo the ops, the last first. `older` are the fields before the first: their shapes."""
        newer = hop.newer if hop else ObjectShape({})
        before = [older]
        forward = replace(self, down=False)
        for op in ops[:-1]:
            before.append(forward.up(op, before[-1], newer))
        for op, shapes in zip(reversed(ops), reversed(before[: len(ops)]), strict=True):
            state = self._undo(op, shapes, state, hop)
        return state

    def _undo(self, op: Op, before: State, state: State, hop: Hop | None) -> State:
        match op:
            case grammar.Rename(names=names):
                back = {new: old for old, new in names.items()}
                return {back.get(name, name): value for name, value in state.items()}
            case grammar.Add(values=fields) | grammar.Compute(expressions=fields):
                return without(state, fields)
            case grammar.Format(texts=texts):
                return without(state, texts)
            case grammar.FromEnvelope(parts=parts):
                return without(state, parts)
            case grammar.Drop(restored=restored):
                return state | {
                    name: Value(Constant(as_value(value)), before[name].shape)
                    for name, value in restored.items()
                }
            case grammar.Convert(pairs=pairs):
                back = {name: CONVERSIONS[pair].back for name, pair in pairs.items()}
                return self._convert(op, back, state)
            case grammar.MapEnum(mapping=mapping):
                name = mapping.source
                return state | {
                    name: self._mapped(op, state[name], table_down(op, before[name].shape))
                }
            case grammar.Split(parting=parting):
                return self._merge(parting.into, parting.source, parting.sep, state)
            case grammar.Merge(joining=joining):
                return self._split(joining.into, joining.sources, joining.sep, state)
            case grammar.Nest(nesting=nesting):
                return self._hoist(nesting.into, nesting.sources, state)
            case grammar.Hoist(hoisting=hoisting):
                return self._nest(hoisting.fields, hoisting.source, state)
            case grammar.Wrap(one=one):
                or_null = isinstance(before[one.name].shape, NullableShape)
                label = self._label(op, one.name)
                return state | {one.name: first_of(state[one.name], label, or_null=or_null)}
            case grammar.Head(one=one):
                return state | {one.name: single_of(state[one.name])}
            case grammar.In(inner=inner):
                return state | {
                    inner.name: self._within(
                        state[inner.name], _undoing(inner.do, before[inner.name]), inner.name
                    )
                }
            case grammar.Each(inner=inner):
                return state | {
                    inner.name: self._each(
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
                    self._label(op, functions.down or functions.up),
                    _due(older),
                )
                return dict(fields_of(older, called))

    # Ops in both directions

    def _convert(self, op: Op, pairs: Mapping[str, str], state: State) -> State:
        made: State = {}
        for name, pair in pairs.items():
            label = self._label(op, name)
            made[name] = lifted(
                state[name],
                lambda value, pair=pair, label=label: Converted(value, pair, label),  # type: ignore[misc]  # mypy cannot infer a lambda with defaults
                ScalarShape(CONVERSIONS[pair].target),
            )
        return state | made

    def _mapped(self, op: grammar.MapEnum, value: Value, table: Mapping[str, str]) -> Value:
        shape = EnumShape(tuple(dict.fromkeys(table.values())))
        if all(key == one for key, one in table.items()) and not self.down:
            return replace(value, shape=like(value.shape, shape))
        known = value.expression
        if isinstance(known, Constant) and isinstance(known.value, str) and known.value in table:
            return Value(Constant(table[known.value]), shape)
        label = self._label(op, op.mapping.source)
        pairs = tuple(table.items())
        return lifted(value, lambda inner: Mapped(inner, pairs, label), shape)

    def _split(self, source: str, into: Sequence[str], sep: str, state: State) -> State:
        text = state[source].expression
        parts: State = {}
        for index, name in enumerate(into):
            parts[name] = Value(Part(text, sep, index, len(into)), ScalarShape("string"))
        return without(state, (source,)) | parts

    def _merge(self, sources: Sequence[str], into: str, sep: str, state: State) -> State:
        joined = Joined(tuple(state[name].expression for name in sources), sep)
        return without(state, sources) | {into: Value(joined, ScalarShape("string"))}

    def _nest(self, sources: Sequence[str], into: str, state: State) -> State:
        made = Made({name: state[name].expression for name in sources})
        shapes = {name: state[name].shape for name in sources}
        fields = {name: FieldShape(shape) for name, shape in shapes.items() if shape is not None}
        return without(state, sources) | {into: Value(made, ObjectShape(fields))}

    def _hoist(self, source: str, fields: Sequence[str], state: State) -> State:
        value = state[source]
        shape, _ = present(value.shape)
        shapes = shape.fields if isinstance(shape, ObjectShape) else {}
        lifted: State = {}
        for name in fields:
            one = shapes.get(name)
            default = one.default if one else UNSET
            lifted[name] = Value(
                member(value.expression, name, default), one.shape if one else None
            )
        return without(state, (source,)) | lifted

    def _within(self, value: Value, change: Callable[[Walk, State], State], name: str) -> Value:
        shape, _ = present(value.shape)
        walk = replace(self, path=f"{self.path}{name}.")

        def made(inner: Expression) -> Expression:
            return made_of(change(walk, members(inner, shape)))

        return lifted(value, made, shape)

    def _each(self, value: Value, change: Callable[[Walk, State], State], name: str) -> Value:
        shape, _ = present(value.shape)
        item_shape = shape.item if isinstance(shape, ListShape) else None
        walk = replace(self, depth=self.depth + 1, path=f"{self.path}{name}[].")

        def made(inner: Expression) -> Expression:
            state = members(Item(self.depth), item_shape)
            return Each(inner, made_of(change(walk, state)), self.depth)

        return lifted(value, made, shape)

    def _computed(self, op: Op, name: str, text: str, state: State) -> Expression:
        expression = ast.parse(text.strip(), mode="eval").body
        names = {one.id for one in ast.walk(expression) if isinstance(one, ast.Name)}
        values = {one: state[one].expression for one in sorted(names) if one in state}
        return Computed(expression, values, self._label(op, name))


def _each_up(walk: Walk, ops: Sequence[Op], state: State, newer: ObjectShape) -> State:
    for op in ops:
        state = walk.up(op, state, newer)
    return state


def _undoing(ops: Sequence[Op], before: Value) -> Callable[[Walk, State], State]:
    shape, _ = present(before.shape)
    if isinstance(shape, ListShape):
        shape = shape.item
    older = members(Source(), shape)
    return lambda walk, state: walk.all_down(ops, older, state, None)


def _object_at(shape: ObjectShape, name: str) -> ObjectShape:
    """Return the object that a field holds, or that a list's items are; if none, an empty one."""
    one = shape.fields.get(name)
    found, _ = present(one.shape if one else None)
    if isinstance(found, ListShape):
        found, _ = present(found.item)
    return found if isinstance(found, ObjectShape) else ObjectShape({})


def _due(shape: ObjectShape) -> tuple[str, ...]:
    return tuple(name for name, one in shape.fields.items() if isinstance(one.default, Unset))


def _formatted(text: str, state: State) -> Expression:
    parts: list[str | tuple[Expression, bool]] = []
    for literal, name, _, _ in string.Formatter().parse(text):
        if literal:
            parts.append(literal)
        if name is not None:
            value = state[name]
            shape, _ = present(value.shape)
            parts.append((value.expression, shape == ScalarShape("bool")))
    return Formatted(tuple(parts))
