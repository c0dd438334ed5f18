"""Forty commands, forty events, one workflow that keeps their order."""

import asyncio

from generated.orders import BeginOrder, commands, orders, subscriptions
from headwater import App
from services.orders import handlers

ORDER = "A-1"


async def main() -> None:
    async with (
        App(orders, handlers=handlers) as app,
        app.subscribe(subscriptions.all_steps, consumer="reader") as steps,
    ):
        assert await app.execute(BeginOrder(order_id=ORDER, step=1)) == ORDER
        seen = [(await anext(aiter(steps))).event_name]
        assert seen == ["Step01Done"]
        assert len([name for name in vars(commands) if name.startswith("DoStep")]) == 39


asyncio.run(main())
