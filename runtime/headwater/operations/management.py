"""Look after a service's streams and subscriptions: how far they are, and what to put right.

It needs the service's database and no handlers, so it works beside a running service, in another
process, as well as inside of one.
"""

from __future__ import annotations

import getpass
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from headwater.clock import Clock, SystemClock
from headwater.deadlines import DEFAULT_DEADLINE, reading_within, writing_within
from headwater.errors import (
    HeadwaterError,
    ReplayUnavailableError,
    StoreUnavailableError,
    UnknownStreamError,
    UnknownSubscriptionError,
)
from headwater.events import RecordedEvent
from headwater.service import Service
from headwater.stores.contract import (
    Consumer,
    EventCount,
    FailedCommand,
    FeedKey,
    FeedStatistics,
    Store,
)
from headwater.stores.databases import existing_store
from headwater.stores.retention import spanned
from headwater.streams import (
    FromBeginning,
    Start,
    Stream,
    StreamStatistics,
    StreamType,
    ToLatest,
    Until,
)
from headwater.subscriptions.definition import Mode, OnUnknown, Subscription
from headwater.subscriptions.replay import Replay

from .census import count_events
from .crossings import Crossings
from .importing import Import, ImportedEvent
from .interventions import Interventions
from .keys import KEEP_KEYS, KeyKeeper, KeyRemoval, KeysPlan, plan_keys, require_long_enough
from .positions import Positions
from .reading import Reading
from .retention import Removal, Retainer, RetentionPlan, plan

__all__ = ["Management", "manage"]

_log = logging.getLogger("headwater.operations")


class Management(Reading, Interventions, Positions, Crossings):
    """A service's streams, subscriptions and stored commands, in a store that is open.

    Each call takes a `deadline` in seconds and returns by it: with `DeadlineExceededError` if it
    only reads, with `OutcomeUnknownError` if it may have changed something.
    """

    service: Service[Any]

    def __init__(
        self, service: Service[Any], store: Store, clock: Clock, actor: str | None = None
    ) -> None:
        self.service = service
        self._store = store
        self._clock = clock
        self._actor = login_name() if actor is None else actor

    async def unsubscribe(
        self,
        subscription: Subscription[Any],
        *,
        consumer: str,
        deadline: float = DEFAULT_DEADLINE,
    ) -> None:
        """Forget a consumer that has a cursor of its own: that, what waits for it, its receipts.

        A session that it still has ends its iteration.

        Raises:
            UnknownSubscriptionError: It is not the service's, or its consumers share one cursor.
        """
        self._require_kept(subscription)
        self._require_own_cursors(subscription)
        async with writing_within(self._clock, deadline, "removing a consumer"):
            await self._store.remove_consumer(subscription.name, consumer, actor=self._actor)
        about = {"subscription": subscription.name, "consumer": consumer}
        _log.info("consumer removed", extra=about)

    def _require_own_cursors(self, subscription: Subscription[Any]) -> None:
        if not subscription.mode.has_own_cursors:
            raise UnknownSubscriptionError(
                self.service.name, f"{subscription.name} with a cursor for each consumer"
            )

    async def consumers(
        self, subscription: Subscription[Any], *, deadline: float = DEFAULT_DEADLINE
    ) -> list[Consumer]:
        """The subscription's consumers in all processes, by name.

        Raises:
            UnknownSubscriptionError: It is not the service's.
        """
        self._require_known(subscription)
        async with reading_within(self._clock, deadline):
            return await self._store.consumers(subscription.name)

    async def is_paused(
        self, subscription: Subscription[Any], *, deadline: float = DEFAULT_DEADLINE
    ) -> bool:
        """Whether its events are handed out to nobody.

        Raises:
            UnknownSubscriptionError: It is not the service's.
        """
        self._require_known(subscription)
        async with reading_within(self._clock, deadline):
            return subscription.name in await self._store.paused()

    async def progress(
        self,
        subscription: Subscription[Any],
        *,
        consumer: str | None = None,
        deadline: float = DEFAULT_DEADLINE,
    ) -> FeedStatistics:
        """How far the subscription has come, and how many events wait.

        A broadcast needs the name of one of its consumers: each has come as far as it has.

        Raises:
            UnknownSubscriptionError: It is not the service's, or has no such consumer.
        """
        self._require_known(subscription)
        shared = not subscription.mode.has_own_cursors
        async with reading_within(self._clock, deadline):
            if subscription.mode is Mode.CONSUMER_GROUP:
                return await self._progress_of_group(subscription)
            return await self._store.feed(FeedKey(subscription.name, None if shared else consumer))

    async def _progress_of_group(self, subscription: Subscription[Any]) -> FeedStatistics:
        """Of all its partitions together: the position is that of the one furthest behind."""
        parts = await self._store.partition_feeds(subscription.name)
        return FeedStatistics(
            position=min(part.position for part in parts),
            claimed=sum(part.claimed for part in parts),
            pending=sum(part.pending for part in parts),
            held=sum(part.held for part in parts),
            skipped=sum(part.skipped for part in parts),
            truncated=sum(part.truncated for part in parts),
            gap=spanned(part.gap for part in parts),
        )

    async def held(self, *, deadline: float = DEFAULT_DEADLINE) -> dict[str, int]:
        """How many events wait for a release that knows them, by subscription; only where some do.

        Of a broadcast it is those of all its consumers together: an event counts once for each.
        """
        found: dict[str, int] = {}
        async with reading_within(self._clock, deadline):
            for one in self.service.subscriptions:
                if one.on_unknown is OnUnknown.HOLD and (count := await self._held_of(one)):
                    found[one.name] = count
        return found

    async def _held_of(self, subscription: Subscription[Any]) -> int:
        if subscription.mode is Mode.CONSUMER_GROUP:
            with suppress(UnknownSubscriptionError):  # nobody has read it yet
                return (await self._progress_of_group(subscription)).held
        keys = [FeedKey(subscription.name)]
        if subscription.mode.has_own_cursors:
            consumers = await self._store.consumers(subscription.name)
            keys = [FeedKey(subscription.name, one.name) for one in consumers]
        count = 0
        for key in keys:
            with suppress(UnknownSubscriptionError):  # a consumer that has just been removed
                count += (await self._store.feed(key)).held
        return count

    async def failed_commands(self, *, deadline: float = DEFAULT_DEADLINE) -> list[FailedCommand]:
        """Commands that handlers have sent and that were given up, oldest first."""
        async with reading_within(self._clock, deadline):
            return await self._store.failed_commands()

    async def retry_commands(
        self, *failed: FailedCommand, deadline: float = DEFAULT_DEADLINE
    ) -> int:
        """Try commands that were given up again, as new; how many still were."""
        async with writing_within(self._clock, deadline, "retrying commands"):
            return await self._store.retry_commands(
                [one.command.key for one in failed], actor=self._actor
            )

    async def statistics(
        self, stream: str, *, deadline: float = DEFAULT_DEADLINE
    ) -> StreamStatistics:
        """How far a stream of the service has come.

        Raises:
            UnknownStreamError: The service has no such stream.
        """
        name = self._stream(stream).name
        async with reading_within(self._clock, deadline):
            return await self._store.statistics(name)

    async def retention(self, *, deadline: float = DEFAULT_DEADLINE) -> list[RetentionPlan]:
        """What exceeds the retention of each stream that has one, and whom it waits for.

        It changes nothing. Where a size is limited it reads how large each event is, unless that
        is known from an earlier removal.
        """
        async with reading_within(self._clock, deadline):
            return [
                await plan(self._store, stream)
                for stream in self.service.kept_streams
                if stream.retention is not None
            ]

    async def retain(self, *, deadline: float = DEFAULT_DEADLINE) -> list[Removal]:
        """Remove now what exceeds the retention of a stream, a batch at a time.

        What is gone is gone for everybody at once; removing its bytes may take a while, and is
        gone on with by whoever comes next if the time is up.

        Raises:
            ConfigurationError: The database does not let this role remove events.
            StoreUnavailableError: Another process is at it.
        """
        retainer = Retainer(self._store, self.service.streams, self._clock)
        async with writing_within(self._clock, deadline, "removing old events"):
            removals = await retainer.retain()
        if removals is None:
            raise StoreUnavailableError("another process removes old events right now")
        return removals

    async def keys(
        self, *, kept: float = KEEP_KEYS, deadline: float = DEFAULT_DEADLINE
    ) -> list[KeysPlan]:
        """How many idempotency keys there are of which kind, and how many of them would go.

        `kept` is how long they are kept at least, in seconds. It changes nothing, and looks at all
        of them.

        Raises:
            ConfigurationError: The time is too short.
        """
        require_long_enough(kept)
        async with reading_within(self._clock, deadline):
            return await plan_keys(self._store, self.service.streams, kept)

    async def forget_keys(
        self, *, kept: float = KEEP_KEYS, deadline: float = DEFAULT_DEADLINE
    ) -> list[KeyRemoval]:
        """Remove now the idempotency keys that nobody needs any more, a batch at a time.

        A request that comes again after that is a new one. `kept` is in seconds; with 0 none goes.

        Raises:
            ConfigurationError: The time is too short, or the database does not let this role remove
                keys.
            StoreUnavailableError: Another process is at it.
        """
        require_long_enough(kept)
        keeper = KeyKeeper(self._store, self.service.streams, kept, self._clock)
        async with writing_within(self._clock, deadline, "removing old keys"):
            removals = await keeper.take_turn()
        if removals is None:
            raise StoreUnavailableError("another process removes old keys right now")
        return removals

    async def counts(self, stream: str, *, deadline: float = DEFAULT_DEADLINE) -> list[EventCount]:
        """How many events of which version a stream of the service has, by name and version.

        It reads all of the stream, a page at a time.

        Raises:
            UnknownStreamError: The service has no such stream.
        """
        name = self._stream(stream).name
        async with reading_within(self._clock, deadline):
            return await count_events(self._store, name)

    def importing(
        self, events: Sequence[ImportedEvent], *, deadline: float = DEFAULT_DEADLINE
    ) -> Import:
        """The import of events that `read_lines` gave. The deadline is for each read and batch."""
        return Import(events, self._store, self._clock, deadline)

    async def is_reachable(self, *, deadline: float = 2.0) -> bool:
        """Whether the store answers within `deadline` seconds."""
        try:
            async with reading_within(self._clock, deadline):
                await self._store.paused()
        except HeadwaterError as error:
            _log.warning("the store cannot be reached: %s", error)
            return False
        return True

    def replay(
        self,
        stream: str,
        *,
        start: Start = FromBeginning(),  # noqa: B008  (it is frozen)
        until: Until = ToLatest(),  # noqa: B008
        where: Callable[[RecordedEvent], bool] | None = None,
        limit: int | None = None,
        follow: bool = False,
        deadline: float = DEFAULT_DEADLINE,
    ) -> Replay:
        """The events of a persistent stream, to iterate; it changes nothing for any subscription.

        It ends with the event that `until` means, after `limit` events for which `where` holds, or
        with the newest event. With `follow` it does not end with the newest: what is recorded later
        comes next, without a gap and nothing twice, for as long as the store is open. `deadline`
        is for each page that it reads.

        Raises:
            UnknownStreamError: The service has no such stream.
            ReplayUnavailableError: It is ephemeral, or is not to be replayed.
        """
        definition = self._stream(stream)
        if definition.type is StreamType.EPHEMERAL:
            raise ReplayUnavailableError(stream, "it is ephemeral, its events go once consumed")
        if not definition.replay:
            raise ReplayUnavailableError(stream, "the spec says `replay: false`")
        return Replay(
            stream,
            self._store,
            self.service.registry_of(stream),
            self._clock,
            start=start,
            until=until,
            where=where,
            limit=limit,
            follow=follow,
            deadline=deadline,
            is_open=self._is_open,
        )

    def _is_open(self) -> bool:
        """Whether a replay that follows goes on."""
        return True

    def _stream(self, name: str) -> Stream:
        try:
            return self.service.stream(name)
        except KeyError:
            raise UnknownStreamError(self.service.name, name) from None


@asynccontextmanager
async def manage(
    service: Service[Any],
    database: str,
    *,
    actor: str | None = None,
    clock: Clock | None = None,
    deadline: float = DEFAULT_DEADLINE,
) -> AsyncIterator[Management]:
    """The management of a service that may run elsewhere, while the block lasts.

    `actor` is whose acts these are, for the lines that are kept of them; without, the name of the
    operating system's user. `deadline` is for opening the database, in seconds. Nothing is executed
    or handled here.

    Raises:
        ConfigurationError: There is no such database, it does not fit the service, or it is the
            memory of a process, which no other can look into.
        DeadlineExceededError: It did not open in time.
    """
    clock = clock or SystemClock()
    store = existing_store(database, clock)
    async with reading_within(clock, deadline):
        await store.open(service.kept_streams)
    try:
        yield Management(service, store, clock, actor)
    finally:
        await store.close()


def login_name() -> str:
    """The operating system's user, or "" where it has no name, as in some containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return ""
