"""Ops that take texts apart and put them together: `split` and `merge`."""

from __future__ import annotations

from ...grammar.ops import Merge, Op, Split
from .. import steps
from ..effects import Effect, Note
from ..shapes import NullableShape, ScalarShape
from .pairs import pair_between
from .states import FieldState, ObjectState, bounded, fail, put, take, unsuited
from .wording import as_json, told, where_in

__all__ = ["merge", "split"]


def split(op: Split, state: ObjectState, whose: str) -> Effect:
    """Take a text apart at the first separators."""
    parting = op.parting
    one = take(op, state, parting.source, whose)
    _check_text(op, state, parting.source, one)
    if len(parting.into) < 2:
        raise fail(
            state,
            where_in(op, parting.into[0]),
            "HW810",
            "a split needs two fields at least",
            "to give a field another name, rename it",
        )
    for name in parting.into:
        put(op, state, name, FieldState(ScalarShape("string"), ScalarShape("string")))
    where = state.named(parting.source)
    firsts = ", ".join(map(state.named, parting.into[:-1]))
    return Effect(
        op=told(op),
        up=(steps.Split(parting.source, parting.into, parting.sep),),
        down=(steps.Join(parting.into, parting.source, parting.sep),),
        up_losses=(Note(where, f"{as_json(parting.sep)} at its end"),),
        down_losses=(Note(firsts, f"where it contains {as_json(parting.sep)}"),),
        down_refusals=bounded(one, where),
    )


def merge(op: Merge, state: ObjectState, whose: str) -> Effect:
    """Put texts together, with separators between them."""
    joining = op.joining
    taken = [take(op, state, name, whose) for name in joining.sources]
    for name, one in zip(joining.sources, taken, strict=True):
        _check_text(op, state, name, one)
    if len(joining.sources) < 2:
        raise fail(
            state,
            where_in(op, joining.sources[0]),
            "HW810",
            "a merge needs two fields at least",
            "to give a field another name, rename it",
        )
    put(op, state, joining.into, FieldState(ScalarShape("string"), ScalarShape("string")))
    firsts = ", ".join(map(state.named, joining.sources[:-1]))
    refusals = [
        note
        for name, one in zip(joining.sources, taken, strict=True)
        for note in bounded(one, state.named(name))
    ]
    return Effect(
        op=told(op),
        up=(steps.Join(joining.sources, joining.into, joining.sep),),
        down=(steps.Split(joining.into, joining.sources, joining.sep),),
        up_losses=(Note(firsts, f"where it contains {as_json(joining.sep)}"),),
        down_losses=(Note(state.named(joining.into), f"{as_json(joining.sep)} at its end"),),
        down_refusals=tuple(refusals),
    )


def _check_text(op: Op, state: ObjectState, name: str, one: FieldState) -> None:
    if isinstance(one.up, NullableShape):
        hint = "a field that may be null cannot be taken apart; write a custom op"
        raise unsuited(op, state, name, one.up, "a text that is never null", hint)
    if not (isinstance(one.up, ScalarShape) and one.up.type == "string"):
        pair = pair_between(one.up, ScalarShape("string"))
        hint = f"convert it first: - convert: {{{name}: {pair}}}" if pair else ""
        raise unsuited(op, state, name, one.up, "a text", hint)
