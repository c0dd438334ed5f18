"""to-the-books. Yours to edit."""

from logging import getLogger

from headwater import EventContext

from generated.every_key import OrderChanged, OrderClosed, OrderPlaced

logger = getLogger(__name__)


async def to_the_books(
    event: OrderPlaced | OrderChanged | OrderClosed, context: EventContext
) -> None:
    """Handle an event of to-the-books."""
    logger.info("%r", event)
