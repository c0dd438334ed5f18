"""Look after a service's streams and subscriptions: how far they are, and what to put right.

It needs the service's database and no handlers, so it works beside a running service, in another
process, as well as inside of one.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from headwater.clock import Clock, SystemClock
from headwater.deadlines import DEFAULT_DEADLINE, reading_within, writing_within
from headwater.errors import (
    HeadwaterError,
    ReplayUnavailableError,
    UnknownStreamError,
    UnknownSubscriptionError,
)
from headwater.events import RecordedEvent
from headwater.service import Service
from headwater.stores.contract import (
    Consumer,
    DeadLetter,
    EventCount,
    FailedCommand,
    FeedKey,
    FeedStatistics,
    Store,
)
from headwater.stores.databases import existing_store
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
from .importing import Import, ImportedEvent

__all__ = ["Management", "manage"]

_log = logging.getLogger("headwater.operations")


class Management:
    """A service's streams, subscriptions and stored commands, in a store that is open.

    Each call takes a `deadline` in seconds and returns by it: with `DeadlineExceededError` if it
    only reads, with `OutcomeUnknownError` if it may have changed something.
    """

    service: Service[Any]

    def __init__(self, service: Service[Any], store: Store, clock: Clock) -> None:
        self.service = service
        self._store = store
        self._clock = clock

    async def unsubscribe(
        self,
        subscription: Subscription[Any],
        *,
        consumer: str,
        deadline: float = DEFAULT_DEADLINE,
    ) -> None:
        """Forget a consumer of a broadcast subscription, its cursor and what waits for it.

        A session that it still has ends its iteration.

        Raises:
            UnknownSubscriptionError: It is not the service's, or its consumers share one cursor.
        """
        self._require_known(subscription)
        if subscription.mode is not Mode.BROADCAST:
            raise UnknownSubscriptionError(
                self.service.name, f"{subscription.name} with a cursor for each consumer"
            )
        async with writing_within(self._clock, deadline, "removing a consumer"):
            await self._store.remove_consumer(subscription.name, consumer)
        about = {"subscription": subscription.name, "consumer": consumer}
        _log.info("consumer removed", extra=about)

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

    async def pause(
        self, subscription: Subscription[Any], *, deadline: float = DEFAULT_DEADLINE
    ) -> None:
        """Hand out none of its events, to nobody in any process, until `resume`.

        What is handed out already can be settled. It stays paused when the service starts again.

        Raises:
            UnknownSubscriptionError: It is not the service's.
        """
        self._require_known(subscription)
        async with writing_within(self._clock, deadline, "pausing"):
            await self._store.pause(subscription.name)

    async def resume(
        self, subscription: Subscription[Any], *, deadline: float = DEFAULT_DEADLINE
    ) -> None:
        """Hand out its events again, from where it stood.

        Raises:
            UnknownSubscriptionError: It is not the service's.
        """
        self._require_known(subscription)
        async with writing_within(self._clock, deadline, "resuming"):
            await self._store.resume(subscription.name)

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
        shared = subscription.mode is not Mode.BROADCAST
        async with reading_within(self._clock, deadline):
            return await self._store.feed(FeedKey(subscription.name, None if shared else consumer))

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
        keys = [FeedKey(subscription.name)]
        if subscription.mode is Mode.BROADCAST:
            consumers = await self._store.consumers(subscription.name)
            keys = [FeedKey(subscription.name, one.name) for one in consumers]
        count = 0
        for key in keys:
            with suppress(UnknownSubscriptionError):  # a consumer that has just been removed
                count += (await self._store.feed(key)).held
        return count

    async def dead_letters(
        self, subscription: Subscription[Any], *, deadline: float = DEFAULT_DEADLINE
    ) -> list[DeadLetter]:
        """The events that the subscription set aside, oldest first.

        Raises:
            UnknownSubscriptionError: It is not the service's.
        """
        self._require_known(subscription)
        async with reading_within(self._clock, deadline):
            return await self._store.dead_letters(subscription.name)

    async def requeue(self, *letters: DeadLetter, deadline: float = DEFAULT_DEADLINE) -> int:
        """Have dead letters handed out again, as new, to whom they came from; how many.

        Each comes before later events of its workflow that nobody has yet. Those that were
        requeued or dropped meanwhile are passed over.

        Raises:
            UnknownSubscriptionError: The consumer of one is gone; nothing was done.
        """
        async with writing_within(self._clock, deadline, "requeueing"):
            return await self._store.requeue([letter.id for letter in letters])

    async def drop(self, *letters: DeadLetter, deadline: float = DEFAULT_DEADLINE) -> int:
        """Forget dead letters; how many there were."""
        async with writing_within(self._clock, deadline, "dropping dead letters"):
            return await self._store.drop([letter.id for letter in letters])

    async def failed_commands(self, *, deadline: float = DEFAULT_DEADLINE) -> list[FailedCommand]:
        """Commands that handlers have sent and that were given up, oldest first."""
        async with reading_within(self._clock, deadline):
            return await self._store.failed_commands()

    async def retry_commands(
        self, *failed: FailedCommand, deadline: float = DEFAULT_DEADLINE
    ) -> int:
        """Try commands that were given up again, as new; how many still were."""
        async with writing_within(self._clock, deadline, "retrying commands"):
            return await self._store.retry_commands([one.command.key for one in failed])

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
            self.service.registry,
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

    def _require_known(self, subscription: Subscription[Any]) -> None:
        if subscription not in self.service.subscriptions:
            raise UnknownSubscriptionError(self.service.name, subscription.name)


@asynccontextmanager
async def manage(
    service: Service[Any],
    database: str,
    *,
    clock: Clock | None = None,
    deadline: float = DEFAULT_DEADLINE,
) -> AsyncIterator[Management]:
    """The management of a service that may run elsewhere, while the block lasts.

    `deadline` is for opening the database, in seconds. Nothing is executed or handled here.

    Raises:
        ConfigurationError: There is no such database, it does not fit the service, or it is the
            memory of a process, which no other can look into.
        DeadlineExceededError: It did not open in time.
    """
    clock = clock or SystemClock()
    store = existing_store(database, clock)
    async with reading_within(clock, deadline):
        await store.open(service.streams)
    try:
        yield Management(service, store, clock)
    finally:
        await store.close()
