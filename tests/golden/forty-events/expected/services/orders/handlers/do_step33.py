"""DoStep33. Yours to edit."""

from headwater import CommandContext

from generated.orders import DoStep33, OrderWorkflow, Step33Done


async def do_step33(
    command: DoStep33, workflow: OrderWorkflow, context: CommandContext
) -> None:
    """Execute DoStep33."""
    workflow.emit(Step33Done(order_id=command.order_id, step=command.step))
