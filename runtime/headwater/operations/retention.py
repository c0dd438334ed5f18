"""Remove the events that exceed a stream's retention, beside those who append and read.

What exceeds a limit is decided afresh each time from what the store says.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from headwater.clock import Clock
from headwater.errors import ConfigurationError
from headwater.stores.contract import Store
from headwater.stores.leases import RETENTION, Lease
from headwater.stores.retention import Extent, Standing
from headwater.streams import Ceiling, FromTimestamp, Lagging, Retention, Stream

from .caretaking import BATCH, Caretaker

__all__ = ["Removal", "Retainer", "RetentionPlan", "plan"]

MEASURED = 10_000  # events whose sizes are added up in one statement
STEP = 100_000  # events that go at once: readers are moved, and told, once for all of them

logger = logging.getLogger("headwater.retention")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionPlan:
    """What of a stream exceeds its retention now, and what becomes of it."""

    stream: str
    first_offset: int
    """Of the oldest event."""
    exceeds: Mapping[str, int]
    """The limits that are exceeded, `age`, `events` or `size`, each with the last offset that
    exceeds it."""
    through: int
    """The last offset that goes; `first_offset - 1` if none does."""
    missed_through: int
    """Up to here it goes although somebody may still be to settle it."""
    lagging: tuple[Standing, ...]
    """The cursors that have not settled all that exceeds a limit, the furthest behind first."""

    @property
    def removes(self) -> int:
        """How many events go."""
        return self.through - self.first_offset + 1

    @property
    def holds(self) -> int:
        """How many exceed a limit and stay, because of those who lag."""
        return max([self.through, *self.exceeds.values()]) - self.through


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """What retention did to a stream."""

    plan: RetentionPlan
    removed: int
    """Events whose bytes were removed; some from earlier, perhaps, when somebody needed them."""
    first_offset: int
    """Of the oldest event that is left."""


async def plan(store: Store, stream: Stream, lease: Lease | None = None) -> RetentionPlan:
    """What exceeds the retention of a stream that has one. It changes nothing.

    With a lease, what was learnt about sizes is kept, so that the next one need not look again.
    """
    retention = stream.retention
    if retention is None:
        raise ConfigurationError(f"the stream {stream.name} keeps its events for good")
    extent = await store.extent(stream.name)
    if retention.size is not None or (retention.ceiling and retention.ceiling.size is not None):
        extent = await _measured(store, stream.name, extent, lease)
    kept = extent.first_offset - 1
    exceeds = await _exceeded(store, stream.name, retention, extent)
    through = max(exceeds.values(), default=kept)
    missed = kept
    if retention.lagging is Lagging.GAP:
        missed = through
    elif retention.ceiling is not None:
        beyond = await _exceeded(store, stream.name, retention.ceiling, extent)
        missed = min(through, max(beyond.values(), default=kept))
    lagging = await store.standings(stream.name, through) if through > kept else []
    held = min((one.position for one in lagging), default=through)
    return RetentionPlan(
        stream=stream.name,
        first_offset=extent.first_offset,
        exceeds=exceeds,
        through=max(kept, min(through, max(held, missed))),
        missed_through=missed,
        lagging=tuple(lagging),
    )


async def _measured(store: Store, stream: str, extent: Extent, lease: Lease | None) -> Extent:
    """The extent with the size of all its events."""
    size, to = extent.size, max(extent.measured_to, extent.first_offset - 1)
    while to < extent.head:
        count = min(MEASURED, extent.head - to)
        size += await store.measure(stream, to, count)
        to += count
        if lease is not None:
            await store.keep_size(stream, to, size, lease)
    return Extent(extent.first_offset, extent.head, to, size)


async def _exceeded(
    store: Store, stream: str, limits: Retention | Ceiling, extent: Extent
) -> dict[str, int]:
    """The limits that are exceeded, each with the last offset that exceeds it."""
    found: dict[str, int] = {}
    if limits.age is not None:
        with suppress(OverflowError):  # an age beyond the beginning of time: nothing is older
            since = await store.now() - timedelta(seconds=limits.age)
            found["age"] = await store.position(stream, FromTimestamp(since))
    if limits.events is not None:
        found["events"] = extent.head - limits.events
    if limits.size is not None and extent.size > limits.size:
        found["size"] = await _surplus(store, stream, extent, extent.size - limits.size)
    return {name: through for name, through in found.items() if through >= extent.first_offset}


async def _surplus(store: Store, stream: str, extent: Extent, surplus: int) -> int:
    """The first offset through which the oldest events have so many bytes, or more."""
    after = extent.first_offset - 1
    while True:
        size = await store.measure(stream, after, MEASURED)
        if size >= surplus or after + MEASURED >= extent.head:
            break
        surplus -= size
        after += MEASURED
    least, most = 1, MEASURED
    while least < most:
        middle = (least + most) // 2
        if await store.measure(stream, after, middle) >= surplus:
            most = middle
        else:
            least = middle + 1
    return min(after + least, extent.head)


class Retainer(Caretaker[Removal]):
    """Removes what exceeds the retention of these streams, now or from time to time."""

    lease_name = RETENTION
    what = "old events"

    def __init__(self, store: Store, streams: Sequence[Stream], clock: Clock) -> None:
        super().__init__(store, clock)
        self._streams = [stream for stream in streams if stream.retention is not None]
        self._told: dict[str, tuple[Standing, ...]] = {}

    @property
    def has_work(self) -> bool:
        """Whether any of the streams has a retention."""
        return bool(self._streams)

    async def retain(self) -> list[Removal] | None:
        """Remove what exceeds a retention now; as `take_turn`."""
        return await self.take_turn()

    async def _require_rights(self) -> None:
        if not await self._store.may_remove():
            raise ConfigurationError(
                "this role may not remove events; have `headwater streams retention` run as one "
                "that may, such as headwater_retention of `headwater migrate grants`"
            )

    async def _work(self, lease: Lease) -> list[Removal]:
        return [await self._retain(stream, lease) for stream in self._streams]

    async def _retain(self, stream: Stream, lease: Lease) -> Removal:
        removed = await self._sweep(stream.name, lease)
        found = await plan(self._store, stream, lease)
        first = found.first_offset
        while first <= found.through:
            through = min(found.through, first + STEP - 1)
            reached = await self._store.truncate(
                stream.name, through, regardless=found.missed_through, lease=lease
            )
            removed += await self._sweep(stream.name, lease)
            if reached <= first:  # somebody came who is still to settle it
                break
            first = reached
        self._tell(found, removed, first)
        return Removal(plan=found, removed=removed, first_offset=first)

    async def _sweep(self, stream: str, lease: Lease) -> int:
        """Remove the bytes of what is gone."""
        return await self._in_batches(
            lease, lambda start: self._store.sweep(stream, start, BATCH, lease)
        )

    def _tell(self, found: RetentionPlan, removed: int, first: int) -> None:
        about = {"stream": found.stream, "removed": removed, "first_offset": first}
        if removed or first > found.first_offset:
            why = " and ".join(found.exceeds) or "nothing new"
            logger.info("%d old events removed, by %s", removed, why, extra=about)
        held = found.lagging if found.holds else ()
        if [one.key for one in held] != [one.key for one in self._told.get(found.stream, ())]:
            for one in held[:1]:
                logger.warning(
                    "%d events are kept beyond their retention, for those who lag behind",
                    found.holds,
                    extra={
                        **about,
                        "subscription": one.key.subscription,
                        "consumer": one.key.consumer,
                        "position": one.position,
                    },
                )
        self._told[found.stream] = held
