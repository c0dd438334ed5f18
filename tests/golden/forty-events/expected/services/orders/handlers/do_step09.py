"""DoStep09. Yours to edit."""

from headwater import CommandContext

from generated.orders import DoStep09, OrderWorkflow, Step09Done


async def do_step09(
    command: DoStep09, workflow: OrderWorkflow, context: CommandContext
) -> None:
    """Execute DoStep09."""
    workflow.emit(Step09Done(order_id=command.order_id, step=command.step))
