"""BACKWARD, FORWARD and FULL of an event, with the op that earned each or the field that breaks it.

BACKWARD: what was recorded can be read by who is new. FORWARD: what is recorded from now on can be
read by who is old. FULL: both. Each is about the newest version that others know; as TRANSITIVE
it is about every one. Terms as schema registries have them, but that ops count as readers here: an
older version is read through the ops that lead up from it, and an older reader is served through
the way down.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ..evolution import ObjectShape, shape_of_fields
from ..evolution.application import UNPROVEN
from ..evolution.chains import hops_of, way
from ..evolution.effects import Hop, Note
from ..grammar import Event, Spec
from ..grammar.streams import COMPATIBILITIES, Compatibility
from ..load import Place
from ..lock import Home, homes_of
from ..names import pinned
from .baseline import Baseline, plain
from .contracts import refusals

__all__ = ["MODES", "EventVerdicts", "Mode", "Verdict", "readers_of", "verdicts"]

Mode: TypeAlias = Compatibility
MODES: tuple[Mode, ...] = COMPATIBILITIES
CONSUMERS_FIRST = "consumers first, then producers"
PRODUCERS_FIRST = "producers first, then consumers"
ANY_ORDER = "in any order"
NO_ORDER = "in no order: neither side reads what the other writes"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a promise holds."""

    breaks: tuple[str, ...] = ()
    """What breaks it; none where it holds."""
    earned: tuple[str, ...] = ()
    """The ops that it holds by, with what is lost on them; none where nothing has changed."""

    @property
    def holds(self) -> bool:
        """Whether it does."""
        return not self.breaks

    def despite(self, breaks: tuple[str, ...]) -> Verdict:
        """Return what is left of it where there are these breaks as well."""
        return Verdict((*breaks, *self.breaks), self.earned)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventVerdicts:
    """What a change of one event means."""

    name: str
    before: int | None
    """The newest version that others know; None of a new event."""
    now: int | None
    """The head; None of an event that is gone."""
    is_changed: bool
    verdicts: Mapping[Mode, Verdict]
    readers: tuple[str, ...]
    """The subscriptions of the service that get the event, with the version that they get."""

    @property
    def order(self) -> str:
        """In which order it is safe to deploy."""
        match self.verdicts["backward"].holds, self.verdicts["forward"].holds:
            case True, True:
                return ANY_ORDER
            case True, False:
                return CONSUMERS_FIRST
            case False, True:
                return PRODUCERS_FIRST
            case _:
                return NO_ORDER


def verdicts(spec: Spec, baseline: Baseline) -> Iterator[EventVerdicts]:
    """Yield what the change of each event means; in the order of the spec, those gone last."""
    homes = homes_of(spec)
    for workflow in spec.workflows.values():
        for name, event in workflow.events.items():
            known = baseline.events.get(name, {})
            move = _Move(name, baseline.homes.get(name, homes[name]), homes[name])
            yield _of_event(spec, event, known, move)
    for name, known in baseline.events.items():
        if name not in homes:
            yield _gone(name, known, baseline)


@dataclass(frozen=True, slots=True)
class _Move:
    """Where an event was recorded, and where it is now."""

    event: str
    before: Home
    now: Home

    @property
    def unread(self) -> tuple[str, ...]:
        """Why recorded ones are not read, or do not count, where new ones are."""
        told = []
        if self.before.stream != self.now.stream:
            told.append(
                f"{self.event} moved to stream {self.now.stream}, and recorded ones stay in "
                f"{self.before.stream}"
            )
        if self.before.workflow != self.now.workflow:
            told.append(
                f"{self.event} moved to workflow {self.now.workflow}, and recorded ones belong to "
                f"instances of {self.before.workflow}"
            )
        return tuple(told)

    @property
    def unserved(self) -> tuple[str, ...]:
        """Why new ones do not come to those who read it where it was."""
        if self.before.stream == self.now.stream:
            return ()
        now, before = self.now.stream, self.before.stream
        return (f"{self.event} moved to stream {now}, and readers of {before} get no more of it",)


def _of_event(
    spec: Spec, event: Event, known: Mapping[int, ObjectShape], move: _Move
) -> EventVerdicts:
    name = move.event
    shapes = {
        version: shape_of_fields(one.fields, spec.types) for version, one in event.versions.items()
    }
    hops = hops_of(event, spec.types, _silent)
    newest = max(known, default=None)
    ups = {
        version: _up(name, version, known[version], shapes, hops).despite(move.unread)
        for version in known
    }
    downs = {
        version: _down(name, version, known[version], shapes, hops).despite(move.unserved)
        for version in known
    }
    edited = any(
        version not in shapes or plain(shapes[version]) != shape for version, shape in known.items()
    )
    return EventVerdicts(
        name=name,
        before=newest,
        now=event.version,
        is_changed=newest != event.version or edited or bool(move.unread),
        verdicts=_table(newest, ups, downs),
        readers=(
            *readers_of(spec, name, move.now.stream, event.version),
            *(f"{one} no more" for one in _left_behind(spec, move)),
        ),
    )


def _gone(name: str, known: Mapping[int, ObjectShape], baseline: Baseline) -> EventVerdicts:
    unread = Verdict((f"{name} is gone, and recorded ones could not be read",))
    served = Verdict(earned=("no more of it are recorded",))
    readers: tuple[str, ...] = ()
    if baseline.spec:
        for workflow in baseline.spec.workflows.values():
            if name in workflow.events:
                newest = max(known)
                readers = tuple(readers_of(baseline.spec, name, workflow.stream, newest))
    return EventVerdicts(
        name=name,
        before=max(known),
        now=None,
        is_changed=True,
        verdicts=_table(max(known), dict.fromkeys(known, unread), dict.fromkeys(known, served)),
        readers=readers,
    )


def _table(
    newest: int | None, ups: Mapping[int, Verdict], downs: Mapping[int, Verdict]
) -> dict[Mode, Verdict]:
    latest = [] if newest is None else [newest]
    every = sorted(ups, reverse=True)
    return {
        "backward": _joined(ups[version] for version in latest),
        "backward-transitive": _joined(ups[version] for version in every),
        "forward": _joined(downs[version] for version in latest),
        "forward-transitive": _joined(downs[version] for version in every),
        "full": _joined(one[version] for version in latest for one in (ups, downs)),
        "full-transitive": _joined(one[version] for version in every for one in (ups, downs)),
    }


def _joined(parts: Iterator[Verdict]) -> Verdict:
    found = list(parts)
    breaks = dict.fromkeys(text for one in found for text in one.breaks)
    earned = dict.fromkeys(text for one in found for text in one.earned)
    return Verdict(tuple(breaks), tuple(earned))


def _up(
    name: str,
    version: int,
    known: ObjectShape,
    shapes: Mapping[int, ObjectShape],
    hops: Sequence[Hop],
) -> Verdict:
    """Tell whether events of a version, as others record them, can be read at the head."""
    if version not in shapes:
        return Verdict((f"version {version} is gone, and recorded ones could not be read",))
    breaks = [
        f"{name}@{version} was changed in place: {why}" for why in refusals(known, shapes[version])
    ]
    earned: list[str] = []
    for hop in way(hops, version, max(shapes))[0]:
        for effect in hop.effects:
            breaks += [f"{effect.op}: {note} cannot go up" for note in _known(effect.up_refusals)]
            earned.append(f"{effect.op} ({hop.older} to {hop.newer})")
        if not hop.effects:
            earned.append(f"nothing but wider fields ({hop.older} to {hop.newer})")
    return Verdict(tuple(breaks), tuple(earned))


def _down(
    name: str,
    version: int,
    known: ObjectShape,
    shapes: Mapping[int, ObjectShape],
    hops: Sequence[Hop],
) -> Verdict:
    """Tell whether events of the head can be served to those who know a version.

    Values that the way down refuses break it: such an event would be dead-lettered there.
    """
    if version not in shapes:
        return Verdict((f"version {version} is gone, and nothing leads down to it",))
    breaks = [
        f"{name}@{version} was changed in place: {why}" for why in refusals(shapes[version], known)
    ]
    earned: list[str] = []
    for hop in way(hops, max(shapes), version)[0]:
        span = f"({hop.newer} to {hop.older})"
        if hop.down is None:
            breaks.append(f"no way down {span}: {hop.no_way_down}")
            continue
        breaks += [f"{note} cannot go down {span}" for note in hop.refusals]
        for effect in reversed(hop.effects):
            breaks += [
                f"{effect.op}: {note} cannot go down" for note in _known(effect.down_refusals)
            ]
            lost = "".join(f"; {note}" for note in effect.down_losses)
            earned.append(f"{effect.op} undone {span}{lost}")
        if not hop.effects:
            earned.append(f"fields that are the same {span}")
    return Verdict(tuple(breaks), tuple(earned))


def _known(notes: Iterable[Note]) -> Iterator[Note]:
    """Yield what is known of values that cannot go; custom functions count as what they claim."""
    return (note for note in notes if note.what != UNPROVEN)


def _left_behind(spec: Spec, move: _Move) -> Iterator[str]:
    """Yield the subscriptions that got every event of the stream where this one was."""
    if move.before.stream != move.now.stream:
        for name, one in spec.subscriptions.items():
            if one.stream == move.before.stream and one.events is None:
                yield name


def readers_of(spec: Spec, event: str, stream: str, head: int) -> Iterator[str]:
    """Yield the subscriptions that get an event, in words, with the version that they get."""
    for name, one in spec.subscriptions.items():
        if one.stream != stream:
            continue
        if one.events is None:
            yield f"{name} at {head}"
            continue
        for text in one.events:
            wanted, version = pinned(text)
            if wanted == event:
                yield f"{name}, pinned at {version}" if version else f"{name} at {head}"


def _silent(place: Place, code: str, message: str, hint: str) -> None:
    """Pass over what `check` has told."""
