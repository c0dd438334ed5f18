"""Commands of order-service."""

from typing import Annotated, ClassVar

from headwater import Command, Personal
from pydantic import EmailStr, Field

from .types import Line, Priority


class PlaceOrder(Command[str]):
    """Place an order under a number of your own."""

    command_name: ClassVar[str] = "PlaceOrder"

    order_id: Annotated[int, Field(ge=1)]
    email: Annotated[EmailStr, Personal]
    lines: list[Line] = Field(default_factory=list)
    priority: Priority = Priority.NORMAL


class NoteOrder(Command[int]):
    """Write something down, whether the order is there or not. Returns the number of notes."""

    command_name: ClassVar[str] = "NoteOrder"

    order_id: int
    text: str


class ShipOrder(Command[None]):
    """Send the parcel."""

    command_name: ClassVar[str] = "ShipOrder"

    order_id: int
    carrier: str


class CancelOrder(Command[None]):
    """Stop the order."""

    command_name: ClassVar[str] = "CancelOrder"

    order_id: int
    reason: str | None = None


class ImportOrders(Command[None]):
    """Take over orders from elsewhere."""

    command_name: ClassVar[str] = "ImportOrders"

    order_ids: list[int]


class Quote(Command[str]):
    """Ask for a price."""

    command_name: ClassVar[str] = "Quote"

    price: int
