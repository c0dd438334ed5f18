"""DoStep25. Yours to edit."""

from headwater import CommandContext

from generated.orders import DoStep25, OrderWorkflow, Step25Done


async def do_step25(
    command: DoStep25, workflow: OrderWorkflow, context: CommandContext
) -> None:
    """Execute DoStep25."""
    workflow.emit(Step25Done(order_id=command.order_id, step=command.step))
