"""What has changed, as people read it: fields that came, went or are others, and the ops."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..evolution import (
    EnumShape,
    FieldShape,
    ListShape,
    MapShape,
    NullableShape,
    ObjectShape,
    Shape,
    UnionShape,
    shape_of_fields,
    show_shape,
)
from ..evolution.chains import hops_of
from ..grammar import Event, Spec, Unset, Workflow
from ..grammar.declare import Model
from ..load import Place
from ..lock import Home
from .baseline import Baseline, plain, plain_object, requests_of, types_of

__all__ = ["Change", "changes_of"]

Kind = Literal["type", "event", "command", "stream", "subscription"]


@dataclass(frozen=True, slots=True)
class Change:
    """What has changed about one thing."""

    kind: Kind
    name: str
    what: Literal["new", "gone", "changed"]
    lines: tuple[str, ...] = ()
    """Each begins with `+` for what came, `-` for what went, `~` for what is another, and `>` for
    an op that leads to a version."""


def changes_of(spec: Spec, baseline: Baseline) -> Iterator[Change]:
    """Yield what differs: types, events, commands; streams and subscriptions where the baseline
    is a spec, since a lock does not have these.
    """
    yield from _types(spec, baseline)
    yield from _events(spec, baseline)
    yield from _commands(spec, baseline)
    if baseline.spec:
        yield from _settings("stream", baseline.spec.streams, spec.streams)
        yield from _settings("subscription", baseline.spec.subscriptions, spec.subscriptions)


def _types(spec: Spec, baseline: Baseline) -> Iterator[Change]:
    now = types_of(spec)
    for name, shape in now.items():
        if name not in baseline.types:
            yield Change("type", name, "new", tuple(_whole(shape)))
        elif lines := tuple(_differences(baseline.types[name], shape)):
            yield Change("type", name, "changed", lines)
    for name in baseline.types:
        if name not in now:
            yield Change("type", name, "gone")


def _events(spec: Spec, baseline: Baseline) -> Iterator[Change]:
    present: set[str] = set()
    for workflow_name, workflow in spec.workflows.items():
        for name, event in workflow.events.items():
            present.add(name)
            known = baseline.events.get(name, {})
            lines = (
                *_moves(baseline.homes.get(name), workflow_name, workflow),
                *_versions(spec, event, known),
            )
            if not known:
                yield Change("event", name, "new", lines)
            elif lines:
                yield Change("event", name, "changed", lines)
    for name in baseline.events:
        if name not in present:
            yield Change("event", name, "gone")


def _moves(before: Home | None, name: str, workflow: Workflow) -> Iterator[str]:
    if before and before.workflow != name:
        yield f"~ workflow: {before.workflow} -> {name}"
    if before and before.stream != workflow.stream:
        yield f"~ stream: {before.stream} -> {workflow.stream}"


def _versions(spec: Spec, event: Event, known: Mapping[int, ObjectShape]) -> Iterator[str]:
    """Yield the lines of each version that is new, is another, or is gone."""
    hops = {hop.newer: hop for hop in hops_of(event, spec.types, _silent)}
    before: ObjectShape | None = None
    for version, one in event.versions.items():
        shape = plain_object(shape_of_fields(one.fields, spec.types))
        if version in known:
            if lines := list(_differences(known[version], shape)):
                yield f"~ version {version}, in place"
                yield from _indented(lines)
        else:
            yield f"+ version {version}"
            yield from _indented(_whole(shape) if before is None else _differences(before, shape))
            if hop := hops.get(version):
                yield from _indented(f"> {effect.op}" for effect in hop.effects)
        before = shape
    for version in known:
        if version not in event.versions:
            yield f"- version {version}"


def _commands(spec: Spec, baseline: Baseline) -> Iterator[Change]:
    now = requests_of(spec)
    for name, one in now.items():
        before = baseline.commands.get(name)
        if before is None:
            yield Change("command", name, "new", tuple(_whole(one.body)))
            continue
        lines = list(_differences(before.body, one.body))
        if before.result != one.result:
            told = [show_shape(each) if each else "none" for each in (before.result, one.result)]
            lines.append(f"~ result: {told[0]} -> {told[1]}")
        if lines:
            yield Change("command", name, "changed", tuple(lines))
    for name in baseline.commands:
        if name not in now:
            yield Change("command", name, "gone")


def _settings(
    kind: Kind, before: Mapping[str, Model], now: Mapping[str, Model]
) -> Iterator[Change]:
    for name, one in now.items():
        if name not in before:
            yield Change(kind, name, "new", tuple(f"+ {line}" for line in _given(one)))
        elif lines := tuple(_other_settings(before[name], one)):
            yield Change(kind, name, "changed", lines)
    for name in before:
        if name not in now:
            yield Change(kind, name, "gone")


def _given(one: Model) -> Iterator[str]:
    for name, value in _values(one).items():
        if value is not None and value != {}:
            yield f"{name}: {_shown(value)}"


def _other_settings(before: Model, now: Model) -> Iterator[str]:
    new = _values(now)
    for name, value in _values(before).items():
        if value != new[name]:
            yield f"~ {name}: {_shown(value)} -> {_shown(new[name])}"


def _values(one: Any) -> dict[str, Any]:
    """Return the keys of a declaration; descriptions say nothing to programs."""
    return {
        field.name: getattr(one, field.name)
        for field in dataclasses.fields(one)
        if field.compare and field.name != "description"
    }


def _shown(value: Any) -> str:
    if value is None:
        return "as by default"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_shown, value))}]"
    parts = _values(value) if dataclasses.is_dataclass(value) else value
    if isinstance(parts, Mapping):
        told = (f"{name}: {_shown(each)}" for name, each in parts.items())
        return f"{{{', '.join(told)}}}"
    if isinstance(value, bool):
        return json.dumps(value)
    return str(value)


def _whole(shape: Shape) -> Iterator[str]:
    if isinstance(shape, ObjectShape):
        for name, one in shape.fields.items():
            yield f"+ {name}: {_field(one)}"
    else:
        yield f"+ {show_shape(shape)}"


def _differences(before: Shape, now: Shape, path: str = "") -> Iterator[str]:
    """Yield what came, went and is another, each by the path of its field."""
    dot = f"{path}." if path else ""
    label = f"{path}: " if path else ""
    match before, now:
        case ObjectShape(), ObjectShape():
            for name, one in before.fields.items():
                if name not in now.fields:
                    yield f"- {dot}{name}: {_field(one)}"
                else:
                    yield from _of_field(one, now.fields[name], f"{dot}{name}")
            for name, one in now.fields.items():
                if name not in before.fields:
                    yield f"+ {dot}{name}: {_field(one)}"
        case EnumShape(values=old), EnumShape(values=new):
            yield from (f"- {label}{value}" for value in old if value not in new)
            yield from (f"+ {label}{value}" for value in new if value not in old)
        case UnionShape(members=old_members), UnionShape(members=new_members) if (
            before.tag == now.tag
        ):
            for name, member in old_members.items():
                if name not in new_members:
                    yield f"- {label}{name}"
                else:
                    yield from _differences(member, new_members[name], f"{path}<{name}>")
            yield from (f"+ {label}{name}" for name in new_members if name not in old_members)
        case NullableShape(item=old_item), NullableShape(item=new_item):
            yield from _differences(old_item, new_item, path)
        case ListShape(item=old_item), ListShape(item=new_item) if (
            before.constraints == now.constraints
        ):
            yield from _differences(old_item, new_item, f"{path}[]")
        case MapShape(item=old_item), MapShape(item=new_item) if (
            before.constraints == now.constraints
        ):
            yield from _differences(old_item, new_item, f"{path}{{}}")
        case _:
            if plain(before) != plain(now):
                yield f"~ {label}{show_shape(before)} -> {show_shape(now)}"


def _of_field(before: FieldShape, now: FieldShape, path: str) -> Iterator[str]:
    yield from _differences(before.shape, now.shape, path)
    if _default(before) != _default(now):
        yield f"~ {path}: {_default(before)} -> {_default(now)}"
    if before.personal != now.personal:
        yield f"~ {path}: {'personal now' if now.personal else 'not personal any more'}"


def _default(one: FieldShape) -> str:
    return "required" if isinstance(one.default, Unset) else f"default {json.dumps(one.default)}"


def _field(one: FieldShape) -> str:
    has_default = not isinstance(one.default, Unset) and not (
        one.default is None and isinstance(one.shape, NullableShape)
    )
    told = [_default(one)] if has_default else []
    told += ["personal"] if one.personal else []
    return show_shape(one.shape) + (f" ({', '.join(told)})" if told else "")


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)


def _silent(place: Place, code: str, message: str, hint: str) -> None:
    """Pass over what `check` has told."""
