"""Handlers that take events as a list: in one transaction, and without harm from one that fails."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from headwater import (
    BatchContext,
    ConfigurationError,
    DeliverySemantics,
    Mode,
    Retry,
    Service,
)
from headwater.stores.contract import Unit
from sqlalchemy import text

from tests.support.order_handlers import OrderHandlers
from tests.support.orders import (
    NoteOrder,
    OrderNoted,
    OrderPlaced,
    PlaceOrder,
    audit,
    order_board,
    order_service,
    packing,
    quote_desk,
    quote_feed,
)
from tests.support.virtual_app import VirtualApp

CREATE = text("CREATE TABLE IF NOT EXISTS packed (order_id INTEGER NOT NULL)")
INSERT = text("INSERT INTO packed (order_id) VALUES (:order_id)")
SELECT = text("SELECT order_id FROM packed ORDER BY order_id")


class Packer(OrderHandlers):
    """Writes down each batch, and fails for the orders that it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[list[int]] = []
        self.attempts: list[int] = []
        self.poison: set[int] = set()
        self.writes = False
        self.then: Callable[[list[Any], BatchContext], Awaitable[None]] | None = None

    async def packing(self, events: list[OrderPlaced], context: BatchContext) -> None:  # type: ignore[override]
        self.batches.append([event.order_id for event in events])
        self.attempts += [one.attempt for one in context.each]
        assert [one.recorded.workflow_id for one in context.each] == [
            str(event.order_id) for event in events
        ]
        if self.writes:
            connection = await context.connection()
            await connection.execute(CREATE)
            for event in events:
                await connection.execute(INSERT, {"order_id": event.order_id})
        for event, one in zip(events, context.each, strict=True):
            one.send(NoteOrder(order_id=event.order_id, text="packed"))
        if self.then is not None:
            await self.then(events, context)
        if bad := self.poison.intersection(event.order_id for event in events):
            raise ValueError(f"cannot pack {sorted(bad)}")


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_url"))
    return "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/orders.db"


def service_with(**changes: Any) -> Service[Any]:
    batched = replace(packing, **{"batch": 10, **changes})
    return replace(
        order_service, subscriptions=(order_board, audit, quote_feed, quote_desk, batched)
    )


def app_with(handlers: OrderHandlers, database: str = "memory://", **changes: Any) -> VirtualApp:
    return VirtualApp(service_with(**changes), handlers=handlers, database=database)


async def place(app: VirtualApp, *order_ids: int) -> None:
    """Record orders while the subscription is paused, so that they are there together."""
    subscription = app.service.subscriptions[-1]
    await app.pause(subscription)
    for order_id in order_ids:
        await app.execute(PlaceOrder(order_id=order_id, email="ada@example.com"))
    await app.resume(subscription)
    await app.wait_until_idle()


async def notes(app: VirtualApp) -> list[str]:
    """Of which orders a note was taken."""
    return sorted(
        one.workflow_id
        for one in await app._store.read("orders", 0, 1000)
        if one.name == OrderNoted.event_name
    )


async def packed(app: VirtualApp) -> list[int]:
    loan = await app._store.begin()
    await loan.connection.execute(CREATE)
    found = list((await loan.connection.execute(SELECT)).scalars())
    await loan.connection.execute(text("DROP TABLE packed"))
    await loan.commit(Unit())
    return found


async def test_a_handler_takes_what_is_there_and_no_more_than_its_batch(database: str) -> None:
    handlers = Packer()
    async with app_with(handlers, database, batch=3) as app:
        await place(app, 1, 2, 3, 4, 5)
        assert handlers.batches == [[1, 2, 3], [4, 5]]
        await place(app, 6)
        assert handlers.batches[2:] == [[6]]
        assert await notes(app) == ["1", "2", "3", "4", "5", "6"]
        progress = await app.progress(app.service.subscriptions[-1])
    assert (progress.pending, progress.claimed) == (0, 0)


async def test_of_a_batch_that_fails_only_the_one_at_fault_is_set_aside(database: str) -> None:
    """The others are handled once each, alone, and have lost no attempt by it."""
    handlers = Packer()
    handlers.poison = {2}
    async with app_with(handlers, database, retry=Retry(attempts=2, initial=1.0)) as app:
        await place(app, 1, 2, 3, 4)
        assert handlers.batches == [[1, 2, 3, 4]]
        assert await notes(app) == []
        await app.advance(1)
        assert sorted(handlers.batches[1:]) == [[1], [2], [3], [4]]
        assert await notes(app) == ["1", "3", "4"]
        await app.advance(8)
        assert handlers.batches[5:] == [[2]]
        [letter] = await app.dead_letters(app.service.subscriptions[-1])
        assert (letter.event.workflow_id, letter.attempts) == ("2", 2)
        assert letter.error == "ValueError: cannot pack [2]"
        await place(app, 5, 6)
        assert handlers.batches[6:] == [[5, 6]], "it goes on in batches"
    assert handlers.attempts[:8] == [1] * 8


async def test_with_one_attempt_the_others_of_a_batch_are_handled_all_the_same() -> None:
    handlers = Packer()
    handlers.poison = {2}
    async with app_with(handlers, retry=Retry(attempts=1)) as app:
        await place(app, 1, 2, 3)
        await app.advance(1)
        assert [
            one.event.workflow_id for one in await app.dead_letters(app.service.subscriptions[-1])
        ] == ["2"]
        assert await notes(app) == ["1", "3"]


async def test_in_stream_order_no_event_passes_one_that_failed_before_it(database: str) -> None:
    """Neither in its batch nor alone."""
    handlers = Packer()
    handlers.poison = {2}
    async with app_with(
        handlers, database, mode=Mode.BROADCAST, retry=Retry(attempts=3, initial=1.0)
    ) as app:
        await place(app, 1, 2, 3, 4)
        for _ in range(8):
            await app.advance(2)
    assert handlers.batches == [[1, 2, 3, 4], [1], [2], [2], [2], [3], [4]]


async def test_what_a_batch_writes_is_committed_whole_or_not_at_all(tmp_path: Path) -> None:
    handlers = Packer()
    handlers.poison, handlers.writes = {3}, True
    once = DeliverySemantics.EXACTLY_ONCE
    async with app_with(
        handlers,
        f"sqlite:///{tmp_path}/orders.db",
        delivery=once,
        retry=Retry(attempts=1, initial=1.0),
    ) as app:
        await place(app, 1, 2, 3, 4)
        await app.advance(1)
        await place(app, 5, 6, 7)
        assert await packed(app) == [1, 2, 4, 5, 6, 7]
        assert await notes(app) == ["1", "2", "4", "5", "6", "7"]


async def test_a_batch_that_is_too_late_comes_one_by_one() -> None:
    handlers = Packer()
    waiting = asyncio.Event()

    async def hang(events: list[Any], context: BatchContext) -> None:
        if len(events) > 1:
            await waiting.wait()

    handlers.then = hang
    async with app_with(handlers, timeout=2.0) as app:
        subscription = app.service.subscriptions[-1]
        await app.pause(subscription)
        for order_id in (1, 2):
            await app.execute(PlaceOrder(order_id=order_id, email="ada@example.com"))
        await app.resume(subscription)
        async with asyncio.timeout(5):
            while not handlers.batches:  # noqa: ASYNC110  (nothing tells that it has begun)
                await asyncio.sleep(0.001)
        app.clock.advance(2)
        await app.wait_until_idle()
        await app.advance(1)
        assert handlers.batches == [[1, 2], [1], [2]]
        assert await notes(app) == ["1", "2"]


async def test_a_command_sent_for_the_batch_is_executed_once() -> None:
    handlers = Packer()

    async def send(events: list[Any], context: BatchContext) -> None:
        context.send(NoteOrder(order_id=events[0].order_id, text="all of them"))

    handlers.then = send
    async with app_with(handlers) as app:
        await place(app, 1, 2)
        assert await notes(app) == ["1", "1", "2"]


async def test_workers_share_what_there_is_and_keep_each_workflow_s_order(database: str) -> None:
    handlers = Packer()
    async with app_with(handlers, database, batch=2, concurrency=2) as app:
        await place(app, *range(1, 9))
        assert sorted(one for batch in handlers.batches for one in batch) == list(range(1, 9))
        assert max(map(len, handlers.batches)) == 2


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"batch": 0}, "batch of 0"),
        ({"batch": 1001}, "batch of 1001"),
        ({"handler": None}, "no handler that could be given one"),
        ({"delivery": DeliverySemantics.AT_MOST_ONCE}, "at most once"),
    ],
)
def test_a_batch_that_has_no_sense_is_refused(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        service_with(**changes)


async def test_an_event_that_has_failed_is_alone_and_those_behind_it_wait_no_longer_than_for_it(
    database: str,
) -> None:
    """What came behind it in the same claim is put back, as if nobody had taken it."""
    handlers = Packer()
    handlers.poison = {1}
    retry = Retry(attempts=3, initial=1.0, maximum=1.0)
    async with app_with(handlers, database, mode=Mode.BROADCAST, retry=retry) as app:
        await place(app, 1)
        await place(app, 2, 3)
        assert handlers.batches == [[1]]
        await app.advance(1)
        assert handlers.batches == [[1], [1]]
        await app.advance(1)
        assert handlers.batches == [[1], [1], [1], [2, 3]]
        assert handlers.attempts == [1, 2, 3, 1, 1]
