"""DoStep36. Yours to edit."""

from headwater import CommandContext

from generated.orders import DoStep36, OrderWorkflow, Step36Done


async def do_step36(
    command: DoStep36, workflow: OrderWorkflow, context: CommandContext
) -> None:
    """Execute DoStep36."""
    workflow.emit(Step36Done(order_id=command.order_id, step=command.step))
