"""What a lock holds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from ..grammar import JSON
from ..model.numbers import Numbering, Numbers
from ..model.storage import Revision

__all__ = [
    "Accepted",
    "Contract",
    "Edition",
    "Entry",
    "Home",
    "Lock",
    "PublishedEvent",
    "PublishedVersion",
    "hash_of",
]

Status = Literal["draft", "released"]


def hash_of(value: JSON) -> str:
    """Return the SHA-256, in hex, of plain data; the order of keys counts."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One version of an event or type, or a command, as it is or was."""

    schema: JSON
    """Its shape in canonical form, fields in order and types expanded."""
    hash: str
    """Of the schema."""
    numbers: Numbers
    status: Status = "draft"
    ops: str = ""
    """Hash of the ops that lead here from the version before; empty where there are none."""
    sample: JSON = None
    """A payload, always the same; null where none could be made."""
    result: JSON = None
    """What a command returns, in canonical form; null where its spec does not say."""

    @property
    def is_released(self) -> bool:
        """Whether it may not change any more."""
        return self.status == "released"


@dataclass(frozen=True, slots=True)
class Contract:
    """A command, or a type in one: it changes in place, within what its callers bear."""

    released: Entry | None = None
    """As it was released last."""
    draft: Entry | None = None
    """As it is now, where that differs."""

    @property
    def current(self) -> Entry | None:
        """As it is now."""
        return self.draft or self.released


@dataclass(frozen=True, slots=True)
class Home:
    """Where an event is recorded."""

    workflow: str
    stream: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A break that the team has taken upon itself, with its reason."""

    subject: str
    """Name of the event, type or command."""
    version: int
    """Of the event or type; 0 of a command."""
    change: str
    reason: str
    is_settled: bool = False
    """Whether it was released since, and so is what others know: the same break, come again, is
    another one."""


@dataclass(frozen=True, slots=True)
class PublishedVersion:
    """One version of an event, as far as others see it."""

    schema: str
    """Hash of its schema."""
    ops: str
    """Hash of the ops that lead to it; empty where there are none."""


@dataclass(frozen=True, slots=True)
class PublishedEvent:
    """An event that leaves the service."""

    leaves_at: int
    """The version at which it does."""
    versions: Mapping[int, PublishedVersion]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """What a service publishes, as it was released: one version of its client package."""

    version: str
    """As packages have it: `1.2.0`."""
    streams: Mapping[str, Mapping[str, PublishedEvent]]
    """Events by stream and name."""
    changes: tuple[str, ...]
    """What is not as in the edition before."""


_Versions = Mapping[str, Mapping[int, Entry]]
_NONE: Mapping[str, Mapping[int, Entry]] = MappingProxyType({})
_NO_FILES: Mapping[str, bytes] = MappingProxyType({})
_NO_HOMES: Mapping[str, Home] = MappingProxyType({})
_NO_CONTRACTS: Mapping[str, Contract] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """What is known of a service: each version of each event and type, its commands, by name."""

    events: _Versions = field(default_factory=lambda: _NONE)
    standing: Mapping[str, bytes] = field(default_factory=lambda: _NO_FILES)
    """Files of events that are as they would be written again, by event."""
    homes: Mapping[str, Home] = field(default_factory=lambda: _NO_HOMES)
    """Of events with a released version: where others know them to be, since the last release."""
    types: _Versions = field(default_factory=lambda: _NONE)
    """As they are in events; a version that an event names `Role@1` is version 1 of `Role`."""
    commands: Mapping[str, Contract] = field(default_factory=lambda: _NO_CONTRACTS)
    inputs: Mapping[str, Contract] = field(default_factory=lambda: _NO_CONTRACTS)
    """Types as they are in commands."""
    accepted: tuple[Accepted, ...] = ()
    storage: tuple[Revision, ...] = ()
    """What databases have gone through, the oldest first; only what was released."""
    editions: tuple[Edition, ...] = ()
    """Versions of the client package, the oldest first; only what was released."""

    @property
    def samples(self) -> Mapping[tuple[str, int], JSON]:
        """A payload of each version of each event, by name and version."""
        return {
            (name, version): entry.sample
            for name, versions in self.events.items()
            for version, entry in versions.items()
        }

    @property
    def digests(self) -> Mapping[tuple[str, int], str]:
        """The hash of the schema of each version of each event, by name and version."""
        return {
            (name, version): entry.hash
            for name, versions in self.events.items()
            for version, entry in versions.items()
        }

    @property
    def first_released(self) -> Mapping[str, int]:
        """The oldest version of each event that was released."""
        return {
            name: min(frozen)
            for name, versions in self.events.items()
            if (frozen := [version for version, one in versions.items() if one.is_released])
        }

    @property
    def released(self) -> Numbering:
        """The numbers that can't change any more, and those of what stands as it is."""
        return Numbering(
            events=_released(self.events, self.standing),
            types=_released(self.types),
            commands=_contracts(self.commands),
            inputs=_contracts(self.inputs),
        )


def _released(known: _Versions, standing: Container[str] = ()) -> dict[tuple[str, int], Numbers]:
    return {
        (name, version): entry.numbers
        for name, versions in known.items()
        for version, entry in versions.items()
        if entry.is_released or name in standing
    }


def _contracts(known: Mapping[str, Contract]) -> dict[str, Numbers]:
    return {name: one.released.numbers for name, one in known.items() if one.released}
