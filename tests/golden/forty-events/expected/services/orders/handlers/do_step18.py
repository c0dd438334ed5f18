"""DoStep18. Yours to edit."""

from headwater import CommandContext

from generated.orders import DoStep18, OrderWorkflow, Step18Done


async def do_step18(
    command: DoStep18, workflow: OrderWorkflow, context: CommandContext
) -> None:
    """Execute DoStep18."""
    workflow.emit(Step18Done(order_id=command.order_id, step=command.step))
