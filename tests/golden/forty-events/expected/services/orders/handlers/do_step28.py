"""DoStep28. Yours to edit."""

from headwater import CommandContext

from generated.orders import DoStep28, OrderWorkflow, Step28Done


async def do_step28(
    command: DoStep28, workflow: OrderWorkflow, context: CommandContext
) -> None:
    """Execute DoStep28."""
    workflow.emit(Step28Done(order_id=command.order_id, step=command.step))
