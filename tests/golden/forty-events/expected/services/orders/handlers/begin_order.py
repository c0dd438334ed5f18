"""BeginOrder. Yours to edit."""

from headwater import CommandContext

from generated.orders import BeginOrder, OrderWorkflow, Step01Done


async def begin_order(
    command: BeginOrder, workflow: OrderWorkflow, context: CommandContext
) -> str:
    """Execute BeginOrder."""
    workflow.emit(Step01Done(order_id=command.order_id, step=command.step))
    return workflow.id
