"""PlaceOrder. Yours to edit."""

from headwater import CommandContext

from generated.every_key import PlaceOrder


async def validate_place_order(command: PlaceOrder, context: CommandContext) -> None:
    """Check PlaceOrder before its handler runs; raise to refuse it."""
