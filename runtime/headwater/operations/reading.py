"""What the recipients of a subscription with `mode: read-receipt` have read, and have not."""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID

from headwater.clock import Clock
from headwater.deadlines import DEFAULT_DEADLINE, reading_within, writing_within
from headwater.errors import EventNotFoundError, UnknownSubscriptionError
from headwater.service import Service
from headwater.stores.contract import FeedKey, Store
from headwater.stores.receipts import Receipt, UnreadEvent
from headwater.streams import FromEventId, Start
from headwater.subscriptions.definition import Mode, Subscription
from headwater.subscriptions.reader import feed_of
from headwater.subscriptions.readership import require_consumer_name

__all__ = ["Reading"]

_log = logging.getLogger("headwater.operations")


class Reading:
    """The part of `Management` that is about read receipts."""

    service: Service[Any]
    _store: Store
    _clock: Clock

    async def recipients(
        self, subscription: Subscription[Any], *, deadline: float = DEFAULT_DEADLINE
    ) -> list[str]:
        """The names of the subscription's recipients, also of those that never had a session.

        Raises:
            UnknownSubscriptionError: It is not the service's, or has no read receipts.
        """
        self._require_receipts(subscription)
        async with reading_within(self._clock, deadline):
            return await self._store.receipts.recipients(subscription.name)

    async def add_recipient(
        self,
        subscription: Subscription[Any],
        *,
        consumer: str,
        start: Start | None = None,
        deadline: float = DEFAULT_DEADLINE,
    ) -> bool:
        """Have events kept unread for a recipient that may not have a session for a while.

        From `start` on; without it from where the subscription says. Returns whether there was
        none of that name; one that is there stays as it is. A recipient is also added by its first
        session.

        Raises:
            ConfigurationError: The name is empty, too long or unprintable.
            EventNotFoundError: The stream has no event with the id of `start`.
            UnknownSubscriptionError: It is not the service's, or has no read receipts.
        """
        self._require_receipts(subscription)
        require_consumer_name(consumer)
        feed = feed_of(subscription, self.service.stream(subscription.stream), consumer)
        if start is not None:
            feed = feed.starting(start)
        async with writing_within(self._clock, deadline, "adding a recipient"):
            if consumer in await self._store.receipts.recipients(subscription.name):
                return False
            await self._store.register(feed)
        about = {"subscription": subscription.name, "consumer": consumer}
        _log.info("recipient added", extra=about)
        return True

    async def mark_as_read(
        self,
        subscription: Subscription[Any],
        event: UUID | int,
        *,
        consumer: str,
        deadline: float = DEFAULT_DEADLINE,
    ) -> bool:
        """Have the recipient read the event with that id or offset, delivered or not.

        Returns whether it has read it now; not if its time to read it was over before. Reading it
        again changes nothing.

        Raises:
            EventNotFoundError: No event with that id is the recipient's.
            UnknownSubscriptionError: It is not the service's, or has no such recipient.
        """
        key = self._recipient(subscription, consumer)
        async with writing_within(self._clock, deadline, "marking an event as read"):
            offset = event
            if isinstance(offset, UUID):
                found = await self._store.receipts.offset_of(key, offset)
                if found is None:
                    raise EventNotFoundError(subscription.stream, offset)
                offset = found
            return offset in await self._store.receipts.mark_read(key, [offset])

    async def mark_all_as_read(
        self,
        subscription: Subscription[Any],
        *,
        consumer: str,
        through: int | None = None,
        deadline: float = DEFAULT_DEADLINE,
    ) -> int:
        """Have the recipient read all up to the offset `through`, or all there is.

        Returns how many were unread. What is still to be delivered of them is not delivered.

        Raises:
            UnknownSubscriptionError: It is not the service's, or has no such recipient.
        """
        key = self._recipient(subscription, consumer)
        async with writing_within(self._clock, deadline, "marking events as read"):
            return await self._store.receipts.mark_all_read(key, through)

    async def unread_count(
        self,
        subscription: Subscription[Any],
        *,
        consumer: str,
        deadline: float = DEFAULT_DEADLINE,
    ) -> int:
        """How many events the recipient has not read, delivered or still to be.

        Raises:
            UnknownSubscriptionError: It is not the service's, or has no such recipient.
        """
        key = self._recipient(subscription, consumer)
        async with reading_within(self._clock, deadline):
            return await self._store.receipts.unread_count(key)

    async def unread(
        self,
        subscription: Subscription[Any],
        *,
        consumer: str,
        after: int = 0,
        limit: int = 100,
        deadline: float = DEFAULT_DEADLINE,
    ) -> list[UnreadEvent]:
        """What the recipient has not read, in order: `limit` at most, behind the offset `after`.

        Raises:
            UnknownSubscriptionError: It is not the service's, or has no such recipient.
        """
        key = self._recipient(subscription, consumer)
        async with reading_within(self._clock, deadline):
            return await self._store.receipts.unread(key, after, limit)

    async def receipts(
        self,
        subscription: Subscription[Any],
        event: UUID,
        *,
        deadline: float = DEFAULT_DEADLINE,
    ) -> list[Receipt]:
        """Who has read the event, to whom it was delivered, and for whom it waits, by name.

        Recipients that came after the event are not among them.

        Raises:
            EventNotFoundError: The stream has no event with that id, or no longer.
            UnknownSubscriptionError: It is not the service's, or has no read receipts.
        """
        self._require_receipts(subscription)
        async with reading_within(self._clock, deadline):
            found = await self._store.receipts.receipts(subscription.name, event)
            if not found:
                await self._store.position(subscription.stream, FromEventId(event))  # is there one?
            return found

    def _recipient(self, subscription: Subscription[Any], consumer: str) -> FeedKey:
        self._require_receipts(subscription)
        return FeedKey(subscription.name, consumer)

    def _require_receipts(self, subscription: Subscription[Any]) -> None:
        if subscription not in self.service.subscriptions:
            raise UnknownSubscriptionError(self.service.name, subscription.name)
        if subscription.mode is not Mode.READ_RECEIPT:
            raise UnknownSubscriptionError(
                self.service.name, f"{subscription.name} with read receipts"
            )
