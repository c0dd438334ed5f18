"""PlaceOrder. Yours to edit."""

from headwater import CommandContext

from generated.every_key import OrderPlaced, OrderWorkflow, PlaceOrder


async def place_order(
    command: PlaceOrder, workflow: OrderWorkflow, context: CommandContext
) -> str:
    """Place an order."""
    workflow.emit(OrderPlaced(order_id=command.order_id))
    return workflow.id
