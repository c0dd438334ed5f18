"""A handler's own transaction: its turn with the writer, on a connection of its own.

The writer's thread begins the transaction, then waits until the handler's side says how it is to
end, or until its budget is used up; so nothing else of this process writes meanwhile. It ends the
transaction itself, and before that takes the connection away from everybody else: a statement that
is still under way is broken off, and one that comes later is refused instead of being executed
outside of the transaction.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue

from headwater.clock import Clock
from headwater.errors import (
    HandlerFailedError,
    OutcomeUnknownError,
    RejectedError,
    StoreUnavailableError,
    TransactionBudgetError,
)
from headwater.stores.contract import Committed, Outcome, Rejected, Unit, Unknown

from .file import connect_as, wait_while_locked
from .lent import LentConnection
from .transaction import Transaction
from .waking import Change

__all__ = ["Turn"]

BEGIN = ("PRAGMA synchronous = FULL", "PRAGMA foreign_keys = ON", "BEGIN IMMEDIATE")
# What SQLite would not commit, and has left as it was.
FAILED_AT_COMMIT = {
    sqlite3.SQLITE_BUSY: "left a statement unfinished",
    sqlite3.SQLITE_CONSTRAINT: "wrote what a deferred foreign key refuses",
}


class Turn:
    """One transaction, from when the writer comes to it until it has ended."""

    def __init__(
        self,
        path: Path,
        clock: Clock,
        on_change: Callable[[Change], None],
        *,
        budget: float,
        busy_wait: float,
    ) -> None:
        self._path = path
        self._clock = clock
        self._on_change = on_change
        self._budget = budget
        self._busy_wait = busy_wait
        self._loop = asyncio.get_running_loop()
        self._end: SimpleQueue[Unit | None] = SimpleQueue()  # with this unit, or undone
        self._is_asked_to_end = False
        self.granted: asyncio.Future[sqlite3.Connection] = self._loop.create_future()
        """The connection, once the transaction has begun."""
        self.outcome: asyncio.Future[Outcome] = self._loop.create_future()
        """How it ended; one that was undone is a `Rejected` as well."""

    @property
    def is_over(self) -> bool:
        """Whether it has ended, or was asked to."""
        return self._is_asked_to_end or self.outcome.done()

    def end(self, unit: Unit | None) -> None:
        """Have it end: with the unit as its last part, or undone. Only the first call counts."""
        if not self._is_asked_to_end:
            self._is_asked_to_end = True
            self._end.put(unit)

    # In the writer's thread

    def take(self) -> None:
        """Begin, wait for the end, end; and tell the event loop of each."""
        if self.granted.cancelled():
            return
        try:
            connection = self._begin()
        except Exception as error:  # noqa: BLE001  (the handler hears of it)
            unavailable = _unavailable(error)
            self._tell(lambda: self._refuse(unavailable))
            return
        self._tell(lambda: self._grant(connection))
        try:
            unit = self._end.get(timeout=self._budget)
            reason: RejectedError = HandlerFailedError("the handler", "failed; rolled back")
        except Empty:
            unit, reason = None, TransactionBudgetError(self._budget)
        change: Change | None = None
        try:
            outcome, change = self._finish(connection, unit, reason)
            connection.close()
        except Exception as error:  # noqa: BLE001  (the handler hears of it, and the writer goes on)
            unknown = OutcomeUnknownError(f"the store failed while committing: {error}")
            unknown.__cause__ = error
            outcome = Unknown(unknown)
        self._tell(lambda: self._close(outcome, change))

    def _begin(self) -> LentConnection:
        connection = connect_as(LentConnection, self._path)
        try:
            for statement in BEGIN:
                wait_while_locked(partial(connection.execute, statement), self._busy_wait)
            connection.lend()
        except BaseException:
            connection.close()
            raise
        return connection

    def _finish(
        self, connection: LentConnection, unit: Unit | None, reason: RejectedError
    ) -> tuple[Outcome, Change | None]:
        connection.take_back()
        transaction = Transaction(connection, self._clock)
        try:
            if unit is None or connection.is_broken or not connection.in_transaction:
                if unit is not None and connection.is_broken:
                    reason = HandlerFailedError(
                        "the handler", "cancelled a statement: whether it was executed is unknown"
                    )
                elif unit is not None:
                    reason = HandlerFailedError(
                        "the handler", "executed a statement that rolled its transaction back"
                    )
                _roll_back(connection)
                return Rejected(reason), None
            outcome = transaction.commit(unit)
            if not isinstance(outcome, Committed) or outcome.earlier is not None:
                _roll_back(connection)
                return outcome, None
            transaction.flush()
        except Exception as error:  # noqa: BLE001  (the handler hears of it)
            _roll_back(connection)
            return Rejected(_unavailable(error)), None
        try:
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            failed = FAILED_AT_COMMIT.get(error.sqlite_errorcode & 0xFF)
            if failed is not None and connection.in_transaction:
                _roll_back(connection)
                reason = HandlerFailedError("the handler", failed)
                return Rejected(reason), None
            unknown = OutcomeUnknownError(f"the store failed while committing: {error}")
            unknown.__cause__ = error
            return Unknown(unknown), None
        return outcome, Change(transaction)

    def _tell(self, what: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(what)

    # In the event loop

    def _grant(self, connection: sqlite3.Connection) -> None:
        if self.granted.done():  # nobody waits for it any more
            self.end(None)
        else:
            self.granted.set_result(connection)

    def _refuse(self, error: Exception) -> None:
        if not self.granted.done():
            self.granted.set_exception(error)

    def _close(self, outcome: Outcome, change: Change | None) -> None:
        if change is not None:
            self._on_change(change)
        if not self.outcome.done():
            self.outcome.set_result(outcome)


def _unavailable(error: Exception) -> StoreUnavailableError:
    if isinstance(error, StoreUnavailableError):
        return error
    unavailable = StoreUnavailableError(f"{type(error).__name__}: {error}")
    unavailable.__cause__ = error
    return unavailable


def _roll_back(connection: sqlite3.Connection) -> None:
    with suppress(sqlite3.Error):  # closing undoes it as well
        if connection.in_transaction:
            connection.execute("ROLLBACK")
