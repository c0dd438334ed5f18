"""Subscriptions that the broker's own queues serve: no log in between, and nothing in the database.

What is handed out stays with the broker, unsettled, until the event is done; a failure waits here
for its retry. So an event that has failed too often goes to the queue's dead letters, and one whose
process or connection dies comes again. One that comes again while its handler still runs, because
only the connection was lost, takes the place of what was lost, and is not handled twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from headwater.clock import Clock, end_task
from headwater.errors import BrokerUnavailableError, DeliveryLostError, MalformedMessageError
from headwater.events import RecordedEvent
from headwater.service import Service
from headwater.stores.contract import (
    Acknowledge,
    Answer,
    Claim,
    Claims,
    FeedKey,
    IdempotencyKey,
    PutBack,
    SetAside,
    Settlement,
    Unit,
)
from headwater.stores.keys import KeyKind, Occasion
from headwater.stores.retention import Gap
from headwater.stores.signal import Signal
from headwater.streams import DeliverySemantics, Remote, Stream
from headwater.subscriptions.definition import Mode, Subscription
from headwater.subscriptions.source import Place
from headwater.transports.broker import Arrival, Intake, Queue, Topic, Transport
from headwater.transports.cloudevents import from_arrival

from .fingerprint import fingerprint_of

__all__ = ["BrokerQueues", "QueueSource"]

REMEMBERED = 10_000  # events that were acknowledged last, in case the broker did not hear of it

logger = logging.getLogger("headwater.broker")


def queue_of(service: str, remote: Remote, subscription: Subscription[Any], consumer: str) -> Queue:
    """The queue that this consumer reads from: its own, or the one that all of them share."""
    topic = Topic(remote.service, remote.stream)
    if subscription.mode is Mode.BROADCAST:
        name = f"{subscription.name}.{consumer}"
        return Queue(
            topic, service, name, letters=subscription.name, expires=subscription.expire_after
        )
    return Queue(topic, service, subscription.name)


class BrokerQueues:
    """The queues of a service's subscriptions, and those who read them."""

    def __init__(
        self, service: Service[Any], transport: Transport, clock: Clock, prefetch: int
    ) -> None:
        self._service = service
        self._transport = transport
        self._clock = clock
        self._prefetch = prefetch
        self._declared: dict[Queue, bool] = {}
        self._declaring: asyncio.Task[None] | None = None

    def register(self, subscription: Subscription[Any], remote: Remote, consumer: str) -> None:
        """Have a queue as soon as the broker is there, so that nothing is missed from then on."""
        queue = queue_of(self._service.name, remote, subscription, consumer)
        self._declared.setdefault(queue, False)

    def source(
        self, subscription: Subscription[Any], stream: Stream, remote: Remote, place: Place
    ) -> QueueSource:
        """Where this consumer's next session takes its events from."""
        queue = queue_of(self._service.name, remote, subscription, place.consumer)
        if place.is_anonymous:
            queue = Queue(
                queue.topic,
                queue.service,
                queue.name,
                letters=queue.letters,
                expires=place.expire_after,
            )
        delivery = subscription.delivery or stream.delivery
        return QueueSource(
            subscription,
            stream.name,
            queue,
            place,
            transport=self._transport,
            clock=self._clock,
            prefetch=max(self._prefetch, place.in_flight),
            has_inbox=delivery is DeliverySemantics.EXACTLY_ONCE,
        )

    async def remove(self, subscription: Subscription[Any], remote: Remote, consumer: str) -> None:
        """Have a consumer's queue no more, with all that is in it.

        Raises:
            BrokerUnavailableError: The broker is not there.
        """
        queue = queue_of(self._service.name, remote, subscription, consumer)
        await self._transport.remove(queue)

    def start(self) -> None:
        """Declare what is registered, once there is a connection."""
        if self._declared:
            self._declaring = asyncio.create_task(self._declare(), name="headwater-queues")

    async def stop(self) -> None:
        """Declare no more."""
        if self._declaring is not None:
            await end_task(self._declaring)

    async def _declare(self) -> None:
        while not all(self._declared.values()):
            seen = self._transport.changes.generation
            for queue, is_there in self._declared.items():
                if not is_there:
                    with suppress(BrokerUnavailableError):
                        await self._transport.declare(queue)
                        self._declared[queue] = True
            if not all(self._declared.values()):
                await self._transport.changes.wait_after(seen)


@dataclass(slots=True)
class _Entry:
    """A message that the broker has handed out, and how often its event has failed here."""

    arrival: Arrival
    event: RecordedEvent
    failures: int = 0
    due: float = 0.0
    """When it may be handed out again, on the monotonic clock."""
    token: int | None = None
    """Of the claim that it is with."""
    void_at: float = 0.0
    """When that claim ends."""


class QueueSource:
    """One session's reader of a queue: a `Source` of the events in it."""

    def __init__(
        self,
        subscription: Subscription[Any],
        stream: str,
        queue: Queue,
        place: Place,
        *,
        transport: Transport,
        clock: Clock,
        prefetch: int,
        has_inbox: bool,
    ) -> None:
        self._subscription = subscription
        self._stream = stream
        self._queue = queue
        self._place = place
        self._transport = transport
        self._clock = clock
        self._prefetch = prefetch
        self._has_inbox = has_inbox
        own = place.consumer if subscription.mode.has_own_cursors else None
        self._key = FeedKey(subscription.name, own)
        self._names = None
        if not subscription.whole_stream:
            self._names = frozenset(event.event_name for event in subscription.events)
        self._in_stream_order = own is not None and subscription.concurrency == 1
        self._entries: dict[UUID, _Entry] = {}  # by the event's id, in the order of arrival
        self._in_hand: dict[int, _Entry] = {}  # by the token of the claim
        self._done: OrderedDict[UUID, None] = OrderedDict()
        self._last_token = 0
        self._changed = Signal()
        self._intake: Intake | None = None
        self._opened = AsyncExitStack()

    @property
    def key(self) -> FeedKey:
        """The subscription, and the consumer where each has a queue of its own."""
        return self._key

    async def open(self) -> None:
        """Read the queue from now on; one that is there goes on where it stood."""
        reading = self._transport.read(self._queue, prefetch=self._prefetch)
        self._intake = await self._opened.enter_async_context(reading)
        self._changed.follow(self._intake.changes)
        about = {"subscription": self._subscription.name, "consumer": self._place.consumer}
        logger.info("consumer reads from the broker", extra=about)

    def changes(self) -> Signal:
        """Notifies when a message came, or one was put back."""
        return self._changed

    async def claim(self, limit: int) -> Claims:
        """The oldest events, of each workflow the first, as many as may be in hand at once."""
        await self._take_in()
        now = self._clock.monotonic()
        self._void(now)
        room = min(limit, self._place.in_flight - len(self._in_hand))
        claims: list[Claim] = []
        busy: set[str] = set()
        for entry in self._entries.values():
            if len(claims) >= room:
                break
            lane = "" if self._in_stream_order else entry.event.workflow_id
            if entry.token is not None or entry.due > now:
                busy.add(lane)
            elif lane not in busy:
                claims.append(self._claimed(entry, now))
                if self._subscription.batch is None:
                    busy.add(lane)  # of a batch the later ones come with the first
        return Claims(tuple(claims), None if claims else self._next_due(now))

    async def tell_gap(self, gap: Gap) -> None:
        """There is none: a queue keeps what it has."""

    @asynccontextmanager
    async def settling(self, settlements: Sequence[Settlement]) -> AsyncIterator[Unit]:
        """A unit with the event's row in the inbox, if it has one; then the broker is told.

        Raises:
            DeliveryLostError: A claim of these is void, or settled.
        """
        entries = [self._held(one.claim) for one in settlements]
        [first, *others] = settlements
        with_row = self._has_inbox and isinstance(first, Acknowledge) and not others
        yield Unit(key=self._row(first.claim)) if with_row else Unit()
        for settlement, entry in zip(settlements, entries, strict=True):
            if entry.token == settlement.claim.token:  # it may have ended meanwhile
                await self._settle(settlement, entry)
        self._changed.notify()

    def forget(self) -> None:
        """Nobody but this session keeps it alive."""

    async def close(self) -> None:
        """Read no more: what is not settled the broker hands out again."""
        if self._intake is not None:
            self._changed.unfollow(self._intake.changes)
            self._intake = None
        self._entries.clear()
        self._in_hand.clear()
        await self._opened.aclose()
        if self._place.is_anonymous:
            with suppress(BrokerUnavailableError):  # then it expires
                await self._transport.remove(self._queue)

    async def _take_in(self) -> None:
        """Look at what came."""
        if self._intake is None:
            return
        while arrivals := self._intake.take_nowait(self._prefetch):
            done: list[Arrival] = []
            for arrival in arrivals:
                topic = self._queue.topic
                try:
                    event = from_arrival(topic, arrival)._replace(stream=self._stream)
                except MalformedMessageError as error:
                    await self._intake.set_aside([arrival], str(error))
                    continue
                if (entry := self._entries.get(event.id)) is not None:
                    entry.arrival = arrival  # the connection was lost, and only that
                elif event.id in self._done or not self._is_wanted(event):
                    done.append(arrival)
                else:
                    self._entries[event.id] = _Entry(arrival, event)
            if done:
                await self._intake.acknowledge(done)

    def _is_wanted(self, event: RecordedEvent) -> bool:
        return self._names is None or event.name in self._names

    def _void(self, now: float) -> None:
        """End the claims whose time is up: the event has failed, and is there at once."""
        for entry in [one for one in self._in_hand.values() if one.void_at <= now]:
            self._let_go(entry)
            entry.failures += 1

    def _next_due(self, now: float) -> float | None:
        times = (
            entry.due if entry.token is None else entry.void_at for entry in self._entries.values()
        )
        return min((max(time - now, 0.0) for time in times if time > now), default=None)

    def _claimed(self, entry: _Entry, now: float) -> Claim:
        self._last_token += 1
        entry.token = self._last_token
        entry.void_at = now + self._place.ack_timeout
        self._in_hand[self._last_token] = entry
        return Claim(self._key, entry.event, entry.failures + 1, self._last_token)

    def _let_go(self, entry: _Entry) -> None:
        if entry.token is not None:
            del self._in_hand[entry.token]
            entry.token = None

    def _held(self, claim: Claim) -> _Entry:
        entry = self._in_hand.get(claim.token)
        if entry is None or entry.void_at <= self._clock.monotonic():
            raise DeliveryLostError(self._subscription.name, claim.event.offset)
        return entry

    def _row(self, claim: Claim) -> IdempotencyKey:
        consumer = self._key.consumer or ""
        key = f"inbox:{self._subscription.name}/{consumer}/{claim.event.id}"
        occasion = Occasion(KeyKind.INGEST, claim.event.stream)
        return IdempotencyKey(key, Answer(fingerprint_of(claim.event), b""), occasion)

    async def _settle(self, settlement: Settlement, entry: _Entry) -> None:
        intake = self._intake
        self._let_go(entry)
        if intake is None:
            return  # it was closed: the broker hands it out again
        match settlement:
            case PutBack(failed=failed, delay=delay):
                entry.failures += failed
                entry.due = self._clock.monotonic() + delay
            case SetAside(error=error):
                del self._entries[entry.event.id]
                await intake.set_aside([entry.arrival], error)
            case _:
                del self._entries[entry.event.id]
                self._done[entry.event.id] = None
                if len(self._done) > REMEMBERED:
                    self._done.popitem(last=False)
                await intake.acknowledge([entry.arrival])
