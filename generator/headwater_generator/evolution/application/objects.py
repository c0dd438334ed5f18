"""Ops that make objects of fields and fields of objects: `nest` and `hoist`."""

from __future__ import annotations

from ...grammar.ops import Hoist, Nest, Op
from ...names import nearest
from .. import steps
from ..effects import Effect
from ..shapes import (
    FieldShape,
    ListShape,
    MapShape,
    NullableShape,
    ObjectShape,
    RecursiveShape,
    Shape,
    UnionShape,
    present,
)
from .states import FieldState, ObjectState, accepted, accepting, fail, put, removed, take, unsuited
from .wording import told, where_in

__all__ = ["hoist", "nest", "objects_at"]


def nest(op: Nest, state: ObjectState, whose: str) -> Effect:
    """Make an object of fields."""
    nesting = op.nesting
    taken = {name: take(op, state, name, whose) for name in nesting.sources}
    up = ObjectShape({name: FieldShape(one.up) for name, one in taken.items()})
    if all(one.is_made for one in taken.values()):
        put(op, state, nesting.into, FieldState(up, None))
        return Effect(
            op=told(op),
            up=(steps.Group(nesting.sources, nesting.into),),
            down=removed([nesting.into], nesting.sources),
        )
    accepts = ObjectShape({name: accepting(one) for name, one in taken.items()})
    put(op, state, nesting.into, FieldState(up, accepts))
    return Effect(
        op=told(op),
        up=(steps.Group(nesting.sources, nesting.into),),
        down=(steps.Ungroup(nesting.into, nesting.sources),),
    )


def hoist(op: Hoist, state: ObjectState, whose: str) -> Effect:
    """Make fields of all that is in an object."""
    source, names = op.hoisting.source, op.hoisting.fields
    one = take(op, state, source, whose)
    up, accepts = objects_at(op, state, source, one)
    if present(one.up)[1]:
        hint = "its fields would be missing then; write a custom op"
        raise unsuited(op, state, source, one.up, "an object that is never null", hint)
    for name in names:
        if name not in up.fields:
            better = nearest(name, up.fields)
            hint = f'did you mean "{better}"?' if better else f"it has {', '.join(up.fields)}"
            message = f'"{state.named(source)}" has no field "{name}"'
            raise fail(state, where_in(op, name), "HW802", message, hint)
    if left := [name for name in up.fields if name not in names]:
        message = f'"{left[0]}" of "{state.named(source)}" would be lost'
        hint = f"name it too, or drop it before: - in: {{field: {source}, do: [drop: [{left[0]}]]}}"
        raise fail(state, op.node, "HW803", message, hint)
    for name in names:
        put(op, state, name, FieldState(up.fields[name].shape, accepted(accepts, name)))
    return Effect(
        op=told(op),
        up=(steps.Ungroup(source, names),),
        down=removed(names, [source]) if one.is_made else (steps.Group(names, source),),
    )


def objects_at(
    op: Op, state: ObjectState, name: str, one: FieldState
) -> tuple[ObjectShape, ObjectShape | None]:
    """Return the object in a field, as it came up and as it may go down; tell if it is none."""
    up, _ = present(one.up)
    down, _ = present(one.down)
    if not isinstance(up, ObjectShape):
        raise unsuited(op, state, name, one.up, "an object")
    if _recurs(up):
        message = f'"{state.named(name)}" contains itself, and ops go down one level only'
        raise fail(state, where_in(op, name), "HW803", message, "write a custom op")
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
