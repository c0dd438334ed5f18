"""One event in the hands of one consumer, to be settled once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from headwater.clock import Clock
from headwater.deadlines import writing_within
from headwater.errors import ConnectionUnavailableError, DeliveryLostError
from headwater.events import Command, Event, RecordedEvent
from headwater.outbox import Outbox
from headwater.stores.contract import Acknowledge, Claim, PutBack, SetAside, Settlement
from headwater.transactions import HandlerTransaction

from .definition import Subscription

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

__all__ = ["Delivery", "EventContext"]

E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class EventContext:
    """What a handler may want to know beside the event itself."""

    recorded: RecordedEvent
    """The event as it is recorded, with its id, offset and time."""

    subscription: Subscription[Event]
    """What it is delivered for."""

    consumer: str
    """Whom it is delivered to."""

    attempt: int
    """1 at first, and one more for each failure before."""

    state: Any
    """What the app's lifespan yielded."""

    outbox: Outbox = field(repr=False)
    """What `send` has gathered."""

    transaction: HandlerTransaction | None = field(default=None, repr=False)
    """What `connection` belongs to."""

    async def connection(self) -> AsyncConnection:
        """A connection of SQLAlchemy to the service's database, in a transaction of its own.

        What is written with it is committed together with the event's acknowledgement and with
        what was sent, so it takes effect once, even if the event comes again. If the handler
        raises or is too late, or the event is refused, it is undone. Where delivery is at most
        once the event is acknowledged already. The transaction begins here, when it is the
        handler's turn to write, and nothing else of this process is written until it ends. So ask
        for it last: it has 5 s. It cannot be committed by hand, and the tables of Headwater itself
        can only be read.

        Raises:
            ConnectionUnavailableError: The store has no connections, or the extra `sql` is not
                installed.
            StoreUnavailableError: Another process kept it from writing for too long.
        """
        if self.transaction is None:
            raise ConnectionUnavailableError("this delivery has none")
        return await self.transaction.connection()

    def send(self, command: Command[Any]) -> None:
        """Have the command executed once the event is acknowledged.

        It is stored with the acknowledgement and executed after that, once for this subscription,
        event and step (the first, the second... that is sent), even if the event comes again.
        Commands that were sent together may be executed in any order. One that is refused because
        of what it says is given up; otherwise it is tried again, five times in all.

        Raises:
            UnknownCommandError: The service has no such command.
        """
        self.outbox.add(command)

    @property
    def workflow_id(self) -> str:
        """The correlation id."""
        return self.recorded.workflow_id


class Delivery(Generic[E]):
    """An event to be acknowledged or refused before its subscription's `ack_timeout`."""

    def __init__(
        self,
        event: E,
        context: EventContext,
        claim: Claim,
        settle: Callable[[Settlement], Awaitable[None]],
        retry_delay: Callable[[int], float],
        send: Callable[[EventContext], Awaitable[None]],
        clock: Clock,
        *,
        at_most_once: bool,
        deadline: float,
    ) -> None:
        self._send = send
        self._clock = clock
        self._deadline = deadline
        self.event = event
        self.context = context
        self._claim = claim
        self._settle = settle
        self._retry_delay = retry_delay
        self._at_most_once = at_most_once
        self._settled = at_most_once

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing left to do: from the start, where delivery is at-most-once."""
        return self._settled

    async def ack(self, *, deadline: float | None = None) -> None:
        """Be done with the event; commands that were sent for it are stored.

        Where delivery is at-most-once the event is acknowledged already. `deadline` is in seconds;
        without, it is the session's.

        Raises:
            DeliveryLostError: It was settled already, or timed out.
            OutcomeUnknownError: The store failed, or did not answer in time: the event is done, or
                comes again.
        """
        if not self._at_most_once:
            await self._finish(Acknowledge(self._claim), deadline)
        elif self.context.outbox or self._has_written:
            async with self._within(deadline):
                await self._send(self.context)

    @property
    def _has_written(self) -> bool:
        transaction = self.context.transaction
        return transaction is not None and transaction.is_used

    async def nack(
        self,
        *,
        requeue: bool = True,
        reason: str = "refused by its consumer",
        deadline: float | None = None,
    ) -> None:
        """Refuse the event: it comes again after a while, as a failure, or becomes a dead letter.

        It becomes a dead letter after the last attempt, and without `requeue` at once.

        Raises:
            DeliveryLostError: It was settled already, timed out, or is delivered at most once.
            OutcomeUnknownError: The store failed, or did not answer in time.
        """
        attempt, policy = self.context.attempt, self.context.subscription.retry
        if requeue and attempt < policy.attempts:
            delay = self._retry_delay(attempt)
            await self._finish(PutBack(self._claim, failed=True, delay=delay), deadline)
        else:
            await self._finish(SetAside(self._claim, reason), deadline)

    async def release(self, *, deadline: float | None = None) -> None:
        """Give the event back untouched, for anyone to take at once.

        Raises:
            DeliveryLostError: It was settled already, or timed out.
            OutcomeUnknownError: The store failed, or did not answer in time.
        """
        await self._finish(PutBack(self._claim, failed=False), deadline)

    async def _finish(self, settlement: Settlement, deadline: float | None) -> None:
        if self._settled:
            raise DeliveryLostError(self._claim.feed.subscription, self._claim.event.offset)
        async with self._within(deadline):
            await self._settle(settlement)
        self._settled = True

    def _within(self, deadline: float | None) -> AbstractAsyncContextManager[None]:
        return writing_within(
            self._clock, self._deadline if deadline is None else deadline, "settling an event"
        )
