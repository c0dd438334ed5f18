"""The partitions that a member of a consumer group owns: what is handed out, what is written of it.

Which they are is not decided here. They share one look at the log: pages are read while there is
nothing to hand out, and what is in them goes to whichever partition it belongs to.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import groupby
from typing import cast

from headwater.clock import Clock
from headwater.deadlines import DEFAULT_DEADLINE, writing_within
from headwater.errors import DeliveryLostError, HeadwaterError, RejectedError
from headwater.events import RecordedEvent
from headwater.stores.committer import Committer
from headwater.stores.contract import Claim, Claims, Settlement, Store, Unit
from headwater.stores.groups import Group, partition_of
from headwater.stores.window import WINDOW, Entry

from .agenda import Agenda
from .pages import Pages
from .partition import ROOM, OwnedPartition

__all__ = ["Holdings"]

IN_MEMORY = 64 * ROOM  # events of all partitions of a member, before each has no more than its room

logger = logging.getLogger("headwater.subscriptions")


class Holdings:
    """The partitions, by number, and what is under way in them."""

    def __init__(
        self,
        group: Group,
        consumer: str,
        *,
        in_flight: int,
        ack_timeout: float,
        store: Store,
        committer: Committer,
        pages: Pages,
        clock: Clock,
    ) -> None:
        self.partitions: dict[int, OwnedPartition] = {}
        self._group = group
        self._consumer = consumer
        self._in_flight = in_flight
        self._ack_timeout = ack_timeout
        self._store = store
        self._committer = committer
        self._pages = pages
        self._clock = clock
        self._agenda = Agenda(self.partitions)
        self._unprepared: dict[int, OwnedPartition] = {}  # something is to be done there first
        self._last_token = 0
        self._looking = asyncio.Lock()

    @property
    def next_due(self) -> float | None:
        """Seconds until a retry may be due or a claim void."""
        return self._agenda.next_due(self._clock.monotonic())

    async def claim(self, limit: int) -> Claims:
        """The oldest events of as many workflows, of partitions that are not being given up."""
        async with self._looking:
            self.pass_time()
            claims = await self._pick(limit)
            while not claims and await self._look():
                claims = await self._pick(limit)
        return Claims(tuple(claims), self.next_due)

    @asynccontextmanager
    async def settling(self, settlements: Sequence[Settlement]) -> AsyncIterator[Unit]:
        """The settlements as progress of their partitions, true here once they are written."""
        async with AsyncExitStack() as writing:
            parts: list[tuple[OwnedPartition, list[Settlement]]] = []
            by_partition = sorted(settlements, key=_partition_of)
            for number, group in groupby(by_partition, key=_partition_of):
                theirs = list(group)
                partition = self._held(number, theirs)
                await writing.enter_async_context(partition.writing)
                self._held(number, theirs)  # it may have been lost while this waited
                parts.append((partition, theirs))
            progress = [(one, theirs, one.progress(theirs)) for one, theirs in parts]
            said = tuple(what for one, _, what in progress if one.says_something(what))
            try:
                yield Unit(progress=said)
            except RejectedError as error:
                if isinstance(error, DeliveryLostError):
                    self._part_with(*(one for one, _, _ in progress))
                raise  # all else: it is as it was, and can be settled in another way
            except BaseException:
                self._part_with(*(one for one, _, _ in progress))  # written or not: the store knows
                raise
            now = self._clock.monotonic()
            for one, theirs, what in progress:
                one.apply(what, theirs, now)
                self.note(one)
        if any(one.is_draining for one, _ in parts):
            self._store.group_changes(self._group.subscription).notify()

    def lose(self, numbers: Iterable[int]) -> None:
        """Have these no more; the next share says whether they still are this session's."""
        lost = [one for number in numbers if (one := self.partitions.pop(number, None)) is not None]
        for partition in lost:
            partition.is_lost = True
            self._agenda.forget(partition.number)
        if lost:
            self._store.group_changes(self._group.subscription).notify()

    def _part_with(self, *partitions: OwnedPartition) -> None:
        """Lose these, unless they are lost and one of them was taken anew."""
        self.lose(one.number for one in partitions if not one.is_lost)

    def note(self, partition: OwnedPartition) -> None:
        """Something has changed there."""
        if partition.unread or partition.behind:
            self._unprepared[partition.number] = partition
        self._agenda.note(partition)

    def pass_time(self) -> None:
        """Claims that were not settled in time are void."""
        for partition, entry in self._agenda.pass_time(self._clock.monotonic()):
            self._warn(partition, entry)
            if partition.is_draining:
                self._store.group_changes(self._group.subscription).notify()

    async def _look(self) -> bool:
        """Read the log a page further, for the partitions with room; whether there was any."""
        in_memory = sum(len(one) for one in self.partitions.values())
        limit = WINDOW if in_memory < IN_MEMORY else ROOM
        hungry = {
            one.number: one
            for one in self.partitions.values()
            if not one.is_draining and one.has_room(limit)
        }
        if not hungry:
            return False
        start = min(one.scanned for one in hungry.values())
        page = await self._pages.after(self._group.stream, start)
        if page.through <= start:
            return False
        for event in page.events:
            partition = hungry.get(partition_of(event.workflow_id))
            if partition is None or event.offset <= partition.scanned:
                continue
            if self._wants(event.name):
                partition.add(event)
        for partition in hungry.values():
            partition.scanned = max(partition.scanned, page.through)
            self.note(partition)
        await self.write_idle([one for one in hungry.values() if one.is_idle_progress_due])
        return True

    async def _prepare(self) -> None:
        """Have at hand what the store told of, and set aside what is behind a dead letter."""
        while self._unprepared:
            number, partition = self._unprepared.popitem()
            if partition.is_lost or partition.is_draining:
                continue
            try:
                for offset in partition.unread:
                    page = await self._pages.after(self._group.stream, offset - 1)
                    for event in page.events:
                        partition.supply(event)
                for offset in partition.unread:
                    kept = await self._store.kept_event(self._group.stream, offset)
                    if kept is not None:
                        partition.supply(kept)
                if lost := partition.unread:
                    await self._let_go(partition, lost)
                if behind := partition.behind:
                    await self._write(partition, behind=behind)
            except BaseException:
                self._unprepared[number] = partition
                raise
            self._agenda.note(partition)

    async def _let_go(self, partition: OwnedPartition, lost: Sequence[int]) -> None:
        """Be done with events whose bytes retention took while their last owner had them."""
        for offset in lost:
            logger.error(
                "event is not kept any more, and is passed over",
                extra={
                    "subscription": self._group.subscription,
                    "consumer": self._consumer,
                    "partition": partition.number,
                    "stream": self._group.stream,
                    "offset": offset,
                },
            )
        if await self._write(partition, lost=lost):
            partition.forget(lost)

    async def _pick(self, limit: int) -> list[Claim]:
        """Hand out what comes first, of lanes that nobody has an event of."""
        await self._prepare()
        claims: list[Claim] = []
        room = min(limit, self._in_flight - self._agenda.in_hand)
        while len(claims) < room and (partition := self._agenda.next()) is not None:
            self._last_token += 1
            entry = partition.take(self._last_token, self._clock.monotonic() + self._ack_timeout)
            self._agenda.note(partition)
            try:
                if partition.is_cautious and not await self._write(partition, marked=entry):
                    continue
            except BaseException:
                for claim in claims:  # nobody hears of them
                    self._give_back(claim)
                raise
            event = cast("RecordedEvent", entry.event)  # nothing else is handed out
            claims.append(Claim(partition.key, event, entry.failures + 1, entry.token))
        return claims

    def _give_back(self, claim: Claim) -> None:
        partition = self.partitions.get(partition_of(claim.event.workflow_id))
        if partition is not None and partition.holds(claim):
            partition.give_back(claim)
            self.note(partition)

    async def write_idle(self, partitions: Sequence[OwnedPartition]) -> None:
        """Have the store know how far these have come without anything to settle."""
        for partition in partitions:
            await self._write(partition)

    async def _write(
        self,
        partition: OwnedPartition,
        *,
        behind: Sequence[Entry] = (),
        marked: Entry | None = None,
        lost: Sequence[int] = (),
    ) -> bool:
        """Write progress that belongs to no delivery; whether it is written."""
        async with partition.writing:
            if partition.is_lost:
                return False
            progress = partition.progress(behind=behind, marked=marked, lost=lost)
            if not partition.says_something(progress):
                return True
            unit = Unit(progress=(progress,), durable=False)
            try:
                async with writing_within(self._clock, DEFAULT_DEADLINE, "writing progress"):
                    await self._committer.commit(unit)
            except HeadwaterError as error:
                logger.warning(
                    "partition %d of %s is taken anew: %s",
                    partition.number,
                    self._group.subscription,
                    error,
                )
                self._part_with(partition)
                return False
            except BaseException:
                self._part_with(partition)
                raise
            partition.apply(progress, (), self._clock.monotonic())
            self.note(partition)
        return True

    def _wants(self, name: str) -> bool:
        return self._group.events is None or name in self._group.events

    def _held(self, number: int, settlements: Sequence[Settlement]) -> OwnedPartition:
        """The partition that all of these can still be settled in.

        Raises:
            DeliveryLostError: One can't: it timed out, or the partition is with somebody else.
        """
        partition = self.partitions.get(number)
        lost = [one for one in settlements if partition is None or not partition.holds(one.claim)]
        if partition is None or lost:
            raise DeliveryLostError(self._group.subscription, lost[0].claim.event.offset)
        return partition

    def _warn(self, partition: OwnedPartition, entry: Entry) -> None:
        logger.warning(
            "event was not settled in time, and is handed out again",
            extra={
                "subscription": self._group.subscription,
                "consumer": self._consumer,
                "partition": partition.number,
                "offset": entry.offset,
            },
        )


def _partition_of(settlement: Settlement) -> int:
    return partition_of(settlement.claim.event.workflow_id)
