"""since-new-year. Yours to edit."""

from logging import getLogger

from headwater import EventContext

from generated.every_key import OrderChanged, OrderClosed, OrderPlaced

logger = getLogger(__name__)


async def since_new_year(
    event: OrderPlaced | OrderChanged | OrderClosed, context: EventContext
) -> None:
    """What happened this year."""
    logger.info("%r", event)
