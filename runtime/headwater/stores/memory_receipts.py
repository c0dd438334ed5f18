"""Read receipts in memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from headwater.clock import Clock
from headwater.errors import UnknownSubscriptionError
from headwater.events import RecordedEvent

from .contract import Claim, DeadLetter, FeedKey
from .guards import feed_name
from .memory_feed import MemoryFeed
from .receipts import (
    Expired,
    Late,
    Receipt,
    ReceiptState,
    Received,
    UnreadEvent,
    UnreadPolicy,
    UnreadThen,
)

__all__ = ["Receipts"]


@dataclass(slots=True)
class _Noted:
    event: RecordedEvent
    state: ReceiptState
    attempts: int = 0
    delivered_at: datetime | None = None
    read_at: datetime | None = None
    due: float | None = None  # monotonic seconds


class Receipts:
    """The receipts of a store's recipients, by feed and offset."""

    def __init__(
        self,
        clock: Clock,
        feeds: Mapping[FeedKey, MemoryFeed],
        letters: Mapping[int, DeadLetter],
        set_aside: Callable[[FeedKey, RecordedEvent, str, int], None],
    ) -> None:
        self._clock = clock
        self._feeds = feeds
        self._letters = letters
        self._set_aside = set_aside
        self._noted: dict[FeedKey, dict[int, _Noted]] = {}

    def note(self, claim: Claim, receipt: Received) -> None:
        """Note that the recipient has the event, as part of what acknowledges it."""
        noted = self._noted.setdefault(claim.feed, {})
        known = noted.get(claim.event.offset)
        if known is not None and known.state is ReceiptState.READ:
            return
        now, due = self._clock.now(), None
        if receipt.unread_after is not None and not receipt.is_read:
            due = self._clock.monotonic() + receipt.unread_after
        noted[claim.event.offset] = _Noted(
            claim.event,
            ReceiptState.READ if receipt.is_read else ReceiptState.DELIVERED,
            claim.attempt,
            now,
            now if receipt.is_read else None,
            due,
        )

    def forget(self, key: FeedKey) -> None:
        """Have none of the recipient."""
        self._noted.pop(key, None)

    def reopen(self, key: FeedKey, offset: int) -> None:
        """Have an event that comes again be as one that never was delivered, unless it is read."""
        self._keep(key, lambda at, one: at != offset or one.state is ReceiptState.READ)

    def reopen_behind(self, key: FeedKey, offset: int) -> None:
        """Likewise all that are behind the offset."""
        self._keep(key, lambda at, one: at <= offset or one.state is ReceiptState.READ)

    def forget_gone(self, feed: MemoryFeed) -> None:
        """Have none of what the stream has let go and nobody needs any more."""
        needed = {event.offset for event in feed.pending()}
        self._keep(
            feed.definition.key,
            lambda at, one: at >= feed.first_offset or one.due is not None or at in needed,
        )

    def _keep(self, key: FeedKey, is_kept: Callable[[int, _Noted], bool]) -> None:
        if (noted := self._noted.get(key)) is not None:
            for offset in [at for at, one in noted.items() if not is_kept(at, one)]:
                del noted[offset]

    def first_unread(self, key: FeedKey) -> int | None:
        """Offset of the oldest event that was delivered to the recipient and is not read."""
        noted = self._noted.get(key, {}).items()
        return min((at for at, one in noted if one.state is ReceiptState.DELIVERED), default=None)

    async def recipients(self, subscription: str) -> list[str]:
        """Their names, sorted."""
        found = (key for key in self._feeds if key.subscription == subscription)
        return sorted(key.consumer for key in found if key.consumer is not None)

    async def read_of(self, key: FeedKey, offsets: Collection[int]) -> frozenset[int]:
        """Which of these the recipient has read."""
        noted = self._noted.get(key, {})
        return frozenset(
            offset
            for offset in offsets
            if offset in noted and noted[offset].state is ReceiptState.READ
        )

    async def offset_of(self, key: FeedKey, event: UUID) -> int | None:
        """Where the event is, if it is the recipient's."""
        feed = self._feed(key)
        theirs = (
            *(one.event for one in self._noted.get(key, {}).values()),
            *feed.pending(),
            *(letter.event for letter in self._letters_of(key)),
        )
        return next((one.offset for one in theirs if one.id == event), None)

    async def mark_read(self, key: FeedKey, offsets: Collection[int]) -> frozenset[int]:
        """Have the recipient read these."""
        self._mark(self._feed(key), offsets)
        return await self.read_of(key, offsets)

    async def mark_all_read(self, key: FeedKey, through: int | None) -> int:
        """Have the recipient read all up to that offset."""
        feed = self._feed(key)
        offsets = [one.event.offset for one in self._unread(feed)]
        return self._mark(
            feed, [offset for offset in offsets if through is None or offset <= through]
        )

    async def unread_count(self, key: FeedKey) -> int:
        """How many events the recipient has not read."""
        return len(self._unread(self._feed(key)))

    async def unread(self, key: FeedKey, after: int, limit: int) -> list[UnreadEvent]:
        """Those behind that offset."""
        return [one for one in self._unread(self._feed(key)) if one.event.offset > after][:limit]

    async def receipts(self, subscription: str, event: UUID) -> list[Receipt]:
        """What has become of the event for each recipient that it is for."""
        found = []
        for consumer in await self.recipients(subscription):
            key = FeedKey(subscription, consumer)
            noted = self._noted.get(key, {}).values()
            known = next((one for one in noted if one.event.id == event), None)
            if known is not None:
                found.append(Receipt(consumer, known.state, known.delivered_at, known.read_at))
            elif any(one.id == event for one in self._feeds[key].pending()):
                found.append(Receipt(consumer, ReceiptState.WAITING, None, None))
            elif any(letter.event.id == event for letter in self._letters_of(key)):
                found.append(Receipt(consumer, ReceiptState.DEAD_LETTERED, None, None))
        return found

    async def expire_unread(self, subscription: str, policy: UnreadPolicy, limit: int) -> Expired:
        """Do what the policy says with what was not read in time."""
        now = self._clock.monotonic()
        dues = sorted(
            (one.due, key.consumer or "", offset)
            for key, noted in self._noted.items()
            if key.subscription == subscription
            for offset, one in noted.items()
            if one.due is not None
        )
        expired = [one for one in dues if one[0] <= now][:limit]
        late = tuple(
            self._end(FeedKey(subscription, consumer), offset, policy)
            for _, consumer, offset in expired
        )
        left = dues[len(expired) :]
        return Expired(late, max(0.0, left[0][0] - now) if left else None)

    def _end(self, key: FeedKey, offset: int, policy: UnreadPolicy) -> Late:
        noted, then = self._noted[key][offset], policy.then
        if then is UnreadThen.REQUEUE and noted.attempts >= policy.attempts:
            then = UnreadThen.DEAD_LETTER
        noted.due = None
        match then:
            case UnreadThen.REQUEUE:
                del self._noted[key][offset]
                self._feed(key).requeue(noted.event, noted.attempts)
            case UnreadThen.DEAD_LETTER:
                noted.state = ReceiptState.DEAD_LETTERED
                self._set_aside(key, noted.event, policy.reason, noted.attempts)
            case UnreadThen.DROP:
                noted.state = ReceiptState.DROPPED
        return Late(key.consumer or "", offset, noted.attempts, then)

    def _mark(self, feed: MemoryFeed, offsets: Collection[int]) -> int:
        noted = self._noted.setdefault(feed.definition.key, {})
        pending = {event.offset: event for event in feed.pending()}
        marked = 0
        for offset in offsets:
            known = noted.get(offset)
            if known is None and offset in pending:
                known = noted[offset] = _Noted(pending[offset], ReceiptState.DELIVERED)
            if known is not None and known.state is ReceiptState.DELIVERED:
                known.state, known.due = ReceiptState.READ, None
                known.read_at = self._clock.now()
                marked += 1
        return marked

    def _unread(self, feed: MemoryFeed) -> list[UnreadEvent]:
        noted = self._noted.get(feed.definition.key, {})
        found = [
            UnreadEvent(one.event, one.delivered_at)
            for one in noted.values()
            if one.state is ReceiptState.DELIVERED and one.event.offset >= feed.first_offset
        ]
        found += [UnreadEvent(event, None) for event in feed.pending() if event.offset not in noted]
        return sorted(found, key=lambda one: one.event.offset)

    def _letters_of(self, key: FeedKey) -> list[DeadLetter]:
        return [
            letter
            for letter in self._letters.values()
            if FeedKey(letter.subscription, letter.consumer) == key
        ]

    def _feed(self, key: FeedKey) -> MemoryFeed:
        try:
            return self._feeds[key]
        except KeyError:
            raise UnknownSubscriptionError("the store", feed_name(key)) from None
