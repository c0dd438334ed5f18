"""DoStep21. Yours to edit."""

from headwater import CommandContext

from generated.orders import DoStep21, OrderWorkflow, Step21Done


async def do_step21(
    command: DoStep21, workflow: OrderWorkflow, context: CommandContext
) -> None:
    """Execute DoStep21."""
    workflow.emit(Step21Done(order_id=command.order_id, step=command.step))
