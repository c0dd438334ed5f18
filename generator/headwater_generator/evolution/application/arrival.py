"""Whether what the ops made is the newer version, and which of its values do not go down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from difflib import SequenceMatcher

from ...grammar import Unset
from ...load import Place
from ..effects import Note
from ..fitting import misfit
from ..shapes import EnumShape, FieldShape, ListShape, ObjectShape, ScalarShape, Shape, present
from ..values import fault, sample
from .pairs import pair_between
from .states import FieldState, ObjectState
from .wording import as_json

__all__ = ["is_met", "look_down"]

_TEXTS = frozenset({"string", "email", "uri"})


def is_met(
    state: ObjectState,
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
            hint = f"- add: {{{name}: {as_json(value)}}}"
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


def _misfit(one: FieldState, room: Shape) -> str | None:
    inner, _ = present(room)
    if one.text is not None and isinstance(inner, ScalarShape) and inner.type in _TEXTS:
        if inner.constraints:
            return misfit(one.up, replace(inner, type="string"))
        return fault(one.text, inner)
    return misfit(one.up, room)


def _way(name: str, one: FieldState, room: FieldShape) -> str:
    if pair := pair_between(one.up, room.shape):
        return f"such as - convert: {{{name}: {pair}}}"
    mine, _ = present(one.up)
    other, _ = present(room.shape)
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


def look_down(
    state: ObjectState, newer: ObjectShape, obstacles: list[Note], refusals: list[Note]
) -> None:
    """Note which values of the newer version do not go down."""
    for name, one in state.fields.items():
        if one.down is None:
            continue
        shape = newer.fields[name].shape
        if why := misfit(shape, one.down):
            (refusals if one.has_table and _is_enum(shape) else obstacles).append(Note(name, why))


def _is_enum(shape: Shape) -> bool:
    return isinstance(present(shape)[0], EnumShape)
