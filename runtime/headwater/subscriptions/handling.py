"""Give a subscription's events to its handler: workers that take, handle and settle."""

from __future__ import annotations

import asyncio
import logging
import math
import random
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeAlias

from headwater.clock import Clock, is_cancelled, sleep, time_limit
from headwater.contention import is_contention
from headwater.correlation import correlation_id
from headwater.errors import DeliveryLostError, RejectedError, StreamTruncatedError
from headwater.events import Event

from .activity import Activity
from .batch import Batch, BatchContext
from .breaker import Circuit
from .definition import Subscription
from .delivery import Delivery, EventContext
from .reader import Reader

__all__ = ["EventHandler", "Workers"]

EventHandler: TypeAlias = Callable[[Any, Any], Awaitable[None]]
"""Given an event and its `EventContext`, or a list of events and their `BatchContext`."""

Work: TypeAlias = Delivery[Event] | Batch[Event]

PAUSE_AFTER_A_STORE_ERROR = 1.0  # seconds
RERUNS = 10  # of a handler whose transaction others were in the way of; then it has failed
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0  # seconds before them; doubled each time

logger = logging.getLogger("headwater.subscriptions")


class Workers:
    """As many workers as the subscription's `concurrency`, from `start` to `stop`."""

    def __init__(
        self,
        reader: Reader[Event],
        handler: EventHandler,
        clock: Clock,
        chance: random.Random,
        activity: Activity,
    ) -> None:
        self._reader = reader
        self._handler = handler
        self._clock = clock
        self._chance = chance
        self._activity = activity
        subscription = reader.subscription
        self.circuit = Circuit(subscription.name, subscription.breaker, clock)
        reader.circuit = self.circuit
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def subscription(self) -> Subscription[Event]:
        """What they read."""
        return self._reader.subscription

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
                work = await self._next()
                if work is None:
                    return
                await self._handle(work)
            except asyncio.CancelledError:
                self.circuit.leave()
                raise
            except StreamTruncatedError:
                self.circuit.leave()  # the reader has logged it, and the store has counted it
            except Exception:  # a worker outlives whatever the store does
                logger.exception(
                    "%s cannot go on, again in %g s",
                    self._reader.subscription.name,
                    PAUSE_AFTER_A_STORE_ERROR,
                )
                self.circuit.leave()
                await sleep(self._clock, PAUSE_AFTER_A_STORE_ERROR)

    async def _next(self) -> Work | None:
        batch = self._reader.subscription.batch
        return await (self._reader.next() if batch is None else self._reader.next_batch(batch))

    async def _handle(self, work: Work) -> None:
        """Run the handler and settle. When its time is up it is cancelled, and has failed.

        Delivered at most once, and unless the subscription says otherwise, it has all the time it
        needs: nobody waits for an acknowledgement, and what is cancelled would be lost. A
        transaction of its own that others are in the way of is tried again within its time, which
        is no failure.
        """
        seconds = self._reader.subscription.timeout
        if seconds is None and not work.is_settled:
            seconds = self._reader.subscription.ack_timeout
        until = math.inf if seconds is None else self._clock.monotonic() + seconds
        reruns = 0
        try:
            while (failure := await self._try(work, seconds, until)) is not None:
                pause = min(FIRST_PAUSE * 2.0**reruns, LONGEST_PAUSE) * self._chance.uniform(0.5, 1)
                is_late = self._clock.monotonic() + pause >= until
                if is_late or reruns == RERUNS or not failure.is_contention or work.is_settled:
                    first, *others = _each(work.context)
                    if not others:  # of a batch each comes alone
                        self.circuit.fail(first.recorded.id)
                    await self._fail(work, failure)
                    return
                reruns += 1
                logger.warning(
                    "%s: others were in the way of its transaction, again in %.3g s: %s",
                    *(self._reader.subscription.name, pause, failure.reason),
                    extra=self._about(work, failure.reason),
                )
                await sleep(self._clock, pause)
                self._reader.renew(work)
            self.circuit.succeed()
        except DeliveryLostError as error:
            self.circuit.leave()
            logger.warning("%s; it may be handled twice", error)

    async def _try(self, work: Work, seconds: float | None, until: float) -> _Failure | None:
        """Run the handler once and acknowledge; what went wrong with what it did, if it did."""
        left = None if seconds is None else until - self._clock.monotonic()
        try:
            async with time_limit(self._clock, left) as limit:
                correlation_id.set(_workflow_of(work.context))
                async with _running(work.context):
                    await self._handler(work.event, work.context)
        except (Exception, asyncio.CancelledError) as error:  # whatever it raises is its failure
            if isinstance(error, asyncio.CancelledError) and is_cancelled():
                raise
            if limit.expired():
                return _Failure(f"not done within {seconds:g} s", error, is_contention=False)
            return _Failure.of(error)
        try:
            await work.ack()
        except DeliveryLostError:
            raise
        except RejectedError as error:
            transaction = work.context.transaction
            if transaction is None or not transaction.is_used:
                raise
            return _Failure.of(error)
        return None

    async def _fail(self, work: Work, failure: _Failure) -> None:
        self._log_failure(work, failure.reason, failure.error)
        if not work.is_settled:
            await work.nack(reason=failure.reason)
        else:
            about = self._about(work, failure.reason)
            logger.error("event lost, delivered at most once: %s", failure.reason, extra=about)

    def _log_failure(self, delivery: Work, failure: str, error: BaseException) -> None:
        logger.error(
            "%s failed at attempt %d: %s",
            self._reader.subscription.name,
            _each(delivery.context)[0].attempt,
            failure,
            exc_info=error,
            extra=self._about(delivery, failure),
        )

    def _about(self, delivery: Work, failure: str) -> dict[str, object]:
        first, *others = _each(delivery.context)
        recorded = first.recorded
        about = {
            "subscription": self._reader.subscription.name,
            "consumer": first.consumer,
            "stream": recorded.stream,
            "offset": recorded.offset,
            "event": recorded.name,
            "version": recorded.version,
            "event_id": str(recorded.id),
            "workflow_id": recorded.workflow_id,
            "request_id": recorded.metadata.request_id,
            "attempt": first.attempt,
            "error": failure,
        }
        return {**about, "batch": 1 + len(others)} if others else about


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why a handler, or what it wrote, has failed."""

    reason: str
    error: BaseException
    is_contention: bool

    @classmethod
    def of(cls, error: BaseException) -> _Failure:
        return cls(f"{type(error).__name__}: {error}", error, is_contention(error))


def _each(context: EventContext | BatchContext) -> tuple[EventContext, ...]:
    return context.each if isinstance(context, BatchContext) else (context,)


def _workflow_of(context: EventContext | BatchContext) -> str | None:
    """The workflow that it is all about, if it is one."""
    ids = {one.workflow_id for one in _each(context)}
    return ids.pop() if len(ids) == 1 else None


def _running(context: EventContext | BatchContext) -> AbstractAsyncContextManager[None]:
    return nullcontext() if context.transaction is None else context.transaction
