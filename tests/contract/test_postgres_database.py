"""What is particular to a store in a PostgreSQL database: other processes, failures, refusals."""

import asyncio
import gc
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
from headwater.errors import (
    ConfigurationError,
    CursorMismatchError,
    HeadwaterError,
    OutcomeUnknownError,
    SchemaMismatchError,
    StoreUnavailableError,
)
from headwater.migrations.migrator import Migrator
from headwater.schema.revisions import REVISION
from headwater.schema.tables import TABLES
from headwater.stores.contract import (
    Acknowledge,
    Append,
    Claim,
    Claims,
    Committed,
    Exactly,
    Expect,
    Expectation,
    FeedKey,
    FeedStatistics,
    Outcome,
    Rejected,
    Unit,
    Unknown,
)
from headwater.stores.databases import shown, store_for
from headwater.stores.postgres import database, server
from headwater.stores.postgres.address import Address
from headwater.stores.postgres.bell import Hint
from headwater.stores.postgres.store import PostgresStore
from headwater.stores.postgres.wire import Limits, connect
from headwater.stores.receipts import Late, Received, UnreadPolicy, UnreadThen
from headwater.streams import Stream, StreamType
from headwater.testing import VirtualClock
from headwater.testing.conformance.examples import (
    ME,
    STREAMS,
    claim,
    feed,
    new_event,
    offsets,
    sent,
    unit,
    unit_with_key,
)

from tests.support.pgbouncer import IGNORED, pgbouncer, require_pgbouncer
from tests.support.postgres import Cluster, Server, our_own, require_binaries
from tests.support.server import by_way_of
from tests.support.waiting import eventually

READER = FeedKey("reader")
IMPATIENT = Limits(lock=0.5, statement=1.0, idle=0.5, connect=2.0, spare=0.5)


@pytest.fixture
async def store(postgres_url: str) -> AsyncIterator[PostgresStore]:
    store = PostgresStore(postgres_url, limits=IMPATIENT, patience=5)
    await store.open(STREAMS)
    yield store
    await store.close()


@pytest.fixture
async def other(postgres_url: str, store: PostgresStore) -> AsyncIterator[PostgresStore]:
    """The same database, as another process has it."""
    other = PostgresStore(postgres_url, limits=IMPATIENT)
    await other.open(STREAMS)
    yield other
    await other.close()


@pytest.fixture
async def session(postgres_url: str, store: PostgresStore) -> AsyncIterator[asyncpg.Connection]:
    """Somebody else's connection to the same database."""
    connection = await asyncpg.connect(postgres_url)
    yield connection
    connection.terminate()


async def log_of(store: PostgresStore) -> list[tuple[str, int]]:
    """Workflow ids and offsets of the whole log, which has no gap."""
    recorded = await store.read("log", 0, 1_000_000)
    assert [one.offset for one in recorded] == list(range(1, len(recorded) + 1))
    return [(one.workflow_id, one.offset) for one in recorded]


def kinds(outcomes: list[Outcome]) -> list[str]:
    return [type(one).__name__ for one in outcomes]


# The tables


async def test_the_tables_are_made_as_they_are_described(session: asyncpg.Connection) -> None:
    for table in TABLES:
        columns = await session.fetch(
            "SELECT attname, attnotnull FROM pg_attribute WHERE attrelid = $1::regclass "
            "AND attnum > 0 ORDER BY attnum",
            table.name,
        )
        assert [row["attname"] for row in columns] == [one.name for one in table.columns]
        nullable = [row["attname"] for row in columns if not row["attnotnull"]]
        assert nullable == [one.name for one in table.columns if one.nullable]
        indexes = await session.fetch(
            "SELECT indexname FROM pg_indexes WHERE tablename = $1 ORDER BY 1", table.name
        )
        declared = {f"{table.name}_pkey", *(one.name for one in table.indexes)}
        assert {row["indexname"] for row in indexes} == declared


async def test_an_empty_database_is_refused_with_the_command_that_helps(
    postgres: Server,
) -> None:
    url = await postgres.create_database()
    with pytest.raises(SchemaMismatchError, match="headwater migrate upgrade") as refused:
        await PostgresStore(url).open(STREAMS)
    assert refused.value.found is None
    await Migrator(url).upgrade()
    assert await Migrator(url).upgrade() == []
    store = PostgresStore(url)
    await store.open(STREAMS)
    await store.close()
    await postgres.drop_database(url)


async def test_tables_of_a_newer_revision_are_refused(own_postgres_url: str) -> None:
    connection = await asyncpg.connect(own_postgres_url)
    await connection.execute("UPDATE headwater_revisions SET version_num = 'headwater.9999'")
    await connection.close()
    with pytest.raises(SchemaMismatchError, match="newer") as refused:
        await PostgresStore(own_postgres_url).open(STREAMS)
    assert (refused.value.found, refused.value.expected) == ("headwater.9999", REVISION)
    assert refused.value.is_newer


async def test_several_make_the_same_tables_at_once(postgres: Server) -> None:
    url = await postgres.create_database()
    await asyncio.gather(*(Migrator(url).upgrade() for _ in range(4)))
    stores = [PostgresStore(url) for _ in range(3)]
    await asyncio.gather(*(store.open(STREAMS) for store in stores))
    await asyncio.gather(*(store.commit([unit(new_event())]) for store in stores))
    assert (await stores[0].statistics("log")).head == 3
    for store in stores:
        await store.close()
    await postgres.drop_database(url)


async def test_tables_can_live_in_a_schema_of_their_own(postgres: Server) -> None:
    url = await postgres.create_database()
    await postgres.administer("CREATE SCHEMA orders", database=url.rpartition("/")[2])
    url_with_schema = f"{url}?search_path=orders"
    await Migrator(url_with_schema).upgrade()
    store = PostgresStore(url_with_schema)
    await store.open(STREAMS)
    await store.commit([unit(new_event())])
    await store.close()
    connection = await asyncpg.connect(url)
    assert await connection.fetchval("SELECT count(*) FROM orders.events") == 1
    assert await connection.fetchval("SELECT to_regclass('public.events')") is None
    await connection.close()
    await postgres.drop_database(url)


async def test_a_stream_of_another_type_is_refused(store: PostgresStore, postgres_url: str) -> None:
    with pytest.raises(ConfigurationError, match="log is persistent in this database"):
        await PostgresStore(postgres_url).open((Stream("log", StreamType.EPHEMERAL),))


# The address


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ada:s3cret@127.0.0.1:1/shop",
        "postgresql://ada:s3cret@127.0.0.1:1/shop?password=s3cret&sslmode=disable",
        "postgresql://ada:s3cret@[::1]:x/shop",
        "postgres://ada:s3cret@127.0.0.1:1/shop?no-such-option=s3cret",
    ],
)
async def test_no_message_tells_the_password(url: str, caplog: pytest.LogCaptureFixture) -> None:
    async def open_it() -> None:
        await PostgresStore(url, patience=0.2).open(STREAMS)

    with caplog.at_level(logging.DEBUG), pytest.raises(HeadwaterError) as caught:
        await open_it()
    error: BaseException | None = caught.value
    while error is not None:
        assert "s3cret" not in f"{error} {error!r}"
        error = error.__cause__ or error.__context__
    assert "s3cret" not in caplog.text


def test_a_url_is_shown_without_its_secrets() -> None:
    assert shown("postgresql://ada:s3cret@db:5432/shop?x=y") == "postgresql://ada@db:5432/shop"
    assert shown("sqlite:///shop.db") == "sqlite:///shop.db"
    with pytest.raises(ConfigurationError) as refused:
        store_for("mysql://ada:s3cret@db/shop", VirtualClock())
    assert "s3cret" not in str(refused.value)


async def test_a_database_that_is_not_there_is_named(postgres: Server) -> None:
    with pytest.raises(ConfigurationError, match="no_such_database"):
        await PostgresStore(postgres.url("no_such_database")).open(STREAMS)


async def test_a_server_that_is_not_there_is_waited_for(
    postgres_url: str, postgres: Server
) -> None:
    """And named, with how long, once that takes too long."""
    address = by_way_of(1, postgres_url)
    begun = time.monotonic()
    with pytest.raises(StoreUnavailableError, match=r"127\.0\.0\.1:1/"):
        await PostgresStore(address, patience=0.3).open(STREAMS)
    assert time.monotonic() - begun < 5


async def test_unsafe_settings_are_said_at_start(
    postgres: Server, own_postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    name = own_postgres_url.rpartition("/")[2]
    await postgres.administer(f"ALTER DATABASE {name} SET synchronous_commit = off")
    store = PostgresStore(own_postgres_url)
    await store.open(STREAMS)
    await store.close()
    assert [one.partition(":")[0] for one in store.cautions] == [
        "fsync is off",
        "synchronous_commit is off",
    ]
    assert all(caution in caplog.text for caution in store.cautions)


async def test_of_safe_settings_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    cluster = Cluster(require_binaries(), fsync=True)
    try:
        await asyncio.to_thread(cluster.start)
        await cluster.make_template()
        store = PostgresStore(cluster.url("template"))
        with caplog.at_level(logging.WARNING, "headwater"):
            await store.open(STREAMS)
        await store.close()
        assert store.cautions == ()
        assert not caplog.records
    finally:
        await asyncio.to_thread(cluster.remove)


@pytest.mark.parametrize("ignored", ["", IGNORED])
async def test_a_pooler_in_transaction_mode_is_refused_with_the_reason(
    postgres: Server, own_postgres_url: str, ignored: str
) -> None:
    """Whether it refuses our settings, or drops them without a word."""
    require_pgbouncer()
    with pgbouncer(postgres, ignored=ignored) as port:
        url = by_way_of(port, own_postgres_url)
        with pytest.raises(ConfigurationError, match="is a connection pooler, such as PgBouncer"):
            await PostgresStore(url, patience=1).open(STREAMS)


async def test_a_standby_is_refused(
    store: PostgresStore, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server that says it is in recovery; that it would be is the server's word alone."""
    statement = server._SELECT_IDENTITY.replace("pg_is_in_recovery()", "true")
    monkeypatch.setattr(server, "_SELECT_IDENTITY", statement)
    with pytest.raises(ConfigurationError, match="is a standby"):
        await PostgresStore(postgres_url).open(STREAMS)


async def test_a_store_that_is_closed_says_so(store: PostgresStore) -> None:
    await store.close()
    [outcome] = await store.commit([unit(new_event())])
    assert isinstance(outcome, Rejected)
    assert isinstance(outcome.error, StoreUnavailableError)
    with pytest.raises(StoreUnavailableError):
        await store.read("log", 0, 1)


# Order by construction


async def test_a_commit_that_is_delayed_holds_the_later_ones_back(
    store: PostgresStore, session: asyncpg.Connection
) -> None:
    """No offset can be seen before the one below it."""
    transaction = session.transaction()
    await transaction.start()
    await session.execute("UPDATE streams SET head = head + 1 WHERE name = 'log'")
    later = asyncio.ensure_future(store.commit([unit(new_event(), to="later")]))
    await until_somebody_waits_for_a_lock(session)
    assert await store.read("log", 0, 9) == []
    await transaction.rollback()
    assert await later == [Committed((1,))]


async def until_somebody_waits_for_a_lock(session: asyncpg.Connection) -> None:
    await eventually(lambda: session.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))


async def test_a_rollback_after_the_head_has_moved_leaves_no_gap(
    store: PostgresStore, session: asyncpg.Connection
) -> None:
    await store.commit([unit(new_event(), to="a")])
    # The last thing in the transaction fails: an event stands where the next one belongs.
    await session.execute(
        "INSERT INTO events SELECT stream, 2, id, name, version, NULL, workflow_id, NULL, "
        "recorded_at, data, metadata FROM events"
    )
    outcomes = await store.commit([unit(new_event(), to="b")])
    assert kinds(outcomes) == ["Rejected"]
    assert (await store.statistics("log")).head == 1
    assert (await store.workflow("Cart", "b")).version == 0
    await session.execute("DELETE FROM events WHERE stream_offset = 2")
    assert await store.commit([unit(new_event(), to="b")]) == [Committed((2,))]
    assert await log_of(store) == [("a", 1), ("b", 2)]


async def test_an_idle_foreign_transaction_holds_nobody_up(
    store: PostgresStore, session: asyncpg.Connection
) -> None:
    await session.execute("BEGIN; SELECT pg_current_xact_id()")
    await store.register(feed())
    await store.commit([unit(new_event())])
    assert offsets(await claim(store, READER)) == [1]


async def test_writers_of_many_processes_leave_no_gap_and_a_reader_misses_nothing(
    postgres_url: str, store: PostgresStore
) -> None:
    """A live tail that asks for what comes after the last offset it saw, and nothing else."""
    stores = [PostgresStore(postgres_url, connections=2) for _ in range(4)]
    await asyncio.gather(*(one.open(STREAMS) for one in stores))
    tail: list[int] = []
    done = asyncio.Event()

    async def follow() -> None:
        while not done.is_set() or (await store.statistics("log")).head > len(tail):
            tail.extend(one.offset for one in await store.read("log", len(tail), 1000))

    async def write(number: int) -> int:
        written = 0
        for batch in range(25):
            outcomes = await stores[number].commit(
                [unit(new_event(), to=f"w-{(number + batch + place) % 12}") for place in range(8)]
            )
            assert kinds(outcomes) == ["Committed"] * 8
            written += 8
        return written

    following = asyncio.create_task(follow())
    written = sum(await asyncio.gather(*(write(number) for number in range(4))))
    done.set()
    await following
    assert tail == list(range(1, written + 1))
    recorded = await store.read("log", 0, 10_000)
    for name in {one.workflow_id for one in recorded}:
        versions = [one.workflow_version for one in recorded if one.workflow_id == name]
        assert versions == list(range(1, len(versions) + 1)), "order within the workflow"
    for one in stores:
        await one.close()


async def test_workflows_are_locked_in_one_order_whatever_the_order_of_the_units(
    store: PostgresStore, session: asyncpg.Connection
) -> None:
    """Or two processes could wait for each other."""
    await store.commit([unit(new_event(), to=name) for name in "ab"])
    transaction = session.transaction()
    await transaction.start()
    await session.execute("SELECT FROM workflows WHERE workflow_id = 'b' FOR UPDATE")
    committing = asyncio.ensure_future(store.commit([unit(new_event(), to=name) for name in "ba"]))
    await until_somebody_waits_for_a_lock(session)
    with pytest.raises(asyncpg.LockNotAvailableError):
        async with session.transaction():
            await session.execute("SELECT FROM workflows WHERE workflow_id = 'a' FOR UPDATE NOWAIT")
    await transaction.rollback()
    assert await committing == [Committed((3,)), Committed((4,))]


@pytest.mark.parametrize("is_there", [False, True])
@pytest.mark.parametrize(
    "expect", [Expect.ANY, Expect.NEW, Expect.EXISTS, Exactly(0), Exactly(1), Exactly(2)]
)
async def test_of_writers_in_two_processes_as_many_win_as_the_expectation_allows(
    store: PostgresStore, other: PostgresStore, expect: Expectation, *, is_there: bool
) -> None:
    """Whatever the interleaving: what is recorded is what was acknowledged."""
    allowed = {
        Expect.ANY: (20, 20),
        Expect.NEW: (1, 0),
        Expect.EXISTS: (0, 20),
        Exactly(0): (1, 0),
        Exactly(1): (0, 1),
        Exactly(2): (0, 0),
    }[expect][is_there]
    if is_there:
        await store.commit([unit(new_event())])

    results = await asyncio.gather(
        *(one.commit([unit(new_event(), expect=expect)]) for one in [store, other] * 10)
    )

    outcomes = [outcome for [outcome] in results]
    assert kinds(outcomes).count("Committed") == allowed
    assert (await store.workflow("Cart", "cart-1")).version == allowed + is_there
    numbers = sorted(one.offsets[0] for one in outcomes if isinstance(one, Committed))
    assert numbers == list(range(1 + is_there, allowed + 1 + is_there))


async def test_units_of_several_workflows_and_streams_are_written_whole_in_any_order(
    store: PostgresStore, other: PostgresStore
) -> None:
    """Two processes that touch the same workflows the other way round do not block each other."""

    def both(first: str, second: str, *, expect: Expectation = Expect.ANY) -> Unit:
        return Unit(
            appends=(
                Append(
                    stream="log",
                    workflow="Cart",
                    workflow_id=first,
                    expect=expect,
                    events=(new_event(),),
                ),
                Append(stream="queue", workflow="Cart", workflow_id=second, events=(new_event(),)),
            )
        )

    await store.register(feed(stream="queue"))
    results = await asyncio.gather(
        *(
            one.commit([both("a", "b") if number % 2 else both("b", "a")])
            for number, one in enumerate([store, other] * 10)
        )
    )
    assert all(kinds(outcomes) == ["Committed"] for outcomes in results)
    assert [(await store.workflow("Cart", name)).version for name in "ab"] == [20, 20]

    [refused] = await store.commit([both("a", "c", expect=Expect.NEW)])
    assert isinstance(refused, Rejected)
    assert (await store.workflow("Cart", "c")).version == 0, "its other append is nowhere either"


# Idempotency


async def test_of_requests_with_one_key_in_two_processes_one_is_written(
    store: PostgresStore, other: PostgresStore
) -> None:
    requests = [
        unit_with_key("k-1", new_event(), expect=Expect.NEW, content=str(number).encode())
        for number in range(10)
    ]
    results = await asyncio.gather(
        *(one.commit([request]) for one, request in zip([store, other] * 5, requests, strict=True))
    )
    outcomes = [outcome for [outcome] in results]
    assert kinds(outcomes) == ["Committed"] * 10
    assert (await store.statistics("log")).head == 1
    kept = await store.answer("k-1")
    answers = [one.earlier for one in outcomes if isinstance(one, Committed)]
    assert answers.count(None) == 1
    assert answers.count(kept) == 9


async def test_a_key_is_known_after_a_restart(postgres_url: str, store: PostgresStore) -> None:
    await store.commit([unit_with_key("k-1", new_event())])
    await store.close()
    again = PostgresStore(postgres_url)
    await again.open(STREAMS)
    [outcome] = await again.commit([unit_with_key("k-1", new_event())])
    await again.close()
    assert isinstance(outcome, Committed)
    assert outcome.earlier is not None


async def test_a_key_that_is_just_being_written_is_waited_for(
    store: PostgresStore, session: asyncpg.Connection
) -> None:
    transaction = session.transaction()
    await transaction.start()
    await session.execute(
        "INSERT INTO append_keys VALUES ('k-1', 'body', 'theirs', now(), 'request', '', 0)"
    )
    committing = asyncio.ensure_future(store.commit([unit_with_key("k-1", new_event())]))
    await until_somebody_waits_for_a_lock(session)
    await transaction.commit()
    [outcome] = await committing
    assert isinstance(outcome, Committed)
    assert outcome.earlier is not None
    assert outcome.earlier.content == b"theirs"
    assert await store.read("log", 0, 9) == []


# Three outcomes


async def test_a_unit_that_cannot_be_written_is_left_out_alone(store: PostgresStore) -> None:
    outcomes = await store.commit(
        [
            unit(new_event(), to="a"),
            unit(new_event(), to="\ud800"),
            unit(new_event(), to="with\x00zero"),
            unit(new_event(), to="d"),
        ]
    )
    assert kinds(outcomes) == ["Committed", "Rejected", "Rejected", "Committed"]
    assert await log_of(store) == [("a", 1), ("d", 2)]


async def test_an_event_for_a_stream_that_is_not_there_is_not_half_written(
    store: PostgresStore, session: asyncpg.Connection
) -> None:
    await session.execute("DELETE FROM streams WHERE name = 'queue'")
    outcomes = await store.commit([unit(new_event(), stream="queue"), unit(new_event(), to="b")])
    assert kinds(outcomes) == ["Rejected", "Committed"]
    assert (await store.workflow("Cart", "cart-1")).version == 0


async def test_a_lock_that_somebody_holds_too_long_rejects_and_nothing_is_written(
    store: PostgresStore, session: asyncpg.Connection
) -> None:
    await store.commit([unit(new_event())])
    await session.execute("BEGIN; SELECT FROM workflows FOR UPDATE")
    [outcome] = await store.commit([unit(new_event())])
    await session.execute("ROLLBACK")
    assert isinstance(outcome, Rejected)
    assert isinstance(outcome.error, StoreUnavailableError)
    assert "55P03" in str(outcome.error)
    assert await store.commit([unit(new_event())]) == [Committed((2,))]


async def test_a_backend_that_is_terminated_while_committing_leaves_the_outcome_unknown(
    store: PostgresStore, session: asyncpg.Connection
) -> None:
    """It is never tried again by itself; with a key the caller can."""
    await session.execute("BEGIN; SELECT FROM streams FOR UPDATE")
    request = unit_with_key("k-1", new_event())
    committing = asyncio.ensure_future(store.commit([request]))
    await until_somebody_waits_for_a_lock(session)
    await session.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    )
    [outcome] = await committing
    await session.execute("ROLLBACK")
    assert isinstance(outcome, Unknown)
    assert isinstance(outcome.error, OutcomeUnknownError)

    [again] = await store.commit([request])
    assert again == Committed((1,))


async def test_connections_that_were_cut_are_replaced_unnoticed(
    store: PostgresStore, postgres: Server, postgres_url: str
) -> None:
    await store.commit([unit(new_event())])
    cut = await postgres.terminate_backends(postgres_url)
    assert cut
    await eventually(lambda: all(wire.is_gone for wire in store._commits._idle))
    assert await store.commit([unit(new_event())]) == [Committed((2,))]
    assert (await store.statistics("log")).head == 2


async def test_connecting_can_be_given_up_at_any_moment(postgres_url: str) -> None:
    """No error is left that nobody retrieves, and no connection that nobody uses."""
    unnoticed: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unnoticed.append(context))
    address, limits = Address(postgres_url), Limits()
    for turns in range(30):
        connecting = asyncio.create_task(connect(address, limits))
        for _ in range(turns):
            await asyncio.sleep(0)
        connecting.cancel()
        with suppress(asyncio.CancelledError):
            (await connecting).cut()  # it was faster
    session = await asyncpg.connect(postgres_url)

    async def are_gone() -> bool:
        gc.collect()
        return not await session.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND application_name = 'headwater'"
        )

    await eventually(are_gone)
    session.terminate()
    assert unnoticed == []


async def test_connections_that_are_of_no_use_any_more_are_let_go(
    store: PostgresStore, session: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others may wait for one; the last that was used stays."""
    await asyncio.gather(*(store.read("log", 0, 1) for _ in range(20)))
    assert len(store._database._idle) > 1
    monkeypatch.setattr(database, "UNUSED", 0.0)

    async def at_the_server() -> int:
        return int(
            await session.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                "AND application_name = 'headwater' AND query LIKE '%stream_offset%'"
            )
        )

    async def are_gone() -> bool:
        return len(store._database._idle) == 1 and await at_the_server() <= 1

    await eventually(are_gone)
    assert await store.read("log", 0, 1) == []


async def test_a_statement_that_meets_a_farewell_is_sent_again_on_another_connection(
    store: PostgresStore,
) -> None:
    """The driver refuses to send it: nothing of it was done."""
    await store.commit([unit(new_event())])

    class Refusing:
        async def fetch(self, *_: object) -> object:
            raise asyncpg.InternalClientError("cannot switch to state 12; another operation (2)")

    [wire] = store._commits._idle
    wire._prepared = dict.fromkeys(wire._prepared, Refusing())
    assert await store.commit([unit(new_event())]) == [Committed((2,))]
    assert wire.is_gone


async def test_a_server_that_is_restarted_has_what_it_acknowledged(
    store: PostgresStore, postgres: Server
) -> None:
    cluster = our_own(postgres)
    acknowledged = 0
    for _ in range(3):
        for _ in range(10):
            [outcome] = await store.commit([unit(new_event())])
            acknowledged += isinstance(outcome, Committed)
        await asyncio.to_thread(cluster.restart, "immediate")
    assert acknowledged == 30
    assert len(await log_of(store)) == 30


async def test_a_server_that_does_not_answer_is_given_up_in_time(
    store: PostgresStore, postgres: Server
) -> None:
    """Its socket stays open and silent; it is cut, and not used again."""
    cluster = our_own(postgres)
    await store.commit([unit(new_event())])
    silent = {wire.connection.get_server_pid() for wire in store._commits._idle}
    with cluster.frozen(*silent):
        for _ in silent:
            begun = time.monotonic()
            [outcome] = await store.commit([unit(new_event())])
            assert time.monotonic() - begun < IMPATIENT.reply + 1
            if isinstance(outcome, Committed):  # on a connection that is new
                break
            assert isinstance(outcome, Unknown)
            assert "no answer within 1.5 s" in str(outcome.error)
        assert kinds(await store.commit([unit(new_event(), to="b")])) == ["Committed"]
        assert silent.isdisjoint(wire.connection.get_server_pid() for wire in store._commits._idle)


async def test_a_commit_goes_on_without_its_caller(store: PostgresStore) -> None:
    committing = asyncio.ensure_future(store.commit([unit(new_event())]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    committing.cancel()
    await asyncio.wait([committing])
    assert committing.cancelled()
    await eventually(lambda: not store._commits._working)
    assert (await store.statistics("log")).head == 1


async def test_a_caller_that_leaves_at_any_moment_leaves_nothing_open(
    store: PostgresStore, session: asyncpg.Connection
) -> None:
    await store.register(feed())
    await store.commit([unit(new_event(), to=str(number)) for number in range(40)])
    calls = (
        lambda: store.read("log", 0, 9),
        lambda: store.claim(READER, ME, 1),
        lambda: store.register(feed("another")),
        lambda: store.commit([unit(new_event())]),
    )
    cancelled = received = 0
    for turns in range(12):
        for call in calls:
            task = asyncio.ensure_future(call())
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            if task.cancelled():
                cancelled += 1
            elif isinstance(claims := task.result(), Claims):  # it was quicker
                received += len(claims.claims)
    assert cancelled > 24
    await eventually(
        lambda: not (store._database._working or store._commits._working or store._unwanted)
    )
    states = await session.fetch(
        "SELECT state FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid()"
    )
    assert {row["state"] for row in states} == {"idle"}
    claimed = (await store.feed(READER)).claimed
    assert claimed == received, "claims of who left were given back"


# Processes that die or freeze

APPEND = """
import asyncio, sys
from headwater.stores.postgres.store import PostgresStore
from headwater.stores.postgres.wire import Limits, connect
from headwater.testing.conformance.examples import STREAMS, new_event, unit

async def main():
    store = PostgresStore(sys.argv[1])
    await store.open(STREAMS)
    while True:
        [done] = await store.commit([unit(new_event(), new_event())])
        print(done.offsets[-1], flush=True)

asyncio.run(main())
"""


@contextmanager
def appending(url: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that appends two events at a time, and says the second one's offset."""
    process = subprocess.Popen(
        [sys.executable, "-c", APPEND, url],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


async def test_what_a_killed_process_acknowledged_is_there_and_nothing_by_halves(
    postgres_url: str, store: PostgresStore
) -> None:
    with appending(postgres_url) as process:
        assert process.stdout is not None
        lines = [await asyncio.to_thread(process.stdout.readline) for _ in range(20)]
        process.kill()
        lines += await asyncio.to_thread(process.stdout.readlines)
    acknowledged = [int(line) for line in lines if line.endswith("\n")][-1]
    recorded = len(await log_of(store))
    assert acknowledged <= recorded
    assert recorded % 2 == 0, "a unit is written whole"
    assert kinds(await store.commit([unit(new_event())])) == ["Committed"]


async def test_a_process_that_is_frozen_while_it_appends_holds_nobody_up(
    postgres_url: str, store: PostgresStore
) -> None:
    """The statement is its whole transaction: the server ends it without its client."""
    slowest = 0.0
    with appending(postgres_url) as process:
        assert process.stdout is not None
        for _ in range(10):
            await asyncio.to_thread(process.stdout.readline)
            os.kill(process.pid, signal.SIGSTOP)
            begun = time.monotonic()
            assert kinds(await store.commit([unit(new_event(), to="x")])) == ["Committed"]
            slowest = max(slowest, time.monotonic() - begun)
            os.kill(process.pid, signal.SIGCONT)
    assert slowest < IMPATIENT.idle + 1


async def test_one_that_is_frozen_right_after_it_has_the_head_holds_others_up_for_the_limit(
    store: PostgresStore, other: PostgresStore
) -> None:
    """As a handler's own transaction may; the server ends it after `idle` seconds."""

    wire = await other._database.take()
    await wire.execute("BEGIN; UPDATE streams SET head = head + 1 WHERE name = 'log'")
    begun = time.monotonic()
    outcomes = await store.commit([unit(new_event())])
    waited = time.monotonic() - begun
    other._database.give_back(wire)
    assert outcomes == [Committed((1,))]
    assert 0.2 < waited < IMPATIENT.idle + 1


# Claims


async def test_no_event_is_handed_to_two_processes_and_each_lane_to_one_at_a_time(
    postgres_url: str, store: PostgresStore
) -> None:
    stores = [PostgresStore(postgres_url, connections=3) for _ in range(3)]
    for one in stores:
        await one.open(STREAMS)
        await one.register(feed(in_flight=5))
    total = 240
    await store.commit([unit(new_event(), to=f"w-{number % 17}") for number in range(total)])
    in_hand: dict[str, int] = {}
    handled: list[tuple[str, int]] = []

    async def work(mine: PostgresStore, holder: str) -> None:
        while len(handled) < total:
            claims = await claim(mine, READER, holder, limit=3)
            for one in claims:
                name = one.event.workflow_id
                assert name not in in_hand, "two of one workflow are out"
                in_hand[name] = one.event.offset
            await asyncio.sleep(0)
            for one in claims:
                del in_hand[one.event.workflow_id]
                handled.append((one.event.workflow_id, one.event.offset))
                [outcome] = await mine.commit([Unit(settlements=(Acknowledge(one),))])
                assert isinstance(outcome, Committed)

    async with asyncio.timeout(60):
        await asyncio.gather(
            *(work(one, f"h-{number}-{n}") for number, one in enumerate(stores) for n in range(2))
        )
    assert sorted(offset for _, offset in handled) == list(range(1, total + 1))
    for name in {name for name, _ in handled}:
        theirs = [offset for one, offset in handled if one == name]
        assert theirs == sorted(theirs)
    assert await store.feed(READER) == FeedStatistics(total, 0, 0)
    for one in stores:
        await one.close()


@pytest.mark.parametrize("then", UnreadThen)
async def test_who_ends_what_is_unread_waits_for_a_recipient_before_it_has_any_receipt(
    store: PostgresStore, session: asyncpg.Connection, then: UnreadThen
) -> None:
    """As whoever marks an event as read does: neither has what the other waits for."""
    ann = FeedKey("news", "ann")
    await store.register(feed("news", consumer="ann"))
    await store.commit([unit(new_event())])
    [one] = await claim(store, ann)
    await store.commit([Unit(settlements=(Acknowledge(one, Received(unread_after=0.0)),))])
    policy = UnreadPolicy(then=then, attempts=5, reason="late")

    async with session.transaction():
        await session.fetch("SELECT 1 FROM cursors WHERE consumer = 'ann' FOR UPDATE")
        ending = asyncio.create_task(store.receipts.expire_unread("news", policy, 10))
        await until_somebody_waits_for_a_lock(session)
        await session.fetch("SELECT 1 FROM read_receipts FOR UPDATE NOWAIT")
    assert (await ending).events == (Late("ann", 1, 1, then),)


async def test_a_claim_that_comes_too_late_for_its_snapshot_looks_again(
    store: PostgresStore, other: PostgresStore, session: asyncpg.Connection
) -> None:
    """Somebody claims while this one waits for the cursor: it must not hand out the same."""
    await store.register(feed())
    await other.register(feed())
    await store.commit([unit(new_event(), to=name) for name in "abcd"])
    await session.execute("BEGIN; SELECT FROM cursors FOR UPDATE")
    claiming = [
        asyncio.ensure_future(claim(one, READER, holder, limit=2))
        for one, holder in ((store, "h-1"), (other, "h-2"))
    ]
    await eventually(
        lambda: session.fetchval(
            "SELECT count(DISTINCT pid) = 2 FROM pg_locks WHERE NOT granted AND pid IN "
            "(SELECT pid FROM pg_stat_activity WHERE datname = current_database())"
        )
    )
    await session.execute("ROLLBACK")
    first, second = [offsets(claims) for claims in await asyncio.gather(*claiming)]
    assert sorted(first + second) == [1, 2, 3, 4]


async def test_claims_end_by_the_clock_of_the_database_and_a_late_token_is_refused(
    store: PostgresStore, other: PostgresStore
) -> None:
    """A zombie: its claim is handed out again, and what it does then is left out whole."""
    quick = replace(feed(), ack_timeout=0.2)
    await store.register(quick)
    await other.register(quick)
    await store.commit([unit(new_event())])
    [old] = await claim(store, READER, "zombie")
    again: list[Claim] = []
    async with asyncio.timeout(5):
        while not again:
            again = await claim(other, READER, "heir")
    assert again[0].attempt == 2
    assert again[0].token > old.token
    [late] = await store.commit([unit(new_event(), to="effect", settling=[Acknowledge(old)])])
    [in_time] = await other.commit([unit(new_event(), to="heir", settling=[Acknowledge(again[0])])])
    assert kinds([late, in_time]) == ["Rejected", "Committed"]
    assert await log_of(store) == [("cart-1", 1), ("heir", 2)]


async def test_one_claim_is_settled_by_one_of_two_processes(
    store: PostgresStore, other: PostgresStore
) -> None:
    await store.register(feed())
    for number in range(10):
        await store.commit([unit(new_event(), to=f"w-{number}")])
        [one] = await claim(store, READER)
        results = await asyncio.gather(
            *(it.commit([Unit(settlements=(Acknowledge(one),))]) for it in (store, other))
        )
        assert sorted(kinds([outcome for [outcome] in results])) == ["Committed", "Rejected"]


async def test_looking_for_events_in_vain_writes_nothing(
    store: PostgresStore, session: asyncpg.Connection
) -> None:
    """Otherwise those that look would wake each other for ever."""
    await store.register(feed())
    await claim(store, READER)
    before = await session.fetchval("SELECT xmin::text || ctid::text FROM cursors")
    assert await claim(store, READER) == []
    assert await session.fetchval("SELECT xmin::text || ctid::text FROM cursors") == before


async def test_a_feed_that_wants_little_passes_the_rest_in_steps(store: PostgresStore) -> None:
    await store.register(feed(events=("Rare",)))
    await store.commit([unit(*(new_event("Other") for _ in range(2500)), new_event("Rare"))])
    assert offsets(await claim(store, READER)) == [2501]


async def test_a_feed_keeps_no_more_than_its_window_when_one_lane_is_stuck(
    store: PostgresStore, session: asyncpg.Connection
) -> None:
    await store.register(feed())
    await store.commit([unit(*(new_event() for _ in range(2000)), to="stuck")])
    await store.commit([unit(new_event(), to="beyond")])
    [stuck] = await claim(store, READER)
    assert await claim(store, READER, "other") == []
    assert await session.fetchval("SELECT count(*) FROM deliveries") == 1024
    await store.commit([Unit(settlements=(Acknowledge(stuck),))])
    assert offsets(await claim(store, READER)) == [2]


async def test_what_was_consumed_of_an_ephemeral_stream_is_removed(
    store: PostgresStore, session: asyncpg.Connection
) -> None:
    await store.register(feed(stream="queue"))
    await store.commit([unit(new_event(), stream="queue", to=name) for name in "abc"])
    first, second, _ = await claim(store, READER)
    await store.commit([Unit(settlements=(Acknowledge(first), Acknowledge(second)))])
    await eventually(lambda: session.fetchval("SELECT count(*) = 1 FROM events"))
    assert [one.offset for one in await store.read("queue", 0, 9)] == [3]


# Waking


async def test_who_waits_is_woken_by_what_another_process_writes(
    store: PostgresStore, other: PostgresStore
) -> None:
    await other.register(feed())
    changes, log, commands = other.changes(READER), other.appended("log"), other.sent()
    await eventually(lambda: other._bell is not None and other._bell.is_listening)
    waiting = [
        asyncio.ensure_future(one.wait_after(one.generation)) for one in (changes, log, commands)
    ]
    begun = time.monotonic()
    await store.commit([unit(new_event())])
    await store.commit([Unit(sends=(sent("k-1"),))])
    async with asyncio.timeout(5):
        await asyncio.gather(*waiting)
    assert time.monotonic() - begun < 0.9, "by a notification, before it would have looked"


async def test_without_notifications_it_looks(postgres_url: str, store: PostgresStore) -> None:
    quiet = PostgresStore(postgres_url, notify=False, poll=(0.005, 0.05))
    await quiet.open(STREAMS)
    await quiet.register(feed())
    changes, commands = quiet.changes(READER), quiet.sent()
    waiting = [asyncio.ensure_future(one.wait_after(one.generation)) for one in (changes, commands)]
    await store.commit([unit(new_event())])
    await store.commit([Unit(sends=(sent("k-1"),))])
    async with asyncio.timeout(5):
        await asyncio.gather(*waiting)
    assert offsets(await claim(quiet, READER)) == [1]
    await quiet.close()


async def test_listening_begins_again_after_its_connection_was_cut(
    store: PostgresStore, other: PostgresStore, postgres: Server, postgres_url: str
) -> None:
    """And everybody is woken then: what was told meanwhile was not heard."""
    await other.register(feed())
    bell = other._bell
    assert bell is not None
    await eventually(lambda: bell.is_listening)
    changes = other.changes(READER)
    seen = changes.generation
    await postgres.terminate_backends(postgres_url)
    await eventually(lambda: not bell.is_listening)
    await eventually(lambda: bell.is_listening)
    assert changes.generation != seen
    seen = changes.generation
    await eventually(lambda: store._bell is not None and store._bell.is_listening)
    await store.commit([unit(new_event())])
    async with asyncio.timeout(0.9):
        await changes.wait_after(seen)


def test_a_hint_survives_its_way_and_one_of_ours_is_not_heard() -> None:
    hint = Hint({"log"}, {READER, FeedKey("all", "ann")}, sent=True)
    assert Hint.from_payload(hint.payload("me"), "you") == hint
    assert Hint.from_payload(hint.payload("me"), "me") is None
    assert Hint.from_payload("what is this", "me") == Hint(everything=True)
    many = Hint(feeds={FeedKey("subscription", f"consumer-{number}") for number in range(1000)})
    assert Hint.from_payload(many.payload("me"), "you") == Hint(everything=True)


# Cursors


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ("UPDATE streams SET epoch = epoch + 1", "made anew"),
        ("UPDATE events SET id = gen_random_uuid()", "event 2 was"),
        ("UPDATE streams SET head = 1", "the stream ends at 1"),
        ("UPDATE cursors SET format = 99", "format 99"),
    ],
)
async def test_a_cursor_notices_that_the_stream_is_not_what_it_read(
    store: PostgresStore, session: asyncpg.Connection, damage: str, reason: str
) -> None:
    await store.register(feed())
    await store.commit([unit(new_event(), to=name) for name in "ab"])
    await claim(store, READER)
    await session.execute(damage)
    with pytest.raises(CursorMismatchError, match=reason):
        await store.register(feed())
    with pytest.raises(CursorMismatchError, match=reason):
        await claim(store, READER)


async def test_a_claim_of_a_feed_that_was_made_anew_is_lost(store: PostgresStore) -> None:
    await store.register(feed())
    await store.commit([unit(new_event())])
    [old] = await claim(store, READER)
    await store.unregister(READER)
    await store.register(feed())
    [new] = await claim(store, READER)
    outcomes = await store.commit(
        [Unit(settlements=(Acknowledge(old),)), Unit(settlements=(Acknowledge(new),))]
    )
    assert kinds(outcomes) == ["Rejected", "Committed"]


async def test_a_feed_that_starts_at_the_end_misses_nothing_that_comes_after(
    store: PostgresStore, other: PostgresStore
) -> None:
    """Registering and appending at once: it begins just behind the head, under its lock."""
    for number in range(10):
        name = f"late-{number}"
        _, [[outcome], *_] = await asyncio.gather(
            store.register(feed(name, stream="queue")),
            asyncio.gather(*(other.commit([unit(new_event(), stream="queue")]) for _ in range(5))),
        )
        assert isinstance(outcome, Committed)
        begins = (await store.feed(FeedKey(name))).position
        head = (await store.statistics("queue")).head
        assert [one.offset for one in await store.read("queue", begins, 99)] == list(
            range(begins + 1, head + 1)
        )
        await store.unregister(FeedKey(name))


async def test_a_feed_that_wants_something_else_now_is_asked_for_it(store: PostgresStore) -> None:
    await store.register(feed())
    await store.commit([unit(new_event(), to="a"), unit(new_event("Other"), to="b")])
    assert offsets(await claim(store, READER, limit=1)) == [1]
    await store.register(replace(feed(), events=frozenset({"Added", "Other"})))
    assert offsets(await claim(store, READER)) == [2]
