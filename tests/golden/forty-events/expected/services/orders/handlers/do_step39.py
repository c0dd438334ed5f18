"""DoStep39. Yours to edit."""

from headwater import CommandContext

from generated.orders import DoStep39, OrderWorkflow, Step39Done


async def do_step39(
    command: DoStep39, workflow: OrderWorkflow, context: CommandContext
) -> None:
    """Execute DoStep39."""
    workflow.emit(Step39Done(order_id=command.order_id, step=command.step))
