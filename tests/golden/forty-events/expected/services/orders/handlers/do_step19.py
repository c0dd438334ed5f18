"""DoStep19. Yours to edit."""

from headwater import CommandContext

from generated.orders import DoStep19, OrderWorkflow, Step19Done


async def do_step19(
    command: DoStep19, workflow: OrderWorkflow, context: CommandContext
) -> None:
    """Execute DoStep19."""
    workflow.emit(Step19Done(order_id=command.order_id, step=command.step))
