"""Lend a handler a connection in a transaction of its own, in which its unit is written last.

The connection is SQLAlchemy's over asyncpg. Its `begin` does not yet begin anything at the server:
the first statement does. Ours is the first, and it is asserted that the transaction is open before
a handler gets the connection, and that it is still the same one when the unit is written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from headwater.errors import (
    ConnectionUnavailableError,
    HandlerFailedError,
    StoreUnavailableError,
    TransactionBudgetError,
)
from headwater.stores.contract import Committed, Outcome, Rejected, Unit

from .address import Address
from .batch import Batch
from .failures import (
    BrokenWireError,
    handler_failure,
    is_rolled_back,
    server_error,
    unavailable,
    unknown,
)
from .wire import Limits, Wire, driver_connection

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

__all__ = ["Lender", "Loan"]

NEEDED = ("sqlalchemy", "greenlet")
LOANS = 4  # connections, and handlers that may have one at a time

_SELECT_STARTED = "SELECT transaction_timestamp()"


class Loan:
    """A handler's own transaction, with its connection."""

    def __init__(self, lender: Lender, connection: AsyncConnection, wire: Wire, started: datetime):
        self.connection = connection
        self.ended: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        """How it ended, once it has: one that was undone is `Rejected`."""
        self._lender = lender
        self._wire = wire
        self._started = started
        self._is_over = False
        budget = lender.limits.transaction
        self._timer = asyncio.get_running_loop().call_later(budget, self._run_out, budget)

    @property
    def is_open(self) -> bool:
        """Whether it has neither ended, run out of its budget, nor been asked to end."""
        return not self._is_over

    async def commit(self, unit: Unit) -> Outcome:
        """Write the unit, and commit it together with what the handler has written."""
        if self._end():
            self._lender.work(self._commit(unit))
        return await asyncio.shield(self.ended)

    def roll_back(self) -> None:
        """Undo all of it, soon and without waiting."""
        if self._end():
            self._lender.work(self._undo(Rejected(StoreUnavailableError("it was rolled back"))))

    def _run_out(self, budget: float) -> None:
        if self._end():
            self._wire.cut()  # whatever is under way
            self._lender.work(self._undo(Rejected(TransactionBudgetError(budget))))

    def _end(self) -> bool:
        """Whether this is what ends it."""
        is_first, self._is_over = not self._is_over, True
        self._timer.cancel()
        return is_first

    async def _commit(self, unit: Unit) -> None:
        # What the handler has written is not to be undone, whatever may come again.
        batch = Batch((replace(unit, durable=True),))
        is_committing = False
        try:
            [row] = await self._wire.fetch(_SELECT_STARTED)
            if not self._wire.is_in_transaction or row[0] != self._started:
                raise HandlerFailedError(
                    "the handler", "ended its transaction; that happens when it returns"
                )
            arguments = batch.arguments(self._lender.now())
            [outcome] = batch.outcomes(await self._wire.fetch(batch.statement, *arguments))
            if not isinstance(outcome, Committed) or outcome.earlier is not None:
                await self._undo(outcome)
                return
            is_committing = True
            with self._wire.deadline():
                await self.connection.commit()
        except HandlerFailedError as error:
            await self._undo(Rejected(error))
        except Exception as error:  # noqa: BLE001  (whoever waits has to hear of it)
            cause = server_error(error)
            if is_committing and not is_rolled_back(cause):
                self._wire.cut()
                await self._give_back()
                self.ended.set_exception(unknown(cause))
                self.ended.exception()  # nobody may be waiting
                return
            await self._give_back()
            failure = handler_failure(cause, at_commit=is_committing)
            self.ended.set_result(
                await self._lender.after_race(unit, cause) if failure is None else Rejected(failure)
            )
        else:
            await self._give_back()
            self._lender.tell(batch)
            self.ended.set_result(outcome)

    async def _undo(self, outcome: Outcome) -> None:
        try:
            if not self._wire.is_gone:
                with self._wire.deadline():
                    await self.connection.rollback()
        except Exception:  # noqa: BLE001  (cutting the wire undoes it as well)
            self._wire.cut()
        await self._give_back()
        self.ended.set_result(outcome)

    async def _give_back(self) -> None:
        """To the pool if it is in order, and otherwise to nobody."""
        with suppress(Exception):  # one that is gone is as good as given back
            if self._wire.is_gone or self._wire.is_in_transaction:
                self._wire.cut()
                await self.connection.invalidate()
            else:
                self.connection.info.pop("loan", None)
            await self.connection.close()
        self._lender.forget(self)


class Lender:
    """Makes loans, and takes their connections back when they have ended."""

    def __init__(
        self,
        address: Address,
        limits: Limits,
        *,
        now: Callable[[], datetime | None],
        tell: Callable[[Batch], None],
        after_race: Callable[[Unit, BaseException], Any],
    ) -> None:
        self.limits = limits
        self.now = now
        self.tell = tell
        self._after_race = after_race
        self._address = address
        self._engine: AsyncEngine | None = None
        self._open: set[Loan] = set()
        self._working: set[asyncio.Task[Any]] = set()

    async def begin(self) -> Loan:
        """A transaction for one handler, as soon as there is a connection for it.

        Raises:
            ConnectionUnavailableError: The extra `sql` is not installed.
            StoreUnavailableError: The database does not answer, or all its connections are lent.
        """
        engine = self._get_engine()
        task = self.work(self._begin(engine))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_roll_back)
            raise

    async def after_race(self, unit: Unit, error: BaseException) -> Outcome:
        """What became of a unit that could not be written for this reason."""
        outcome: Outcome = await self._after_race(unit, error)
        return outcome

    def work(self, work: Any) -> asyncio.Task[Any]:
        """Have it done, whoever leaves."""
        task = asyncio.create_task(work, name="headwater-postgres-loan")
        self._working.add(task)
        task.add_done_callback(self._working.discard)
        return task

    def forget(self, loan: Loan) -> None:
        """Be done with a loan."""
        self._open.discard(loan)

    async def close(self) -> None:
        """Undo what is still open, and return when every connection is closed."""
        for loan in tuple(self._open):
            loan.roll_back()
        while self._working:
            await asyncio.wait(self._working)
        if self._engine is not None:
            engine, self._engine = self._engine, None
            await engine.dispose()

    async def _begin(self, engine: AsyncEngine) -> Loan:
        from sqlalchemy.exc import SQLAlchemyError

        connection: AsyncConnection | None = None
        wire: Wire | None = None
        try:
            async with asyncio.timeout(self.limits.reply):
                connection = await engine.connect()
                await connection.begin()
                started = (await connection.exec_driver_sql(_SELECT_STARTED)).scalar_one()
                raw = (await connection.get_raw_connection()).driver_connection
                wire = Wire(raw, self.limits.reply)
                if not wire.is_in_transaction:
                    raise BrokenWireError("the driver has not begun the transaction")
        except BaseException as error:
            if wire is not None:
                wire.cut()
            if connection is not None:
                with suppress(Exception):
                    await connection.invalidate()
                    await connection.close()
            if isinstance(error, OSError | TimeoutError | SQLAlchemyError):
                raise unavailable(server_error(error)) from error
            raise
        loan = Loan(self, connection, wire, started)
        connection.info["loan"] = loan
        self._open.add(loan)
        return loan

    def _get_engine(self) -> AsyncEngine:
        if self._engine is None:
            if missing := [name for name in NEEDED if find_spec(name) is None]:
                raise ConnectionUnavailableError(
                    f"{' and '.join(missing)} not installed; pip install 'headwater[sql]'"
                )
            self._engine = self._make_engine()
        return self._engine

    def _make_engine(self) -> AsyncEngine:
        from sqlalchemy import event
        from sqlalchemy.ext.asyncio import create_async_engine

        async def connect() -> Any:
            return await driver_connection(self._address, self.limits, {})

        engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=connect,
            isolation_level="READ COMMITTED",
            pool_size=LOANS,
            max_overflow=0,
            pool_timeout=self.limits.lock,
        )

        def refuse_to_end(connection: Connection) -> None:
            loan: Any = connection.info.get("loan")
            if loan is not None and loan.is_open:
                raise HandlerFailedError(
                    "the handler", "tried to end its transaction; that happens when it returns"
                )

        event.listen(engine.sync_engine, "commit", refuse_to_end)
        event.listen(engine.sync_engine, "rollback", refuse_to_end)
        return engine


def _roll_back(beginning: asyncio.Task[Loan]) -> None:
    if not beginning.cancelled() and beginning.exception() is None:
        beginning.result().roll_back()
