"""Every kind of command and of subscription does what its keys say."""

import asyncio

from generated.every_key import (
    ChangeOrder,
    CloseOrder,
    ImportOrders,
    OpenPing,
    OrderChanged,
    OrderClosed,
    OrderPlaced,
    OrdersWriter,
    OrderWorkflow,
    Pinged,
    PingWorkflow,
    PlaceOrder,
    every_key,
    subscriptions,
)
from headwater import (
    App,
    BatchContext,
    CommandContext,
    CommandRejectedError,
    EventContext,
    ReplayUnavailableError,
    Unread,
    UnreadThen,
    WorkflowEndedError,
)


class Desk:
    """Handlers need not be a module: whatever has the functions will do."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def hear(self, what: object, context: EventContext) -> None:
        self.heard.append(f"{context.subscription.name}: {type(what).__name__}")

    async def validate_place_order(self, command: PlaceOrder, context: CommandContext) -> None:
        if command.order_id < 0:
            raise CommandRejectedError("numbers start at 0", field="order_id")

    async def place_order(
        self, command: PlaceOrder, workflow: OrderWorkflow, context: CommandContext
    ) -> str:
        workflow.emit(OrderPlaced(order_id=command.order_id))
        return workflow.id

    async def change_order(
        self, command: ChangeOrder, workflow: OrderWorkflow, context: CommandContext
    ) -> str:
        workflow.emit(OrderChanged(order_id=command.order_id, note=command.note))
        return f"{workflow.id} {'new' if workflow.is_new else 'known'}"

    async def close_order(
        self, command: CloseOrder, workflow: OrderWorkflow, context: CommandContext
    ) -> bool:
        workflow.emit(OrderClosed(order_id=command.order_id))
        return True

    async def open_ping(
        self, command: OpenPing, workflow: PingWorkflow, context: CommandContext
    ) -> str:
        workflow.emit(Pinged(text=command.text))
        return workflow.id

    async def import_orders(
        self, command: ImportOrders, stream: OrdersWriter, context: CommandContext
    ) -> int:
        for order_id in command.order_ids:
            stream.emit(OrderPlaced(order_id=order_id))
        return len(command.order_ids)

    async def from_now_on(
        self, event: OrderPlaced | OrderChanged | OrderClosed, context: EventContext
    ) -> None:
        self.hear(event, context)

    async def from_the_tenth(self, event: OrderPlaced | OrderClosed, context: EventContext) -> None:
        self.hear(event, context)

    async def since_new_year(
        self, event: OrderPlaced | OrderChanged | OrderClosed, context: EventContext
    ) -> None:
        assert context.subscription.metadata == {"team": "a"}
        self.hear(event, context)

    async def to_the_books(
        self, event: OrderPlaced | OrderChanged | OrderClosed, context: EventContext
    ) -> None:
        assert context.subscription.max_consumers == 2
        self.hear(event, context)

    async def to_the_ledger(
        self, events: list[OrderPlaced | OrderChanged | OrderClosed], context: BatchContext
    ) -> None:
        for event, about in zip(events, context.each, strict=True):
            self.hear(event, about)

    async def pings_once(self, event: Pinged, context: EventContext) -> None:
        self.hear(event, context)


async def main() -> None:
    desk = Desk()
    async with (
        App(every_key, handlers=desk) as app,
        app.subscribe(subscriptions.everything, consumer="reader") as everything,
    ):
        assert await app.execute(PlaceOrder(order_id=1)) == "1"
        assert await app.execute(ChangeOrder(order_id=1, note="n")) == "1 known"
        assert await app.execute(ChangeOrder(order_id=2, note="n")) == "2 new"
        assert await app.execute(CloseOrder(order_id=1)) is True
        assert await app.execute(ImportOrders(order_ids=[3, 4, 5, 6, 7, 8])) == 6
        await app.execute(OpenPing(text="hello"))
        for refused, error in (
            (PlaceOrder(order_id=-1), CommandRejectedError),
            (ChangeOrder(order_id=1, note="n"), WorkflowEndedError),
        ):
            try:
                await app.execute(refused)
            except error:
                continue
            raise AssertionError(f"{refused} was not refused")
        assert subscriptions.everything.expire_after == 30 * 24 * 3600
        try:
            app.replay("orders")
        except ReplayUnavailableError:
            pass
        else:
            raise AssertionError("what must not be replayed was")
        await app.add_recipient(subscriptions.to_be_read, consumer="reader")
        assert await app.unread_count(subscriptions.to_be_read, consumer="reader") == 10
        assert await app.mark_all_as_read(subscriptions.to_be_read, consumer="reader") == 10
        assert subscriptions.to_be_read.unread == Unread(24 * 3600.0, UnreadThen.DEAD_LETTER)
        seen = [type(await anext(everything)).__name__ for _ in range(10)]
    assert seen[:4] == ["OrderPlacedV1", "OrderChangedV1", "OrderChangedV1", "OrderClosedV1"]
    assert desk.heard.count("from-the-tenth: OrderPlacedV1") == 1
    assert "pings-once: PingedV1" in desk.heard
    assert len([line for line in desk.heard if line.startswith("to-the-ledger")]) == 10
    assert len([line for line in desk.heard if line.startswith("to-the-books")]) == 10
    assert len([line for line in desk.heard if line.startswith("since-new-year")]) == 10
    assert len([line for line in desk.heard if line.startswith("from-now-on")]) == 10


asyncio.run(main())
