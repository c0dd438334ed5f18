"""A handler's transaction that others are in the way of is tried again, which is no failure."""

import asyncio
import sqlite3
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from headwater import EventContext, Retry
from headwater.stores.sqlite.store import SqliteStore
from sqlalchemy import text

from tests.support.order_handlers import OrderHandlers
from tests.support.orders import (
    NoteOrder,
    OrderNoted,
    OrderPlaced,
    PlaceOrder,
    audit,
    order_board,
    order_service,
    packing,
    quote_desk,
    quote_feed,
)
from tests.support.virtual_app import VirtualApp

CREATE = "CREATE TABLE packed (order_id INTEGER PRIMARY KEY, times INTEGER NOT NULL)"
UPDATE = text("UPDATE packed SET times = times + 1 WHERE order_id = :order_id")


class Packer(OrderHandlers):
    """Counts in a table; on PostgreSQL it waits for a lock for a moment only."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.attempts: list[int] = []
        self.waits_shortly = url.startswith("postgres")
        self.is_trying = False
        self.tried = asyncio.Event()

    async def packing(self, event: OrderPlaced, context: EventContext) -> None:
        self.attempts.append(context.attempt)
        self.is_trying = True
        context.send(NoteOrder(order_id=event.order_id, text="packed"))
        try:
            connection = await context.connection()
            if self.waits_shortly:
                await connection.execute(text("SET LOCAL lock_timeout = '20ms'"))
            await connection.execute(UPDATE, {"order_id": event.order_id})
        finally:
            self.is_trying = False
            self.tried.set()


def app_on(url: str, handlers: OrderHandlers) -> VirtualApp:
    changed = replace(packing, retry=Retry(attempts=1), ack_timeout=1000.0)
    subscriptions = (order_board, audit, quote_feed, quote_desk, changed)
    service = replace(order_service, subscriptions=subscriptions)
    return VirtualApp(service, handlers=handlers, database=url)


async def place(app: VirtualApp) -> None:
    await app.execute(PlaceOrder(order_id=1, email="ada@example.com"))


async def notes(app: VirtualApp) -> int:
    found = await app._store.read("orders", 0, 1000)
    return sum(one.name == OrderNoted.event_name for one in found)


async def let_retry(app: VirtualApp, handlers: Packer, count: int) -> None:
    """Let time pass until the handler has run so often; none while it runs.

    Or else the heartbeats of that time wait for the same lock, each before it.
    """
    while len(handlers.attempts) < count:
        handlers.tried.clear()
        app.clock.advance(2.0)
        with suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                await handlers.tried.wait()
        if handlers.is_trying:
            await handlers.tried.wait()


async def test_while_another_process_has_the_file_nothing_fails(tmp_path: Path) -> None:
    file = tmp_path / "orders.db"
    handlers = Packer(f"sqlite:///{file}")
    async with app_on(f"sqlite:///{file}", handlers) as app:
        store: Any = app._store
        store = getattr(store, "_behind", store)
        assert isinstance(store, SqliteStore)
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute(CREATE)
            other.execute("INSERT INTO packed VALUES (1, 0)")
            await app.pause(app.service.subscriptions[-1])
            await place(app)
            await app.wait_until_idle()
            store._busy_wait = store._writer._busy_wait = 0.01
            begin = app._store.begin

            async def begin_in_the_way() -> Any:
                if not handlers.attempts[2:]:
                    other.execute("BEGIN IMMEDIATE")
                    try:
                        return await begin()
                    finally:
                        other.execute("ROLLBACK")
                return await begin()

            app._store.begin = begin_in_the_way  # type: ignore[method-assign]
            await app.resume(app.service.subscriptions[-1])
            async with asyncio.timeout(10):
                await let_retry(app, handlers, 3)
                await app.wait_until_idle()
            assert other.execute("SELECT times FROM packed").fetchall() == [(1,)]
        assert handlers.attempts == [1, 1, 1]
        assert await app.dead_letters(app.service.subscriptions[-1]) == []
        assert await notes(app) == 1


async def test_a_lock_that_another_session_on_postgresql_holds_is_waited_for(
    postgres_url: str,
) -> None:
    handlers = Packer(postgres_url)
    other = await asyncpg.connect(postgres_url)
    try:
        await other.execute(f"DROP TABLE IF EXISTS packed; {CREATE}")
        await other.execute("INSERT INTO packed VALUES (1, 0)")
        async with app_on(postgres_url, handlers) as app:
            in_the_way = other.transaction()
            await in_the_way.start()
            await other.execute("UPDATE packed SET times = 0")
            await place(app)
            async with asyncio.timeout(20):
                await let_retry(app, handlers, 3)
                await in_the_way.rollback()
                await let_retry(app, handlers, 4)
                await app.wait_until_idle()
            assert await other.fetchval("SELECT times FROM packed") == 1
            assert set(handlers.attempts) == {1}
            assert await app.dead_letters(app.service.subscriptions[-1]) == []
            assert await notes(app) == 1
    finally:
        await other.execute("DROP TABLE IF EXISTS packed")
        await other.close()


async def test_a_serialization_failure_at_the_commit_on_postgresql_is_tried_again(
    postgres_url: str,
) -> None:
    """What it wrote and sent before is undone, and sent and written once."""

    class Serializable(Packer):
        async def packing(self, event: OrderPlaced, context: EventContext) -> None:
            self.attempts.append(context.attempt)
            context.send(NoteOrder(order_id=event.order_id, text="packed"))
            connection = await context.connection()
            await connection.execute(UPDATE, {"order_id": event.order_id})
            if len(self.attempts) < 3:
                await connection.execute(
                    text(
                        "CREATE OR REPLACE FUNCTION pg_temp.refuse() RETURNS trigger AS "
                        "$$BEGIN RAISE EXCEPTION 'in the way' USING ERRCODE = '40001'; END$$ "
                        "LANGUAGE plpgsql"
                    )
                )
                await connection.execute(
                    text(
                        "CREATE CONSTRAINT TRIGGER refuse AFTER UPDATE ON packed DEFERRABLE "
                        "INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pg_temp.refuse()"
                    )
                )
                await connection.execute(UPDATE, {"order_id": event.order_id})
            self.tried.set()

    handlers = Serializable(postgres_url)
    other = await asyncpg.connect(postgres_url)
    try:
        await other.execute(f"DROP TABLE IF EXISTS packed; {CREATE}")
        await other.execute("INSERT INTO packed VALUES (1, 0)")
        async with app_on(postgres_url, handlers) as app:
            await place(app)
            async with asyncio.timeout(20):
                await let_retry(app, handlers, 3)
                await app.wait_until_idle()
            assert await other.fetchval("SELECT times FROM packed") == 1
            assert handlers.attempts == [1, 1, 1]
            assert await notes(app) == 1
    finally:
        await other.execute("DROP TABLE IF EXISTS packed")
        await other.close()


async def test_who_is_always_in_the_way_makes_it_fail_in_the_end(postgres_url: str) -> None:
    handlers = Packer(postgres_url)
    other = await asyncpg.connect(postgres_url)
    try:
        await other.execute(f"DROP TABLE IF EXISTS packed; {CREATE}")
        await other.execute("INSERT INTO packed VALUES (1, 0)")
        async with app_on(postgres_url, handlers) as app:
            in_the_way = other.transaction()
            await in_the_way.start()
            await other.execute("UPDATE packed SET times = 0")
            await place(app)
            async with asyncio.timeout(20):
                await let_retry(app, handlers, 11)
                await app.wait_until_idle()
            [letter] = await app.dead_letters(app.service.subscriptions[-1])
            await in_the_way.rollback()
            assert letter.attempts == 1
            assert "lock timeout" in letter.error
            assert len(handlers.attempts) == 11
    finally:
        await other.execute("DROP TABLE IF EXISTS packed")
        await other.close()


@pytest.mark.parametrize("error", [ValueError("no"), sqlite3.IntegrityError("no")])
async def test_any_other_failure_is_one(tmp_path: Path, error: Exception) -> None:
    class Failing(Packer):
        async def packing(self, event: OrderPlaced, context: EventContext) -> None:
            self.attempts.append(context.attempt)
            raise error

    handlers = Failing("sqlite")
    async with app_on(f"sqlite:///{tmp_path}/orders.db", handlers) as app:
        await place(app)
        await app.wait_until_idle()
        assert len(await app.dead_letters(app.service.subscriptions[-1])) == 1
    assert handlers.attempts == [1]
