"""How many events of which version a store has, read page by page beside whoever is at work."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass

from headwater.clock import SystemClock
from headwater.deadlines import DEFAULT_DEADLINE, reading_within
from headwater.errors import HeadwaterError
from headwater.stores.contract import EventCount, Store
from headwater.stores.databases import existing_store

__all__ = ["StreamCount", "census", "count_events"]

PAGE = 50_000  # offsets to look at in one statement


@dataclass(frozen=True, slots=True)
class StreamCount:
    """How many events of one version a stream has."""

    stream: str
    event: str
    version: int
    count: int


async def count_events(store: Store, stream: str) -> list[EventCount]:
    """The stream's events by name and version. It reads them all, a page a statement.

    What is recorded meanwhile may be counted or not.
    """
    statistics = await store.statistics(stream)
    found: Counter[tuple[str, int]] = Counter()
    for after in range(statistics.head - statistics.length, statistics.head, PAGE):
        for one in await store.count(stream, after, min(PAGE, statistics.head - after)):
            found[one.name, one.version] += one.count
    return [EventCount(*key, count) for key, count in sorted(found.items())]


def census(database: str) -> list[StreamCount]:
    """The events of every stream in a database that a service has used, which may run meanwhile.

    Raises:
        ValueError: The database cannot be read; the sentence tells why.
    """
    try:
        return asyncio.run(_census(database))
    except HeadwaterError as error:
        raise ValueError(str(error)) from error


async def _census(database: str) -> list[StreamCount]:
    clock = SystemClock()
    store = existing_store(database, clock)
    async with reading_within(clock, DEFAULT_DEADLINE):
        await store.open(())
    try:
        return [
            StreamCount(stream, one.name, one.version, one.count)
            for stream in await store.streams()
            for one in await count_events(store, stream)
        ]
    finally:
        await store.close()
