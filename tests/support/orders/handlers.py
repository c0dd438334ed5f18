"""What the handlers of order-service look like."""

from typing import Protocol

from headwater import CommandContext, EventContext

from .commands import CancelOrder, ImportOrders, NoteOrder, PlaceOrder, Quote, ShipOrder
from .events import OrderPlaced
from .workflows import OrdersWriter, OrderWorkflow, QuoteWorkflow


class Handlers(Protocol):
    """What services/order_service/handlers has to offer."""

    async def place_order(
        self, command: PlaceOrder, workflow: OrderWorkflow, context: CommandContext
    ) -> str: ...

    async def validate_place_order(self, command: PlaceOrder, context: CommandContext) -> None: ...

    async def note_order(
        self, command: NoteOrder, workflow: OrderWorkflow, context: CommandContext
    ) -> int: ...

    async def ship_order(
        self, command: ShipOrder, workflow: OrderWorkflow, context: CommandContext
    ) -> None: ...

    async def cancel_order(
        self, command: CancelOrder, workflow: OrderWorkflow, context: CommandContext
    ) -> None: ...

    async def import_orders(
        self, command: ImportOrders, stream: OrdersWriter, context: CommandContext
    ) -> None: ...

    async def quote(
        self, command: Quote, workflow: QuoteWorkflow, context: CommandContext
    ) -> str: ...

    async def packing(self, event: OrderPlaced, context: EventContext) -> None: ...
