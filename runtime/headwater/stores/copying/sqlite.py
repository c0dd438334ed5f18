"""An SQLite file at one end of a copy.

It is held with SQLite's exclusive lock: nobody else has it open when the copy begins, and nobody
can open it until the copy ends, however it ends. Only a copy that runs ahead reads beside others.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from headwater.clock import SystemClock
from headwater.errors import CopyFailedError, CopyRefusedError, StoreUnavailableError
from headwater.schema.tables import EVENT_SCHEMAS, STREAMS, TABLES, Table
from headwater.stores.sqlite.file import connect, copied_from, prepare, wait_while_locked
from headwater.stores.sqlite.store import SqliteStore

from .ends import Row, Source, Target

__all__ = ["open_source", "open_target"]

T = TypeVar("T")

EXCLUSIVE_WAIT = 1.0  # seconds for others to close the file

MARK = (
    "CREATE TABLE headwater_copy (source TEXT NOT NULL) STRICT",
    "DELETE FROM streams",
    "DELETE FROM event_schemas",
)

INSERT_MARK = """
INSERT INTO headwater_copy (source)
VALUES (?)
"""

DROP_MARK = """
DROP TABLE headwater_copy
"""

SELECT_SERIALS = """
SELECT name, seq
  FROM sqlite_sequence
"""

DELETE_SERIAL = """
DELETE FROM sqlite_sequence
 WHERE name = ?
"""

INSERT_SERIAL = """
INSERT INTO sqlite_sequence (name, seq)
VALUES (?, ?)
"""


async def open_source(path: Path, *, ahead: bool) -> Source:
    """The file to copy from.

    Raises:
        ConfigurationError: It cannot be read, or its tables are of another version.
        CopyRefusedError: Others have it open.
    """
    store = SqliteStore(path, SystemClock())
    await store.open(())  # refuses what is no store of this version
    await store.close()
    return await asyncio.to_thread(_open_source, path, ahead=ahead)


def _open_source(path: Path, *, ahead: bool) -> _SqliteEnd:
    connection = connect(path, read_only=ahead)
    try:
        if not ahead:
            _hold(connection, path, "first (or begin with --ahead while it runs)")
    except BaseException:
        connection.close()
        raise
    return _SqliteEnd(connection, path)


async def open_target(path: Path, source: str) -> Target:
    """The file to copy `source` to, made if it is not there; with a part of it, or free.

    Raises:
        ConfigurationError: It cannot be written, or holds something else.
        CopyRefusedError: Others have it open, or there is more in it than a part of `source`.
    """
    return await asyncio.to_thread(_open_target, path, source)


def _open_target(path: Path, source: str) -> _SqliteEnd:
    connection = connect(path)
    try:
        _hold(connection, path, "first")
        prepare(connection, path)
        begun = copied_from(connection)
        if begun is None:
            _begin(connection, path, source)
        elif begun != source:
            raise CopyRefusedError(
                f"{path} holds a part of {begun}, whose copy is not finished; copy {source} to "
                "another file, or remove this one"
            )
    except BaseException:
        connection.close()
        raise
    return _SqliteEnd(connection, path)


def _hold(connection: sqlite3.Connection, path: Path, what_else: str) -> None:
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    try:
        wait_while_locked(lambda: connection.execute("BEGIN IMMEDIATE"), EXCLUSIVE_WAIT)
        connection.execute("ROLLBACK")  # the lock stays
    except StoreUnavailableError as error:
        raise CopyRefusedError(
            f"{path} is in use: stop the service that runs on it {what_else}"
        ) from error


def _begin(connection: sqlite3.Connection, path: Path, source: str) -> None:
    for table in TABLES:
        content = _content(table)
        if content is not None and connection.execute(content).fetchone() is not None:
            raise CopyRefusedError(
                f"{path} is not free: there are {table.name.replace('_', ' ')} in it; name a file "
                "that is not there yet"
            )
    connection.execute("BEGIN IMMEDIATE")
    for statement in MARK:
        connection.execute(statement)
    connection.execute(INSERT_MARK, (source,))
    connection.execute("COMMIT")


def _content(table: Table) -> str | None:
    """What finds something in the table that a new store has not; no table's name is foreign."""
    if table is EVENT_SCHEMAS:
        return None
    where = " WHERE head > 0" if table is STREAMS else ""
    return f"SELECT 1 FROM {table.name}{where} LIMIT 1"  # noqa: S608


class _SqliteEnd:
    """A file that takes part in a copy, in either part."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    async def page(self, table: Table, within: Row, after: Row, limit: int) -> list[Row]:
        """Rows in the order of their key."""
        statement = _page(table, len(within), bool(after))
        return await self._do(
            lambda: self._connection.execute(statement, (*within, *after, limit)).fetchall()
        )

    async def count(self, table: Table) -> int:
        """How many rows there are."""
        statement = f"SELECT count(*) FROM {table.name}"  # noqa: S608
        return int(await self._do(lambda: self._connection.execute(statement).fetchone()[0]))

    async def serials(self) -> dict[str, int]:
        """The highest numbers given."""
        return dict(await self._do(lambda: self._connection.execute(SELECT_SERIALS).fetchall()))

    async def last(self, table: Table, within: Row) -> Row:
        """The end of the last key."""
        statement = _last(table, len(within))
        rows: list[Row] = await self._do(
            lambda: self._connection.execute(statement, within).fetchall()
        )
        return rows[0] if rows else ()

    async def add(self, table: Table, rows: Sequence[Row]) -> None:
        """Have these rows too."""
        places = ", ".join("?" * len(table.columns))
        statement = f"INSERT INTO {table.name} VALUES ({places})"  # noqa: S608

        def add() -> None:
            self._connection.executemany(statement, rows)

        await self._do(lambda: self._write(add))

    async def clear(self, table: Table, within: Row) -> None:
        """Forget rows."""
        where = _where([f"{name} = ?" for name in table.primary_key[: len(within)]])
        statement = f"DELETE FROM {table.name}{where}"  # noqa: S608
        await self._do(lambda: self._write(lambda: self._connection.execute(statement, within)))

    async def finish(self, serials: dict[str, int]) -> None:
        """Set the numbers, and take the mark away."""

        def finish() -> None:
            for name, number in serials.items():
                self._connection.execute(DELETE_SERIAL, (name,))
                self._connection.execute(INSERT_SERIAL, (name, number))
            self._connection.execute(DROP_MARK)

        await self._do(lambda: self._write(finish))

    async def close(self) -> None:
        """Close the file."""
        await asyncio.to_thread(self._connection.close)

    def _write(self, work: Callable[[], object]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            work()
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    async def _do(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.shield(asyncio.to_thread(work))
        except sqlite3.Error as error:
            raise CopyFailedError(f"{self._path}: {error}") from error


def _page(table: Table, fixed: int, goes_on: bool) -> str:
    """The statement for a page, of the table's own names only."""
    keys = table.primary_key
    names = ", ".join(column.name for column in table.columns)
    conditions = [f"{name} = ?" for name in keys[:fixed]]
    if goes_on:
        rest = keys[fixed:]
        conditions.append(f"({', '.join(rest)}) > ({', '.join('?' * len(rest))})")
    order = ", ".join(keys)
    return f"SELECT {names} FROM {table.name}{_where(conditions)} ORDER BY {order} LIMIT ?"  # noqa: S608


def _last(table: Table, fixed: int) -> str:
    keys = table.primary_key
    where = _where([f"{name} = ?" for name in keys[:fixed]])
    order = ", ".join(f"{name} DESC" for name in keys)
    return f"SELECT {', '.join(keys[fixed:])} FROM {table.name}{where} ORDER BY {order} LIMIT 1"  # noqa: S608


def _where(conditions: Sequence[str]) -> str:
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""
