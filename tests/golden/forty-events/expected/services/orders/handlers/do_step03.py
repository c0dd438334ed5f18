"""DoStep03. Yours to edit."""

from headwater import CommandContext

from generated.orders import DoStep03, OrderWorkflow, Step03Done


async def do_step03(
    command: DoStep03, workflow: OrderWorkflow, context: CommandContext
) -> None:
    """Execute DoStep03."""
    workflow.emit(Step03Done(order_id=command.order_id, step=command.step))
