"""What of a service goes out to a broker and comes in from one, while the service runs.

Published streams have a relay each, in every process: which event is with whom the store tells.
Remote streams that are taken in have an ingest each, in one process of all, under a lease. The
lease only says who is to read. That nobody else does the broker sees to, which serves one reader of
the queue at a time; and an event that two have at hand, because one was frozen, is written once.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headwater.clock import Clock, end_task, sleep
from headwater.deadlines import DEFAULT_DEADLINE, reading_within
from headwater.errors import ConfigurationError, HeadwaterError, UnknownSubscriptionError
from headwater.service import Service
from headwater.stores.committer import Committer
from headwater.stores.contract import Store
from headwater.stores.leases import Lease
from headwater.streams import Remote, Stream, StreamType
from headwater.subscriptions.activity import Activity
from headwater.subscriptions.definition import Subscription
from headwater.transports.broker import Topic, Transport

from .direct import BrokerQueues
from .ingest import Ingest, IngestState
from .relay import Relay, RelayState, relay_feed, relay_key

__all__ = ["Border", "BrokerStatus"]

LEASE = 15.0  # seconds that an ingesting process may be silent before another takes over
RENEWAL = LEASE / 3  # seconds
LOOK = 30.0  # seconds between two looks at the backlogs
NOTABLE_BACKLOG = 1_000  # events; told of, and again whenever it has doubled
TO_STOP = 5.0  # seconds that an ingest has at least, to write what it took

logger = logging.getLogger("headwater.broker")


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerStatus:
    """How it stands with the broker, in this process."""

    address: str
    """Without password."""
    connected: bool
    blocked: bool
    """Whether the broker takes no messages for now: it is low on memory or disk."""
    failures: int
    """Attempts to connect that failed since the last one that did not."""
    since: datetime | None
    """When that last changed."""
    reason: str
    """Why it is not connected; empty if it is."""
    relays: tuple[RelayState, ...]
    """Of the published streams."""
    ingests: tuple[IngestState, ...]
    """Of the remote streams that are taken in."""

    @property
    def state(self) -> str:
        """`connected`, `blocked` or `lost`."""
        if not self.connected:
            return "lost"
        return "blocked" if self.blocked else "connected"

    def summary(self) -> dict[str, Any]:
        """What anybody may know, as for JSON."""
        return {
            "state": self.state,
            "published": {
                one.stream: {
                    "backlog": one.backlog,
                    "oldest_age": one.oldest_age,
                    "circuit": one.circuit.value,
                }
                for one in self.relays
            },
            "taken_in": {
                one.stream: {
                    "here": one.is_active,
                    "set_aside": one.set_aside,
                    "circuit": one.circuit.value,
                }
                for one in self.ingests
            },
        }


class Border:
    """A service's relays and ingests, from `open` to `close`.

    Raises:
        ConfigurationError: A remote stream is read from the broker directly, and there is none.
    """

    def __init__(
        self,
        service: Service[Any],
        transport: Transport | None,
        *,
        store: Store,
        committer: Committer,
        clock: Clock,
        chance: random.Random,
        activity: Activity,
        prefetch: int,
    ) -> None:
        self._transport = transport
        self._store = store
        self._clock = clock
        self._published = [
            (one, one.publication) for one in service.streams if one.publication is not None
        ]
        self._remote = [(one, one.remote) for one in service.streams if one.remote is not None]
        self._tasks: list[asyncio.Task[None]] = []
        self._watch: asyncio.Task[None] | None = None
        self._relays: list[Relay] = []
        self._ingesters: list[_Ingester] = []
        self.queues: BrokerQueues | None = None
        """Of the streams that are read from the broker."""
        if transport is None:
            if direct := [stream.name for stream, _ in self._remote if not stream.is_kept]:
                raise ConfigurationError(
                    f"{', '.join(direct)} is read from the broker, and none is configured: name it "
                    "with HEADWATER_BROKER, such as amqp://user:password@host:port/virtual-host"
                )
            return
        self.queues = BrokerQueues(service, transport, clock, prefetch)
        for stream, publication in self._published:
            relay = Relay(
                stream,
                Topic(service.name, stream.name),
                publication.versions,
                store=store,
                committer=committer,
                registry=service.registry,
                transport=transport,
                clock=clock,
                chance=chance,
                activity=activity,
                unrouted=publication.unrouted,
            )
            self._relays.append(relay)
        for stream, remote in self._remote:
            if stream.is_kept:
                ingest = Ingest(
                    Topic(remote.service, remote.stream),
                    stream.name,
                    service.name,
                    store=store,
                    transport=transport,
                    clock=clock,
                    chance=chance,
                    activity=activity,
                    prefetch=prefetch,
                )
                self._ingesters.append(_Ingester(ingest, store, clock))

    @property
    def address(self) -> str | None:
        """Where the broker is, without secrets; `None` if there is none."""
        return None if self._transport is None else self._transport.address

    @property
    def cautions(self) -> tuple[str, ...]:
        """What a service without a broker misses."""
        if self._transport is not None:
            return ()
        return tuple(
            f"nothing new comes in of {stream.name}: no broker is configured (HEADWATER_BROKER)"
            for stream, _ in self._remote
        )

    async def register(self) -> None:
        """Have all that is published from now on wait for its relay.

        Of a log without a broker too: what is recorded goes out once there is one. An ephemeral
        stream is kept for the relay from its first start with a broker on; a queue that nobody
        will ever take anything from would only grow.
        """
        for stream, _ in self._published:
            if self._transport is not None or stream.type is StreamType.PERSISTENT:
                await self._store.register(relay_feed(stream))
            if self._transport is None:
                logger.info(
                    "%s is published, and no broker is configured: %s",
                    stream.name,
                    "its events wait in the log"
                    if stream.type is StreamType.PERSISTENT
                    else "its events go nowhere, unless there was a broker before",
                    extra={"stream": stream.name},
                )

    async def open(self) -> None:
        """Begin to connect. Whether the broker is there or not, it returns at once."""
        if self._transport is not None and self.queues is not None:
            await self._transport.open()
            self.queues.start()

    async def start_relays(self) -> None:
        """Take what is published to the broker, and have an eye on what is still to go."""
        for relay in self._relays:
            name = f"headwater-relay-{relay.stream}"
            self._tasks.append(asyncio.create_task(relay.run(), name=name))
        if self._published:
            self._watch = asyncio.create_task(self._keep_watch(), name="headwater-backlog")
        await asyncio.sleep(0)  # they count as being at work from their first step on

    async def stop_relays(self, within: float) -> None:
        """Return when what is on its way is settled, or so many seconds later."""
        for relay in self._relays:
            relay.stop()
        if self._watch is not None:
            await end_task(self._watch)
        await _finish(self._tasks, within)
        self._tasks.clear()

    async def start_ingests(self) -> None:
        """Take remote streams in, each unless another process does."""
        for ingester in self._ingesters:
            await ingester.start()

    async def stop_ingests(self, within: float) -> None:
        """Return when what was taken is written, or so many seconds later."""
        await asyncio.gather(*(one.stop(max(within, TO_STOP)) for one in self._ingesters))

    async def remove_consumer(
        self, subscription: Subscription[Any], remote: Remote, consumer: str
    ) -> None:
        """Have a consumer's queue no more.

        Raises:
            BrokerUnavailableError: The broker is not there.
        """
        if self.queues is not None:
            await self.queues.remove(subscription, remote, consumer)

    async def close(self) -> None:
        """Disconnect."""
        if self._transport is not None and self.queues is not None:
            await self.queues.stop()
            await self._transport.close()

    async def status(self) -> BrokerStatus | None:
        """How it stands; `None` if no broker is configured."""
        if self._transport is None:
            return None
        state = self._transport.state
        return BrokerStatus(
            address=self._transport.address,
            connected=state.connected,
            blocked=state.blocked,
            failures=state.failures,
            since=state.since,
            reason=state.reason,
            relays=tuple([await relay.state() for relay in self._relays]),
            ingests=tuple(ingester.state() for ingester in self._ingesters),
        )

    async def _keep_watch(self) -> None:
        """Tell when much has piled up, and when it is gone."""
        told: dict[str, int] = {}
        while True:
            await sleep(self._clock, LOOK)
            with suppress(HeadwaterError):  # it looks again
                async with reading_within(self._clock, DEFAULT_DEADLINE):
                    for stream, _ in self._published:
                        await self._look_at(stream, told)

    async def _look_at(self, stream: Stream, told: dict[str, int]) -> None:
        try:
            backlog = (await self._store.feed(relay_key(stream.name))).pending
        except UnknownSubscriptionError:
            return
        about = {"stream": stream.name, "backlog": backlog}
        before = told.get(stream.name, 0)
        if backlog >= max(NOTABLE_BACKLOG, 2 * before):
            told[stream.name] = backlog
            logger.warning("%d events wait to be taken to the broker", backlog, extra=about)
        elif before and backlog < NOTABLE_BACKLOG:
            del told[stream.name]
            logger.info("what waited for the broker is with it", extra=about)


class _Ingester:
    """Has one process of many take a stream in: the one that has the lease."""

    def __init__(self, ingest: Ingest, store: Store, clock: Clock) -> None:
        self._ingest = ingest
        self._store = store
        self._clock = clock
        self._owner = f"ingest-{secrets.token_hex(8)}"
        self._lease: Lease | None = None
        self._working: asyncio.Task[None] | None = None
        self._keeping: asyncio.Task[None] | None = None

    def state(self) -> IngestState:
        """How it goes, in this process."""
        return self._ingest.state()

    async def start(self) -> None:
        """Try to have the lease now, and from time to time."""
        await self._attempt()
        name = f"headwater-ingest-lease-{self._ingest.stream}"
        self._keeping = asyncio.create_task(self._keep(), name=name)

    async def stop(self, within: float) -> None:
        """Take in no more, and let another process have the lease."""
        if self._keeping is not None:
            await end_task(self._keeping)
        await self._rest(within)
        if self._lease is not None:
            with suppress(HeadwaterError):  # it ends by itself
                async with reading_within(self._clock, TO_STOP):
                    await self._store.release_lease(self._lease)

    async def _keep(self) -> None:
        while True:
            await sleep(self._clock, RENEWAL)
            await self._attempt()

    async def _attempt(self) -> None:
        """Have the lease, or have it for longer; and work as long as there is one."""
        about = {"stream": self._ingest.stream}
        try:
            async with reading_within(self._clock, RENEWAL):
                self._lease = await self._store.acquire_lease(
                    f"ingest:{self._ingest.stream}", self._owner, LEASE
                )
        except HeadwaterError as error:  # who has it goes on until another one can have it
            logger.warning("the lease to take a stream in waits: %s", error, extra=about)
            return
        if self._working is not None and self._working.done():
            if (failure := self._working.exception()) is not None:
                logger.error("taking in has ended, and begins anew", exc_info=failure, extra=about)
            self._working = None
        if self._lease is not None and self._working is None:
            logger.info("this process takes the stream in", extra=about)
            name = f"headwater-ingest-{self._ingest.stream}"
            self._working = asyncio.create_task(self._ingest.run(), name=name)
            await asyncio.sleep(0)  # it counts as being at work from its first step on
        elif self._lease is None and self._working is not None:
            logger.warning("another process takes the stream in", extra=about)
            await self._rest(TO_STOP)

    async def _rest(self, within: float) -> None:
        if self._working is not None:
            self._ingest.stop()
            await _finish([self._working], within)
            self._working = None


async def _finish(tasks: Sequence[asyncio.Task[None]], within: float) -> None:
    """Return when they are done, or were broken off so many seconds later."""
    if not tasks:
        return
    _, pending = await asyncio.wait(tasks, timeout=max(within, 0.0))
    for task in pending:
        logger.warning("%s is broken off", task.get_name())
        await end_task(task)
