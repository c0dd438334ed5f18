"""A broker inside the process: what services of one process publish to each other, and tests.

It keeps what a real one keeps: messages in the queues that were declared, until they are settled,
in the order in which they came.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from weakref import WeakValueDictionary

from headwater.clock import Clock, SystemClock
from headwater.errors import BrokerUnavailableError
from headwater.stores.signal import Signal

from .broker import Arrival, BrokerState, Message, Queue, Receipt, Topic

__all__ = ["MemoryBroker", "MemoryTransport"]


@dataclass(slots=True)
class _Kept:
    """A queue with what is in it."""

    ready: deque[Arrival] = field(default_factory=deque)
    dead: list[tuple[Arrival, str]] = field(default_factory=list)
    filled: Signal = field(default_factory=Signal)
    readers: list[object] = field(default_factory=list)


class MemoryBroker:
    """The queues, for as long as the process lives; any number of transports lead to it."""

    def __init__(self) -> None:
        self._queues: dict[Queue, _Kept] = {}
        self._last_tag = 0

    @staticmethod
    def named(name: str) -> MemoryBroker:
        """The broker of that name in this process, for as long as somebody has it."""
        broker = _NAMED.get(name)
        if broker is None:
            _NAMED[name] = broker = MemoryBroker()
        return broker

    @property
    def queues(self) -> tuple[Queue, ...]:
        """Those that were declared."""
        return tuple(self._queues)

    def dead_letters(self, queue: Queue) -> list[tuple[Arrival, str]]:
        """What was set aside, each with its reason, oldest first."""
        return list(self._queue(queue).dead)

    def declare(self, queue: Queue) -> None:
        """Have the queue from now on."""
        self._queues.setdefault(queue, _Kept())

    def remove(self, queue: Queue) -> None:
        """Have the queue no more, with all that is in it."""
        self._queues.pop(queue, None)

    def publish(self, topic: Topic, message: Message) -> Receipt:
        """Keep the message in every queue of the topic."""
        queues = [kept for queue, kept in self._queues.items() if queue.topic == topic]
        for kept in queues:
            self._last_tag += 1
            kept.ready.append(
                Arrival(self._last_tag, dict(message.headers), message.body, message.content_type)
            )
            kept.filled.notify()
        return Receipt.CONFIRMED if queues else Receipt.RETURNED

    def take(self, queue: Queue, limit: int) -> list[Arrival]:
        """The first messages that nobody has."""
        ready = self._queue(queue).ready
        return [ready.popleft() for _ in range(min(limit, len(ready)))]

    def put_back(self, queue: Queue, arrivals: Iterable[Arrival]) -> None:
        """Hand these out again, where they were."""
        kept = self._queue(queue)
        again = [replace(one, redeliveries=one.redeliveries + 1) for one in arrivals]
        kept.ready = deque(sorted((*again, *kept.ready), key=lambda one: one.tag))
        kept.filled.notify()

    def set_aside(self, queue: Queue, arrivals: Iterable[Arrival], reason: str) -> None:
        """Move these to the dead letters."""
        self._queue(queue).dead.extend((one, reason) for one in arrivals)

    def enter(self, queue: Queue, reader: object) -> None:
        """Have the queue read by one more."""
        self._queue(queue).readers.append(reader)

    def leave(self, queue: Queue, reader: object) -> None:
        """Have it read by one less."""
        self._queue(queue).readers.remove(reader)

    def is_served_by(self, queue: Queue, reader: object) -> bool:
        """Whether the reader gets messages: each does, or the one that came first."""
        return not queue.one_reader or self._queue(queue).readers[0] is reader

    def filled(self, queue: Queue) -> Signal:
        """Notifies when there is more to take."""
        return self._queue(queue).filled

    def _queue(self, queue: Queue) -> _Kept:
        return self._queues[queue]


_NAMED: WeakValueDictionary[str, MemoryBroker] = WeakValueDictionary()


class MemoryTransport:
    """A connection to a broker inside the process."""

    def __init__(
        self,
        broker: MemoryBroker | None = None,
        clock: Clock | None = None,
        *,
        address: str = "memory://",
    ) -> None:
        self._broker = broker or MemoryBroker()
        self._address = address
        self._clock = clock or SystemClock()
        self._state = BrokerState()
        self._changes = Signal()

    @property
    def address(self) -> str:
        """As it was given."""
        return self._address

    @property
    def state(self) -> BrokerState:
        """Connected from `open` to `close`."""
        return self._state

    @property
    def changes(self) -> Signal:
        """Notifies when it is opened and closed."""
        return self._changes

    async def open(self) -> None:
        """Connect."""
        self._become(BrokerState(connected=True, since=self._clock.now(), reason=""))

    async def close(self) -> None:
        """Disconnect. What was taken and not settled comes again."""
        self._become(BrokerState(since=self._clock.now(), reason="closed"))

    async def declare(self, queue: Queue) -> None:
        """Have the queue from now on."""
        self._require_connection()
        self._broker.declare(queue)

    async def remove(self, queue: Queue) -> None:
        """Have the queue no more."""
        self._require_connection()
        self._broker.remove(queue)

    async def publish(
        self, topic: Topic, messages: Sequence[Message], *, deadline: float
    ) -> list[Receipt]:
        """What became of each: kept, or returned where the topic has no queue."""
        if not self._state.connected:
            return [Receipt.REFUSED] * len(messages)
        return [self._broker.publish(topic, message) for message in messages]

    @asynccontextmanager
    async def read(self, queue: Queue, *, prefetch: int) -> AsyncIterator[MemoryIntake]:
        """Its messages, of which `prefetch` at most are unsettled at once."""
        self._require_connection()
        self._broker.declare(queue)
        intake = MemoryIntake(self._broker, queue, prefetch)
        intake.open()
        try:
            yield intake
        finally:
            intake.close()

    async def probe(self, *, deadline: float) -> None:
        """See that it is open."""
        self._require_connection()

    def _become(self, state: BrokerState) -> None:
        self._state = state
        self._changes.notify()

    def _require_connection(self) -> None:
        if not self._state.connected:
            raise BrokerUnavailableError(self._state.reason)


class MemoryIntake:
    """The messages of one queue."""

    def __init__(self, broker: MemoryBroker, queue: Queue, prefetch: int) -> None:
        self._broker = broker
        self._queue = queue
        self._prefetch = prefetch
        self._taken: dict[int, Arrival] = {}

    @property
    def changes(self) -> Signal:
        """Notifies when the queue is filled, or there is room for more."""
        return self._broker.filled(self._queue)

    def take_nowait(self, limit: int) -> Sequence[Arrival]:
        """Up to `limit` of the messages that are there."""
        room = self._prefetch - len(self._taken)
        if not self._broker.is_served_by(self._queue, self):
            return ()
        arrivals = self._broker.take(self._queue, min(limit, room))
        self._taken |= {one.tag: one for one in arrivals}
        return arrivals

    async def take(self, limit: int) -> Sequence[Arrival]:
        """The next messages: one at least, up to `limit`."""
        while True:
            changes = self.changes
            seen = changes.generation
            if arrivals := self.take_nowait(limit):
                return arrivals
            await changes.wait_after(seen)

    async def acknowledge(self, arrivals: Sequence[Arrival]) -> None:
        """Have the broker forget these."""
        self._settle(arrivals)

    async def put_back(self, arrivals: Sequence[Arrival]) -> None:
        """Have the broker hand these out again."""
        self._broker.put_back(self._queue, self._settle(arrivals))

    async def set_aside(self, arrivals: Sequence[Arrival], reason: str) -> None:
        """Have the broker move these to the queue's dead letters."""
        self._broker.set_aside(self._queue, self._settle(arrivals), reason)

    def open(self) -> None:
        """Be one of the queue's readers."""
        self._broker.enter(self._queue, self)

    def close(self) -> None:
        """Give back what is not settled."""
        self._broker.leave(self._queue, self)
        self._broker.put_back(self._queue, self._settle(tuple(self._taken.values())))

    def _settle(self, arrivals: Sequence[Arrival]) -> list[Arrival]:
        """Those that were not settled already."""
        settled = [taken for one in arrivals if (taken := self._taken.pop(one.tag, None))]
        self._broker.filled(self._queue).notify()  # there is room for more
        return settled
