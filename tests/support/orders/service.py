"""What the runtime executes."""

from headwater import (
    CommandDefinition,
    CommandKind,
    Service,
    Stream,
    StreamType,
    WorkflowDefinition,
)

from .commands import CancelOrder, ImportOrders, NoteOrder, PlaceOrder, Quote, ShipOrder
from .events import (
    OrderCancelledV1,
    OrderNotedV1,
    OrderPlacedV1,
    OrderShippedV1,
    QuoteGivenV1,
)
from .handlers import Handlers
from .subscriptions import audit, order_board, packing, quote_desk, quote_feed
from .workflows import OrdersWriter, OrderWorkflow, QuoteWorkflow

order_service: Service[Handlers] = Service(
    format=1,
    name="order-service",
    description="Orders, and quotes before them.",
    streams=(Stream("orders", StreamType.PERSISTENT), Stream("quotes", StreamType.EPHEMERAL)),
    workflows=(
        WorkflowDefinition(
            OrderWorkflow,
            stream="orders",
            events=(OrderPlacedV1, OrderNotedV1, OrderShippedV1, OrderCancelledV1),
        ),
        WorkflowDefinition(QuoteWorkflow, stream="quotes", events=(QuoteGivenV1,)),
    ),
    commands=(
        CommandDefinition(
            PlaceOrder,
            CommandKind.STARTS,
            workflow=OrderWorkflow,
            id_field="order_id",
            emits=(OrderPlacedV1,),
            handler="place_order",
            validator="validate_place_order",
        ),
        CommandDefinition(
            NoteOrder,
            CommandKind.STARTS_OR_CONTINUES,
            workflow=OrderWorkflow,
            id_field="order_id",
            emits=(OrderNotedV1,),
            handler="note_order",
        ),
        CommandDefinition(
            ShipOrder,
            CommandKind.CONTINUES,
            workflow=OrderWorkflow,
            id_field="order_id",
            handler="ship_order",
        ),
        CommandDefinition(
            CancelOrder,
            CommandKind.CONTINUES,
            workflow=OrderWorkflow,
            id_field="order_id",
            emits=(OrderCancelledV1,),
            handler="cancel_order",
        ),
        CommandDefinition(
            ImportOrders,
            CommandKind.STREAM,
            writer=OrdersWriter,
            emits=(OrderPlacedV1,),
            handler="import_orders",
        ),
        CommandDefinition(
            Quote,
            CommandKind.STARTS,
            workflow=QuoteWorkflow,
            emits=(QuoteGivenV1,),
            handler="quote",
        ),
    ),
    subscriptions=(order_board, audit, packing, quote_feed, quote_desk),
)
