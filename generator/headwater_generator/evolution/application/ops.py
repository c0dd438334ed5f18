"""What each op makes of a shape. `in` and `each` stand here, because they lead back to all ops."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from ...grammar.ops import (
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
)
from .. import steps
from ..effects import Effect
from ..shapes import FieldShape, ListShape, ObjectShape, Shape, present
from . import derived, fields, functions, lists, objects, scalars, texts
from .objects import objects_at
from .states import (
    FieldState,
    ObjectState,
    Stop,
    accepted,
    accepting,
    as_nullable,
    fail,
    put,
    take,
    unsuited,
)
from .wording import told

__all__ = ["apply_all"]


def apply_all(ops: tuple[Op, ...], state: ObjectState, whose: str) -> None:
    """Apply ops one after the other; stop at the first that is told to be wrong.

    `whose` is what has the fields, in messages: `version 1`, or `"address"`.
    """
    for number, op in enumerate(ops):
        if isinstance(op, Custom) and number < len(ops) - 1:
            state.tell(op.node, "HW803", "custom is the last op: what it makes is not known", "")
            state.failed = True
        try:
            state.effects.append(_OPS[type(op)](op, state, whose))
        except Stop:
            state.failed = True
            return  # what follows would be wrong for this reason


def _in(op: In, state: ObjectState, whose: str) -> Effect:
    name = op.inner.name
    one = take(op, state, name, whose)
    up, accepts = objects_at(op, state, name, one)
    inner, made, below = _below(op, state, name, up, accepts)
    _, nullable = present(one.up)
    _, takes_null = present(one.down)
    put(
        op,
        state,
        name,
        FieldState(
            as_nullable(made, nullable=nullable), below and as_nullable(below, nullable=takes_null)
        ),
    )
    return _wrapped(op, one, inner, lambda found: steps.Within(name, found))


def _each(op: Each, state: ObjectState, whose: str) -> Effect:
    name = op.inner.name
    one = take(op, state, name, whose)
    items, nullable = present(one.up)
    below_items, takes_null = present(one.down)
    of_items, may_be_null = present(items.item if isinstance(items, ListShape) else None)
    if not isinstance(items, ListShape) or not isinstance(of_items, ObjectShape) or may_be_null:
        raise unsuited(op, state, name, one.up, "a list of objects")
    item = FieldState(of_items, below_items.item if isinstance(below_items, ListShape) else None)
    up, accepts = objects_at(op, state, name, item)
    inner, made, below = _below(op, state, name, up, accepts)
    accepted: Shape | None = None
    if below is not None and isinstance(below_items, ListShape):
        accepted = as_nullable(replace(below_items, item=below), nullable=takes_null)
    put(
        op,
        state,
        name,
        FieldState(as_nullable(replace(items, item=made), nullable=nullable), accepted),
    )
    return _wrapped(op, one, inner, lambda found: steps.Each(name, found))


def _below(
    op: In | Each, state: ObjectState, name: str, up: ObjectShape, accepts: ObjectShape | None
) -> tuple[ObjectState, ObjectShape, ObjectShape | None]:
    """Apply ops to an object inside: what it was, what came up, and what may go down."""
    there = state.newer.fields.get(name) if state.newer else None
    newer, _ = present(there.shape) if there else (None, False)
    if isinstance(newer, ListShape):
        newer = newer.item
    inner = ObjectState(
        {key: FieldState(one.shape, accepted(accepts, key)) for key, one in up.fields.items()},
        newer if isinstance(newer, ObjectShape) else None,
        state.tell,
        path=state.named(name),
    )
    apply_all(op.inner.do, inner, f'"{state.named(name)}"')
    if inner.failed:
        raise Stop
    if inner.is_opaque:
        place = next(one.node for one in op.inner.do if isinstance(one, Custom))
        raise fail(
            state, place, "HW803", "custom takes the whole event", "write it beside, not inside"
        )
    made = ObjectShape({key: FieldShape(one.up) for key, one in inner.fields.items()})
    # What goes down loses the fields that came to be: they may be anything.
    below = ObjectShape({key: accepting(one) for key, one in inner.fields.items()})
    return inner, made, None if accepts is None else below


def _wrapped(
    op: Op,
    around: FieldState,
    inner: ObjectState,
    step: Callable[[tuple[steps.Step, ...]], steps.Step],
) -> Effect:
    up = tuple(one for effect in inner.effects for one in effect.up)
    up_refusals = tuple(one for effect in inner.effects for one in effect.up_refusals)
    if around.is_made:
        return Effect(op=told(op), up=(step(up),), down=(), up_refusals=up_refusals)
    ways = [effect.down for effect in reversed(inner.effects)]
    down: tuple[steps.Step, ...] | None = None
    if None not in ways:
        down = (step(tuple(one for way in ways for one in way or ())),)
    return Effect(
        op=told(op),
        up=(step(up),),
        down=down,
        up_losses=tuple(one for effect in inner.effects for one in effect.up_losses),
        down_losses=tuple(one for effect in inner.effects for one in effect.down_losses),
        up_refusals=up_refusals,
        down_refusals=tuple(one for effect in inner.effects for one in effect.down_refusals),
    )


_OPS: Mapping[type, Callable[..., Effect]] = {
    Rename: fields.rename,
    Add: fields.add,
    Drop: fields.drop,
    Convert: scalars.convert,
    MapEnum: scalars.map_enum,
    Split: texts.split,
    Merge: texts.merge,
    Nest: objects.nest,
    Hoist: objects.hoist,
    Wrap: lists.wrap,
    Head: lists.head,
    In: _in,
    Each: _each,
    Format: derived.format_text,
    Compute: derived.compute,
    FromEnvelope: derived.from_envelope,
    Custom: functions.custom,
}
