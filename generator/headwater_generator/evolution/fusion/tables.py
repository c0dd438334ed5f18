"""What `map_enum` makes of each value of an enum, either way."""

from __future__ import annotations

from ...grammar import ops as grammar
from ..shapes import EnumShape, LiteralShape, Shape, present

__all__ = ["table_down", "table_up"]


def table_up(op: grammar.MapEnum, shape: Shape | None) -> dict[str, str]:
    """Return what each value of the older enum becomes."""
    enum, _ = present(shape)
    match enum:
        case EnumShape(values=values):
            pass
        case LiteralShape(values=literals):
            values = tuple(one for one in dict.fromkeys(map(str, literals)))
        case _:
            values = tuple(op.mapping.values)
    return {value: op.mapping.values.get(value, value) for value in values}


def table_down(op: grammar.MapEnum, shape: Shape | None) -> dict[str, str]:
    """Return what each value becomes going down; what has no predecessor is left out.

    `shape` is the older enum's. Where several old values became one, only `back` says which it is;
    it has the last word in any case.
    """
    up = table_up(op, shape)
    news = list(up.values())
    table = {new: old for old, new in up.items() if news.count(new) == 1}
    return table | dict(op.mapping.back)
