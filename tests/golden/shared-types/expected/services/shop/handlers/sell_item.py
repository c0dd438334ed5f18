"""SellItem. Yours to edit."""

from headwater import CommandContext

from generated.shop import ItemSold, SaleWorkflow, SellItem


async def sell_item(
    command: SellItem, workflow: SaleWorkflow, context: CommandContext
) -> str:
    """Execute SellItem."""
    workflow.emit(ItemSold(sku=command.sku, price=command.price))
    return workflow.id
