"""Ops that take texts apart and put them together: `split` and `merge`."""

from __future__ import annotations

from collections.abc import Sequence

from ...grammar.ops import Merge, Op, Parting, Split
from .. import steps
from ..effects import Effect, Note
from ..fitting import misfit
from ..shapes import LiteralShape, ScalarShape, Shape, present
from .pairs import pair_between
from .states import FieldState, ObjectState, bounded, fail, put, removed, take, unsuited
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
    up = (steps.Split(parting.source, parting.into, parting.sep),)
    if one.is_made:
        for name, made in zip(parting.into, _parts(one.up, parting), strict=True):
            put(op, state, name, FieldState(made, None))
        return Effect(op=told(op), up=up, down=removed(parting.into, [parting.source]))
    for name in parting.into:
        put(op, state, name, FieldState(ScalarShape("string"), ScalarShape("string")))
    where = state.named(parting.source)
    firsts = ", ".join(map(state.named, parting.into[:-1]))
    return Effect(
        op=told(op),
        up=up,
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
    up = (steps.Join(joining.sources, joining.into, joining.sep),)
    if all(one.is_made for one in taken):
        put(op, state, joining.into, FieldState(_whole(taken, joining.sep), None))
        return Effect(op=told(op), up=up, down=removed([joining.into], joining.sources))
    put(op, state, joining.into, FieldState(ScalarShape("string"), ScalarShape("string")))
    firsts = ", ".join(map(state.named, joining.sources[:-1]))
    refusals = [
        note
        for name, one in zip(joining.sources, taken, strict=True)
        for note in bounded(one, state.named(name))
    ]
    return Effect(
        op=told(op),
        up=up,
        down=(steps.Split(joining.into, joining.sources, joining.sep),),
        up_losses=(Note(firsts, f"where it contains {as_json(joining.sep)}"),),
        down_losses=(Note(state.named(joining.into), f"{as_json(joining.sep)} at its end"),),
        down_refusals=tuple(refusals),
    )


def _parts(text: Shape, parting: Parting) -> list[Shape]:
    """Return what each part of a text is."""
    if not isinstance(text, LiteralShape):
        return [ScalarShape("string")] * len(parting.into)
    rows = [steps.parted(str(one), parting.sep, len(parting.into)) for one in text.values]
    return [LiteralShape(column) for column in zip(*rows, strict=True)]


def _whole(parts: Sequence[FieldState], sep: str) -> Shape:
    """Return what is made of texts."""
    texts: list[str] = []
    for one in parts:
        match one.up:
            case LiteralShape(values=(str(text),)):
                texts.append(text)
            case _:
                return ScalarShape("string")
    return LiteralShape((steps.joined(texts, sep),))


def _check_text(op: Op, state: ObjectState, name: str, one: FieldState) -> None:
    if present(one.up)[1]:
        hint = "a field that may be null cannot be taken apart; write a custom op"
        raise unsuited(op, state, name, one.up, "a text that is never null", hint)
    is_literal = isinstance(one.up, LiteralShape) and not misfit(one.up, ScalarShape("string"))
    if not is_literal and not (isinstance(one.up, ScalarShape) and one.up.type == "string"):
        pair = pair_between(one.up, ScalarShape("string"))
        hint = f"convert it first: - convert: {{{name}: {pair}}}" if pair else ""
        raise unsuited(op, state, name, one.up, "a text", hint)
