"""Every public call returns by its deadline, and what it raises then tells what still holds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from .clock import Clock, time_limit
from .errors import DeadlineExceededError, OutcomeUnknownError

__all__ = ["DEFAULT_DEADLINE", "reading_within", "writing_within"]

DEFAULT_DEADLINE = 30.0  # seconds


@asynccontextmanager
async def reading_within(clock: Clock, deadline: float) -> AsyncIterator[None]:
    """A block that writes nothing and is cancelled after so many seconds.

    Raises:
        DeadlineExceededError: The time was up.
    """
    limit = None
    try:
        async with time_limit(clock, deadline) as limit:
            yield
    except TimeoutError:
        if limit is None or not limit.expired():
            raise
        raise DeadlineExceededError(deadline) from None


@asynccontextmanager
async def writing_within(clock: Clock, deadline: float, what: str) -> AsyncIterator[None]:
    """A block that writes and is cancelled after so many seconds. `what` it does is for the error.

    Raises:
        OutcomeUnknownError: The time was up; the store may have done it, or do it yet.
    """
    try:
        async with reading_within(clock, deadline):
            yield
    except DeadlineExceededError as error:
        raise OutcomeUnknownError(f"the time was up after {deadline:g} s while {what}") from error
