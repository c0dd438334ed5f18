"""Events of order-service."""

from typing import Annotated, ClassVar, TypeAlias

from headwater import Event, Personal
from pydantic import EmailStr, Field

from .types import Line, Priority


class OrderPlacedV1(Event):
    """A customer confirmed a basket."""

    event_name: ClassVar[str] = "OrderPlaced"
    event_version: ClassVar[int] = 1

    order_id: int
    email: Annotated[EmailStr, Personal]
    lines: list[Line] = Field(default_factory=list)
    priority: Priority = Priority.NORMAL


OrderPlaced: TypeAlias = OrderPlacedV1


class OrderNotedV1(Event):
    """Somebody wrote something down."""

    event_name: ClassVar[str] = "OrderNoted"
    event_version: ClassVar[int] = 1

    text: str


OrderNoted: TypeAlias = OrderNotedV1


class OrderShippedV1(Event):
    """The parcel left; nothing follows."""

    event_name: ClassVar[str] = "OrderShipped"
    event_version: ClassVar[int] = 1
    terminal: ClassVar[bool] = True

    carrier: str


OrderShipped: TypeAlias = OrderShippedV1


class OrderCancelledV1(Event):
    """The customer changed their mind."""

    event_name: ClassVar[str] = "OrderCancelled"
    event_version: ClassVar[int] = 1
    terminal: ClassVar[bool] = True

    reason: str | None = None


OrderCancelled: TypeAlias = OrderCancelledV1


class QuoteGivenV1(Event):
    """A price was named."""

    event_name: ClassVar[str] = "QuoteGiven"
    event_version: ClassVar[int] = 1

    price: int


QuoteGiven: TypeAlias = QuoteGivenV1
