"""pings-once. Yours to edit."""

from logging import getLogger

from headwater import EventContext

from generated.every_key import Pinged

logger = getLogger(__name__)


async def pings_once(event: Pinged, context: EventContext) -> None:
    """Handle an event of pings-once."""
    logger.info("%r", event)
