"""One event in the hands of one consumer, to be settled once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from uuid import UUID, uuid5

from headwater.clock import Clock
from headwater.deadlines import writing_within
from headwater.errors import (
    ConnectionUnavailableError,
    DeliveryLostError,
    OutcomeUnknownError,
    TransactionRequiredError,
    UnknownSubscriptionError,
)
from headwater.events import Command, Event, RecordedEvent
from headwater.outbox import Outbox
from headwater.stores.contract import Acknowledge, Claim, FeedKey, PutBack, SetAside, Settlement
from headwater.stores.receipts import Received
from headwater.transactions import HandlerTransaction

from .definition import Subscription

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

__all__ = ["Delivery", "EventContext", "Truncated"]

E = TypeVar("E", bound=Event)

KEYS = UUID("5f0d6a52-6f8c-4a0e-9d59-3a1c1f1b7c55")  # what `key` derives its keys under


@dataclass(frozen=True, slots=True)
class Truncated:
    """Tells a consumer in a loop that retention has removed events before it has read them."""

    stream: str
    first: int
    """The offset of the first that is gone."""
    last: int
    """The offset of the last."""


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

    feed: FeedKey = field(repr=False)
    """What it was taken from."""

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

    def key(self, step: str) -> str:
        """A key for an effect elsewhere, such as the `Idempotency-Key` of a request.

        It is the same whenever this event is handled for this subscription: at every attempt, in
        any process, after a restart, and if it comes back from the dead letters. Another event,
        subscription, consumer of a broadcast, or `step` of the handler has another one. It is a
        UUID as text, and tells nothing of the event.
        """
        return str(uuid5(KEYS, f"{self.origin}\n{step}"))

    @property
    def origin(self) -> str:
        """For what, for whom and of which event something is done."""
        return f"{self.feed.subscription}/{self.feed.consumer or ''}/{self.recorded.id}"

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
        mark: Callable[[Claim], Awaitable[bool]] | None,
        clock: Clock,
        *,
        at_most_once: bool,
        needs_transaction: bool,
        deadline: float,
    ) -> None:
        self._send = send
        self._mark = mark
        self._clock = clock
        self._deadline = deadline
        self.event = event
        self.context = context
        self._claim = claim
        self._settle = settle
        self._retry_delay = retry_delay
        self._at_most_once = at_most_once
        self._settled = at_most_once
        self._needs_transaction = needs_transaction

    @property
    def parts(self) -> tuple[Delivery[E], ...]:
        """What is settled together: itself."""
        return (self,)

    def renew(self, transaction: HandlerTransaction) -> None:
        """Have the handler do anew what was undone, in this transaction."""
        outbox = self.context.outbox.emptied()
        self.context = replace(self.context, outbox=outbox, transaction=transaction)

    @property
    def claim(self) -> Claim:
        """What it is settled by."""
        return self._claim

    @property
    def done(self) -> Acknowledge:
        """What acknowledges it."""
        return Acknowledge(self._claim)

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing left to do: from the start, where delivery is at-most-once."""
        return self._settled

    async def ack(self, *, deadline: float | None = None) -> None:
        """Be done with the event; commands that were sent for it are stored.

        Where delivery is at-most-once the event is acknowledged already. `deadline` is in seconds;
        without, it is the session's.

        Raises:
            TransactionRequiredError: Delivery is exactly-once, and nothing was written through a
                connection: see `transaction`. The event is still to be settled.
            DeliveryLostError: It was settled already, or timed out.
            OutcomeUnknownError: The store failed, or did not answer in time: the event is done, or
                comes again.
        """
        if not self._at_most_once:
            if self._needs_transaction and not self._has_written:
                raise TransactionRequiredError(self._claim.feed.subscription)
            await self._finish(self.done, deadline)
        elif self.context.outbox or self._has_written:
            async with self._within(deadline):
                await self._send(self.context)

    async def mark_as_read(self, *, deadline: float | None = None) -> bool:
        """Have the recipient read the event, and acknowledge it if that is still to be done: both
        or none of it, and together with all that `ack` stores.

        Returns whether it has read it now; not if its time to read it was over before. Of a
        delivery that timed out the event is read all the same, unless something is to be stored
        with it. Inside of `transaction` it commits what the block has written, and ends it; where
        delivery is at-most-once it is not for use there: the store waits for the block to end.

        Raises:
            UnknownSubscriptionError: The subscription has no read receipts, or the recipient was
                removed.
            TransactionRequiredError: As `ack` says.
            DeliveryLostError: The delivery timed out, and something was to be stored with it.
                Nothing is, and the event is not read.
            OutcomeUnknownError: The store failed, or did not answer in time.
        """
        if self._mark is None:
            name = self._claim.feed.subscription
            raise UnknownSubscriptionError("the service", f"{name} with read receipts")
        if not self._settled:
            if self._needs_transaction and not self._has_written:
                raise TransactionRequiredError(self._claim.feed.subscription)
            try:
                read = Acknowledge(self._claim, Received(is_read=True))
                await self._finish(read, deadline)
            except DeliveryLostError:
                if self.context.outbox or self._has_written:
                    raise
            else:
                return True
        async with self._within(deadline):
            is_read = await self._mark(self._claim)
        if self._at_most_once:
            await self.ack(deadline=deadline)
        return is_read

    @asynccontextmanager
    async def transaction(self, *, deadline: float | None = None) -> AsyncIterator[AsyncConnection]:
        """A connection of SQLAlchemy whose writes are committed with the acknowledgement.

        Leaving the block commits both, and commands that were sent, or none of it. An exception
        that leaves the block undoes what was written, counts as a failure of the event (as `nack`
        says), and goes on. A cancellation undoes it too, and the event is as it was before. The
        connection is the one that `context.connection` describes. `deadline` is in seconds, for the
        beginning and again for the end; without, it is the session's.

        Raises:
            ConnectionUnavailableError: The store has no connections, or the extra `sql` is not
                installed.
            DeliveryLostError: It was settled already, or timed out: nothing was written.
            HandlerFailedError: The database refuses at the commit what was written; it is undone,
                and counts as a failure.
            OutcomeUnknownError: The store failed, or did not answer in time: both are there, or the
                event comes again.
            StoreUnavailableError: Another process kept it from writing for too long.
        """
        if self._settled and not self._at_most_once:
            raise DeliveryLostError(self._claim.feed.subscription, self._claim.event.offset)
        own = self.context.transaction
        if own is None:
            raise ConnectionUnavailableError("this delivery has none")
        try:
            async with own:
                async with self._within(deadline):
                    connection = await own.connection()
                yield connection
            if self._at_most_once or not self._settled:
                await self.ack(deadline=deadline)
        except (DeliveryLostError, OutcomeUnknownError, asyncio.CancelledError, GeneratorExit):
            own.roll_back()
            raise
        except BaseException as error:
            if not self._settled:
                await self.nack(reason=f"{type(error).__name__}: {error}", deadline=deadline)
            raise

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
