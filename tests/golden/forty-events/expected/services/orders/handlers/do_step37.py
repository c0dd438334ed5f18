"""DoStep37. Yours to edit."""

from headwater import CommandContext

from generated.orders import DoStep37, OrderWorkflow, Step37Done


async def do_step37(
    command: DoStep37, workflow: OrderWorkflow, context: CommandContext
) -> None:
    """Execute DoStep37."""
    workflow.emit(Step37Done(order_id=command.order_id, step=command.step))
