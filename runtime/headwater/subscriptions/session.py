"""Reading a subscription in a loop of one's own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Generic, Literal, TypeVar, overload

from headwater.deadlines import writing_within
from headwater.errors import DeliveryLostError, StreamTruncatedError, TransactionRequiredError
from headwater.events import Event

from .delivery import Delivery, Truncated
from .reader import Reader, Surroundings

__all__ = ["Session"]

E = TypeVar("E", bound=Event)

logger = logging.getLogger("headwater.subscriptions")


class Session(Generic[E]):
    """A consumer's connection to a subscription, while the `async with` block lasts.

    Iterating yields the events; each is acknowledged when the loop asks for the next. An exception
    that leaves the block counts as a failure of what is not settled; leaving it otherwise gives
    that back untouched. Iteration ends when the app closes.

    Waiting for an event takes as long as there is none. All else returns within the `deadline`
    that the session was made with, or raises `OutcomeUnknownError`: an event that was to be
    acknowledged then is done or comes again, and the session goes on.

    A subscription that delivers exactly-once is read through `deliveries()`, each in its own
    `transaction()`; iterating the session itself raises `TransactionRequiredError`.

    Where retention has removed events before this consumer has read them, iterating raises
    `StreamTruncatedError`, which says from where to where: once, before anything more is handed
    out. Iterate the same session again, and it goes on with the event after them. A loop over
    `deliveries(truncated=True)` is given a `Truncated` in its place, and needs no `except`.
    """

    def __init__(
        self,
        reader: Reader[E],
        surroundings: Surroundings,
        *,
        forget_consumer: bool,
        deadline: float,
        on_open: Callable[[Session[E]], None],
        on_close: Callable[[Session[E]], None],
    ) -> None:
        self._reader = reader
        self._store = surroundings.store
        self._clock = surroundings.clock
        self._deadline = deadline
        self._forget_consumer = forget_consumer
        self._on_open = on_open
        self._on_close = on_close
        self._in_hand: Delivery[E] | None = None
        self._closing: asyncio.Task[None] | None = None

    @property
    def consumer(self) -> str:
        """The consumer's name."""
        return self._reader.consumer

    async def __aenter__(self) -> Session[E]:
        self._on_open(self)
        try:
            await self._reader.open()
        except BaseException as error:
            await self.__aexit__(type(error), error, error.__traceback__)
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        is_failure = error is not None and not isinstance(
            error, (asyncio.CancelledError, GeneratorExit)
        )
        reason = f"{type(error).__name__}: {error}" if is_failure else None
        # In a task, so that it is done even if the one that leaves is cancelled meanwhile: an
        # anonymous consumer would be left behind, and what it holds with it.
        self._closing = asyncio.create_task(self._close(reason), name="headwater-session-close")
        async with writing_within(self._clock, self._deadline, "closing a session"):
            await asyncio.shield(self._closing)

    async def _close(self, failure: str | None) -> None:
        try:
            if failure is not None:
                for delivery in self._reader.unsettled:
                    await self._settle(delivery.nack(reason=failure))
            await self._reader.close()
            if self._forget_consumer:
                await self._store.remove_consumer(self._reader.subscription.name, self.consumer)
        finally:
            self._on_close(self)

    def __aiter__(self) -> AsyncIterator[E]:
        return self

    async def __anext__(self) -> E:
        if self._reader.needs_transaction:
            raise TransactionRequiredError(self._reader.subscription.name)
        done = self._in_hand
        if done is not None and (not done.is_settled or done.context.outbox):
            await self._settle(done.ack())
        self._in_hand = None  # settled, also if what comes next is an error
        self._in_hand = await self._reader.next()
        if self._in_hand is None:
            raise StopAsyncIteration
        return self._in_hand.event

    @overload
    def deliveries(self, *, truncated: Literal[False] = False) -> AsyncIterator[Delivery[E]]: ...

    @overload
    def deliveries(self, *, truncated: Literal[True]) -> AsyncIterator[Delivery[E] | Truncated]: ...

    def deliveries(
        self, *, truncated: bool = False
    ) -> AsyncIterator[Delivery[E]] | AsyncIterator[Delivery[E] | Truncated]:
        """The events as deliveries, to be settled by hand.

        As many as the subscription's `concurrency` can be open at once; the next comes when one of
        them is settled. It raises `StreamTruncatedError` as iterating the session does, and goes on
        after it likewise. With `truncated` it yields a `Truncated` instead, which says from where
        to where: once, before anything more is handed out, and with nothing to settle.
        """
        deliveries = _Deliveries(self._reader)
        return _WithTruncated(deliveries) if truncated else deliveries

    def stop(self) -> None:
        """End the iteration; the event in hand can still be settled."""
        self._reader.stop()

    async def _settle(self, settling: Awaitable[None]) -> None:
        try:
            await settling
        except DeliveryLostError as error:
            logger.warning("%s; it comes again", error)


class _Deliveries(Generic[E]):
    """An iterator that an error does not end."""

    def __init__(self, reader: Reader[E]) -> None:
        self._reader = reader

    def __aiter__(self) -> AsyncIterator[Delivery[E]]:
        return self

    async def __anext__(self) -> Delivery[E]:
        if (delivery := await self._reader.next()) is None:
            raise StopAsyncIteration
        return delivery


class _WithTruncated(Generic[E]):
    """Deliveries, and in between what of them will never come."""

    def __init__(self, deliveries: _Deliveries[E]) -> None:
        self._deliveries = deliveries

    def __aiter__(self) -> AsyncIterator[Delivery[E] | Truncated]:
        return self

    async def __anext__(self) -> Delivery[E] | Truncated:
        try:
            return await anext(self._deliveries)
        except StreamTruncatedError as error:
            return Truncated(error.stream, error.first, error.last)
