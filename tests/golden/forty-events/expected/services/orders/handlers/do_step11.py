"""DoStep11. Yours to edit."""

from headwater import CommandContext

from generated.orders import DoStep11, OrderWorkflow, Step11Done


async def do_step11(
    command: DoStep11, workflow: OrderWorkflow, context: CommandContext
) -> None:
    """Execute DoStep11."""
    workflow.emit(Step11Done(order_id=command.order_id, step=command.step))
