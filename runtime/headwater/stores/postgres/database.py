"""The store's connections, and how work is done on them: reads, statements, transactions.

Whatever is begun is carried out, or broken off by its own deadline: a caller that leaves does not
take the connection along.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import asyncpg
from headwater.errors import ConfigurationError, StoreUnavailableError

from .address import Address
from .failures import (
    is_rolled_back,
    is_unsent,
    is_unwritable,
    is_worth_another_try,
    unavailable,
    unknown,
)
from .wire import Limits, Row, Wire, connect

__all__ = ["TRIES", "Database"]

T = TypeVar("T")

# Of work that the server has rolled back, and may take a moment later; none begins any more when
# as much time has passed as a lock is waited for.
TRIES = 8
READS = 3  # tries of what changes nothing
FIRST_PAUSE, LONGEST_PAUSE = 0.005, 0.5  # seconds between two tries
UNUSED = 5.0  # seconds after which a connection is let go, for others who may wait for one

DRIVER_ERRORS = (
    OSError,
    TimeoutError,
    ValueError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)


class Database:
    """A few connections to one database, from the first use until `close`."""

    def __init__(self, address: Address, limits: Limits, size: int) -> None:
        self.address = address
        self.limits = limits
        self._idle: list[Wire] = []
        self._room = asyncio.Semaphore(size)
        self._is_open = False
        self._working: set[asyncio.Task[Any]] = set()

    def open(self, wire: Wire | None = None) -> None:
        """Be ready for work, with a first connection if there is one."""
        if wire is not None:
            self._idle.append(wire)
        self._is_open = True

    async def close(self) -> None:
        """Let what was begun finish, then close the connections."""
        self._is_open = False
        while self._working:
            await asyncio.wait(self._working)
        idle, self._idle = self._idle, []
        for wire in idle:
            await wire.close()

    async def carry_out(self, work: Coroutine[Any, Any, T]) -> T:
        """Do the work, to its end even if the caller leaves."""
        if not self._is_open:
            work.close()
            raise StoreUnavailableError("it is not open")
        task = asyncio.create_task(work, name="headwater-postgres")
        self._working.add(task)
        task.add_done_callback(self._done)
        return await asyncio.shield(task)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._working.discard(task)
        if not task.cancelled():
            task.exception()  # a caller that left does not make it unnoticed

    async def take(self) -> Wire:
        """A connection that is in order; it has to be given back.

        Raises:
            StoreUnavailableError, OSError, TimeoutError, asyncpg.PostgresError: There is none.
        """
        async with asyncio.timeout(self.limits.reply):
            await self._room.acquire()
        try:
            while self._idle:
                wire = self._idle.pop()
                if not wire.is_gone:
                    return wire
            return await connect(self.address, self.limits)
        except ConfigurationError as error:  # it worked when the store was opened
            self._room.release()
            raise StoreUnavailableError(str(error)) from error
        except BaseException:
            self._room.release()
            raise

    def give_back(self, wire: Wire) -> None:
        """Be done with a connection; one in the middle of something is cut.

        Where one broke, or its peer was silent, the idle ones beside it are not trusted either:
        each would cost somebody a time limit, or an outcome that is unknown.
        """
        self._room.release()
        if wire.is_gone:
            idle, self._idle = self._idle, []
            for other in idle:
                other.cut()
            return
        if wire.is_in_transaction or not self._is_open:
            wire.cut()
        else:
            wire.unused_since = asyncio.get_running_loop().time()
            self._idle.append(wire)

    def let_go(self) -> None:
        """Close the connections that have been of no use for a while, all but the last used."""
        long_ago = asyncio.get_running_loop().time() - UNUSED
        while len(self._idle) > 1 and self._idle[0].unused_since < long_ago:
            task = asyncio.create_task(self._idle.pop(0).close(), name="headwater-postgres-close")
            self._working.add(task)
            task.add_done_callback(self._done)

    # Reading

    async def read(self, work: Callable[[Wire], Awaitable[T]]) -> T:
        """What `work` returns; it changes nothing, and may be run again on another connection.

        Raises:
            StoreUnavailableError: The database does not answer.
        """
        return await self.carry_out(self.read_now(work))

    async def read_now(self, work: Callable[[Wire], Awaitable[T]]) -> T:
        """The same, in the caller's own task."""
        for number in range(1, READS + 1):
            try:
                wire = await self.take()
                try:
                    return await work(wire)
                finally:
                    self.give_back(wire)
            except DRIVER_ERRORS as error:
                lasting = is_rolled_back(error) and not is_worth_another_try(error)
                if lasting or is_unwritable(error) or number == READS:
                    raise unavailable(error) from error
            await asyncio.sleep(pause(number))
        raise AssertionError

    async def fetch(self, statement: str, *arguments: object) -> list[Row]:
        """The rows of a statement that changes nothing.

        Raises:
            StoreUnavailableError: The database does not answer.
        """
        return await self.read(lambda wire: wire.fetch(statement, *arguments))

    # Writing

    async def write(self, statement: str, *arguments: object) -> list[Row]:
        """The rows of a statement that is a transaction of its own, and is committed.

        Raises:
            StoreUnavailableError: Nothing was written.
            OutcomeUnknownError: The wire broke, or the server went, meanwhile.
        """
        return await self.carry_out(self.write_now(statement, *arguments))

    async def write_now(self, statement: str, *arguments: object) -> list[Row]:
        """The same, in the caller's own task."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self.limits.lock
        for number in range(1, TRIES + 1):
            is_sent = False
            try:
                wire = await self.take()
                try:
                    prepared = await wire.prepare(statement)
                    is_sent = True
                    return await wire.run(prepared, *arguments)
                finally:
                    self.give_back(wire)
            except DRIVER_ERRORS as error:
                is_undone = is_rolled_back(error) or is_unwritable(error) or is_unsent(error)
                if is_sent and not is_undone:
                    raise unknown(error) from error
                if number == TRIES or not is_worth_another_try(error) or loop.time() > until:
                    raise unavailable(error) from error
            await asyncio.sleep(pause(number))
        raise AssertionError

    async def transaction(self, work: Callable[[Wire], Awaitable[T]]) -> T:
        """What `work` returns, once what it has written is committed.

        It may be run again, after the server has rolled it back. What it raises beside the
        driver's errors comes out as it is, and nothing is written then.

        Raises:
            StoreUnavailableError: Nothing was written.
            OutcomeUnknownError: The wire broke, or the server went, while committing.
        """
        return await self.carry_out(self.transaction_now(work))

    async def transaction_now(self, work: Callable[[Wire], Awaitable[T]]) -> T:
        """The same, in the caller's own task."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self.limits.lock
        for number in range(1, TRIES + 1):
            is_committing = False
            try:
                wire = await self.take()
                try:
                    await wire.execute("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
                    result = await work(wire)
                    is_committing = True
                    await wire.execute("COMMIT")
                    return result
                except BaseException:
                    await self._roll_back(wire)
                    raise
                finally:
                    self.give_back(wire)
            except DRIVER_ERRORS as error:
                if is_committing and not (is_rolled_back(error) or is_unsent(error)):
                    raise unknown(error) from error
                if number == TRIES or not is_worth_another_try(error) or loop.time() > until:
                    raise unavailable(error) from error
            await asyncio.sleep(pause(number))
        raise AssertionError

    async def _roll_back(self, wire: Wire) -> None:
        if wire.is_gone or not wire.is_in_transaction:
            return
        try:
            await wire.execute("ROLLBACK")
        except DRIVER_ERRORS:
            wire.cut()


def pause(number: int) -> float:
    """Seconds to wait after try `number`, with some chance in it so that two do not meet again."""
    longest = min(FIRST_PAUSE * 2**number, LONGEST_PAUSE)
    return random.uniform(longest / 2, longest)  # noqa: S311  (no secret)
