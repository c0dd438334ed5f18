"""Group commit: whoever waits is written together, and the previous commit is the only delay."""

from __future__ import annotations

import asyncio
from collections import deque

from headwater.errors import OutcomeUnknownError

from .announcements import announce_published
from .contract import Committed, Outcome, Rejected, Store, Unit, Unknown

__all__ = ["Committer", "PendingCommit"]

MAX_UNITS = 128  # in one commit


class PendingCommit:
    """A unit on its way into the store."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.begun = False
        """Whether the store has it: from here on only the outcome tells what became of it."""
        self.outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    async def wait(self) -> Committed:
        """The outcome, once there is one. Who stops waiting withdraws a unit that has not begun.

        Raises:
            RejectedError: A guard failed; nothing of the unit was written.
            OutcomeUnknownError: The store failed while committing.
        """
        try:
            outcome = await asyncio.shield(self.outcome)
        except asyncio.CancelledError:
            if not self.begun:
                self.outcome.cancel()
            raise
        return accepted(outcome)


class Committer:
    """Commits units to a store, as many at once as have gathered."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: deque[PendingCommit] = deque()
        self._writer: asyncio.Task[None] | None = None

    def submit(self, unit: Unit) -> PendingCommit:
        """Have the unit committed with the next group."""
        pending = PendingCommit(unit)
        self._waiting.append(pending)
        if self._writer is None:
            self._writer = asyncio.create_task(self._write(), name="headwater-committer")
        return pending

    async def commit(self, unit: Unit) -> Committed:
        """Commit the unit with the next group.

        Raises:
            RejectedError: A guard failed; nothing of the unit was written.
            OutcomeUnknownError: The store failed while committing.
        """
        return await self.submit(unit).wait()

    async def close(self) -> None:
        """Return when everything submitted has its outcome."""
        if self._writer is not None:
            await self._writer

    async def _write(self) -> None:
        try:
            while group := self._next_group():
                await self._commit(group)
        finally:
            self._writer = None

    def _next_group(self) -> list[PendingCommit]:
        group: list[PendingCommit] = []
        while self._waiting and len(group) < MAX_UNITS:
            pending = self._waiting.popleft()
            if not pending.outcome.cancelled():
                pending.begun = True
                group.append(pending)
        return group

    async def _commit(self, group: list[PendingCommit]) -> None:
        try:
            outcomes = await self._store.commit([pending.unit for pending in group])
        except Exception as error:  # noqa: BLE001  (whatever it was, each waiter has to hear of it)
            for pending in group:
                reason = f"the store failed while committing: {error}"
                if isinstance(error, OutcomeUnknownError):
                    reason = error.reason
                unknown = OutcomeUnknownError(reason)
                unknown.__cause__ = error
                pending.outcome.set_exception(unknown)
                pending.outcome.exception()  # a waiter that left does not make it unnoticed
            return
        for pending, outcome in zip(group, outcomes, strict=True):
            pending.outcome.set_result(outcome)
            if isinstance(outcome, Committed):
                announce_published(pending.unit, outcome)


def accepted(outcome: Outcome) -> Committed:
    """The outcome of a unit that was written; raises the error of one that was not, or may be."""
    if isinstance(outcome, Rejected | Unknown):
        raise outcome.error
    return outcome
