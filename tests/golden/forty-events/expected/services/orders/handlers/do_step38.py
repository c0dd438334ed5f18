"""DoStep38. Yours to edit."""

from headwater import CommandContext

from generated.orders import DoStep38, OrderWorkflow, Step38Done


async def do_step38(
    command: DoStep38, workflow: OrderWorkflow, context: CommandContext
) -> None:
    """Execute DoStep38."""
    workflow.emit(Step38Done(order_id=command.order_id, step=command.step))
