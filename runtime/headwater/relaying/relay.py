"""Take a published stream to the broker: each event at least once, those of a workflow in order.

The relay is a consumer of its stream like any other, with a feed of its own that begins at the
beginning. So what was recorded before there was a broker goes out too, an append never waits for
the broker, and of several processes each event is with one at a time: a claim is a lease of its
own, and when a process dies another one takes its claims over. An event is done once the broker has
confirmed it. The next event of its workflow is not sent before: what the broker refuses, or what
nobody can tell of, is sent again before anything that came after it.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from headwater.clock import Clock
from headwater.deadlines import DEFAULT_DEADLINE, writing_within
from headwater.errors import DeliveryLostError, UnknownEventError, UnreadableEventError
from headwater.events import RecordedEvent
from headwater.evolution import Registry
from headwater.stores.ages import age_of_next
from headwater.stores.committer import Committer
from headwater.stores.contract import (
    Acknowledge,
    Claim,
    Connection,
    Feed,
    FeedKey,
    Order,
    PutBack,
    SetAside,
    Settlement,
    Store,
    Unit,
)
from headwater.stores.signal import Signal
from headwater.streams import FromBeginning, FromLatest, Stream, StreamType, Unrouted
from headwater.subscriptions.activity import Activity
from headwater.transports.broker import Receipt, Topic, Transport
from headwater.transports.cloudevents import to_message

from .circuit import Circuit, CircuitState
from .rest import Rest

__all__ = ["Relay", "RelayState", "relay_feed", "relay_key"]

IN_FLIGHT = 100  # events that are with the broker, and not confirmed
HANDS = 2  # while one batch is with the broker, the next is taken and the last one settled
ACK_TIMEOUT = 30.0  # seconds until a claim of a process that died is somebody else's
HOLD_PAUSE = 5.0  # seconds until what nobody has a queue for is sent again
PAUSE_AFTER_A_STORE_ERROR = 1.0  # seconds

logger = logging.getLogger("headwater.relay")


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayState:
    """How far a stream has been taken to the broker."""

    stream: str
    position: int
    """Offset up to which every event is with the broker."""
    backlog: int
    """Events that are still to be taken there."""
    oldest_age: float | None
    """Seconds since the oldest of them was recorded, where that is known: of a log."""
    circuit: CircuitState
    published: int
    """Events that this process has had confirmed."""
    returned: int
    """How often this process was told that nobody has a queue."""
    last_published_at: datetime | None
    """By this process."""
    failing_since: datetime | None
    """Since when nothing this process sent was confirmed; `None` if the last was."""


def relay_key(stream: str) -> FeedKey:
    """The name of the relay's feed; no subscription's name has a colon."""
    return FeedKey(f"relay:{stream}")


def relay_feed(stream: Stream, in_flight: int = IN_FLIGHT) -> Feed:
    """The place that the relay reads from; it keeps an ephemeral stream's events for it."""
    return Feed(
        key=relay_key(stream.name),
        stream=stream.name,
        events=None,
        start=FromBeginning() if stream.type is StreamType.PERSISTENT else FromLatest(),
        order=Order.WORKFLOW,
        in_flight=in_flight,
        ack_timeout=ACK_TIMEOUT,
    )


class Relay:
    """Takes one stream to the broker, from `run` to `stop`.

    `versions` says at which version each event leaves.
    """

    def __init__(
        self,
        stream: Stream,
        topic: Topic,
        versions: Mapping[str, int],
        *,
        store: Store,
        committer: Committer,
        registry: Registry,
        transport: Transport,
        clock: Clock,
        chance: random.Random,
        activity: Activity | None = None,
        in_flight: int = IN_FLIGHT,
        unrouted: Unrouted = Unrouted.HOLD,
    ) -> None:
        self._topic = topic
        self._versions = versions
        self._store = store
        self._committer = committer
        self._registry = registry
        self._transport = transport
        self._clock = clock
        self._activity = activity or Activity()
        self._in_flight = in_flight
        self._unrouted = unrouted
        self._circuit = Circuit(clock, chance)
        self._published = self._returned = 0
        self._last_published_at: datetime | None = None
        self._failing_since: datetime | None = None
        self._stopped = False
        self._changes: Signal | None = None
        self._works_again = Signal()
        self._rest = Rest(clock, self._activity)
        self._is_log = stream.type is StreamType.PERSISTENT
        self._feed = relay_feed(stream, in_flight)
        session = f"relay#{chance.getrandbits(64):016x}"
        self._connection = Connection(session, self._feed.key, "relay")

    @property
    def stream(self) -> str:
        """The stream's name."""
        return self._feed.stream

    @property
    def key(self) -> FeedKey:
        """The name of its feed."""
        return self._feed.key

    async def register(self) -> None:
        """Have a place to read from; from now on an ephemeral stream keeps its events for it."""
        await self._store.register(self._feed)

    async def state(self) -> RelayState:
        """How far it has come."""
        statistics = await self._store.feed(self._feed.key)
        age = None
        if self._is_log and statistics.pending:
            now = self._clock.now()
            age = await age_of_next(self._store, self._feed.stream, statistics.position, now)
        return RelayState(
            stream=self._feed.stream,
            position=statistics.position,
            backlog=statistics.pending,
            oldest_age=age,
            circuit=self._circuit.state,
            published=self._published,
            returned=self._returned,
            last_published_at=self._last_published_at,
            failing_since=self._failing_since,
        )

    async def run(self) -> None:
        """Take events to the broker until stopped, whatever the broker and the store do."""
        self._stopped = False
        async with asyncio.TaskGroup() as hands:
            for number in range(1, HANDS):
                hands.create_task(self._work(number), name=f"headwater-relay-{number}")
            await self._work(0)

    async def _work(self, number: int) -> None:
        """Take one batch after the other; the first hand alone as long as the broker fails."""
        with self._activity.working():
            while not self._stopped:
                try:
                    await self._wait_for_the_broker()
                    if number:
                        await self._wait_for_the_first()
                    await self._take()
                except Exception:  # it outlives whatever the store does
                    logger.exception(
                        "the relay of %s cannot go on, again in %g s",
                        self._feed.stream,
                        PAUSE_AFTER_A_STORE_ERROR,
                    )
                    if not self._stopped:
                        await self._rest.take(PAUSE_AFTER_A_STORE_ERROR)

    def stop(self) -> None:
        """Take nothing more; `run` returns when what is on its way is settled."""
        self._stopped = True
        self._transport.changes.notify()
        self._works_again.notify()
        self._rest.break_off()
        if self._changes is not None:
            self._changes.notify()

    async def _wait_for_the_broker(self) -> None:
        while not self._stopped:
            seen = self._transport.changes.generation
            state = self._transport.state
            if state.connected and not state.blocked:
                return
            with self._activity.parked(self._transport.changes, seen):
                await self._transport.changes.wait_after(seen)

    async def _wait_for_the_first(self) -> None:
        while not self._stopped:
            seen = self._works_again.generation
            if self._circuit.state is CircuitState.CLOSED:
                return
            with self._activity.parked(self._works_again, seen):
                await self._works_again.wait_after(seen)

    async def _take(self) -> None:
        """One batch: the first waiting events of as many workflows as there are, up to a limit."""
        if self._stopped:
            return
        self._changes = changes = self._store.changes(self._feed.key)
        seen = changes.generation
        works = self._circuit.state is CircuitState.CLOSED
        limit = max(1, self._in_flight // HANDS) if works else 1
        async with writing_within(self._clock, DEFAULT_DEADLINE, "taking events to relay"):
            found = await self._store.claim(self._feed.key, self._connection.session, limit)
        if found.claims:
            pause = await self._send(found.claims)
            if pause and not self._stopped:
                await self._rest.take(pause)
            return
        timer = found.next_due is not None and self._clock.call_later(
            found.next_due, changes.notify
        )
        try:
            with self._activity.parked(changes, seen):
                await changes.wait_after(seen)
        finally:
            if timer:
                timer.cancel()

    async def _send(self, claims: Sequence[Claim]) -> float:
        """Publish these and settle each; returns how many seconds to wait before the next."""
        settlements: list[Settlement] = []
        sendable: list[tuple[Claim, RecordedEvent]] = []
        for claim in claims:
            try:
                sendable.append((claim, self._as_published(claim.event)))
            except UnknownEventError as error:
                logger.error("event held until a service runs that knows it: %s", error)
                settlements.append(PutBack(claim, failed=False, delay=HOLD_PAUSE, held=True))
            except UnreadableEventError as error:
                logger.error("event cannot be published: %s", error)
                settlements.append(SetAside(claim, str(error)))
        messages = [to_message(self._topic, event) for _, event in sendable]
        receipts = (
            await self._transport.publish(self._topic, messages, deadline=ACK_TIMEOUT / 2)
            if messages
            else []
        )
        pause = self._judge(receipts)
        settlements += [
            self._settlement(claim, receipt, pause)
            for (claim, _), receipt in zip(sendable, receipts, strict=True)
        ]
        await self._settle(settlements)
        return pause

    def _as_published(self, event: RecordedEvent) -> RecordedEvent:
        """The event at the version at which it leaves.

        Raises:
            UnknownEventError: The service does not know it, or its version.
            UnreadableEventError: It could not be brought there.
        """
        wanted = self._versions.get(event.name)
        if wanted is None:
            raise UnknownEventError(event.name, event.version, ())
        if wanted == event.version:
            return event
        brought = self._registry.decode(event, {event.name: wanted})
        return event._replace(version=wanted, data=brought.model_dump_json(by_alias=True).encode())

    def _judge(self, receipts: Sequence[Receipt]) -> float:
        """Count what became of a batch; how many seconds to wait, 0 if the broker works."""
        confirmed = receipts.count(Receipt.CONFIRMED)
        returned = receipts.count(Receipt.RETURNED)
        self._published += confirmed
        self._returned += returned
        if confirmed:
            self._last_published_at = self._clock.now()
        if confirmed + returned == len(receipts):
            self._circuit.succeeded()
            self._works_again.notify()
            self._failing_since = None
            return 0.0
        before = self._circuit.state
        pause = self._circuit.failed()
        self._failing_since = self._failing_since or self._clock.now()
        if before is CircuitState.CLOSED and self._circuit.state is not before:
            logger.error(
                "the broker keeps none of what is published; trying with one event at a time",
                extra={"stream": self._feed.stream, "attempts": self._circuit.failures},
            )
        return pause

    def _settlement(self, claim: Claim, receipt: Receipt, pause: float) -> Settlement:
        match receipt:
            case Receipt.CONFIRMED:
                return Acknowledge(claim)
            case Receipt.RETURNED if self._unrouted is Unrouted.DROP:
                return Acknowledge(claim)
            case Receipt.RETURNED:
                return PutBack(claim, failed=False, delay=HOLD_PAUSE)
            case _:
                return PutBack(claim, failed=False, delay=pause)

    async def _settle(self, settlements: Sequence[Settlement]) -> None:
        """In one unit; where one of the claims is lost, each in its own."""
        try:
            unit = Unit(settlements=tuple(settlements), durable=False)
            async with writing_within(self._clock, DEFAULT_DEADLINE, "settling what was relayed"):
                await self._committer.commit(unit)
        except DeliveryLostError:
            for one in settlements:
                async with writing_within(self._clock, DEFAULT_DEADLINE, "settling"):
                    with suppress(DeliveryLostError):  # somebody else sends it again
                        await self._committer.commit(Unit(settlements=(one,), durable=False))
