"""Take one subscription's events for one consumer, one after the other.

A reader turns what the store hands out into deliveries: it waits without polling, decodes,
acknowledges first where delivery is at-most-once, and sets aside what cannot be read or has failed
too often. Handlers and iterators both stand on it.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar, cast

from headwater.clock import Clock
from headwater.deadlines import DEFAULT_DEADLINE, writing_within
from headwater.errors import (
    DeliveryLostError,
    UnknownEventError,
    UnknownSubscriptionError,
    UnreadableEventError,
)
from headwater.events import Event, RecordedEvent
from headwater.evolution import Registry
from headwater.outbox import Outbox
from headwater.stores.committer import Committer
from headwater.stores.contract import (
    Acknowledge,
    Claim,
    Connection,
    Feed,
    FeedKey,
    Order,
    PutBack,
    SentCommand,
    SetAside,
    Settlement,
    Skip,
    Store,
    Unit,
)
from headwater.stores.signal import Signal
from headwater.stores.window import WINDOW
from headwater.streams import DeliverySemantics, FromBeginning, FromLatest, Stream, StreamType
from headwater.transactions import HandlerTransaction

from .activity import Activity
from .definition import Mode, OnUnknown, Subscription
from .delivery import Delivery, EventContext
from .heartbeat import SESSION_LIFETIME, Heartbeat

__all__ = ["Reader", "Surroundings", "feed_of"]

E = TypeVar("E", bound=Event)

# Seconds at most between a handler's time limit and the end of its claim: to clean up and to say
# that it failed. A claim that ended before would be handed out again at once, without the retry's
# wait.
LONGEST_GRACE = 5.0

HOLD_PAUSE = 5.0  # seconds between two looks whether somebody knows an event that is held

logger = logging.getLogger("headwater.subscriptions")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all readers of an app share."""

    store: Store
    committer: Committer
    registry: Registry
    clock: Clock
    chance: random.Random
    activity: Activity
    heartbeat: Heartbeat
    outbox: Outbox
    state: Callable[[], Any]
    """What the app's lifespan yielded, once it has."""


def feed_of(subscription: Subscription[Event], stream: Stream, consumer: str) -> Feed:
    """The place that this consumer reads from: its own, or the one that all of them share."""
    broadcast = subscription.mode is Mode.BROADCAST
    by_default = FromBeginning() if stream.type is StreamType.PERSISTENT else FromLatest()
    in_stream_order = broadcast and subscription.concurrency == 1
    by_handler = subscription.handler is not None
    grace = min(subscription.ack_timeout, LONGEST_GRACE) if by_handler else 0.0
    return Feed(
        key=FeedKey(subscription.name, consumer if broadcast else None),
        stream=stream.name,
        events=(
            None
            if subscription.whole_stream
            else frozenset(event.event_name for event in subscription.events)
        ),
        start=subscription.start or by_default,
        order=Order.STREAM if in_stream_order else Order.WORKFLOW,
        in_flight=subscription.concurrency,
        ack_timeout=subscription.ack_timeout + grace,
    )


class Reader(Generic[E]):
    """One consumer's view of a subscription, from `open` to `close`."""

    def __init__(
        self,
        subscription: Subscription[E],
        stream: Stream,
        consumer: str,
        surroundings: Surroundings,
        *,
        counts_as_activity: bool,
        is_anonymous: bool = False,
        deadline: float = DEFAULT_DEADLINE,
    ) -> None:
        self.subscription = subscription
        self.consumer = consumer
        self.feed = feed_of(subscription, stream, consumer)
        self._delivery = subscription.delivery or stream.delivery
        self._around = surroundings
        self._versions = {one.event_name: one.event_version for one in subscription.events}
        self._deadline = deadline  # seconds, for what it asks of the store
        self._activity = surroundings.activity if counts_as_activity else None
        self._holder = f"{consumer}#{surroundings.chance.getrandbits(64):016x}"
        self._connection = Connection(self._holder, self.feed.key, consumer)
        # An anonymous consumer is removed with its session, even if its process was killed.
        self._expire_after = SESSION_LIFETIME if is_anonymous else subscription.expire_after
        self._open: dict[int, Delivery[E]] = {}
        self._holding: set[int] = set()  # offsets of events that it said it holds
        self._changes: Signal | None = None  # of the feed, once there is one
        self._stopped = False

    async def open(self) -> None:
        """Have a feed to read from; one that is there continues where it stood."""
        async with writing_within(self._around.clock, self._deadline, "opening a session"):
            await self._around.store.register(self.feed)
            await self._around.heartbeat.connect(self._connection, self._expire_after)

    async def next(self) -> Delivery[E] | None:
        """The next delivery, as soon as there is one.

        `None` once the reader was stopped, or its consumer removed.

        Raises:
            OutcomeUnknownError: The store did not answer in time. What it may have handed out is
                given back.
        """
        store = self._around.store
        while not self._stopped:
            try:
                self._changes = changes = store.changes(self.feed.key)
                seen = changes.generation
                async with writing_within(self._around.clock, self._deadline, "taking an event"):
                    handed_out = await store.claim(self.feed.key, self._holder, 1)
            except UnknownSubscriptionError:
                self._around.heartbeat.forget(self._connection)
                logger.warning(
                    "consumer was removed, it is given nothing more",
                    extra={"subscription": self.subscription.name, "consumer": self.consumer},
                )
                return None
            for claim in handed_out.claims:
                if (delivery := await self._deliver(claim)) is not None:
                    return delivery
            if not handed_out.claims:
                await self._wait_for_change(changes, seen, handed_out.next_due)
        return None

    @property
    def unsettled(self) -> tuple[Delivery[E], ...]:
        """What was delivered and is not settled."""
        return tuple(self._open.values())

    def stop(self) -> None:
        """Take nothing more. What is delivered can still be settled."""
        self._stopped = True
        if self._changes is not None:
            self._changes.notify()

    async def close(self) -> None:
        """Give back what was not settled, at once and not as a failure."""
        self._stopped = True
        try:
            for delivery in self.unsettled:
                await self._give_back(delivery)
        finally:
            await self._around.heartbeat.disconnect(self._connection)

    async def _wait_for_change(self, changes: Signal, seen: int, due: float | None) -> None:
        timer = None if due is None else self._around.clock.call_later(due, changes.notify)
        try:
            if self._activity is None:
                await changes.wait_after(seen)
            else:
                with self._activity.parked(changes, seen):
                    await changes.wait_after(seen)
        finally:
            if timer is not None:
                timer.cancel()

    async def _deliver(self, claim: Claim) -> Delivery[E] | None:
        """The claim as a delivery, unless there is no sense in delivering it."""
        try:
            event = cast("E", self._decoded(claim.event))
        except UnknownEventError as error:
            await self._follow_policy(claim, error)
            return None
        except UnreadableEventError as error:
            await self._set_aside(claim, str(error))  # no retry: it would fail the same way again
            return None
        self._holding.discard(claim.event.offset)
        if claim.attempt > self.subscription.retry.attempts:
            tried = replace(claim, attempt=claim.attempt - 1)  # this claim is no try any more
            await self._set_aside(
                tried, f"not acknowledged within {self.subscription.ack_timeout:g} s"
            )
            return None
        at_most_once = self._delivery is DeliverySemantics.AT_MOST_ONCE
        if at_most_once:
            async with writing_within(self._around.clock, self._deadline, "acknowledging"):
                await self._settle(Acknowledge(claim))
        context = EventContext(
            recorded=claim.event,
            subscription=self.subscription,
            consumer=self.consumer,
            attempt=claim.attempt,
            state=self._around.state(),
            outbox=self._around.outbox.emptied(),
            transaction=HandlerTransaction(self._around.store),
        )
        delivery = Delivery(
            event,
            context,
            claim,
            self._settle,
            self._retry_delay,
            self._send,
            self._around.clock,
            at_most_once=at_most_once,
            deadline=self._deadline,
        )
        if not at_most_once:
            self._open[claim.token] = delivery
        return delivery

    def _decoded(self, recorded: RecordedEvent) -> Event:
        """The event at the version that the subscription has of it.

        Raises:
            UnknownEventError: The service does not know it, or knows older versions only.
            UnreadableEventError: It cannot be read, or the subscription does not ask for it: it was
                taken while the spec still said so, or for another release of the service.
        """
        if recorded.name not in self._versions:
            self._around.registry.get(recorded.name, recorded.version or None)
            reason = f"{self.subscription.name} does not ask for it"
            raise UnreadableEventError(recorded.name, recorded.version, reason)
        return self._around.registry.decode(recorded, self._versions)

    async def _follow_policy(self, claim: Claim, error: UnknownEventError) -> None:
        match self.subscription.on_unknown:
            case OnUnknown.DEAD_LETTER:
                await self._set_aside(claim, str(error))
            case OnUnknown.SKIP:
                logger.warning("event skipped: %s", error, extra=self._about(claim))
                with suppress(DeliveryLostError):
                    await self._settle(Skip(claim))
            case OnUnknown.HOLD:
                if claim.event.offset not in self._holding:
                    if len(self._holding) >= WINDOW:  # others have settled them, for the most part
                        self._holding.clear()
                    self._holding.add(claim.event.offset)
                    logger.error(
                        "event held until a service runs that knows it: %s",
                        error,
                        extra=self._about(claim),
                    )
                with suppress(DeliveryLostError):
                    await self._settle(PutBack(claim, failed=False, delay=HOLD_PAUSE, held=True))

    def _about(self, claim: Claim) -> dict[str, object]:
        return {
            "subscription": self.subscription.name,
            "consumer": self.consumer,
            "stream": claim.event.stream,
            "offset": claim.event.offset,
            "event": claim.event.name,
            "version": claim.event.version,
            "event_id": str(claim.event.id),
            "workflow_id": claim.event.workflow_id,
            "request_id": claim.event.metadata.request_id,
            "attempt": claim.attempt,
        }

    async def _settle(self, settlement: Settlement) -> None:
        claim = settlement.claim
        try:
            sends: tuple[SentCommand, ...] = ()
            transaction: HandlerTransaction | None = None
            if claim.token in self._open:
                context = self._open[claim.token].context
                transaction = context.transaction
                if isinstance(settlement, Acknowledge):
                    sends = self._sent(context)
                elif transaction is not None:
                    transaction.roll_back()
            at_least_once = self._delivery is DeliverySemantics.AT_LEAST_ONCE
            unit = Unit(settlements=(settlement,), sends=sends, durable=not at_least_once)
            await self._commit(unit, transaction)
        finally:
            self._open.pop(claim.token, None)
        about = self._about(claim)
        match settlement:
            case Acknowledge():
                logger.info("event consumed", extra=about)
            case SetAside(_, reason):
                logger.error("event dead-lettered: %s", reason, extra={**about, "error": reason})
            case PutBack(_, failed=True, delay=delay):
                about["delay"] = round(delay, 3)
                logger.warning("event failed, again in %.3g s", delay, extra=about)

    def _sent(self, context: EventContext) -> tuple[SentCommand, ...]:
        recorded = context.recorded
        of = f"{self.subscription.name}/{self.feed.key.consumer or ''}/{recorded.id}"
        return context.outbox.commands(of, recorded.metadata.request_id)

    async def _send(self, context: EventContext) -> None:
        await self._commit(Unit(sends=self._sent(context)), context.transaction)

    async def _commit(self, unit: Unit, transaction: HandlerTransaction | None) -> None:
        """Write it; together with what was written for the event, if the event is done."""
        is_done = all(isinstance(one, Acknowledge) for one in unit.settlements)
        if transaction is not None and transaction.is_used and is_done:
            await transaction.submit(unit).wait()
        else:
            await self._around.committer.commit(unit)

    async def _set_aside(self, claim: Claim, reason: str) -> None:
        with suppress(DeliveryLostError):  # somebody else has it then, and does the same
            await self._settle(SetAside(claim, reason))

    async def _give_back(self, delivery: Delivery[E]) -> None:
        with suppress(DeliveryLostError):  # it timed out then, and is with somebody else
            await delivery.release()

    def _retry_delay(self, failures: int) -> float:
        return self.subscription.retry.delay(failures, self._around.chance)
