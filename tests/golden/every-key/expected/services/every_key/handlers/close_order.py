"""CloseOrder. Yours to edit."""

from headwater import CommandContext

from generated.every_key import CloseOrder, OrderWorkflow


async def close_order(
    command: CloseOrder, workflow: OrderWorkflow, context: CommandContext
) -> bool:
    """Execute CloseOrder."""
    raise NotImplementedError("close_order: emit OrderClosed, then return the bool")
