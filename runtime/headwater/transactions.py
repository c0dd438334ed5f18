"""The transaction of its own that a handler may ask for, in which its unit is written last."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar, Token
from types import TracebackType
from typing import TYPE_CHECKING
from weakref import ref

from .errors import (
    CommandInTransactionError,
    HandlerFailedError,
    OutcomeUnknownError,
    TransactionBudgetError,
)
from .stores.committer import PendingCommit
from .stores.contract import Committed, OwnTransaction, Rejected, Store, Unit

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

__all__ = ["HandlerTransaction", "require_none_open"]

# Weak, because whatever a handler starts, a timer too, keeps a copy of its context for long after.
_current: ContextVar[ref[HandlerTransaction] | None] = ContextVar("_current", default=None)


class HandlerTransaction:
    """What one run of a handler has of the database, if it asks for it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._own: OwnTransaction | None = None
        self._beginning = asyncio.Lock()
        self._is_over = False
        self._before: Token[ref[HandlerTransaction] | None] | None = None
        self._committing: asyncio.Task[None] | None = None

    @property
    def is_used(self) -> bool:
        """Whether the handler has asked for it."""
        return self._own is not None

    @property
    def is_open(self) -> bool:
        """Whether nothing but this handler can write now."""
        return self._own is not None and self._own.is_open

    async def connection(self) -> AsyncConnection:
        """The connection; the first call begins the transaction, each other gives the same.

        Raises:
            ConnectionUnavailableError: The store has none to give.
            StoreUnavailableError: Another process kept it from writing for too long.
            HandlerFailedError: The handler has returned already.
        """
        async with self._beginning:
            if self._is_over:
                raise HandlerFailedError("the handler", "asked for a connection after it had ended")
            if self._own is None:
                self._own = await self._store.begin()
                self._leave_if_over()  # while this was waiting for its turn
        _current.set(ref(self))
        return self._own.connection

    async def __aenter__(self) -> None:
        """While the block lasts the handler runs; if it raises, all that it wrote is undone."""
        self._before = _current.set(ref(self))

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the block.

        Raises:
            TransactionBudgetError: That is why the handler has raised.
        """
        if self._before is not None:
            _current.reset(self._before)
        if error is None:
            return
        self.roll_back()
        if isinstance(error, Exception):
            ran_out = await self._ran_out()
            if ran_out is not None and ran_out is not error:
                raise ran_out from error

    def submit(self, unit: Unit) -> PendingCommit:
        """Have the unit committed with what the handler wrote."""
        self._is_over = True
        pending = PendingCommit(unit)
        pending.begun = True
        self._committing = asyncio.create_task(
            self._commit(pending), name="headwater-transaction-commit"
        )
        return pending

    def roll_back(self) -> None:
        """Undo what the handler wrote, if it has asked for a connection and not committed."""
        self._is_over = True
        self._leave_if_over()

    def _leave_if_over(self) -> None:
        if self._is_over and self._own is not None:
            self._own.roll_back()

    async def _ran_out(self) -> TransactionBudgetError | None:
        if self._own is None:
            return None
        outcome = await asyncio.shield(self._own.ended)
        if isinstance(outcome, Rejected) and isinstance(outcome.error, TransactionBudgetError):
            return outcome.error
        return None

    async def _commit(self, pending: PendingCommit) -> None:
        try:
            if self._own is None:
                raise RuntimeError("there is no transaction")
            outcome = await self._own.commit(pending.unit)
            if isinstance(outcome, Committed) and outcome.earlier is not None:
                # What this handler wrote is undone, and that it came again is noted all the same.
                [outcome] = await self._store.commit([pending.unit])
        except Exception as error:  # noqa: BLE001  (whatever it was, the waiter has to hear of it)
            unknown = error
            if not isinstance(error, OutcomeUnknownError):
                unknown = OutcomeUnknownError(f"the store failed while committing: {error}")
                unknown.__cause__ = error
            pending.outcome.set_exception(unknown)
            pending.outcome.exception()  # a waiter that left does not make it unnoticed
        else:
            if not pending.outcome.done():
                pending.outcome.set_result(outcome)


def require_none_open(command: str) -> None:
    """Refuse to execute the command where the current task's handler has a transaction open.

    Raises:
        CommandInTransactionError: It has.
    """
    current = _current.get()
    transaction = None if current is None else current()
    if transaction is not None and transaction.is_open:
        raise CommandInTransactionError(command)
