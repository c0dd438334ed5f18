"""A circuit breaker: what fails again and again is left alone for a while, then tried with one."""

from __future__ import annotations

import random
from enum import Enum

from headwater.clock import Clock

__all__ = ["Circuit", "CircuitState"]

FIRST_PAUSE = 0.1  # seconds; doubles up to the longest
LONGEST_PAUSE = 5.0
FAILURES_TO_OPEN = 3  # in a row


class CircuitState(Enum):
    """Whether something is tried."""

    CLOSED = "closed"
    """It works, and is done as it comes."""

    OPEN = "open"
    """It has failed again and again, and is not tried for now."""

    HALF_OPEN = "half-open"
    """It is tried with one, to see whether it works again."""


class Circuit:
    """Counts failures in a row."""

    def __init__(self, clock: Clock, chance: random.Random) -> None:
        self._clock = clock
        self._chance = chance
        self._failures = 0
        self._again_at = 0.0

    @property
    def failures(self) -> int:
        """In a row, until now."""
        return self._failures

    @property
    def state(self) -> CircuitState:
        """Whether to try."""
        if self._failures < FAILURES_TO_OPEN:
            return CircuitState.CLOSED
        is_waiting = self._clock.monotonic() < self._again_at
        return CircuitState.OPEN if is_waiting else CircuitState.HALF_OPEN

    def succeeded(self) -> None:
        """It worked."""
        self._failures = 0

    def failed(self) -> float:
        """It did not; the seconds until it should be tried again."""
        self._failures += 1
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(self._failures - 1, 16))
        pause = longest * self._chance.uniform(0.5, 1.0)
        self._again_at = self._clock.monotonic() + pause
        return pause
