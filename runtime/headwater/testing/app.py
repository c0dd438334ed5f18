"""An app for tests: in memory, on a virtual clock, with chance from a fixed seed."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import TypeVar

from headwater.app import App, Lifespan
from headwater.events import Event
from headwater.service import Service
from headwater.stores.contract import Store

from .clock import VirtualClock
from .observed import Observed

__all__ = ["FromLifespan", "MemoryApp"]

H = TypeVar("H")
LOOP_TURNS = 100  # between two calls of the store, or until a handler waits for the clock
IDLE_TURNS = 5  # for what works unnoticed, such as the heartbeat, to begin
PATIENCE = 30.0  # seconds of the machine's clock that a store may take


@dataclass(frozen=True, slots=True)
class FromLifespan:
    """Stands for a state that a lifespan yields once the app is open."""

    lifespan: Lifespan | None


class MemoryApp(App[H]):
    """An `App` whose time passes in `advance` only, and which can tell what it recorded.

    It keeps everything in memory, unless it is given the URL of another database, for handlers
    that need one. Apps with the same `broker`, such as memory://office, publish to each other.
    """

    def __init__(
        self,
        service: Service[H],
        *,
        handlers: H | None = None,
        lifespan: Lifespan | None = None,
        database: str = "memory://",
        broker: str | None = None,
        drain: float = 10.0,
    ) -> None:
        self.clock = VirtualClock()
        super().__init__(
            service,
            handlers=handlers,
            database=database,
            broker=broker,
            lifespan=lifespan,
            drain=drain,
            clock=self.clock,
            chance=random.Random(0),  # noqa: S311  (the same ids and delays in every run)
        )

    async def __aenter__(self) -> MemoryApp[H]:
        await super().__aenter__()
        return self

    async def advance(self, seconds: float) -> None:
        """Let time pass, from one due time to the next, and handlers do what falls due at each.

        A retry that a handler's failure asks for on the way falls due too, if there is time left.
        No time passes while the store is at work, so that nothing runs out because a disk is slow.
        Returns when every handler waits for an event or for its retry.

        Raises:
            TimeoutError: The store, or a handler, is still at work after 30 s of the machine's
                clock.
        """
        await self._let_handlers_run()
        until = self.clock.monotonic() + seconds
        while (due := self.clock.next_due) is not None and due <= until:
            self.clock.advance(max(due - self.clock.monotonic(), 0.0))
            await self._let_handlers_run()
        self.clock.advance(until - self.clock.monotonic())
        await self.wait_until_idle()

    async def _let_handlers_run(self) -> None:
        """Let the loop turn until all is idle, or long enough for what waits for the clock."""
        turns = 0
        async with asyncio.timeout(PATIENCE):
            while turns < (IDLE_TURNS if self._activity.is_idle else LOOP_TURNS):
                if self._observed.is_quiet:
                    turns += 1
                    await asyncio.sleep(0)
                else:
                    turns = 0
                    await self._observed.wait_until_quiet()

    def _open_database(self, database: str) -> Store:
        self._observed = Observed(super()._open_database(database))
        return self._observed.store

    async def events(self, stream: str) -> list[Event]:
        """The events that are in the stream, oldest first."""
        statistics = await self.statistics(stream)
        registry = self.service.registry_of(stream)
        recorded = await self._store.read(stream, 0, statistics.head)
        return [registry.decode(event) for event in recorded]
