"""An event on its way between two versions: what each op does to a sample of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..evolution import ObjectShape
from ..evolution.chains import is_down_safe, is_up_safe, steps_of, way
from ..evolution.effects import Effect, Hop, Note
from ..evolution.steps import Call, Step, interpret
from ..grammar import JSON
from .samples import ENVELOPE, REFUSED, telling_sample

__all__ = ["Change", "Journey", "Leg", "Stop", "travel"]


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one field; None where it is not there: `null` is a value, so in a list."""

    field: str
    """With its path: `address.city`."""
    before: tuple[JSON] | None
    after: tuple[JSON] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """One op, and what it does on the way."""

    effect: Effect
    changes: tuple[Change, ...] = ()
    """On the sample; none where the op does nothing to it, or was not carried out."""
    silence: str = ""
    """Why it was not carried out; empty where it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One hop, in the direction of travel."""

    hop: Hop
    goes_up: bool
    stops: tuple[Stop, ...]
    arrival: Mapping[str, JSON] | None
    """The sample at the next version; None where there is no way, or it was not carried out."""

    @property
    def start(self) -> int:
        """The version it begins at."""
        return self.hop.older if self.goes_up else self.hop.newer

    @property
    def end(self) -> int:
        """The version it leads to."""
        return self.hop.newer if self.goes_up else self.hop.older


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """The whole way. Both properties are of all hops together, whatever the direction."""

    from_version: int
    to_version: int
    sample: Mapping[str, JSON]
    """What it begins with."""
    legs: tuple[Leg, ...]
    is_up_safe: bool
    """Whether every older event comes back as it was after going up and down."""
    is_down_safe: bool
    """Whether every newer event comes back as it was after going down and up."""

    @property
    def obstacle(self) -> str:
        """Why there is no way, in words; empty if there is one."""
        for leg in self.legs:
            if not leg.goes_up and leg.hop.down is None:
                return f"from version {leg.start} to {leg.end}: {leg.hop.no_way_down}"
        return ""

    @property
    def refusals(self) -> tuple[Note, ...]:
        """Values that cannot go this way."""
        return tuple(dict.fromkeys(note for leg in self.legs for note in _refused(leg)))

    @property
    def up_losses(self) -> tuple[Note, ...]:
        """What an older event is without after going up and down."""
        effects = (stop.effect for leg in self.legs for stop in leg.stops)
        return tuple(dict.fromkeys(note for one in effects for note in one.up_losses))

    @property
    def down_losses(self) -> tuple[Note, ...]:
        """What a newer event is without after going down and up."""
        effects = (stop.effect for leg in self.legs for stop in leg.stops)
        return tuple(dict.fromkeys(note for one in effects for note in one.down_losses))


def travel(
    hops: Sequence[Hop], shapes: Mapping[int, ObjectShape], from_version: int, to_version: int
) -> Journey:
    """Carry the ops between two versions out on a sample of the first.

    Args:
        hops: All hops of the event.
        shapes: Its versions.
    """
    between, goes_up = way(hops, from_version, to_version)
    steps = steps_of(hops, from_version, to_version) or _until_no_way(between)
    sample = telling_sample(shapes[from_version], steps)
    fields: Mapping[str, JSON] | None = sample
    legs: list[Leg] = []
    for hop in between:
        leg = _leg(hop, fields, goes_up=goes_up)
        legs.append(leg)
        fields = leg.arrival
        if fields is None and (goes_up or hop.down is not None):
            fields = telling_sample(shapes[leg.end], ())
    return Journey(
        from_version=from_version,
        to_version=to_version,
        sample=sample,
        legs=tuple(legs),
        is_up_safe=is_up_safe(between),
        is_down_safe=is_down_safe(between),
    )


def _until_no_way(between: Sequence[Hop]) -> tuple[Step, ...]:
    """Return the steps down before the hop that cannot be taken."""
    found: list[Step] = []
    for hop in between:
        if hop.down is None:
            break
        found += hop.down
    return tuple(found)


def _leg(hop: Hop, sample: Mapping[str, JSON] | None, *, goes_up: bool) -> Leg:
    effects = hop.effects if goes_up else hop.effects[::-1]
    silence = ""
    if sample is None:
        silence = "the way ends before"
    elif not goes_up and hop.down is None:
        silence = f"there is no way down: {hop.no_way_down}"
    fields = dict(sample or {})
    stops: list[Stop] = []
    for effect in effects:
        steps = (effect.up if goes_up else effect.down) or ()
        silence = silence or _own_function(steps)
        if silence:
            stops.append(Stop(effect=effect, silence=silence))
            continue
        try:
            made = interpret(steps, fields, ENVELOPE)
        except REFUSED as error:
            silence = f"the sample cannot go this way: {error}"
            stops.append(Stop(effect=effect, silence=silence))
            continue
        stops.append(Stop(effect=effect, changes=tuple(_changes(fields, made))))
        fields = made
    return Leg(
        hop=hop,
        goes_up=goes_up,
        stops=tuple(stops),
        arrival=None if silence else fields,
    )


def _own_function(steps: Sequence[Step]) -> str:
    called = next((step.function for step in steps if isinstance(step, Call)), "")
    return f"{called}() is your own, and not run here" if called else ""


def _refused(leg: Leg) -> Iterator[Note]:
    if not leg.goes_up:
        yield from leg.hop.refusals
    for stop in leg.stops:
        yield from stop.effect.up_refusals if leg.goes_up else stop.effect.down_refusals


def _changes(
    before: Mapping[str, JSON], after: Mapping[str, JSON], path: str = ""
) -> Iterator[Change]:
    """Yield what differs: what went, what changed, what came, each in the order of the fields."""
    for name, value in before.items():
        where = f"{path}{name}"
        if name not in after:
            yield Change(where, (value,), None)
            continue
        now = after[name]
        if isinstance(value, dict) and isinstance(now, dict):
            yield from _changes(value, now, f"{where}.")
        elif value != now or type(value) is not type(now):
            yield Change(where, (value,), (now,))
    for name, value in after.items():
        if name not in before:
            yield Change(f"{path}{name}", None, (value,))
