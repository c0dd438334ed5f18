"""The writing process of `order.observe`: appends to a log until it is killed.

Prints a line for every append that was acknowledged: workflow, first and last number.
"""

from __future__ import annotations

import asyncio
import sys
from uuid import uuid4

from .order import Log, batch, load

__all__: list[str] = []

PAUSE = 0.02  # seconds between two appends of a lane, so that the reader is never far behind


async def write(log: str, url: str, lanes: int) -> None:
    """Append to that many workflows at a time, for ever."""
    async with load(log)(url) as opened, asyncio.TaskGroup() as group:
        for _ in range(lanes):
            group.create_task(_append(opened))


async def _append(log: Log) -> None:
    workflow, first = uuid4(), 1
    while True:
        last = first + batch(first) - 1
        await log.append(workflow, range(first, last + 1))
        sys.stdout.write(f"{workflow} {first} {last}\n")
        sys.stdout.flush()
        first = last + 1
        await asyncio.sleep(PAUSE)


if __name__ == "__main__":
    asyncio.run(write(sys.argv[1], sys.argv[2], int(sys.argv[3])))
