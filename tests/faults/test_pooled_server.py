"""P10: a pooler stands between, and gives each transaction another connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from headwater import App
from headwater.errors import ConfigurationError, HeadwaterError, StoreUnavailableError
from headwater.migrations.migrator import Migrator
from headwater.operations.management import manage
from headwater.stores.copying.copy import copy_database

from tests.faults.databases import ServerDatabase, on_postgres
from tests.faults.ledger import Handlers, ledger
from tests.faults.world import World
from tests.support.pgbouncer import IGNORED, pgbouncer, require_pgbouncer
from tests.support.server import by_way_of

pytestmark = [pytest.mark.row("P10"), on_postgres]

HANG = 10.0  # seconds that nothing may take
REASON = "is a connection pooler, such as PgBouncer"
settings = pytest.mark.parametrize(
    "ignored",
    [pytest.param("", id="refuses our settings"), pytest.param(IGNORED, id="drops our settings")],
)


async def run_a_service(url: str, folder: Path) -> None:
    """With a subscription."""
    async with App(ledger(), handlers=Handlers(), database=url):
        pass


async def look_after_one(url: str, folder: Path) -> None:
    """Whether one runs or not."""
    async with manage(ledger(), url):
        pass


async def migrate(url: str, folder: Path) -> None:
    """To the newest revision."""
    await Migrator(url).upgrade()


async def copy_from_it(url: str, folder: Path) -> None:
    """Into a file."""
    await copy_database(url, f"sqlite:///{folder}/copy.db")


CALLS: list[Callable[[str, Path], Awaitable[None]]] = [
    run_a_service,
    look_after_one,
    migrate,
    copy_from_it,
]
calls = pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)


@asynccontextmanager
async def sessions(url: str, number: int) -> AsyncIterator[None]:
    """So many have a transaction open, each on a connection of the pooler's."""
    others: list[asyncpg.Connection] = []
    try:
        for _ in range(number):
            others.append(await asyncpg.connect(url, statement_cache_size=0))
            await others[-1].execute("BEGIN; SELECT 1")
        yield
    finally:
        for other in others:
            await other.execute("ROLLBACK")  # or the pooler would close its connection as well
            await other.close()


@calls
@settings
async def test_whatever_opens_the_database_is_told_to_name_the_server(
    database: ServerDatabase,
    tmp_path: Path,
    ignored: str,
    call: Callable[[str, Path], Awaitable[None]],
) -> None:
    """Also where each statement gets another of several connections."""
    require_pgbouncer()
    with pgbouncer(database.server, ignored=ignored) as port:
        url = by_way_of(port, database.url)
        async with sessions(url, 3):
            pass  # the pooler keeps their connections
        async with asyncio.timeout(HANG):
            with pytest.raises(ConfigurationError, match=REASON):
                await call(url, tmp_path)
    assert database.ask("SELECT * FROM streams") == []


@calls
@settings
async def test_a_pooler_whose_connections_are_all_taken_holds_nobody_up(
    database: ServerDatabase,
    tmp_path: Path,
    ignored: str,
    call: Callable[[str, Path], Awaitable[None]],
) -> None:
    require_pgbouncer()
    with pgbouncer(database.server, ignored=ignored, size=1) as port:
        url = by_way_of(port, database.url)
        async with sessions(url, 1), asyncio.timeout(HANG):
            with pytest.raises(HeadwaterError) as refused:
                await call(url, tmp_path)
    if ignored:
        assert isinstance(refused.value, StoreUnavailableError)
        assert "did not answer in time" in str(refused.value)
    else:
        assert REASON in str(refused.value)


@settings
def test_a_process_behind_a_pooler_ends_at_once_with_the_reason(
    world: World, database: ServerDatabase, ignored: str
) -> None:
    require_pgbouncer()
    with pgbouncer(database.server, ignored=ignored) as port:
        url = by_way_of(port, database.url)
        assert world.start("producer", count=1, database=url).wait(within=HANG) == 1
    assert REASON in world.logs()
