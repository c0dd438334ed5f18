"""Exactly-once with an effect in SQL, against at-least-once with the same effect.

The effect is a row for each event. Exactly once it is written through the handler's connection and
committed with the acknowledgement; at least once through a connection of the team's own, with a
commit of its own that waits for the disk as well, before the runtime acknowledges.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

from headwater import BatchContext, DeliverySemantics
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from tests.support.postgres import Cluster, binaries

from .postgres import durable_cluster
from .rates import Rate, interleaved, measured, processor_time
from .scale import Scale
from .shop import Handlers, OrderPlaced, PlaceOrder, open_shop

__all__ = ["measure"]

EACH = 100  # events of one order
EVENTS = {1: 300, 10: 2_000, 100: 10_000, 1_000: 10_000}  # by the size of a batch
INSERT = text("INSERT INTO parcels (id, quantity) VALUES (:id, :quantity)")
COUNT = text("SELECT count(*) FROM parcels")


def measure(scale: Scale) -> Iterator[tuple[str, str, str]]:
    """Yield rows of (case, figure, goal)."""
    with tempfile.TemporaryDirectory() as name:
        yield from _measure("SQLite", _Files(Path(name)), scale)
    programs = binaries()
    if programs is None:
        yield "PostgreSQL", "not on this machine", ""
        return
    with durable_cluster(programs) as cluster:
        yield from _measure("PostgreSQL", _Server(cluster), scale)


def _measure(name: str, databases: _Databases, scale: Scale) -> Iterator[tuple[str, str, str]]:
    for batch, count in EVENTS.items():
        filled = asyncio.run(_fill(databases, count))
        pairs = interleaved(
            scale.rounds,
            lambda: asyncio.run(_handle(databases, filled, batch, count, own=False)),  # noqa: B023
            lambda: asyncio.run(_handle(databases, filled, batch, count, own=True)),  # noqa: B023
        )
        case = f"exactly-once to at-least-once on {name}, batches of {batch:,}"
        yield case, pairs.text(), "at least 0.5" if batch >= 100 else ""


class _Databases(Protocol):
    """Where the events are, and the rows."""

    bytes_type: str
    """What a column of bytes is called."""

    async def make(self) -> str:
        """URL of a new database."""

    def copy(self, url: str) -> AbstractAsyncContextManager[str]:
        """The URL of a copy of it, for as long as it is needed."""

    def engine(self, url: str) -> AsyncEngine:
        """The team's own connections to it."""


class _Files:
    """Of SQLite."""

    bytes_type = "BLOB"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made = 0

    async def make(self) -> str:
        self._made += 1
        return f"sqlite:///{self._folder / str(self._made)}.db"

    @asynccontextmanager
    async def copy(self, url: str) -> AsyncIterator[str]:
        with tempfile.TemporaryDirectory() as name:
            path = Path(name) / "shop.db"
            shutil.copy(url.removeprefix("sqlite:///"), path)
            yield f"sqlite:///{path}"

    def engine(self, url: str) -> AsyncEngine:
        address = url.replace("sqlite:", "sqlite+aiosqlite:", 1)
        engine = create_async_engine(address, connect_args={"timeout": 30})

        @event.listens_for(engine.sync_engine, "connect")
        def set_up(connection: Any, _: Any) -> None:
            connection.execute("PRAGMA synchronous = FULL")

        return engine


class _Server:
    """Of PostgreSQL."""

    bytes_type = "bytea"

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def make(self) -> str:
        return await self._cluster.create_database("template")

    @asynccontextmanager
    async def copy(self, url: str) -> AsyncIterator[str]:
        copied = await self._cluster.create_database(url.rpartition("/")[2])
        try:
            yield copied
        finally:
            await self._cluster.drop_database(copied)

    def engine(self, url: str) -> AsyncEngine:
        return create_async_engine(url.replace("postgresql:", "postgresql+asyncpg:", 1))


class _Dispatch(Handlers):
    """Writes the rows, through the runtime's connection or through one of its own."""

    def __init__(self, own: AsyncEngine | None) -> None:
        self._own = own
        self.begun, self.used = 0.0, 0.0

    async def dispatch(  # type: ignore[override]
        self, events: list[OrderPlaced], context: BatchContext
    ) -> None:
        if not self.begun:
            self.begun, self.used = time.perf_counter(), processor_time()
        rows = [
            {"id": one.recorded.id.bytes, "quantity": event.quantity}
            for event, one in zip(events, context.each, strict=True)
        ]
        if self._own is None:
            await (await context.connection()).execute(INSERT, rows)
        else:
            async with self._own.begin() as connection:
                await connection.execute(INSERT, rows)


async def _fill(databases: _Databases, count: int) -> str:
    url = await databases.make()
    async with open_shop(url) as app:
        for _ in range(count // EACH):
            await app.execute(PlaceOrder(times=EACH))
    engine = databases.engine(url)
    columns = f"id {databases.bytes_type} PRIMARY KEY, quantity INTEGER NOT NULL"
    async with engine.begin() as connection:
        await connection.execute(text(f"CREATE TABLE parcels ({columns})"))
    await engine.dispose()
    return url


async def _handle(databases: _Databases, filled: str, batch: int, count: int, *, own: bool) -> Rate:
    async with databases.copy(filled) as url:
        engine = databases.engine(url)
        handlers = _Dispatch(engine if own else None)
        delivery = DeliverySemantics.AT_LEAST_ONCE if own else DeliverySemantics.EXACTLY_ONCE
        settings: dict[str, Any] = {"batch": batch, "delivery": delivery}
        async with open_shop(url, handlers=handlers, subscribed=True, **settings) as app:
            await app.wait_until_idle(deadline=120)
            rate = measured(count, handlers.begun, handlers.used)
        async with engine.connect() as connection:
            assert (await connection.execute(COUNT)).scalar() == count
        await engine.dispose()
        return rate
