"""Waiting for something to have happened: by turns of the event loop, or in another process."""

import asyncio
from collections.abc import Awaitable, Callable

__all__ = ["eventually", "until"]

TURNS = 1000  # of the event loop; enough for anything that does not wait for time
PATIENCE = 10.0  # seconds for what other processes do
PAUSE = 0.005  # seconds between two looks


async def until(condition: Callable[[], object]) -> None:
    """Return once the condition holds; fail when nothing moves towards it."""
    for _ in range(TURNS):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it did not happen")


async def eventually(
    condition: Callable[[], object | Awaitable[object]], within: float = PATIENCE
) -> None:
    """Return once the condition holds, or what it returns does when it is awaited."""
    async with asyncio.timeout(within):
        while True:
            holds = condition()
            if isinstance(holds, Awaitable):
                holds = await holds
            if holds:
                return
            await asyncio.sleep(PAUSE)
