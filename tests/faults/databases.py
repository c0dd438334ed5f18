"""The databases that faults happen to: a file of SQLite's, a database on a PostgreSQL server.

A test asks each the same questions, past the runtime, and can put back what it had before.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol, TypeVar

import asyncpg
import pytest
from headwater.schema.tables import TABLES
from headwater.stores.groups import partition_of

from tests.faults.proxy import Proxy
from tests.support.postgres import Cluster, Server, our_own

__all__ = [
    "OF_THE_LOG",
    "POSTGRES",
    "SQLITE",
    "Database",
    "FileDatabase",
    "ServerDatabase",
    "at_points",
    "on_both",
    "on_postgres",
    "sessions_in",
]

T = TypeVar("T")

SQLITE, POSTGRES = "SQLite", "PostgreSQL"
OF_THE_LOG = ("streams", "events", "workflows")
LOCKED_AFTER = "1s"  # that a lock takes nobody who is not stuck
ROUNDS = 100  # tries to reach a server that may just be starting
PAUSE = 0.05  # seconds between two of them

_postgres = pytest.param(POSTGRES, marks=pytest.mark.rotates)
on_both = pytest.mark.parametrize("database", [SQLITE, _postgres], indirect=True)
"""The test runs on each of them; where it is small, now and then on PostgreSQL (`rows.py`)."""
on_postgres = pytest.mark.parametrize("database", [_postgres], indirect=True)


def at_points(statements: Mapping[str, Sequence[str]]) -> pytest.MarkDecorator:
    """The test runs once for each of these statements, on the database that has it."""
    return pytest.mark.parametrize(
        ("database", "statement"),
        [
            pytest.param(kind, text, marks=pytest.mark.rotates if kind == POSTGRES else ())
            for kind, texts in statements.items()
            for text in texts
        ],
        indirect=["database"],
    )


class Database(Protocol):
    """Where the ledger keeps everything."""

    url: str

    def close(self) -> None:
        """Ask it nothing more."""

    def ask(self, statement: str) -> Sequence[Any]:
        """The rows of a statement, which is committed."""

    def left(self) -> int:
        """How many events lie between the cursors and the head, and how many are open.

        Of partitions only those that are in them: their cursors pass what is in none now and then.
        """

    def position(self) -> int:
        """How far the only cursor has read."""

    def integrity(self) -> str:
        """`ok`, or what the database says is wrong with itself."""

    def is_locked(self) -> bool:
        """Whether nobody can write."""

    def save(self, name: str) -> None:
        """Keep all that there is, to be restored from."""

    def restore(self, name: str, tables: tuple[str, ...] | None = None) -> None:
        """Put these tables back as they were, or all, and leave the others as they are."""

    def make_anew(self) -> tuple[int, int]:
        """Have the streams empty and of another epoch; the epochs of `entries` before and now."""


class FileDatabase:
    """One file, with a log beside it while it is in use."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "ledger.db"
        self.url = f"sqlite:///{self.path}"

    def close(self) -> None:
        """There is nothing to close."""

    def ask(self, statement: str) -> Sequence[Any]:
        with closing(sqlite3.connect(self.path)) as file, file:
            return file.execute(statement).fetchall()

    def left(self) -> int:
        statements = (
            (
                "SELECT head - read_to FROM cursors JOIN streams ON streams.name = cursors.stream "
                "WHERE consumer NOT GLOB 'partition-*'"
            ),
            (
                "SELECT count(*) FROM events JOIN cursors ON cursors.stream = events.stream AND "
                "cursors.consumer = printf('partition-%02d', partition_of(events.workflow_id)) "
                "WHERE stream_offset > (SELECT min(read_to) FROM cursors) "
                "AND stream_offset > read_to"
            ),
            "SELECT count(*) FROM deliveries",
        )
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=5)) as file:
            file.create_function("partition_of", 1, partition_of, deterministic=True)
            return sum(row[0] for statement in statements for row in file.execute(statement))

    def position(self) -> int:
        [(read_to,)] = self.ask("SELECT read_to FROM cursors")
        return int(read_to)

    def integrity(self) -> str:
        with closing(sqlite3.connect(self.path)) as file:
            [found] = file.execute("PRAGMA integrity_check").fetchone()
        return str(found)

    def is_locked(self) -> bool:
        with closing(sqlite3.connect(self.path, timeout=1.0, isolation_level=None)) as file:
            try:
                file.execute("BEGIN IMMEDIATE")
                file.execute("ROLLBACK")
            except sqlite3.OperationalError:
                return True
        return False

    def save(self, name: str) -> None:
        with (
            closing(sqlite3.connect(self.path)) as file,
            closing(sqlite3.connect(self.path.with_name(name))) as copy,
        ):
            file.backup(copy)

    def restore(self, name: str, tables: tuple[str, ...] | None = None) -> None:
        backup = self.path.with_name(name)
        if tables is None:
            for part in ("", "-wal", "-shm"):
                self.path.with_name(f"{self.path.name}{part}").unlink(missing_ok=True)
            shutil.copy(backup, self.path)
            return
        with closing(sqlite3.connect(self.path)) as file:
            file.execute("ATTACH DATABASE ? AS backup", (str(backup),))
            with file:
                for table in tables:
                    file.execute(f"DELETE FROM {table}")  # noqa: S608
                    file.execute(f"INSERT INTO {table} SELECT * FROM backup.{table}")  # noqa: S608

    def make_anew(self) -> tuple[int, int]:
        with closing(sqlite3.connect(self.path)) as file, file:
            [(before,)] = file.execute("SELECT epoch FROM streams WHERE name = 'entries'")
            file.execute("DELETE FROM events")
            file.execute("DELETE FROM workflows")
            file.execute("UPDATE streams SET head = 0, epoch = epoch + 1")
        return before, before + 1


class ServerDatabase:
    """A database of its own on a server, made from the template with our tables."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._loop = asyncio.new_event_loop()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="database")
        self._connection: asyncpg.Connection | None = None
        self._fails = 0
        self.url: str = self.run(server.create_database("template"))

    def close(self) -> None:
        self.run(self._disconnect())
        self.run(self.server.drop_database(self.url))
        self._thread.submit(self._loop.close).result()
        self._thread.shutdown()

    @property
    def cluster(self) -> Cluster:
        """Its server, to be stopped; skips the test where it is somebody else's."""
        return our_own(self.server)

    @property
    def name(self) -> str:
        """Of the database, as the server knows it."""
        return self.url.rpartition("/")[2]

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do the work in the database's own event loop, whatever loop the caller has."""
        return self._thread.submit(self._loop.run_until_complete, work).result()

    def ask(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        """The rows of a statement; asked again while the server is just starting."""
        return self.run(self._ask(statement, *arguments))

    def left(self) -> int:
        [(left,)] = self.ask(
            "SELECT coalesce(sum(streams.head - read_to), 0)::bigint "
            "+ (SELECT count(*) FROM deliveries) "
            "+ (SELECT count(*) FROM events JOIN cursors ON cursors.stream = events.stream "
            "AND cursors.consumer = 'partition-' || to_char(get_byte(sha256(convert_to("
            "events.workflow_id, 'UTF8')), 0) % 64, 'FM00') "
            "WHERE stream_offset > (SELECT min(read_to) FROM cursors) AND stream_offset > read_to) "
            "FROM cursors JOIN streams ON streams.name = cursors.stream "
            "WHERE consumer NOT LIKE 'partition-%'"
        )
        return int(left)

    def position(self) -> int:
        [(read_to,)] = self.ask("SELECT read_to FROM cursors")
        return int(read_to)

    def integrity(self) -> str:
        """By the server's own check of its indexes, and of what one table says of another."""
        try:
            self.ask("CREATE EXTENSION IF NOT EXISTS amcheck")
            self.ask(
                "SELECT bt_index_check(indexrelid, true) FROM pg_index JOIN pg_class "
                "ON pg_class.oid = indexrelid WHERE relnamespace = 'public'::regnamespace"
            )
        except asyncpg.UndefinedFileError:
            pass  # the server was installed without it
        except asyncpg.PostgresError as error:
            return str(error)
        [(wrong,)] = self.ask(
            "SELECT count(*) FROM streams CROSS JOIN LATERAL (SELECT count(*) AS events, "
            "max(stream_offset) AS last FROM events WHERE stream = streams.name) AS found "
            "WHERE type = 'persistent' AND (events <> head OR coalesce(last, 0) <> head)"
        )
        return f"the heads of {wrong} streams are not where their events end" if wrong else "ok"

    def is_locked(self) -> bool:
        return self.run(self._is_locked())

    def save(self, name: str) -> None:
        self.ask(f'CREATE SCHEMA "{name}"')
        for table in TABLES:
            self.ask(f'CREATE TABLE "{name}".{table.name} AS TABLE public.{table.name}')

    def restore(self, name: str, tables: tuple[str, ...] | None = None) -> None:
        async def put_back() -> None:
            connection = await self._connected()
            async with connection.transaction():
                for table in tables or tuple(table.name for table in TABLES):
                    await connection.execute(f"DELETE FROM public.{table}")  # noqa: S608
                    await connection.execute(
                        f"INSERT INTO public.{table} OVERRIDING SYSTEM VALUE "  # noqa: S608
                        f'SELECT * FROM "{name}".{table}'
                    )

        self.run(put_back())

    def make_anew(self) -> tuple[int, int]:
        [(before,)] = self.ask("SELECT epoch FROM streams WHERE name = 'entries'")
        self.ask("DELETE FROM events")
        self.ask("DELETE FROM workflows")
        self.ask("UPDATE streams SET head = 0, epoch = epoch + 1")
        return before, before + 1

    # What can be done to it

    def proxy(self, tell: Callable[[str], None] = lambda name: None) -> Proxy:
        """Between it and whoever goes by way of the proxy."""
        return Proxy(self.server.port, tell, host=self.server.host)

    @contextmanager
    def locking(self, statement: str) -> Iterator[asyncpg.Connection]:
        """Somebody else, on this connection, has these rows locked while the block lasts."""

        async def begin() -> asyncpg.Connection:
            connection = await asyncpg.connect(self.url)
            await connection.execute("BEGIN")
            await connection.execute(statement)
            return connection

        holder = self.run(begin())
        try:
            yield holder
        finally:
            self.run(holder.close())

    def waiting(self) -> int:
        """How many backends wait for a lock."""
        [(waiting,)] = self.ask(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return int(waiting)

    def deadlocks(self) -> int:
        """How many the server has broken up in this database."""
        self.ask("SELECT pg_stat_clear_snapshot()")
        [(deadlocks,)] = self.ask(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        )
        return int(deadlocks)

    def connections(self) -> int:
        """How many there are, beside ours; those that are just being closed are waited for."""
        for _ in range(ROUNDS):
            [(connections,)] = self.ask(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
            if not connections:
                break
            time.sleep(PAUSE)
        return int(connections)

    def make_its_clock_settable(self) -> None:
        """Whoever connects from now on has the time of a clock that `set_clock` sets."""
        self.ask("CREATE SCHEMA skewed")
        self.ask("CREATE TABLE skewed.clock AS SELECT interval '0' AS fast")
        self.ask(
            "CREATE FUNCTION skewed.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE "
            "AS 'SELECT pg_catalog.clock_timestamp() + fast FROM skewed.clock'"
        )
        self.ask(f"ALTER DATABASE {self.name} SET search_path = skewed, pg_catalog, public")

    def set_clock(self, fast: timedelta) -> None:
        """Have it fast by so much, or slow."""
        self.ask("UPDATE skewed.clock SET fast = $1", fast)

    def fail(self, operation: str, table: str, *, times: int) -> None:
        """Have the server fail as a disk does, as often, when rows of the table are written."""
        self.ask("CREATE SEQUENCE failures")
        self.ask(
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF nextval('failures') <= {times} THEN "
            "RAISE EXCEPTION 'could not write block (planted)' USING ERRCODE = '58030'; "
            "END IF; RETURN NEW; END $$"
        )
        self.ask(
            f"CREATE TRIGGER fail BEFORE {operation} ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION fail()"
        )
        self._fails = times

    def failures(self) -> int:
        """How often it failed."""
        [(tries,)] = self.ask("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM failures")
        return min(int(tries), self._fails)

    async def _connected(self) -> asyncpg.Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(self.url, timeout=10)
        return self._connection

    async def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.terminate()

    async def _ask(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        for number in range(1, ROUNDS + 1):
            try:
                connection = await self._connected()
                rows: list[asyncpg.Record] = await connection.fetch(statement, *arguments)
                return rows
            except (OSError, asyncpg.InterfaceError, asyncpg.PostgresError) as error:
                state = getattr(error, "sqlstate", None) or "57"
                if number == ROUNDS or state[:2] not in {"08", "57"}:
                    raise
                await self._disconnect()
                await asyncio.sleep(PAUSE)
        raise AssertionError

    async def _is_locked(self) -> bool:
        connection = await asyncpg.connect(self.url, server_settings={"lock_timeout": LOCKED_AFTER})
        try:
            for table in ("cursors", "workflows", "streams"):
                await connection.execute(f"SELECT FROM {table} FOR UPDATE")
        except asyncpg.LockNotAvailableError:
            return True
        finally:
            await connection.close()
        return False


async def sessions_in(url: str) -> set[str]:
    """The sessions that a database has."""
    statement = "SELECT session FROM sessions"
    if url.startswith("sqlite:///"):
        path = url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path)) as file:  # to write, or it would leave a log behind
            return {one for (one,) in file.execute(statement)}
    connection = await asyncpg.connect(url)
    try:
        return {row["session"] for row in await connection.fetch(statement)}
    finally:
        await connection.close()
