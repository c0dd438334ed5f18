"""DoStep13. Yours to edit."""

from headwater import CommandContext

from generated.orders import DoStep13, OrderWorkflow, Step13Done


async def do_step13(
    command: DoStep13, workflow: OrderWorkflow, context: CommandContext
) -> None:
    """Execute DoStep13."""
    workflow.emit(Step13Done(order_id=command.order_id, step=command.step))
