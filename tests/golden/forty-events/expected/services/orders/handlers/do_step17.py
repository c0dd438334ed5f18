"""DoStep17. Yours to edit."""

from headwater import CommandContext

from generated.orders import DoStep17, OrderWorkflow, Step17Done


async def do_step17(
    command: DoStep17, workflow: OrderWorkflow, context: CommandContext
) -> None:
    """Execute DoStep17."""
    workflow.emit(Step17Done(order_id=command.order_id, step=command.step))
