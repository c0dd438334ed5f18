"""DoStep32. Yours to edit."""

from headwater import CommandContext

from generated.orders import DoStep32, OrderWorkflow, Step32Done


async def do_step32(
    command: DoStep32, workflow: OrderWorkflow, context: CommandContext
) -> None:
    """Execute DoStep32."""
    workflow.emit(Step32Done(order_id=command.order_id, step=command.step))
