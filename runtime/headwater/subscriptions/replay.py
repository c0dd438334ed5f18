"""Read a persistent stream again, outside of all subscriptions: nothing is claimed or settled."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from itertools import islice

from headwater.clock import Clock
from headwater.deadlines import reading_within
from headwater.errors import StreamTruncatedError
from headwater.events import Event, RecordedEvent
from headwater.evolution import Registry
from headwater.stores.contract import Store
from headwater.streams import (
    FromBeginning,
    FromEventId,
    FromLatest,
    FromOffset,
    Start,
    ToEventId,
    ToLatest,
    ToOffset,
    ToTimestamp,
    Until,
)

__all__ = ["Replay"]

PAGE = 500  # events a read


class Replay:
    """The events of a stream, in order, each once. Iterate it, or `records()`; again, and it
    starts again.
    """

    def __init__(
        self,
        stream: str,
        store: Store,
        registry: Registry,
        clock: Clock,
        *,
        start: Start,
        until: Until,
        where: Callable[[RecordedEvent], bool] | None,
        limit: int | None,
        follow: bool,
        deadline: float,
        is_open: Callable[[], bool],
    ) -> None:
        self._stream = stream
        self._store = store
        self._registry = registry
        self._clock = clock
        self._start = start
        self._until = until
        self._where = where
        self._limit = limit
        self._follow = follow
        self._deadline = deadline
        self._is_open = is_open

    async def __aiter__(self) -> AsyncIterator[Event]:
        decode = self._registry.decode
        async for page in self._pages():
            for recorded in page:
                yield decode(recorded)

    async def records(self) -> AsyncIterator[RecordedEvent]:
        """The events as they are recorded, not decoded.

        Raises:
            EventNotFoundError: The stream has no event with an id that was given.
            StreamTruncatedError: Events that belong here are not kept any more: the offset to start
                with, or, while it was read, what was to come next.
            DeadlineExceededError: The store did not answer in time.
        """
        async for page in self._pages():
            for recorded in page:
                yield recorded

    # Whole pages, because each generator that an event goes through costs as much as decoding it.

    async def _pages(self) -> AsyncIterator[Iterable[RecordedEvent]]:
        """What is wanted of each page in range."""
        left = self._limit
        if left is not None and left <= 0:
            return
        async for page in self._pages_in_range():
            found = page if self._where is None else self._wanted(page)
            if left is None:
                yield found
                continue
            wanted = list(islice(found, left))
            yield wanted
            left -= len(wanted)
            if not left:
                return

    def _wanted(self, page: Sequence[RecordedEvent]) -> Iterator[RecordedEvent]:
        return filter(self._where, page)

    async def _pages_in_range(self) -> AsyncIterator[Sequence[RecordedEvent]]:
        async with reading_within(self._clock, self._deadline):
            after = await self._store.position(self._stream, self._start)
            end = await self._end()
        if isinstance(self._start, FromOffset) and 1 <= self._start.offset <= after:
            raise StreamTruncatedError(self._stream, self._start.offset, after)
        until = self._until.timestamp if isinstance(self._until, ToTimestamp) else None
        appended = self._store.appended(self._stream)
        while end is None or after < end:
            seen, now = appended.generation, self._clock.now()
            size = PAGE if end is None else min(PAGE, end - after)
            async with reading_within(self._clock, self._deadline):
                page = await self._store.read(self._stream, after, size)
            if not page or page[0].offset != after + 1:
                await self._require_kept(after, page)
            if page:
                after = page[-1].offset
                if until is not None and page[-1].recorded_at > until:
                    yield [event for event in page if event.recorded_at <= until]
                    return
                yield page
                continue
            if not self._follow or not self._is_open():
                return
            if until is None:
                await appended.wait_after(seen)
                continue
            if now > until:
                return  # what was not there when it was read is later
            left = (until - self._clock.now()).total_seconds()
            if left < 0:
                continue  # it has passed since: what came before it may have come in between
            timer = self._clock.call_later(left + 0.001, appended.notify)
            try:
                await appended.wait_after(seen)
            finally:
                timer.cancel()

    async def _require_kept(self, after: int, page: Sequence[RecordedEvent]) -> None:
        """Return if nothing is missing behind `after`: there is nothing yet.

        Raises:
            StreamTruncatedError: Retention was faster than we are.
        """
        if page:
            first = page[0].offset
        else:
            async with reading_within(self._clock, self._deadline):
                first = await self._store.position(self._stream, FromBeginning()) + 1
        if first > after + 1:
            raise StreamTruncatedError(self._stream, after + 1, first - 1)

    async def _end(self) -> int | None:
        """Offset of the last event; `None` where only the events themselves will tell."""
        match self._until:
            case ToLatest():
                if self._follow:
                    return None
                return await self._store.position(self._stream, FromLatest())
            case ToOffset(offset):
                return offset
            case ToEventId(event_id):
                return await self._store.position(self._stream, FromEventId(event_id)) + 1
            case ToTimestamp():
                return None
