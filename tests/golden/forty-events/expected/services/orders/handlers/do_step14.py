"""DoStep14. Yours to edit."""

from headwater import CommandContext

from generated.orders import DoStep14, OrderWorkflow, Step14Done


async def do_step14(
    command: DoStep14, workflow: OrderWorkflow, context: CommandContext
) -> None:
    """Execute DoStep14."""
    workflow.emit(Step14Done(order_id=command.order_id, step=command.step))
