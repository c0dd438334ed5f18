"""The service that is measured: orders of six fields, about 265 bytes as JSON."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

from headwater import (
    App,
    Command,
    CommandContext,
    CommandDefinition,
    CommandKind,
    Event,
    EventContext,
    Mode,
    Service,
    Stream,
    StreamType,
    Subscription,
    Workflow,
    WorkflowDefinition,
)
from pydantic import AwareDatetime

__all__ = ["FIELDS", "ORDERS", "Handlers", "OrderPlaced", "PlaceOrder", "open_shop", "shop"]

ORDERS = "orders"
FIELDS: dict[str, Any] = {
    "order_id": UUID("7d7e1c52-5f5b-4c5e-9f35-0f6a0a3a5b10"),
    "customer": "customer-0000012345",
    "note": "Please leave it with the neighbours, and ring twice so that they hear it.",
    "quantity": 3,
    "price": 19.95,
    "placed_at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
}


class OrderPlaced(Event):
    """A customer confirmed a basket."""

    event_name: ClassVar[str] = "OrderPlaced"
    event_version: ClassVar[int] = 1

    order_id: UUID
    customer: str
    note: str
    quantity: int
    price: float
    placed_at: AwareDatetime


class Order(Workflow[OrderPlaced]):
    """One order."""

    workflow_name: ClassVar[str] = "Order"


class PlaceOrder(Command[None]):
    """Place the order as often as it says."""

    command_name: ClassVar[str] = "PlaceOrder"

    times: int = 1


class Handlers:
    """What is done for commands and events; nothing, where only the runtime is measured."""

    async def place_order(
        self, command: PlaceOrder, workflow: Order, context: CommandContext
    ) -> None:
        for _ in range(command.times):
            workflow.emit(OrderPlaced(**FIELDS))

    async def dispatch(self, event: OrderPlaced, context: EventContext) -> None:
        pass


def shop(*subscriptions: Subscription[Any]) -> Service[Any]:
    """The service with those subscriptions."""
    return Service(
        format=1,
        name="shop",
        streams=(Stream(ORDERS, StreamType.PERSISTENT),),
        workflows=(WorkflowDefinition(Order, stream=ORDERS, events=(OrderPlaced,)),),
        commands=(
            CommandDefinition(
                PlaceOrder,
                CommandKind.STARTS,
                workflow=Order,
                emits=(OrderPlaced,),
                handler="place_order",
            ),
        ),
        subscriptions=subscriptions,
    )


@asynccontextmanager
async def open_shop(
    database: Path | str,
    *,
    handlers: Handlers | None = None,
    subscribed: bool = False,
    **settings: Any,
) -> AsyncIterator[App[Any]]:
    """The service on that file, or URL; `subscribed` gives its events to a handler."""
    subscription: Subscription[OrderPlaced] = Subscription(
        name="dispatching",
        stream=ORDERS,
        mode=Mode.EXCLUSIVE,
        events=(OrderPlaced,),
        handler="dispatch",
        **settings,
    )
    service = shop(*((subscription,) if subscribed else ()))
    url = database if isinstance(database, str) else f"sqlite:///{database}"
    app: App[Any] = App(service, handlers=handlers or Handlers(), database=url)
    async with app:
        yield app
