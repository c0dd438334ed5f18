"""DoStep07. Yours to edit."""

from headwater import CommandContext

from generated.orders import DoStep07, OrderWorkflow, Step07Done


async def do_step07(
    command: DoStep07, workflow: OrderWorkflow, context: CommandContext
) -> None:
    """Execute DoStep07."""
    workflow.emit(Step07Done(order_id=command.order_id, step=command.step))
