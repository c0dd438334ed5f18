"""A small service in the shape of generated code, for tests of what surrounds a service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from headwater import App

from . import handlers
from .contract import parcels as service

__all__ = ["handlers", "lifespan", "service"]


@asynccontextmanager
async def lifespan(app: App[Any]) -> AsyncIterator[str]:
    yield "warehouse"
