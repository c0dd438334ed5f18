"""DoStep29. Yours to edit."""

from headwater import CommandContext

from generated.orders import DoStep29, OrderWorkflow, Step29Done


async def do_step29(
    command: DoStep29, workflow: OrderWorkflow, context: CommandContext
) -> None:
    """Execute DoStep29."""
    workflow.emit(Step29Done(order_id=command.order_id, step=command.step))
