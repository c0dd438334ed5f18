"""Editions of what a service publishes: the versions of its client package, and what changed.

A break of the contract makes the next edition a major one: a version that is another on the wire,
something that is published no more, an event that leaves at another version. What others only gain
by, a new version or event, makes it a minor one, and the rest a patch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import NamedTuple

from ..grammar import Spec
from ..model.publication import departures
from .entries import Edition, Lock, PublishedEvent, PublishedVersion

__all__ = ["DRAFT", "Change", "Level", "changes_between", "edition_of", "next_edition"]

DRAFT = ".dev0"  # behind the version of a client package that holds drafts

_Streams = Mapping[str, Mapping[str, PublishedEvent]]
_NOTHING: _Streams = MappingProxyType({})


class Level(IntEnum):
    """What a change does to a version."""

    PATCH = 0
    MINOR = 1
    MAJOR = 2


class Change(NamedTuple):
    """What is not as it was, for those who read the events."""

    level: Level
    what: str


def edition_of(spec: Spec, lock: Lock) -> Edition | None:
    """Return what the service publishes now, drafts and all; `None` where that is nothing.

    It is the newest edition of the lock where nothing has changed since, or else a draft of the
    next one.
    """
    streams = _published(spec, lock, drafts=True)
    if not streams:
        return None
    if lock.editions and lock.editions[-1].streams == streams:
        return lock.editions[-1]
    made = _after(lock, streams)
    return Edition(version=f"{made.version}{DRAFT}", streams=streams, changes=made.changes)


def next_edition(spec: Spec, lock: Lock) -> Edition | None:
    """Return what a release adds to the editions; `None` where it changes nothing of them."""
    streams = _published(spec, lock, drafts=False)
    before = lock.editions[-1].streams if lock.editions else _NOTHING
    return None if streams == before else _after(lock, streams)


def changes_between(before: _Streams, now: _Streams) -> Iterator[Change]:
    """Yield what changed, as those who read the events see it."""
    yield from (
        Change(Level.MAJOR, f"stream {name} is published no more")
        for name in before
        if name not in now
    )
    for name, events in now.items():
        known = before.get(name)
        if known is None:
            yield Change(Level.MINOR, f"stream {name} is published")
        for event, one in events.items():
            earlier = (known or {}).get(event)
            if earlier is None:
                yield Change(Level.MINOR, f"{event} is new, and leaves at version {one.leaves_at}")
            else:
                yield from _changes_of(event, earlier, one)
        yield from (
            Change(Level.MAJOR, f"{event} is published no more")
            for event in known or ()
            if event not in events
        )


def _changes_of(name: str, before: PublishedEvent, now: PublishedEvent) -> Iterator[Change]:
    if now.leaves_at != before.leaves_at:
        what = f"{name} leaves at version {now.leaves_at}, and no longer at {before.leaves_at}"
        yield Change(Level.MAJOR, what)
    for version, one in now.versions.items():
        earlier = before.versions.get(version)
        if earlier is None:
            yield Change(Level.MINOR, f"{name} has version {version}")
        elif earlier.schema != one.schema:
            yield Change(Level.MAJOR, f"{name}: version {version} is another on the wire")
        elif earlier.ops != one.ops:
            yield Change(Level.PATCH, f"{name}: version {version} is reached by other ops")
    yield from (
        Change(Level.MAJOR, f"{name} has no version {version} any more")
        for version in before.versions
        if version not in now.versions
    )


def _after(lock: Lock, streams: _Streams) -> Edition:
    if not lock.editions:
        changes = tuple(one.what for one in changes_between(_NOTHING, streams))
        return Edition(version="1.0.0", streams=streams, changes=changes)
    last = lock.editions[-1]
    found = list(changes_between(last.streams, streams))
    numbers = [int(part) for part in last.version.split(".")]
    place = Level.MAJOR - max((one.level for one in found), default=Level.PATCH)
    numbers = [*numbers[:place], numbers[place] + 1, *([0] * (2 - place))]
    return Edition(
        version=".".join(map(str, numbers)),
        streams=streams,
        changes=tuple(one.what for one in found),
    )


def _published(spec: Spec, lock: Lock, *, drafts: bool) -> _Streams:
    """Return what is published, of drafts too or only of what was released."""
    streams: dict[str, Mapping[str, PublishedEvent]] = {}
    for stream, leaving in departures(spec, lock.first_released).items():
        events: dict[str, PublishedEvent] = {}
        for event, version in leaving.items():
            versions = {
                number: PublishedVersion(entry.hash, entry.ops)
                for number, entry in sorted(lock.events[event].items())
                if drafts or entry.is_released
            }
            if version in versions:
                events[event] = PublishedEvent(version, MappingProxyType(versions))
        if events:
            streams[stream] = MappingProxyType(events)
    return MappingProxyType(streams)
