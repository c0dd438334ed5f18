"""What has to hold of a consumer group, whoever came, went, froze or was killed.

    I1  each event has its effect, and is settled in the end
    I3  effects that are in the unit of their progress come once, others once more for each failure
    I4  a workflow's events take effect in their order, across all its owners
    I5  everything up to the cursor of a partition has its effect
    I6  no cursor ever runs ahead of the effects, or back
    I7  one owner at a time: each epoch is one session's, nothing is written under an epoch that
        another one has followed, and nothing is taken from a session that lives

Beside what `checker.check` finds in every history. Effects carry the epoch they were made under.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from headwater.stores.groups import partition_of

from tests.faults.checker import TOLERANCE, Found, Violation
from tests.faults.history import History, Line

__all__ = ["GroupPromise", "check_group", "cut_offs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupPromise:
    """What the group promises, and what it had to bear."""

    subscription: str = "posting"
    lifetime: float
    """Seconds that a session lives after it was last heard of."""
    crashes: bool = False
    """Whether the server has crashed: that a session was heard of may be undone with it."""
    again: int = 0
    """Effects that may have come again: what members had in hand when they were cut off."""


@dataclass(frozen=True, slots=True)
class _Effect:
    mark: str
    key: str
    offset: int
    epoch: int
    time: float
    """0 for those in the store, whose order is known instead."""


def check_group(history: History, found: Found, promise: GroupPromise) -> list[Violation]:
    """Everything that is wrong with the group."""
    lines = [line for line in history if line.subscription in {"", promise.subscription}]
    effects = _effects(lines, found)
    return [
        *_delivered(lines, found, promise, effects),
        *_order(lines, effects, found),
        *_cursors(lines, found, effects),
        *_owners(lines, promise),
        *_late_progress(lines),
        *_late_effects(lines, effects),
    ]


def _effects(history: History, found: Found) -> list[_Effect]:
    offsets = {event.id: event.offset for event in found.log or ()}
    if found.own_effects:
        return [
            _Effect(mark, key, offsets.get(mark, 0), epoch, 0.0)
            for mark, key, epoch in found.effects
        ]
    return [
        _Effect(line.ids[0], line.key, line.offset or 0, line.token or 0, line.time)
        for line in history
        if line.action == "effect"
    ]


def _delivered(
    history: History, found: Found, promise: GroupPromise, effects: Sequence[_Effect]
) -> Iterator[Violation]:
    times = Counter(effect.mark for effect in effects)
    there = {event.id: event.offset for event in found.log or ()}
    missing = [
        mark for mark, offset in there.items() if mark not in times and offset not in found.dead
    ]
    if missing:
        yield Violation("I1", f"{len(missing)} events had no effect: {missing[:5]}")
    if found.pending:
        yield Violation("I1", f"{found.pending} events are still to be settled")
    for mark in times.keys() - there.keys():
        yield Violation("I2", f"{mark} had an effect and is not in the log")
    failures = _failures(history)
    again = {
        mark: more
        for mark, many in times.items()
        if (more := many - 1 - failures[there.get(mark, 0)]) > 0
    }
    allowed = 0 if found.own_effects else promise.again
    if sum(again.values()) > allowed:
        yield Violation("I3", f"{sum(again.values())} effects came again, {allowed} may: {again}")


def _failures(history: History) -> Counter[int]:
    """How often each event was written down as failed, by offset."""
    failures: Counter[int] = Counter()
    for line in history:
        if line.action == "progress" and line.kind == "ok":
            for name, figure in line.figures.items():
                if name.startswith("failures of "):
                    offset = int(name.removeprefix("failures of "))
                    failures[offset] = max(failures[offset], int(figure))
    return failures


def _order(history: History, effects: Sequence[_Effect], found: Found) -> Iterator[Violation]:
    """By time, or as they are in the store; without those of owners that others had followed."""
    versions = {event.offset: event.version or 0 for event in found.log or ()}
    dead = {(event.key, event.version) for event in found.log or () if event.offset in found.dead}
    followed = _followed(history)
    last: dict[str, int] = defaultdict(int)
    for effect in sorted(effects, key=lambda one: one.time):  # those in the store stay in order
        if effect.time and followed.before(effect):
            continue
        version = versions.get(effect.offset, 0)
        if version < last[effect.key]:
            yield Violation(
                "I4", f"version {version} of {effect.key} came after {last[effect.key]}"
            )
        skipped = [
            one for one in range(last[effect.key] + 1, version) if (effect.key, one) not in dead
        ]
        if skipped:
            yield Violation("I4", f"version {version} of {effect.key} came before {skipped}")
        last[effect.key] = max(last[effect.key], version)


def _cursors(history: History, found: Found, effects: Sequence[_Effect]) -> Iterator[Violation]:
    """Of each partition: never back, and never past an event whose effect came later."""
    first: dict[int, float] = dict.fromkeys(found.dead, 0.0)
    for effect in effects:
        first[effect.offset] = min(effect.time, first.get(effect.offset, effect.time))
    events: dict[int, list[int]] = defaultdict(list)
    for event in found.log or ():
        events[partition_of(event.key)].append(event.offset)
    samples = [line for line in history if line.action == "cursor" and line.note == "partitions"]
    checked: Counter[int] = Counter()
    reached: Counter[int] = Counter()
    ended = sorted(samples, key=lambda line: line.time)
    place = 0
    for sample in sorted(samples, key=_since):
        while place < len(ended) and ended[place].time < _since(sample):
            for number, position in _positions(ended[place]).items():
                reached[number] = max(reached[number], position)
            place += 1
        for number, position in _positions(sample).items():
            if position < reached[number]:
                yield Violation(
                    "I6", f"partition {number} went from {reached[number]} back to {position}"
                )
            mine = events[number]
            while checked[number] < len(mine) and mine[checked[number]] <= position:
                offset = mine[checked[number]]
                if offset not in first:
                    yield Violation("I5", f"partition {number} is at {position}, past {offset}")
                elif first[offset] > sample.time:
                    yield Violation(
                        "I6", f"partition {number} was at {position} before {offset} had its effect"
                    )
                checked[number] += 1


def _positions(sample: Line) -> Mapping[int, int]:
    return {int(name): int(at) for name, at in sample.figures.items() if name.isdigit()}


def _since(line: Line) -> float:
    """When the step began that the line is the end of."""
    return line.figures.get("since", line.time)


def _partition(line: Line) -> int:
    return int(line.figures["partition"])


def _takes(history: History) -> dict[int, list[Line]]:
    """Who was given which partition, in the order of the epochs."""
    taken: dict[int, list[Line]] = defaultdict(list)
    for line in history:
        if line.action == "own":
            taken[_partition(line)].append(line)
    return {
        number: sorted(lines, key=lambda line: line.token or 0) for number, lines in taken.items()
    }


def _owners(history: History, promise: GroupPromise) -> Iterator[Violation]:
    heard: dict[str, list[Line]] = defaultdict(list)
    left: dict[tuple[str, int | None], float] = {}
    for line in history:
        if line.action == "alive":
            heard[line.id].append(line)
        elif line.action == "leave":
            left.setdefault((line.id, None), line.time)
        elif line.action == "release":
            place = (line.id, _partition(line))
            left[place] = min(line.time, left.get(place, line.time))
    for number, lines in _takes(history).items():
        for one, other in pairwise(lines):
            if one.token == other.token and one.id != other.id:
                yield Violation(
                    "I7", f"{one.id} and {other.id} own partition {number} under {one.token}"
                )
            gone = min(
                left.get((one.id, None), float("inf")), left.get((one.id, number), float("inf"))
            )
            if promise.crashes or one.id == other.id or gone < other.time:
                continue
            beats = [_since(beat) for beat in heard[one.id] if _since(beat) < _since(other)]
            lives_until = max(beats, default=0.0) + promise.lifetime
            if other.time < lives_until - TOLERANCE:
                yield Violation(
                    "I7", f"partition {number} was taken from {one.id} while that was alive"
                )


def cut_offs(history: History) -> int:
    """How often somebody took over from a session that had neither left nor released."""
    left = {(line.id, None) for line in history if line.action == "leave"}
    left |= {(line.id, _partition(line)) for line in history if line.action == "release"}
    return len(
        {
            (one.id, other.id)
            for number, lines in _takes(history).items()
            for one, other in pairwise(lines)
            if left.isdisjoint({(one.id, None), (one.id, number)})
        }
    )


class _Followed:
    """When the epochs of each partition were followed by others."""

    def __init__(self, history: History) -> None:
        self._times: dict[int, list[tuple[int, float]]] = {
            number: [(line.token or 0, line.time) for line in lines]
            for number, lines in _takes(history).items()
        }

    def at(self, partition: int, epoch: int) -> float:
        """When somebody else had been told of a later epoch; infinity if nobody was."""
        later = (time for other, time in self._times.get(partition, ()) if other > epoch)
        return min(later, default=float("inf"))

    def before(self, effect: _Effect) -> bool:
        """Whether it came when another one owned the partition.

        All processes have one clock, and who releases a partition has nothing of it in hand.
        """
        return self.at(partition_of(effect.key), effect.epoch) < effect.time


def _followed(history: History) -> _Followed:
    return _Followed(history)


def _late_progress(history: History) -> Iterator[Violation]:
    followed = _followed(history)
    for line in history:
        if line.action == "progress" and line.kind == "ok":
            number, epoch = _partition(line), line.token or 0
            if followed.at(number, epoch) < _since(line):
                yield Violation(
                    "I7", f"progress of partition {number} was taken under {epoch}, which was over"
                )


def _late_effects(history: History, effects: Sequence[_Effect]) -> Iterator[Violation]:
    """In the store the epochs of a partition's effects never fall."""
    if not effects or effects[0].time:
        return
    reached: Counter[int] = Counter()
    for effect in effects:
        number = partition_of(effect.key)
        if effect.epoch < reached[number]:
            yield Violation(
                "I7", f"{effect.mark} took effect under {effect.epoch}, after {reached[number]}"
            )
        reached[number] = max(reached[number], effect.epoch)
