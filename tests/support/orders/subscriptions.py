"""Subscriptions of order-service."""

from headwater import Mode, Retry, Subscription

from .events import OrderCancelled, OrderNoted, OrderPlaced, OrderShipped, QuoteGiven

order_board: Subscription[OrderPlaced | OrderShipped] = Subscription(
    name="order-board",
    stream="orders",
    mode=Mode.BROADCAST,
    events=(OrderPlaced, OrderShipped),
)

audit: Subscription[OrderPlaced | OrderNoted | OrderShipped | OrderCancelled] = Subscription(
    name="audit",
    stream="orders",
    mode=Mode.BROADCAST,
    events=(OrderPlaced, OrderNoted, OrderShipped, OrderCancelled),
)

packing: Subscription[OrderPlaced] = Subscription(
    name="packing",
    stream="orders",
    mode=Mode.EXCLUSIVE,
    events=(OrderPlaced,),
    retry=Retry(attempts=3, initial=1.0, maximum=10.0),
    ack_timeout=5.0,
    handler="packing",
    metadata={"team": "warehouse"},
)

quote_feed: Subscription[QuoteGiven] = Subscription(
    name="quote-feed", stream="quotes", mode=Mode.BROADCAST, events=(QuoteGiven,)
)

quote_desk: Subscription[QuoteGiven] = Subscription(
    name="quote-desk", stream="quotes", mode=Mode.EXCLUSIVE, events=(QuoteGiven,)
)
