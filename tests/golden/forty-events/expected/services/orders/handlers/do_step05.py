"""DoStep05. Yours to edit."""

from headwater import CommandContext

from generated.orders import DoStep05, OrderWorkflow, Step05Done


async def do_step05(
    command: DoStep05, workflow: OrderWorkflow, context: CommandContext
) -> None:
    """Execute DoStep05."""
    workflow.emit(Step05Done(order_id=command.order_id, step=command.step))
