"""A member of a consumer group that uses the store itself: no runtime stands between.

Each effect is in the unit that settles its event, with the epoch of the partition: what it writes
as one who was taken for dead must not be there.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from headwater import OutcomeUnknownError
from headwater.errors import StoreUnavailableError
from headwater.events import RecordedEvent
from headwater.stores.contract import Append, Committed, Connection, FeedKey, Unit
from headwater.stores.groups import Group, Ownership, Progress, Unsettled, partition_of
from headwater.streams import FromBeginning

from tests.faults.actors import Role, mark_of, post_of, recorded_app, terminated
from tests.faults.history import Scribe
from tests.faults.ledger import EFFECTS, ENTRIES, POSTING, Handlers
from tests.faults.recorded import RecordedStore

__all__ = ["ROLES"]

PAGE = 200  # events that are read at once
SAMPLE = 0.02  # seconds between two looks at the partitions


async def take_part(scribe: Scribe, options: dict[str, Any]) -> None:
    """Be a member until SIGTERM, with a session that lives for `lifetime` seconds."""
    stopping = terminated()
    settings = {**options, "ledger": {"subscribed": False}}
    async with recorded_app(scribe, settings, Handlers()) as (_, store):
        await store.register_group(
            Group(subscription=POSTING, stream=ENTRIES, events=None, start=FromBeginning())
        )
        member = _Member(scribe, store, options)
        scribe.note("info", "ready")
        await member.run(stopping)


@dataclass(slots=True)
class _Owned:
    """A partition, as its owner knows it."""

    number: int
    epoch: int
    revision: int
    read_to: int
    unsettled: list[int]
    """Offsets, the first of which is next."""


class _Member:
    def __init__(self, scribe: Scribe, store: RecordedStore, options: Mapping[str, Any]) -> None:
        self._scribe = scribe
        self._store = store
        self._name = options["name"]
        self._lifetime = options["lifetime"]
        self._work = options.get("work", 0.0)
        self._stop_every = options.get("stop_every", 0)
        self._handled = 0
        self._sessions: list[str] = []
        self._session = ""
        self._owned: dict[int, _Owned] = {}

    async def run(self, stopping: asyncio.Event) -> None:
        """Take a share, work at it, and leave kindly when asked to."""
        await self._join()
        beating = asyncio.create_task(self._beat())
        while not stopping.is_set():
            changes = self._store.group_changes(POSTING).generation
            try:
                next_due = await self._balance()
                has_worked = await self._work_on_all(stopping)
            except (StoreUnavailableError, OutcomeUnknownError):
                await asyncio.sleep(SAMPLE)
                continue
            await self._look()
            if not has_worked:
                with suppress(TimeoutError):
                    async with asyncio.timeout(min(next_due or SAMPLE, SAMPLE)):
                        await self._store.group_changes(POSTING).wait_after(changes)
        beating.cancel()
        with suppress(asyncio.CancelledError):
            await beating
        await self._store.release(POSTING, self._session, sorted(self._owned))
        for session in self._sessions:  # perhaps one of which it has not heard
            await self._store.disconnect(session)

    async def _join(self) -> None:
        """With a session of its own, to which nothing belongs yet."""
        session = f"{self._name}/{len(self._sessions) + 1}"
        self._sessions.append(session)
        connection = Connection(session, FeedKey(POSTING), self._name)
        await self._store.connect(connection, lifetime=self._lifetime, expire_after=60.0)
        self._session, self._owned = session, {}

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._lifetime / 4)
            with suppress(StoreUnavailableError, OutcomeUnknownError):
                if await self._store.heartbeat([self._session], lifetime=self._lifetime):
                    await self._join()
                await self._store.remove_stale()

    async def _balance(self) -> float | None:
        session, owned = self._session, self._owned
        known = {number: one.revision for number, one in owned.items()}
        share = await self._store.balance(POSTING, session, known)
        if session != self._session:
            return None
        for number in share.lost:
            owned.pop(number, None)
        for one in share.taken:
            owned[one.partition] = _owned(one)
        if surplus := sorted(owned)[: share.surplus]:
            for number in surplus:
                del owned[number]
            await self._store.release(POSTING, session, surplus)
        return share.next_due

    async def _work_on_all(self, stopping: asyncio.Event) -> bool:
        """Whether there was anything to do."""
        for one in tuple(self._owned.values()):
            while one.unsettled and not stopping.is_set() and self._has(one):
                await self._handle(one)
        if stopping.is_set() or not self._owned:
            return False
        low = min(one.read_to for one in self._owned.values())
        events = await self._store.read(ENTRIES, low, PAGE)
        if not events:
            return False
        await self._read_on(events)
        return True

    def _has(self, one: _Owned) -> bool:
        return self._owned.get(one.number) is one

    async def _read_on(self, events: Sequence[RecordedEvent]) -> None:
        """Move the cursors of all partitions, with what is to be settled in each."""
        top = events[-1].offset
        units = []
        for one in self._owned.values():
            mine = [
                event
                for event in events
                if event.offset > one.read_to and partition_of(event.workflow_id) == one.number
            ]
            units.append(
                self._unit(
                    one,
                    read_to=max(top, one.read_to),
                    unsettled=tuple(Unsettled(event.offset, event.workflow_id) for event in mine),
                )
            )
        moved = tuple(self._owned.values())
        for one, unit, outcome in zip(moved, units, await self._store.commit(units), strict=True):
            if isinstance(outcome, Committed):
                [progress] = unit.progress
                one.read_to = progress.read_to
                one.unsettled += [event.offset for event in progress.unsettled]
            else:
                self._owned.pop(one.number, None)

    async def _handle(self, one: _Owned) -> None:
        """The next event: in hand first, then settled together with its effect."""
        offset, *_ = one.unsettled
        [event] = await self._store.read(ENTRIES, offset - 1, 1)
        in_hand = Unsettled(offset, event.workflow_id, in_hand=True)
        if not await self._commit(one, self._unit(one, unsettled=(in_hand,))):
            return
        self._handled += 1
        if self._stop_every and self._handled % self._stop_every == 0:
            self._scribe.fault("freeze")
            os.kill(os.getpid(), signal.SIGSTOP)
        if self._work:
            await asyncio.sleep(self._work)
        effect = Append(
            stream=EFFECTS,
            workflow_id=event.workflow_id,
            events=(post_of(mark_of(event.data), one.epoch),),
        )
        if await self._commit(one, self._unit(one, settled=(offset,), appends=(effect,))):
            one.unsettled.remove(offset)

    def _unit(self, one: _Owned, *, appends: tuple[Append, ...] = (), **rest: Any) -> Unit:
        settings: dict[str, Any] = {"read_to": one.read_to} | rest
        progress = Progress(subscription=POSTING, partition=one.number, epoch=one.epoch, **settings)
        return Unit(appends=appends, progress=(progress,), durable=bool(appends))

    async def _commit(self, one: _Owned, unit: Unit) -> bool:
        """Whether it is written; otherwise the partition is not ours, or perhaps not."""
        try:
            [outcome] = await self._store.commit([unit])
        except OutcomeUnknownError:
            outcome = None
        if not isinstance(outcome, Committed) and self._has(one):
            del self._owned[one.number]
        return isinstance(outcome, Committed)

    async def _look(self) -> None:
        """Write down how far the partitions are."""
        with suppress(StoreUnavailableError):
            await self._store.look_at(POSTING)


def _owned(one: Ownership) -> _Owned:
    unsettled = [entry.offset for entry in one.unsettled]
    return _Owned(one.partition, one.epoch, one.revision, one.read_to, unsettled)


ROLES: dict[str, Role] = {"member": take_part}
