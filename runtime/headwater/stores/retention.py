"""What a store promises of old events that go.

Retention works in two steps. `truncate` lets events go at once and as a whole: one short
transaction raises the stream's first offset and moves every cursor that stands below it, keeping
for its reader which offsets it has missed. `sweep` then removes the events' bytes, a batch a
transaction; it can be broken off anywhere and begun again. So nobody sees a half of it, and an
append never waits for a batch.

An event that was taken from the stream and is not settled keeps its bytes until it is, whatever
becomes of the stream: a claim or a retry never finds its event gone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from headwater.streams import FromOffset, Start

from .leases import Lease

if TYPE_CHECKING:
    from headwater.events import RecordedEvent

    from .contract import FeedKey

__all__ = [
    "Extent",
    "Gap",
    "Retaining",
    "Standing",
    "Swept",
    "gap_between",
    "missed_at_start",
    "spanned",
]


@dataclass(frozen=True, slots=True)
class Gap:
    """Offsets that a cursor was to read and that are gone, both ends counted in."""

    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.first} to {self.last}"


def gap_between(first: int | None, last: int | None) -> Gap | None:
    """The gap with these ends, as they are kept, if there is one."""
    return None if first is None or last is None else Gap(first, last)


def spanned(gaps: Iterable[Gap | None]) -> Gap | None:
    """From the first to the last of them all."""
    found = [gap for gap in gaps if gap is not None]
    if not found:
        return None
    return Gap(min(gap.first for gap in found), max(gap.last for gap in found))


def missed_at_start(start: Start, first_offset: int) -> Gap | None:
    """What a reader that comes first now and starts there will not see, of what it asked for.

    Only an offset names events that may be gone; the oldest event is the oldest that is left.
    """
    if isinstance(start, FromOffset) and 1 <= start.offset < first_offset:
        return Gap(start.offset, first_offset - 1)
    return None


@dataclass(frozen=True, slots=True)
class Extent:
    """What there is of a stream."""

    first_offset: int
    """Of the oldest event that is left; `head + 1` if none is."""
    head: int
    measured_to: int
    """Up to here it was counted how many bytes there are."""
    size: int
    """Bytes of data of the events from `first_offset` to `measured_to`."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a cursor stands: every event up to `position` is settled, or not wanted."""

    key: FeedKey
    position: int


@dataclass(frozen=True, slots=True)
class Swept:
    """What became of a batch."""

    removed: int
    next: int | None
    """Offset to go on from; `None` when there is nothing more to remove."""


class Retaining(Protocol):
    """Persistent streams whose oldest events go.

    Whatever changes something compares the lease: `LeaseLostError`, and nothing was done.
    """

    async def now(self) -> datetime:
        """The time of the store, by which events are recorded."""

    async def extent(self, stream: str) -> Extent:
        """What there is of the stream."""

    async def measure(self, stream: str, after: int, limit: int) -> int:
        """Bytes of data of the events with `after < offset <= after + limit`."""

    async def keep_size(self, stream: str, measured_to: int, size: int, lease: Lease) -> None:
        """Keep that the events from the first offset to `measured_to` have so many bytes."""

    async def standings(self, stream: str, through: int) -> list[Standing]:
        """The cursors on the stream that have not settled every event up to `through`.

        The furthest behind comes first. Those of partitions are among them.
        """

    async def may_remove(self) -> bool:
        """Whether the store lets us remove events; a database may keep that from its services."""

    async def kept_event(self, stream: str, offset: int) -> RecordedEvent | None:
        """The event at that offset, also if it is gone and a cursor has taken it and not settled
        it.
        """

    async def truncate(self, stream: str, through: int, *, regardless: int, lease: Lease) -> int:
        """Let the events up to `through` go, and return the offset of the first one left.

        Beyond `regardless` only those that no cursor is still to settle. A cursor that stood below
        is moved, and if it was to read any of what is gone it has a `Gap` to tell.
        """

    async def sweep(self, stream: str, start: int, limit: int, lease: Lease) -> Swept:
        """Remove the bytes of what is gone, from `start` on and of up to `limit` offsets.

        What a cursor has taken and not settled stays, until it is swept after that.
        """

    async def tell_gap(self, key: FeedKey, gap: Gap) -> None:
        """Take note that the reader was told of the gap, so that it is handed events again."""
