"""Which shapes' values are values of other shapes: what "wider" means."""

from __future__ import annotations

import json
from collections.abc import Iterator

from ..grammar import JSON
from .shapes import (
    Constraints,
    EnumShape,
    ListShape,
    LiteralShape,
    MapShape,
    NullableShape,
    ObjectShape,
    RecursiveShape,
    ScalarShape,
    Shape,
    UnionShape,
    show_shape,
)
from .values import fault

__all__ = ["misfit", "same"]


def same(one: Shape, other: Shape) -> bool:
    """Tell whether two shapes take just the same values."""
    return misfit(one, other) is None and misfit(other, one) is None


def misfit(values: Shape, place: Shape) -> str | None:
    """Return why a value of one shape may not be one of another; None if it always is.

    This is the only meaning of "wider": a new enum value, `T | null` for `T`, a float for an int, a
    looser constraint, an optional field more in an object, at any depth.
    """
    match values, place:
        case LiteralShape(values=literals), _:
            return next((why for one in literals if (why := fault(one, place))), None)
        case NullableShape(item=item), NullableShape(item=room):
            return misfit(item, room)
        case NullableShape(), _:
            return f"it may be null, and {show_shape(place)} may not"
        case _, NullableShape(item=room):
            return misfit(values, room)
        case _, ScalarShape(type="json", constraints=constraints) if not constraints:
            return None
        case ScalarShape(type=have), ScalarShape(type=need):
            if have != need and (have, need) != ("int", "float"):
                return f"{have} is not {need}"
            return _tighter(values.constraints, place.constraints)
        case EnumShape(values=have_values), EnumShape(values=need_values):
            lost = [value for value in have_values if value not in need_values]
            return f"{_quoted(lost)} is no value of {show_shape(place)}" if lost else None
        case ListShape(item=item), ListShape(item=room):
            return misfit(item, room) or _tighter(values.constraints, place.constraints)
        case MapShape(item=item), MapShape(item=room):
            return misfit(item, room) or _tighter(values.constraints, place.constraints)
        case ObjectShape(), UnionShape() | MapShape() if (made := _literals(values)) is not None:
            return fault(made, place)
        case ObjectShape(), ObjectShape():
            return next(_object_misfits(values, place), None)
        case UnionShape(tag=tag, members=members), UnionShape():
            if tag != place.tag:
                return f"it is tagged {tag}, and {show_shape(place)} {place.tag}"
            for name, member in members.items():
                room_of = place.members.get(name)
                if room_of is None:
                    return f"{name} is no member of {show_shape(place)}"
                if fault_of := misfit(member, room_of):
                    return f"{name}: {fault_of}"
            return None
        case RecursiveShape(up=have_up), RecursiveShape(up=need_up):
            return None if have_up == need_up else f"{values.name} is not {place.name}"
        case _:
            return f"{show_shape(values)} is not {show_shape(place)}"


def _literals(shape: ObjectShape) -> dict[str, JSON] | None:
    """Return the object that a shape is, where it is always the same."""
    made: dict[str, JSON] = {}
    for name, one in shape.fields.items():
        match one.shape:
            case LiteralShape(values=(value,)):
                made[name] = value
            case ObjectShape() as inner if (below := _literals(inner)) is not None:
                made[name] = below
            case _:
                return None
    return made


def _object_misfits(values: ObjectShape, place: ObjectShape) -> Iterator[str]:
    for name, room in place.fields.items():
        one = values.fields.get(name)
        if one is None:
            if room.is_required:
                yield f'it has no "{name}"'
        elif why := misfit(one.shape, room.shape):
            yield f"{name}: {why}"
    for name in values.fields:
        if name not in place.fields:
            yield f'{show_shape(place)} has no "{name}"'


def _tighter(have: Constraints, need: Constraints) -> str | None:
    """Return which constraint of `need` a value that meets `have` may not meet."""
    for name, limit in need.items():
        if not _implied(name, limit, have):
            return f"{name}: {json.dumps(limit)} is tighter"
    return None


def _implied(name: str, limit: JSON, have: Constraints) -> bool:
    if have.get(name) == limit:
        return True
    if name == "uniqueItems":
        return limit is not True
    if not isinstance(limit, int | float):
        return False
    low = name in {"minimum", "exclusiveMinimum"} or name.startswith("min")
    if name == "multipleOf":
        mine = have.get(name)
        return isinstance(mine, int | float) and mine % limit == 0
    if name in {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}:
        inclusive, exclusive = (
            ("minimum", "exclusiveMinimum")
            if low
            else (
                "maximum",
                "exclusiveMaximum",
            )
        )
        for other in (inclusive, exclusive):
            mine = have.get(other)
            if not isinstance(mine, int | float):
                continue
            beyond = mine > limit if low else mine < limit
            strict = name.startswith("exclusive") and other == inclusive
            if beyond or (mine == limit and not strict):
                return True
        return False
    mine = have.get(name)
    if not isinstance(mine, int | float):
        return low and limit <= 0
    return mine >= limit if low else mine <= limit


def _quoted(values: list[str]) -> str:
    return ", ".join(f'"{value}"' for value in values)
