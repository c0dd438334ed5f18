"""user-service, as `headwater run services.user_service` starts it. Yours to edit."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from headwater import App

from generated.user_service import Handlers, subscriptions
from generated.user_service import user_service as service

from . import handlers
from .analytics import Analytics

__all__ = ["handlers", "lifespan", "service"]


@asynccontextmanager
async def lifespan(app: App[Handlers]) -> AsyncIterator[Analytics]:
    """Count users for as long as the service runs. Handlers find the count in `context.state`."""
    analytics = Analytics()
    async with (
        # Without a name it starts at the first event each time: the count is kept in memory only.
        app.subscribe(subscriptions.user_analytics) as events,
        asyncio.TaskGroup() as group,
    ):
        group.create_task(analytics.watch(events))
        yield analytics
