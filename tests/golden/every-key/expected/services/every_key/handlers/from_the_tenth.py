"""from-the-tenth. Yours to edit."""

from logging import getLogger

from headwater import EventContext

from generated.every_key import OrderClosed, OrderPlaced

logger = getLogger(__name__)


async def from_the_tenth(
    event: OrderPlaced | OrderClosed, context: EventContext
) -> None:
    """Handle an event of from-the-tenth."""
    logger.info("%r", event)
