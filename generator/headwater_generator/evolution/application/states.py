"""The fields of an event or object on their way from one version to the next."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from ...grammar.ops import Op, op_name
from ...load import Place
from ...names import nearest
from .. import steps
from ..effects import Effect, Note
from ..shapes import FieldShape, NullableShape, ObjectShape, ScalarShape, Shape, present, show_shape
from .wording import where_in

__all__ = [
    "FieldState",
    "ObjectState",
    "Stop",
    "Tell",
    "accepted",
    "accepting",
    "as_nullable",
    "bounded",
    "fail",
    "put",
    "removed",
    "take",
    "unsuited",
]

_ANYTHING = ScalarShape("json")
"""Told by its identity from a field that takes any JSON."""
Tell: TypeAlias = Callable[[Place, str, str, str], None]
"""Where problems go: place, code, message and hint."""


class Stop(Exception):  # noqa: N818 - the op was told, and this says nothing any more
    """An op is wrong, and was told: what follows it cannot be looked at."""


@dataclass(frozen=True, slots=True)
class FieldState:
    """A field on its way: `up` is what came up, `down` what may go down; None takes anything."""

    up: Shape
    down: Shape | None
    """None as well if an op has made the field: going down it is removed, whatever it holds."""
    text: str | None = None
    """Such a text it is, where it was made by `format`: it may be one of another type, too."""
    has_table: bool = False
    """A `map_enum` tells which values go down: others do not, and that is no surprise."""

    @property
    def is_made(self) -> bool:
        """Whether an op has made it. It need not become what it was, and older events have none."""
        return self.down is None


@dataclass
class ObjectState:
    """The fields of an event or object, as they are after the ops so far."""

    fields: dict[str, FieldState]
    newer: ObjectShape | None
    tell: Tell
    path: str = ""
    touched: set[str] = field(default_factory=set)
    """Fields of the older version that an op has read."""
    effects: list[Effect] = field(default_factory=list)
    is_opaque: bool = False
    """A custom function has made it what it is."""
    failed: bool = False

    def named(self, name: str) -> str:
        """Return where a field is, from the event on: `address.city`."""
        return f"{self.path}.{name}" if self.path else name


def fail(state: ObjectState, place: Place, code: str, message: str, hint: str = "") -> Stop:
    """Tell what is wrong, and return what to raise."""
    state.tell(place, code, message, hint)
    return Stop()


def take(op: Op, state: ObjectState, name: str, whose: str) -> FieldState:
    """Return a field that an op reads, and take it out."""
    one = state.fields.get(name)
    if one is None:
        better = nearest(name, state.fields)
        hint = f'did you mean "{better}"?' if better else f"there is {', '.join(state.fields)}"
        if not state.fields:
            hint = "there is none"
        gone = " any more" if name in state.touched else ""
        message = f'{whose} has no field "{state.named(name)}"{gone}'
        raise fail(state, where_in(op, name), "HW802", message, hint)
    state.touched.add(name)
    del state.fields[name]
    return one


def put(op: Op, state: ObjectState, name: str, one: FieldState) -> None:
    """Add a field that an op makes."""
    if name in state.fields:
        message = f'there is a field "{state.named(name)}" already'
        raise fail(state, where_in(op, name), "HW804", message, "rename or drop it first")
    state.fields[name] = one


def unsuited(
    op: Op, state: ObjectState, name: str, shape: Shape, wants: str, hint: str = ""
) -> Stop:
    """Tell that an op does not take a field of this shape, and return what to raise."""
    message = f'{op_name(op)} takes {wants}, and "{state.named(name)}" is {show_shape(shape)}'
    return fail(state, where_in(op, name), "HW803", message, hint)


def accepting(one: FieldState) -> FieldShape:
    """Return what a field that goes into an object may be to go down again."""
    return FieldShape(one.down or _ANYTHING)


def accepted(shape: ObjectShape | None, name: str) -> Shape | None:
    """Return what a field that comes out of an object may be to go down; None takes anything."""
    one = shape.fields.get(name) if shape else None
    return None if one is None or one.shape is _ANYTHING else one.shape


def removed(made: Iterable[str], before: Iterable[str]) -> tuple[steps.Step, ...]:
    """Return the way down of fields that an op made of made ones: these go a little later."""
    return (
        *(steps.Remove(name) for name in made),
        *(steps.Put(name, None) for name in before),
    )


def as_nullable(shape: Shape, *, nullable: bool) -> Shape:
    """Return the shape, with null in it if wanted."""
    return NullableShape(shape) if nullable else shape


def bounded(one: FieldState, name: str) -> tuple[Note, ...]:
    """Return what a value that goes down may fail to be, where the older field has limits."""
    shape, _ = present(one.down)
    limits = shape.constraints if isinstance(shape, ScalarShape) else {}
    return (Note(name, f"what does not meet {', '.join(limits)}"),) if limits else ()
