"""What a spec is compared with: what was released, or a spec as it was at a commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from ..evolution import (
    EnumShape,
    FieldShape,
    ListShape,
    MapShape,
    NullableShape,
    ObjectShape,
    RecursiveShape,
    ScalarShape,
    Shape,
    UnionShape,
    canonical,
    shape_of_expression,
    shape_of_fields,
    shape_of_type,
)
from ..grammar import JSON, UNSET, Spec
from ..lock import Contract, Entry, Home, Lock, homes_of
from ..model.versions import type_versions_of, versions_of

__all__ = [
    "Baseline",
    "Request",
    "at_commit",
    "of_lock",
    "plain",
    "plain_object",
    "requests_of",
    "types_of",
]

_FORMS = frozenset({"type", "list", "map"})


@dataclass(frozen=True, slots=True)
class Request:
    """A command as its callers know it."""

    body: ObjectShape
    result: Shape | None
    """What the spec says it returns; None where it does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """A service as others know it. Shapes have no names of types."""

    label: str
    """What it is, to be read after "against"."""
    events: Mapping[str, Mapping[int, ObjectShape]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    homes: Mapping[str, Home] = field(default_factory=lambda: MappingProxyType({}))
    """Where events are recorded, as far as that is known."""
    commands: Mapping[str, Request] = field(default_factory=lambda: MappingProxyType({}))
    types: Mapping[str, Shape] = field(default_factory=lambda: MappingProxyType({}))
    spec: Spec | None = None
    """The whole of it, where that is known: a lock has no streams and subscriptions."""


def of_lock(lock: Lock) -> Baseline:
    """Return what was released: drafts may change freely."""
    return Baseline(
        label="what was released",
        events={
            name: released
            for name, versions in lock.events.items()
            if (
                released := {
                    v: _body(one) for v, one in sorted(versions.items()) if one.is_released
                }
            )
        },
        homes=lock.homes,
        commands={
            name: Request(_body(one.released), _result(one.released))
            for name, one in lock.commands.items()
            if one.released
        },
        types={**_newest(lock.types), **_settled(lock.inputs)},
    )


def at_commit(spec: Spec, label: str) -> Baseline:
    """Return a spec as it was: with every version of every event, released or not."""
    events: dict[str, dict[int, ObjectShape]] = {}
    for one in versions_of(spec):
        events.setdefault(one.name, {})[one.version] = plain_object(
            shape_of_fields(one.fields, spec.types)
        )
    return Baseline(
        label=label,
        events=events,
        homes=homes_of(spec),
        commands=requests_of(spec),
        types=types_of(spec),
        spec=spec,
    )


def requests_of(spec: Spec) -> dict[str, Request]:
    """Return the commands of a spec as their callers know them."""
    return {
        name: Request(
            plain_object(shape_of_fields(one.fields, spec.types)),
            None if one.result is None else plain(shape_of_expression(one.result, spec.types)),
        )
        for name, one in spec.commands.items()
    }


def types_of(spec: Spec) -> dict[str, Shape]:
    """Return the types of a spec in their newest form."""
    return {
        one.type: plain(shape_of_type(one.name, spec.types))
        for one in type_versions_of(spec)
        if one.is_head
    }


def plain(shape: Shape) -> Shape:
    """Return a shape without the names that the spec gave to types."""
    return _shape(canonical(shape))


def plain_object(shape: ObjectShape) -> ObjectShape:
    """Return the shape of fields without the names that the spec gave to types."""
    return _object(canonical(shape))


def _body(entry: Entry) -> ObjectShape:
    return _object(entry.schema)


def _result(entry: Entry) -> Shape | None:
    return None if entry.result is None else _shape(entry.result)


def _newest(known: Mapping[str, Mapping[int, Entry]]) -> dict[str, Shape]:
    found: dict[str, Shape] = {}
    for name, versions in known.items():
        if released := [version for version, one in versions.items() if one.is_released]:
            found[name] = _shape(versions[max(released)].schema)
    return found


def _settled(known: Mapping[str, Contract]) -> dict[str, Shape]:
    return {name: _shape(one.released.schema) for name, one in known.items() if one.released}


def _shape(form: JSON) -> Shape:
    """Return the shape that has a canonical form."""
    if not isinstance(form, dict):
        raise TypeError(form)
    limits = {key: value for key, value in form.items() if key not in _FORMS}
    match form:
        case {"type": str(name)}:
            return ScalarShape(name, limits)
        case {"enum": [*values]}:
            return EnumShape(tuple(map(str, values)))
        case {"fields": dict()}:
            return _object(form)
        case {"one_of": dict(members), "tag": str(tag)}:
            return UnionShape(tag, {name: _object(one) for name, one in members.items()})
        case {"list": item}:
            return ListShape(_shape(item), limits)
        case {"map": item}:
            return MapShape(_shape(item), limits)
        case {"nullable": item}:
            return NullableShape(_shape(item))
        case {"recursive": int(up)}:
            return RecursiveShape(up, "the type around it")
        case _:
            raise TypeError(form)


def _object(form: JSON) -> ObjectShape:
    fields: Any = form.get("fields") if isinstance(form, dict) else None
    return ObjectShape(
        {
            name: FieldShape(
                _shape(one["shape"]), one.get("default", UNSET), bool(one.get("personal"))
            )
            for name, one in fields.items()
        }
    )
