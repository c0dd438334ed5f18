"""Group commit: whoever waits is written together, and the previous commit is the only delay.

Where a store gains from it, many who wait are written in two groups, one after the other: while the
server writes the one, this process hands out the outcomes of the other and gathers the next.
Settlements and progress keep their order: of two groups that hold some, the second one waits.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque

from headwater.errors import OutcomeUnknownError

from .announcements import announce_published
from .contract import Committed, Outcome, Rejected, Store, Unit, Unknown

__all__ = ["Committer", "PendingCommit"]

MAX_UNITS = 128  # in one commit
WORTH_A_COMMIT = 16  # units that are not kept waiting for the commit before them


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
        self._at_once = store.commits_at_once
        self._waiting: deque[PendingCommit] = deque()
        self._writers: set[asyncio.Task[None]] = set()
        self._writing = 0  # groups under way
        self._is_settling = False  # one of them holds settlements or progress

    def submit(self, unit: Unit) -> PendingCommit:
        """Have the unit committed with the next group."""
        pending = PendingCommit(unit)
        self._waiting.append(pending)
        if not self._writers or (
            len(self._waiting) >= WORTH_A_COMMIT and len(self._writers) < self._at_once
        ):
            self._writers.add(asyncio.create_task(self._write(), name="headwater-committer"))
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
        while self._writers:
            await asyncio.wait(self._writers)

    async def _write(self) -> None:
        try:
            while group := self._next_group():
                await self._commit(group)
        finally:
            # Here, and not when the task is done: who submits meanwhile needs another one.
            self._writers -= {asyncio.current_task()}

    def _next_group(self) -> list[PendingCommit]:
        """Those who have waited longest: this writer's share, or all where others cannot help."""
        group: list[PendingCommit] = []
        most = MAX_UNITS
        if self._waiting and not _settles(self._waiting[0].unit):
            free = self._at_once - self._writing
            share = math.ceil(len(self._waiting) / free)
            most = min(max(share, WORTH_A_COMMIT), MAX_UNITS)
        while self._waiting and len(group) < most:
            if self._is_settling and _settles(self._waiting[0].unit):
                break
            pending = self._waiting.popleft()
            if not pending.outcome.cancelled():
                pending.begun = True
                group.append(pending)
        return group

    async def _commit(self, group: list[PendingCommit]) -> None:
        settles = any(_settles(pending.unit) for pending in group)
        self._writing += 1
        self._is_settling = self._is_settling or settles
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
        finally:
            self._writing -= 1
            self._is_settling = self._is_settling and not settles
        for pending, outcome in zip(group, outcomes, strict=True):
            pending.outcome.set_result(outcome)
            if isinstance(outcome, Committed):
                announce_published(pending.unit, outcome)


def _settles(unit: Unit) -> bool:
    return bool(unit.settlements or unit.progress)


def accepted(outcome: Outcome) -> Committed:
    """The outcome of a unit that was written; raises the error of one that was not, or may be."""
    if isinstance(outcome, Rejected | Unknown):
        raise outcome.error
    return outcome
