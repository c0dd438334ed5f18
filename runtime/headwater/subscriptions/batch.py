"""Several events in the hands of one handler, to be settled together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from headwater.errors import ConnectionUnavailableError
from headwater.events import Command, Event
from headwater.stores.contract import Settlement
from headwater.transactions import HandlerTransaction

from .definition import Subscription
from .delivery import Delivery, EventContext

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

__all__ = ["Batch", "BatchContext"]

E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class BatchContext:
    """What a handler of batches may want to know beside the events."""

    each: tuple[EventContext, ...]
    """One for each event, in the same order, with its id, attempt and keys. What is sent through
    one of them is sent for its event."""

    subscription: Subscription[Event]
    """What they are delivered for."""

    consumer: str
    """Whom they are delivered to."""

    state: Any
    """What the app's lifespan yielded."""

    transaction: HandlerTransaction | None = field(default=None, repr=False)
    """What `connection` belongs to."""

    async def connection(self) -> AsyncConnection:
        """A connection of SQLAlchemy, in one transaction for all events of the batch.

        What is written with it is committed together with the acknowledgement of all of them, and
        with what was sent; or none of it is. All else is as `EventContext.connection` says.

        Raises:
            ConnectionUnavailableError: The store has no connections, or the extra `sql` is not
                installed.
            StoreUnavailableError: Another process kept it from writing for too long.
        """
        if self.transaction is None:
            raise ConnectionUnavailableError("this batch has none")
        return await self.transaction.connection()

    def send(self, command: Command[Any]) -> None:
        """Have the command executed once the batch is acknowledged; it is sent for its last event.

        Raises:
            UnknownCommandError: The service has no such command.
        """
        self.each[-1].send(command)


class Batch(Generic[E]):
    """Events to be acknowledged or refused together, before the `ack_timeout`."""

    is_settled = False  # never from the start: batches are not delivered at most once

    def __init__(
        self,
        deliveries: tuple[Delivery[E], ...],
        context: BatchContext,
        settle: Callable[[tuple[Settlement, ...]], Awaitable[None]],
        take_apart: Callable[[Batch[E]], Awaitable[None]],
    ) -> None:
        self.parts = deliveries
        """What is settled together."""
        self.event = [delivery.event for delivery in deliveries]
        """The events, as the handler is given them."""
        self.context = context
        self._settle = settle
        self._take_apart = take_apart

    def renew(self, transaction: HandlerTransaction) -> None:
        """Have the handler do anew what was undone, in this transaction."""
        for delivery in self.parts:
            delivery.renew(transaction)
        each = tuple(delivery.context for delivery in self.parts)
        self.context = replace(self.context, each=each, transaction=transaction)

    async def ack(self) -> None:
        """Be done with all of them; commands that were sent for them are stored.

        Raises:
            DeliveryLostError: One of them timed out: none is done, and nothing is written.
            OutcomeUnknownError: The store failed: all are done, or come again.
        """
        await self._settle(tuple(delivery.done for delivery in self.parts))

    async def nack(self, *, reason: str) -> None:
        """Refuse all of them. They come again one by one; that does not count as a failure.

        An event that is alone fails as any other does.

        Raises:
            DeliveryLostError: One of them timed out.
            OutcomeUnknownError: The store failed.
        """
        if len(self.parts) == 1:
            await self.parts[0].nack(reason=reason)
        else:
            await self._take_apart(self)
