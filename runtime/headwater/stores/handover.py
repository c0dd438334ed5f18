"""Which partitions change hands when a session asks for its share; the same in every store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .groups import wanted_shares

__all__ = ["Handover", "Owned", "hand_over"]


@dataclass(frozen=True, slots=True)
class Owned:
    """A partition, and who has it."""

    partition: int
    owner: str
    """A session, which may not be alive any more; "" for none."""
    revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """What is to happen."""

    taken: Mapping[int, bool]
    """Partitions that the session gets, and whether each was abandoned. Their epochs rise."""
    changed: frozenset[int]
    """Partitions that it keeps, and that others have changed."""
    lost: frozenset[int]
    """Partitions that it no longer has."""
    surplus: int
    """How many it has too many."""
    next_due: float | None
    """Seconds until another session may be found dead."""


def hand_over(
    session: str,
    known: Mapping[int, int],
    *,
    partitions: Iterable[Owned],
    living: Mapping[str, float],
    max_consumers: int | None,
) -> Handover:
    """Give the session its share of what no living session has, the first partitions first.

    `living` are the sessions and the seconds that each has still to live. The session's own counts
    whatever its time; where it is missing the session is no member and has nothing. What it owns
    without knowing was given to it by a call that it did not hear the end of: it is taken anew.
    """
    if session not in living:
        return Handover(
            taken={}, changed=frozenset(), lost=frozenset(known), surplus=0, next_due=None
        )
    partitions = tuple(partitions)
    owned = dict.fromkeys(living, 0)
    for one in partitions:
        if one.owner in owned:
            owned[one.owner] += 1
    share = wanted_shares(owned, max_consumers)[session]
    room = share - owned[session]
    taken: dict[int, bool] = {}
    changed: set[int] = set()
    lost = set(known)
    for one in partitions:
        number = one.partition
        if one.owner == session:
            lost.discard(number)
            if number not in known:
                taken[number] = True
            elif known[number] != one.revision:
                changed.add(number)
        elif one.owner not in living and room > 0:
            room -= 1
            taken[number] = one.owner != ""
    return Handover(
        taken=taken,
        changed=frozenset(changed),
        lost=frozenset(lost - taken.keys()),
        surplus=max(0, -room),
        next_due=min((left for one, left in living.items() if one != session), default=None),
    )
