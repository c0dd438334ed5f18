"""What is promised of the hops between an event's versions, as data that its readers see."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from headwater.evolution import Fields

__all__ = ["Hop", "Sample", "between", "mentioning", "ways"]

_WORD = re.compile(r"\w+")
_PAIR = re.compile(r"(\w+): (\w+)")


@dataclass(frozen=True, slots=True)
class Hop:
    """What leads from one version of an event to the next, and what holds for it."""

    older: int
    newer: int
    ops: tuple[str, ...] = ()
    """As the spec has them; each begins with its name."""
    up_safe: bool = False
    """Every older event comes back as it was after going up and down."""
    down_safe: bool = False
    """Every newer event comes back as it was after going down and up."""
    way_down: bool = True
    """Whether newer events can be served to readers of the older version."""
    refused_up: tuple[str, ...] = ()
    """Which values cannot go up, by field; all others can."""
    refused_down: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """A payload of one version, and what it is at others."""

    version: int
    payload: Fields
    becomes: Mapping[int, Fields] = field(default_factory=dict)
    """By version. A version that is missing is reached too, if there is a way; what comes of the
    payload there is known to the team's own functions alone."""


def ways(hops: Sequence[Hop], pins: Sequence[int]) -> list[tuple[int, int]]:
    """Pairs of versions, recorded and read, that there must be a way between.

    Each hop, each version to the head and to what subscriptions pin, and the head to each: up
    always, down where every hop has a way down.
    """
    head = hops[-1].newer
    found = set[tuple[int, int]]()
    for hop in hops:
        found |= {(hop.older, hop.newer), (hop.newer, hop.older), (head, hop.older)}
    for target in {head, *pins}:
        found |= {(version, target) for version in range(1, head + 1) if version != target}
    return sorted(way for way in found if all(_leads(hop, way) for hop in between(hops, *way)))


def _leads(hop: Hop, way: tuple[int, int]) -> bool:
    recorded, read = way
    return read > recorded or hop.way_down


def between(hops: Sequence[Hop], recorded: int, read: int) -> list[Hop]:
    """The hops on the way from one version to another, in the order of travel."""
    low, high = sorted((recorded, read))
    found = [hop for hop in hops if low <= hop.older and hop.newer <= high]
    return found if read > recorded else found[::-1]


def mentioning(hops: Sequence[Hop], names: Iterable[str]) -> list[str]:
    """The ops that name one of the fields, whatever they are renamed from or to; all, if none."""
    every = [op for hop in hops for op in hop.ops]
    known = set(names)
    renamed = [pair for op in every if op.startswith("rename ") for pair in _PAIR.findall(op)]
    for pair in (*renamed, *reversed(renamed)):
        if known & set(pair):
            known |= set(pair)
    return [op for op in every if known & set(_WORD.findall(op))] or every
