"""The newest pages of a log, read once for all who follow it in this process."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass

from headwater.events import RecordedEvent
from headwater.stores.contract import Store

__all__ = ["Page", "Pages"]

LENGTH = 256  # offsets of a page
KEPT = 32  # pages of all streams together


@dataclass(frozen=True, slots=True)
class Page:
    """What there is of a stretch of a log."""

    events: tuple[RecordedEvent, ...]
    through: int
    """Offset up to which the log is known: what may still come has a higher one."""
    generation: int
    """Of the stream's signal as it was read; a page that is not full is read anew after that."""
    is_full: bool


class Pages:
    """Reads logs in stretches of fixed places, so that those who read the same share them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pages: OrderedDict[tuple[str, int], asyncio.Future[Page]] = OrderedDict()

    async def after(self, stream: str, offset: int) -> Page:
        """The events with a higher offset, up to the end of that stretch of the log."""
        start = offset - offset % LENGTH
        key = (stream, start)
        signal = self._store.appended(stream)
        known = self._pages.get(key)
        page = None if known is None else await asyncio.shield(known)
        if page is None or (not page.is_full and page.generation != signal.generation):
            page = await self._read(key, signal.generation)
        events = tuple(event for event in page.events if event.offset > offset)
        return Page(events, max(page.through, offset), page.generation, page.is_full)

    async def _read(self, key: tuple[str, int], generation: int) -> Page:
        """Read it, or wait for who is reading it."""
        reading: asyncio.Future[Page] = asyncio.get_running_loop().create_future()
        self._pages[key] = reading
        self._pages.move_to_end(key)
        while len(self._pages) > KEPT:
            self._pages.popitem(last=False)
        stream, start = key
        try:
            events = tuple(await self._store.read(stream, start, LENGTH))
        except BaseException as error:
            if self._pages.get(key) is reading:
                del self._pages[key]
            reading.set_exception(error if isinstance(error, Exception) else OSError("cancelled"))
            reading.exception()  # nobody may be waiting for it
            raise
        through = events[-1].offset if events else start
        page = Page(events, through, generation, is_full=through == start + LENGTH)
        reading.set_result(page)
        return page
