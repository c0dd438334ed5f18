"""Know when an app waits for its store, so that no virtual time passes meanwhile."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from headwater.stores.contract import OwnTransaction, Store
from headwater.stores.receipts import Receipting

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

    async def begin(self) -> OwnTransaction:
        """A transaction; while it is open somebody waits for the store."""
        with self._call():
            transaction = await self._behind.begin()
        self._begin_call()
        transaction.ended.add_done_callback(lambda _: self._end_call())
        return transaction

    @property
    def receipts(self) -> Receipting:
        """What to call its receipts through."""
        return cast("Receipting", _Part(self, self._behind.receipts))

    def __getattr__(self, name: str) -> Any:
        return self.observed(getattr(self._behind, name))

    def observed(self, method: Any) -> Any:
        """The same; if it is a call of the store, somebody waits for it while it is under way."""
        if not inspect.iscoroutinefunction(method):
            return method

        async def call(*arguments: Any, **options: Any) -> Any:
            with self._call():
                return await method(*arguments, **options)

        return call

    @contextmanager
    def _call(self) -> Iterator[None]:
        self._begin_call()
        try:
            yield
        finally:
            self._end_call()

    def _begin_call(self) -> None:
        self._calls += 1
        self._quiet.clear()

    def _end_call(self) -> None:
        self._calls -= 1
        if not self._calls:
            self._quiet.set()


class _Part:
    """A part of a store that has calls of its own."""

    def __init__(self, whole: Observed, behind: object) -> None:
        self._whole = whole
        self._behind = behind

    def __getattr__(self, name: str) -> Any:
        return self._whole.observed(getattr(self._behind, name))
