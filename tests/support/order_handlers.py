"""Handlers of order-service that a test can replace one by one."""

from headwater import CommandContext, CommandRejectedError, EventContext

from .orders import (
    CancelOrder,
    ImportOrders,
    NoteOrder,
    OrderCancelled,
    OrderNoted,
    OrderPlaced,
    OrderShipped,
    OrdersWriter,
    OrderWorkflow,
    PlaceOrder,
    Quote,
    QuoteGiven,
    QuoteWorkflow,
    ShipOrder,
)

__all__ = ["OrderHandlers"]


class OrderHandlers:
    """Does what the commands say, and remembers what `packing` was given."""

    def __init__(self) -> None:
        self.packed: list[int] = []

    async def place_order(
        self, command: PlaceOrder, workflow: OrderWorkflow, context: CommandContext
    ) -> str:
        workflow.emit(
            OrderPlaced(
                order_id=command.order_id,
                email=command.email,
                lines=command.lines,
                priority=command.priority,
            )
        )
        return workflow.id

    async def validate_place_order(self, command: PlaceOrder, context: CommandContext) -> None:
        if command.order_id == 13:
            raise CommandRejectedError("nobody wants this number", field="order_id")

    async def note_order(
        self, command: NoteOrder, workflow: OrderWorkflow, context: CommandContext
    ) -> int:
        history = await workflow.history()
        workflow.emit(OrderNoted(text=command.text))
        return sum(isinstance(event, OrderNoted) for event in history) + 1

    async def ship_order(
        self, command: ShipOrder, workflow: OrderWorkflow, context: CommandContext
    ) -> None:
        workflow.emit(OrderShipped(carrier=command.carrier))

    async def cancel_order(
        self, command: CancelOrder, workflow: OrderWorkflow, context: CommandContext
    ) -> None:
        workflow.emit(OrderCancelled(reason=command.reason))

    async def import_orders(
        self, command: ImportOrders, stream: OrdersWriter, context: CommandContext
    ) -> None:
        for order_id in command.order_ids:
            stream.emit(OrderPlaced(order_id=order_id, email="someone@example.com"))

    async def quote(self, command: Quote, workflow: QuoteWorkflow, context: CommandContext) -> str:
        workflow.emit(QuoteGiven(price=command.price))
        return workflow.id

    async def packing(self, event: OrderPlaced, context: EventContext) -> None:
        self.packed.append(event.order_id)
