"""Ending a task that may take its cancellation for somebody else's."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from headwater.clock import end_task

DEADLINE = 10.0


async def test_a_task_that_loses_its_first_cancellation_is_ended_all_the_same() -> None:
    waiting = asyncio.Event()

    async def deaf_once() -> None:
        with suppress(asyncio.CancelledError):
            waiting.set()
            await asyncio.Event().wait()
        await asyncio.Event().wait()

    task = asyncio.create_task(deaf_once())
    await waiting.wait()
    ending = asyncio.create_task(end_task(task))

    done, _ = await asyncio.wait({ending}, timeout=DEADLINE)

    assert done
    assert task.cancelled()


async def test_what_a_task_had_failed_with_is_raised() -> None:
    async def fail() -> None:
        raise ValueError("of the task")

    task = asyncio.create_task(fail())
    await asyncio.wait({task})
    with pytest.raises(ValueError, match="of the task"):
        await end_task(task)
