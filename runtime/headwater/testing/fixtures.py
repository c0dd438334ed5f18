"""The fixtures that are open while a test runs; they come with pytest-asyncio."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest_asyncio

if TYPE_CHECKING:
    from headwater.app import Lifespan
    from headwater.cli.loading import Runnable

    from .app import MemoryApp
    from .scenario import Scenario

__all__ = ["headwater_app", "headwater_scenario"]


@pytest_asyncio.fixture
async def headwater_app(
    headwater_module: Runnable, headwater_state: Any, headwater_database: str
) -> AsyncIterator[MemoryApp[Any]]:
    """The service with its handlers, open on a store of its own, its time standing still."""
    from .app import MemoryApp

    async with MemoryApp(
        headwater_module.service,
        handlers=headwater_module.handlers,
        lifespan=_lifespan(headwater_state),
        database=headwater_database,
    ) as app:
        yield app


@pytest_asyncio.fixture
async def headwater_scenario(
    headwater_module: Runnable, headwater_state: Any, headwater_database: str
) -> AsyncIterator[Scenario]:
    """The service on a stage: given what happened, when something happens, then what comes."""
    from .scenario import Scenario

    async with Scenario(
        headwater_module.service,
        handlers=headwater_module.handlers,
        lifespan=_lifespan(headwater_state),
        database=headwater_database,
    ) as scenario:
        yield scenario


def _lifespan(state: Any) -> Lifespan | None:
    from .app import FromLifespan

    if isinstance(state, FromLifespan):
        return state.lifespan
    return lambda app: nullcontext(state)
