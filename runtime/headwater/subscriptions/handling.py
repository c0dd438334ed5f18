"""Give a subscription's events to its handler: workers that take, handle and settle."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any, TypeAlias

from headwater.clock import Clock, is_cancelled, sleep, time_limit
from headwater.correlation import correlation_id
from headwater.errors import DeliveryLostError, RejectedError
from headwater.events import Event

from .activity import Activity
from .delivery import Delivery, EventContext
from .reader import Reader

__all__ = ["EventHandler", "Workers"]

EventHandler: TypeAlias = Callable[[Any, EventContext], Awaitable[None]]

PAUSE_AFTER_A_STORE_ERROR = 1.0  # seconds

logger = logging.getLogger("headwater.subscriptions")


class Workers:
    """As many workers as the subscription's `concurrency`, from `start` to `stop`."""

    def __init__(
        self, reader: Reader[Event], handler: EventHandler, clock: Clock, activity: Activity
    ) -> None:
        self._reader = reader
        self._handler = handler
        self._clock = clock
        self._activity = activity
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to take events."""
        await self._reader.open()
        name = self._reader.subscription.name
        self._tasks = [
            asyncio.create_task(self._work(), name=f"headwater-{name}-{number}")
            for number in range(1, self._reader.subscription.concurrency + 1)
        ]
        for task in self._tasks:
            self._activity.count(task)

    async def stop(self, within: float) -> None:
        """Take nothing more, let what is in hand finish, cancel it after `within` seconds.

        What was cancelled is given back, not as a failure.
        """
        self._reader.stop()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=max(within, 0.0))
            for task in late:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._reader.close()

    async def _work(self) -> None:
        while True:
            try:
                delivery = await self._reader.next()
                if delivery is None:
                    return
                await self._handle(delivery)
            except Exception:  # a worker outlives whatever the store does
                logger.exception(
                    "%s cannot go on, again in %g s",
                    self._reader.subscription.name,
                    PAUSE_AFTER_A_STORE_ERROR,
                )
                await sleep(self._clock, PAUSE_AFTER_A_STORE_ERROR)

    async def _handle(self, delivery: Delivery[Event]) -> None:
        """Run the handler once and settle. It is cancelled, and has failed, at `ack_timeout`.

        Delivered at most once it has all the time it needs: nobody waits for an acknowledgement,
        and what is cancelled would be lost.
        """
        failure: str | None = None
        seconds = None if delivery.is_settled else self._reader.subscription.ack_timeout
        try:
            async with time_limit(self._clock, seconds) as limit:
                correlation_id.set(delivery.context.workflow_id)
                async with _running(delivery.context):
                    await self._handler(delivery.event, delivery.context)
        except (Exception, asyncio.CancelledError) as error:  # whatever it raises is its failure
            if isinstance(error, asyncio.CancelledError) and is_cancelled():
                raise
            failure = f"{type(error).__name__}: {error}"
            if limit.expired():
                failure = f"not done within {seconds:g} s"
            self._log_failure(delivery, failure, error)
        try:
            if failure is None:
                failure = await self._acknowledge(delivery)
            if failure is None:
                return
            if not delivery.is_settled:
                await delivery.nack(reason=failure)
            else:
                about = self._about(delivery, failure)
                logger.error("event lost, delivered at most once: %s", failure, extra=about)
        except DeliveryLostError as error:
            logger.warning("%s; it may be handled twice", error)

    async def _acknowledge(self, delivery: Delivery[Event]) -> str | None:
        """Acknowledge, and return why what the handler wrote is undone, if it is."""
        try:
            await delivery.ack()
        except DeliveryLostError:
            raise
        except RejectedError as error:
            transaction = delivery.context.transaction
            if transaction is None or not transaction.is_used:
                raise
            failure = f"{type(error).__name__}: {error}"
            self._log_failure(delivery, failure, error)
            return failure
        return None

    def _log_failure(self, delivery: Delivery[Event], failure: str, error: BaseException) -> None:
        logger.error(
            "%s failed at attempt %d: %s",
            self._reader.subscription.name,
            delivery.context.attempt,
            failure,
            exc_info=error,
            extra=self._about(delivery, failure),
        )

    def _about(self, delivery: Delivery[Event], failure: str) -> dict[str, object]:
        recorded = delivery.context.recorded
        return {
            "subscription": self._reader.subscription.name,
            "consumer": delivery.context.consumer,
            "stream": recorded.stream,
            "offset": recorded.offset,
            "event": recorded.name,
            "version": recorded.version,
            "event_id": str(recorded.id),
            "workflow_id": recorded.workflow_id,
            "request_id": recorded.metadata.request_id,
            "attempt": delivery.context.attempt,
            "error": failure,
        }


def _running(context: EventContext) -> AbstractAsyncContextManager[None]:
    return nullcontext() if context.transaction is None else context.transaction
