"""DoStep35. Yours to edit."""

from headwater import CommandContext

from generated.orders import DoStep35, OrderWorkflow, Step35Done


async def do_step35(
    command: DoStep35, workflow: OrderWorkflow, context: CommandContext
) -> None:
    """Execute DoStep35."""
    workflow.emit(Step35Done(order_id=command.order_id, step=command.step))
