"""Take one subscription's events for one consumer, one after the other.

A reader turns what the store hands out into deliveries: it waits without polling, decodes,
acknowledges first where delivery is at-most-once, and sets aside what cannot be read or has failed
too often. Handlers and iterators both stand on it.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar, cast

from headwater.clock import Clock
from headwater.deadlines import DEFAULT_DEADLINE, writing_within
from headwater.errors import (
    DeliveryLostError,
    StreamTruncatedError,
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
from headwater.stores.groups import Group
from headwater.stores.receipts import Received
from headwater.stores.retention import Gap
from headwater.stores.signal import Signal
from headwater.stores.window import WINDOW
from headwater.streams import (
    AfterDeadLetter,
    DeliverySemantics,
    FromBeginning,
    FromLatest,
    Start,
    Stream,
    StreamType,
)
from headwater.transactions import HandlerTransaction

from .activity import Activity
from .batch import Batch, BatchContext
from .breaker import Circuit
from .definition import Mode, OnUnknown, Subscription
from .delivery import Delivery, EventContext
from .heartbeat import SESSION_LIFETIME, Heartbeat
from .membership import Membership
from .pages import Pages
from .source import FeedSource, Place, Queues, Source
from .suspects import Suspects

__all__ = ["Reader", "Surroundings", "feed_of", "group_of"]

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
    registry_of: Callable[[str], Registry]
    """The versions of a stream's events."""
    clock: Clock
    chance: random.Random
    activity: Activity
    heartbeat: Heartbeat
    outbox: Outbox
    pages: Pages
    """Of the logs that consumer groups read."""
    state: Callable[[], Any]
    """What the app's lifespan yielded, once it has."""
    queues: Queues | None = None
    """What serves the streams that are read from a broker."""


def feed_of(subscription: Subscription[Event], stream: Stream, consumer: str) -> Feed:
    """The place that this consumer reads from: its own, or the one that all of them share."""
    has_own = subscription.mode.has_own_cursors
    in_stream_order = has_own and subscription.concurrency == 1
    return Feed(
        key=FeedKey(subscription.name, consumer if has_own else None),
        stream=stream.name,
        events=_names(subscription),
        start=_start(subscription, stream),
        order=Order.STREAM if in_stream_order else Order.WORKFLOW,
        in_flight=_in_flight(subscription),
        ack_timeout=_claim_time(subscription),
        after_dead_letter=_after_dead_letter(subscription, stream),
        run=subscription.batch or 1,
    )


def group_of(subscription: Subscription[Event], stream: Stream) -> Group:
    """The consumer group that the subscription is."""
    return Group(
        subscription=subscription.name,
        stream=stream.name,
        events=_names(subscription),
        start=_start(subscription, stream),
        max_consumers=subscription.max_consumers,
    )


def source_of(
    subscription: Subscription[Event],
    stream: Stream,
    consumer: str,
    expire_after: float | None,
    surroundings: Surroundings,
    activity: Activity | None,
    *,
    is_anonymous: bool,
) -> Source:
    """Where this consumer's next session takes its events from."""
    around = surroundings
    if stream.remote is not None and stream.remote.direct and around.queues is not None:
        place = Place(
            consumer=consumer,
            is_anonymous=is_anonymous,
            expire_after=expire_after,
            in_flight=_in_flight(subscription),
            ack_timeout=_claim_time(subscription),
        )
        return around.queues.source(subscription, stream, stream.remote, place)
    session = f"{consumer}#{around.chance.getrandbits(64):016x}"
    if subscription.mode is Mode.CONSUMER_GROUP:
        return Membership(
            group_of(subscription, stream),
            Connection(session, FeedKey(subscription.name), consumer),
            in_flight=_in_flight(subscription),
            ack_timeout=_claim_time(subscription),
            sets_aside_behind=_after_dead_letter(subscription, stream) is AfterDeadLetter.WAIT,
            expire_after=expire_after,
            store=around.store,
            committer=around.committer,
            pages=around.pages,
            heartbeat=around.heartbeat,
            clock=around.clock,
            activity=activity,
        )
    feed = feed_of(subscription, stream, consumer)
    connection = Connection(session, feed.key, consumer)
    return FeedSource(feed, connection, expire_after, around.store, around.heartbeat)


def _after_dead_letter(subscription: Subscription[Event], stream: Stream) -> AfterDeadLetter:
    delivery = subscription.delivery or stream.delivery
    if delivery is DeliverySemantics.AT_MOST_ONCE:
        return AfterDeadLetter.CONTINUE
    return subscription.after_dead_letter


def _names(subscription: Subscription[Event]) -> frozenset[str] | None:
    if subscription.whole_stream:
        return None
    return frozenset(event.event_name for event in subscription.events)


def _start(subscription: Subscription[Event], stream: Stream) -> Start:
    by_default = FromBeginning() if stream.type is StreamType.PERSISTENT else FromLatest()
    return subscription.start or by_default


def _in_flight(subscription: Subscription[Event]) -> int:
    return subscription.concurrency * (subscription.batch or 1)


def _claim_time(subscription: Subscription[Event]) -> float:
    """Seconds until a claim that was not settled is void."""
    by_handler = subscription.handler is not None
    return subscription.ack_timeout + (
        min(subscription.ack_timeout, LONGEST_GRACE) if by_handler else 0.0
    )


def _is_read(settlement: Settlement) -> bool:
    receipt = settlement.receipt if isinstance(settlement, Acknowledge) else None
    return receipt is not None and receipt.is_read


class Reader(Generic[E]):
    """One consumer's view of a subscription, from `open` to `close`."""

    def __init__(
        self,
        subscription: Subscription[E],
        stream: Stream,
        consumer: str,
        surroundings: Surroundings,
        *,
        for_handler: bool,
        is_anonymous: bool = False,
        deadline: float = DEFAULT_DEADLINE,
    ) -> None:
        self.subscription = subscription
        self.consumer = consumer
        self._registry = surroundings.registry_of(subscription.stream)
        self._delivery = subscription.delivery or stream.delivery
        self._around = surroundings
        self._versions = {one.event_name: one.event_version for one in subscription.events}
        self._deadline = deadline  # seconds, for what it asks of the store
        self._activity = surroundings.activity if for_handler else None
        # An anonymous consumer is removed with its session, even if its process was killed.
        expire_after = SESSION_LIFETIME if is_anonymous else subscription.expire_after
        self.source = source_of(
            subscription,
            stream,
            consumer,
            expire_after,
            surroundings,
            self._activity,
            is_anonymous=is_anonymous,
        )
        self._open: dict[int, Delivery[E]] = {}
        self._alone = Suspects(surroundings.clock)
        self._holding: set[int] = set()  # offsets of events that it said it holds
        self._changes: Signal | None = None  # of the feed, once there is one
        self._told: Gap | None = None  # the newest one that it told
        self._stopped = False
        self.circuit: Circuit | None = None
        """What keeps a handler's workers from taking events, where there is one."""

    async def open(self) -> None:
        """Have a feed to read from; one that is there continues where it stood."""
        async with writing_within(self._around.clock, self._deadline, "opening a session"):
            await self.source.open()

    async def next(self) -> Delivery[E] | None:
        """The next delivery, as soon as there is one.

        `None` once the reader was stopped, or its consumer removed.

        Raises:
            StreamTruncatedError: Retention has removed events that were to come. It is told once;
                the next call goes on behind them.
            OutcomeUnknownError: The store did not answer in time. What it may have handed out is
                given back.
        """
        while claims := await self._take(1):
            for claim in claims:
                if (delivery := await self._deliver(claim, self._transaction())) is not None:
                    return delivery
        return None

    async def next_batch(self, limit: int) -> Batch[E] | None:
        """Up to `limit` events that there are, as soon as there is one; else as `next`.

        An event that has failed, in a batch or alone, is by itself, and comes before those after
        it.
        """
        while claims := await self._take(1 if self._alone or self._is_interrupted else limit):
            together = 1
            if not self._is_suspect(claims[0]):
                suspects = (at for at, one in enumerate(claims) if self._is_suspect(one))
                together = next(suspects, len(claims))
            batch = await self._deliver_together(claims[:together])
            await self._give_back(claims[together:])
            if batch is not None:
                return batch
        return None

    async def _take(self, limit: int) -> tuple[Claim, ...]:
        """Claims, as soon as there are some; none once the reader was stopped."""
        while not self._stopped:
            if self.circuit is not None:
                passed = self.circuit.changes.generation
                if not self.circuit.admit():
                    await self._wait_for_change(self.circuit.changes, passed, self.circuit.wait)
                    continue
            try:
                self._changes = changes = self.source.changes()
                seen = changes.generation
                async with writing_within(self._around.clock, self._deadline, "taking an event"):
                    handed_out = await self.source.claim(limit)
            except UnknownSubscriptionError:
                self.source.forget()
                logger.warning(
                    "consumer was removed, it is given nothing more",
                    extra={"subscription": self.subscription.name, "consumer": self.consumer},
                )
                return ()
            if handed_out.gap is not None:
                await self._tell(handed_out.gap)
                continue
            if claims := await self._without_read(handed_out.claims):
                return claims
            if handed_out.claims:
                continue
            await self._wait_for_change(changes, seen, handed_out.next_due)
        return ()

    async def _without_read(self, claims: tuple[Claim, ...]) -> tuple[Claim, ...]:
        """Be done with those that the recipient has read already."""
        if not claims or not self._has_receipts:
            return claims
        receipts, offsets = self._around.store.receipts, [one.event.offset for one in claims]
        async with writing_within(self._around.clock, self._deadline, "looking for receipts"):
            read = await receipts.read_of(self.source.key, offsets)
            for claim in claims:
                if claim.event.offset in read:
                    with suppress(DeliveryLostError):
                        await self._settle(Acknowledge(claim, Received(is_read=True)))
        return tuple(claim for claim in claims if claim.event.offset not in read)

    async def _tell(self, gap: Gap) -> None:
        stream, name = self.subscription.stream, self.subscription.name
        async with writing_within(self._around.clock, self._deadline, "taking note of a gap"):
            await self.source.tell_gap(gap)
        if self._told is not None and gap.last <= self._told.last:
            return  # another worker of this process did, just now
        self._told = gap
        error = StreamTruncatedError(stream, gap.first, gap.last, name)
        logger.error(
            "%s",
            error,
            extra={
                "subscription": name,
                "consumer": self.consumer,
                "stream": stream,
                "first": gap.first,
                "last": gap.last,
            },
        )
        raise error

    @property
    def _is_interrupted(self) -> bool:
        return self.circuit is not None and self.circuit.is_open

    @property
    def needs_transaction(self) -> bool:
        """Whether what it delivers can be acknowledged together with an effect only.

        A handler's unit is the runtime's, and compares its claim; what a loop has done before it
        acknowledges is out of reach.
        """
        return self._activity is None and self._delivery is DeliverySemantics.EXACTLY_ONCE

    @property
    def unsettled(self) -> tuple[Delivery[E], ...]:
        """What was delivered and is not settled."""
        return tuple(self._open.values())

    def stop(self) -> None:
        """Take nothing more. What is delivered can still be settled."""
        self._stopped = True
        if self._changes is not None:
            self._changes.notify()
        if self.circuit is not None:
            self.circuit.changes.notify()

    async def close(self) -> None:
        """Give back what was not settled, at once and not as a failure."""
        self._stopped = True
        try:
            await self._give_back([delivery.claim for delivery in self.unsettled])
        finally:
            await self.source.close()

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

    def renew(self, work: Delivery[E] | Batch[E]) -> None:
        """Have a handler do anew what was undone, with nothing written and nothing sent."""
        work.renew(self._transaction())
        self._open.update((delivery.claim.token, delivery) for delivery in work.parts)

    def _transaction(self) -> HandlerTransaction:
        return HandlerTransaction(self._around.store)

    def _is_suspect(self, claim: Claim) -> bool:
        """Whether it may be the one that its batch failed for."""
        return claim.attempt > 1 or claim.event.offset in self._alone

    async def _deliver_together(self, claims: Sequence[Claim]) -> Batch[E] | None:
        """The claims as a batch, without those that there is no sense in delivering."""
        transaction = self._transaction()
        deliveries: list[Delivery[E]] = []
        for at, claim in enumerate(claims):
            self._alone.discard(claim.event.offset)
            if (delivery := await self._deliver(claim, transaction)) is not None:
                deliveries.append(delivery)
            else:  # what comes after it may have to wait for it
                await self._give_back(claims[at + 1 :])
                break
        if not deliveries:
            return None
        context = BatchContext(
            each=tuple(delivery.context for delivery in deliveries),
            subscription=self.subscription,
            consumer=self.consumer,
            state=self._around.state(),
            transaction=transaction,
        )
        return Batch(tuple(deliveries), context, self._settle_all, self._take_apart)

    async def _take_apart(self, batch: Batch[E]) -> None:
        """Have the events come again, one by one and after a first retry's wait."""
        delay = self._retry_delay(1)
        claims = [delivery.claim for delivery in batch.parts]
        self._alone.add((claim.event.offset for claim in claims), self.subscription, delay)
        logger.warning(
            "a batch of %d events failed, they come one by one in %.3g s",
            len(claims),
            delay,
            extra=self._about(claims[0]),
        )
        await self._settle_all(tuple(PutBack(one, failed=False, delay=delay) for one in claims))

    async def _deliver(self, claim: Claim, transaction: HandlerTransaction) -> Delivery[E] | None:
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
            feed=self.source.key,
            outbox=self._around.outbox.emptied(),
            transaction=transaction,
        )
        delivery = Delivery(
            event,
            context,
            claim,
            self._settle,
            self._retry_delay,
            self._send,
            self._mark_as_read if self._has_receipts else None,
            self._around.clock,
            at_most_once=at_most_once,
            needs_transaction=self.needs_transaction,
            deadline=self._deadline,
        )
        if not at_most_once:
            self._open[claim.token] = delivery
        return delivery

    @property
    def _has_receipts(self) -> bool:
        return self.subscription.mode is Mode.READ_RECEIPT

    async def _mark_as_read(self, claim: Claim) -> bool:
        offset = claim.event.offset
        return offset in await self._around.store.receipts.mark_read(self.source.key, [offset])

    def _decoded(self, recorded: RecordedEvent) -> Event:
        """The event at the version that the subscription has of it.

        Raises:
            UnknownEventError: The service does not know it, or knows older versions only.
            UnreadableEventError: It cannot be read, or the subscription does not ask for it: it was
                taken while the spec still said so, or for another release of the service.
        """
        if recorded.name not in self._versions:
            self._registry.get(recorded.name, recorded.version or None)
            reason = f"{self.subscription.name} does not ask for it"
            raise UnreadableEventError(recorded.name, recorded.version, reason)
        return self._registry.decode(recorded, self._versions)

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
        await self._settle_all((settlement,))

    async def _settle_all(self, settlements: tuple[Settlement, ...]) -> None:
        """Write them in one unit: all of one kind, and of deliveries that share a transaction."""
        tokens = [settlement.claim.token for settlement in settlements]
        settlements = tuple(self._with_receipt(settlement) for settlement in settlements)
        is_done = isinstance(settlements[0], Acknowledge)
        try:
            contexts = [self._open[token].context for token in tokens if token in self._open]
            transaction = contexts[0].transaction if contexts and is_done else None
            sends: tuple[SentCommand, ...] = ()
            if is_done:
                sends = tuple(sent for context in contexts for sent in self._sent(context))
            else:
                for context in contexts:
                    if context.transaction is not None:
                        context.transaction.roll_back()
            may_come_again = self._delivery is DeliverySemantics.AT_LEAST_ONCE
            durable = not may_come_again or any(_is_read(one) for one in settlements)
            async with self.source.settling(settlements) as settled:
                unit = replace(settled, sends=sends, durable=durable)
                await self._commit(unit, transaction)
        finally:
            for token in tokens:
                self._open.pop(token, None)
        for settlement in settlements:
            self._log(settlement)

    def _with_receipt(self, settlement: Settlement) -> Settlement:
        """That the recipient has the event is written with its acknowledgement."""
        if not isinstance(settlement, Acknowledge) or settlement.receipt or not self._has_receipts:
            return settlement
        unread = self.subscription.unread
        seconds = None if unread is None else unread.timeout
        return replace(settlement, receipt=Received(unread_after=seconds))

    def _log(self, settlement: Settlement) -> None:
        about = self._about(settlement.claim)
        match settlement:
            case Acknowledge():
                logger.info("event consumed", extra=about)
            case SetAside(_, reason):
                logger.error("event dead-lettered: %s", reason, extra={**about, "error": reason})
            case PutBack(_, failed=True, delay=delay):
                about["delay"] = round(delay, 3)
                logger.warning("event failed, again in %.3g s", delay, extra=about)

    def _sent(self, context: EventContext) -> tuple[SentCommand, ...]:
        event = context.recorded
        return context.outbox.commands(context.origin, event.metadata.request_id, event)

    async def _send(self, context: EventContext) -> None:
        await self._commit(Unit(sends=self._sent(context)), context.transaction)

    async def _commit(self, unit: Unit, transaction: HandlerTransaction | None) -> None:
        """Write it; together with what was written for the event, if it was in a transaction."""
        if transaction is not None and transaction.is_used:
            await transaction.submit(unit).wait()
        elif not unit.is_empty:
            await self._around.committer.commit(unit)

    async def _set_aside(self, claim: Claim, reason: str) -> None:
        with suppress(DeliveryLostError):  # somebody else has it then, and does the same
            await self._settle(SetAside(claim, reason))

    async def _give_back(self, claims: Sequence[Claim]) -> None:
        """Have them handed out again at once, as if they had never been."""
        settlements = tuple(PutBack(claim, failed=False) for claim in claims)
        try:
            if settlements:
                await self._settle_all(settlements)
        except DeliveryLostError:  # one timed out, and is with somebody else
            for settlement in settlements:
                with suppress(DeliveryLostError):
                    await self._settle(settlement)

    def _retry_delay(self, failures: int) -> float:
        return self.subscription.retry.delay(failures, self._around.chance)
