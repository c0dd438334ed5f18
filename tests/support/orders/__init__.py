"""order-service, by hand and in the shape that the generator writes."""

from .commands import CancelOrder, ImportOrders, NoteOrder, PlaceOrder, Quote, ShipOrder
from .events import (
    OrderCancelled,
    OrderCancelledV1,
    OrderNoted,
    OrderNotedV1,
    OrderPlaced,
    OrderPlacedV1,
    OrderShipped,
    OrderShippedV1,
    QuoteGiven,
    QuoteGivenV1,
)
from .handlers import Handlers
from .service import order_service
from .subscriptions import audit, order_board, packing, quote_desk, quote_feed
from .types import Line, Priority
from .workflows import OrdersWriter, OrderWorkflow, QuoteWorkflow

__all__ = [
    "CancelOrder",
    "Handlers",
    "ImportOrders",
    "Line",
    "NoteOrder",
    "OrderCancelled",
    "OrderCancelledV1",
    "OrderNoted",
    "OrderNotedV1",
    "OrderPlaced",
    "OrderPlacedV1",
    "OrderShipped",
    "OrderShippedV1",
    "OrderWorkflow",
    "OrdersWriter",
    "PlaceOrder",
    "Priority",
    "Quote",
    "QuoteGiven",
    "QuoteGivenV1",
    "QuoteWorkflow",
    "ShipOrder",
    "audit",
    "order_board",
    "order_service",
    "packing",
    "quote_desk",
    "quote_feed",
]
