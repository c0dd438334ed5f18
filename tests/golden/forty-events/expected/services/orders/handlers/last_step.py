"""last-step. Yours to edit."""

from logging import getLogger

from headwater import EventContext

from generated.orders import Step40Done

logger = getLogger(__name__)


async def last_step(event: Step40Done, context: EventContext) -> None:
    """Handle an event of last-step."""
    logger.info("%r", event)
