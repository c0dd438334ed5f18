"""What has to hold of every history, whatever went wrong in it.

    I1  what was acknowledged is in the log, and has its effect once all has healed
    I2  nothing is there that nobody tried, that was refused, or that is half of a batch
    I3  effects come as often as the delivery semantics allow
    I4  offsets and versions have no gap, and a workflow's events take effect in their order
    I5  everything up to the cursor has its effect
    I6  the cursor never runs ahead of the effects and never back
    I7  one claim at a time: nothing is settled under a claim that another one has followed
    I10 what was taken is given back: memory, tasks, threads, files, sockets, sessions, locks
    I11 each fault is in the logs, no secret is, and no task's exception was lost
    I12 each fault really happened

The checker reads what actors wrote down and what a store says at the end. It knows no store.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from tests.faults.history import History, Line

__all__ = ["Found", "Promise", "Recorded", "Violation", "check", "counts"]

TOLERANCE = 0.05  # seconds by which the clocks of store and history may differ
NEVER_RETRIEVED = "was never retrieved"
LINES_OF_A_LOSS = 20  # with its traceback
ALLOWANCE = {"resident": 48.0 * (1 << 20)}
"""How much more there may be at the end than before: memory is not given back byte by byte."""


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that must not be."""

    invariant: str
    what: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event in the log."""

    offset: int
    id: str
    key: str
    version: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What the subscription under test promises, and how many faults it had to bear."""

    subscription: str = "posting"
    delivery: str = "at-least-once"
    exclusive: bool = True
    in_flight: int = 4
    """Events that one consumer may have in hand."""
    faults: int = 0
    """Times that a consumer lost what it had in hand."""
    ack_timeout: float = 30.0
    ordered: bool = True
    """Whether a workflow's events wait for each other."""
    crashes: bool = False
    """Whether the server has crashed. What may come again does not wait for its disk: claims may be
    undone with it, and so may acknowledgements that nothing else was committed with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the store says at the end."""

    log: Sequence[Recorded] | None
    """`None` where the stream does not keep what was consumed."""
    position: int | None = None
    """Of the cursor; `None` where nobody reads."""
    pending: int = 0
    dead: Collection[int] = ()
    """Offsets of dead letters."""
    effects: Sequence[tuple[str, str, int]] = ()
    """Effects in the store itself: event, workflow and claim, in the order of their commits."""
    logs: str = ""
    integrity: str = "ok"
    """What the database says of itself."""
    faults: Mapping[str, int] = field(default_factory=dict)
    """The faults that had to happen, and how often at least."""
    logged: Collection[str] = ()
    """Words that the faults have to leave in the logs."""
    secrets: Collection[str] = ()
    """Words that must not be in the logs."""
    is_locked: bool = False
    """Whether somebody who is gone still keeps others from writing."""
    own_effects: bool = False
    """Whether effects are those in the store and not those in the history."""


def check(history: History, found: Found, promise: Promise | None = None) -> list[Violation]:
    """Everything that is wrong; without a promise nobody has read."""
    violations = [
        *_appends(history, found),
        *_order_of_the_log(found.log or ()),
        *_resources(history, found),
        *_logs(found),
        *_faults(history, found.faults),
    ]
    if found.integrity != "ok":
        violations.append(Violation("I1", f"the database is damaged: {found.integrity}"))
    if promise is not None:
        effects = _effects(history, found, promise)
        violations += [
            *_delivered(history, found, promise, effects),
            *_order_of_effects(history, found, promise, effects),
            *_cursor(history, found, promise, effects),
            *_claims(history, found, promise, effects),
        ]
    return violations


def counts(history: History, found: Found, promise: Promise | None = None) -> dict[str, int]:
    """How many events there are, and how many of them are lost, phantom, or had effects again."""
    tried, accepted = _tried(history), _accepted(history)
    there = {event.id for event in found.log} if found.log is not None else accepted
    lost, effects = accepted - there, Counter[str]()
    if promise is not None:
        effects.update(effect.id for effect in _effects(history, found, promise))
        if promise.delivery != "at-most-once":
            dead = {event.id for event in found.log or () if event.offset in found.dead}
            lost |= {*_wanted(history, found)} - {*effects} - dead - _set_aside(history)
    return {
        "events": len(there),
        "lost": len(lost),
        "phantom": len((there | {*effects}) - tried),
        "again": effects.total() - len(effects),
    }


@dataclass(frozen=True, slots=True)
class _Effect:
    id: str
    key: str
    version: int
    offset: int
    token: int
    time: float


# Appending


def _appends(history: History, found: Found) -> Iterator[Violation]:
    batches: dict[str, Line] = {}
    outcomes: dict[str, str] = {}
    for line in history:
        if line.action == "append":
            if line.kind == "invoke":
                batches[line.id] = line
            else:
                outcomes[line.id] = line.kind
    if found.log is None:
        return
    counts = Counter(event.id for event in found.log)
    keys = {event.id: event.key for event in found.log}
    batch_of = {mark: batch for batch, line in batches.items() for mark in line.ids}
    for batch, line in batches.items():
        there = [mark for mark in line.ids if mark in counts]
        outcome = outcomes.get(batch)
        if outcome == "ok" and len(there) < len(line.ids):
            missing = sorted({*line.ids} - {*there})
            yield Violation("I1", f"{missing} of {batch} were acknowledged and are not there")
        elif there and len(there) < len(line.ids):
            yield Violation("I2", f"of {batch} only {there} are there")
        if outcome == "fail" and there:
            yield Violation("I2", f"{batch} was refused and is there")
        for mark in there:
            if keys[mark] != line.key:
                yield Violation("I2", f"{mark} is in {keys[mark]} and was entered in {line.key}")
    for mark, count in counts.items():
        if mark not in batch_of:
            yield Violation("I2", f"{mark} is there and nobody entered it")
        if count > 1:
            yield Violation("I2", f"{mark} is there {count} times")


def _order_of_the_log(log: Sequence[Recorded]) -> Iterator[Violation]:
    if log and log[0].offset != 1:
        yield Violation("I4", f"the log begins at {log[0].offset}")
    for one, other in pairwise(log):
        if other.offset != one.offset + 1:
            yield Violation("I4", f"offset {other.offset} follows {one.offset}")
    versions: dict[str, int] = defaultdict(int)
    for event in log:
        if event.version is not None:
            if event.version != versions[event.key] + 1:
                yield Violation(
                    "I4",
                    f"version {event.version} of {event.key} follows {versions[event.key]}",
                )
            versions[event.key] = event.version


# Delivering


def _effects(history: History, found: Found, promise: Promise) -> list[_Effect]:
    if found.own_effects:
        places = {event.id: event for event in found.log or ()}
        return [
            _Effect(mark, key, place.version or 0, place.offset, token, 0.0)
            for mark, key, token in found.effects
            if (place := places.get(mark, Recorded(0, mark, key, 0)))
        ]
    return [
        _Effect(
            line.ids[0], line.key, line.version or 0, line.offset or 0, line.token or 0, line.time
        )
        for line in history
        if line.action == "effect" and line.subscription == promise.subscription
    ]


def _wanted(history: History, found: Found) -> dict[str, int | None]:
    """The events that need an effect, with their offsets where those are known."""
    if found.log is not None:
        return {event.id: event.offset for event in found.log}
    return dict.fromkeys(_accepted(history))


def _tried(history: History) -> set[str]:
    """What anybody wanted to enter."""
    return {mark for line in history if line.action == "append" for mark in line.ids}


def _accepted(history: History) -> set[str]:
    """What was acknowledged to whoever entered it."""
    accepted = {line.id for line in history if line.action == "append" and line.kind == "ok"}
    return {
        mark
        for line in history
        if line.action == "append" and line.kind == "invoke" and line.id in accepted
        for mark in line.ids
    }


def _set_aside(history: History) -> set[str]:
    """What a consumer made a dead letter of."""
    return {
        line.ids[0]
        for line in history
        if line.action == "settle" and line.kind == "ok" and line.note == "SetAside"
    }


def _delivered(
    history: History, found: Found, promise: Promise, effects: Sequence[_Effect]
) -> Iterator[Violation]:
    wanted = _wanted(history, found)
    times = Counter(effect.id for effect in effects)
    in_hand = promise.in_flight * promise.faults
    dead = _set_aside(history)
    missing = [
        mark
        for mark, offset in wanted.items()
        if mark not in times and mark not in dead and offset not in found.dead
    ]
    if found.pending:
        yield Violation("I1", f"{found.pending} events are still to be settled")
    if promise.delivery == "at-most-once":
        if len(missing) > in_hand:
            yield Violation("I3", f"{len(missing)} effects are lost, {in_hand} were in hand")
    elif missing:
        yield Violation("I1", f"{len(missing)} events had no effect: {missing[:5]}")
    tried = _tried(history)
    for mark in times:
        if mark not in (wanted if found.log is not None else tried):
            yield Violation("I2", f"{mark} had an effect and is not in the log")
    again = {mark: count - 1 for mark, count in times.items() if count > 1}
    failures = Counter(
        line.ids[0]
        for line in history
        if line.action == "settle" and line.kind == "ok" and line.note == "PutBack"
    )
    unexplained = sum(max(0, extra - failures[mark]) for mark, extra in again.items())
    allowed = in_hand if promise.delivery == "at-least-once" else 0
    if promise.delivery != "at-least-once":
        unexplained = sum(again.values())
    if unexplained > allowed:
        yield Violation("I3", f"{unexplained} effects came again, {allowed} may: {again}")


def _order_of_effects(
    history: History, found: Found, promise: Promise, effects: Sequence[_Effect]
) -> Iterator[Violation]:
    """Within a workflow an effect is followed by itself or by the next one.

    What happens under a claim that was followed by another one is that consumer's own mistake, and
    counted as a duplicate.
    """
    if not promise.ordered:
        return
    claimed = _claims_by_event(history, promise)
    last: dict[str, int] = defaultdict(int)
    for effect in sorted(effects, key=lambda one: one.time):
        newer = [
            line
            for line in claimed.get(effect.offset, ())
            if (line.token or 0) > effect.token and line.time < effect.time + TOLERANCE
        ]
        if newer:
            continue
        if effect.version < last[effect.key]:
            yield Violation(
                "I4", f"version {effect.version} of {effect.key} came after {last[effect.key]}"
            )
        elif promise.delivery != "at-most-once" and effect.version > last[effect.key] + 1:
            skipped = range(last[effect.key] + 1, effect.version)
            if not _all_dead(effect.key, skipped, history, found):
                yield Violation(
                    "I4", f"version {effect.version} of {effect.key} came before {[*skipped]}"
                )
        last[effect.key] = max(last[effect.key], effect.version)


def _all_dead(key: str, versions: range, history: History, found: Found) -> bool:
    dead = {
        line.version
        for line in history
        if line.action == "settle" and line.note == "SetAside" and line.key == key
    }
    dead |= {
        event.version
        for event in found.log or ()
        if event.key == key and event.offset in found.dead
    }
    return dead.issuperset(versions)


def _cursor(
    history: History, found: Found, promise: Promise, effects: Sequence[_Effect]
) -> Iterator[Violation]:
    if found.position is None:
        return
    first: dict[int, float] = {}
    for effect in effects:
        first[effect.offset] = min(effect.time, first.get(effect.offset, effect.time))
    set_aside = {
        line.offset or 0: line.time
        for line in history
        if line.action == "settle" and line.kind == "invoke" and line.note == "SetAside"
    }
    settled = {**set_aside, **first}
    settled |= {offset: 0.0 for offset in found.dead if offset not in settled}
    if found.log is not None and promise.delivery != "at-most-once":
        skipped = [
            event.offset
            for event in found.log
            if event.offset <= found.position and event.offset not in settled
        ]
        if skipped:
            yield Violation("I5", f"the cursor is at {found.position}, past {skipped[:5]}")
    samples = [
        line
        for line in history
        if line.action == "cursor" and line.subscription == promise.subscription
    ]
    if not promise.crashes:
        yield from _never_backwards(samples, found.position)
    if promise.delivery != "at-most-once" and not found.own_effects and found.log is not None:
        checked = 0
        for sample in samples:
            for offset in range(checked + 1, (sample.offset or 0) + 1):
                if settled.get(offset, 0.0) > sample.time:
                    yield Violation(
                        "I6", f"the cursor was at {sample.offset} before {offset} had its effect"
                    )
            checked = max(checked, sample.offset or 0)
    if promise.delivery == "at-least-once" and not found.own_effects:
        had: dict[tuple[int, int], float] = {}
        for effect in effects:  # the first one: after a crash there may be another under its token
            place = (effect.offset, effect.token)
            had[place] = min(effect.time, had.get(place, effect.time))
        for line in history:
            if (line.action, line.kind, line.note) == ("settle", "invoke", "Acknowledge"):
                place = (line.offset or 0, line.token or 0)
                if place not in had or had[place] > line.time:
                    yield Violation("I6", f"{place[0]} was acknowledged before its effect")


def _never_backwards(samples: Sequence[Line], end: int) -> Iterator[Violation]:
    """Looks of several processes overlap: what one began to see after another had ended counts."""
    seen = sorted((sample.time, sample.offset or 0) for sample in samples)
    place, reached = 0, 0
    for sample in sorted(samples, key=_since):
        while place < len(seen) and seen[place][0] < _since(sample):
            reached = max(reached, seen[place][1])
            place += 1
        if (sample.offset or 0) < reached:
            yield Violation("I6", f"the cursor went from {reached} back to {sample.offset}")
    if samples and end < (reached := max(position for _, position in seen)):
        yield Violation("I6", f"the cursor ended at {end} and was at {reached}")


def _since(line: Line) -> float:
    """When the step began that the line is the end of."""
    return line.figures.get("since", line.time)


def _claims(
    history: History, found: Found, promise: Promise, effects: Sequence[_Effect]
) -> Iterator[Violation]:
    if not promise.exclusive:
        return
    claimed = _claims_by_event(history, promise)
    settled: dict[tuple[int, int], str] = {
        (line.offset or 0, line.token or 0): line.note
        for line in history
        if line.action == "settle" and line.kind == "ok"
    }
    let_go = {
        (line.offset or 0, line.token or 0)
        for line in history
        if line.action == "settle" and line.kind == "invoke"
    } - {
        (line.offset or 0, line.token or 0)
        for line in history
        if line.action == "settle" and line.kind == "fail"
    }
    for offset, lines in claimed.items():
        tokens = [line.token or 0 for line in lines]
        if len({*tokens}) < len(tokens) and not promise.crashes:
            yield Violation("I7", f"two claims of {offset} have one token")
        newest = max(tokens)
        for token in tokens:
            if promise.crashes and not found.own_effects:
                continue
            if settled.get((offset, token)) in {"Acknowledge", "SetAside"} and token < newest:
                yield Violation("I7", f"{offset} was settled under {token} and claimed as {newest}")
        for one, other in pairwise(sorted(lines, key=lambda line: line.token or 0)):
            earliest = _since(one) + promise.ack_timeout - TOLERANCE
            if promise.crashes:
                continue
            if (offset, one.token or 0) not in let_go and other.time < earliest:
                yield Violation("I7", f"{offset} was claimed again while its claim was good")
    by_key: dict[str, int] = defaultdict(int)
    for effect in effects if effects and not effects[0].time else ():
        if effect.token <= by_key[effect.key]:
            yield Violation("I7", f"an effect of claim {effect.token} came late in {effect.key}")
        if effect.offset in claimed and effect.token != max(
            line.token or 0 for line in claimed[effect.offset]
        ):
            yield Violation("I7", f"{effect.offset} took effect under an old claim")
        by_key[effect.key] = max(by_key[effect.key], effect.token)


def _claims_by_event(history: History, promise: Promise) -> Mapping[int, list[Line]]:
    claimed: dict[int, list[Line]] = defaultdict(list)
    for line in history:
        if line.action == "claim" and line.subscription == promise.subscription:
            claimed[line.offset or 0].append(line)
    return claimed


# Around it


def _resources(history: History, found: Found) -> Iterator[Violation]:
    for line in history:
        if line.action == "resources":
            for name, value in line.figures.items():
                before = line.figures.get(f"{name} before")
                if before is not None and value > before + ALLOWANCE.get(name, 0.0):
                    yield Violation("I10", f"{line.actor} has {value:g} {name}, had {before:g}")
    if found.is_locked:
        yield Violation("I10", "nobody can write: a lock was left over")


def _logs(found: Found) -> Iterator[Violation]:
    lines = found.logs.splitlines()
    for number, text in enumerate(lines):
        if NEVER_RETRIEVED in text or "was never awaited" in text:
            yield Violation("I11", "\n".join(lines[number : number + LINES_OF_A_LOSS]))
    for words in found.logged:
        if words not in found.logs:
            yield Violation("I11", f"nothing in the logs says {words!r}")
    for secret in found.secrets:
        if secret in found.logs:
            yield Violation("I11", f"the logs tell a secret: {secret!r}")


def _faults(history: History, least: Mapping[str, int]) -> Iterator[Violation]:
    happened = Counter(line.id for line in history if line.action == "fault")
    for name, times in least.items():
        if happened[name] < times:
            yield Violation("I12", f"{name} happened {happened[name]} times, not {times}")
