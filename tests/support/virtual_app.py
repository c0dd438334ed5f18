"""A `MemoryApp` that keeps its events in any store."""

import random
from typing import Any, Self

from headwater import App, Service
from headwater.testing import MemoryApp, VirtualClock

__all__ = ["VirtualApp"]


class VirtualApp(MemoryApp[Any]):
    """Time passes in `advance` only; chance is the same in every run.

    Two apps on one database need different seeds: what they draw tells their sessions apart.
    """

    def __init__(
        self, service: Service[Any], *, handlers: Any, database: str, seed: int = 0
    ) -> None:
        self.clock = VirtualClock()
        self.is_in_memory = database == "memory://"
        App.__init__(
            self,
            service,
            handlers=handlers,
            database=database,
            clock=self.clock,
            chance=random.Random(seed),  # noqa: S311  (no secret)
        )

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        return self
