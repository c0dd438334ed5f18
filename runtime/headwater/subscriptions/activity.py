"""What is at work inside an app, so that others can wait until nothing is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from headwater.stores.signal import Signal

__all__ = ["Activity"]


class Activity:
    """Counts those at work; those who wait for a change count again as soon as it is there."""

    def __init__(self) -> None:
        self._working = 0
        self._counted = _Working(self)
        self._parked: dict[object, tuple[Signal, int]] = {}
        self._watchers: list[asyncio.Future[None]] = []

    @property
    def is_idle(self) -> bool:
        """Whether nothing more happens unless time passes or somebody calls."""
        return self._working == 0 and all(
            signal.generation == seen for signal, seen in self._parked.values()
        )

    def working(self) -> AbstractContextManager[None]:
        """Count as one at work."""
        return self._counted

    def count(self, task: asyncio.Task[None]) -> None:
        """Count a task as one at work from now on, before its first step, until it is done."""
        self._counted.__enter__()
        task.add_done_callback(lambda _: self._counted.__exit__())

    @contextmanager
    def parked(self, signal: Signal, seen: int) -> Iterator[None]:
        """Inside `working`: do not count until the signal is past the generation `seen`."""
        me = object()
        self._parked[me] = (signal, seen)
        self._working -= 1
        self._tell_watchers()
        try:
            yield
        finally:
            self._working += 1
            del self._parked[me]

    async def wait_until_idle(self) -> None:
        """Return once `is_idle`."""
        while not self.is_idle:
            watcher = asyncio.get_running_loop().create_future()
            self._watchers.append(watcher)
            await watcher

    def _tell_watchers(self) -> None:
        if self._working == 0:
            watchers, self._watchers = self._watchers, []
            for watcher in watchers:
                if not watcher.done():
                    watcher.set_result(None)


class _Working:
    """One for all who work: it only counts, so it can be entered many times at once."""

    def __init__(self, activity: Activity) -> None:
        self._activity = activity

    def __enter__(self) -> None:
        self._activity._working += 1

    def __exit__(self, *_: object) -> None:
        self._activity._working -= 1
        self._activity._tell_watchers()
