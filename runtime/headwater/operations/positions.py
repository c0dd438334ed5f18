"""How far subscriptions have come, cursor by cursor, and which of them stand still."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from headwater.clock import Clock, sleep
from headwater.deadlines import DEFAULT_DEADLINE, reading_within
from headwater.errors import UnknownSubscriptionError
from headwater.service import Service
from headwater.stores.ages import age_of_next
from headwater.stores.contract import Consumer, FeedKey, FeedStatistics, Store
from headwater.stores.groups import partition_key
from headwater.stores.retention import Gap
from headwater.subscriptions.definition import Mode, Subscription

__all__ = ["Position", "Positions", "Stall"]


class Stall(Enum):
    """Why a cursor with events before it does not move."""

    NOBODY_READS = "nobody reads"
    """No consumer that reads from it is connected."""

    NOTHING_SETTLED = "nothing settled"
    """A consumer is connected, and the oldest event was not settled while it was watched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far one cursor of a subscription has come."""

    subscription: str
    stream: str
    consumer: str | None
    """Whose cursor it is; `None` where consumers share it."""
    partition: int | None
    """Of a consumer group."""
    position: int
    """Offset up to which every event is settled."""
    lag: int
    """Events that are still to be settled."""
    in_hand: int
    """Those of them that are handed out; of a partition only what its owner has written down, which
    it does not do for each."""
    held: int
    """Those of them that wait for a release of the service that knows them."""
    oldest_age: float | None
    """Seconds since the oldest of them was recorded; `None` if there is none."""
    skipped: int
    """Events that were passed over because the service did not know them, since it began."""
    truncated: int
    """Offsets that retention took before they were read, since it began."""
    missed: Gap | None
    """Those of them that its reader was not told of yet: the first and the last."""
    dead_letters: int
    """Events that were set aside, those behind others among them."""
    behind: int
    """Those of them that only wait for an earlier one of their workflow."""
    unread: int | None
    """Events that the recipient has not read, delivered or not; `None` without read receipts."""
    members: tuple[str, ...]
    """Consumers that are connected and may be given its events."""
    owner: str | None
    """Of a partition: the consumer that reads it."""
    is_paused: bool
    stalled: Stall | None
    """Why it stands still, if events wait, it is not paused, and it does."""


class Positions:
    """The part of `Management` that tells how far subscriptions are."""

    service: Service[Any]
    _store: Store
    _clock: Clock

    async def positions(
        self,
        subscription: Subscription[Any] | None = None,
        *,
        watch: float = 0.0,
        deadline: float = DEFAULT_DEADLINE,
    ) -> list[Position]:
        """How far each cursor has come, of the subscription or of all; those that have one.

        With `watch` it looks twice, so many seconds apart: a cursor whose oldest event is the same
        both times is stalled, although somebody is connected. Choose more than a handler and its
        retries may take. Without, only those are stalled that nobody reads. `deadline` is for each
        look.

        Raises:
            UnknownSubscriptionError: It is not the service's.
        """
        if subscription is not None:
            self._require_known(subscription)
        asked = self.service.subscriptions if subscription is None else (subscription,)
        found = await self._look(asked, deadline)
        if watch <= 0:
            return found
        await sleep(self._clock, watch)
        before = {(one.subscription, one.consumer, one.partition): one for one in found}
        return [
            _compared(one, before.get((one.subscription, one.consumer, one.partition)))
            for one in await self._look(asked, deadline)
        ]

    async def _look(self, asked: Sequence[Subscription[Any]], deadline: float) -> list[Position]:
        async with reading_within(self._clock, deadline):
            paused = await self._store.paused()
            return [
                position
                for one in asked
                async for position in self._positions_of(one, is_paused=one.name in paused)
            ]

    async def _positions_of(
        self, subscription: Subscription[Any], *, is_paused: bool
    ) -> AsyncIterator[Position]:
        name = subscription.name
        consumers = await self._store.consumers(name)
        letters = await self._store.dead_letters(name)
        dead = Counter(letter.consumer for letter in letters)
        behind = Counter(letter.consumer for letter in letters if letter.behind)
        async for key, feed, partition, owner in self._cursors(subscription, consumers):
            age = None
            if feed.pending:
                now = self._clock.now()
                age = await age_of_next(self._store, subscription.stream, feed.position, now)
            shared = not subscription.mode.has_own_cursors
            members = tuple(
                one.name
                for one in consumers
                if one.sessions and (shared or one.name == key.consumer)
            )
            waits = feed.pending > 0 and not is_paused
            yield Position(
                subscription=name,
                stream=subscription.stream,
                consumer=None if shared else key.consumer,
                partition=partition,
                position=feed.position,
                lag=feed.pending,
                in_hand=feed.claimed,
                held=feed.held,
                oldest_age=age,
                skipped=feed.skipped,
                truncated=feed.truncated,
                missed=feed.gap,
                dead_letters=dead[key.consumer],
                behind=behind[key.consumer],
                unread=await self._unread(subscription, key),
                members=members,
                owner=owner,
                is_paused=is_paused,
                stalled=Stall.NOBODY_READS if waits and not members else None,
            )

    async def _unread(self, subscription: Subscription[Any], key: FeedKey) -> int | None:
        if subscription.mode is not Mode.READ_RECEIPT:
            return None
        with suppress(UnknownSubscriptionError):  # it was removed just now
            return await self._store.receipts.unread_count(key)
        return 0

    async def _cursors(
        self, subscription: Subscription[Any], consumers: Sequence[Consumer]
    ) -> AsyncIterator[tuple[FeedKey, FeedStatistics, int | None, str | None]]:
        """The keys and how far they are, with the number and the owner of each partition."""
        name = subscription.name
        if subscription.mode is Mode.CONSUMER_GROUP:
            with suppress(UnknownSubscriptionError):  # nobody has read it yet
                feeds = await self._store.partition_feeds(name)
                for one in await self._store.partitions(name):
                    number = one.partition
                    yield partition_key(name, number), feeds[number], number, one.consumer
            return
        if subscription.mode is Mode.READ_RECEIPT:
            keys = [FeedKey(name, one) for one in await self._store.receipts.recipients(name)]
        elif subscription.mode.has_own_cursors:
            keys = [FeedKey(name, consumer.name) for consumer in consumers]
        else:
            keys = [FeedKey(name)]
        for key in keys:
            with suppress(UnknownSubscriptionError):  # nobody has read it yet, or not any more
                yield key, await self._store.feed(key), None, None

    def _require_known(self, subscription: Subscription[Any]) -> None:
        if subscription not in self.service.subscriptions:
            raise UnknownSubscriptionError(self.service.name, subscription.name)


def _compared(now: Position, before: Position | None) -> Position:
    """The position as it is now, knowing how it was."""
    if before is None or now.stalled is not None or now.is_paused or not (before.lag and now.lag):
        return now
    stands = now.position == before.position
    return replace(now, stalled=Stall.NOTHING_SETTLED) if stands else now
