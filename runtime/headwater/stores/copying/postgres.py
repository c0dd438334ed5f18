"""A PostgreSQL database at one end of a copy.

The source is read in one snapshot, under locks that let others read and nobody write. The target
is marked with the run that fills it, so that of two runs only the later one goes on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from uuid import uuid4

import asyncpg
from headwater.errors import CopyFailedError, CopyRefusedError
from headwater.schema.tables import (
    EVENT_SCHEMAS,
    STREAMS,
    TABLES,
    ColumnType,
    Table,
)
from headwater.stores.postgres.address import Address
from headwater.stores.postgres.database import DRIVER_ERRORS
from headwater.stores.postgres.failures import reason_of, unavailable
from headwater.stores.postgres.server import require_server
from headwater.stores.postgres.tables import copied_from, require_finished, require_schema
from headwater.stores.postgres.wire import PLANNING, Limits, Wire, driver_connection

from .ends import Row, Source, Target, Value

__all__ = ["open_source", "open_target"]

T = TypeVar("T")

LIMITS = Limits(statement=600.0, idle=600.0)  # the other end may take its time
APPLICATION = {"application_name": "headwater copy"}
EPOCH = 946_684_800_000_000  # microseconds from 1970 to 2000, from where PostgreSQL counts

# Connections of services; those of a copy have another name.
SELECT_SERVICES = """
SELECT count(*)
  FROM pg_stat_activity
 WHERE datname = current_database() AND application_name = 'headwater'
"""

BEGIN_READING = """
BEGIN ISOLATION LEVEL REPEATABLE READ
"""

CREATE_MARK = """
CREATE TABLE headwater_copy (
  source text NOT NULL,
  run text NOT NULL
)
"""

INSERT_MARK = """
INSERT INTO headwater_copy (source, run)
VALUES ($1, $2)
"""

TAKE_MARK = """
UPDATE headwater_copy
   SET run = $1
"""

HOLD_MARK = """
SELECT run
  FROM headwater_copy
   FOR UPDATE
"""

DROP_MARK = """
DROP TABLE headwater_copy
"""

SELECT_SEQUENCE = """
SELECT pg_get_serial_sequence($1, $2)
"""

SET_SEQUENCE = """
SELECT setval($1::text::regclass, $2)
"""

NULL_CHARACTER = "22021"  # SQLSTATE; also other bytes, which no text of ours has


async def open_source(address: Address, *, ahead: bool) -> Source:
    """The database to copy from.

    Raises:
        ConfigurationError: It cannot be read, or its tables are of another version.
        CopyRefusedError: A service runs on it, or somebody is writing.
    """
    async with _connected(address) as wire:
        await require_finished(wire, address)
        if not ahead:
            await _require_idle(wire, address, " (or begin with --ahead while it runs)")
            await _hold(wire, address)
        return _PostgresEnd(wire, address)


async def open_target(address: Address, source: str) -> Target:
    """The database to copy `source` to, which has the tables; with a part of it, or free.

    Raises:
        ConfigurationError: It cannot be written, or its tables are of another version.
        CopyRefusedError: A service runs on it, or there is more in it than a part of `source`.
    """
    run = uuid4().hex
    async with _connected(address) as wire:
        await _require_idle(wire, address, "")
        begun = await copied_from(wire)
        if begun is None:
            await _begin(wire, address, source, run)
        elif begun != source:
            raise CopyRefusedError(
                f"{address} holds a part of {begun}, whose copy is not finished; copy {source} to "
                "another database, or drop this one"
            )
        else:
            await wire.fetch(TAKE_MARK, run)
        return _PostgresEnd(wire, address, run)


@asynccontextmanager
async def _connected(address: Address) -> AsyncIterator[Wire]:
    """A connection to a server that can be used; closed only if the block fails."""
    try:
        connection = await driver_connection(address, LIMITS, PLANNING | APPLICATION)
    except DRIVER_ERRORS as error:
        raise unavailable(error) from error
    wire = Wire(connection, LIMITS.reply)
    try:
        await require_server(wire, address, LIMITS)
        await require_schema(wire, address, None)
        await _speak_plainly(connection)
        yield wire
    except BaseException as error:
        await wire.close()
        if isinstance(error, DRIVER_ERRORS):
            raise unavailable(error) from error
        raise


async def _speak_plainly(connection: asyncpg.Connection) -> None:
    """Have values as `ends` describes them."""

    async def speak(kind: str, encode: Callable[[Any], Any], decode: Callable[[Any], Any]) -> None:
        await connection.set_type_codec(
            kind,
            schema="pg_catalog",
            encoder=encode,
            decoder=decode,
            format="tuple" if kind == "timestamptz" else "binary",
        )

    await speak("uuid", bytes, bytes)
    await speak("bool", lambda value: b"\1" if value else b"\0", lambda value: int(value[0]))
    await speak("timestamptz", lambda value: (value - EPOCH,), lambda value: value[0] + EPOCH)


async def _require_idle(wire: Wire, address: Address, what_else: str) -> None:
    row = await wire.fetch_one(SELECT_SERVICES)
    if row is not None and row[0]:
        raise CopyRefusedError(
            f"a service runs on {address} ({row[0]} connections): stop it first{what_else}"
        )


async def _hold(wire: Wire, address: Address) -> None:
    names = ", ".join(table.name for table in TABLES)
    await wire.execute(BEGIN_READING)
    try:
        await wire.execute(f"LOCK TABLE {names} IN SHARE MODE")
    except asyncpg.LockNotAvailableError as error:
        raise CopyRefusedError(
            f"somebody is writing to {address}: let them finish first"
        ) from error
    except asyncpg.InsufficientPrivilegeError as error:
        raise CopyRefusedError(
            f"{address}: this role may not lock the tables while they are copied "
            f"({error.message}); use the one that owns them"
        ) from error


async def _begin(wire: Wire, address: Address, source: str, run: str) -> None:
    for table in TABLES:
        content = _content(table)
        if content is not None and await wire.fetch_one(content) is not None:
            raise CopyRefusedError(
                f"{address} is not free: there are {table.name.replace('_', ' ')} in it; name an "
                "empty database"
            )
    await wire.execute("BEGIN")
    try:
        await wire.execute(CREATE_MARK)
        await wire.fetch(INSERT_MARK, source, run)
        await wire.execute("DELETE FROM streams")
        await wire.execute("DELETE FROM event_schemas")
    except asyncpg.InsufficientPrivilegeError as error:
        raise CopyRefusedError(
            f"{address}: this role may not make tables ({error.message}); use the one that owns "
            "Headwater's"
        ) from error
    await wire.execute("COMMIT")


def _content(table: Table) -> str | None:
    """What finds something in the table that a new store has not; no table's name is foreign."""
    if table is EVENT_SCHEMAS:
        return None
    where = " WHERE head > 0" if table is STREAMS else ""
    return f"SELECT 1 FROM {table.name}{where} LIMIT 1"  # noqa: S608


class _PostgresEnd:
    """A database that takes part in a copy, in either part."""

    def __init__(self, wire: Wire, address: Address, run: str = "") -> None:
        self._wire = wire
        self._address = address
        self._run = run

    async def page(self, table: Table, within: Row, after: Row, limit: int) -> list[Row]:
        """Rows in the order of their key."""
        statement = _page(table, len(within), goes_on=bool(after))
        rows = await self._do(self._wire.fetch(statement, *within, *after, limit))
        return [tuple(row) for row in rows]

    async def count(self, table: Table) -> int:
        """How many rows there are."""
        rows = await self._do(self._wire.fetch(f"SELECT count(*) FROM {table.name}"))  # noqa: S608
        return int(rows[0][0])

    async def serials(self) -> dict[str, int]:
        """The highest numbers given."""
        found = {}
        for table, sequence in await self._sequences():
            rows = await self._do(
                self._wire.fetch(f"SELECT last_value, is_called FROM {sequence}")  # noqa: S608
            )
            if rows[0]["is_called"]:
                found[table] = int(rows[0]["last_value"])
        return found

    async def last(self, table: Table, within: Row) -> Row:
        """The end of the last key."""
        rows = await self._do(self._wire.fetch(_last(table, len(within)), *within))
        return tuple(rows[0]) if rows else ()

    async def add(self, table: Table, rows: Sequence[Row]) -> None:
        """Have these rows too."""

        async def add() -> None:
            try:
                with self._wire.deadline():
                    await self._wire.connection.copy_records_to_table(
                        table.name,
                        records=rows,
                        columns=[column.name for column in table.columns],
                    )
            except asyncpg.PostgresError as error:
                if error.sqlstate == NULL_CHARACTER:
                    raise _not_a_text(table, rows) from error
                raise

        await self._do(self._write(add))

    async def clear(self, table: Table, within: Row) -> None:
        """Forget rows."""
        keys = table.primary_key[: len(within)]
        where = _where([f"{name} = ${place}" for place, name in enumerate(keys, 1)])
        statement = f"DELETE FROM {table.name}{where}"  # noqa: S608
        await self._do(self._write(lambda: self._wire.fetch(statement, *within)))

    async def finish(self, serials: dict[str, int]) -> None:
        """Set the numbers, and take the mark away."""
        sequences = await self._sequences()

        async def finish() -> None:
            for table, sequence in sequences:
                if table in serials:
                    await self._wire.fetch(SET_SEQUENCE, sequence, serials[table])
            await self._wire.execute(DROP_MARK)
            await self._wire.execute(f"ANALYZE {', '.join(table.name for table in TABLES)}")

        await self._do(self._write(finish))

    async def close(self) -> None:
        """Close the connection, and with it the source's transaction."""
        await self._wire.close()

    async def _sequences(self) -> list[tuple[str, str]]:
        found = []
        for table in TABLES:
            for column in table.columns:
                if column.type is ColumnType.SERIAL:
                    rows = await self._do(
                        self._wire.fetch(SELECT_SEQUENCE, table.name, column.name)
                    )
                    found.append((table.name, str(rows[0][0])))
        return found

    async def _write(self, work: Callable[[], Awaitable[object]]) -> None:
        await self._wire.execute("BEGIN")
        try:
            mark = await self._wire.fetch_one(HOLD_MARK)
            if mark is None or mark["run"] != self._run:
                raise CopyFailedError(f"another run copies to {self._address} now")
            await work()
        except BaseException:
            if not self._wire.is_gone:
                await self._wire.execute("ROLLBACK")
            raise
        await self._wire.execute("COMMIT")

    async def _do(self, work: Awaitable[T]) -> T:
        try:
            return await work
        except DRIVER_ERRORS as error:
            raise CopyFailedError(f"{self._address}: {reason_of(error)}") from error


def _not_a_text(table: Table, rows: Sequence[Row]) -> CopyFailedError:
    def has_null(value: Value) -> bool:
        return isinstance(value, str) and "\0" in value

    columns = sorted(
        {
            column.name
            for row in rows
            for column, value in zip(table.columns, row, strict=True)
            if has_null(value)
        }
    )
    where = f"{', '.join(columns)} of {table.name}" if columns else table.name
    return CopyFailedError(
        f"there is a text with the character NUL in {where}, which PostgreSQL cannot keep"
    )


def _page(table: Table, fixed: int, *, goes_on: bool) -> str:
    """The statement for a page, of the table's own names only."""
    keys = table.primary_key
    conditions = [f"{name} = ${place}" for place, name in enumerate(keys[:fixed], 1)]
    places = fixed
    if goes_on:
        rest = keys[fixed:]
        marks = ", ".join(f"${fixed + place}" for place in range(1, len(rest) + 1))
        conditions.append(f"({', '.join(rest)}) > ({marks})")
        places += len(rest)
    names = ", ".join(column.name for column in table.columns)
    order = ", ".join(keys)
    return (
        f"SELECT {names} FROM {table.name}{_where(conditions)} ORDER BY {order} "  # noqa: S608
        f"LIMIT ${places + 1}"
    )


def _last(table: Table, fixed: int) -> str:
    keys = table.primary_key
    where = _where([f"{name} = ${place}" for place, name in enumerate(keys[:fixed], 1)])
    order = ", ".join(f"{name} DESC" for name in keys)
    return f"SELECT {', '.join(keys[fixed:])} FROM {table.name}{where} ORDER BY {order} LIMIT 1"  # noqa: S608


def _where(conditions: Sequence[str]) -> str:
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""
