"""A database to migrate: what it is at, and the lock that lets one migrator at a time have it.

The lock goes with the connection that has it. Whoever is killed has given it back.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from headwater.clock import SystemClock
from headwater.errors import (
    ConfigurationError,
    HeadwaterError,
    MigrationLockedError,
    SchemaMismatchError,
    StoreUnavailableError,
)
from headwater.schema.revisions import FIRST_REVISION, REVISION
from headwater.schema.sqlite import CREATE_REVISIONS, INSERT_REVISION
from headwater.schema.tables import Table
from headwater.stores.contract import Store
from headwater.stores.databases import store_for
from headwater.stores.memory import MemoryStore
from headwater.stores.postgres.address import Address
from headwater.stores.sqlite import file
from headwater.stores.sqlite import inspection as sqlite_inspection
from headwater.stores.sqlite.store import SqliteStore

from .execution import Dialect

if TYPE_CHECKING:
    from headwater.stores.postgres.wire import Wire
    from sqlalchemy.engine import Connection

__all__ = ["LOCK_TIMEOUT", "Database", "dialect_of", "opened"]

T = TypeVar("T")

LOCK_TIMEOUT = 30.0  # seconds to wait for another migrator
POLL = 0.1  # seconds between two tries


class Database(Protocol):
    """An open database. What changes it needs that it was opened with `lock`."""

    shown: str
    """Its URL, without secrets."""
    dialect: Dialect
    per_revision: bool
    """Whether each revision is a transaction of its own, or all of them are one."""

    async def found(self) -> frozenset[str]:
        """The newest revision of each branch that it has been through."""

    async def is_unstamped(self) -> bool:
        """Whether its tables are from before there were revisions."""

    async def differences(self, tables: Iterable[Table]) -> list[str]:
        """What tells its tables from these."""

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What a query without parameters returns."""

    async def stamp(self) -> None:
        """Tell that tables from before there were revisions are those of the first one."""

    async def forget(self, revisions: Sequence[str]) -> None:
        """Take revisions off its list."""

    async def run(self, work: Callable[[Connection], T]) -> T:
        """What `work` returns, given a connection of SQLAlchemy's that alembic can use."""


def dialect_of(database: str) -> Dialect:
    """What kind of database a URL means.

    Raises:
        ConfigurationError: None that has tables, or it cannot be understood.
    """
    return "sqlite" if isinstance(_store(database), SqliteStore) else "postgresql"


def _store(database: str) -> Store:
    store = store_for(database, SystemClock())
    if isinstance(store, MemoryStore):
        raise ConfigurationError("memory:// has no tables; it is empty at every start")
    return store


@asynccontextmanager
async def opened(
    database: str, *, lock: bool, patience: float = LOCK_TIMEOUT
) -> AsyncIterator[Database]:
    """Open a database, and with `lock` have it for oneself until the block ends.

    An SQLite file that is not there is made, with `lock`. `patience` is how many seconds to wait
    for whoever else has it.

    Raises:
        ConfigurationError: It cannot be used.
        SchemaMismatchError: It holds something else.
        MigrationLockedError: Somebody else had it for all of `patience`.
        StoreUnavailableError: The server does not answer.
    """
    store = _store(database)
    if isinstance(store, SqliteStore):
        with _sqlite(store.path, lock=lock, patience=patience) as file_:
            yield file_
    else:
        async with _postgres(database, lock=lock, patience=patience) as server:
            yield server


# SQLite: the file is had exclusively, so that nobody else has it open, and all is one transaction.


class _Held(sqlite3.Connection):
    """A connection whose transaction is ended by nobody but us, whatever SQLAlchemy thinks."""

    def commit(self) -> None:
        """Nothing: the transaction ends with the block that began it."""

    def rollback(self) -> None:
        """Nothing: the block that began the transaction undoes it."""


class _SqliteFile:
    dialect: Dialect = "sqlite"
    per_revision = False

    def __init__(self, path: Path, connection: sqlite3.Connection, patience: float) -> None:
        self.shown = file.database_of(path)
        self._path = path
        self._connection = connection
        self._patience = patience

    async def found(self) -> frozenset[str]:
        return file.found_revisions(self._connection)

    async def is_unstamped(self) -> bool:
        [version] = self._connection.execute("PRAGMA user_version").fetchone()
        return bool(version == file.UNSTAMPED)

    async def differences(self, tables: Iterable[Table]) -> list[str]:
        return sqlite_inspection.found_differences(self._connection, tables)

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(query).fetchall()

    async def stamp(self) -> None:
        self._connection.execute(CREATE_REVISIONS)
        self._connection.execute(INSERT_REVISION, (FIRST_REVISION,))
        self._connection.execute(f"PRAGMA user_version = {file.STAMPED}")

    async def forget(self, revisions: Sequence[str]) -> None:
        for revision in revisions:
            self._connection.execute(file.DELETE_REVISION, (revision,))

    async def run(self, work: Callable[[Connection], T]) -> T:
        from sqlalchemy import create_engine
        from sqlalchemy.pool import StaticPool

        engine = create_engine(
            "sqlite+pysqlite://", creator=lambda: self._connection, poolclass=StaticPool
        )
        with engine.connect() as connection:
            return work(connection)

    def begin(self) -> None:
        """Have the file, alone."""
        self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        _patiently(lambda: self._connection.execute("BEGIN EXCLUSIVE"), self._path, self._patience)


@contextmanager
def _sqlite(path: Path, *, lock: bool, patience: float) -> Iterator[_SqliteFile]:
    if not lock and not path.exists():
        raise ConfigurationError(
            f"there is no file {path}; a service that is run on it would make it"
        )
    try:
        _require_file(path, make=lock, patience=patience)
        connection = file.connect_as(_Held, path, read_only=not lock)
        try:
            one = _SqliteFile(path, connection, patience)
            if not lock:
                yield one
                return
            one.begin()
            try:
                yield one
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        raise ConfigurationError(f"{path} cannot be used: {error}") from error


def _require_file(path: Path, *, make: bool, patience: float) -> None:
    """Have a file that is Headwater's; it is looked at on a connection of its own."""
    with closing(file.connect(path)) as connection:
        if _patiently(lambda: file.require_own(connection, path), path, patience):
            return
        if not make:
            what_to_do = "a service that is run on it would make them"
            raise SchemaMismatchError(str(path), None, REVISION, what_to_do)
        _patiently(lambda: file.prepare(connection, path), path, patience)


def _patiently(attempt: Callable[[], T], path: Path, patience: float) -> T:
    """What `attempt` returns, once nobody has the file who keeps us from it."""
    try:
        return file.wait_while_locked(attempt, patience)
    except StoreUnavailableError as error:
        # Looked up before a connection is closed: then our own locks are told from others'.
        holders = " and ".join(_holders(path)) or "another process"
        raise MigrationLockedError(file.database_of(path), holders, patience) from error


def _holders(path: Path) -> Iterator[str]:
    """Who has locks on the file, as far as the system tells."""
    try:
        locks = Path("/proc/locks").read_text(encoding="ascii")
        number = path.stat().st_ino
    except OSError:
        return
    found = {int(one[1]) for one in re.finditer(rf" (\d+) [0-9a-f:]+:{number} \d+ ", locks)}
    yield from (f"process {one}" for one in sorted(found - {os.getpid()}))


# PostgreSQL: an advisory lock of the session, and a transaction for each revision.

_LOCK_CLASS = 0x48575452  # "HWTR", as in the header of an SQLite file

_TRY_LOCK = """
SELECT pg_try_advisory_lock($1, hashtext(current_schema()))
"""

_SELECT_HOLDER = """
SELECT usename, application_name, host(client_addr) AS client, pg_stat_activity.pid
  FROM pg_locks
  JOIN pg_stat_activity ON pg_stat_activity.pid = pg_locks.pid
 WHERE locktype = 'advisory'
   AND granted
   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND classid::bigint = $1
   AND objid::bigint = hashtext(current_schema())::bigint & 4294967295
"""

# How code from before there were revisions told which tables there were.
_IS_UNSTAMPED = """
SELECT to_regclass('headwater_schema') IS NOT NULL
   AND to_regclass('headwater_revisions') IS NULL
"""

_REFUSE_EARLIER_CODE = """
UPDATE headwater_schema
   SET version = 3
"""

_DELETE_REVISION = """
DELETE FROM headwater_revisions
 WHERE version_num = $1
"""

_INSERT_REVISION = """
INSERT INTO headwater_revisions (version_num)
VALUES ($1)
"""


class _PostgresDatabase:
    dialect: Dialect = "postgresql"
    per_revision = True

    def __init__(self, address: Address, wire: Wire) -> None:
        self.shown = str(address)
        self._wire = wire

    async def found(self) -> frozenset[str]:
        from headwater.stores.postgres.tables import found_revisions

        return await found_revisions(self._wire)

    async def is_unstamped(self) -> bool:
        [row] = await self._wire.fetch(_IS_UNSTAMPED)
        return bool(row[0])

    async def differences(self, tables: Iterable[Table]) -> list[str]:
        from headwater.stores.postgres.inspection import found_differences

        return await found_differences(self._wire, tables)

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in await self._wire.fetch(query)]

    async def stamp(self) -> None:
        async with self._wire.connection.transaction():
            await self._wire.execute(CREATE_REVISIONS)
            await self._wire.fetch(_INSERT_REVISION, FIRST_REVISION)
            await self._wire.execute(_REFUSE_EARLIER_CODE)

    async def forget(self, revisions: Sequence[str]) -> None:
        async with self._wire.connection.transaction():
            for revision in revisions:
                await self._wire.fetch(_DELETE_REVISION, revision)

    async def run(self, work: Callable[[Connection], T]) -> T:
        from sqlalchemy.ext.asyncio import create_async_engine
        from sqlalchemy.pool import StaticPool

        async def same() -> Any:
            return self._wire.connection

        engine = create_async_engine(
            "postgresql+asyncpg://", async_creator=same, poolclass=StaticPool
        )
        async with engine.connect() as connection:
            return await connection.run_sync(work)

    async def lock(self, patience: float) -> None:
        """Have it, alone among those who migrate it."""
        until = asyncio.get_running_loop().time() + patience
        while True:
            [row] = await self._wire.fetch(_TRY_LOCK, _LOCK_CLASS)
            if row[0]:
                return
            if asyncio.get_running_loop().time() >= until:
                raise MigrationLockedError(self.shown, await self._holder(), patience)
            await asyncio.sleep(POLL)

    async def _holder(self) -> str:
        row = await self._wire.fetch_one(_SELECT_HOLDER, _LOCK_CLASS)
        if row is None:
            return "somebody who has just given it back"
        client = f" at {row['client']}" if row["client"] else ""
        return f"{row['application_name']} ({row['usename']}{client}, backend {row['pid']})"


@asynccontextmanager
async def _postgres(
    database: str, *, lock: bool, patience: float
) -> AsyncIterator[_PostgresDatabase]:
    from headwater.stores.postgres.database import DRIVER_ERRORS
    from headwater.stores.postgres.failures import reason_of, server_error
    from headwater.stores.postgres.server import require_server
    from headwater.stores.postgres.wire import Limits, Wire, driver_connection

    address = Address(database)
    # A revision may take its time, once it has the tables; what waits behind it for them does not.
    limits = Limits(lock=5.0, statement=24 * 3600.0, idle=60.0)
    name = f"headwater migrate, process {os.getpid()} on {socket.gethostname()}"[:63]
    try:
        connection = await driver_connection(address, limits, {"application_name": name})
        wire = Wire(connection, limits.reply)
        try:
            await require_server(wire, address, limits)
            one = _PostgresDatabase(address, wire)
            if lock:
                await one.lock(patience)
            yield one
        finally:
            await wire.close()
    except HeadwaterError:
        raise
    except Exception as error:
        cause = server_error(error)
        if not isinstance(cause, DRIVER_ERRORS):
            raise
        raise StoreUnavailableError(f"{address}: {reason_of(cause)}") from error
