"""Time as a parameter: what the runtime knows of it, and the clock of the machine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Protocol

__all__ = [
    "Clock",
    "SystemClock",
    "Timer",
    "break_off",
    "end_task",
    "is_cancelled",
    "sleep",
    "time_limit",
]

CANCEL_AGAIN = 1.0  # seconds


class Timer(Protocol):
    """A call that will happen, unless it is cancelled before."""

    def cancel(self) -> None:
        """Never make the call. Does nothing once it was made."""


class Clock(Protocol):
    """Where the runtime takes its time from."""

    def now(self) -> datetime:
        """The time of day, for people and records, with a time zone."""

    def monotonic(self) -> float:
        """Seconds from some fixed point; never runs backwards."""

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Call back in `delay` seconds, in the running event loop."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """The time of day in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since some fixed point in the past."""
        return time.monotonic()

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Call back in `delay` seconds."""
        return asyncio.get_running_loop().call_later(delay, callback)


class time_limit:  # noqa: N801  (used as a function; a class costs each command less)
    """Cancel the block after so many seconds on this clock, or when it is broken off.

    With `None` only then.

    Raises:
        TimeoutError: The time was up; the block was cancelled.
    """

    def __init__(self, clock: Clock, seconds: float | None) -> None:
        self._clock = clock
        self._seconds = seconds
        self._limit = asyncio.timeout(None)
        self._timer: Timer | None = None

    async def __aenter__(self) -> asyncio.Timeout:
        limit = await self._limit.__aenter__()
        if self._seconds is not None:
            self._timer = self._clock.call_later(max(self._seconds, 0.0), self._break_off)
        return limit

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        await self._limit.__aexit__(kind, error, trace)

    def _break_off(self) -> None:
        break_off(self._limit)


def break_off(limit: asyncio.Timeout) -> None:
    """Have the time be up now. Does nothing if it was up already and the block is cleaning up."""
    if not limit.expired():
        limit.reschedule(asyncio.get_running_loop().time())


def is_cancelled() -> bool:
    """Whether somebody cancels the current task, or its time is up.

    A `CancelledError` without that comes from something else that was cancelled and awaited.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def end_task(task: asyncio.Task[None]) -> None:
    """Cancel the task and return once it has ended; what it failed with is raised.

    It is cancelled again every second: a cancellation that comes just as what is waited for ends
    is lost in `asyncio.wait_for` before Python 3.12, and so in drivers that call it.
    """
    while not task.done():
        task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.wait({task}, timeout=CANCEL_AGAIN)
    if not task.cancelled():
        task.result()


async def sleep(clock: Clock, seconds: float) -> None:
    """Return after so many seconds on this clock."""
    over = asyncio.Event()
    timer = clock.call_later(seconds, over.set)
    try:
        await over.wait()
    finally:
        timer.cancel()
