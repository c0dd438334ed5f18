"""The copy itself: what is missing is added in batches, then both ends are read and compared.

A batch is there whole or not at all, and the next run goes on after the last one. So it does not
matter when a copy is interrupted; and what has changed in between, or was there before, is found
by the comparison, and copied anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from headwater.clock import SystemClock
from headwater.errors import ConfigurationError, CopyFailedError
from headwater.schema.tables import EVENTS, STREAMS, TABLES, Table
from headwater.stores.databases import MEMORY, existing_store, shown, store_for
from headwater.stores.postgres.address import Address
from headwater.stores.sqlite.store import SqliteStore
from headwater.streams import StreamType

from .ends import End, Row, Source, Target, order_of

__all__ = ["Copied", "CopiedTable", "Progress", "Stage", "copy_database"]

BATCH_SIZE = 4 * 1024 * 1024  # bytes that a batch is meant to have
FEWEST_ROWS, MOST_ROWS = 16, 2000  # of a batch


class Stage(Enum):
    """What a copy is at."""

    COPYING = "copying"
    COMPARING = "comparing"


Progress: TypeAlias = Callable[[Stage, int, int], None]
"""Called with the rows that are done and all that there are, of one stage."""


@dataclass(frozen=True, slots=True)
class CopiedTable:
    """One table, alike at both ends."""

    name: str
    rows: int
    digest: str
    """SHA-256 in hex, of the rows in the order of their keys."""


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy has done."""

    source: str
    """Its URL, without a password."""
    target: str
    added: int
    """Rows that this run has written."""
    tables: tuple[CopiedTable, ...]
    """None if the copy ran ahead of a service, and is not finished."""

    @property
    def digest(self) -> str:
        """SHA-256 in hex, of all tables."""
        return hashlib.sha256("".join(one.digest for one in self.tables).encode()).hexdigest()


async def copy_database(
    source: str, target: str, *, ahead: bool = False, progress: Progress | None = None
) -> Copied:
    """Have in `target` all that is in `source`: every row of Headwater's tables, as it is.

    Offsets, ids, times, epochs, cursors and claims stay what they were. No service may run on
    either; both are held until the end. A target that holds anything else is refused. Whatever
    interrupts it, the next call with the same two goes on, and no service takes the target for its
    own before all of it is there and compared.

    With `ahead` only events of persistent streams are copied, while a service may run on the
    source. The copy stays unfinished; the next call has so much less to do.

    Raises:
        ConfigurationError: There is no such database.
        CopyRefusedError: A service runs on one of them, or the target is not free.
        CopyFailedError: It broke off, or the ends differ. Run it again.
    """
    _require_two(source, target)
    async with _ends(source, target, ahead=ahead) as (origin, copy):
        run = _Run(origin, copy, progress or (lambda stage, done, total: None))
        if ahead:
            await run.add_events_of_persistent_streams()
        else:
            await run.add_all()
            await run.compare()
            await copy.finish(await origin.serials())
    return Copied(shown(source), shown(target), run.added, tuple(run.tables))


class _Run:
    """One run, from the first row that is missing."""

    def __init__(self, source: Source, target: Target, progress: Progress) -> None:
        self._source = source
        self._target = target
        self._progress = progress
        self.added = 0
        self.tables: list[CopiedTable] = []
        self._done = self._total = 0

    async def add_events_of_persistent_streams(self) -> None:
        """Add the events that the target does not have, of streams that keep them."""
        streams = await self._streams(self._source, StreamType.PERSISTENT)
        self._total = await self._source.count(EVENTS)
        self._done = await self._target.count(EVENTS)
        for stream in streams:
            await self._add(EVENTS, (stream,))

    async def add_all(self) -> None:
        """Add the rows that the target does not have."""
        self._total = sum([await self._source.count(table) for table in TABLES])
        self._done = sum([await self._target.count(table) for table in TABLES])
        for table in TABLES:
            for part in await self._parts(table):
                await self._add(table, part)

    async def compare(self) -> None:
        """Compare all rows; what differs is copied anew, once.

        Raises:
            CopyFailedError: It still differs.
        """
        self._done = 0
        for table in TABLES:
            digest, rows = hashlib.sha256(), 0
            for part in await self._parts(table):
                theirs, count = await self._digest(self._source, table, part, counted=True)
                ours, _ = await self._digest(self._target, table, part)
                if ours != theirs:
                    await self._target.clear(table, part)
                    await self._add(table, part)
                    ours, _ = await self._digest(self._target, table, part)
                if ours != theirs:
                    where = f"{table.name} of {part[0]!r}" if part else table.name
                    raise CopyFailedError(f"{where} differs between the two after it was copied")
                digest.update(theirs)
                rows += count
            self.tables.append(CopiedTable(table.name, rows, digest.hexdigest()))

    async def _parts(self, table: Table) -> list[Row]:
        """Events stream by stream, so that each goes on where it was; other tables at once."""
        if table is not EVENTS:
            return [()]
        ends = (self._source, self._target)
        return [(name,) for name in sorted({name for end in ends for name in await _all(end)})]

    async def _streams(self, end: End, kind: StreamType) -> list[str]:
        return [
            str(row[0])
            async for page in _pages(end, STREAMS, (), ())
            for row in page
            if row[1] == kind.value
        ]

    async def _add(self, table: Table, within: Row) -> None:
        after = await self._target.last(table, within)
        async for page in _pages(self._source, table, within, after):
            await self._target.add(table, page)
            self.added += len(page)
            self._done += len(page)
            self._progress(Stage.COPYING, min(self._done, self._total), self._total)

    async def _digest(
        self, end: End, table: Table, within: Row, *, counted: bool = False
    ) -> tuple[bytes, int]:
        digest, rows = hashlib.sha256(), 0
        async for page in _pages(end, table, within, ()):
            for row in page:
                digest.update(repr(row).encode("utf-8", "surrogatepass"))
            rows += len(page)
            if counted:
                self._done += len(page)
                self._progress(Stage.COMPARING, min(self._done, self._total), self._total)
        return digest.digest(), rows


async def _all(end: End) -> set[str]:
    """The streams of which there may be events."""
    names = {str(row[0]) async for page in _pages(end, STREAMS, (), ()) for row in page}
    after: Row = ()
    while page := await end.page(EVENTS, (), after, 1):  # one look for each stream
        names.add(str(page[0][0]))
        after = (page[0][0], 2**63 - 1)
    return names


async def _pages(end: End, table: Table, within: Row, after: Row) -> AsyncIterator[list[Row]]:
    """The rows in batches that have about the same size, whatever the size of a row."""
    key = order_of(table)[len(within) :]
    limit = FEWEST_ROWS
    while page := await end.page(table, within, after, limit):
        yield page
        after = tuple(page[-1][place] for place in key)
        size = sum(_size(row) for row in page) // len(page)
        limit = max(FEWEST_ROWS, min(MOST_ROWS, BATCH_SIZE // size))


def _size(row: Row) -> int:
    return sum(len(value) if isinstance(value, str | bytes) else 8 for value in row)


def _require_two(source: str, target: str) -> None:
    for database in (source, target):
        if database == MEMORY:
            raise ConfigurationError(
                f"what {MEMORY} holds only the process knows that the service runs in; copy from "
                "and to a file or PostgreSQL"
            )
        store_for(database, SystemClock())  # refuses what is no database
    if source == target:
        raise ConfigurationError(f"{shown(source)} is named twice; copy it to another database")


@asynccontextmanager
async def _ends(source: str, target: str, *, ahead: bool) -> AsyncIterator[tuple[Source, Target]]:
    origin = await _source(source, ahead=ahead)
    try:
        copy = await _target(target, _name(source))
        try:
            yield origin, copy
        finally:
            await copy.close()
    finally:
        await origin.close()


def _name(database: str) -> str:
    """The same for the same database, wherever the copy is called from."""
    store = store_for(database, SystemClock())
    return str(store.path.absolute()) if isinstance(store, SqliteStore) else shown(database)


async def _source(database: str, *, ahead: bool) -> Source:
    store = existing_store(database, SystemClock())
    if isinstance(store, SqliteStore):
        from .sqlite import open_source

        return await open_source(store.path, ahead=ahead)
    from .postgres import open_source as open_database

    return await open_database(Address(database), ahead=ahead)


async def _target(database: str, source: str) -> Target:
    store = store_for(database, SystemClock())
    if isinstance(store, SqliteStore):
        from .sqlite import open_target

        return await open_target(store.path, source)
    from .postgres import open_target as open_database

    return await open_database(Address(database), source)
