"""What a handler writes through `context.connection()` on PostgreSQL, in a whole service."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import asyncpg
import pytest
from headwater import (
    App,
    CommandContext,
    CommandRejectedError,
    EventContext,
    HandlerFailedError,
    Retry,
)
from sqlalchemy import text

from tests.support.order_handlers import OrderHandlers
from tests.support.orders import (
    NoteOrder,
    OrderNoted,
    OrderPlaced,
    OrderWorkflow,
    PlaceOrder,
    order_service,
)
from tests.support.waiting import eventually

INSERT = text("INSERT INTO notes (text) VALUES (:text)")


class Writing(OrderHandlers):
    """Writes into a table of the service's own, then refuses what it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.packed = asyncio.Event()
        self.attempts = 0

    async def note_order(
        self, command: NoteOrder, workflow: OrderWorkflow, context: CommandContext
    ) -> int:
        connection = await context.connection()
        await connection.execute(INSERT, {"text": command.text})
        result = await super().note_order(command, workflow, context)
        if command.text == "refused":
            raise CommandRejectedError("no")
        return result

    async def packing(self, event: OrderPlaced, context: EventContext) -> None:
        self.attempts += 1
        connection = await context.connection()
        await connection.execute(INSERT, {"text": f"packed in attempt {self.attempts}"})
        if self.attempts == 1:
            raise RuntimeError("not yet")
        self.packed.set()


@pytest.fixture
async def session(own_postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(own_postgres_url)
    await connection.execute("CREATE TABLE notes (text text NOT NULL)")
    yield connection
    await connection.close()


@pytest.fixture
def handlers() -> Writing:
    return Writing()


@pytest.fixture
async def app(
    own_postgres_url: str, session: asyncpg.Connection, handlers: Writing
) -> AsyncIterator[App[Any]]:
    subscriptions = tuple(
        replace(one, retry=Retry(attempts=2, initial=0.01)) if one.name == "packing" else one
        for one in order_service.subscriptions
    )
    service = replace(order_service, subscriptions=subscriptions)
    async with App(service, handlers=handlers, database=own_postgres_url) as app:
        yield app


async def written(session: asyncpg.Connection) -> list[str]:
    return [row["text"] for row in await session.fetch("SELECT text FROM notes")]


async def recorded(app: App[Any]) -> list[str]:
    return [event.text async for event in app.replay("orders") if isinstance(event, OrderNoted)]


async def test_rows_and_events_are_of_one_transaction(
    app: App[Any], session: asyncpg.Connection
) -> None:
    """PostgreSQL writes into each row which transaction made it."""
    assert await app.execute(NoteOrder(order_id=1, text="hello")) == 1

    assert (await written(session), await recorded(app)) == (["hello"], ["hello"])
    assert await session.fetchval("SELECT xmin FROM notes") == await session.fetchval(
        "SELECT xmin FROM events"
    )


async def test_rows_and_events_of_a_refused_command_are_rolled_back_together(
    app: App[Any], session: asyncpg.Connection
) -> None:
    with pytest.raises(CommandRejectedError):
        await app.execute(NoteOrder(order_id=1, text="refused"))
    assert (await written(session), await recorded(app)) == ([], [])

    await app.execute(NoteOrder(order_id=1, text="second"))
    assert (await written(session), await recorded(app)) == (["second"], ["second"])


async def test_events_are_rolled_back_when_the_rows_cannot_be_committed(
    app: App[Any], session: asyncpg.Connection
) -> None:
    """What PostgreSQL only checks at the commit takes the events with it."""
    await session.execute("ALTER TABLE notes ADD UNIQUE (text) DEFERRABLE INITIALLY DEFERRED")
    await app.execute(NoteOrder(order_id=1, text="once"))
    with pytest.raises(HandlerFailedError, match="'notes_text_key' of notes") as failed:
        await app.execute(NoteOrder(order_id=2, text="once"))

    told = "".join(traceback.format_exception(failed.value))
    assert "duplicate key value violates unique constraint" in told, "its cause is kept"
    assert "(once)" not in told, "without what was written"
    assert (await written(session), await recorded(app)) == (["once"], ["once"])


async def test_a_trigger_that_waits_for_the_commit_and_raises_fails_the_handler(
    app: App[Any], session: asyncpg.Connection
) -> None:
    await session.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION 'no such thing'; END $$; "
        "CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON notes DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
    with pytest.raises(HandlerFailedError, match="a trigger refuses at the commit"):
        await app.execute(NoteOrder(order_id=1, text="never"))

    assert (await written(session), await recorded(app)) == ([], [])


async def test_an_event_whose_rows_cannot_be_committed_has_failed_and_is_set_aside(
    app: App[Any], session: asyncpg.Connection
) -> None:
    """With the constraint as the reason, after as many attempts as any other failure."""
    await session.execute(
        "CREATE TABLE boxes (text text PRIMARY KEY); ALTER TABLE notes ADD CONSTRAINT in_a_box "
        "FOREIGN KEY (text) REFERENCES boxes DEFERRABLE INITIALLY DEFERRED"
    )
    await app.execute(PlaceOrder(order_id=1, email="ada@example.com"))
    [packing] = [one for one in app.service.subscriptions if one.name == "packing"]
    await eventually(lambda: app.dead_letters(packing))

    [letter] = await app.dead_letters(packing)
    assert letter.attempts == 2
    assert "'in_a_box' of notes" in letter.error
    assert "packed in attempt" not in letter.error
    assert await written(session) == []


async def test_what_an_event_s_handler_wrote_is_gone_with_its_failed_attempt(
    app: App[Any], session: asyncpg.Connection, handlers: Writing
) -> None:
    await app.execute(PlaceOrder(order_id=1, email="ada@example.com"))
    async with asyncio.timeout(10):
        await handlers.packed.wait()
    await eventually(lambda: written(session))

    assert await written(session) == ["packed in attempt 2"]
