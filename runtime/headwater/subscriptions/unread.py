"""See to it that what is not read in time goes the way that its subscription says."""

from __future__ import annotations

import logging

from headwater.clock import Clock, sleep
from headwater.deadlines import DEFAULT_DEADLINE, writing_within
from headwater.durations import duration_text
from headwater.events import Event
from headwater.stores.contract import Store
from headwater.stores.receipts import UnreadPolicy

from .definition import Subscription, Unread

__all__ = ["UnreadWatch"]

BATCH = 100  # events a transaction
PAUSE_AFTER_A_STORE_ERROR = 1.0  # seconds

logger = logging.getLogger("headwater.subscriptions")


class UnreadWatch:
    """Watches one subscription until it is cancelled. Any number of processes may do the same."""

    def __init__(
        self, subscription: Subscription[Event], unread: Unread, store: Store, clock: Clock
    ) -> None:
        self._subscription = subscription.name
        self._longest = unread.timeout
        self._policy = UnreadPolicy(
            then=unread.then,
            attempts=subscription.retry.attempts,
            reason=f"not read within {duration_text(unread.timeout)}",
        )
        self._store = store
        self._clock = clock

    async def run(self) -> None:
        """End what is late, and wait for the next that may be.

        What is delivered from now on is not late before the time to read it has passed.
        """
        while True:
            try:
                pause = await self._end_what_is_late()
            except Exception:  # it outlives whatever the store does
                logger.exception("%s: what is unread was not looked at", self._subscription)
                pause = PAUSE_AFTER_A_STORE_ERROR
            if pause > 0:
                await sleep(self._clock, pause)

    async def _end_what_is_late(self) -> float:
        """Seconds until there may be more."""
        async with writing_within(self._clock, DEFAULT_DEADLINE, "ending what is unread"):
            expired = await self._store.receipts.expire_unread(
                self._subscription, self._policy, BATCH
            )
        for late in expired.events:
            logger.warning(
                "event was not read in time: %s",
                late.then.value,
                extra={
                    "subscription": self._subscription,
                    "consumer": late.consumer,
                    "offset": late.offset,
                    "attempt": late.attempts,
                },
            )
        due = expired.next_due
        return self._longest if due is None else min(self._longest, due)
