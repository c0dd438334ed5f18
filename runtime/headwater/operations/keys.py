"""Remove the idempotency keys that nobody needs any more.

How long a key is needed depends on what has it, as `stores/keys.py` tells; the time that all of
them are kept at least is a setting.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from headwater.clock import Clock
from headwater.errors import ConfigurationError
from headwater.stores.contract import Store
from headwater.stores.keys import KeyCount, KeyKind
from headwater.stores.leases import KEYS, Lease
from headwater.streams import Stream

from .caretaking import BATCH, Caretaker

__all__ = [
    "KEEP_KEYS",
    "SHORTEST_KEEP",
    "KeyKeeper",
    "KeyRemoval",
    "KeysPlan",
    "plan_keys",
    "require_long_enough",
]

KEEP_KEYS = 7 * 86_400.0  # seconds
SHORTEST_KEEP = 3_600.0  # seconds: longer than a command takes and a process may be frozen

logger = logging.getLogger("headwater.retention")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysPlan:
    """How many keys there are of one kind, and how many would go."""

    kind: KeyKind
    stream: str
    """Of whose events they are, or ""."""
    count: KeyCount


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRemoval:
    """How many keys of one kind were removed."""

    kind: KeyKind
    stream: str
    """Of whose events they were, or ""."""
    removed: int


def require_long_enough(kept: float) -> None:
    """Raise `ConfigurationError` where requests that are under way might lose their keys."""
    if kept != 0 and not kept >= SHORTEST_KEEP:
        raise ConfigurationError(
            f"keys are kept for {SHORTEST_KEEP:g} seconds at least, or for good with 0"
        )


def _groups(streams: Sequence[Stream]) -> Iterator[tuple[KeyKind, str]]:
    """The kinds of keys, those of events by stream."""
    yield KeyKind.REQUEST, ""
    yield KeyKind.SENT, ""
    yield KeyKind.IMPORT, ""
    for stream in streams:
        if stream.is_kept:
            yield KeyKind.SENT, stream.name
        yield KeyKind.INGEST, stream.name


async def plan_keys(store: Store, streams: Sequence[Stream], kept: float) -> list[KeysPlan]:
    """What keys there are, where there are any. It changes nothing."""
    found = [
        KeysPlan(kind=kind, stream=stream, count=await store.count_keys(kind, stream, kept))
        for kind, stream in _groups(streams)
    ]
    return [one for one in found if one.count.all]


class KeyKeeper(Caretaker[KeyRemoval]):
    """Removes keys that were kept for long enough; with 0 seconds they are kept for good."""

    lease_name = KEYS
    what = "idempotency keys"

    def __init__(self, store: Store, streams: Sequence[Stream], kept: float, clock: Clock) -> None:
        super().__init__(store, clock)
        self._streams = streams
        self._kept = kept

    @property
    def has_work(self) -> bool:
        """Whether keys go at all."""
        return self._kept > 0

    async def _require_rights(self) -> None:
        if not await self._store.may_forget():
            raise ConfigurationError(
                "this role may not remove keys; have `headwater streams keys` run as one that may, "
                "such as headwater_retention of `headwater migrate grants`"
            )

    async def _work(self, lease: Lease) -> list[KeyRemoval]:
        if not self.has_work:
            return []
        groups = _groups(self._streams)
        return [await self._forget(kind, stream, lease) for kind, stream in groups]

    async def _forget(self, kind: KeyKind, stream: str, lease: Lease) -> KeyRemoval:
        removed = await self._in_batches(
            lease,
            lambda start: self._store.forget_keys(
                kind, stream, kept=self._kept, start=start, limit=BATCH, lease=lease
            ),
        )
        if removed:
            about = {"kind": kind.value, "stream": stream, "removed": removed}
            logger.info("%d idempotency keys removed, of kind %s", removed, kind.value, extra=about)
        return KeyRemoval(kind=kind, stream=stream, removed=removed)
