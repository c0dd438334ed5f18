"""Pauses that can be broken off, and during which nothing counts as being at work."""

from __future__ import annotations

from headwater.clock import Clock
from headwater.stores.signal import Signal
from headwater.subscriptions.activity import Activity

__all__ = ["Rest"]


class Rest:
    """Where one that is at work rests, inside of `Activity.working`."""

    def __init__(self, clock: Clock, activity: Activity) -> None:
        self._clock = clock
        self._activity = activity
        self._over = Signal()

    async def take(self, seconds: float) -> None:
        """Return after so many seconds, or when it is broken off."""
        seen = self._over.generation
        timer = self._clock.call_later(seconds, self._over.notify)
        try:
            with self._activity.parked(self._over, seen):
                await self._over.wait_after(seen)
        finally:
            timer.cancel()

    def break_off(self) -> None:
        """Have it be over."""
        self._over.notify()
