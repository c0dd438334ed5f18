"""A handler's own transaction on PostgreSQL: its SQL and its unit are committed together."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from headwater.errors import (
    HandlerFailedError,
    OutcomeUnknownError,
    StoreUnavailableError,
    TransactionBudgetError,
    WorkflowExistsError,
)
from headwater.stores.contract import Acknowledge, Committed, Expect, FeedKey, Rejected
from headwater.stores.postgres.store import PostgresStore
from headwater.stores.postgres.wire import Limits
from headwater.testing.conformance.examples import (
    STREAMS,
    claim,
    feed,
    new_event,
    unit,
    unit_with_key,
)
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.support.postgres import Server
from tests.support.waiting import eventually

INSERT = text("INSERT INTO notes (text) VALUES (:text)")
LIMITS = Limits(lock=1.0, statement=2.0, idle=1.0, connect=5.0, transaction=2.0, spare=1.0)


@pytest.fixture
async def session(own_postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(own_postgres_url)
    await connection.execute("CREATE TABLE notes (text text NOT NULL)")
    yield connection
    await connection.close()


@pytest.fixture
async def store(own_postgres_url: str, session: asyncpg.Connection) -> AsyncIterator[PostgresStore]:
    store = PostgresStore(own_postgres_url, limits=LIMITS)
    await store.open(STREAMS)
    yield store
    await store.close()


async def notes(session: asyncpg.Connection) -> list[str]:
    return [row["text"] for row in await session.fetch("SELECT text FROM notes ORDER BY text")]


async def test_what_a_handler_writes_is_committed_with_its_unit(
    store: PostgresStore, session: asyncpg.Connection
) -> None:
    await store.register(feed())
    await store.commit([unit(new_event())])
    [one] = await claim(store, FeedKey("reader"))
    own = await store.begin()
    await own.connection.execute(INSERT, {"text": "hello"})
    assert await notes(session) == []

    outcome = await own.commit(unit(new_event(), to="b", settling=[Acknowledge(one)]))

    assert outcome == Committed((2,))
    assert await notes(session) == ["hello"]
    assert (await store.feed(FeedKey("reader"))).position == 1
    assert not own.is_open


async def test_its_connection_is_in_a_transaction_before_anything_is_written(
    store: PostgresStore,
) -> None:
    """SQLAlchemy begins with the first statement; one on the driver before it would be alone."""
    own = await store.begin()
    raw = (await own.connection.get_raw_connection()).driver_connection
    assert raw is not None
    assert raw.is_in_transaction()
    own.roll_back()
    await own.ended


async def test_what_is_rolled_back_is_nowhere_and_the_next_one_works(
    store: PostgresStore, session: asyncpg.Connection
) -> None:
    for _ in range(6):
        own = await store.begin()
        await own.connection.execute(INSERT, {"text": "never"})
        own.roll_back()
        assert isinstance(await own.ended, Rejected)
    own = await store.begin()
    assert isinstance(await own.commit(unit(new_event())), Committed)
    assert await notes(session) == []


async def test_a_guard_that_fails_undoes_the_handler_s_writes(
    store: PostgresStore, session: asyncpg.Connection
) -> None:
    await store.commit([unit(new_event())])
    own = await store.begin()
    await own.connection.execute(INSERT, {"text": "never"})
    outcome = await own.commit(unit(new_event(), expect=Expect.NEW))
    assert isinstance(outcome, Rejected)
    assert isinstance(outcome.error, WorkflowExistsError)
    assert await notes(session) == []


async def test_of_two_handlers_that_create_the_same_workflow_one_is_told_that_it_exists(
    store: PostgresStore, session: asyncpg.Connection
) -> None:
    first, second = [await store.begin() for _ in range(2)]
    for number, own in enumerate((first, second)):
        await own.connection.execute(INSERT, {"text": str(number)})
    outcomes = await asyncio.gather(
        *(own.commit(unit(new_event(), expect=Expect.NEW)) for own in (first, second))
    )
    assert sorted(type(one).__name__ for one in outcomes) == ["Committed", "Rejected"]
    [error] = [one.error for one in outcomes if isinstance(one, Rejected)]
    assert isinstance(error, WorkflowExistsError)
    assert len(await notes(session)) == 1


async def test_a_key_that_is_known_undoes_the_handler_s_writes_and_answers(
    store: PostgresStore, session: asyncpg.Connection
) -> None:
    await store.commit([unit_with_key("k-1", new_event())])
    own = await store.begin()
    await own.connection.execute(INSERT, {"text": "never"})
    outcome = await own.commit(unit_with_key("k-1", new_event()))
    assert isinstance(outcome, Committed)
    assert outcome.earlier is not None
    assert await notes(session) == []


@pytest.mark.parametrize("how", ["commit", "rollback"])
async def test_a_handler_cannot_end_its_transaction(store: PostgresStore, how: str) -> None:
    own = await store.begin()
    with pytest.raises(HandlerFailedError, match="happens when it returns"):
        await getattr(own.connection, how)()
    own.roll_back()
    await own.ended


async def test_one_that_ends_it_by_sql_has_its_unit_refused(
    store: PostgresStore, session: asyncpg.Connection
) -> None:
    own = await store.begin()
    await own.connection.exec_driver_sql("COMMIT")
    outcome = await own.commit(unit(new_event()))
    assert isinstance(outcome, Rejected)
    assert isinstance(outcome.error, HandlerFailedError)
    assert (await store.statistics("log")).head == 0


async def test_one_that_goes_on_after_a_statement_of_its_own_has_failed_is_refused(
    store: PostgresStore, session: asyncpg.Connection
) -> None:
    """The server would write nothing more in that transaction."""
    own = await store.begin()
    await own.connection.execute(INSERT, {"text": "never"})
    with pytest.raises(DBAPIError):
        await own.connection.execute(INSERT, {"text": None})
    outcome = await own.commit(unit(new_event()))
    assert isinstance(outcome, Rejected)
    assert isinstance(outcome.error, HandlerFailedError)
    assert "a statement of its own had failed" in str(outcome.error)
    assert await notes(session) == []


async def test_a_handler_that_takes_too_long_is_cut_off(
    store: PostgresStore, session: asyncpg.Connection
) -> None:
    own = await store.begin()
    await own.connection.execute(INSERT, {"text": "never"})

    async def work() -> None:
        for _ in range(30):
            await own.connection.exec_driver_sql("SELECT pg_sleep(0.2)")

    with pytest.raises(DBAPIError):
        await work()
    outcome = await own.commit(unit(new_event()))
    assert isinstance(outcome, Rejected)
    assert isinstance(outcome.error, TransactionBudgetError)
    assert await notes(session) == []


async def test_one_that_is_silent_for_too_long_is_ended_by_the_server(
    store: PostgresStore, session: asyncpg.Connection
) -> None:
    """It holds the head, and may be frozen; the others go on after `idle` seconds."""
    own = await store.begin()
    await own.connection.execute(text("UPDATE streams SET head = head + 1 WHERE name = 'log'"))
    assert await store.commit([unit(new_event())]) == [Committed((1,))]
    outcome = await own.commit(unit(new_event()))
    assert isinstance(outcome, Rejected)
    assert isinstance(outcome.error, StoreUnavailableError)


async def test_a_cancelled_statement_leaves_no_connection_behind(
    store: PostgresStore, session: asyncpg.Connection
) -> None:
    own = await store.begin()
    await own.connection.execute(INSERT, {"text": "never"})
    sleeping = asyncio.ensure_future(own.connection.exec_driver_sql("SELECT pg_sleep(60)"))
    await eventually(
        lambda: session.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND state = 'active' AND query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()"
        )
    )
    sleeping.cancel()
    await asyncio.wait([sleeping])
    own.roll_back()
    await own.ended
    assert await notes(session) == []
    await eventually(
        lambda: session.fetchval(
            "SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = current_database() "
            "AND state LIKE 'idle in transaction%' OR query LIKE '%pg_sleep(60)%' "
            "AND pid <> pg_backend_pid()"
        )
    )
    again = await store.begin()
    assert isinstance(await again.commit(unit(new_event())), Committed)


async def test_a_backend_that_is_gone_while_committing_leaves_the_outcome_unknown(
    store: PostgresStore, session: asyncpg.Connection, postgres: Server
) -> None:
    own = await store.begin()
    raw = (await own.connection.get_raw_connection()).driver_connection
    assert raw is not None
    await session.execute(
        "CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$; "
        "CREATE CONSTRAINT TRIGGER stop AFTER INSERT ON notes DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION stop()"
    )
    await own.connection.execute(INSERT, {"text": "who knows"})
    with pytest.raises(OutcomeUnknownError):
        await own.commit(unit(new_event()))


async def test_without_the_extra_it_says_so(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headwater.stores.postgres.lending.find_spec", lambda _: None)
    with pytest.raises(Exception, match=r"pip install 'headwater\[sql\]'"):
        await store.begin()
