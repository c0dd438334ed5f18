"""DoStep30. Yours to edit."""

from headwater import CommandContext

from generated.orders import DoStep30, OrderWorkflow, Step30Done


async def do_step30(
    command: DoStep30, workflow: OrderWorkflow, context: CommandContext
) -> None:
    """Execute DoStep30."""
    workflow.emit(Step30Done(order_id=command.order_id, step=command.step))
