"""One command at a time for each workflow, in the order in which they came.

Only for this process. Others may still come between: the store tells, and the handler runs again.
So it is with commands that a command's handler sends: they do not queue, for two handlers that each
send one to the other's workflow would wait for each other, and one that sends to its own workflow
for itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

__all__ = ["Turns"]

_has_turn: ContextVar[bool] = ContextVar("_has_turn", default=False)


class Turns:
    """Whose turn it is, by workflow and id."""

    def __init__(self) -> None:
        self._locks: dict[tuple[str, str], asyncio.Lock] = {}
        self._interested: dict[tuple[str, str], int] = {}  # how many have or want the turn

    @asynccontextmanager
    async def turn(self, workflow: str, workflow_id: str) -> AsyncIterator[None]:
        """Wait for one's turn, and have it while the block lasts."""
        if _has_turn.get():
            yield
            return
        key = (workflow, workflow_id)
        lock = self._locks.setdefault(key, asyncio.Lock())
        self._interested[key] = self._interested.get(key, 0) + 1
        try:
            async with lock:
                _has_turn.set(True)
                try:
                    yield
                finally:
                    _has_turn.set(False)
        finally:
            self._interested[key] -= 1
            if not self._interested[key]:
                del self._interested[key], self._locks[key]
