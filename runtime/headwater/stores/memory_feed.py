"""A feed in memory: a position in a log, and a window of what is under way above it.

Events come from the shared log only as they are needed; nothing is copied for a consumer that is
behind.
"""

from __future__ import annotations

from itertools import count

from headwater.events import RecordedEvent

from .contract import Claim, Claims, Feed, FeedStatistics, PutBack
from .memory_log import Log
from .signal import Signal
from .window import WINDOW, Entry, Window

__all__ = ["MemoryFeed"]

TOKENS = count(1)  # a claim of a feed that is gone has no namesake


class MemoryFeed:
    """One feed's cursor and what is under way above it. Times are monotonic seconds."""

    def __init__(self, definition: Feed, log: Log, position: int) -> None:
        self.definition = definition
        self.changes = Signal()
        self._log = log
        self._read_to = position
        self._window = Window(definition.order)
        self._skipped = 0
        self._pass_what_is_not_wanted()

    @property
    def position(self) -> int:
        """Offset up to which every event is settled."""
        first = self._window.first()
        return self._read_to if first is None else first - 1

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
        )

    def appended(self, event: RecordedEvent) -> None:
        """Take note of an event just added to the log."""
        if self._wants(event):
            self.changes.notify()
        else:
            self._pass_what_is_not_wanted()

    def claim(self, holder: str, limit: int, now: float) -> Claims:
        """Hand out up to `limit` ready events, the oldest first."""
        self._window.pass_time(now)
        room = self.definition.in_flight - self._window.held(holder)
        claims: list[Claim] = []
        while len(claims) < min(limit, room) and (self._window.has_ready or self._take_from_log()):
            entry = self._window.take(holder, next(TOKENS), now + self.definition.ack_timeout)
            if entry.event is not None:
                claims.append(
                    Claim(self.definition.key, entry.event, entry.failures + 1, entry.token)
                )
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

    def requeue(self, event: RecordedEvent) -> None:
        """Have an event that was settled handed out again, as new."""
        if event.offset <= self._read_to and self._window.get(event.offset) is None:
            self._window.enter_again(Entry(event.offset, event.workflow_id, event))
        self.changes.notify()

    def take_from(self, holder: str) -> None:
        """Void the holder's claims, as failures."""
        if self._window.take_from(holder):
            self.changes.notify()

    def _wants(self, event: RecordedEvent) -> bool:
        wanted = self.definition.events
        return wanted is None or event.name in wanted

    def _take_from_log(self) -> bool:
        """Take events until one is ready; whether one is."""
        while (
            not self._window.has_ready
            and len(self._window) < WINDOW
            and self._read_to < self._log.head
        ):
            event = self._log.at(self._read_to + 1)
            self._read_to = event.offset
            if self._wants(event):
                self._window.enter(Entry(event.offset, event.workflow_id, event))
        return self._window.has_ready

    def _pass_what_is_not_wanted(self) -> None:
        """Keep the cursor right before the first unsettled event, or at the head."""
        if not self._window:
            while self._read_to < self._log.head and not self._wants(
                self._log.at(self._read_to + 1)
            ):
                self._read_to += 1
