"""A handler's own transaction: what it writes is committed with its unit, or none of it is."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from headwater import (
    App,
    CommandContext,
    CommandInTransactionError,
    CommandRejectedError,
    ConnectionUnavailableError,
    DeadlineExceededError,
    DeliverySemantics,
    EventContext,
    HandlerFailedError,
    HistoryUnavailableError,
    IdempotencyConflictError,
    OutcomeUnknownError,
    Retry,
    TransactionBudgetError,
    VersionConflictError,
)
from headwater.stores.sqlite.store import SqliteStore
from sqlalchemy import text

from tests.support.order_handlers import OrderHandlers
from tests.support.orders import (
    NoteOrder,
    OrderNoted,
    OrderPlaced,
    OrderWorkflow,
    PlaceOrder,
    Quote,
    audit,
    order_board,
    order_service,
    packing,
    quote_desk,
    quote_feed,
)

INSERT = text("INSERT INTO notes (order_id, text) VALUES (:order_id, :text)")


class Writing(OrderHandlers):
    """Writes each note into a table of the service's own, then does what the test says."""

    def __init__(self) -> None:
        super().__init__()
        self.runs = 0
        self.then: Callable[[CommandContext, Any], Awaitable[None]] | None = None
        self.packs: Callable[[OrderPlaced, EventContext], Awaitable[None]] | None = None

    async def note_order(
        self, command: NoteOrder, workflow: OrderWorkflow, context: CommandContext
    ) -> int:
        self.runs += 1
        if command.text == "without":
            return await super().note_order(command, workflow, context)
        connection = await context.connection()
        assert await context.connection() is connection
        await connection.execute(INSERT, {"order_id": command.order_id, "text": command.text})
        result = await super().note_order(command, workflow, context)
        if self.then is not None:
            await self.then(context, connection)
        return result

    async def packing(self, event: OrderPlaced, context: EventContext) -> None:
        if self.packs is not None:
            await self.packs(event, context)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "orders.db"


@pytest.fixture
def handlers() -> Writing:
    return Writing()


def app_on(file: Path, handlers: OrderHandlers, **changes: Any) -> App[Any]:
    subscriptions = (
        order_board,
        audit,
        replace(packing, retry=Retry(attempts=2, initial=0.01), **changes),
        quote_feed,
        quote_desk,
    )
    service = replace(order_service, subscriptions=subscriptions)
    return App(service, handlers=handlers, database=f"sqlite:///{file}")


@pytest.fixture
async def app(file: Path, handlers: Writing) -> AsyncIterator[App[Any]]:
    async with app_on(file, handlers) as app:
        make_table(file)
        yield app


def make_table(file: Path) -> None:
    with sqlite3.connect(file, timeout=5) as connection:
        connection.execute("CREATE TABLE notes (order_id INTEGER NOT NULL, text TEXT NOT NULL)")


def rows(file: Path) -> list[tuple[int, str]]:
    with sqlite3.connect(file, timeout=5) as connection:
        return connection.execute("SELECT order_id, text FROM notes ORDER BY rowid").fetchall()


async def notes(app: App[Any]) -> list[str]:
    return [event.text async for event in app.replay("orders") if isinstance(event, OrderNoted)]


def note(words: str = "hello", order_id: int = 1) -> NoteOrder:
    return NoteOrder(order_id=order_id, text=words)


async def test_what_a_command_s_handler_writes_is_committed_with_its_events(
    app: App[Any], file: Path
) -> None:
    assert await app.execute(note()) == 1
    assert rows(file) == [(1, "hello")]
    assert await notes(app) == ["hello"]


async def test_a_handler_that_refuses_has_written_nothing(
    app: App[Any], file: Path, handlers: Writing
) -> None:
    async def refuse(context: CommandContext, connection: Any) -> None:
        raise CommandRejectedError("no")

    handlers.then = refuse
    with pytest.raises(CommandRejectedError):
        await app.execute(note())
    handlers.then = None
    await app.execute(note("second"))
    assert (rows(file), await notes(app)) == ([(1, "second")], ["second"])


async def test_of_a_unit_whose_guard_fails_nothing_is_left_and_the_handler_runs_again(
    app: App[Any], file: Path, handlers: Writing
) -> None:
    """Another process changes the workflow between the handler's look and its turn."""
    begin = app._store.begin

    async def overtaken() -> Any:
        app._store.begin = begin  # type: ignore[method-assign]
        async with app_on(file, OrderHandlers()) as other:
            await other.execute(note("theirs"))
        return await begin()

    app._store.begin = overtaken  # type: ignore[method-assign]
    assert await app.execute(note("mine")) == 2
    assert handlers.runs == 2
    assert (rows(file), await notes(app)) == ([(1, "mine")], ["theirs", "mine"])


async def test_who_is_overtaken_again_and_again_hears_of_the_conflict(
    app: App[Any], file: Path, handlers: Writing
) -> None:
    async with app_on(file, OrderHandlers()) as other:
        begin = app._store.begin

        async def overtaken() -> Any:
            await other.execute(note("theirs"))
            return await begin()

        app._store.begin = overtaken  # type: ignore[method-assign]
        with pytest.raises(VersionConflictError):
            await app.execute(note("mine"))
    assert handlers.runs == 4
    assert (rows(file), await notes(app)) == ([], ["theirs"] * 4)


async def test_a_repeated_request_writes_once(app: App[Any], file: Path, handlers: Writing) -> None:
    first = await app.execute(note(), idempotency_key="k")
    assert await app.execute(note(), idempotency_key="k") == first
    with pytest.raises(IdempotencyConflictError):
        await app.execute(note("other"), idempotency_key="k")
    assert (rows(file), await notes(app)) == ([(1, "hello")], ["hello"])


async def test_two_of_the_same_request_at_once_write_once(app: App[Any], file: Path) -> None:
    """Also where the second one's handler has written before it hears of the first."""
    async with app_on(file, Writing()) as other:
        results = await asyncio.gather(
            *(one.execute(note(), idempotency_key="k") for one in (app, other) for _ in range(5))
        )
    assert set(results) == {1}
    assert (rows(file), await notes(app)) == ([(1, "hello")], ["hello"])


async def test_many_at_once_take_turns_with_those_who_need_no_connection(
    app: App[Any], file: Path
) -> None:
    commands = [note("without" if one % 2 else "with", one) for one in range(40)]
    await asyncio.gather(*(app.execute(command) for command in commands))
    assert sorted(rows(file)) == [(one, "with") for one in range(0, 40, 2)]
    assert sorted(await notes(app)) == ["with"] * 20 + ["without"] * 20


async def test_two_processes_take_turns(app: App[Any], file: Path) -> None:
    """Here two apps, each with a writer of its own, on one file."""
    async with app_on(file, Writing()) as other:
        await asyncio.gather(
            *(one.execute(note("both", number)) for one in (app, other) for number in range(15))
        )
    assert sorted(rows(file)) == sorted([(number, "both") for number in range(15)] * 2)
    assert len(await notes(app)) == 30


async def test_a_handler_that_writes_without_emitting_is_committed(
    app: App[Any], file: Path, handlers: Writing
) -> None:
    class Silent(Writing):
        async def note_order(
            self, command: NoteOrder, workflow: OrderWorkflow, context: CommandContext
        ) -> int:
            await (await context.connection()).execute(INSERT, {"order_id": 3, "text": "quiet"})
            return 0

    async with app_on(file, Silent()) as other:
        await other.execute(note())
    assert (rows(file), await notes(app)) == ([(3, "quiet")], [])


async def test_what_is_beyond_the_budget_is_rolled_back_and_others_go_on(
    app: App[Any], file: Path, handlers: Writing
) -> None:
    budget(app, 0.1)

    async def linger(context: CommandContext, connection: Any) -> None:
        begun.set()
        await others_wrote.wait()

    begun, others_wrote = asyncio.Event(), asyncio.Event()
    handlers.then = linger
    slow = asyncio.ensure_future(app.execute(note("slow")))
    await begun.wait()
    await app.execute(Quote(price=1))  # waits for the budget, and not for the handler
    others_wrote.set()
    with pytest.raises(TransactionBudgetError, match=r"0\.1 s"):
        await slow
    assert (rows(file), await notes(app)) == ([], [])


async def test_a_statement_beyond_the_budget_is_refused_and_says_why(
    app: App[Any], file: Path, handlers: Writing
) -> None:
    budget(app, 0.05)

    async def linger(context: CommandContext, connection: Any) -> None:
        await asyncio.wait_for(context.transaction._own.ended, 5)  # type: ignore[union-attr]
        await connection.execute(INSERT, {"order_id": 9, "text": "late"})

    handlers.then = linger
    with pytest.raises(TransactionBudgetError):
        await app.execute(note("slow"))
    assert rows(file) == []


async def test_a_statement_that_takes_too_long_is_broken_off(
    app: App[Any], file: Path, handlers: Writing
) -> None:
    budget(app, 0.1)

    async def count(context: CommandContext, connection: Any) -> None:
        await connection.execute(
            text(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
                "SELECT count(*) FROM n"
            )
        )

    handlers.then = count
    async with asyncio.timeout(5):
        with pytest.raises(TransactionBudgetError):
            await app.execute(note("slow"))
    handlers.then = None
    await app.execute(note("next"))
    assert rows(file) == [(1, "next")]


async def test_a_command_inside_of_the_transaction_is_refused(
    app: App[Any], file: Path, handlers: Writing
) -> None:
    async def execute(context: CommandContext, connection: Any) -> None:
        await app.execute(PlaceOrder(order_id=2, email="ada@example.com"))

    handlers.then = execute
    with pytest.raises(CommandInTransactionError, match="PlaceOrder"):
        await app.execute(note())
    assert (rows(file), await notes(app)) == ([], [])


async def test_a_command_before_the_transaction_is_executed(file: Path) -> None:
    class Before(Writing):
        async def note_order(
            self, command: NoteOrder, workflow: OrderWorkflow, context: CommandContext
        ) -> int:
            if command.text == "outer":
                await running.execute(note("inner", 2))
            return await super().note_order(command, workflow, context)

    async with app_on(file, Before()) as running:
        make_table(file)
        await running.execute(note("outer"))
    assert rows(file) == [(2, "inner"), (1, "outer")]


async def test_a_command_that_is_sent_is_stored_with_it(
    app: App[Any], file: Path, handlers: Writing
) -> None:
    async def send(context: CommandContext, connection: Any) -> None:
        handlers.then = None
        context.send(note("sent", 2))

    handlers.then = send
    await app.execute(note())
    await app.wait_until_idle()
    assert rows(file) == [(1, "hello"), (2, "sent")]


@pytest.mark.parametrize(
    "statement",
    [
        "COMMIT",
        "ROLLBACK",
        "BEGIN",
        "ATTACH ':memory:' AS other",
        "PRAGMA synchronous = OFF",
        "PRAGMA user_version = 7",
        "UPDATE streams SET head = 0",
        "DELETE FROM events",
        "INSERT INTO pauses (subscription) VALUES ('packing')",
        "DROP TABLE events",
        "ALTER TABLE events RENAME TO lost",
        "CREATE TRIGGER own AFTER INSERT ON events BEGIN SELECT 1; END",
    ],
)
async def test_a_handler_cannot_end_its_transaction_or_touch_what_is_the_store_s(
    app: App[Any], file: Path, handlers: Writing, statement: str
) -> None:
    async def execute(context: CommandContext, connection: Any) -> None:
        await connection.execute(text(statement))

    handlers.then = execute
    with pytest.raises(HandlerFailedError, match=r"not authorized|prohibited"):
        await app.execute(note())
    handlers.then = None
    await app.execute(note("second"))
    assert (rows(file), await notes(app)) == ([(1, "second")], ["second"])


@pytest.mark.parametrize("how", ["commit", "rollback"])
async def test_the_connection_s_own_commit_is_refused(
    app: App[Any], file: Path, handlers: Writing, how: str
) -> None:
    async def end(context: CommandContext, connection: Any) -> None:
        await getattr(connection, how)()

    handlers.then = end
    with pytest.raises(HandlerFailedError, match="when it returns"):
        await app.execute(note())
    assert (rows(file), await notes(app)) == ([], [])


async def test_after_a_statement_that_rolls_back_nothing_is_written(
    app: App[Any], file: Path, handlers: Writing
) -> None:
    """SQLite then is in no transaction any more: what follows would be written by itself."""
    with sqlite3.connect(file, timeout=5) as connection:
        connection.execute("CREATE UNIQUE INDEX one ON notes (order_id)")

    async def roll_back(context: CommandContext, connection: Any) -> None:
        twice = text("INSERT OR ROLLBACK INTO notes (order_id, text) VALUES (1, 'twice')")
        for statement in (twice, text("INSERT INTO notes VALUES (5, 'alone')")):
            with pytest.raises(Exception, match=r"UNIQUE|has rolled"):
                await connection.execute(statement)

    handlers.then = roll_back
    with pytest.raises(HandlerFailedError, match="rolled its transaction back"):
        await app.execute(note())
    assert (rows(file), await notes(app)) == ([], [])


async def test_tables_of_the_service_and_savepoints_are_the_handler_s(
    app: App[Any], file: Path, handlers: Writing
) -> None:
    async def use(context: CommandContext, connection: Any) -> None:
        await connection.execute(text("CREATE TABLE more (n INTEGER)"))
        async with connection.begin_nested():
            await connection.execute(text("INSERT INTO more VALUES (1)"))
        inner = await connection.begin_nested()
        await connection.execute(text("INSERT INTO more VALUES (2)"))
        await inner.rollback()
        counted = await connection.execute(text("SELECT count(*) FROM events"))
        assert counted.scalar_one() == 0, "it reads what is the store's"

    handlers.then = use
    await app.execute(note())
    with sqlite3.connect(file, timeout=5) as connection:
        assert connection.execute("SELECT n FROM more").fetchall() == [(1,)]


async def test_a_connection_that_is_kept_writes_nothing_afterwards(
    app: App[Any], file: Path, handlers: Writing
) -> None:
    kept: list[Any] = []

    async def keep(context: CommandContext, connection: Any) -> None:
        kept.extend((context, connection))

    handlers.then = keep
    await app.execute(note())
    context, connection = kept
    with pytest.raises(Exception, match=r"has ended|closed"):
        await connection.execute(INSERT, {"order_id": 9, "text": "late"})
    with pytest.raises(HandlerFailedError, match="after it had ended"):
        await context.connection()
    assert rows(file) == [(1, "hello")]


async def test_at_the_deadline_it_is_rolled_back(
    app: App[Any], file: Path, handlers: Writing
) -> None:
    async def hang(context: CommandContext, connection: Any) -> None:
        await asyncio.Event().wait()

    handlers.then = hang
    with pytest.raises(DeadlineExceededError):
        await app.execute(note("slow"), deadline=0.2)
    handlers.then = None
    await app.execute(note("next"))
    assert (rows(file), await notes(app)) == ([(1, "next")], ["next"])


async def test_after_a_statement_that_was_cancelled_nothing_is_committed(
    app: App[Any], file: Path, handlers: Writing
) -> None:
    """Nobody can tell whether it was executed, and the handler goes on as if it were not."""

    async def give_up(context: CommandContext, connection: Any) -> None:
        forever = text(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
        )
        with suppress(TimeoutError):
            await asyncio.wait_for(connection.execute(forever), 0.05)

    handlers.then = give_up
    async with asyncio.timeout(60):
        with pytest.raises((HandlerFailedError, TransactionBudgetError)):
            await app.execute(note())
    handlers.then = None
    await app.execute(note("next"))
    assert (rows(file), await notes(app)) == ([(1, "next")], ["next"])


async def test_cancelled_at_any_await_it_leaves_all_or_nothing_and_blocks_nobody(
    app: App[Any], file: Path
) -> None:
    """A command is cancelled after 0, 1, 2... turns of the loop; the next one always works."""
    budget(app, 120)
    written = 0
    cancelled = 0
    for turns in range(0, 60, 2):
        running = asyncio.ensure_future(app.execute(note("maybe", turns)))
        for _ in range(turns):
            await asyncio.sleep(0.0005 if turns % 4 else 0)
        running.cancel()
        try:
            await running
        except asyncio.CancelledError:
            cancelled += 1
        else:
            written += 1
        async with asyncio.timeout(60):  # less than the budget: nobody waits for one that is gone
            await app.execute(note("next", 1000 + turns))
    assert cancelled
    await asyncio.wait_for(app._store._lender.close(), 5)  # type: ignore[attr-defined]
    found = [words for _, words in rows(file)]
    assert sorted(found) == sorted(await notes(app)), "with the events, or without both"
    assert found.count("next") == 30
    assert found.count("maybe") >= written


async def test_an_event_s_handler_writes_together_with_the_acknowledgement(
    app: App[Any], file: Path, handlers: Writing
) -> None:
    attempts = []

    async def pack(event: OrderPlaced, context: EventContext) -> None:
        attempts.append(context.attempt)
        connection = await context.connection()
        await connection.execute(INSERT, {"order_id": event.order_id, "text": "packed"})
        if context.attempt == 1:
            raise ValueError("no box")
        context.send(note("without", 7))

    handlers.packs = pack
    await app.execute(PlaceOrder(order_id=1, email="ada@example.com"))
    await until_settled(app, 1)
    await app.wait_until_idle()
    assert attempts == [1, 2]
    assert (rows(file), await notes(app)) == ([(1, "packed")], ["without"])


async def test_an_event_whose_handler_is_beyond_the_budget_has_failed(
    app: App[Any], file: Path, handlers: Writing
) -> None:
    budget(app, 0.05)

    async def pack(event: OrderPlaced, context: EventContext) -> None:
        connection = await context.connection()
        await connection.execute(INSERT, {"order_id": event.order_id, "text": "packed"})
        await asyncio.wait_for(context.transaction._own.ended, 5)  # type: ignore[union-attr]

    handlers.packs = pack
    await app.execute(PlaceOrder(order_id=1, email="ada@example.com"))
    await until_settled(app, 1)
    [letter] = await app.dead_letters(named(app, "packing"))
    assert "TransactionBudgetError" in letter.error
    assert letter.attempts == 2
    assert rows(file) == []


async def test_at_most_once_it_is_committed_when_the_handler_returns(
    file: Path, handlers: Writing
) -> None:
    async def pack(event: OrderPlaced, context: EventContext) -> None:
        connection = await context.connection()
        await connection.execute(INSERT, {"order_id": event.order_id, "text": "packed"})

    handlers.packs = pack
    async with app_on(file, handlers, delivery=DeliverySemantics.AT_MOST_ONCE) as app:
        make_table(file)
        await app.execute(PlaceOrder(order_id=1, email="ada@example.com"))
        await app.wait_until_idle()
    assert rows(file) == [(1, "packed")]


async def test_an_iterator_writes_with_its_acknowledgement_too(app: App[Any], file: Path) -> None:
    async with app.subscribe(named(app, "quote-desk")) as events:
        await app.execute(Quote(price=1))
        await app.execute(Quote(price=2))
        deliveries = events.deliveries()
        for expected, how in ((1, "release"), (1, "ack"), (2, "ack")):
            delivery = await anext(deliveries)
            assert delivery.event.price == expected
            connection = await delivery.context.connection()
            await connection.execute(INSERT, {"order_id": expected, "text": how})
            await getattr(delivery, how)()
    assert rows(file) == [(1, "ack"), (2, "ack")]


async def test_in_memory_there_is_no_connection() -> None:
    async with App(order_service, handlers=Writing()) as app:
        with pytest.raises(ConnectionUnavailableError, match="sqlite:///"):
            await app.execute(note())


async def test_without_the_extra_it_is_named(
    app: App[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headwater.stores.sqlite.lending.find_spec", lambda name: None)
    with pytest.raises(ConnectionUnavailableError, match=r"headwater\[sql\]"):
        await app.execute(note())


async def test_a_validator_has_none(file: Path) -> None:
    class Asking(OrderHandlers):
        async def validate_place_order(self, command: PlaceOrder, context: CommandContext) -> None:
            await context.connection()

    async with app_on(file, Asking()) as app:
        with pytest.raises(ConnectionUnavailableError, match="validator"):
            await app.execute(PlaceOrder(order_id=1, email="ada@example.com"))


async def test_when_the_commit_fails_the_outcome_is_unknown(
    app: App[Any], file: Path, handlers: Writing, monkeypatch: pytest.MonkeyPatch
) -> None:
    from headwater.stores.sqlite import turn

    class Broken(turn.Transaction):
        def flush(self) -> None:
            super().flush()
            self.connection.set_authorizer(
                lambda action, what, *_: (
                    sqlite3.SQLITE_DENY
                    if (action, what) == (sqlite3.SQLITE_TRANSACTION, "COMMIT")
                    else sqlite3.SQLITE_OK
                )
            )

    with monkeypatch.context() as patch:
        patch.setattr(turn, "Transaction", Broken)
        with pytest.raises(OutcomeUnknownError):
            await app.execute(note())
    await app.execute(note("next"))
    assert rows(file) == [(1, "next")]


async def test_a_deferred_foreign_key_that_is_broken_at_the_commit_fails_the_handler(
    app: App[Any], file: Path
) -> None:
    """And nobody else; nothing of it is written."""
    with sqlite3.connect(file, timeout=5) as connection:
        connection.execute("CREATE TABLE people (id INTEGER PRIMARY KEY)")
        connection.execute("INSERT INTO people VALUES (1)")
        connection.execute("DROP TABLE notes")
        connection.execute(
            "CREATE TABLE notes (text TEXT, order_id INTEGER "
            "REFERENCES people DEFERRABLE INITIALLY DEFERRED)"
        )
    with pytest.raises(HandlerFailedError, match="a deferred foreign key refuses") as failed:
        await app.execute(note("never", order_id=2))
    assert "never" not in str(failed.value)
    assert (rows(file), await notes(app)) == ([], [])
    await app.execute(note("next", order_id=1))
    assert (rows(file), await notes(app)) == ([(1, "next")], ["next"])


def budget(app: App[Any], seconds: float) -> None:
    assert isinstance(app._store, SqliteStore)
    app._store._budget = seconds


def named(app: App[Any], name: str) -> Any:
    [found] = [one for one in app.service.subscriptions if one.name == name]
    return found


async def until_settled(app: App[Any], offset: int) -> None:
    async with asyncio.timeout(30):
        while (await app.progress(named(app, "packing"))).position < offset:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_a_history_that_was_cut_is_an_error_and_not_a_shorter_one(
    file: Path,
) -> None:
    class Nostalgic(OrderHandlers):
        async def note_order(
            self, command: NoteOrder, workflow: OrderWorkflow, context: CommandContext
        ) -> int:
            if command.text == "look":
                return len(await workflow.history())
            return await super().note_order(command, workflow, context)

    async with app_on(file, Nostalgic()) as app:
        for words in ("one", "two", "three"):
            await app.execute(note(words))
        assert await app.execute(note("look")) == 3
        with sqlite3.connect(file, timeout=5) as connection:  # as a retention would
            connection.execute("DELETE FROM events WHERE stream_offset = 1")
            connection.execute("UPDATE streams SET first_offset = 2 WHERE name = 'orders'")
        with pytest.raises(HandlerFailedError) as failed:
            await app.execute(note("look"))
        assert isinstance(failed.value.__cause__, HistoryUnavailableError)
        assert "of 3 events, 1 are not kept" in str(failed.value.__cause__)
