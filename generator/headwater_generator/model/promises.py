"""`test_upcasting.py`: what is promised of an event's versions, as data for tests to hold it to.

What comes of a sample is found here by carrying out the ops one by one: in another way than
`upcasting.py`, whose functions are made of fused expressions, so that each is held against the
other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ..evolution import shape_of_fields
from ..evolution.application import UNPROVEN
from ..evolution.chains import steps_of
from ..evolution.effects import Hop, Note
from ..evolution.steps import Call, Take, interpret
from ..evolution.values import fault, sample
from ..evolution.ways import ways
from ..grammar import JSON
from .facts import Facts
from .literals import literal
from .parts import EventPromises, HopPromises, Module, SamplePayload
from .scope import Scope
from .versions import EventVersion

__all__ = ["Samples", "promises_module"]

Samples: TypeAlias = Mapping[tuple[str, int], JSON]
"""A payload of each version, by event and version; null where none could be made."""

REFUSALS = (ValueError, TypeError, ArithmeticError, LookupError)  # of an op, for a value


@dataclass(frozen=True, slots=True)
class _Envelope:
    """What is recorded beside every sample."""

    id: str = "0b8f1b3e-7d0c-4c6e-9f39-6c1d2f5a7e10"
    time: str = "2024-05-01T12:00:00Z"
    workflow_id: str = "7"


_ENVELOPE = _Envelope()


def promises_module(
    facts: Facts, samples: Samples | None, *, home: tuple[str, str] | None = None
) -> Module:
    """Settle `test_upcasting.py`: events with several versions, in the order of the spec.

    `home` is the module and name of the object that has the versions, if it is not the service.
    """
    module, variable = home or (".service", facts.variable)
    scope = Scope({variable, *(f"Test{event}" for event in facts.hops)})
    promises: list[EventPromises] = []
    for event, hops in facts.hops.items():
        scope.use("EventVersions", "Hop")
        scope.sibling(module, variable)
        takes = any(isinstance(step, Take) for hop in hops for step in hop.up)
        if takes:
            scope.use("Envelope")
        pins = tuple(sorted(facts.pins.get(event, ())))
        payloads = tuple(_payloads(facts, event, pins, samples))
        if payloads:
            scope.use("Sample")
        promises.append(
            EventPromises(
                name=event,
                head=hops[-1].newer,
                pins=pins,
                hops=tuple(map(_hop, hops)),
                samples=payloads,
                envelope=tuple(
                    literal(one) for one in (_ENVELOPE.id, _ENVELOPE.time, _ENVELOPE.workflow_id)
                )
                if takes
                else (),
            )
        )
    return Module.of(scope, promises)


def _hop(hop: Hop) -> HopPromises:
    refused = {
        "refused_up": [note for one in hop.effects for note in one.up_refusals],
        "refused_down": [
            *hop.refusals,
            *(note for one in hop.effects for note in one.down_refusals),
        ],
    }
    has_way_down = hop.down is not None
    arguments = [(f"{name}_safe", "True") for name, is_safe in _safe(hop) if is_safe]
    if not has_way_down:
        arguments.append(("way_down", "False"))
        del refused["refused_down"]
    for name, notes in refused.items():
        if told := _told(notes):
            arguments.append((name, f"({', '.join(map(literal, told))},)"))
    remarks = [] if has_way_down else [f"no way down: {hop.no_way_down}"]
    up = _told(note for one in hop.effects for note in one.up_losses)
    down = _told(note for one in hop.effects for note in one.down_losses)
    if has_way_down and up:
        remarks.append(f"up and down again loses {'; '.join(up)}")
    if has_way_down and down:
        remarks.append(f"down and up again loses {'; '.join(down)}")
    return HopPromises(
        older=hop.older,
        newer=hop.newer,
        ops=tuple(literal(one.op) for one in hop.effects),
        arguments=tuple(arguments),
        remarks=tuple(remarks),
    )


def _safe(hop: Hop) -> Iterator[tuple[str, bool]]:
    yield "up", hop.is_up_safe
    yield "down", hop.is_down_safe


def _told(notes: Iterable[Note]) -> list[str]:
    """Return notes as text, but for what is noted of every function of the team's own."""
    return list(dict.fromkeys(str(note) for note in notes if note.what != UNPROVEN))


def _payloads(
    facts: Facts, event: str, pins: Sequence[int], samples: Samples | None
) -> Iterator[SamplePayload]:
    hops = facts.hops[event]
    versions = {one.version: one for one in facts.events[event]}
    every = list(ways(hops, pins))
    for version, one in versions.items():
        payload = samples.get((event, version)) if samples else _made(facts, one)
        if not isinstance(payload, dict):
            continue
        found: list[tuple[int, str]] = []
        for source, target in every:
            if source == version:
                made = _brought(hops, payload, source, target)
                if made is not None:
                    fields = {name: made[name] for name in versions[target].fields if name in made}
                    found.append((target, literal(fields)))
        yield SamplePayload(version=version, payload=literal(payload), becomes=tuple(found))


def _made(facts: Facts, version: EventVersion) -> JSON:
    shape = shape_of_fields(version.fields, facts.spec.types)
    payload = sample(shape)
    return payload if fault(payload, shape) is None else None


def _brought(
    hops: Sequence[Hop], payload: Mapping[str, JSON], source: int, target: int
) -> Mapping[str, JSON] | None:
    """Return what ops make of a payload; None where one refuses it or calls code of the team's."""
    steps = steps_of(hops, source, target)
    if steps is None or any(isinstance(step, Call) for step in steps):
        return None
    try:
        return interpret(steps, payload, _ENVELOPE)
    except REFUSALS:
        return None
