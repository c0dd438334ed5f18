"""One connection to the server, that is either in order or gone.

Every statement has a deadline outside the driver. One that is late, or whose caller is cancelled,
has its socket cut at once: nobody waits for a peer that is silent, and no connection in an unknown
state is used again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement
from headwater.errors import ConfigurationError

from .address import Address
from .failures import BrokenWireError

__all__ = ["Limits", "Wire", "connect", "driver_connection"]

Row: TypeAlias = asyncpg.Record

# Our statements know which index they go by, whatever they are given: they are planned once for
# each connection. A plan made while a table was empty would read it from end to end and be kept;
# and compiling a plan takes longer than any of them runs.
PLANNING = {"enable_seqscan": "off", "jit": "off", "plan_cache_mode": "force_generic_plan"}


@dataclass(frozen=True, slots=True)
class Limits:
    """How long the server, and we, wait for something. Seconds.

    A process that is frozen while it holds a lock holds the others up for no longer than the
    longest of the first three.
    """

    lock: float = 5.0
    """For a lock that somebody else holds."""
    statement: float = 10.0
    """For one statement, the wait for locks included."""
    idle: float = 4.0
    """For the next statement of an open transaction. Less than `lock`: then others, who wait for
    what a frozen process holds, go on when the server ends its transaction, and are not refused."""
    connect: float = 5.0
    """For a new connection."""
    transaction: float = 30.0
    """For a handler's own transaction, all of it."""
    spare: float = 2.0
    """Beyond the server's own limits, until the socket is cut."""

    @property
    def reply(self) -> float:
        """How long a reply may take before the socket is cut."""
        return self.statement + self.spare

    @property
    def settings(self) -> dict[str, str]:
        """As the server's settings."""
        return {
            "lock_timeout": f"{self.lock * 1000:.0f}ms",
            "statement_timeout": f"{self.statement * 1000:.0f}ms",
            "idle_in_transaction_session_timeout": f"{self.idle * 1000:.0f}ms",
        }


class Wire:
    """A connection for one task at a time."""

    def __init__(self, connection: asyncpg.Connection, reply: float) -> None:
        self.connection = connection
        self.unused_since = 0.0  # by the event loop's clock
        self._reply = reply
        self._prepared: dict[str, PreparedStatement] = {}
        self._is_cut = False

    @property
    def is_gone(self) -> bool:
        """Whether it is of no more use."""
        return self._is_cut or self.connection.is_closed()

    @property
    def is_in_transaction(self) -> bool:
        """Whether a transaction is open on it."""
        return bool(self.connection.is_in_transaction())

    async def prepare(self, statement: str) -> PreparedStatement:
        """The statement as the server has it; until it is run nothing has happened."""
        prepared = self._prepared.get(statement)
        if prepared is None:
            with _Deadline(self):
                prepared = await self.connection.prepare(statement)
            self._prepared[statement] = prepared
        return prepared

    async def run(self, prepared: PreparedStatement, *arguments: object) -> list[Row]:
        """Run it, in the open transaction or in one of its own, and return its rows."""
        with _Deadline(self):
            rows: list[Row] = await prepared.fetch(*arguments)
            return rows

    async def fetch(self, statement: str, *arguments: object) -> list[Row]:
        """Run a statement and return its rows."""
        return await self.run(await self.prepare(statement), *arguments)

    async def fetch_one(self, statement: str, *arguments: object) -> Row | None:
        """Run a statement and return its first row, if it has one."""
        rows = await self.fetch(statement, *arguments)
        return rows[0] if rows else None

    async def execute(self, script: str) -> None:
        """Run statements that take no parameters and return nothing."""
        with _Deadline(self):
            await self.connection.execute(script)

    def deadline(self) -> _Deadline:
        """A block that ends in time, or has the socket cut."""
        return _Deadline(self)

    def cut(self) -> None:
        """Cut the socket, whatever is going on."""
        self._is_cut = True
        self.connection.terminate()

    async def close(self) -> None:
        """Say goodbye, or cut the socket if that takes too long."""
        if self.is_gone:
            return
        try:
            async with asyncio.timeout(self._reply):
                await self.connection.close()
        except (
            OSError,
            TimeoutError,
            asyncpg.PostgresError,
            asyncpg.InterfaceError,
            asyncpg.InternalClientError,
        ):
            self.cut()


class _Deadline:
    """Cuts the wire when its time is up, or when what happens meanwhile leaves it in doubt."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def __enter__(self) -> None:
        if self._wire.is_gone:
            raise BrokenWireError("the connection is closed")
        loop = asyncio.get_running_loop()
        self._is_late = False
        self._timer = loop.call_later(self._wire._reply, self._give_up)

    def _give_up(self) -> None:
        self._is_late = True
        self._wire.cut()

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        self._timer.cancel()
        if kind is None:
            return
        if self._is_late:
            raise BrokenWireError(f"no answer within {self._wire._reply:g} s") from (
                error if isinstance(error, BaseException) else None
            )
        if issubclass(kind, asyncpg.PostgresError) and not self._wire.is_gone:
            return  # reported by the server, and in order
        if issubclass(kind, asyncpg.InterfaceError | ValueError | TypeError | OverflowError) and (
            not self._wire.is_gone
        ):
            return  # raised by the driver before it sent anything
        self._wire.cut()


async def driver_connection(
    address: Address, limits: Limits, settings: dict[str, str]
) -> asyncpg.Connection:
    """A connection of the driver's, with our limits set.

    Raises:
        ConfigurationError: It will never work like this.
        OSError, TimeoutError, asyncpg.PostgresError: It does not work now.
    """
    connecting = asyncio.create_task(
        asyncpg.connect(
            address.url,
            timeout=limits.connect,
            max_cacheable_statement_size=0,
            server_settings=limits.settings | {"application_name": "headwater"} | settings,
        ),
        name="headwater-postgres-connect",
    )
    try:
        # The driver, cancelled just as the socket is there, leaves an error that nobody retrieves.
        return await asyncio.shield(connecting)
    except asyncio.CancelledError:
        connecting.add_done_callback(_let_go)
        raise
    except asyncpg.ClientConfigurationError:
        raise ConfigurationError(f"{address}: its URL has an option that is not known") from None
    except asyncpg.InvalidCatalogNameError as error:
        raise ConfigurationError(f"{address}: {error.message}; create it first") from error
    except asyncpg.InvalidAuthorizationSpecificationError as error:
        raise ConfigurationError(f"{address}: {error.message}") from error
    except asyncpg.ProtocolViolationError as error:
        if "startup parameter" in str(error.message):
            raise ConfigurationError(pooler_refused(address)) from error
        raise


def _let_go(connecting: asyncio.Task[asyncpg.Connection]) -> None:
    """Be done with a connection that nobody waits for any more."""
    if not connecting.cancelled() and connecting.exception() is None:
        connecting.result().terminate()


def pooler_refused(address: Address) -> str:
    """Why a connection pooler is not taken for a server."""
    return (
        f"{address} is a connection pooler, such as PgBouncer: it would give each transaction "
        "another connection, without our time limits and without LISTEN; name the server itself"
    )


async def connect(address: Address, limits: Limits) -> Wire:
    """A connection for the store's own statements.

    Raises:
        ConfigurationError: It will never work like this.
        OSError, TimeoutError, asyncpg.PostgresError: It does not work now.
    """
    connection = await driver_connection(address, limits, PLANNING)
    return Wire(connection, limits.reply)


def values(rows: Sequence[Row], column: int = 0) -> list[Any]:
    """One column of the rows."""
    return [row[column] for row in rows]
