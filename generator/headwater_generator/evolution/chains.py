"""All versions of an event: the hops between them, and what holds for a way over several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from ..grammar import Event, PastVersion, TypeDeclaration
from ..load import Place, entries
from .application import Tell, apply
from .effects import Hop
from .shapes import shape_of_fields
from .steps import Step

__all__ = ["hops_of", "is_down_safe", "is_up_safe", "no_way_down", "steps_of", "way"]


def hops_of(event: Event, types: Mapping[str, TypeDeclaration], tell: Tell) -> tuple[Hop, ...]:
    """Return the hops between an event's versions, oldest first; wrong ones are told and left out.

    Left out is also what could not be read: that was told, and what else is wrong may follow from
    it. The versions are numbered without gaps; `check` has seen to that.
    """
    versions = list(event.versions.items())
    shapes = {number: shape_of_fields(one.fields, types) for number, one in versions}
    hops = []
    for (older, before), (newer, version) in pairwise(versions):
        if not (_has_all_fields(before) and _has_all_fields(version) and _has_ops(version)):
            continue
        hop = apply(
            version.upcast,
            (older, shapes[older]),
            (newer, shapes[newer]),
            tell,
            _places(version),
        )
        if hop:
            hops.append(hop)
    return tuple(hops)


def way(hops: Sequence[Hop], from_version: int, to_version: int) -> tuple[tuple[Hop, ...], bool]:
    """Return the hops between two versions in the order of travel, and whether they go up."""
    low, high = sorted((from_version, to_version))
    between = tuple(one for one in hops if low <= one.older and one.newer <= high)
    goes_up = from_version <= to_version
    return (between if goes_up else between[::-1]), goes_up


def steps_of(hops: Sequence[Hop], from_version: int, to_version: int) -> tuple[Step, ...] | None:
    """Return the steps from one version to another, hop by hop; None if there is no way."""
    between, goes_up = way(hops, from_version, to_version)
    found: list[Step] = []
    for one in between:
        steps = one.up if goes_up else one.down
        if steps is None:
            return None
        found += steps
    return tuple(found)


def no_way_down(hops: Sequence[Hop], version: int) -> str:
    """Return which hop keeps the newest version from being brought down to this one, and why; ""
    if none does.
    """
    for hop in hops[version - 1 :]:
        if why := hop.no_way_down:
            return f"from version {hop.newer} to {hop.older}: {why}"
    return ""


def is_up_safe(hops: Sequence[Hop]) -> bool:
    """Whether older events come back over all these hops as they were."""
    return all(one.is_up_safe for one in hops)


def is_down_safe(hops: Sequence[Hop]) -> bool:
    """Whether newer events come back over all these hops as they were."""
    return all(one.is_down_safe for one in hops)


def _has_all_fields(version: Event | PastVersion) -> bool:
    """Whether each field that is written was read."""
    return len(version.fields) >= len(entries(version.node, "fields"))


def _has_ops(version: Event | PastVersion) -> bool:
    """Whether the ops were read, if any are written: no list of them is empty."""
    return bool(version.upcast) or all(one.key.text != "upcast" for one in entries(version.node))


def _places(version: Event | PastVersion) -> tuple[Place, Mapping[str, Place]]:
    """Return where a version's ops stand, or would, and each of its fields."""
    found = {one.key.text: one.key for one in entries(version.node)}
    whole: Place = found.get("upcast") or found.get("fields") or version.node
    return whole, {one.key.text: one.key for one in entries(version.node, "fields")}
