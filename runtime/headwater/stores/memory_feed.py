"""A feed in memory: a position in a log, and a window of what is under way above it.

Events come from the shared log only as they are needed; nothing is copied for a consumer that is
behind.
"""

from __future__ import annotations

from datetime import datetime
from itertools import count

from headwater.events import RecordedEvent
from headwater.streams import AfterDeadLetter

from .contract import Claim, Claims, Feed, FeedStatistics, PutBack
from .memory_letters import Letters
from .memory_log import Log
from .operating import Reset
from .retention import Gap
from .signal import Signal
from .window import WINDOW, Entry, Window

__all__ = ["MemoryFeed"]

TOKENS = count(1)  # a claim of a feed that is gone has no namesake


class MemoryFeed:
    """One feed's cursor and what is under way above it. Times are monotonic seconds."""

    def __init__(self, definition: Feed, log: Log, position: int, letters: Letters) -> None:
        self.definition = definition
        self.changes = Signal()
        self._log = log
        self._letters = letters
        self._read_to = position
        self._window = Window(definition.order)
        self._skipped = 0
        self.gap: Gap | None = None
        self._truncated = 0
        self._pass_what_is_not_wanted()

    @property
    def position(self) -> int:
        """Offset up to which every event is settled."""
        first = self._window.first()
        return self._read_to if first is None else first - 1

    @property
    def first_offset(self) -> int:
        """Of the oldest event that the stream still has."""
        return self._log.gone + 1

    def pending(self) -> list[RecordedEvent]:
        """What is still to be settled, in order."""
        taken = [entry.event for entry in self._window.entries() if entry.event is not None]
        ahead = self._log.read(self._read_to, self._log.head - self._read_to)
        waiting = (*taken, *(event for event in ahead if self._wants(event)))
        return sorted(waiting, key=lambda event: event.offset)

    def taken(self) -> set[int]:
        """Offsets of what was taken from the log and is still to be settled."""
        return {entry.event.offset for entry in self._window.entries() if entry.event is not None}

    def statistics(self) -> FeedStatistics:
        """How far the feed has come, counting what it has not yet taken from the log."""
        ahead = sum(
            self._wants(event)
            for event in self._log.read(self._read_to, self._log.head - self._read_to)
        )
        return FeedStatistics(
            self.position,
            self._window.claimed,
            len(self._window) + ahead,
            self._window.held_back,
            self._skipped,
            self._truncated,
            self.gap,
        )

    def appended(self, event: RecordedEvent) -> None:
        """Take note of an event just added to the log."""
        if self._wants(event):
            self.changes.notify()
        else:
            self._pass_what_is_not_wanted()

    def claim(self, holder: str, limit: int, now: float, at: datetime) -> Claims:
        """Hand out up to `limit` ready events, the oldest first. It is `at` by the calendar."""
        if self.gap is not None:
            return Claims((), None, self.gap)
        self._window.pass_time(now)
        room = self.definition.in_flight - self._window.held(holder)
        if room > 0:
            self._set_aside_what_waits(at)
        claims: list[Claim] = []
        self._window.begin_run(self.definition.run)
        while len(claims) < min(limit, room) and (
            self._window.has_ready or self._take_from_log(at)
        ):
            entry = self._window.take(holder, next(TOKENS), now + self.definition.ack_timeout)
            if entry.event is not None:
                claims.append(
                    Claim(self.definition.key, entry.event, entry.failures + 1, entry.token)
                )
        self._window.end_run()
        due = self._window.next_due()
        return Claims(tuple(claims), None if due is None else due - now)

    def holds(self, claim: Claim) -> bool:
        """Whether the claim can still be settled."""
        entry = self._window.get(claim.event.offset)
        return entry is not None and entry.token == claim.token

    def settle(self, claim: Claim) -> None:
        """Be done with the event; the next one of its lane may follow."""
        self._window.settle(claim.event.offset)
        self._pass_what_is_not_wanted()
        self.changes.notify()

    def skip(self, claim: Claim) -> None:
        """Be done with the event, and count it as passed over."""
        self._skipped += 1
        self.settle(claim)

    def put_back(self, settlement: PutBack, now: float) -> None:
        """Have the event handed out again, `delay` seconds from now."""
        until = now + settlement.delay if settlement.delay > 0 else 0.0
        self._window.put_back(
            settlement.claim.event.offset,
            failed=settlement.failed,
            until=until,
            held=settlement.held,
        )
        self.changes.notify()

    def requeue(self, event: RecordedEvent, failures: int = 0) -> None:
        """Have an event that was settled handed out again, as one that has failed so often."""
        if event.offset <= self._read_to and self._window.get(event.offset) is None:
            self._window.enter_again(Entry(event.offset, event.workflow_id, event, failures))
        self.changes.notify()

    def in_flight(self, now: float) -> int:
        """How many events are handed out and not overdue."""
        return sum(entry.token != 0 and entry.due > now for entry in self._window)

    def reset_to(self, to: int) -> Reset:
        """What would come of standing there."""
        wanted = [
            event.offset
            for event in self._log.read(min(to, self._read_to), abs(to - self._read_to))
            if self._wants(event)
        ]
        unsettled = {entry.offset for entry in self._window}
        return Reset(
            key=self.definition.key,
            before=self._first_unsettled() - 1,
            after=to,
            again=len({*wanted} - unsettled) if to < self._read_to else 0,
            skipped=sum(offset <= to for offset in unsettled)
            + (len(wanted) if to > self._read_to else 0),
        )

    def _first_unsettled(self) -> int:
        if (first := self._window.first()) is not None:
            return first
        ahead = self._log.read(self._read_to, self._log.head - self._read_to)
        after_all = max(self._log.head, self._read_to) + 1
        return next((event.offset for event in ahead if self._wants(event)), after_all)

    def move(self, to: int, gap: Gap | None) -> None:
        """Stand there, with nothing under way; what was handed out settles nothing any more."""
        self._window = Window(self.definition.order)
        self._read_to = to
        self.gap = None
        if gap is not None:
            self.miss(gap.first, gap.last)
        self._pass_what_is_not_wanted()
        self.changes.notify()

    def take_from(self, holder: str) -> None:
        """Void the holder's claims, as failures."""
        if self._window.take_from(holder):
            self.changes.notify()

    def truncate(self, through: int) -> None:
        """Read on behind that offset, and keep what was missed."""
        if self._read_to < through:
            missed = self._log.read(self._read_to, through - self._read_to)
            first = next((event.offset for event in missed if self._wants(event)), None)
            if first is not None:
                self.miss(first, through)
            self._read_to = through
            self.changes.notify()

    def miss(self, first: int, last: int) -> None:
        """Have a gap to tell, or a longer one."""
        self.gap = Gap(first if self.gap is None else self.gap.first, last)
        self._truncated += last - first + 1

    def tell(self, gap: Gap) -> None:
        """Hand events out again, if that was all there is to tell."""
        if self.gap is not None:
            self.gap = None if self.gap.last <= gap.last else Gap(gap.last + 1, self.gap.last)
            self.changes.notify()

    def _wants(self, event: RecordedEvent) -> bool:
        wanted = self.definition.events
        return wanted is None or event.name in wanted

    def _is_behind(self, workflow_id: str, offset: int) -> bool:
        return (
            self.definition.after_dead_letter is AfterDeadLetter.WAIT
            and self._letters.is_behind(self.definition.key, workflow_id, offset)
        )

    def _set_aside_what_waits(self, at: datetime) -> None:
        """Set aside what nobody has, of workflows with an earlier dead letter."""
        for entry in tuple(self._window):
            if not entry.token and self._is_behind(entry.workflow_id, entry.offset):
                self._window.remove(entry.offset)
                event = entry.event or self._log.at(entry.offset)
                self._letters.add_behind(self.definition.key, event, entry.failures, at)

    def _take_from_log(self, at: datetime) -> bool:
        """Take events until one is ready; whether one is."""
        while (
            not self._window.has_ready
            and len(self._window) < WINDOW
            and self._read_to < self._log.head
        ):
            event = self._log.at(self._read_to + 1)
            self._read_to = event.offset
            if not self._wants(event):
                continue
            if self._is_behind(event.workflow_id, event.offset):
                self._letters.add_behind(self.definition.key, event, 0, at)
            else:
                self._window.enter(Entry(event.offset, event.workflow_id, event))
        return self._window.has_ready

    def _pass_what_is_not_wanted(self) -> None:
        """Keep the cursor right before the first unsettled event, or at the head."""
        if not self._window:
            while self._read_to < self._log.head and not self._wants(
                self._log.at(self._read_to + 1)
            ):
                self._read_to += 1
