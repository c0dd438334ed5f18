"""Where a reader takes its claims from, and what it writes when they are settled."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from headwater.stores.contract import Claims, Connection, Feed, FeedKey, Settlement, Store, Unit
from headwater.stores.retention import Gap
from headwater.stores.signal import Signal
from headwater.streams import Remote, Stream

from .definition import Subscription
from .heartbeat import Heartbeat

__all__ = ["FeedSource", "Place", "Queues", "Source"]


class Source(Protocol):
    """Hands out a subscription's events to one session, from `open` to `close`."""

    @property
    def key(self) -> FeedKey:
        """What the events come from, for as long as there is the consumer or subscription."""

    async def open(self) -> None:
        """Have a place to read from; one that is there continues where it stood."""

    def changes(self) -> Signal:
        """Notifies when `claim` may have something.

        Raises:
            UnknownSubscriptionError: The consumer was removed.
        """

    async def claim(self, limit: int) -> Claims:
        """Up to `limit` events, the oldest first.

        Raises:
            UnknownSubscriptionError: The consumer was removed.
        """

    async def tell_gap(self, gap: Gap) -> None:
        """Take note that the reader was told of the gap, so that it is given events again."""

    def settling(self, settlements: Sequence[Settlement]) -> AbstractAsyncContextManager[Unit]:
        """A unit that settles these claims, to be committed while the block lasts.

        Leaving the block by an exception tells that it was not, or perhaps not.
        """

    def forget(self) -> None:
        """Keep the session alive no longer: its consumer was removed."""

    async def close(self) -> None:
        """End the session, once all that was claimed is settled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Who reads a subscription, and how much of it at once."""

    consumer: str
    is_anonymous: bool
    """Whether it is forgotten when its session ends."""
    expire_after: float | None
    """Seconds without a session after which it is forgotten."""
    in_flight: int
    """Events that it may have in hand at once."""
    ack_timeout: float
    """Seconds after which a claim is void, and counts as a failure."""


class Queues(Protocol):
    """Serves the subscriptions of streams that are read from a broker."""

    def register(self, subscription: Subscription[Any], remote: Remote, consumer: str) -> None:
        """Have a queue as soon as the broker is there."""

    def source(
        self, subscription: Subscription[Any], stream: Stream, remote: Remote, place: Place
    ) -> Source:
        """Where this consumer's next session takes its events from."""


class FeedSource:
    """A feed of the store: it keeps the claims, and who may have which event."""

    def __init__(
        self,
        feed: Feed,
        connection: Connection,
        expire_after: float | None,
        store: Store,
        heartbeat: Heartbeat,
    ) -> None:
        self.feed = feed
        self._connection = connection
        self._expire_after = expire_after
        self._store = store
        self._heartbeat = heartbeat

    @property
    def key(self) -> FeedKey:
        """The feed's."""
        return self.feed.key

    async def open(self) -> None:
        """Register the feed, and connect the session."""
        await self._store.register(self.feed)
        await self._heartbeat.connect(self._connection, self._expire_after)

    def changes(self) -> Signal:
        """The feed's, in the store."""
        return self._store.changes(self.feed.key)

    async def claim(self, limit: int) -> Claims:
        """What the store hands out to this session."""
        return await self._store.claim(self.feed.key, self._connection.session, limit)

    async def tell_gap(self, gap: Gap) -> None:
        """In the store, of the feed."""
        await self._store.tell_gap(self.feed.key, gap)

    @asynccontextmanager
    async def settling(self, settlements: Sequence[Settlement]) -> AsyncIterator[Unit]:
        """The settlements as they are: the store compares the claims."""
        yield Unit(settlements=tuple(settlements))

    def forget(self) -> None:
        """Beat for the session no more."""
        self._heartbeat.forget(self._connection)

    async def close(self) -> None:
        """Disconnect the session."""
        await self._heartbeat.disconnect(self._connection)
