"""DoStep12. Yours to edit."""

from headwater import CommandContext

from generated.orders import DoStep12, OrderWorkflow, Step12Done


async def do_step12(
    command: DoStep12, workflow: OrderWorkflow, context: CommandContext
) -> None:
    """Execute DoStep12."""
    workflow.emit(Step12Done(order_id=command.order_id, step=command.step))
