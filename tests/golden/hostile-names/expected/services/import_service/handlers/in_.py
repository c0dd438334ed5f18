"""in. Yours to edit."""

from logging import getLogger

from headwater import EventContext

from generated.import_service import Annotated, ClassVar, Personal

logger = getLogger(__name__)


async def in_(event: Annotated | ClassVar | Personal, context: EventContext) -> None:
    """Handle an event of in."""
    logger.info("%r", event)
