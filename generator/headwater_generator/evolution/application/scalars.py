"""Ops on single values: `convert` and `map_enum`."""

from __future__ import annotations

from headwater.schema.conversions import CONVERSIONS, Conversion

from ...grammar import JSON
from ...grammar.ops import Convert, MapEnum, Op
from ...names import nearest
from .. import steps
from ..effects import Effect, Note
from ..fitting import misfit
from ..shapes import EnumShape, LiteralShape, ScalarShape, Shape, present
from .pairs import pairs_from
from .states import (
    FieldState,
    ObjectState,
    as_nullable,
    bounded,
    fail,
    put,
    take,
    unsuited,
)
from .wording import as_json, notes_of, told, where_in, with_article

__all__ = ["convert", "map_enum"]


def convert(op: Convert, state: ObjectState, whose: str) -> Effect:
    """Put values through named conversions, and back through their counterparts."""
    effects: list[Effect] = []
    for name, pair in op.pairs.items():
        conversion = CONVERSIONS[pair]
        back = CONVERSIONS[conversion.back]
        one = take(op, state, name, whose)
        shape, nullable = present(one.up)
        is_literal = isinstance(shape, LiteralShape) and not misfit(
            shape, ScalarShape(conversion.source)
        )
        if not is_literal and (
            not isinstance(shape, ScalarShape) or shape.type != conversion.source
        ):
            better = pairs_from(shape)
            hint = f"for it there is {', '.join(better)}" if better else ""
            raise unsuited(op, state, name, one.up, f"{with_article(conversion.source)}", hint)
        target: Shape = ScalarShape(conversion.target)
        if isinstance(shape, LiteralShape):
            target = _converted(op, state, name, shape, conversion)
        made = as_nullable(target, nullable=nullable)
        where = state.named(name)
        if one.is_made:
            refused = () if is_literal else notes_of(where, conversion.refuses)
            put(op, state, name, FieldState(made, None))
            up = (steps.Convert(name, pair),)
            effects.append(Effect(op="", up=up, down=(), up_refusals=refused))
            continue
        _, takes_null = present(one.down)
        accepts = as_nullable(ScalarShape(conversion.target), nullable=takes_null)
        put(op, state, name, FieldState(made, accepts))
        effects.append(
            Effect(
                op="",
                up=(steps.Convert(name, pair),),
                down=(steps.Convert(name, conversion.back),),
                up_losses=notes_of(where, conversion.loss),
                down_losses=notes_of(where, back.loss),
                up_refusals=notes_of(where, conversion.refuses),
                down_refusals=(*notes_of(where, back.refuses), *bounded(one, where)),
            )
        )
    return _joined(op, effects)


def _converted(
    op: Op, state: ObjectState, name: str, shape: LiteralShape, conversion: Conversion
) -> LiteralShape:
    """Return what becomes of literals; tell of one that cannot be converted."""
    made: list[JSON] = []
    for value in shape.values:
        try:
            made.append(conversion.function(value))
        except (ValueError, TypeError, ArithmeticError) as error:
            message = f'{as_json(value)} of "{state.named(name)}" cannot be converted: {error}'
            raise fail(state, where_in(op, name), "HW803", message) from None
    return LiteralShape(tuple(made))


def _joined(op: Op, effects: list[Effect]) -> Effect:
    return Effect(
        op=told(op),
        up=tuple(one for effect in effects for one in effect.up),
        down=tuple(one for effect in effects for one in effect.down or ()),
        up_losses=tuple(one for effect in effects for one in effect.up_losses),
        down_losses=tuple(one for effect in effects for one in effect.down_losses),
        up_refusals=tuple(one for effect in effects for one in effect.up_refusals),
        down_refusals=tuple(one for effect in effects for one in effect.down_refusals),
    )


def map_enum(op: MapEnum, state: ObjectState, whose: str) -> Effect:
    """Make other values of an enum's values."""
    mapping = op.mapping
    name = mapping.source
    one = take(op, state, name, whose)
    shape, nullable = present(one.up)
    is_literal = isinstance(shape, LiteralShape) and not misfit(shape, ScalarShape("string"))
    if isinstance(shape, LiteralShape) and is_literal:
        shape = EnumShape(tuple(dict.fromkeys(map(str, shape.values))))
    if not isinstance(shape, EnumShape):
        raise unsuited(op, state, name, one.up, "an enum")
    strange = [old for old in mapping.values if old not in shape.values]
    # Of an added field, the table may have more than the values that are added.
    if strange and not (is_literal and len(strange) < len(mapping.values)):
        old = strange[0]
        better = nearest(old, shape.values)
        hint = f'did you mean "{better}"?' if better else f"it has {', '.join(shape.values)}"
        message = f'"{old}" is no value of "{state.named(name)}"'
        raise fail(state, where_in(op, old), "HW808", message, hint)
    up = {value: mapping.values.get(value, value) for value in shape.values}
    where = state.named(name)
    images = tuple(dict.fromkeys(up.values()))
    if one.is_made:
        made: Shape = LiteralShape(images) if is_literal else EnumShape(images)
        put(op, state, name, FieldState(as_nullable(made, nullable=nullable), None))
        return Effect(op=told(op), up=(steps.MapValues(name, tuple(up.items())),), down=())
    down_shape, takes_null = present(one.down)
    olds = down_shape.values if isinstance(down_shape, EnumShape) else tuple(shape.values)
    for old in mapping.back.values():
        if old not in olds:
            better = nearest(old, olds)
            hint = f'did you mean "{better}"?' if better else f"it has {', '.join(olds)}"
            message = f'"{old}" is no older value of "{state.named(name)}"'
            raise fail(state, where_in(op, old), "HW808", message, hint)
    news = list(up.values())
    down = {new: old for old, new in up.items() if news.count(new) == 1} | dict(mapping.back)
    refused = [new for new in images if new not in down]
    made = as_nullable(EnumShape(images), nullable=nullable)
    accepts = as_nullable(EnumShape(tuple(down)), nullable=takes_null)
    put(op, state, name, FieldState(made, accepts, has_table=True))
    return Effect(
        op=told(op),
        up=(steps.MapValues(name, tuple(up.items())),),
        down=(steps.MapValues(name, tuple(down.items())),),
        up_losses=tuple(
            Note(
                where,
                f"{old} comes back as {down[new]}" if new in down else f"{old} does not come back",
            )
            for old, new in up.items()
            if down.get(new) != old
        ),
        down_losses=tuple(
            Note(where, f"{new} comes back as {up[old]}")
            for new, old in down.items()
            if old in up and up[old] != new
        ),
        down_refusals=tuple(Note(where, f"{new}, which several values become") for new in refused),
    )
