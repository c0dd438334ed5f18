"""The lock that a spec should have, and what in the spec contradicts what was released."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from ..evolution import Shape, canonical, shape_of_expression, shape_of_fields, shape_of_type
from ..evolution.chains import hops_of, no_way_down
from ..evolution.values import fault, sample
from ..grammar import JSON, Field, Named, ObjectType, Spec, UnionType, Upcasts
from ..grammar.ops import Custom, Op, walk
from ..load import Mapping as MappingNode
from ..load import Node, Place, at
from ..model.numbers import Numbering, Numbers, number
from ..model.publication import departures
from ..model.versions import TypeVersion, needed_types, type_versions_of, versions_of
from ..problems import Problem
from .entries import Contract, Entry, Home, Lock, hash_of

_FORMS = frozenset(
    ["type", "enum", "fields", "one_of", "tag", "list", "map", "nullable", "recursive"]
)

__all__ = ["contradictions", "fields_of", "frozen_types", "homes_of", "kept", "ops_hash"]


def kept(spec: Spec, known: Lock) -> tuple[Lock, Numbering]:
    """Return the lock of a spec, and its numbers.

    What was released, or stands, is as it was; all else is made anew.
    """
    numbering = number(spec, known.released)
    events: dict[str, dict[int, Entry]] = {}
    for event in versions_of(spec):
        if event.name in known.standing:
            continue
        shape = shape_of_fields(event.fields, spec.types)
        numbers = numbering.events[event.name, event.version]
        entry = _entry(shape, numbers, ops_hash(event.upcast, spec.upcasts))
        events.setdefault(event.name, {})[event.version] = entry
    types: dict[str, dict[int, Entry]] = {}
    used = needed_types(type_versions_of(spec), (one.fields for one in versions_of(spec)))
    for one in used:
        form = shape_of_type(one.name, spec.types)
        types.setdefault(one.type, {})[one.version] = _entry(form, numbering.types[one.key])
    homes = homes_of(spec)
    lock = Lock(
        events=_all(events, known.events, known.standing),
        standing=known.standing,
        homes={
            name: home
            for name, versions in known.events.items()
            if any(one.is_released for one in versions.values())
            and (home := known.homes.get(name) or homes.get(name))
        },
        types=_all(types, known.types),
        commands=_contracts(
            {
                name: replace(
                    _entry(shape_of_fields(one.fields, spec.types), numbering.commands[name]),
                    result=None
                    if one.result is None
                    else canonical(shape_of_expression(one.result, spec.types)),
                )
                for name, one in spec.commands.items()
            },
            known.commands,
        ),
        inputs=_contracts(
            {
                name: _entry(shape_of_type(name, spec.types), numbers)
                for name, numbers in numbering.inputs.items()
            },
            known.inputs,
        ),
        accepted=known.accepted,
        storage=known.storage,
        editions=known.editions,
    )
    return lock, numbering


def homes_of(spec: Spec) -> dict[str, Home]:
    """Return where each event is recorded."""
    return {
        event: Home(name, workflow.stream)
        for name, workflow in spec.workflows.items()
        for event in workflow.events
    }


def contradictions(
    spec: Spec, known: Lock, mended: Collection[str] | None = ()
) -> Iterator[Problem]:
    """Yield what was released and is not as it was.

    The ops of `mended` events may be others; `None`: of all.

    A type that changed (HW905) is told once, at the type, and not at each event that has it; an
    event's version that changed by itself is HW904, one that is gone HW906.
    """
    changed = list(_changed_types(spec, known))
    for kind, spot in changed:
        users = ", ".join(_users(spec, known, kind))
        yield spot.problem(
            "HW905",
            f"version {kind.version} of type {kind.type} was released, in {users}, and has changed",
            f"take the change back and run `headwater version {kind.type}`: it moves this form "
            "into the type's history, and the events that have it get their next version",
        )
    spoilt = {one.name for one, _ in changed}
    current = {(one.name, one.version): one for one in versions_of(spec)}
    for name, versions in known.events.items():
        for version, entry in versions.items():
            if not entry.is_released or name in known.standing:
                continue
            one = current.get((name, version))
            if one is None:
                yield from _missing(spec, name, version)
                continue
            schema = canonical(shape_of_fields(one.fields, spec.types))
            place = _place(spec, one.workflow, name, version, one.is_head)
            if _text(schema) != _text(entry.schema):
                reached = needed_types(type_versions_of(spec), [one.fields])
                if not spoilt & {each.name for each in reached}:
                    yield _altered(place, name, version, entry, schema, is_head=one.is_head)
            elif (
                ops_hash(one.upcast, spec.upcasts) != entry.ops
                and mended is not None
                and name not in mended
            ):
                others = "ops, or functions," if _calls(one.upcast) else "ops"
                yield place.problem(
                    "HW904",
                    f"version {version} of {name} was released with other {others} in its upcast",
                    "take the change back; where the ops were wrong, "
                    f"`headwater release {name} --reason TEXT` replaces them and keeps the reason",
                )
    yield from _stranded(spec, known)


def _stranded(spec: Spec, known: Lock) -> Iterator[Problem]:
    """Yield published events that cannot be brought down to the version at which they leave."""
    events = {name: one for flow in spec.workflows.values() for name, one in flow.events.items()}
    for name, leaving in departures(spec, known.first_released).items():
        publish = at(spec.node, "streams", name, "publish")
        for event, version in leaving.items():
            hops = hops_of(events[event], spec.types, lambda *_: None)
            if fault := no_way_down(hops, version):
                yield publish.problem(
                    "HW911",
                    f"{event} leaves at version {version}, and no way leads down to it",
                    f"{fault}; give it one, or move on with "
                    f"at: [{event}@{events[event].version}], which breaks those who read it",
                )


def frozen_types(spec: Spec, known: Lock) -> frozenset[tuple[str, int]]:
    """Return the versions of types that released versions of events consist of."""
    fields = [
        one.fields
        for one in versions_of(spec)
        if (entry := known.events.get(one.name, {}).get(one.version)) and entry.is_released
    ]
    return frozenset(one.key for one in needed_types(type_versions_of(spec), fields))


def ops_hash(ops: Iterable[Op], upcasts: Upcasts | None) -> str:
    """Return the hash of a list of ops, and of the functions that they call; "" for none."""
    ops = tuple(ops)
    plain = [_plain(op) for op in ops]
    for op in walk(ops):
        if isinstance(op, Custom) and upcasts:
            called = (op.functions.up, op.functions.down)
            plain.append({name: upcasts.digests[name] for name in called if name})
    return hashlib.sha256(json.dumps(plain).encode()).hexdigest() if plain else ""


def _calls(ops: Iterable[Op]) -> bool:
    return any(isinstance(op, Custom) for op in walk(tuple(ops)))


def _plain(value: Any) -> JSON:
    if dataclasses.is_dataclass(value):
        parts = {
            one.name: _plain(getattr(value, one.name))
            for one in dataclasses.fields(value)
            if one.compare
        }
        return {"op": type(value).__name__, **parts}
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _entry(shape: Shape, numbers: Numbers, ops: str = "") -> Entry:
    example, schema = sample(shape), canonical(shape)
    return Entry(
        schema=schema,
        hash=hash_of(schema),
        numbers=numbers,
        ops=ops,
        sample=example if fault(example, shape) is None else None,
    )


def _all(
    made: Mapping[str, Mapping[int, Entry]],
    known: Mapping[str, Mapping[int, Entry]],
    standing: Container[str] = (),
) -> dict[str, Mapping[int, Entry]]:
    """Return versions by name: released ones as they were, though they be gone from the spec."""
    found: dict[str, Mapping[int, Entry]] = {}
    for name in {**made, **known}:
        if name in standing:
            found[name] = known[name]
            continue
        frozen = {version: one for version, one in known.get(name, {}).items() if one.is_released}
        if versions := {**made.get(name, {}), **frozen}:
            found[name] = MappingProxyType(versions)
    return found


def _contracts(made: Mapping[str, Entry], known: Mapping[str, Contract]) -> dict[str, Contract]:
    found: dict[str, Contract] = {}
    for name in {**known, **made}:
        released = known[name].released if name in known else None
        draft = made.get(name)
        if (
            released
            and draft
            and _text([draft.schema, draft.result]) == _text([released.schema, released.result])
        ):
            draft = None
        if released or draft:
            found[name] = Contract(released, draft)
    return found


def _changed_types(spec: Spec, known: Lock) -> Iterator[tuple[TypeVersion, Place]]:
    """Yield released types that changed in themselves, innermost first."""
    differing = {
        one.name: one
        for one in type_versions_of(spec)
        if (entry := known.types.get(one.type, {}).get(one.version))
        and entry.is_released
        and _text(canonical(shape_of_type(one.name, spec.types))) != _text(entry.schema)
    }
    for name, one in differing.items():
        inner = needed_types(type_versions_of(spec), [fields_of(one)])
        others = {each.name for each in inner} & differing.keys() - {name}
        # Types that contain each other differ together: the first is told.
        if not others or (
            name == min(differing) and all(name in _reached(spec, differing[o]) for o in others)
        ):
            node = at(spec.node, "types")
            declared = node.entry(one.type) if isinstance(node, MappingNode) else None
            yield one, declared.key if declared else one.declaration.node


def _reached(spec: Spec, one: TypeVersion) -> set[str]:
    return {each.name for each in needed_types(type_versions_of(spec), [fields_of(one)])}


def fields_of(one: TypeVersion) -> Mapping[str, Field]:
    """Return the fields of an object; of a union, its members as if they were."""
    match one.declaration:
        case ObjectType(fields=fields):
            return fields
        case UnionType(members=members):
            return {member: Field(type=Named(member)) for member in members}
        case _:
            return {}


def _users(spec: Spec, known: Lock, type_version: TypeVersion) -> Iterator[str]:
    for one in versions_of(spec):
        entry = known.events.get(one.name, {}).get(one.version)
        if entry and entry.is_released:
            reached = needed_types(type_versions_of(spec), [one.fields])
            if type_version.name in {each.name for each in reached}:
                yield f"{one.name}@{one.version}"


def _missing(spec: Spec, name: str, version: int) -> Iterator[Problem]:
    for workflow, declared in spec.workflows.items():
        if name in declared.events:
            yield _event_place(spec, workflow, name).problem(
                "HW906",
                f"version {version} of {name} was released, and is gone",
                "put it back into the event's history: recorded events have this shape",
            )
            return
    yield at(spec.node, "workflows").problem(
        "HW906",
        f"event {name} was released, and is gone",
        "put it back: recorded events of it could not be read; where there are none, delete its "
        "lock file",
    )


def _altered(
    place: Place, name: str, version: int, entry: Entry, now: JSON, *, is_head: bool
) -> Problem:
    what = ", ".join(_differences(entry.schema, now))
    hint = (
        f"take the change back and run `headwater version {name}`, or make this version "
        f"{version + 1} by writing beside its fields: history: {{{version}: {past_version(entry)}}}"
        if is_head
        else f"write it as it was released: {version}: {past_version(entry)}"
    )
    return place.problem(
        "HW904", f"version {version} of {name} was released, and has changed: {what}", hint
    )


def past_version(entry: Entry) -> str:
    """Return a released version of an event as YAML for a history, such as `{fields: {id: int}}`.

    Types of the spec's own have their names of today; of one that changed since, it is `Role@1`.
    """
    fields = entry.schema.get("fields") if isinstance(entry.schema, dict) else None
    written: list[str] = []
    for name, one in fields.items() if isinstance(fields, dict) else ():
        if isinstance(one, dict):
            named = re.search(r"[A-Z]\w*", entry.numbers.wires.get(name, ""))
            text, limits = _type_text(one["shape"], named[0] if named else "json")
            more: dict[str, JSON] = {key: one[key] for key in ("default", "personal") if key in one}
            if "default" in more and more["default"] is None and text.endswith("| null"):
                del more["default"]
            keys = {**limits, **more}
            long = "".join(f", {key}: {json.dumps(value)}" for key, value in keys.items())
            written.append(f"{name}: {{type: {text}{long}}}" if long else f"{name}: {text}")
    upcast = ", upcast: [...]" if entry.ops else ""
    return f"{{fields: {{{', '.join(written)}}}{upcast}}}"


def _type_text(shape: JSON, named: str) -> tuple[str, dict[str, JSON]]:
    """Return a canonical shape as a field's type, and its constraints."""
    if isinstance(shape, dict):
        limits = {key: value for key, value in shape.items() if key not in _FORMS}
        if "type" in shape:
            return str(shape["type"]), limits
        for key in ("list", "map"):
            if key in shape:
                return f"{key}<{_type_text(shape[key], named)[0]}>", limits
        if "nullable" in shape:
            text, limits = _type_text(shape["nullable"], named)
            return f"{text} | null", limits
    return named, {}


def _differences(before: JSON, now: JSON) -> Iterator[str]:
    """Yield in words what differs between two schemas."""
    old = before.get("fields") if isinstance(before, dict) else None
    new = now.get("fields") if isinstance(now, dict) else None
    if not isinstance(old, dict) or not isinstance(new, dict):
        yield "its form"
        return
    yield from (f"{name} is gone" for name in old if name not in new)
    yield from (f"{name} is new" for name in new if name not in old)
    changed = [name for name in old if name in new and _text(old[name]) != _text(new[name])]
    yield from (f"{name} is another" for name in changed)
    if not changed and old.keys() == new.keys():
        yield "the order of its fields"


def _event_place(spec: Spec, workflow: str, name: str) -> Place:
    node = at(spec.node, "workflows", workflow, "events")
    entry = node.entry(name) if isinstance(node, MappingNode) else None
    return entry.key if entry else node


def _place(spec: Spec, workflow: str, name: str, version: int, is_head: bool) -> Place:
    if is_head:
        return _event_place(spec, workflow, name)
    node: Node | Place = at(spec.node, "workflows", workflow, "events", name, "history")
    entry = node.entry(str(version)) if isinstance(node, MappingNode) else None
    return entry.key if entry else node


def _text(value: JSON) -> str:
    return json.dumps(value, separators=(",", ":"))
