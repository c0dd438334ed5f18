"""ChangeOrder. Yours to edit."""

from headwater import CommandContext

from generated.every_key import ChangeOrder, OrderWorkflow


async def change_order(
    command: ChangeOrder, workflow: OrderWorkflow, context: CommandContext
) -> str:
    """Execute ChangeOrder."""
    raise NotImplementedError(
        "change_order: emit OrderPlaced, OrderChanged or OrderClosed, then return workflow.id"
    )
