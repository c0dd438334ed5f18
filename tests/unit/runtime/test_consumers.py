"""Under which name a service's own handlers read, and what that means for its processes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from headwater import App, ConfigurationError, EventContext, Mode

from tests.support.order_handlers import OrderHandlers
from tests.support.orders import (
    OrderPlaced,
    PlaceOrder,
    audit,
    order_board,
    order_service,
    packing,
    quote_desk,
    quote_feed,
)


@pytest.mark.parametrize(("names", "copies"), [((None, None), 1), (("a", "b"), 2)])
async def test_processes_of_a_service_share_broadcasts_unless_they_have_names_of_their_own(
    tmp_path: Path, names: tuple[str | None, str | None], copies: int
) -> None:
    database = f"sqlite:///{tmp_path}/orders.db"
    everyones = replace(packing, mode=Mode.BROADCAST)
    service = replace(
        order_service, subscriptions=(order_board, audit, everyones, quote_feed, quote_desk)
    )
    heard: list[int] = []

    class Hearing(OrderHandlers):
        async def packing(self, event: OrderPlaced, context: EventContext) -> None:
            heard.append(event.order_id)

    @asynccontextmanager
    async def both() -> AsyncIterator[App[Any]]:
        first, second = (
            App(service, handlers=Hearing(), database=database, consumer=name) for name in names
        )
        async with first, second:
            yield first

    async with both() as app:
        for number in range(1, 5):
            await app.execute(PlaceOrder(order_id=number, email="ada@example.com"))
        async with asyncio.timeout(30):
            while len(heard) < 4 * copies:  # noqa: ASYNC110  (two apps: nothing tells)
                await asyncio.sleep(0.005)
    async with both() as app:  # they find their places again
        await app.execute(PlaceOrder(order_id=5, email="ada@example.com"))
        async with asyncio.timeout(30):
            while len(heard) < 5 * copies:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        known = [one.name for one in await app.consumers(everyones)]
    assert sorted(heard) == sorted([*range(1, 6)] * copies)
    assert known == (["order-service"] if copies == 1 else ["a", "b"])


def test_a_name_that_cannot_be_told_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="printable"):
        App(order_service, handlers=OrderHandlers(), consumer="")
