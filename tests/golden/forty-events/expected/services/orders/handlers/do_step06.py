"""DoStep06. Yours to edit."""

from headwater import CommandContext

from generated.orders import DoStep06, OrderWorkflow, Step06Done


async def do_step06(
    command: DoStep06, workflow: OrderWorkflow, context: CommandContext
) -> None:
    """Execute DoStep06."""
    workflow.emit(Step06Done(order_id=command.order_id, step=command.step))
