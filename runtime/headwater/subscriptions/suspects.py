"""Events whose batch has failed, so that each is to be handled by itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from headwater.clock import Clock

from .definition import Subscription

__all__ = ["Suspects"]


class Suspects:
    """Offsets of such events; true while there are some.

    They are forgotten when none of them has come for a while: others have handled them then.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offsets: set[int] = set()
        self._patience = 0.0  # seconds
        self._until = 0.0

    def add(self, offsets: Iterable[int], subscription: Subscription[Any], delay: float) -> None:
        """Have these alone when they come again, `delay` seconds from now."""
        self._offsets.update(offsets)
        self._patience = delay + 2 * subscription.ack_timeout
        self._look_out()

    def discard(self, offset: int) -> None:
        """Be done with one that has come."""
        if offset in self._offsets:
            self._offsets.discard(offset)
            self._look_out()

    def __contains__(self, offset: int) -> bool:
        return offset in self._offsets

    def __bool__(self) -> bool:
        if self._offsets and self._clock.monotonic() >= self._until:
            self._offsets.clear()
        return bool(self._offsets)

    def _look_out(self) -> None:
        self._until = self._clock.monotonic() + self._patience
