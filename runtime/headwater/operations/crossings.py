"""What has crossed to other services and from them, as far as the store knows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from headwater.clock import Clock
from headwater.deadlines import DEFAULT_DEADLINE, reading_within
from headwater.errors import UnknownSubscriptionError
from headwater.relaying.relay import relay_key
from headwater.service import Service
from headwater.stores.ages import age_of_next
from headwater.stores.contract import Store
from headwater.streams import Stream, StreamType

__all__ = ["Crossing", "Crossings", "Direction"]


class Direction(Enum):
    """Which way a stream crosses."""

    OUT = "out"
    """It is published."""

    IN = "in"
    """It is another service's, and taken into a log here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """How far a stream has crossed."""

    stream: str
    direction: Direction
    position: int
    """Going out, the offset up to which every event is with the broker; coming in, how many
    events were taken in."""
    waiting: int | None
    """Events that are still to go out; what is still to come in only the broker knows."""
    oldest_age: float | None
    """Seconds since the oldest of them was recorded, if it is in a log."""
    set_aside: int
    """Events that cannot be brought to the version at which they would leave."""
    last_at: datetime | None
    """When the last event that has crossed was recorded: going out, by this service; coming in,
    when it was taken in. `None` if there is none, or nobody has kept it."""


class Crossings:
    """The part of `Management` that looks at what goes to other services and comes from them."""

    service: Service[Any]
    _store: Store
    _clock: Clock

    async def crossings(self, *, deadline: float = DEFAULT_DEADLINE) -> list[Crossing]:
        """How far each published stream has gone out, and each remote one has come in.

        Streams that the broker's queues serve are not among them: nothing of them is stored.
        """
        async with reading_within(self._clock, deadline):
            return [one async for one in self._crossings()]

    async def _crossings(self) -> AsyncIterator[Crossing]:
        for stream in self.service.kept_streams:
            if stream.publication is not None:
                yield await self._going_out(stream)
            elif stream.remote is not None:
                yield await self._coming_in(stream)

    async def _going_out(self, stream: Stream) -> Crossing:
        statistics = await self._store.statistics(stream.name)
        try:
            feed = await self._store.feed(relay_key(stream.name))
            position, waiting = feed.position, feed.pending
        except UnknownSubscriptionError:  # it has not been published since it has been recorded
            position, waiting = 0, statistics.length
        is_log = stream.type is StreamType.PERSISTENT
        age = None
        if is_log and waiting:
            age = await age_of_next(self._store, stream.name, position, self._clock.now())
        key = relay_key(stream.name)
        return Crossing(
            stream=stream.name,
            direction=Direction.OUT,
            position=position,
            waiting=waiting,
            oldest_age=age,
            set_aside=len(await self._store.dead_letters(key.subscription)),
            last_at=await self._recorded_at(stream, position) if is_log else None,
        )

    async def _coming_in(self, stream: Stream) -> Crossing:
        head = (await self._store.statistics(stream.name)).head
        return Crossing(
            stream=stream.name,
            direction=Direction.IN,
            position=head,
            waiting=None,
            oldest_age=None,
            set_aside=0,
            last_at=await self._recorded_at(stream, head),
        )

    async def _recorded_at(self, stream: Stream, offset: int) -> datetime | None:
        if not offset:
            return None
        found = await self._store.read(stream.name, offset - 1, 1)
        return found[0].recorded_at if found and found[0].offset == offset else None
