"""DoStep16. Yours to edit."""

from headwater import CommandContext

from generated.orders import DoStep16, OrderWorkflow, Step16Done


async def do_step16(
    command: DoStep16, workflow: OrderWorkflow, context: CommandContext
) -> None:
    """Execute DoStep16."""
    workflow.emit(Step16Done(order_id=command.order_id, step=command.step))
