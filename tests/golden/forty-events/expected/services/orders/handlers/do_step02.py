"""DoStep02. Yours to edit."""

from headwater import CommandContext

from generated.orders import DoStep02, OrderWorkflow, Step02Done


async def do_step02(
    command: DoStep02, workflow: OrderWorkflow, context: CommandContext
) -> None:
    """Execute DoStep02."""
    workflow.emit(Step02Done(order_id=command.order_id, step=command.step))
