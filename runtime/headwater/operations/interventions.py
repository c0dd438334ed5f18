"""What an operator changes: pauses, dead letters, where cursors stand; and what is kept of it."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from typing import Any

from headwater.clock import Clock
from headwater.deadlines import DEFAULT_DEADLINE, reading_within, writing_within
from headwater.errors import (
    ConfigurationError,
    ReplayUnavailableError,
    UnknownSubscriptionError,
)
from headwater.service import Service
from headwater.stores.contract import DeadLetter, FeedKey, Store
from headwater.stores.groups import PARTITIONS, partition_key
from headwater.stores.letters import LetterPlace, those_that_come_back
from headwater.stores.operating import Act, Reset
from headwater.streams import FromLatest, Start, StreamType
from headwater.subscriptions.definition import Mode, Subscription

__all__ = ["Interventions"]

_log = logging.getLogger("headwater.operations")


class Interventions:
    """The part of `Management` that puts things right. Each act leaves a line in `acts`."""

    service: Service[Any]
    _store: Store
    _clock: Clock
    _actor: str

    async def pause(
        self, subscription: Subscription[Any], *, deadline: float = DEFAULT_DEADLINE
    ) -> None:
        """Hand out none of its events, to nobody in any process, until `resume`.

        What is handed out already can be settled. It stays paused when the service starts again.

        Raises:
            UnknownSubscriptionError: It is not the service's.
            ConfigurationError: The broker's queue serves it.
        """
        self._require_kept(subscription)
        async with writing_within(self._clock, deadline, "pausing"):
            await self._store.pause(subscription.name, actor=self._actor)

    async def resume(
        self, subscription: Subscription[Any], *, deadline: float = DEFAULT_DEADLINE
    ) -> None:
        """Hand out its events again, from where it stood.

        Raises:
            UnknownSubscriptionError: It is not the service's.
            ConfigurationError: The broker's queue serves it.
        """
        self._require_kept(subscription)
        async with writing_within(self._clock, deadline, "resuming"):
            await self._store.resume(subscription.name, actor=self._actor)

    async def dead_letters(
        self,
        subscription: Subscription[Any],
        *,
        ids: Collection[int] | None = None,
        consumer: str | None = None,
        event: str | None = None,
        workflow_id: str | None = None,
        error: str | None = None,
        older_than: float | None = None,
        deadline: float = DEFAULT_DEADLINE,
    ) -> list[DeadLetter]:
        """The events that the subscription set aside, oldest first; of them those that fit.

        `error` is a part of the error's text, in small or capital letters; `older_than` are seconds
        since the event was set aside.

        Raises:
            UnknownSubscriptionError: It is not the service's.
        """
        self._require_known(subscription)
        async with reading_within(self._clock, deadline):
            letters = await self._store.dead_letters(subscription.name)
        now = self._clock.now()
        return [
            one
            for one in letters
            if (ids is None or one.id in ids)
            and (consumer is None or one.consumer == consumer)
            and (event is None or one.event.name == event)
            and (workflow_id is None or one.event.workflow_id == workflow_id)
            and (error is None or error.casefold() in one.error.casefold())
            and (older_than is None or (now - one.set_aside_at).total_seconds() >= older_than)
        ]

    async def requeue(
        self, *letters: DeadLetter, dry_run: bool = False, deadline: float = DEFAULT_DEADLINE
    ) -> int:
        """Have dead letters handed out again, as new, to whom they came from; how many.

        Each comes before later events of its workflow that nobody has yet, and with it come those
        that wait behind it. One that waits behind a letter that is not asked for stays. Those that
        were requeued or dropped meanwhile are passed over. With `dry_run` nothing is done.

        Raises:
            UnknownSubscriptionError: The consumer of one is gone; nothing was done.
        """
        chosen = [letter.id for letter in letters]
        if not dry_run:
            async with writing_within(self._clock, deadline, "requeueing"):
                return await self._store.requeue(chosen, actor=self._actor)
        async with reading_within(self._clock, deadline):
            return len(those_that_come_back(await self._places(letters), chosen))

    async def drop(
        self, *letters: DeadLetter, dry_run: bool = False, deadline: float = DEFAULT_DEADLINE
    ) -> int:
        """Forget dead letters for good; how many there were.

        Those that wait behind one stay, and keep the later events of their workflow back until they
        are requeued or dropped too. With `dry_run` nothing is done.
        """
        chosen = {letter.id for letter in letters}
        if not dry_run:
            async with writing_within(self._clock, deadline, "dropping dead letters"):
                return await self._store.drop(chosen, actor=self._actor)
        async with reading_within(self._clock, deadline):
            return len(chosen & {one.id for one in await self._places(letters)})

    async def _places(self, letters: Sequence[DeadLetter]) -> list[LetterPlace]:
        return [
            LetterPlace(
                one.id,
                FeedKey(one.subscription, one.consumer),
                one.event.workflow_id,
                one.event.offset,
                one.behind,
                one.unread,
            )
            for subscription in sorted({letter.subscription for letter in letters})
            for one in await self._store.dead_letters(subscription)
        ]

    async def reset(
        self,
        subscription: Subscription[Any],
        *,
        to: Start,
        consumer: str | None = None,
        partition: int | None = None,
        forced: bool = False,
        dry_run: bool = False,
        deadline: float = DEFAULT_DEADLINE,
    ) -> list[Reset]:
        """Have the subscription go on from elsewhere, and tell what comes of it, by cursor.

        All cursors are put there or none: those of all consumers, or of one `consumer`; all
        partitions of a consumer group, or one. What was settled behind the new place is delivered
        again, to handlers too, and what was not settled before it is not delivered any more. Dead
        letters stay as they are. Of an ephemeral stream, what waits can only be skipped, with
        `FromLatest()`.

        It is refused while a session reads, unless the subscription is paused and no event is
        handed out; so pause it, wait until `progress` says that nothing is claimed, reset, resume.
        (Of a consumer group a paused one will do: its members have nothing to tell any more.) With
        `forced` it is done at once: who has an event in hand can't settle it any more, and it may
        be handled twice. With `dry_run` nothing is refused and nothing is done.

        Raises:
            UnknownSubscriptionError: It is not the service's, nobody has read it yet, or it has no
                such consumer or partition.
            SubscriptionInUseError: Somebody reads.
            EventNotFoundError: The stream has no event with that id.
            ReplayUnavailableError: The stream is ephemeral, and `to` is not `FromLatest()`.
            ConfigurationError: The broker's queue serves it.
        """
        self._require_kept(subscription)
        stream = self.service.stream(subscription.stream)
        if stream.type is StreamType.EPHEMERAL and not isinstance(to, FromLatest):
            reason = "it is ephemeral, its events go once consumed: what waits can only be skipped"
            raise ReplayUnavailableError(stream.name, reason)
        async with writing_within(self._clock, deadline, "resetting"):
            keys = await self._keys(subscription, consumer, partition)
            resets = await self._store.reset(
                keys, to, forced=forced, dry_run=dry_run, actor=self._actor
            )
        if not dry_run:
            _log.warning(
                "%s was reset to %s: %d events come again, %d are skipped",
                subscription.name,
                to,
                sum(one.again for one in resets),
                sum(one.skipped for one in resets),
                extra={"subscription": subscription.name, "actor": self._actor},
            )
        return resets

    async def _keys(
        self, subscription: Subscription[Any], consumer: str | None, partition: int | None
    ) -> list[FeedKey]:
        name = subscription.name
        if partition is not None:
            if subscription.mode is not Mode.CONSUMER_GROUP or not 0 <= partition < PARTITIONS:
                raise UnknownSubscriptionError(self.service.name, f"{name}/partition {partition}")
            return [partition_key(name, partition)]
        if consumer is not None:
            if not subscription.mode.has_own_cursors:
                raise UnknownSubscriptionError(
                    self.service.name, f"{name} with a cursor for each consumer"
                )
            return [FeedKey(name, consumer)]
        if subscription.mode is Mode.CONSUMER_GROUP:
            return [partition_key(name, number) for number in range(PARTITIONS)]
        if not subscription.mode.has_own_cursors:
            return [FeedKey(name)]
        consumers = await self._store.consumers(name)
        if not consumers:
            raise UnknownSubscriptionError(self.service.name, f"{name} with a consumer")
        return [FeedKey(name, one.name) for one in consumers]

    async def acts(self, limit: int = 100, *, deadline: float = DEFAULT_DEADLINE) -> list[Act]:
        """The newest acts of operators on this database, oldest first, whoever did them."""
        async with reading_within(self._clock, deadline):
            return await self._store.acts(limit)

    def _require_known(self, subscription: Subscription[Any]) -> None:
        if subscription not in self.service.subscriptions:
            raise UnknownSubscriptionError(self.service.name, subscription.name)

    def _require_kept(self, subscription: Subscription[Any]) -> None:
        """Refuse one of which the broker knows everything, and the database nothing."""
        self._require_known(subscription)
        if not self.service.stream(subscription.stream).is_kept:
            raise ConfigurationError(
                f"{subscription.name} is served by the broker's queue: what is to be done about it "
                "is done there"
            )
