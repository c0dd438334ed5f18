"""Lend a handler the connection of its turn, as SQLAlchemy's `AsyncConnection`."""

from __future__ import annotations

import asyncio
import sqlite3
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from headwater.errors import ConnectionUnavailableError, HandlerFailedError
from headwater.stores.contract import Outcome, Unit

from .turn import Turn

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

__all__ = ["Lender", "Loan"]

NEEDED = ("sqlalchemy", "greenlet", "aiosqlite")


class Loan:
    """A handler's own transaction, with its connection."""

    def __init__(self, turn: Turn, connection: AsyncConnection) -> None:
        self._turn = turn
        self.connection = connection

    @property
    def is_open(self) -> bool:
        """Whether it has neither ended, run out of its budget, nor been asked to end."""
        return not self._turn.is_over

    @property
    def ended(self) -> asyncio.Future[Outcome]:
        """How it ended, once it has: one that was undone is `Rejected`."""
        return self._turn.outcome

    async def commit(self, unit: Unit) -> Outcome:
        """Write the unit, and commit it together with what the handler has written."""
        self._turn.end(unit)
        return await asyncio.shield(self._turn.outcome)

    def roll_back(self) -> None:
        """Undo all of it, soon and without waiting."""
        self._turn.end(None)


class Lender:
    """Makes loans, and takes their connections back when they have ended."""

    def __init__(self) -> None:
        self._engine: AsyncEngine | None = None
        self._next: sqlite3.Connection | None = None
        self._connecting = asyncio.Lock()
        self._returning: set[asyncio.Task[None]] = set()
        self._open: set[Loan] = set()

    async def engine(self) -> AsyncEngine:
        """What makes connections of SQLAlchemy.

        Raises:
            ConnectionUnavailableError: The extra `sql` is not installed.
        """
        if self._engine is None:
            if missing := [name for name in NEEDED if find_spec(name) is None]:
                raise ConnectionUnavailableError(
                    f"{' and '.join(missing)} not installed; pip install 'headwater[sql]'"
                )
            engine = self._make_engine()
            async with self._connecting:
                # SQLAlchemy asks its first connection for what SQLite can, and rolls that back.
                self._next = sqlite3.connect(":memory:", check_same_thread=False)
                async with engine.connect():
                    pass
            self._engine = engine
        return self._engine

    async def lend(self, engine: AsyncEngine, turn: Turn) -> Loan:
        """The loan, as soon as the turn has come."""
        try:
            raw = await turn.granted
            # In a task, so that a connection is either made or not made, whoever is cancelled.
            lending = asyncio.create_task(self._lend(engine, turn, raw), name="headwater-lend")
            lending.add_done_callback(_notice)  # though nobody may wait for it any more
            return await asyncio.shield(lending)
        except BaseException:
            turn.end(None)
            raise

    async def _lend(self, engine: AsyncEngine, turn: Turn, raw: sqlite3.Connection) -> Loan:
        async with self._connecting:
            self._next = raw
            connection = await engine.connect()
        loan = Loan(turn, connection)
        self._open.add(loan)
        turn.outcome.add_done_callback(lambda _: self._take_back(loan))
        await connection.begin()
        connection.info["turn"] = turn
        return loan

    async def close(self) -> None:
        """Undo what is still open, and return when every connection is closed."""
        for loan in tuple(self._open):
            loan.roll_back()
        while self._open or self._returning:
            ending: set[asyncio.Future[Any]] = {one.ended for one in self._open}
            await asyncio.wait(ending | self._returning)
            await asyncio.sleep(0)  # for their callbacks
        if self._engine is not None:
            engine, self._engine = self._engine, None
            await engine.dispose()

    def _take_back(self, loan: Loan) -> None:
        self._open.discard(loan)
        closing = asyncio.create_task(loan.connection.close(), name="headwater-sqlite-return")
        self._returning.add(closing)
        closing.add_done_callback(self._returning.discard)
        closing.add_done_callback(_notice)

    def _make_engine(self) -> AsyncEngine:
        from aiosqlite import Connection as Threaded
        from sqlalchemy import event
        from sqlalchemy.ext.asyncio import create_async_engine
        from sqlalchemy.pool import NullPool

        class ClosedOnce(Threaded):
            """Of two that close it at once, the second would wait for a thread that has ended."""

            closing: asyncio.Task[None] | None = None

            async def close(self) -> None:
                if self.closing is None:
                    self.closing = asyncio.create_task(super().close(), name="headwater-close")
                await asyncio.shield(self.closing)

        async def connect() -> Threaded:
            connection = ClosedOnce(self._take_next, iter_chunk_size=64)
            # A thread that waits for statements keeps no process alive.
            thread: Any = getattr(connection, "_thread", connection)
            thread.daemon = True
            return await connection

        engine = create_async_engine(
            "sqlite+aiosqlite://",
            poolclass=NullPool,
            pool_reset_on_return=None,
            async_creator=connect,
        )

        def refuse_to_end(connection: Connection) -> None:
            turn: Any = connection.info.get("turn")
            if turn is not None and not turn.is_over:
                raise HandlerFailedError(
                    "the handler", "tried to end its transaction; that happens when it returns"
                )

        event.listen(engine.sync_engine, "commit", refuse_to_end)
        event.listen(engine.sync_engine, "rollback", refuse_to_end)
        return engine

    def _take_next(self) -> sqlite3.Connection:
        raw, self._next = self._next, None
        if raw is None:
            raise RuntimeError("only the lender connects")
        return raw


def _notice(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()
