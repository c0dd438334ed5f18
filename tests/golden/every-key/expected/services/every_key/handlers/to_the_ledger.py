"""to-the-ledger. Yours to edit."""

from logging import getLogger

from headwater import BatchContext

from generated.every_key import OrderChanged, OrderClosed, OrderPlaced

logger = getLogger(__name__)


async def to_the_ledger(
    events: list[OrderPlaced | OrderChanged | OrderClosed], context: BatchContext
) -> None:
    """Handle events of to-the-ledger, all of them or none."""
    logger.info("%r", events)
