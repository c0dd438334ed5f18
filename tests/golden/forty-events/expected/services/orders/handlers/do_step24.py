"""DoStep24. Yours to edit."""

from headwater import CommandContext

from generated.orders import DoStep24, OrderWorkflow, Step24Done


async def do_step24(
    command: DoStep24, workflow: OrderWorkflow, context: CommandContext
) -> None:
    """Execute DoStep24."""
    workflow.emit(Step24Done(order_id=command.order_id, step=command.step))
