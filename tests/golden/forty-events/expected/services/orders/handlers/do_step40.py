"""DoStep40. Yours to edit."""

from headwater import CommandContext

from generated.orders import DoStep40, OrderWorkflow, Step40Done


async def do_step40(
    command: DoStep40, workflow: OrderWorkflow, context: CommandContext
) -> None:
    """Execute DoStep40."""
    workflow.emit(Step40Done(order_id=command.order_id, step=command.step))
