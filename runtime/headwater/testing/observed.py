"""Know when an app waits for its store, so that no virtual time passes meanwhile."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any, cast

from headwater.stores.contract import Store

__all__ = ["Observed"]


class Observed:
    """A store, and whether somebody waits for it. A call takes real time, and no virtual."""

    def __init__(self, store: Store) -> None:
        self._behind = store
        self._calls = 0
        self._quiet = asyncio.Event()
        self._quiet.set()

    @property
    def store(self) -> Store:
        """What to call the store through."""
        return cast("Store", self)  # `__getattr__` has what the type checker cannot see

    @property
    def is_quiet(self) -> bool:
        """Whether no call is under way."""
        return self._calls == 0

    async def wait_until_quiet(self) -> None:
        """Return once no call is under way."""
        await self._quiet.wait()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._behind, name)
        if not inspect.iscoroutinefunction(method):
            return method

        async def call(*arguments: Any, **options: Any) -> Any:
            self._calls += 1
            self._quiet.clear()
            try:
                return await method(*arguments, **options)
            finally:
                self._calls -= 1
                if not self._calls:
                    self._quiet.set()

        return call
