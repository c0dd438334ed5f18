"""Explanations as text for people, and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..evolution.effects import Effect, Hop, Note
from ..grammar import JSON
from ..problems import printable
from .journeys import Change, Journey, Leg
from .requests import Explanation

__all__ = ["as_json", "as_text"]


def as_text(explanations: Sequence[Explanation]) -> str:
    """Return explanations as paragraphs, an empty line between services."""
    return "\n".join("".join(f"{line}\n" for line in _explanation(one)) for one in explanations)


def _explanation(one: Explanation) -> Iterator[str]:
    journey = one.journey
    start, end = journey.from_version, journey.to_version
    yield f"{one.event}@{start}..{end} of {one.service}"
    yield f"  version {start}: {_json(journey.sample)}"
    for leg in journey.legs:
        yield from _leg(leg)
    if len(journey.legs) > 1:
        yield f"  in all, {start} to {end}"
        yield from _properties(journey)
    if journey.obstacle:
        yield f"  no way {journey.obstacle}"
    elif journey.refusals:
        yield "  set aside as dead letters on this way"
        yield from (f"    {note}" for note in journey.refusals)
    yield "  readers"
    yield from (f"    {reader}" for reader in one.readers or ("none",))
    yield f"  in {one.folder}"
    for file in one.files:
        yield f"    {file.path}" + (f": {', '.join(file.names)}" if file.names else "")


def _leg(leg: Leg) -> Iterator[str]:
    yield f"  {leg.start} to {leg.end}"
    for note in leg.hop.obstacles:
        yield f"    no way down: {note}"
    for stop in leg.stops:
        yield f"    {stop.effect.op}" + ("" if leg.goes_up else " undone")
        yield from (f"      {_change(change)}" for change in stop.changes)
        if stop.silence:
            yield f"      not shown: {stop.silence}"
        yield from _properties(stop.effect, "      ")
    if not leg.stops:
        yield "    no ops: fields are the same, or wider"
        yield from _properties(leg.hop)
    if leg.arrival is not None:
        yield f"  version {leg.end}: {_json(leg.arrival)}"


def _properties(of: Effect | Hop | Journey, margin: str = "    ") -> Iterator[str]:
    """Yield both properties: old, new and old again; new, old and new again."""
    up: list[str] = []
    down: list[str] = []
    if isinstance(of, Hop):
        up += [f"{note}, and no way back" for note in of.obstacles]
        down += [*up, *(f"{note}, and cannot go down" for note in of.refusals)]
    else:
        up += map(str, of.up_losses)
        down += map(str, of.down_losses)
    if isinstance(of, Effect):
        down += [f"{note}, cannot go down" for note in of.down_refusals]
    for name, holds, why in (("up-safe", of.is_up_safe, up), ("down-safe", of.is_down_safe, down)):
        lost = f": {'; '.join(why or ['no way down'])}"
        yield f"{margin}{name:<9} {'yes' if holds else f'no{lost}'}"


def _change(change: Change) -> str:
    match change.before, change.after:
        case (before,), (after,):
            return f"{change.field}: {_json(before)} -> {_json(after)}"
        case (before,), None:
            return f"- {change.field}: {_json(before)}"
        case None, (after,):
            return f"+ {change.field}: {_json(after)}"
        case _:
            raise TypeError(change)


def as_json(explanations: Sequence[Explanation]) -> str:
    """Return explanations as one object. Fields that were not there before or after have no key."""
    return json.dumps({"explanations": [_row(one) for one in explanations]}, indent=2) + "\n"


def _row(one: Explanation) -> dict[str, Any]:
    journey = one.journey
    return {
        "service": one.service,
        "event": one.event,
        "from": journey.from_version,
        "to": journey.to_version,
        "sample": journey.sample,
        "hops": [_hop(leg) for leg in journey.legs],
        **_proof(journey),
        "no_way": journey.obstacle or None,
        "refused": _notes(journey.refusals),
        "readers": list(one.readers),
        "files": [
            {"path": f"{one.folder}/{file.path}", "names": list(file.names)} for file in one.files
        ],
    }


def _hop(leg: Leg) -> dict[str, Any]:
    return {
        "from": leg.start,
        "to": leg.end,
        "ops": [
            {
                "op": stop.effect.op,
                "changes": [_difference(one) for one in stop.changes],
                "not_shown": stop.silence or None,
                **_proof(stop.effect),
                "up_refused": _notes(stop.effect.up_refusals),
                "down_refused": _notes(stop.effect.down_refusals),
            }
            for stop in leg.stops
        ],
        "up_safe": leg.hop.is_up_safe,
        "down_safe": leg.hop.is_down_safe,
        "obstacles": _notes(leg.hop.obstacles),
        "down_refused": _notes(leg.hop.refusals),
        "sample": leg.arrival,
    }


def _proof(of: Effect | Journey) -> dict[str, Any]:
    return {
        "up_safe": of.is_up_safe,
        "down_safe": of.is_down_safe,
        "up_losses": _notes(of.up_losses),
        "down_losses": _notes(of.down_losses),
    }


def _notes(notes: Iterable[Note]) -> list[dict[str, str]]:
    return [{"field": one.field, "what": one.what} for one in notes]


def _difference(change: Change) -> dict[str, Any]:
    sides = {"before": change.before, "after": change.after}
    return {"field": change.field, **{key: one[0] for key, one in sides.items() if one}}


def _json(value: JSON | Mapping[str, JSON]) -> str:
    return printable(json.dumps(value, ensure_ascii=False))
