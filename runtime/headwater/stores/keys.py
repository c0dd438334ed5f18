"""What a store promises of idempotency keys that nobody needs any more.

A key is needed for as long as what has it may come again. Requests come again for as long as their
senders try; so their keys go by age. An event comes again from a broker after whatever else the
broker has; so those keys go by their distance from the newest one of their stream, and none goes
while nothing arrives. What a handler sends for an event is sent again when the event is handled
again; so those keys stay while the stream has the event, or a subscription its dead letter.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from .leases import Lease
from .retention import Swept

__all__ = ["REQUESTED", "SENT", "Keeping", "KeyCount", "KeyKind", "Occasion"]


class KeyKind(Enum):
    """Whose key it is, which tells for how long it is needed."""

    REQUEST = "request"
    """Of a command that somebody sends: until it is too old."""

    SENT = "sent"
    """Of a command that a handler has sent: until it is too old and its event is gone for good."""

    INGEST = "ingest"
    """Of an event of another service, or of a command that was sent for one which only the broker
    has: until it is older by so much than the newest one."""

    IMPORT = "import"
    """Of lines that were imported: for good."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """What a key was for."""

    kind: KeyKind = KeyKind.REQUEST
    stream: str = ""
    """Of the event that it was for, or ""."""
    offset: int = 0
    """Of that event, where it had one by then."""


REQUESTED = Occasion()
SENT = Occasion(KeyKind.SENT)  # for no event


@dataclass(frozen=True, slots=True)
class KeyCount:
    """How many keys of a kind there are."""

    all: int
    gone: int
    """Those that would go now."""


class Keeping(Protocol):
    """Idempotency keys, for as long as they are needed."""

    async def may_forget(self) -> bool:
        """Whether the store lets us remove keys; a database may keep that from some."""

    async def count_keys(self, kind: KeyKind, stream: str, kept: float) -> KeyCount:
        """How many keys there are of that kind and of events of that stream.

        `kept` are the seconds that keys are kept at least.
        """

    async def forget_keys(
        self, kind: KeyKind, stream: str, *, kept: float, start: int, limit: int, lease: Lease
    ) -> Swept:
        """Remove up to `limit` keys that are not needed, the oldest first.

        Keys of events that have an offset are looked at in its order: from `start` on, and those of
        up to `limit` offsets. `LeaseLostError`: the lease is somebody else's, and nothing was done.
        """
