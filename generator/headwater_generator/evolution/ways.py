"""Between which versions of an event there is a function, so that each reader has its way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from .effects import Hop

__all__ = ["ways"]


def ways(hops: Sequence[Hop], pins: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield pairs of versions, what goes in and what comes out: each hop, and each version to the
    head and to what is pinned. Down only where every hop on the way has one.
    """
    head = len(hops) + 1
    wanted = {(version, version + 1) for version in range(1, head)}
    wanted |= {(version + 1, version) for version in range(1, head)}
    wanted |= {
        (version, target)
        for target in {head, *pins}
        for version in range(1, head + 1)
        if version != target
    }
    wanted |= {(head, version) for version in range(1, head)}
    downward = [hop.down is not None for hop in hops]
    for source, target in sorted(wanted):
        if target > source or all(downward[target - 1 : source - 1]):
            yield source, target
