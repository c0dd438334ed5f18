"""DoStep31. Yours to edit."""

from headwater import CommandContext

from generated.orders import DoStep31, OrderWorkflow, Step31Done


async def do_step31(
    command: DoStep31, workflow: OrderWorkflow, context: CommandContext
) -> None:
    """Execute DoStep31."""
    workflow.emit(Step31Done(order_id=command.order_id, step=command.step))
