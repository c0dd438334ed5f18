"""DoStep15. Yours to edit."""

from headwater import CommandContext

from generated.orders import DoStep15, OrderWorkflow, Step15Done


async def do_step15(
    command: DoStep15, workflow: OrderWorkflow, context: CommandContext
) -> None:
    """Execute DoStep15."""
    workflow.emit(Step15Done(order_id=command.order_id, step=command.step))
