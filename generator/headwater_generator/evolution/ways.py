"""Between which versions of an event there is a function, so that each reader has its way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ..grammar import ops as grammar
from ..grammar.ops import Op
from .fusion import Hop

__all__ = ["has_way_down", "ways"]


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
    downward = [has_way_down(hop) for hop in hops]
    for source, target in sorted(wanted):
        if target > source or all(downward[target - 1 : source - 1]):
            yield source, target


def has_way_down(hop: Hop) -> bool:
    """Tell whether events of the newer version can be brought to the older."""
    return all(map(_undoable, hop.ops)) and _is_no_wider(hop)


def _undoable(op: Op) -> bool:
    match op:
        case grammar.In(inner=inner) | grammar.Each(inner=inner):
            return all(map(_undoable, inner.do))
        case grammar.Custom(functions=functions):
            return functions.down is not None
        case _:
            return True


def _is_no_wider(hop: Hop) -> bool:
    return True
