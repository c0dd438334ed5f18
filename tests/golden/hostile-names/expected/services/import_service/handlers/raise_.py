"""raise. Yours to edit."""

from logging import getLogger

from headwater import EventContext

from generated.import_service import Event, ValueError

logger = getLogger(__name__)


async def raise_(event: ValueError | Event, context: EventContext) -> None:
    """Handle an event of raise."""
    logger.info("%r", event)
