"""DoStep23. Yours to edit."""

from headwater import CommandContext

from generated.orders import DoStep23, OrderWorkflow, Step23Done


async def do_step23(
    command: DoStep23, workflow: OrderWorkflow, context: CommandContext
) -> None:
    """Execute DoStep23."""
    workflow.emit(Step23Done(order_id=command.order_id, step=command.step))
