"""Ops on whole fields: `rename`, `add` and `drop`."""

from __future__ import annotations

from ...grammar import Unset
from ...grammar.ops import Add, Drop, Rename
from .. import steps
from ..effects import Effect, Note
from ..shapes import LiteralShape, NullableShape
from ..values import fault
from .states import FieldState, ObjectState, fail, put, take
from .wording import as_json, told, where_in

__all__ = ["add", "drop", "rename"]


def rename(op: Rename, state: ObjectState, whose: str) -> Effect:
    """Give fields other names, all at once."""
    taken = {new: take(op, state, old, whose) for old, new in op.names.items()}
    if len(taken) < len(op.names):
        new = next(n for n in taken if list(op.names.values()).count(n) > 1)
        raise fail(state, where_in(op, new), "HW804", f'two fields would be "{state.named(new)}"')
    for new, one in taken.items():
        put(op, state, new, one)
    pairs = tuple(op.names.items())
    back = tuple((new, old) for old, new in pairs)
    return Effect(op=told(op), up=(steps.Move(pairs),), down=(steps.Move(back),))


def add(op: Add, state: ObjectState, _: str) -> Effect:
    """Make fields that always have the same value; going down they go."""
    losses: list[Note] = []
    for name, value in op.values.items():
        put(op, state, name, FieldState(LiteralShape((value,)), None))
        losses.append(Note(state.named(name), f"every value but {as_json(value)}"))
    return Effect(
        op=told(op),
        up=tuple(steps.Put(name, value) for name, value in op.values.items()),
        down=tuple(steps.Remove(name) for name in op.values),
        down_losses=tuple(losses),
    )


def drop(op: Drop, state: ObjectState, whose: str) -> Effect:
    """Take fields out; going down they get the value to restore, if there is one."""
    down: list[steps.Step] = []
    losses: list[Note] = []
    is_way = True
    for name, given in op.restored.items():
        one = take(op, state, name, whose)
        value = given
        if isinstance(value, Unset) and (one.down is None or isinstance(one.down, NullableShape)):
            value = None
        if isinstance(value, Unset):
            is_way = False
            losses.append(Note(state.named(name), "its value; no value is given to restore"))
            continue
        if one.down is not None and (why := fault(value, one.down)):
            message = f'"{state.named(name)}" cannot be restored so: {why}'
            raise fail(state, where_in(op, name), "HW803", message)
        down.append(steps.Put(name, value))
        if not one.is_made:
            losses.append(Note(state.named(name), f"its value, which becomes {as_json(value)}"))
    return Effect(
        op=told(op),
        up=tuple(steps.Remove(name) for name in op.restored),
        down=tuple(down) if is_way else None,
        up_losses=tuple(losses),
    )
