"""Which named conversions there are between shapes."""

from __future__ import annotations

from headwater.schema.conversions import CONVERSIONS

from ..shapes import ScalarShape, Shape, present

__all__ = ["pair_between", "pairs_from"]


def pair_between(have: Shape, need: Shape) -> str:
    """Return the conversion between two shapes, null aside; "" if there is none."""
    mine, _ = present(have)
    other, _ = present(need)
    if not isinstance(mine, ScalarShape) or not isinstance(other, ScalarShape):
        return ""
    return next(
        (
            one.name
            for one in CONVERSIONS.values()
            if (one.source, one.target) == (mine.type, other.type)
        ),
        "",
    )


def pairs_from(shape: Shape | None) -> list[str]:
    """Return the conversions that take values of a shape."""
    if not isinstance(shape, ScalarShape):
        return []
    return [one.name for one in CONVERSIONS.values() if one.source == shape.type]
