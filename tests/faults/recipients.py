"""A recipient that reads, forgets to read and is killed: `python -m tests.faults.recipients`.

It says what it does before and after, a line each in a file of its own, which a kill cannot take
back: `acking 7` and `acked 7`, `reading 7` and `read 7` or `late 7`, `marking 7`...
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from headwater import App, Delivery, HeadwaterError, Mode, Retry, Unread, UnreadThen

from tests.support.order_handlers import OrderHandlers
from tests.support.orders import order_board, order_service

__all__ = ["news_service"]

TIMEOUT = 0.05  # seconds to read an event


def news_service(then: UnreadThen) -> Any:
    """Orders, and recipients who have little time to read of them."""
    news = replace(
        order_board,
        name="news",
        mode=Mode.READ_RECEIPT,
        unread=Unread(TIMEOUT, then),
        retry=Retry(attempts=4, initial=0.01, maximum=0.02),
        concurrency=4,
        ack_timeout=1.0,
        expire_after=None,
    )
    return replace(order_service, subscriptions=(news,))


class Recipient:
    """Does one thing or another with what it is given, and notes it."""

    def __init__(self, app: App[Any], name: str, notes: Path, chance: random.Random) -> None:
        self._app = app
        [self._news] = app.service.subscriptions
        self._name = name
        self._notes = os.open(notes, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._chance = chance
        self._had: list[int] = []

    def note(self, what: str, offset: int = 0) -> None:
        """Have a line that no kill takes back."""
        os.write(self._notes, f"{what} {offset}\n".encode())

    async def live(self) -> None:
        """Take events for ever."""
        async with self._app.subscribe(self._news, consumer=self._name) as events:
            self.note("ready")
            async for delivery in events.deliveries():
                try:
                    await self._do_something(delivery)
                except HeadwaterError as error:
                    self.note(type(error).__name__, delivery.context.recorded.offset)

    async def _do_something(self, delivery: Delivery[Any]) -> None:
        offset = delivery.context.recorded.offset
        dice = self._chance.randrange(8)
        if dice < 4:
            self.note("acking", offset)
            await delivery.ack()
            self.note("acked", offset)
            self._had.append(offset)
        elif dice < 6:
            self.note("reading", offset)
            self.note("read" if await delivery.mark_as_read() else "late", offset)
        elif dice == 6:
            await delivery.nack()
        else:
            await asyncio.sleep(self._chance.random() * 0.01)
            await delivery.release()
        if self._had and self._chance.randrange(3) == 0:
            await self._read_what_it_had(self._had.pop(self._chance.randrange(len(self._had))))

    async def _read_what_it_had(self, offset: int) -> None:
        await asyncio.sleep(self._chance.random() * 2 * TIMEOUT)
        self.note("reading", offset)
        is_read = await self._app.mark_as_read(self._news, offset, consumer=self._name)
        self.note("read" if is_read else "late", offset)


async def main(database: str, then: str, name: str, notes: str, seed: str) -> None:
    chance = random.Random(int(seed))  # noqa: S311  (the same choices in every run)
    service = news_service(UnreadThen(then))
    async with App(service, handlers=OrderHandlers(), database=database) as app:
        await Recipient(app, name, Path(notes), chance).live()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
