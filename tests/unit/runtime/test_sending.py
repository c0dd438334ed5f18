"""Commands that handlers send: stored with what the handler did, executed after it, once."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from headwater import (
    CommandContext,
    DeliverySemantics,
    EventContext,
    HandlerFailedError,
    Retry,
    UnknownCommandError,
    VersionConflictError,
    WorkflowExistsError,
)

from tests.support.order_handlers import OrderHandlers
from tests.support.orders import (
    CancelOrder,
    NoteOrder,
    OrderPlaced,
    OrderWorkflow,
    PlaceOrder,
    Quote,
    audit,
    order_board,
    order_service,
    packing,
    quote_desk,
    quote_feed,
)
from tests.support.virtual_app import VirtualApp


class Sender(OrderHandlers):
    """Notes on each order that is packed, as often as `packing` succeeds."""

    def __init__(self) -> None:
        super().__init__()
        self.failures = 0
        self.note_failures: list[Exception] = []
        self.notes = 0

    async def packing(self, event: OrderPlaced, context: EventContext) -> None:
        context.send(NoteOrder(order_id=event.order_id, text="packed"))
        context.send(NoteOrder(order_id=event.order_id, text="and labelled"))
        if self.failures:
            self.failures -= 1
            raise ValueError("no box")

    async def note_order(
        self, command: NoteOrder, workflow: OrderWorkflow, context: CommandContext
    ) -> int:
        self.notes += 1
        if self.note_failures:
            raise self.note_failures.pop()
        return await super().note_order(command, workflow, context)


@pytest.fixture
def handlers() -> Sender:
    return Sender()


Make = Callable[..., VirtualApp]


@pytest.fixture(params=["memory", "sqlite"])
def make(request: pytest.FixtureRequest, tmp_path: Path, handlers: Sender) -> Make:
    database = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/orders.db"

    def make(own: OrderHandlers | None = None, **changes: Any) -> VirtualApp:
        changed = replace(packing, **changes)
        service = replace(
            order_service, subscriptions=(order_board, audit, changed, quote_feed, quote_desk)
        )
        return VirtualApp(service, handlers=own or handlers, database=database)

    return make


@pytest.fixture
async def app(make: Make) -> AsyncIterator[VirtualApp]:
    async with make() as app:
        yield app


async def place(app: VirtualApp, order_id: int = 1, **options: Any) -> None:
    await app.execute(PlaceOrder(order_id=order_id, email="ada@example.com"), **options)
    await app.wait_until_idle()


async def names(app: VirtualApp) -> list[str]:
    return [one.event_name for one in await app.events("orders")]


async def test_what_a_handler_sends_is_executed_when_it_has_succeeded(
    app: VirtualApp, handlers: Sender
) -> None:
    handlers.failures = 1
    await place(app, request_id="r-1")
    assert await names(app) == ["OrderPlaced"], "a handler that failed has sent nothing"
    await app.advance(1)
    assert await names(app) == ["OrderPlaced", "OrderNoted", "OrderNoted"]
    recorded = [one async for one in app.replay("orders").records()]
    assert {one.metadata.request_id for one in recorded} == {"r-1"}


async def test_for_one_event_it_is_executed_once_even_if_the_event_comes_again(
    app: VirtualApp,
) -> None:
    await app.execute(Quote(price=1))
    await place(app)
    for _ in range(2):
        async with app.subscribe(order_board, consumer="ann") as events:
            delivery = await anext(events.deliveries())
            delivery.context.send(NoteOrder(order_id=9, text="seen on the board"))
            await delivery.ack()
        await app.unsubscribe(order_board, consumer="ann")
        await app.wait_until_idle()
    recorded = [one async for one in app.replay("orders").records()]
    assert [one.workflow_id for one in recorded] == ["1", "1", "1", "9"]


async def test_one_that_is_refused_for_what_it_says_is_given_up_and_can_be_retried(
    app: VirtualApp, handlers: Sender
) -> None:
    handlers.note_failures = [WorkflowExistsError("Order", "1"), WorkflowExistsError("Order", "1")]
    await place(app)
    failed = await app.failed_commands()
    assert [one.command.name for one in failed] == ["NoteOrder", "NoteOrder"]
    assert "WorkflowExistsError" in failed[0].error
    assert await names(app) == ["OrderPlaced"]

    assert await app.retry_commands(*failed) == 2
    await app.wait_until_idle()
    assert await app.failed_commands() == []
    assert await names(app) == ["OrderPlaced", "OrderNoted", "OrderNoted"]


async def test_others_are_tried_five_times(app: VirtualApp, handlers: Sender) -> None:
    handlers.note_failures = [ValueError("no ink")] * 9
    await place(app)
    for _ in range(10):
        await app.advance(60)
    [failed] = await app.failed_commands()
    assert failed.command.attempts == 5
    assert HandlerFailedError.__name__ in failed.error
    assert await names(app) == ["OrderPlaced", "OrderNoted"]


async def test_it_waits_for_the_service_to_start_again(make: Make, handlers: Sender) -> None:
    async with make() as app:
        if app.is_in_memory:
            pytest.skip("a memory store is gone with its app")
        handlers.note_failures = [VersionConflictError("Order", "1", 1, 2)] * 2
        await place(app)
    async with make() as app:
        await app.advance(60)
        assert await names(app) == ["OrderPlaced", "OrderNoted", "OrderNoted"]


async def test_at_most_once_it_is_sent_after_the_handler(make: Make) -> None:
    async with make(delivery=DeliverySemantics.AT_MOST_ONCE) as app:
        await place(app)
        assert await names(app) == ["OrderPlaced", "OrderNoted", "OrderNoted"]


async def test_an_iterator_sends_with_its_acknowledgement(app: VirtualApp) -> None:
    async with app.subscribe(quote_desk) as events:
        await app.execute(Quote(price=7))
        delivery = await anext(events.deliveries())
        delivery.context.send(PlaceOrder(order_id=7, email="ada@example.com"))
        assert await names(app) == []
        await delivery.ack()
    await app.wait_until_idle()
    assert (await names(app))[0] == "OrderPlaced"


async def test_a_command_handler_sends_with_its_events_or_without(make: Make) -> None:
    class Chained(OrderHandlers):
        async def place_order(
            self, command: PlaceOrder, workflow: OrderWorkflow, context: CommandContext
        ) -> str:
            if command.order_id > 1:
                context.send(CancelOrder(order_id=command.order_id - 1))
            return await super().place_order(command, workflow, context)

        async def cancel_order(
            self, command: CancelOrder, workflow: OrderWorkflow, context: CommandContext
        ) -> None:
            context.send(NoteOrder(order_id=command.order_id, text="cancelled, as it were"))

    async with make(Chained()) as app:
        await place(app, 1)
        await place(app, 2)
        assert await names(app) == ["OrderPlaced", "OrderPlaced", "OrderNoted"]


async def test_a_command_handler_that_runs_again_sends_once(make: Make) -> None:
    class Overtaken(OrderHandlers):
        runs = 0

        async def note_order(
            self, command: NoteOrder, workflow: OrderWorkflow, context: CommandContext
        ) -> int:
            if command.text == "mine":
                self.runs += 1
                context.send(NoteOrder(order_id=2, text="sent"))
                if self.runs == 1:
                    await running.execute(NoteOrder(order_id=1, text="theirs"))
            return await super().note_order(command, workflow, context)

    handlers = Overtaken()
    async with make(handlers) as running:
        await running.execute(NoteOrder(order_id=1, text="mine"))
        await running.wait_until_idle()
        assert handlers.runs == 2
        assert len(await names(running)) == 3


async def test_a_command_of_another_service_cannot_be_sent(make: Make) -> None:
    class Foreign(PlaceOrder):
        command_name = "Foreign"

    class Wrong(OrderHandlers):
        async def packing(self, event: OrderPlaced, context: EventContext) -> None:
            context.send(Foreign(order_id=1, email="ada@example.com"))

    async with make(Wrong(), retry=Retry(attempts=1)) as app:
        await place(app)
        [letter] = await app.dead_letters(app.service.subscriptions[2])
        assert UnknownCommandError.__name__ in letter.error
