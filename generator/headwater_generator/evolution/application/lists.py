"""Ops that make a list of a value and a value of a list: `wrap` and `head`."""

from __future__ import annotations

from ...grammar.ops import Head, Wrap
from .. import steps
from ..effects import Effect, Note
from ..shapes import ListShape, NullableShape, Shape, present
from .states import FieldState, ObjectState, as_nullable, put, take, unsuited
from .wording import told

__all__ = ["head", "wrap"]


def wrap(op: Wrap, state: ObjectState, whose: str) -> Effect:
    """Make a list of a value alone."""
    name = op.one.name
    one = take(op, state, name, whose)
    shape, _ = present(one.up)
    below, takes_null = present(one.down)
    made = ListShape(shape or one.up)
    put(op, state, name, FieldState(made, ListShape(below) if below else None))
    if one.is_made:
        return Effect(op=told(op), up=(steps.Wrap(name),), down=())
    where = state.named(name)
    return Effect(
        op=told(op),
        up=(steps.Wrap(name),),
        down=(steps.First(name, takes_null),),
        down_losses=(Note(where, "all items but the first"),),
        down_refusals=() if takes_null else (Note(where, "an empty list"),),
    )


def head(op: Head, state: ObjectState, whose: str) -> Effect:
    """Make the first item of a list."""
    name = op.one.name
    one = take(op, state, name, whose)
    (shape, is_nullable), below = present(one.up), one.down
    if not isinstance(shape, ListShape) or is_nullable or present(shape.item)[1]:
        raise unsuited(op, state, name, one.up, "a list of what is never null")
    least = shape.constraints.get("minItems")
    is_full = isinstance(least, int) and least > 0
    there = state.newer.fields.get(name) if state.newer else None
    nullable = there is not None and isinstance(there.shape, NullableShape)
    made = as_nullable(shape.item, nullable=nullable and not is_full)
    up = (steps.First(name, nullable),)
    refused = () if nullable or is_full else (Note(state.named(name), "an empty list"),)
    if one.is_made:
        put(op, state, name, FieldState(made, None))
        return Effect(op=told(op), up=up, down=(), up_refusals=refused)
    accepts: Shape | None = None
    is_way = True
    lost = "all items but the first"
    where = state.named(name)
    if isinstance(below, ListShape):
        fewest = below.constraints.get("minItems")
        accepts = as_nullable(below.item, nullable=not fewest)
        if isinstance(fewest, int) and fewest > 1:
            is_way = False
            lost += f", and a list of one is too short: it has {fewest} at least"
    put(op, state, name, FieldState(made, accepts))
    return Effect(
        op=told(op),
        up=up,
        down=(steps.Wrap(name),) if is_way else None,
        up_losses=(Note(where, lost),),
        up_refusals=refused,
    )
