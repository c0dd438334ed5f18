"""Which recorded events a spec could not read, asked of the runtime through an entry point.

The generator imports nothing of the runtime that runs; it finds `census` where the runtime has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Protocol

from ..grammar import Spec
from ..model.versions import versions_of

__all__ = ["Counted", "Unread", "census", "unread"]

GROUP = "headwater.census"


class Counted(Protocol):
    """How many events of one version a stream has."""

    stream: str
    event: str
    version: int
    count: int


@dataclass(frozen=True, slots=True)
class Unread:
    """Events that the spec has no way to read."""

    stream: str
    event: str
    version: int
    count: int
    missing: str
    """What the spec would need."""

    def __str__(self) -> str:
        events = "1 event is" if self.count == 1 else f"{self.count} events are"
        return f"{self.stream}: {events} {self.event} version {self.version}, and {self.missing}"


def census(database: str) -> list[Counted]:
    """Return what a service's database has, by stream, event and version.

    Raises:
        ValueError: It cannot be read; the sentence tells why.
    """
    for found in entry_points(group=GROUP):
        count: Callable[[str], list[Counted]] = found.load()
        return count(database)
    raise ValueError("the runtime, which can read databases, is not installed here")


def unread(spec: Spec, counts: Iterable[Counted]) -> Iterator[Unread]:
    """Yield the events that the spec does not know, or not in their version."""
    known: dict[str, list[int]] = {}
    for version in versions_of(spec):
        known.setdefault(version.name, []).append(version.version)
    for one in counts:
        if missing := _missing(known, one):
            yield Unread(one.stream, one.event, one.version, one.count, missing)


def _missing(known: Mapping[str, list[int]], one: Counted) -> str | None:
    versions = known.get(one.event)
    if versions is None:
        return "the spec has no such event: keep it as long as events of it are there"
    if one.version in versions:
        return None
    if one.version > max(versions):
        return f"the newest that the spec has is {max(versions)}: a later release recorded them"
    return f"the spec has no way from it: keep it in `history`, with `upcast` to {one.version + 1}"
