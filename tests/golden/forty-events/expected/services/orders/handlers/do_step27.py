"""DoStep27. Yours to edit."""

from headwater import CommandContext

from generated.orders import DoStep27, OrderWorkflow, Step27Done


async def do_step27(
    command: DoStep27, workflow: OrderWorkflow, context: CommandContext
) -> None:
    """Execute DoStep27."""
    workflow.emit(Step27Done(order_id=command.order_id, step=command.step))
