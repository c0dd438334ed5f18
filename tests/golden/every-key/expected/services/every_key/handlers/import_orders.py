"""ImportOrders. Yours to edit."""

from headwater import CommandContext

from generated.every_key import ImportOrders, OrdersWriter


async def import_orders(
    command: ImportOrders, stream: OrdersWriter, context: CommandContext
) -> int:
    """Execute ImportOrders."""
    raise NotImplementedError("import_orders: emit OrderPlaced, then return the int")
