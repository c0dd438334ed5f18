"""Ops that make a field of others, or of the envelope: `format`, `compute` and `from_envelope`."""

from __future__ import annotations

from collections.abc import Mapping

from ...grammar.ops import Compute, Format, FromEnvelope
from ...names import nearest
from .. import steps
from ..effects import Effect, Note
from ..expressions import ExpressionError, parse, text_of
from ..shapes import EnumShape, LiteralShape, ScalarShape, Shape, show_shape
from ..templates import TemplateError, parts_of
from ..values import sample
from .states import FieldState, ObjectState, fail, put
from .wording import as_json, notes_of, told, where_in

__all__ = ["compute", "format", "from_envelope"]

_ENVELOPE: Mapping[str, Shape] = {
    "id": ScalarShape("uuid"),
    "time": ScalarShape("datetime"),
    "workflow_id": ScalarShape("string"),
}


def format_text(op: Format, state: ObjectState, whose: str) -> Effect:
    """Make texts of a template and other fields; going down they go."""
    up: list[steps.Step] = []
    losses: list[Note] = []
    for name, template in op.texts.items():
        try:
            parts = parts_of(template)
        except TemplateError as error:
            raise fail(state, where_in(op, template), "HW809", str(error)) from None
        shown = ""
        for part, is_field in parts:
            if not is_field:
                shown += part
                continue
            one = state.fields.get(part)
            if one is None:
                better = nearest(part, state.fields)
                hint = f'did you mean "{better}"?' if better else ""
                message = f'{whose} has no field "{state.named(part)}"'
                raise fail(state, where_in(op, template), "HW802", message, hint)
            state.touched.add(part)
            if not _is_written(one.up):
                wants = "texts, numbers, bools and enums that are never null"
                message = f'format takes {wants}, and "{part}" is {show_shape(one.up)}'
                raise fail(state, where_in(op, template), "HW803", message)
            shown += text_of(sample(one.up, part))
        up.append(steps.Format(name, parts))
        put(op, state, name, FieldState(ScalarShape("string"), None, text=shown))
        losses.append(Note(state.named(name), f"every text but {as_json(template)}"))
    return Effect(
        op=told(op),
        up=tuple(up),
        down=tuple(steps.Remove(name) for name in op.texts),
        down_losses=tuple(losses),
    )


def _is_written(shape: Shape) -> bool:
    """Whether values of a shape can stand in a text, none of them null."""
    match shape:
        case EnumShape():
            return True
        case ScalarShape(type=kind):
            return kind != "json"
        case LiteralShape(values=values):
            return all(isinstance(one, str | int | float) for one in values)
        case _:
            return False


def compute(op: Compute, state: ObjectState, _: str) -> Effect:
    """Make fields of expressions over others; going down they go."""
    up: list[steps.Step] = []
    losses: list[Note] = []
    refusals: list[Note] = []
    for name, text in op.expressions.items():
        try:
            expression = parse(text)
            shape, refuses = expression.shape({key: one.up for key, one in state.fields.items()})
        except ExpressionError as error:
            raise fail(state, where_in(op, text), "HW809", str(error)) from None
        state.touched.update(expression.names)
        up.append(steps.Compute(name, expression))
        put(op, state, name, FieldState(shape, None))
        losses.append(Note(state.named(name), f"every value but {text}"))
        refusals += notes_of(state.named(name), refuses)
    return Effect(
        op=told(op),
        up=tuple(up),
        down=tuple(steps.Remove(name) for name in op.expressions),
        down_losses=tuple(losses),
        up_refusals=tuple(refusals),
    )


def from_envelope(op: FromEnvelope, state: ObjectState, _: str) -> Effect:
    """Make fields of what is recorded beside the event; going down they go."""
    losses: list[Note] = []
    for name, part in op.parts.items():
        put(op, state, name, FieldState(_ENVELOPE[part], None))
        losses.append(Note(state.named(name), f"every value but the envelope's {part}"))
    return Effect(
        op=told(op),
        up=tuple(steps.Take(name, part) for name, part in op.parts.items()),
        down=tuple(steps.Remove(name) for name in op.parts),
        down_losses=tuple(losses),
    )
