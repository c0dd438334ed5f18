"""DoStep20. Yours to edit."""

from headwater import CommandContext

from generated.orders import DoStep20, OrderWorkflow, Step20Done


async def do_step20(
    command: DoStep20, workflow: OrderWorkflow, context: CommandContext
) -> None:
    """Execute DoStep20."""
    workflow.emit(Step20Done(order_id=command.order_id, step=command.step))
