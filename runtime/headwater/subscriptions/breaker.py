"""Take nothing for a while where the handler has failed for one event after the other.

Whatever it needs is not there, then, and each further event would lose its attempts to no purpose.
After a pause one is let through, and if it is handled all go on.
"""

from __future__ import annotations

import asyncio
import logging
import math
from typing import Any
from uuid import UUID

from headwater.clock import Clock
from headwater.stores.signal import Signal

from .definition import Breaker

__all__ = ["Circuit"]

logger = logging.getLogger("headwater.subscriptions")


class Circuit:
    """One subscription's, in one process. It is open where nothing is taken."""

    def __init__(self, subscription: str, policy: Breaker, clock: Clock) -> None:
        self._subscription = subscription
        self._policy = policy
        self._clock = clock
        self._failed: set[UUID] = set()  # since the last that was handled
        self._closes_at = -math.inf  # monotonic seconds
        self._is_open = False
        self._prober: asyncio.Task[Any] | None = None  # who was let through
        self.changes = Signal()
        """Notifies when something may be taken."""

    @property
    def is_open(self) -> bool:
        """Whether events wait, but for one at a time that is let through."""
        return self._is_open

    @property
    def wait(self) -> float | None:
        """Seconds until one may be let through; `None` while somebody is."""
        if self._prober is not None:
            return None
        return max(0.0, self._closes_at - self._clock.monotonic())

    def admit(self) -> bool:
        """Whether the current task may take an event now. It tells what became of it."""
        if not self._is_open:
            return True
        task = asyncio.current_task()
        if self._prober is None and self._clock.monotonic() >= self._closes_at:
            self._prober = task
        return self._prober is task

    def succeed(self) -> None:
        """An event was handled."""
        self._failed.clear()
        if self._is_open:
            self._is_open, self._prober = False, None
            logger.info("%s: its handler works again, all events go on", self._subscription)
            self.changes.notify()

    def fail(self, event: UUID) -> None:
        """The handler has failed for this event."""
        self._failed.add(event)
        is_probe = self._prober is asyncio.current_task()
        if is_probe or (not self._is_open and len(self._failed) >= self._policy.failures):
            self._is_open, self._prober = True, None
            self._closes_at = self._clock.monotonic() + self._policy.pause
            logger.error(
                "%s takes no events for %g s: its handler has failed for %d in a row",
                self._subscription,
                self._policy.pause,
                len(self._failed),
                extra={"subscription": self._subscription, "pause": self._policy.pause},
            )
            self.changes.notify()

    def leave(self) -> None:
        """Nobody knows what became of the event; if it was the one let through, another is."""
        if self._is_open and self._prober is asyncio.current_task():
            self._prober = None
            self.changes.notify()
