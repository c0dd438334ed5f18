"""What was generated for versions of an event: the files, and what they call it there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..evolution.effects import Hop
from ..evolution.ways import ways
from ..grammar import Spec
from ..model.protos import package_of
from ..model.upcasting import function_between
from ..names import event_class

__all__ = ["GeneratedFile", "generated_for"]


@dataclass(frozen=True, slots=True)
class GeneratedFile:
    """A file of the generated package."""

    path: str
    """From the package's folder on, with `/`."""
    names: tuple[str, ...] = ()
    """What is in it; none where the whole file is about the event."""


def generated_for(
    spec: Spec, event: str, hops: tuple[Hop, ...], pins: Iterable[int], journey: tuple[int, int]
) -> Iterator[GeneratedFile]:
    """Yield the files that an event's versions are in, from the first of a journey to the last.

    Args:
        hops: All hops of the event.
        pins: The versions of it that subscriptions pin.
        journey: The version that it begins with, and the one it leads to.
    """
    start, end = journey
    versions = range(min(journey), max(journey) + 1)
    classes = tuple(event_class(event, version) for version in versions)
    proto = package_of(spec).replace(".", "/")
    yield GeneratedFile("events.py", classes)
    if functions := tuple(_functions(event, start, end, set(ways(hops, pins)))):
        yield GeneratedFile("upcasting.py", functions)
        yield GeneratedFile("test_upcasting.py", (f"Test{event}",))
    for version in versions:
        yield GeneratedFile(f"schemas/{event}.v{version}.json")
    yield GeneratedFile(f"proto/{proto}/events.proto", classes)
    yield GeneratedFile("pb/events_pb2.py", classes)
    yield GeneratedFile("asyncapi.yaml", classes)


def _functions(event: str, start: int, end: int, known: set[tuple[int, int]]) -> Iterator[str]:
    if (start, end) in known:
        yield function_between(event, start, end)
        return
    step = 1 if end > start else -1
    for version in range(start, end, step):
        if (version, version + step) in known:
            yield function_between(event, version, version + step)
