"""from-now-on. Yours to edit."""

from logging import getLogger

from headwater import EventContext

from generated.every_key import OrderChanged, OrderClosed, OrderPlaced

logger = getLogger(__name__)


async def from_now_on(
    event: OrderPlaced | OrderChanged | OrderClosed, context: EventContext
) -> None:
    """Handle an event of from-now-on."""
    logger.info("%r", event)
