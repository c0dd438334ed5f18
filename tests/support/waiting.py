"""Waiting for something to have happened, by turns of the event loop and not by time."""

import asyncio
from collections.abc import Callable

__all__ = ["until"]

TURNS = 1000  # of the event loop; enough for anything that does not wait for time


async def until(condition: Callable[[], object]) -> None:
    """Return once the condition holds; fail when nothing moves towards it."""
    for _ in range(TURNS):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it did not happen")
