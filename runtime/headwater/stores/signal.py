"""Waking those who wait for a change, inside one process and without polling."""

from __future__ import annotations

import asyncio

__all__ = ["Signal"]


class Signal:
    """A change that others wait for. A hint, never data: who wakes up looks for itself.

    Read `generation`, look, and if there was nothing wait for a later generation: a change between
    the look and the wait is not missed.
    """

    def __init__(self) -> None:
        self.generation = 0
        self._waiting: set[asyncio.Future[None]] = set()
        self._followers: list[Signal] = []

    def follow(self, other: Signal) -> None:
        """Notify whenever the other one does, until `unfollow`."""
        other._followers.append(self)

    def unfollow(self, other: Signal) -> None:
        """Notify with the other one no more."""
        other._followers.remove(self)

    def notify(self) -> None:
        """Wake everybody who waits."""
        self.generation += 1
        for follower in tuple(self._followers):
            follower.notify()
        waiting, self._waiting = self._waiting, set()
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def wait_after(self, generation: int) -> None:
        """Return once `generation` is over; at once if it is."""
        if self.generation != generation:
            return
        future = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            await future
        finally:
            self._waiting.discard(future)
