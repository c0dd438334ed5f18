"""From the ops between two versions to the hop: what it does, either way."""

from __future__ import annotations

from collections.abc import Mapping

from ...grammar import Unset
from ...grammar.ops import Op
from ...load import Place
from .. import steps
from ..effects import Hop, Note
from ..shapes import ObjectShape
from .arrival import is_met, look_down
from .ops import apply_all
from .states import FieldState, ObjectState, Tell

__all__ = ["apply"]


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
    state = ObjectState(
        {name: FieldState(one.shape, one.shape) for name, one in older[1].fields.items()},
        newer[1],
        tell,
    )
    apply_all(ops, state, f"version {older[0]}")
    if state.failed:
        return None
    obstacles: list[Note] = []
    refusals: list[Note] = []
    if not state.is_opaque:
        if not is_met(state, older, newer, places):
            return None
        look_down(state, newer[1], obstacles, refusals)
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
