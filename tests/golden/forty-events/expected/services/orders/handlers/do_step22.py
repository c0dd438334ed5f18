"""DoStep22. Yours to edit."""

from headwater import CommandContext

from generated.orders import DoStep22, OrderWorkflow, Step22Done


async def do_step22(
    command: DoStep22, workflow: OrderWorkflow, context: CommandContext
) -> None:
    """Execute DoStep22."""
    workflow.emit(Step22Done(order_id=command.order_id, step=command.step))
