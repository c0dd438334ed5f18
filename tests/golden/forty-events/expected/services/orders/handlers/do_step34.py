"""DoStep34. Yours to edit."""

from headwater import CommandContext

from generated.orders import DoStep34, OrderWorkflow, Step34Done


async def do_step34(
    command: DoStep34, workflow: OrderWorkflow, context: CommandContext
) -> None:
    """Execute DoStep34."""
    workflow.emit(Step34Done(order_id=command.order_id, step=command.step))
