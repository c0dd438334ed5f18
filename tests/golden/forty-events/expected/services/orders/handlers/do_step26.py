"""DoStep26. Yours to edit."""

from headwater import CommandContext

from generated.orders import DoStep26, OrderWorkflow, Step26Done


async def do_step26(
    command: DoStep26, workflow: OrderWorkflow, context: CommandContext
) -> None:
    """Execute DoStep26."""
    workflow.emit(Step26Done(order_id=command.order_id, step=command.step))
