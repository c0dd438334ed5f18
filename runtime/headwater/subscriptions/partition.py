"""One partition of a consumer group in its owner's hands: what is to be handled, in which order.

The store knows a cursor and, at or below it, the few events that are not settled; all else is here.
Events stand in a lane for each workflow, of which the first is handed out. What became of events is
turned into `Progress`, which the store writes; only then it is true here too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from headwater.events import RecordedEvent
from headwater.stores.contract import (
    Acknowledge,
    Claim,
    FeedKey,
    Order,
    PutBack,
    SetAside,
    Settlement,
    Skip,
)
from headwater.stores.groups import (
    GroupLetter,
    Ownership,
    Progress,
    Unsettled,
    partition_key,
)
from headwater.stores.letters import BEHIND
from headwater.stores.retention import Gap
from headwater.stores.window import WINDOW, Entry, Window

__all__ = ["ROOM", "OwnedPartition"]

ROOM = 64  # events that a partition may always have in memory; more wait in the log
IDLE_STEPS = 512  # offsets that a cursor may lag behind what was passed over
OWNER = "owner"  # who has what is in hand


def _in_lanes() -> Window:
    return Window(Order.WORKFLOW)


@dataclass(slots=True, eq=False)
class OwnedPartition:
    """A partition, from taking it to losing or releasing it."""

    subscription: str
    number: int
    epoch: int
    revision: int
    read_to: int
    """The cursor, as it is stored."""
    scanned: int
    """How far the log was looked through; never below the cursor."""
    blocked: set[str]
    """Workflows that have dead letters here."""
    sets_aside_behind: bool
    """Whether later events of those are set aside too, so that they come back after."""
    is_cautious: bool
    """Whether its last owner died, perhaps of the next event: each is marked in the store before
    it is handed out, until one is settled."""
    is_draining: bool = False
    """Whether nothing more of it is handed out: it is about to be released."""
    is_lost: bool = False
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """One progress at a time: each builds on what the one before has written."""
    gap: Gap | None = None
    """What retention took before it was read here, and nobody was told of yet."""
    _window: Window = field(default_factory=_in_lanes)
    _stored: set[int] = field(default_factory=set)
    """Offsets of events that the store has rows of."""
    _unread: dict[int, Entry] = field(default_factory=dict)
    """Events that the store told of, and that were not read yet."""
    _behind: dict[int, Entry] = field(default_factory=dict)
    """Events that are to be set aside behind a dead letter."""
    _failed: set[int] = field(default_factory=set)
    """Offsets of events whose claims ended, of which the store does not know yet."""
    _is_full: bool = False

    @classmethod
    def of(
        cls, subscription: str, ownership: Ownership, now: float, *, sets_aside_behind: bool
    ) -> OwnedPartition:
        """The partition as it was taken."""
        partition = cls(
            subscription=subscription,
            number=ownership.partition,
            epoch=ownership.epoch,
            revision=ownership.revision,
            read_to=ownership.read_to,
            scanned=ownership.read_to,
            blocked=set(ownership.blocked),
            sets_aside_behind=sets_aside_behind,
            is_cautious=ownership.abandoned,
            gap=ownership.gap,
        )
        partition._restore(ownership.unsettled, now)
        return partition

    @property
    def key(self) -> FeedKey:
        """What its claims and dead letters are of."""
        return partition_key(self.subscription, self.number)

    @property
    def in_hand(self) -> int:
        """How many events somebody has."""
        return self._window.claimed

    def __len__(self) -> int:
        return len(self._window) + len(self._behind)

    def has_room(self, limit: int) -> bool:
        """Whether more events of the log may come.

        Once there were `limit` it has to become almost empty first, so that no page of the log is
        read for a single event.
        """
        if len(self) >= min(limit, WINDOW):
            self._is_full = True
        elif len(self) <= ROOM // 2:
            self._is_full = False
        return not self._is_full

    @property
    def unread(self) -> list[int]:
        """Offsets of events that have to be given to `supply` before anything is handed out."""
        return sorted(self._unread)

    @property
    def next_offset(self) -> int | None:
        """Offset of the event that may be handed out next."""
        if self.is_draining or self.is_lost or self._unread:
            return None
        if self.is_cautious and self.in_hand:
            return None
        return self._window.next_ready

    @property
    def next_due(self) -> float | None:
        """When a retry is due or a claim is void, in monotonic seconds."""
        return self._window.next_due()

    @property
    def behind(self) -> tuple[Entry, ...]:
        """What is to be set aside behind a dead letter of its workflow, by offset."""
        return tuple(self._behind[one] for one in sorted(self._behind) if one not in self._unread)

    @property
    def is_idle_progress_due(self) -> bool:
        """Whether the cursor is worth moving although nothing was settled."""
        return self._free_to() - self.read_to >= IDLE_STEPS

    # What comes

    def add(self, event: RecordedEvent) -> None:
        """Have an event of the log handled, the next one of its lane."""
        entry = Entry(event.offset, event.workflow_id, event)
        if self._waits(entry):
            self._behind[entry.offset] = entry
        else:
            self._window.enter(entry)

    def supply(self, event: RecordedEvent) -> None:
        """Have at hand an event that was `unread`."""
        if (entry := self._unread.pop(event.offset, None)) is not None:
            entry.event = event

    def refresh(self, ownership: Ownership, now: float) -> None:
        """Take over what others have changed: what was requeued, and what was truncated."""
        self.revision = ownership.revision
        self.blocked = set(ownership.blocked)
        self.gap = ownership.gap
        self.read_to = max(self.read_to, ownership.read_to)
        self.scanned = max(self.scanned, ownership.read_to)
        known = {*self._offsets()}
        self._restore([one for one in ownership.unsettled if one.offset not in known], now)
        for entry in self.behind:
            if not self._waits(entry):
                del self._behind[entry.offset]
                self._window.enter_again(entry)

    # What is handed out

    def take(self, token: int, due: float) -> Entry:
        """Hand out the next one, until it is `due`; call it only if there is a `next_offset`."""
        return self._window.take(OWNER, token, due)

    def pass_time(self, now: float) -> list[Entry]:
        """End the waits that are over, and return the claims that are: each is a failure."""
        failures = {entry.offset: entry.failures for entry in self._window if entry.token}
        ended = self._window.pass_time(now)
        void = [one for one in ended if one.failures > failures.get(one.offset, one.failures)]
        self._failed.update(entry.offset for entry in void)
        return void

    def holds(self, claim: Claim) -> bool:
        """Whether the claim can still be settled."""
        entry = self._window.get(claim.event.offset)
        return not self.is_lost and entry is not None and entry.token == claim.token

    def give_back(self, claim: Claim) -> None:
        """Have it handed out again as if it had not been."""
        self._window.put_back(claim.event.offset, failed=False)

    # What became of it

    def progress(
        self,
        settlements: Sequence[Settlement] = (),
        *,
        behind: Collection[Entry] = (),
        marked: Entry | None = None,
        lost: Collection[int] = (),
    ) -> Progress:
        """What the store is to write; nothing has changed here yet.

        `behind` are set aside because of a dead letter before them; `marked` is about to be handed
        out, and has failed if this owner dies. `lost` are offsets of events that nobody has.
        """
        kept: dict[int, Unsettled] = {}
        letters: list[GroupLetter] = []
        gone: set[int] = set(lost)
        for one in settlements:
            offset = one.claim.event.offset
            match one:
                case Acknowledge() | Skip():
                    gone.add(offset)
                case SetAside(claim, error):
                    gone.add(offset)
                    letters.append(GroupLetter(claim.event, error, claim.attempt))
                case PutBack(claim, failed, delay, held):
                    if failed or delay or held or offset in self._stored:
                        failures = self._known_failures(offset) + failed
                        kept[offset] = Unsettled(
                            offset, claim.event.workflow_id, failures, delay, held
                        )
        for entry in behind:
            if entry.event is not None:
                gone.add(entry.offset)
                letters.append(GroupLetter(entry.event, BEHIND, entry.failures, behind=True))
        if marked is not None:
            kept[marked.offset] = Unsettled(
                marked.offset, marked.workflow_id, marked.failures, in_hand=True
            )
        for offset in self._failed - gone - kept.keys():
            if (late := self._window.get(offset)) is not None:
                kept[offset] = Unsettled(offset, late.workflow_id, late.failures)
        told = gone | kept.keys()
        read_to = max((self.read_to, self._free_to(told), *told))
        for entry in self._entries():
            offset = entry.offset
            if offset <= read_to and offset not in self._stored and offset not in told:
                kept[offset] = Unsettled(offset, entry.workflow_id, entry.failures)
        dead = {letter.event.offset for letter in letters}
        return Progress(
            subscription=self.subscription,
            partition=self.number,
            epoch=self.epoch,
            read_to=read_to,
            settled=tuple(sorted((gone - dead) & self._stored)),
            unsettled=tuple(kept[offset] for offset in sorted(kept)),
            letters=tuple(sorted(letters, key=lambda letter: letter.event.offset)),
            skipped=sum(isinstance(one, Skip) for one in settlements),
        )

    def says_something(self, progress: Progress) -> bool:
        """Whether there is anything to write."""
        written = progress.settled or progress.unsettled or progress.letters or progress.skipped
        return bool(written) or progress.read_to > self.read_to

    def apply(self, progress: Progress, settlements: Sequence[Settlement], now: float) -> None:
        """Take what was written for true."""
        self.read_to = max(self.read_to, progress.read_to)
        self.scanned = max(self.scanned, self.read_to)
        self._stored.update(row.offset for row in progress.unsettled)
        self._failed -= {one.claim.event.offset for one in settlements}
        self._failed -= {
            row.offset
            for row in progress.unsettled
            if row.failures >= self._known_failures(row.offset)
        }
        for one in settlements:
            offset = one.claim.event.offset
            if self._window.get(offset) is None:
                continue
            if isinstance(one, PutBack):
                until = now + one.delay if one.delay > 0 else 0.0
                self._window.put_back(offset, failed=one.failed, until=until, held=one.held)
            else:
                self._window.settle(offset)
                self._stored.discard(offset)
                self.is_cautious = False
        for letter in progress.letters:
            self.blocked.add(letter.event.workflow_id)
            self._behind.pop(letter.event.offset, None)
            self._stored.discard(letter.event.offset)
        if progress.letters:
            self._part_from_blocked()

    def forget(self, lost: Collection[int]) -> None:
        """Have nothing to do with these any more, once that was written."""
        for offset in lost:
            self._unread.pop(offset, None)
            self._stored.discard(offset)
            if self._behind.pop(offset, None) is None and self._window.get(offset) is not None:
                self._window.remove(offset)

    # Helpers

    def _waits(self, entry: Entry) -> bool:
        return self.sets_aside_behind and entry.workflow_id in self.blocked

    def _part_from_blocked(self) -> None:
        """Take what is behind a dead letter out of its lane, but for what somebody has."""
        waiting = [entry for entry in self._window if not entry.token and self._waits(entry)]
        for entry in waiting:
            self._window.remove(entry.offset)
            entry.due = 0.0
            self._behind[entry.offset] = entry

    def _entries(self) -> Iterator[Entry]:
        yield from self._window
        yield from self._behind.values()

    def _offsets(self) -> Iterator[int]:
        return (entry.offset for entry in self._entries())

    def _known_failures(self, offset: int) -> int:
        entry = self._window.get(offset)
        return 0 if entry is None else entry.failures

    def _free_to(self, gone: Collection[int] = ()) -> int:
        """How far the cursor can go without passing an event that is not settled and not stored."""
        staying = (
            offset
            for offset in self._offsets()
            if offset not in gone and offset not in self._stored
        )
        return min(staying, default=self.scanned + 1) - 1

    def _restore(self, unsettled: Collection[Unsettled], now: float) -> None:
        """Take in what the store told of: each before later events that nobody has."""
        for one in sorted(unsettled, key=lambda one: one.offset):
            due = now + one.delay if one.delay > 0 else 0.0
            entry = Entry(one.offset, one.workflow_id, None, one.failures, due=due, held=one.held)
            self._stored.add(one.offset)
            self._unread[one.offset] = entry
            if self._waits(entry):
                self._behind[one.offset] = entry
            else:
                self._window.enter_again(entry)
