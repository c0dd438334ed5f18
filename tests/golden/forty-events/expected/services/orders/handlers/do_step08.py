"""DoStep08. Yours to edit."""

from headwater import CommandContext

from generated.orders import DoStep08, OrderWorkflow, Step08Done


async def do_step08(
    command: DoStep08, workflow: OrderWorkflow, context: CommandContext
) -> None:
    """Execute DoStep08."""
    workflow.emit(Step08Done(order_id=command.order_id, step=command.step))
