"""A feed in memory: which events of a log are with whom, and which may be handed out next.

Events come from the shared log only as they are needed; nothing is copied for a consumer that is
behind. Each event that was taken from the log and is not settled stands in exactly one lane, and
only the first of a lane is ready, claimed or waiting for its retry.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count

from headwater.events import RecordedEvent

from .contract import Claim, Claims, Feed, FeedStatistics, Order
from .memory_log import Log
from .signal import Signal

__all__ = ["MemoryFeed"]

WINDOW = 1024  # unsettled events taken from the log; more wait until some are settled


@dataclass(slots=True)
class _Entry:
    event: RecordedEvent
    lane: str
    failures: int = 0
    token: int = 0  # of the claim, while there is one
    holder: str = ""


class MemoryFeed:
    """One feed's cursor and what is under way above it. Times are monotonic seconds."""

    def __init__(self, definition: Feed, log: Log, position: int) -> None:
        self.definition = definition
        self.changes = Signal()
        self._log = log
        self._read_to = position
        self._unsettled: OrderedDict[int, _Entry] = OrderedDict()
        self._lanes: dict[str, deque[_Entry]] = {}
        self._ready: list[int] = []  # heap of offsets
        self._retries: list[tuple[float, int]] = []  # heap of due time and offset
        self._claimed: OrderedDict[int, float] = OrderedDict()  # due time, soonest first
        self._held: Counter[str] = Counter()
        self._tokens = count(1)
        self._pass_what_is_not_wanted()

    @property
    def position(self) -> int:
        """Offset up to which every event is settled."""
        return next(iter(self._unsettled)) - 1 if self._unsettled else self._read_to

    def statistics(self) -> FeedStatistics:
        """How far the feed has come, counting what it has not yet taken from the log."""
        ahead = sum(
            self._wants(event)
            for event in self._log.read(self._read_to, self._log.head - self._read_to)
        )
        return FeedStatistics(self.position, len(self._claimed), len(self._unsettled) + ahead)

    def appended(self, event: RecordedEvent) -> None:
        """Take note of an event just added to the log."""
        if self._wants(event):
            self.changes.notify()
        else:
            self._pass_what_is_not_wanted()

    def claim(self, holder: str, limit: int, now: float) -> Claims:
        """Hand out up to `limit` ready events, the oldest first."""
        self._bring_back_what_is_due(now)
        room = self.definition.in_flight - self._held[holder]
        claims: list[Claim] = []
        while len(claims) < min(limit, room) and (self._ready or self._take_from_log()):
            entry = self._unsettled[heappop(self._ready)]
            entry.token, entry.holder = next(self._tokens), holder
            self._claimed[entry.event.offset] = now + self.definition.ack_timeout
            self._held[holder] += 1
            attempt = entry.failures + 1
            claims.append(Claim(self.definition.key, entry.event, attempt, entry.token))
        return Claims(tuple(claims), self._next_due(now))

    def holds(self, claim: Claim) -> bool:
        """Whether the claim can still be settled."""
        entry = self._unsettled.get(claim.event.offset)
        return entry is not None and entry.token == claim.token

    def settle(self, claim: Claim) -> None:
        """Be done with the event; the next one of its lane may follow."""
        entry = self._unsettled.pop(claim.event.offset)
        self._let_go(entry)
        lane = self._lanes[entry.lane]
        lane.popleft()
        if lane:
            heappush(self._ready, lane[0].event.offset)
        else:
            del self._lanes[entry.lane]
        self._pass_what_is_not_wanted()
        self.changes.notify()

    def put_back(self, claim: Claim, *, failed: bool, delay: float, now: float) -> None:
        """Have the event handed out again, `delay` seconds from now."""
        entry = self._unsettled[claim.event.offset]
        self._let_go(entry)
        entry.failures += failed
        if delay > 0:
            heappush(self._retries, (now + delay, entry.event.offset))
        else:
            heappush(self._ready, entry.event.offset)
        self.changes.notify()

    def _wants(self, event: RecordedEvent) -> bool:
        return event.name in self.definition.events

    def _take_from_log(self) -> bool:
        """Take events until one is ready; whether one is."""
        while not self._ready and len(self._unsettled) < WINDOW and self._read_to < self._log.head:
            event = self._log.at(self._read_to + 1)
            self._read_to = event.offset
            if self._wants(event):
                self._enter(event)
        return bool(self._ready)

    def _pass_what_is_not_wanted(self) -> None:
        """Keep the cursor right before the first unsettled event, or at the head."""
        if not self._unsettled:
            while self._read_to < self._log.head and not self._wants(
                self._log.at(self._read_to + 1)
            ):
                self._read_to += 1

    def _enter(self, event: RecordedEvent) -> None:
        lane = "" if self.definition.order is Order.STREAM else event.workflow_id
        entry = self._unsettled[event.offset] = _Entry(event, lane)
        if lane in self._lanes:
            self._lanes[lane].append(entry)
        else:
            self._lanes[lane] = deque([entry])
            heappush(self._ready, event.offset)

    def _bring_back_what_is_due(self, now: float) -> None:
        while self._claimed:
            offset, due = next(iter(self._claimed.items()))
            if due > now:
                break
            entry = self._unsettled[offset]
            self._let_go(entry)
            entry.failures += 1
            heappush(self._ready, offset)
        while self._retries and self._retries[0][0] <= now:
            heappush(self._ready, heappop(self._retries)[1])

    def _let_go(self, entry: _Entry) -> None:
        del self._claimed[entry.event.offset]
        self._held[entry.holder] -= 1
        if not self._held[entry.holder]:
            del self._held[entry.holder]
        entry.token, entry.holder = 0, ""

    def _next_due(self, now: float) -> float | None:
        due = [next(iter(self._claimed.values()))] if self._claimed else []
        if self._retries:
            due.append(self._retries[0][0])
        return min(due) - now if due else None
