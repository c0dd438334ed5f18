"""Ops applied to shapes: what a version becomes by them, and whether that is the next version.

Each field is known by two shapes: what its value is that came up, and what it may be to go down
again. Ops change both. In the end the first must fit into the newer version, field by field, and
what the newer version may be must fit into the second, or there is no way down.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from typing import TypeAlias

from headwater.schema.conversions import CONVERSIONS

from ..grammar import JSON, UNSET, Unset
from ..grammar.ops import (
    Add,
    Compute,
    Convert,
    Custom,
    Drop,
    Each,
    Format,
    FromEnvelope,
    Head,
    Hoist,
    In,
    MapEnum,
    Merge,
    Nest,
    Op,
    Rename,
    Split,
    Wrap,
    op_name,
)
from ..load import Mapping as MappingNode
from ..load import Node, Place, Refused, Scalar, Sequence
from ..names import nearest
from . import steps
from .effects import Effect, Hop, Note
from .expressions import ExpressionError, parse, text_of
from .fitting import misfit
from .shapes import (
    EnumShape,
    FieldShape,
    ListShape,
    MapShape,
    NullableShape,
    ObjectShape,
    RecursiveShape,
    ScalarShape,
    Shape,
    UnionShape,
    show_shape,
)
from .templates import TemplateError, parts_of
from .values import fault, sample

__all__ = ["UNPROVEN", "Tell", "apply"]

Tell: TypeAlias = Callable[[Place, str, str, str], None]
"""Where problems go: place, code, message and hint."""

UNPROVEN = "what the functions make of them"
"""What is noted of custom functions: tests prove them, not shapes."""

_ENVELOPE: Mapping[str, Shape] = {
    "id": ScalarShape("uuid"),
    "time": ScalarShape("datetime"),
    "workflow_id": ScalarShape("string"),
}
_TEXTS = frozenset({"string", "email", "uri"})


class _Stop(Exception):  # noqa: N818 - the op was reported, and says nothing any more
    pass


@dataclass(frozen=True, slots=True)
class _State:
    """A field on its way: `up` is what came up, `down` what may go down; None takes anything."""

    up: Shape
    down: Shape | None
    constant: JSON | Unset = UNSET
    """The value, where it is always the same."""
    text: str | None = None
    """Such a text it is, where it was made by `format`: it may be one of another type, too."""
    has_table: bool = False
    """A `map_enum` tells which values go down: others do not, and that is no surprise."""


@dataclass
class _Object:
    """The fields of an event or object, as they are after the ops so far."""

    fields: dict[str, _State]
    newer: ObjectShape | None
    tell: Tell
    path: str = ""
    touched: set[str] = field(default_factory=set)
    """Fields of the older version that an op has read."""
    effects: list[Effect] = field(default_factory=list)
    is_opaque: bool = False
    """A custom function has made it what it is."""
    failed: bool = False

    def named(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name


def apply(
    ops: tuple[Op, ...],
    older: tuple[int, ObjectShape],
    newer: tuple[int, ObjectShape],
    tell: Tell,
    places: tuple[Place, Mapping[str, Place]],
) -> Hop | None:
    """Return what leads from one version to the next; None after telling what is wrong.

    Args:
        ops: What the spec says leads there.
        older: The number and the shape of the version before.
        newer: The number and the shape of the version after.
        tell: Is given every mistake: HW802 to HW810.
        places: Where the newer version's ops stand, and each of its fields.
    """
    state = _Object(
        {name: _State(one.shape, one.shape) for name, one in older[1].fields.items()},
        newer[1],
        tell,
    )
    _apply_all(ops, state, f"version {older[0]}")
    if state.failed:
        return None
    obstacles: list[Note] = []
    refusals: list[Note] = []
    if not state.is_opaque:
        if not _is_met(state, older, newer, places):
            return None
        _look_down(state, newer[1], obstacles, refusals)
    return Hop(
        older=older[0],
        newer=newer[0],
        effects=tuple(state.effects),
        fill_up=_filled(older[1], newer[1], state.touched),
        fill_down=_filled(newer[1], older[1], _made(newer[1], older[1], state.touched)),
        obstacles=tuple(obstacles),
        refusals=tuple(refusals),
    )


def _filled(mine: ObjectShape, other: ObjectShape, touched: set[str]) -> tuple[steps.Step, ...]:
    """Return what gives fields their defaults that ops need, or that the other side lacks."""
    found: list[steps.Step] = []
    for name, one in mine.fields.items():
        if isinstance(one.default, Unset):
            continue
        there = other.fields.get(name)
        is_same = there is not None and not there.is_required and there.default == one.default
        if name in touched or not is_same:
            found.append(steps.Fill(name, one.default))
    return tuple(found)


def _made(newer: ObjectShape, older: ObjectShape, touched: set[str]) -> set[str]:
    return {name for name in newer.fields if name in touched or name not in older.fields}


def _apply_all(ops: tuple[Op, ...], state: _Object, whose: str) -> None:
    for number, op in enumerate(ops):
        if isinstance(op, Custom) and number < len(ops) - 1:
            state.tell(op.node, "HW803", "custom is the last op: what it makes is not known", "")
            state.failed = True
        try:
            state.effects.append(_OPS[type(op)](op, state, whose))
        except _Stop:
            state.failed = True
            return  # what follows would be wrong for this reason


def _fail(state: _Object, place: Place, code: str, message: str, hint: str = "") -> _Stop:
    state.tell(place, code, message, hint)
    return _Stop()


def _where(op: Op, text: str) -> Place:
    """Return where a text stands in an op: the first key or value that is just that."""
    return next((one for one in _texts(op.node) if one.text == text), op.node)


def _texts(node: Node) -> Iterator[Scalar]:
    match node:
        case Scalar():
            yield node
        case Sequence(items=items):
            for item in items:
                yield from _texts(item)
        case MappingNode(entries=entries):
            for entry in entries:
                yield entry.key
                yield from _texts(entry.value)
        case Refused():
            pass


def _told(op: Op) -> str:
    """Return an op as a spec would write it, on one line."""
    return f"{op_name(op)} {_flow(op.node, top=True)}"


def _flow(node: Node, *, top: bool = False) -> str:
    match node:
        case Scalar(text=text, plain=plain):
            return text if plain else json.dumps(text, ensure_ascii=False)
        case Sequence(items=items):
            return f"[{', '.join(map(_flow, items))}]"
        case MappingNode(entries=[entry]) if top:
            return _flow(entry.value)
        case MappingNode(entries=entries):
            told = (f"{one.key.text}: {_flow(one.value)}" for one in entries)
            return f"{{{', '.join(told)}}}"
        case _:
            return ""


# Fields


def _take(op: Op, state: _Object, name: str, whose: str, *, keep: bool = False) -> _State:
    """Return a field that an op reads, and take it out."""
    one = state.fields.get(name)
    if one is None:
        better = nearest(name, state.fields)
        hint = f'did you mean "{better}"?' if better else f"there is {', '.join(state.fields)}"
        if not state.fields:
            hint = "there is none"
        gone = " any more" if name in state.touched else ""
        message = f'{whose} has no field "{state.named(name)}"{gone}'
        raise _fail(state, _where(op, name), "HW802", message, hint)
    state.touched.add(name)
    if not keep:
        del state.fields[name]
    return one


def _put(op: Op, state: _Object, name: str, one: _State) -> None:
    """Add a field that an op makes."""
    if name in state.fields:
        message = f'there is a field "{state.named(name)}" already'
        raise _fail(state, _where(op, name), "HW804", message, "rename or drop it first")
    state.fields[name] = one


def _inner(shape: Shape | None) -> tuple[Shape | None, bool]:
    """Return what a value is if it is not null, and whether it may be."""
    return (shape.item, True) if isinstance(shape, NullableShape) else (shape, False)


def _again(shape: Shape, *, nullable: bool) -> Shape:
    return NullableShape(shape) if nullable else shape


def _unsuited(op: Op, state: _Object, name: str, shape: Shape, wants: str, hint: str = "") -> _Stop:
    message = f'{op_name(op)} takes {wants}, and "{state.named(name)}" is {show_shape(shape)}'
    return _fail(state, _where(op, name), "HW803", message, hint)


def _text(op: Op, state: _Object, name: str, one: _State) -> None:
    if isinstance(one.up, NullableShape):
        hint = "a field that may be null cannot be taken apart; write a custom op"
        raise _unsuited(op, state, name, one.up, "a text that is never null", hint)
    if not (isinstance(one.up, ScalarShape) and one.up.type == "string"):
        pair = _pair(one.up, ScalarShape("string"))
        hint = f"convert it first: - convert: {{{name}: {pair}}}" if pair else ""
        raise _unsuited(op, state, name, one.up, "a text", hint)


def _bounded(one: _State, name: str) -> tuple[Note, ...]:
    """Return what a value that goes down may fail to be, where the older field has limits."""
    shape, _ = _inner(one.down)
    limits = shape.constraints if isinstance(shape, ScalarShape) else {}
    return (Note(name, f"what does not meet {', '.join(limits)}"),) if limits else ()


# Ops


def _rename(op: Rename, state: _Object, whose: str) -> Effect:
    taken = {new: _take(op, state, old, whose) for old, new in op.names.items()}
    if len(taken) < len(op.names):
        new = next(n for n in taken if list(op.names.values()).count(n) > 1)
        raise _fail(state, _where(op, new), "HW804", f'two fields would be "{state.named(new)}"')
    for new, one in taken.items():
        _put(op, state, new, one)
    pairs = tuple(op.names.items())
    back = tuple((new, old) for old, new in pairs)
    return Effect(op=_told(op), up=(steps.Move(pairs),), down=(steps.Move(back),))


def _add(op: Add, state: _Object, _: str) -> Effect:
    losses: list[Note] = []
    for name, value in op.values.items():
        _put(op, state, name, _State(_shape_of(value), None, constant=value))
        losses.append(Note(state.named(name), f"every value but {_json(value)}"))
    return Effect(
        op=_told(op),
        up=tuple(steps.Put(name, value) for name, value in op.values.items()),
        down=tuple(steps.Remove(name) for name in op.values),
        down_losses=tuple(losses),
    )


def _drop(op: Drop, state: _Object, whose: str) -> Effect:
    down: list[steps.Step] = []
    losses: list[Note] = []
    is_way = True
    for name, given in op.restored.items():
        one = _take(op, state, name, whose)
        value = given
        if isinstance(value, Unset) and (one.down is None or isinstance(one.down, NullableShape)):
            value = None
        if isinstance(value, Unset):
            is_way = False
            losses.append(Note(state.named(name), "its value; no value is given to restore"))
            continue
        if one.down is not None and (why := fault(value, one.down)):
            message = f'"{state.named(name)}" cannot be restored so: {why}'
            raise _fail(state, _where(op, name), "HW803", message)
        down.append(steps.Put(name, value))
        losses.append(Note(state.named(name), f"its value, which becomes {_json(value)}"))
    return Effect(
        op=_told(op),
        up=tuple(steps.Remove(name) for name in op.restored),
        down=tuple(down) if is_way else None,
        up_losses=tuple(losses),
    )


def _convert(op: Convert, state: _Object, whose: str) -> Effect:
    effects: list[Effect] = []
    for name, pair in op.pairs.items():
        conversion = CONVERSIONS[pair]
        back = CONVERSIONS[conversion.back]
        one = _take(op, state, name, whose)
        shape, nullable = _inner(one.up)
        if not isinstance(shape, ScalarShape) or shape.type != conversion.source:
            better = _pairs_from(shape)
            hint = f"for it there is {', '.join(better)}" if better else ""
            raise _unsuited(op, state, name, one.up, f"{_article(conversion.source)}", hint)
        made = _again(ScalarShape(conversion.target), nullable=nullable)
        _, takes_null = _inner(one.down)
        accepts = (
            None
            if one.down is None
            else _again(ScalarShape(conversion.target), nullable=takes_null)
        )
        _put(op, state, name, _State(made, accepts))
        where = state.named(name)
        effects.append(
            Effect(
                op="",
                up=(steps.Convert(name, pair),),
                down=(steps.Convert(name, conversion.back),),
                up_losses=_notes(where, conversion.loss),
                down_losses=_notes(where, back.loss),
                up_refusals=_notes(where, conversion.refuses),
                down_refusals=(*_notes(where, back.refuses), *_bounded(one, where)),
            )
        )
    return _joined(op, effects)


def _map_enum(op: MapEnum, state: _Object, whose: str) -> Effect:
    mapping = op.mapping
    name = mapping.source
    one = _take(op, state, name, whose)
    shape, nullable = _inner(one.up)
    if not isinstance(shape, EnumShape):
        raise _unsuited(op, state, name, one.up, "an enum")
    for old in mapping.values:
        if old not in shape.values:
            better = nearest(old, shape.values)
            hint = f'did you mean "{better}"?' if better else f"it has {', '.join(shape.values)}"
            message = f'"{old}" is no value of "{state.named(name)}"'
            raise _fail(state, _where(op, old), "HW808", message, hint)
    up = {value: mapping.values.get(value, value) for value in shape.values}
    down_shape, takes_null = _inner(one.down)
    olds = down_shape.values if isinstance(down_shape, EnumShape) else tuple(shape.values)
    for old in mapping.back.values():
        if old not in olds:
            better = nearest(old, olds)
            hint = f'did you mean "{better}"?' if better else f"it has {', '.join(olds)}"
            message = f'"{old}" is no older value of "{state.named(name)}"'
            raise _fail(state, _where(op, old), "HW808", message, hint)
    news = list(up.values())
    down = {new: old for old, new in up.items() if news.count(new) == 1} | dict(mapping.back)
    where = state.named(name)
    images = tuple(dict.fromkeys(up.values()))
    refused = [new for new in images if new not in down]
    made = _again(EnumShape(images), nullable=nullable)
    accepts = None if one.down is None else _again(EnumShape(tuple(down)), nullable=takes_null)
    _put(op, state, name, _State(made, accepts, has_table=True))
    return Effect(
        op=_told(op),
        up=(steps.MapValues(name, tuple(up.items())),),
        down=(steps.MapValues(name, tuple(down.items())),),
        up_losses=tuple(
            Note(
                where,
                f"{old} comes back as {down[new]}" if new in down else f"{old} does not come back",
            )
            for old, new in up.items()
            if down.get(new) != old
        ),
        down_losses=tuple(
            Note(where, f"{new} comes back as {up[old]}")
            for new, old in down.items()
            if old in up and up[old] != new
        ),
        down_refusals=tuple(Note(where, f"{new}, which several values become") for new in refused),
    )


def _split(op: Split, state: _Object, whose: str) -> Effect:
    parting = op.parting
    one = _take(op, state, parting.source, whose)
    _text(op, state, parting.source, one)
    if len(parting.into) < 2:
        raise _fail(
            state,
            _where(op, parting.into[0]),
            "HW810",
            "a split needs two fields at least",
            "to give a field another name, rename it",
        )
    for name in parting.into:
        _put(op, state, name, _State(ScalarShape("string"), ScalarShape("string")))
    where = state.named(parting.source)
    firsts = ", ".join(map(state.named, parting.into[:-1]))
    return Effect(
        op=_told(op),
        up=(steps.Split(parting.source, parting.into, parting.sep),),
        down=(steps.Join(parting.into, parting.source, parting.sep),),
        up_losses=(Note(where, f"{_json(parting.sep)} at its end"),),
        down_losses=(Note(firsts, f"where it contains {_json(parting.sep)}"),),
        down_refusals=_bounded(one, where),
    )


def _merge(op: Merge, state: _Object, whose: str) -> Effect:
    joining = op.joining
    taken = [_take(op, state, name, whose) for name in joining.sources]
    for name, one in zip(joining.sources, taken, strict=True):
        _text(op, state, name, one)
    if len(joining.sources) < 2:
        raise _fail(
            state,
            _where(op, joining.sources[0]),
            "HW810",
            "a merge needs two fields at least",
            "to give a field another name, rename it",
        )
    _put(op, state, joining.into, _State(ScalarShape("string"), ScalarShape("string")))
    firsts = ", ".join(map(state.named, joining.sources[:-1]))
    refusals = [
        note
        for name, one in zip(joining.sources, taken, strict=True)
        for note in _bounded(one, state.named(name))
    ]
    return Effect(
        op=_told(op),
        up=(steps.Join(joining.sources, joining.into, joining.sep),),
        down=(steps.Split(joining.into, joining.sources, joining.sep),),
        up_losses=(Note(firsts, f"where it contains {_json(joining.sep)}"),),
        down_losses=(Note(state.named(joining.into), f"{_json(joining.sep)} at its end"),),
        down_refusals=tuple(refusals),
    )


def _nest(op: Nest, state: _Object, whose: str) -> Effect:
    nesting = op.nesting
    taken = {name: _take(op, state, name, whose) for name in nesting.sources}
    up = ObjectShape({name: FieldShape(one.up) for name, one in taken.items()})
    accepts = ObjectShape(
        {name: FieldShape(one.down or ScalarShape("json")) for name, one in taken.items()}
    )
    _put(op, state, nesting.into, _State(up, accepts))
    return Effect(
        op=_told(op),
        up=(steps.Group(nesting.sources, nesting.into),),
        down=(steps.Ungroup(nesting.into, nesting.sources),),
    )


def _hoist(op: Hoist, state: _Object, whose: str) -> Effect:
    source, names = op.hoisting.source, op.hoisting.fields
    one = _take(op, state, source, whose)
    up, accepts = _objects(op, state, source, one)
    if isinstance(one.up, NullableShape):
        hint = "its fields would be missing then; write a custom op"
        raise _unsuited(op, state, source, one.up, "an object that is never null", hint)
    for name in names:
        if name not in up.fields:
            better = nearest(name, up.fields)
            hint = f'did you mean "{better}"?' if better else f"it has {', '.join(up.fields)}"
            message = f'"{state.named(source)}" has no field "{name}"'
            raise _fail(state, _where(op, name), "HW802", message, hint)
    if left := [name for name in up.fields if name not in names]:
        message = f'"{left[0]}" of "{state.named(source)}" would be lost'
        hint = f"name it too, or drop it before: - in: {{field: {source}, do: [drop: [{left[0]}]]}}"
        raise _fail(state, op.node, "HW803", message, hint)
    for name in names:
        below = accepts.fields[name].shape if accepts and name in accepts.fields else None
        _put(op, state, name, _State(up.fields[name].shape, below))
    return Effect(
        op=_told(op),
        up=(steps.Ungroup(source, names),),
        down=(steps.Group(names, source),),
    )


def _wrap(op: Wrap, state: _Object, whose: str) -> Effect:
    name = op.one.name
    one = _take(op, state, name, whose)
    shape, _ = _inner(one.up)
    below, takes_null = _inner(one.down)
    made = ListShape(shape or one.up)
    _put(op, state, name, _State(made, ListShape(below) if below else None))
    where = state.named(name)
    return Effect(
        op=_told(op),
        up=(steps.Wrap(name),),
        down=(steps.First(name, takes_null or below is None),),
        down_losses=(Note(where, "all items but the first"),),
        down_refusals=() if takes_null or below is None else (Note(where, "an empty list"),),
    )


def _head(op: Head, state: _Object, whose: str) -> Effect:
    name = op.one.name
    one = _take(op, state, name, whose)
    shape, below = one.up, one.down
    if not isinstance(shape, ListShape) or isinstance(shape.item, NullableShape):
        raise _unsuited(op, state, name, one.up, "a list of what is never null")
    least = shape.constraints.get("minItems")
    is_full = isinstance(least, int) and least > 0
    there = state.newer.fields.get(name) if state.newer else None
    nullable = there is not None and isinstance(there.shape, NullableShape)
    made = _again(shape.item, nullable=nullable and not is_full)
    accepts: Shape | None = None
    refusals: tuple[Note, ...] = ()
    where = state.named(name)
    if isinstance(below, ListShape):
        accepts = _again(below.item, nullable=not below.constraints.get("minItems"))
        if any(
            key == "minItems" and isinstance(n, int) and n > 1
            for key, n in below.constraints.items()
        ):
            refusals = (Note(where, "a list of one is too short"),)
    _put(op, state, name, _State(made, accepts))
    return Effect(
        op=_told(op),
        up=(steps.First(name, nullable),),
        down=(steps.Wrap(name),),
        up_losses=(Note(where, "all items but the first"),),
        up_refusals=() if nullable or is_full else (Note(where, "an empty list"),),
        down_refusals=refusals,
    )


def _in(op: In, state: _Object, whose: str) -> Effect:
    name = op.inner.name
    one = _take(op, state, name, whose)
    up, accepts = _objects(op, state, name, one)
    inner, made, below = _below(op, state, name, up, accepts)
    _, nullable = _inner(one.up)
    _, takes_null = _inner(one.down)
    _put(
        op,
        state,
        name,
        _State(_again(made, nullable=nullable), below and _again(below, nullable=takes_null)),
    )
    return _wrapped(op, inner, lambda found: steps.Within(name, found))


def _each(op: Each, state: _Object, whose: str) -> Effect:
    name = op.inner.name
    one = _take(op, state, name, whose)
    items, nullable = _inner(one.up)
    below_items, takes_null = _inner(one.down)
    if not isinstance(items, ListShape) or not isinstance(items.item, ObjectShape):
        raise _unsuited(op, state, name, one.up, "a list of objects")
    item = _State(items.item, below_items.item if isinstance(below_items, ListShape) else None)
    up, accepts = _objects(op, state, name, item)
    inner, made, below = _below(op, state, name, up, accepts)
    accepted: Shape | None = None
    if below is not None and isinstance(below_items, ListShape):
        accepted = _again(replace(below_items, item=below), nullable=takes_null)
    _put(op, state, name, _State(_again(replace(items, item=made), nullable=nullable), accepted))
    return _wrapped(op, inner, lambda found: steps.Each(name, found))


def _format(op: Format, state: _Object, whose: str) -> Effect:
    up: list[steps.Step] = []
    losses: list[Note] = []
    for name, template in op.texts.items():
        try:
            parts = parts_of(template)
        except TemplateError as error:
            raise _fail(state, _where(op, template), "HW809", str(error)) from None
        shown = ""
        for part, is_field in parts:
            if not is_field:
                shown += part
                continue
            one = state.fields.get(part)
            if one is None:
                better = nearest(part, state.fields)
                hint = f'did you mean "{better}"?' if better else ""
                message = f'{whose} has no field "{state.named(part)}"'
                raise _fail(state, _where(op, template), "HW802", message, hint)
            state.touched.add(part)
            if not isinstance(one.up, EnumShape | ScalarShape) or (
                isinstance(one.up, ScalarShape) and one.up.type == "json"
            ):
                wants = "texts, numbers, bools and enums that are never null"
                message = f'format takes {wants}, and "{part}" is {show_shape(one.up)}'
                raise _fail(state, _where(op, template), "HW803", message)
            shown += text_of(sample(one.up, part))
        up.append(steps.Format(name, parts))
        _put(op, state, name, _State(ScalarShape("string"), None, text=shown))
        losses.append(Note(state.named(name), f"every text but {_json(template)}"))
    return Effect(
        op=_told(op),
        up=tuple(up),
        down=tuple(steps.Remove(name) for name in op.texts),
        down_losses=tuple(losses),
    )


def _compute(op: Compute, state: _Object, _: str) -> Effect:
    up: list[steps.Step] = []
    losses: list[Note] = []
    refusals: list[Note] = []
    for name, text in op.expressions.items():
        try:
            expression = parse(text)
            shape, refuses = expression.shape({key: one.up for key, one in state.fields.items()})
        except ExpressionError as error:
            raise _fail(state, _where(op, text), "HW809", str(error)) from None
        state.touched.update(expression.names)
        up.append(steps.Compute(name, expression))
        _put(op, state, name, _State(shape, None))
        losses.append(Note(state.named(name), f"every value but {text}"))
        refusals += _notes(state.named(name), refuses)
    return Effect(
        op=_told(op),
        up=tuple(up),
        down=tuple(steps.Remove(name) for name in op.expressions),
        down_losses=tuple(losses),
        up_refusals=tuple(refusals),
    )


def _from_envelope(op: FromEnvelope, state: _Object, _: str) -> Effect:
    losses: list[Note] = []
    for name, part in op.parts.items():
        _put(op, state, name, _State(_ENVELOPE[part], None))
        losses.append(Note(state.named(name), f"every value but the envelope's {part}"))
    return Effect(
        op=_told(op),
        up=tuple(steps.Take(name, part) for name, part in op.parts.items()),
        down=tuple(steps.Remove(name) for name in op.parts),
        down_losses=tuple(losses),
    )


def _custom(op: Custom, state: _Object, _: str) -> Effect:
    functions = op.functions
    state.is_opaque = True
    state.touched.update(state.fields)
    unknown = (Note(state.path or "all fields", UNPROVEN),)
    return Effect(
        op=_told(op),
        up=(steps.Call(functions.up),),
        down=(steps.Call(functions.down),) if functions.down else None,
        up_losses=unknown,
        down_losses=unknown,
        up_refusals=unknown,
        down_refusals=unknown,
    )


_OPS: Mapping[type, Callable[..., Effect]] = {
    Rename: _rename,
    Add: _add,
    Drop: _drop,
    Convert: _convert,
    MapEnum: _map_enum,
    Split: _split,
    Merge: _merge,
    Nest: _nest,
    Hoist: _hoist,
    Wrap: _wrap,
    Head: _head,
    In: _in,
    Each: _each,
    Format: _format,
    Compute: _compute,
    FromEnvelope: _from_envelope,
    Custom: _custom,
}


# Objects inside


def _objects(
    op: Op, state: _Object, name: str, one: _State
) -> tuple[ObjectShape, ObjectShape | None]:
    up, _ = _inner(one.up)
    down, _ = _inner(one.down)
    if not isinstance(up, ObjectShape):
        raise _unsuited(op, state, name, one.up, "an object")
    if _recurs(up):
        message = f'"{state.named(name)}" contains itself, and ops go down one level only'
        raise _fail(state, _where(op, name), "HW803", message, "write a custom op")
    return up, down if isinstance(down, ObjectShape) else None


def _recurs(shape: Shape) -> bool:
    match shape:
        case RecursiveShape():
            return True
        case ListShape(item=item) | MapShape(item=item) | NullableShape(item=item):
            return _recurs(item)
        case ObjectShape(fields=fields):
            return any(_recurs(one.shape) for one in fields.values())
        case UnionShape(members=members):
            return any(_recurs(one) for one in members.values())
        case _:
            return False


def _below(
    op: In | Each, state: _Object, name: str, up: ObjectShape, accepts: ObjectShape | None
) -> tuple[_Object, ObjectShape, ObjectShape | None]:
    """Apply ops to an object inside: what it was, what came up, and what may go down."""
    there = state.newer.fields.get(name) if state.newer else None
    newer, _ = _inner(there.shape) if there else (None, False)
    if isinstance(newer, ListShape):
        newer = newer.item
    inner = _Object(
        {
            key: _State(
                one.shape,
                accepts.fields[key].shape if accepts and key in accepts.fields else None,
            )
            for key, one in up.fields.items()
        },
        newer if isinstance(newer, ObjectShape) else None,
        state.tell,
        path=state.named(name),
    )
    _apply_all(op.inner.do, inner, f'"{state.named(name)}"')
    if inner.failed:
        raise _Stop
    if inner.is_opaque:
        place = next(one.node for one in op.inner.do if isinstance(one, Custom))
        raise _fail(
            state, place, "HW803", "custom takes the whole event", "write it beside, not inside"
        )
    made = ObjectShape({key: FieldShape(one.up) for key, one in inner.fields.items()})
    # What goes down loses the fields that came to be: they may be anything.
    below = ObjectShape(
        {key: FieldShape(one.down or ScalarShape("json")) for key, one in inner.fields.items()}
    )
    return inner, made, None if accepts is None else below


def _wrapped(
    op: Op, inner: _Object, step: Callable[[tuple[steps.Step, ...]], steps.Step]
) -> Effect:
    up = tuple(one for effect in inner.effects for one in effect.up)
    ways = [effect.down for effect in reversed(inner.effects)]
    down: tuple[steps.Step, ...] | None = None
    if None not in ways:
        down = (step(tuple(one for way in ways for one in way or ())),)
    return Effect(
        op=_told(op),
        up=(step(up),),
        down=down,
        up_losses=tuple(one for effect in inner.effects for one in effect.up_losses),
        down_losses=tuple(one for effect in inner.effects for one in effect.down_losses),
        up_refusals=tuple(one for effect in inner.effects for one in effect.up_refusals),
        down_refusals=tuple(one for effect in inner.effects for one in effect.down_refusals),
    )


def _joined(op: Op, effects: list[Effect]) -> Effect:
    return Effect(
        op=_told(op),
        up=tuple(one for effect in effects for one in effect.up),
        down=tuple(one for effect in effects for one in effect.down or ()),
        up_losses=tuple(one for effect in effects for one in effect.up_losses),
        down_losses=tuple(one for effect in effects for one in effect.down_losses),
        up_refusals=tuple(one for effect in effects for one in effect.up_refusals),
        down_refusals=tuple(one for effect in effects for one in effect.down_refusals),
    )


# The end


def _is_met(
    state: _Object,
    older: tuple[int, ObjectShape],
    newer: tuple[int, ObjectShape],
    places: tuple[Place, Mapping[str, Place]],
) -> bool:
    """Tell where what came up is not the newer version; return whether it is everywhere."""
    met = True
    upcast, fields = places
    left = [name for name in state.fields if name not in newer[1].fields]
    missing = [name for name in newer[1].fields if name not in state.fields]
    hop = f"from version {older[0]} to {newer[0]}"
    guessed: set[str] = set()
    for name in missing:
        met = False
        room = newer[1].fields[name]
        twins = [
            one
            for one in left
            if one not in guessed and not misfit(state.fields[one].up, room.shape)
        ]
        if twins:
            twin = max(twins, key=lambda one: SequenceMatcher(a=one, b=name).ratio())
            guessed.add(twin)
            hint = f"- rename: {{{twin}: {name}}}   # a guess, by name and type"
        else:
            value = sample(room.shape, name) if isinstance(room.default, Unset) else room.default
            hint = f"- add: {{{name}: {_json(value)}}}"
        message = f'no op {hop} makes the field "{name}"'
        state.tell(fields.get(name, upcast), "HW805", message, f"such as {hint}")
    if not missing:
        for name in left:
            met = False
            message = f'version {newer[0]} has no field "{name}", and no op {hop} takes it'
            state.tell(upcast, "HW806", message, f"such as - drop: [{name}]")
    for name, one in state.fields.items():
        room_of = newer[1].fields.get(name)
        if room_of is None:
            continue
        if why := _misfit(one, room_of.shape):
            met = False
            place = fields.get(name, upcast)
            state.tell(
                place, "HW807", f'"{name}" does not fit {hop}: {why}', _way(name, one, room_of)
            )
    return met


def _misfit(one: _State, room: Shape) -> str | None:
    if not isinstance(one.constant, Unset):
        return fault(one.constant, room)
    inner, _ = _inner(room)
    if one.text is not None and isinstance(inner, ScalarShape) and inner.type in _TEXTS:
        if inner.constraints:
            return misfit(one.up, replace(inner, type="string"))
        return fault(one.text, inner)
    return misfit(one.up, room)


def _way(name: str, one: _State, room: FieldShape) -> str:
    if pair := _pair(one.up, room.shape):
        return f"such as - convert: {{{name}: {pair}}}"
    mine, _ = _inner(one.up)
    other, _ = _inner(room.shape)
    match mine, other:
        case EnumShape(values=olds), EnumShape(values=news):
            lost = (
                next(value for value in olds if value not in news) if set(olds) - set(news) else ""
            )
            if lost:
                return f"such as - map_enum: {{field: {name}, values: {{{lost}: {news[0]}}}}}"
        case ObjectShape(), ObjectShape():
            return f"change what is inside: - in: {{field: {name}, do: [...]}}"
        case ListShape(item=ObjectShape()), ListShape(item=ObjectShape()):
            return f"change what is inside: - each: {{field: {name}, do: [...]}}"
        case ListShape(), _ if not isinstance(other, ListShape):
            return f"such as - head: {{field: {name}}}"
        case _, ListShape() if not isinstance(mine, ListShape):
            return f"such as - wrap: {{field: {name}}}"
        case _:
            pass
    return ""


def _look_down(
    state: _Object, newer: ObjectShape, obstacles: list[Note], refusals: list[Note]
) -> None:
    """Note which values of the newer version do not go down."""
    for name, one in state.fields.items():
        if one.down is None:
            continue
        shape = newer.fields[name].shape
        if why := misfit(shape, one.down):
            (refusals if one.has_table and _is_enum(shape) else obstacles).append(Note(name, why))


def _is_enum(shape: Shape) -> bool:
    return isinstance(_inner(shape)[0], EnumShape)


# Words


def _pair(have: Shape, need: Shape) -> str:
    mine, _ = _inner(have)
    other, _ = _inner(need)
    if not isinstance(mine, ScalarShape) or not isinstance(other, ScalarShape):
        return ""
    return next(
        (
            one.name
            for one in CONVERSIONS.values()
            if (one.source, one.target) == (mine.type, other.type)
        ),
        "",
    )


def _pairs_from(shape: Shape | None) -> list[str]:
    if not isinstance(shape, ScalarShape):
        return []
    return [one.name for one in CONVERSIONS.values() if one.source == shape.type]


def _article(word: str) -> str:
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def _notes(name: str, what: str) -> tuple[Note, ...]:
    return (Note(name, what),) if what else ()


def _json(value: JSON) -> str:
    return json.dumps(value, ensure_ascii=False)


def _shape_of(value: JSON) -> Shape:
    match value:
        case bool():
            return ScalarShape("bool")
        case int():
            return ScalarShape("int")
        case float():
            return ScalarShape("float")
        case str():
            return ScalarShape("string")
        case None:
            return NullableShape(ScalarShape("json"))
        case _:
            return ScalarShape("json")
