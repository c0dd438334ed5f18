"""What was accepted and would be refused: a shape as a contract with those who send it.

Objects are closed: a field that is not known is refused. So a field may not go, and one that comes
may not be required; a value that fitted must fit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..evolution import (
    EnumShape,
    ListShape,
    MapShape,
    NullableShape,
    ObjectShape,
    ScalarShape,
    Shape,
    UnionShape,
    show_shape,
)
from ..evolution.fitting import misfit
from ..evolution.shapes import Constraints

__all__ = ["refusals", "result_refusals"]


def refusals(sent: Shape, taken: Shape, path: str = "") -> Iterator[str]:
    """Yield why what has one shape may be refused where another is due; nothing if it never is.

    Each names the field, such as `address.zip is required now`. Every field that breaks is told,
    not only the first. Unlike in recorded events, a field with a default may not be there.
    """
    where = path or "the value"
    match sent, taken:
        case NullableShape(item=item), NullableShape(item=room):
            yield from refusals(item, room, path)
        case NullableShape(), ScalarShape(type="json", constraints=limits) if not limits:
            return
        case NullableShape(), _:
            yield f"{where} may not be null any more"
        case _, NullableShape(item=room):
            yield from refusals(sent, room, path)
        case EnumShape(values=before), EnumShape(values=now):
            for value in before:
                if value not in now:
                    yield f'{where} may not be "{value}" any more'
        case ListShape(item=item), ListShape(item=room):
            yield from _limits(sent.constraints, taken.constraints, where)
            yield from refusals(item, room, f"{path}[]")
        case MapShape(item=item), MapShape(item=room):
            yield from _limits(sent.constraints, taken.constraints, where)
            yield from refusals(item, room, f"{path}{{}}")
        case ObjectShape(), ObjectShape():
            yield from _fields(sent, taken, path)
        case UnionShape(tag=tag, members=members), UnionShape() if tag == taken.tag:
            for name, member in members.items():
                if name in taken.members:
                    yield from _fields(member, taken.members[name], f"{path}<{name}>")
                else:
                    yield f"{where} may not be a {name} any more"
        case _:
            if why := misfit(sent, taken):
                yield f"{where} is another: {why}"


def _fields(sent: ObjectShape, taken: ObjectShape, path: str) -> Iterator[str]:
    for name, one in sent.fields.items():
        field = f"{path}.{name}" if path else name
        room = taken.fields.get(name)
        if room is None:
            yield f"{field} is gone"
            continue
        if room.is_required and not one.is_required:
            yield f"{field} is required now"
        yield from refusals(one.shape, room.shape, field)
    for name, room in taken.fields.items():
        if name not in sent.fields and room.is_required:
            yield f"{f'{path}.{name}' if path else name} is new and required"


def _limits(before: Constraints, now: Constraints, where: str) -> Iterator[str]:
    any_list = ListShape(ScalarShape("int"), before)
    if why := misfit(any_list, replace(any_list, constraints=now)):
        yield f"{where} is another: {why}"


def result_refusals(before: Shape | None, now: Shape | None) -> Iterator[str]:
    """Yield why callers that know one result may not be able to read another."""
    if before is None and now is not None:
        yield f"the result is {show_shape(now)} now, and there was none of its own"
    elif before is not None and now is None:
        yield "the result is gone"
    elif before is not None and now is not None and (why := misfit(now, before)):
        yield f"the result is another: {why}"
