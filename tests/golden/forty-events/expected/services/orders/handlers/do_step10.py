"""DoStep10. Yours to edit."""

from headwater import CommandContext

from generated.orders import DoStep10, OrderWorkflow, Step10Done


async def do_step10(
    command: DoStep10, workflow: OrderWorkflow, context: CommandContext
) -> None:
    """Execute DoStep10."""
    workflow.emit(Step10Done(order_id=command.order_id, step=command.step))
