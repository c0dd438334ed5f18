"""Two services and a broker between them: what the ledger enters, the books have to have.

The ledger's producers and relays work on the world's database, the books' ingesters and readers on
one of their own. What is checked: the books have every entry that was acknowledged once, in the
order of its account, and their reader took effect once for each; and of the relay all that is
checked of a subscription, a confirm being its effect.
"""

from __future__ import annotations

import asyncio
import json
import signal
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any
from uuid import uuid4

from headwater.stores.contract import FeedKey
from headwater.transports.broker import Queue, Topic
from headwater.transports.rabbitmq import RabbitmqOptions, RabbitmqTransport

from tests.faults.checker import Found, Promise, check, counts
from tests.faults.databases import Database
from tests.faults.history import History
from tests.faults.ledger import ENTRIES, POSTING, REMOTE_ENTRIES, books
from tests.faults.outcome import find
from tests.faults.recorded_broker import RELAYING
from tests.faults.world import Actor, World
from tests.support.rabbitmq import Broker

__all__ = ["BUSY", "IN_FLIGHT", "LIFETIME", "RESUME", "Across"]

RESUME = 10.0  # seconds from when the broker takes connections until events flow again
BUSY = 10.0  # seconds more, on a machine that may be busy
LIFETIME = 2.0  # seconds that a relay's claim lasts, and the lease to take in
IN_FLIGHT = 100  # events that a relay has in hand at most
TOPIC = Topic("ledger", ENTRIES)
QUEUE = Queue(TOPIC, "books", f"ledger.{ENTRIES}.ingest", one_reader=True)
QUICK: Mapping[str, Any] = {"connect_timeout": 5.0, "confirm_timeout": 1.0, "longest_pause": 1.0}


class Across:
    """The ledger in the world, a broker, and the books."""

    def __init__(self, world: World, books: Database, broker: Broker) -> None:
        self.world = world
        self.books = books
        self.broker = broker
        self.rabbitmq: dict[str, Any] = {**QUICK, "prefix": f"faults-{uuid4().hex[:12]}"}
        """Options of all transports."""

    # Who takes part

    def start_producer(self, **options: Any) -> Actor:
        """Enters into the ledger."""
        settings = {"subscribed": False, "published": True}
        return self.world.start("producer", ledger=settings, **options)

    def start_relay(self, url: str | None = None, **options: Any) -> Actor:
        """Carries the ledger's entries to the broker, which it may know under another address."""
        return self.world.start("relay", **self._options(url, options))

    def start_ingest(self, url: str | None = None, **options: Any) -> Actor:
        """Carries entries from the broker into the books."""
        return self.world.start("ingest", database=self.books.url, **self._options(url, options))

    def start_reader(self, **options: Any) -> Actor:
        """Takes effect for each entry in the books."""
        return self.world.start(
            "consumer", name="reader", service="books", database=self.books.url, **options
        )

    def _options(self, url: str | None, options: dict[str, Any]) -> dict[str, Any]:
        rabbitmq = {**self.rabbitmq, **options.pop("rabbitmq", {})}
        return {
            "lifetime": LIFETIME,
            **options,
            "rabbitmq": rabbitmq,
            "broker": url or self.broker.url,
        }

    def until_ready(self, *actors: Actor) -> None:
        """Return as soon as these have all that they need, or all that take part."""
        everybody = actors or tuple(self.world.actors)
        for actor in everybody:
            self.world.until_noted(1, actor, action="ready", kind="info")

    # What they work on

    def declare(self) -> None:
        """Have the queue, so that nothing has to wait for one."""

        async def declare() -> None:
            transport = RabbitmqTransport(self.broker.url, RabbitmqOptions(**self.rabbitmq))
            await transport.open()
            try:
                async with asyncio.timeout(RESUME):
                    await transport.ready()
                await transport.declare(QUEUE)
            finally:
                await transport.close()

        asyncio.run(declare())

    @property
    def queue(self) -> str:
        """The queue's name on the broker."""
        return RabbitmqTransport("amqp://x", self._named()).topology.queue_name(QUEUE)

    @property
    def exchange(self) -> str:
        """The exchange's name on the broker."""
        return RabbitmqTransport("amqp://x", self._named()).topology.exchange_name(TOPIC)

    def _named(self) -> RabbitmqOptions:
        return RabbitmqOptions(prefix=self.rabbitmq["prefix"])

    def waiting(self, queue: str | None = None) -> int:
        """How many messages are in the queue, handed out or not; in `queue`, if it is named."""
        listed = self.broker.control("list_queues", "name", "messages", "--formatter=json")
        wanted = queue or self.queue
        return sum(one["messages"] for one in json.loads(listed) if one["name"] == wanted)

    def taken_in(self) -> int:
        """How many entries the books have."""
        return _count(self.books, REMOTE_ENTRIES)

    def entered(self) -> int:
        """How many the ledger has."""
        return _count(self.world.database, ENTRIES)

    def arrived(self) -> int:
        """How many messages have come out of the queue, copies as well."""
        return _arrivals(self.world.history())

    def until_more_is_taken_in(self, count: int, within: float = RESUME + BUSY) -> None:
        """Return as soon as so many more entries are in the books."""
        before = self.taken_in()
        self.world.until(
            lambda: self.taken_in() >= before + count, f"{count} more are taken in", within
        )

    # The end

    def drain(self, *actors: Actor, within: float = 60.0) -> None:
        """Wait until the books have everything and its effects, then stop these actors kindly."""
        world = self.world
        world.until(lambda: world.database.left() == 0, "everything is relayed", within)
        world.until(lambda: self.taken_in() >= self.entered(), "all is taken in", within)
        world.until(lambda: self.books.left() == 0, "everything is settled", within)
        for actor in actors:
            world.until_noted(1, actor, action="ready", kind="info")
            actor.send(signal.SIGTERM)
        for actor in actors:
            assert actor.wait() == 0, f"{actor.name} failed:\n{world.logs()[-3000:]}"

    def assert_all_held(
        self,
        *,
        faults: Mapping[str, int] | None = None,
        logged: Collection[str] = (),
        relay_kills: int = 0,
        crashes: bool = False,
        set_aside: int = 0,
    ) -> Found:
        """Check every invariant on both sides; returns what the books have."""
        world = self.world
        ledger = find(world, key=FeedKey(RELAYING), faults=faults or {}, logged=logged)
        there = find(world, books(handler=False), key=FeedKey(POSTING), database=self.books)
        versions = {one.id: one.version for one in ledger.log or ()}
        there = replace(
            there,
            log=[replace(one, version=versions.get(one.id)) for one in there.log or ()],
        )
        history = world.history()
        relayed = [line for line in history if line.subscription in {"", RELAYING}]
        kept = [
            replace(line, version=versions.get(line.ids[0])) if line.action == "effect" else line
            for line in history
            if line.subscription != RELAYING
        ]
        relaying = Promise(
            subscription=RELAYING,
            in_flight=IN_FLIGHT,
            faults=relay_kills,
            ack_timeout=LIFETIME,
            crashes=crashes,
        )
        reading = Promise(crashes=crashes)
        world.figures.faults(Counter(line.id for line in history if line.action == "fault"))
        world.figures.add(**counts(kept, there, reading))
        copies = _arrivals(history) - len(there.log or ()) - set_aside
        world.figures.note(f"{copies} copies came from the broker, and had no effect")
        violations = [
            *check(relayed, ledger, relaying),
            *check(kept, there, reading),
        ]
        assert not violations, "\n".join(f"{one.invariant} {one.what}" for one in violations[:20])
        assert copies >= 0
        assert _put_aside(history) == set_aside
        return there


def _count(database: Database, stream: str) -> int:
    [row] = database.ask(f"SELECT count(*) FROM events WHERE stream = '{stream}'")  # noqa: S608
    return int(row[0])


def _arrivals(history: History) -> int:
    return sum(len(line.ids) for line in history if line.action == "arrival")


def _put_aside(history: History) -> int:
    return sum(line.action == "aside" for line in history)
