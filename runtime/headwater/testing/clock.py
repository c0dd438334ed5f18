"""A clock that stands still until a test moves it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import count

from headwater.clock import Timer

__all__ = ["VirtualClock"]


class VirtualClock:
    """Time that passes in `advance` only."""

    def __init__(self, start: datetime = datetime(2025, 1, 1, tzinfo=UTC)) -> None:
        self._start = start
        self._elapsed = 0.0
        self._timers: list[_VirtualTimer] = []
        self._order = count()

    def now(self) -> datetime:
        """The start plus what has passed."""
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        """Seconds that have passed."""
        return self._elapsed

    @property
    def next_due(self) -> float | None:
        """When the next timer is due, as `monotonic` tells time; `None` when there is none."""
        while self._timers and self._timers[0].cancelled:
            heappop(self._timers)
        return self._timers[0].due if self._timers else None

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Call back in the `advance` that goes past this delay."""
        timer = _VirtualTimer(self._elapsed + max(delay, 0.0), next(self._order), callback)
        heappush(self._timers, timer)
        return timer

    def advance(self, seconds: float) -> None:
        """Let time pass and make the calls that fall due, in order.

        Tasks that these calls wake run once the test awaits something.
        """
        until = self._elapsed + seconds
        while self._timers and self._timers[0].due <= until:
            timer = heappop(self._timers)
            self._elapsed = timer.due
            if not timer.cancelled:
                timer.callback()
        self._elapsed = until


@dataclass(order=True, slots=True)
class _VirtualTimer:
    due: float
    order: int
    callback: Callable[[], None] = field(compare=False)
    cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        self.cancelled = True
