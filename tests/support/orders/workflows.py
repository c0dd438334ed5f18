"""Workflows of order-service."""

from typing import ClassVar

from headwater import StreamWriter, Workflow

from .events import OrderCancelled, OrderNoted, OrderPlaced, OrderShipped, QuoteGiven


class OrderWorkflow(Workflow[OrderPlaced | OrderNoted | OrderShipped | OrderCancelled]):
    """One order, from basket to parcel."""

    workflow_name: ClassVar[str] = "Order"


class QuoteWorkflow(Workflow[QuoteGiven]):
    """One question about a price."""

    workflow_name: ClassVar[str] = "Quote"


class OrdersWriter(StreamWriter[OrderPlaced | OrderNoted | OrderShipped | OrderCancelled]):
    """Writes to `orders` without a workflow."""

    stream_name: ClassVar[str] = "orders"
