"""What the documented grants let each role do: a writer keeps the whole contract, no role more."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest
from headwater.cli import main
from headwater.errors import ConfigurationError
from headwater.migrations.grants import ROLES, grants
from headwater.migrations.migrator import Migrator
from headwater.stores.contract import Committed, FeedKey, Rejected, Store
from headwater.stores.leases import RETENTION
from headwater.stores.postgres.store import PostgresStore
from headwater.stores.retention import Gap, Swept
from headwater.streams import Stream, StreamType
from headwater.testing import VirtualClock
from headwater.testing.conformance import StoreContract
from headwater.testing.conformance.examples import STREAMS, feed, new_event, unit
from headwater.testing.conformance.keys import KeyCases
from headwater.testing.conformance.retention import RetentionCases

from tests.support.postgres import Server
from tests.support.server import as_user

PREFIX = f"shop_{os.getpid()}"  # roles belong to a whole server
REFUSED = asyncpg.InsufficientPrivilegeError


def as_role(url: str, role: str) -> str:
    """The URL for somebody who has this role."""
    return as_user(url, f"{PREFIX}_{role}_login", PREFIX)


@pytest.fixture(scope="module")
def granted_url(postgres: Server) -> Iterator[str]:
    """A database with our tables and roles, and somebody to log in as each of them."""
    ours = [f"{PREFIX}_{role}" for role in ROLES]
    logins = [f"{name}_login" for name in (*ours, f"{PREFIX}_keeper")]

    async def make() -> str:
        url = await postgres.create_database("template")
        name = url.rpartition("/")[2]
        for _ in range(2):  # it can be run again
            await postgres.administer(grants(prefix=PREFIX), database=name)
        granted = (*ours, f"{PREFIX}_writer, {PREFIX}_retention")
        await postgres.administer(
            *(
                f"CREATE ROLE {login} LOGIN PASSWORD '{PREFIX}' IN ROLE {roles}"
                for login, roles in zip(logins, granted, strict=True)
            )
        )
        return url

    made = postgres.run(make())
    yield made
    postgres.run(postgres.drop_database(made))
    postgres.run(postgres.administer(*(f"DROP ROLE {name}" for name in (*logins, *ours))))


@pytest.fixture
def url(postgres: Server, granted_url: str) -> str:
    postgres.run(postgres.empty_database(granted_url))
    return granted_url


KEYS_OF_EVENTS_THAT_GO = (
    KeyCases.test_what_was_sent_for_an_event_is_known_while_the_stream_has_the_event.__name__,
    KeyCases.test_those_that_stay_hold_up_none_behind_them.__name__,
)


class TestPostgresStoreOfAWriter(StoreContract):
    """Everything that a service does, it can do with the writer's rights.

    But for removing old events: that takes the rights of retention as well.
    """

    @pytest.fixture
    async def store(
        self, request: pytest.FixtureRequest, clock: VirtualClock, url: str
    ) -> AsyncIterator[Store]:
        name = request.node.originalname
        removes = hasattr(RetentionCases, name) or name in KEYS_OF_EVENTS_THAT_GO
        store = PostgresStore(as_role(url, "keeper" if removes else "writer"), clock)
        await store.open(STREAMS)
        yield store
        await store.close()


@pytest.fixture
async def recorded(url: str) -> str:
    """Events on a persistent stream and on an ephemeral one."""
    store = PostgresStore(as_role(url, "writer"))
    await store.open(STREAMS)
    await store.commit([unit(new_event())])
    await store.close()
    session = await asyncpg.connect(url)
    await session.execute(
        "INSERT INTO events SELECT (jsonb_populate_record(events, "
        '\'{"stream": "queue", "workflow": null}\')).* FROM events WHERE stream = \'log\''
    )
    await session.close()
    return url


async def attempt(url: str, role: str, statement: str) -> str:
    """What the server says to a statement of somebody who has this role."""
    session = await asyncpg.connect(as_role(url, role))
    try:
        return str(await session.execute(statement))
    finally:
        await session.close()


LOOKS = [
    "SELECT * FROM events",
    "SELECT * FROM streams",
    "SELECT * FROM dead_letters",
    "SELECT * FROM headwater_revisions",
]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("statement", LOOKS)
async def test_every_role_may_look(recorded: str, role: str, statement: str) -> None:
    await attempt(recorded, role, statement)


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        # What is recorded is neither changed nor removed by a service.
        ("writer", "UPDATE events SET data = ''"),
        ("writer", "TRUNCATE events"),
        ("writer", "DELETE FROM streams"),
        ("writer", "DELETE FROM workflows"),
        ("writer", "ALTER TABLE events ADD COLUMN x text"),
        ("writer", "DROP TABLE pauses"),
        ("writer", "CREATE TABLE mine (x text)"),
        ("writer", "ALTER TABLE events DISABLE ROW LEVEL SECURITY"),
        ("writer", "UPDATE headwater_revisions SET version_num = 'x'"),
        ("reader", "INSERT INTO streams (name) VALUES ('x')"),
        ("reader", "UPDATE streams SET head = 7"),
        ("reader", "DELETE FROM events"),
        ("reader", "DELETE FROM cursors"),
        ("reader", "INSERT INTO append_keys VALUES ('k', '', '', now(), 'request', '', 0)"),
        ("reader", "CREATE TABLE mine (x text)"),
        ("retention", "UPDATE events SET data = ''"),
        ("retention", "UPDATE streams SET head = 7"),
        ("retention", "INSERT INTO streams (name) VALUES ('x')"),
        ("retention", "DELETE FROM cursors"),
        ("retention", "UPDATE cursors SET owner = 'me'"),
        ("retention", "DELETE FROM leases"),
        ("retention", "DELETE FROM workflows"),
        ("retention", "TRUNCATE events"),
        ("retention", "CREATE TABLE mine (x text)"),
    ],
)
async def test_what_a_role_is_not_for_it_may_not(recorded: str, role: str, statement: str) -> None:
    with pytest.raises(REFUSED):
        await attempt(recorded, role, statement)


async def test_a_writer_removes_ephemeral_events_only(recorded: str) -> None:
    assert (
        await attempt(recorded, "writer", "DELETE FROM events WHERE stream = 'log'") == "DELETE 0"
    )
    assert await attempt(recorded, "writer", "DELETE FROM events") == "DELETE 1"
    session = await asyncpg.connect(recorded)
    assert await session.fetchval("SELECT array_agg(stream) FROM events") == ["log"]
    await session.close()


async def test_retention_removes_what_is_old(recorded: str) -> None:
    removed = await attempt(recorded, "retention", "DELETE FROM events WHERE stream = 'log'")
    assert removed == "DELETE 1"
    raised = "UPDATE streams SET first_offset = 2 WHERE name = 'log'"
    assert await attempt(recorded, "retention", raised) == "UPDATE 1"
    for table in ("dead_letters", "append_keys"):
        await attempt(recorded, "retention", f"DELETE FROM {table}")  # noqa: S608


async def test_retention_does_its_work_through_the_store(url: str) -> None:
    """With nothing but its own rights; a reader that is behind is moved and has a gap to tell."""
    service = PostgresStore(as_role(url, "writer"))
    await service.open(STREAMS)
    await service.commit([unit(*(new_event() for _ in range(4)))])
    await service.register(feed())
    assert not await service.may_remove()
    store = PostgresStore(as_role(url, "retention"))
    await store.open(STREAMS)
    assert await store.may_remove()

    lease = await store.acquire_lease(RETENTION, "me", 30.0)
    assert lease is not None
    await store.keep_size("log", 3, await store.measure("log", 0, 3), lease)
    assert await store.truncate("log", 3, regardless=2, lease=lease) == 3
    assert await store.sweep("log", 1, 100, lease) == Swept(2, None)
    await store.release_lease(lease)
    await store.close()

    assert (await service.claim(FeedKey("reader"), "me#1", 1)).gap == Gap(1, 2)
    await service.close()
    owner = PostgresStore(url)
    await owner.open(STREAMS)
    assert await owner.may_remove(), "who owns the tables is not kept from it"
    await owner.close()


async def test_a_reader_reads_through_the_store_and_writes_nothing(recorded: str) -> None:
    store = PostgresStore(as_role(recorded, "reader"))
    await store.open(STREAMS)
    assert [one.offset for one in await store.read("log", 0, 10)] == [1]
    [outcome] = await store.commit([unit(new_event())])
    assert isinstance(outcome, Rejected)
    assert "permission denied" in str(outcome.error)
    await store.close()


async def test_an_owner_migrates_and_owns_what_it_makes(postgres: Server, url: str) -> None:
    """The deployer logs in under a name of its own, and is the owner meanwhile."""
    empty = await postgres.create_database()
    name = empty.rpartition("/")[2]
    await postgres.administer(grants(prefix=PREFIX), database=name)
    owner = as_role(empty, "owner") + f"?role={PREFIX}_owner"

    await Migrator(owner).upgrade()
    assert await Migrator(owner).verify() == []
    await postgres.administer(grants(prefix=PREFIX), database=name)
    assert await Migrator(owner).verify() == []

    session = await asyncpg.connect(empty)
    owners = await session.fetch(
        "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
    )
    assert [row[0] for row in owners] == [f"{PREFIX}_owner"]
    await session.close()
    store = PostgresStore(as_role(empty, "writer"))
    await store.open(STREAMS)
    assert isinstance((await store.commit([unit(new_event())]))[0], Committed)
    await store.close()
    await Migrator(owner).downgrade("base", accept_loss=True)
    await postgres.drop_database(empty)


@pytest.mark.parametrize("role", ["writer", "reader", "retention"])
async def test_nobody_else_migrates(url: str, role: str) -> None:
    with pytest.raises(Exception, match=r"must be owner|permission denied"):
        await Migrator(as_role(url, role)).downgrade("base")


async def test_grants_of_a_schema_of_its_own(postgres: Server, url: str) -> None:
    database = await postgres.create_database()
    name = database.rpartition("/")[2]
    await postgres.administer(grants("orders", PREFIX), database=name)
    option = "search_path=orders"
    await Migrator(f"{as_role(database, 'owner')}?role={PREFIX}_owner&{option}").upgrade()
    await postgres.administer(grants("orders", PREFIX), database=name)

    store = PostgresStore(f"{as_role(database, 'writer')}?{option}")
    await store.open([Stream("log", StreamType.PERSISTENT)])
    assert isinstance((await store.commit([unit(new_event())]))[0], Committed)
    await store.close()
    await postgres.drop_database(database)


def test_the_verb_prints_them(capsys: pytest.CaptureFixture[str]) -> None:
    database = "postgresql://nobody@127.0.0.1:1/shop?search_path=orders"
    assert main(["migrate", "grants", "--roles", "shop", "--database", database]) == 0
    assert capsys.readouterr().out == grants("orders", "shop")
    assert main(["migrate", "grants", "--roles", "shop; DROP"]) == 2
    assert "no plain name" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["", "Shop", "a b", 'x"', "x" * 41])
def test_a_name_that_is_not_plain_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="no plain name"):
        grants(prefix=name)
