"""DoStep04. Yours to edit."""

from headwater import CommandContext

from generated.orders import DoStep04, OrderWorkflow, Step04Done


async def do_step04(
    command: DoStep04, workflow: OrderWorkflow, context: CommandContext
) -> None:
    """Execute DoStep04."""
    workflow.emit(Step04Done(order_id=command.order_id, step=command.step))
