"""Hops that follow each other, as one expression for each field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..shapes import ObjectShape
from .nodes import Expression, Source
from .values import State, fields_of
from .walk import Hop, Walk

__all__ = ["fuse"]


def fuse(hops: Sequence[Hop], *, down: bool = False) -> Mapping[str, Expression]:
    """Return an expression for each field of the last version, in its order.

    The hops follow each other, oldest first; going down they are gone from the last to the first.
    """
    first, last = (hops[-1].newer, hops[0].older) if down else (hops[0].older, hops[-1].newer)
    state = dict(fields_of(first, Source()))
    for hop in reversed(hops) if down else hops:
        state = _down(hop, state) if down else _up(hop, state)
    return {name: state[name].expression for name in last.fields}


def _up(hop: Hop, state: State) -> State:
    walk = Walk(hop.version, down=False)
    for op in hop.ops:
        state = walk.up(op, state, hop.newer)
    return _as_declared(state, hop.newer)


def _down(hop: Hop, state: State) -> State:
    walk = Walk(hop.version, down=True)
    state = walk.all_down(hop.ops, dict(fields_of(hop.older, Source())), state, hop)
    return _as_declared(state, hop.older)


def _as_declared(state: State, shape: ObjectShape) -> State:
    """Take on the shapes that the version declares: what became wider is so from here on."""
    return {
        name: replace(state[name], shape=one.shape)
        for name, one in shape.fields.items()
        if name in state
    }
