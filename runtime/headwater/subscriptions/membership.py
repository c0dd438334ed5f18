"""A session's membership in a consumer group: the partitions it owns, taken, handled, given up.

While it lives a task asks the store for the session's share whenever that may have changed: new
partitions are taken with their cursors, a surplus is drained (nothing more is handed out, what is
in hand is settled) and released, so that nothing is handled twice when members come and go. What
the store has given to somebody else is lost at once: claims of it can't be settled any more.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext, suppress

from headwater.clock import Clock, sleep
from headwater.deadlines import DEFAULT_DEADLINE, writing_within
from headwater.stores.committer import Committer
from headwater.stores.contract import (
    Claims,
    Connection,
    FeedKey,
    Settlement,
    Store,
    Unit,
)
from headwater.stores.groups import Group, Ownership, Share
from headwater.stores.retention import Gap
from headwater.stores.signal import Signal

from .activity import Activity
from .heartbeat import Heartbeat
from .holdings import Holdings
from .pages import Pages
from .partition import OwnedPartition

__all__ = ["Membership"]

PAUSE_AFTER_A_STORE_ERROR = 1.0  # seconds

logger = logging.getLogger("headwater.subscriptions")


class Membership:
    """One session of a group: a `Source` of the events in its partitions."""

    def __init__(
        self,
        group: Group,
        connection: Connection,
        *,
        in_flight: int,
        ack_timeout: float,
        sets_aside_behind: bool,
        expire_after: float | None,
        store: Store,
        committer: Committer,
        pages: Pages,
        heartbeat: Heartbeat,
        clock: Clock,
        activity: Activity | None,
    ) -> None:
        self._group = group
        self._connection = connection
        self._sets_aside_behind = sets_aside_behind
        self._expire_after = expire_after
        self._store = store
        self._heartbeat = heartbeat
        self._clock = clock
        self._activity = activity
        self._holdings = Holdings(
            group,
            connection.consumer,
            in_flight=in_flight,
            ack_timeout=ack_timeout,
            store=store,
            committer=committer,
            pages=pages,
            clock=clock,
        )
        self._owned = self._holdings.partitions
        self._is_paused = False
        self._is_in_doubt = False  # whether others may have what it owned
        self._changed = Signal()  # there may be something to hand out
        self._next_due: float | None = None  # seconds, of the share
        self._task: asyncio.Task[None] | None = None

    @property
    def key(self) -> FeedKey:
        """The group's."""
        return FeedKey(self._group.subscription)

    @property
    def partitions(self) -> tuple[int, ...]:
        """Those that it owns now, in their order."""
        return tuple(sorted(self._owned))

    async def open(self) -> None:
        """Join the group, and take what nobody has."""
        await self._store.register_group(self._group)
        await self._heartbeat.connect(self._connection, self._expire_after)
        self._changed.follow(self._store.appended(self._group.stream))
        changes = self._store.group_changes(self._group.subscription)
        changes.follow(self._heartbeat.revived)
        seen = changes.generation
        await self._balance()
        self._task = asyncio.create_task(
            self._keep_balance(seen), name=f"headwater-group-{self._group.subscription}"
        )
        if self._activity is not None:
            self._activity.count(self._task)

    def changes(self) -> Signal:
        """Notifies when there may be something to hand out."""
        return self._changed

    async def claim(self, limit: int) -> Claims:
        """The oldest events of as many workflows, of partitions that are not being given up.

        Nothing once the session is overdue: others may have the partitions, until the share says
        that they are its own.
        """
        if self._heartbeat.is_overdue(self._connection):
            self._is_in_doubt = True
        if self._is_paused or self._is_in_doubt:
            return Claims((), None)
        if gaps := [one.gap for one in self._owned.values() if one.gap is not None]:
            told = Gap(min(one.first for one in gaps), max(one.last for one in gaps))
            return Claims((), None, told)
        return await self._holdings.claim(limit)

    async def tell_gap(self, gap: Gap) -> None:
        """In the store, for each of its partitions that has missed some of it."""
        for partition in tuple(self._owned.values()):
            if partition.gap is not None and partition.gap.last <= gap.last:
                await self._store.tell_gap(partition.key, partition.gap)
                partition.gap = None
        self._changed.notify()

    @asynccontextmanager
    async def settling(self, settlements: Sequence[Settlement]) -> AsyncIterator[Unit]:
        """The settlements as progress of their partitions, true here once they are written."""
        async with self._holdings.settling(settlements) as unit:
            yield unit
        self._changed.notify()

    def forget(self) -> None:
        """Beat for the session no more."""
        self._heartbeat.forget(self._connection)

    async def close(self) -> None:
        """Leave the group: what it owns is others' at once."""
        try:
            if self._task is not None:
                self._task.cancel()
                with suppress(asyncio.CancelledError):
                    await self._task
                self._changed.unfollow(self._store.appended(self._group.stream))
                changes = self._store.group_changes(self._group.subscription)
                changes.unfollow(self._heartbeat.revived)
            await self._release(tuple(self._owned.values()))
        finally:
            await self._heartbeat.disconnect(self._connection)

    # Which partitions

    async def _keep_balance(self, seen: int) -> None:
        changes = self._store.group_changes(self._group.subscription)
        while True:
            due = self._due_of_balance()
            timer = None if due is None else self._clock.call_later(due, changes.notify)
            try:
                counted = self._activity
                with nullcontext() if counted is None else counted.parked(changes, seen):
                    await changes.wait_after(seen)
            finally:
                if timer is not None:
                    timer.cancel()
            seen = changes.generation
            try:
                await self._balance()
            except Exception:  # a member outlives whatever the store does
                logger.exception("%s: no share of the group", self._group.subscription)
                await sleep(self._clock, PAUSE_AFTER_A_STORE_ERROR)
                seen -= 1

    async def _balance(self) -> None:
        """Ask for the share, and take, lose and give up what it says."""
        while True:
            self._holdings.pass_time()
            was_overdue = self._heartbeat.is_overdue(self._connection)
            async with writing_within(self._clock, DEFAULT_DEADLINE, "balancing a group"):
                share = await self._share()
                self._is_paused = self._group.subscription in await self._store.paused()
            self._is_in_doubt = self._is_in_doubt and was_overdue
            self._next_due = share.next_due
            if not await self._give_up(share.surplus):
                break
        self._changed.notify()

    async def _share(self) -> Share:
        """The share as it is now; it is taken over here.

        What others have changed in a partition is only true while nothing is written there: so
        that is asked for once more, when nobody can.
        """
        share = await self._ask()
        changed = [self._owned[one.partition] for one in share.taken if self._has(one)]
        async with AsyncExitStack() as waiting:
            for partition in sorted(changed, key=lambda one: one.number):
                await waiting.enter_async_context(partition.writing)
            if changed:
                share = await self._ask()
            self._take(share, {one.number for one in changed})
        return share

    async def _ask(self) -> Share:
        known = {one.number: one.revision for one in self._owned.values()}
        return await self._store.balance(self._group.subscription, self._connection.session, known)

    def _has(self, ownership: Ownership) -> bool:
        mine = self._owned.get(ownership.partition)
        return mine is not None and mine.epoch == ownership.epoch

    def _take(self, share: Share, quiet: Collection[int]) -> None:
        """Have what the share says; in `quiet` partitions nothing is being written."""
        now = self._clock.monotonic()
        self._holdings.lose(share.lost)
        for ownership in share.taken:
            number = ownership.partition
            if not self._has(ownership):
                self._holdings.lose([number])
                self._owned[number] = OwnedPartition.of(
                    self._group.subscription,
                    ownership,
                    now,
                    sets_aside_behind=self._sets_aside_behind,
                )
            elif number in quiet:
                self._owned[number].refresh(ownership, now)
            self._holdings.note(self._owned[number])
        if share.taken or share.lost:
            logger.info(
                "partitions changed hands",
                extra={
                    "subscription": self._group.subscription,
                    "consumer": self._connection.consumer,
                    "taken": sorted(one.partition for one in share.taken),
                    "lost": sorted(share.lost),
                    "owned": len(self._owned),
                },
            )

    def _due_of_balance(self) -> float | None:
        """Seconds until the share may be another, or a partition that is given up is idle."""
        dues = [self._next_due]
        if any(one.is_draining for one in self._owned.values()):
            dues.append(self._holdings.next_due)
        return min((due for due in dues if due is not None), default=None)

    async def _give_up(self, surplus: int) -> bool:
        """Drain so many partitions; whether one was released, so that the share is another."""
        idle_first = sorted(
            self._owned.values(), key=lambda one: (not one.is_draining, one.in_hand)
        )
        for place, partition in enumerate(idle_first):
            partition.is_draining = place < surplus
            self._holdings.note(partition)
        drained = [one for one in idle_first if one.is_draining and not one.in_hand]
        await self._release(drained)
        return bool(drained)

    async def _release(self, partitions: Sequence[OwnedPartition]) -> None:
        """Give these up, with how far they have come."""
        if not partitions:
            return
        await self._holdings.write_idle(partitions)
        numbers = [one.number for one in partitions]
        self._holdings.lose(numbers)
        async with writing_within(self._clock, DEFAULT_DEADLINE, "releasing partitions"):
            await self._store.release(self._group.subscription, self._connection.session, numbers)
