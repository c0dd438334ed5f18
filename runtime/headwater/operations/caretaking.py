"""Work that one process does for all others, from time to time, beside those who append and read.

Each turn has a lease that is compared by every step. Whoever is broken off has done a part, and the
next one goes on with what is left.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import ClassVar, Generic, TypeVar

from headwater.clock import Clock, sleep
from headwater.errors import ConfigurationError, HeadwaterError, LeaseLostError
from headwater.stores.contract import Store
from headwater.stores.leases import Lease
from headwater.stores.retention import Swept

__all__ = ["BATCH", "LEASE", "Caretaker"]

LEASE = 30.0  # seconds that a process may be silent before another takes over
BATCH = 1_000  # rows that are removed in one transaction

T = TypeVar("T")

logger = logging.getLogger("headwater.retention")


class Caretaker(ABC, Generic[T]):
    """Removes what is old, now or from time to time. `T` is what it tells of each thing."""

    lease_name: ClassVar[str]
    what: ClassVar[str]
    """What it removes, for people."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._owner = f"{self.lease_name}-{secrets.token_hex(8)}"
        self._releasing: asyncio.Task[None] | None = None

    @property
    @abstractmethod
    def has_work(self) -> bool:
        """Whether there can be anything to remove."""

    @abstractmethod
    async def _require_rights(self) -> None:
        """Raise `ConfigurationError` where the database does not let us."""

    @abstractmethod
    async def _work(self, lease: Lease) -> list[T]:
        """Do what there is to do."""

    async def run(self, interval: float) -> None:
        """Look every `interval` seconds, until it is cancelled."""
        is_allowed = True
        while True:
            try:
                if is_allowed:
                    await self.take_turn()
            except ConfigurationError as error:
                is_allowed = False
                logger.warning("%s are not removed from here: %s", self.what, error)
            except HeadwaterError as error:
                logger.warning("%s are removed later: %s", self.what, error)
            except Exception:  # it looks again, whatever it was
                logger.exception("%s are removed later", self.what)
            await sleep(self._clock, interval)

    async def take_turn(self) -> list[T] | None:
        """Remove now what is to go; `None` if another process is at it.

        Raises:
            ConfigurationError: The database does not let us.
            LeaseLostError: This process was silent for so long that another one took over.
        """
        await self._require_rights()
        lease = await self._store.acquire_lease(self.lease_name, self._owner, LEASE)
        if lease is None:
            return None
        try:
            told = await self._work(lease)
        except asyncio.CancelledError:
            # In a task: whoever was cancelled does not wait for a store that does not answer.
            self._releasing = asyncio.create_task(self._release(lease))
            raise
        except BaseException:
            await self._release(lease)
            raise
        await self._release(lease)
        return told

    async def close(self) -> None:
        """Return when the lease is given back, after it was cancelled."""
        if self._releasing is not None:
            await self._releasing

    async def _release(self, lease: Lease) -> None:
        try:
            await self._store.release_lease(lease)
        except HeadwaterError as error:
            logger.debug("the lease is given back by its end: %s", error)

    async def _in_batches(self, lease: Lease, sweep: Callable[[int], Awaitable[Swept]]) -> int:
        """Have all swept, from 1 on, and leave others as much time as that takes; how many went."""
        loop = asyncio.get_running_loop()
        removed, start = 0, 1
        while True:
            begun = loop.time()
            swept = await sweep(start)
            removed += swept.removed
            if swept.next is None:
                return removed
            start = swept.next
            await self._prolong(lease)
            await asyncio.sleep(loop.time() - begun)

    async def _prolong(self, lease: Lease) -> None:
        if await self._store.acquire_lease(lease.name, lease.owner, LEASE) != lease:
            raise LeaseLostError(lease.name, lease.owner)
