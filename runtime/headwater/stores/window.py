"""What is under way in a feed: which events are with whom, and which may be handed out next.

A feed takes events from its stream into its window and lets each go when it is settled. Every
entry stands in one lane, and only the first of a lane is handed out. Knows neither store nor
clock: times are numbers that grow.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import heappop, heappush

from headwater.events import RecordedEvent

from .contract import Order

__all__ = ["WINDOW", "Entry", "Window"]

WINDOW = 1024  # unsettled events of one feed; more wait in the stream until some are settled


@dataclass(slots=True, eq=False)
class Entry:
    """An event that was taken from the stream and is not settled."""

    offset: int
    workflow_id: str
    event: RecordedEvent | None = None
    """The event itself, where it is at hand."""
    failures: int = 0
    token: int = 0
    """Of the claim; 0 while there is none."""
    holder: str = ""
    due: float = 0.0
    """End of the claim, or of the wait for a retry; 0 while there is neither."""
    held: bool = False
    """Whether it was put back to wait for a service that knows it."""


class Window:
    """The unsettled events of one feed, in their lanes."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._entries: dict[int, Entry] = {}
        self._offsets: list[int] = []  # heap; may hold some that are settled
        self._lanes: dict[str, deque[Entry]] = {}
        self._ready: list[int] = []  # heap of offsets; may hold some that are not ready any more
        self._timers: list[tuple[float, int, int]] = []  # heap of due, offset, token; likewise
        self._held: Counter[str] = Counter()
        self._held_back = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    @property
    def claimed(self) -> int:
        """How many are with somebody."""
        return self._held.total()

    @property
    def held_back(self) -> int:
        """How many wait for a service that knows them."""
        return self._held_back

    @property
    def has_ready(self) -> bool:
        """Whether one can be handed out now."""
        self._drop_what_is_not_ready()
        return bool(self._ready)

    def get(self, offset: int) -> Entry | None:
        """The entry of that event, if it is unsettled."""
        return self._entries.get(offset)

    def first(self) -> int | None:
        """Offset of the oldest unsettled event."""
        while self._offsets and self._offsets[0] not in self._entries:
            heappop(self._offsets)
        return self._offsets[0] if self._offsets else None

    def held(self, holder: str) -> int:
        """How many this holder has."""
        return self._held[holder]

    def restore(self, entries: Iterable[Entry]) -> None:
        """Take in entries as they were when somebody else wrote them down."""
        for entry in sorted(entries, key=lambda entry: (not entry.token, entry.offset)):
            self.enter(entry)

    def enter(self, entry: Entry) -> None:
        """Take in an event, behind all others of its lane."""
        self._add(entry)
        lane = self._lanes.setdefault(self._lane(entry), deque())
        lane.append(entry)
        if lane[0] is entry:
            self._may_be_ready(entry)

    def enter_again(self, entry: Entry) -> None:
        """Take in an event that was settled: before all others of its lane that nobody has."""
        self._add(entry)
        lane = self._lanes.setdefault(self._lane(entry), deque())
        place = 0
        while place < len(lane) and (lane[place].token or lane[place].offset < entry.offset):
            place += 1
        lane.insert(place, entry)
        if lane[0] is entry:
            self._may_be_ready(entry)

    def take(self, holder: str, token: int, due: float) -> Entry:
        """Hand out the oldest that is ready; call it only if `has_ready`."""
        entry = self._entries[heappop(self._ready)]
        entry.token, entry.holder, entry.due = token, holder, due
        self._held[holder] += 1
        heappush(self._timers, (due, entry.offset, token))
        return entry

    def settle(self, offset: int) -> None:
        """Be done with a claimed event; the next one of its lane may follow."""
        entry = self._entries.pop(offset)
        self._let_go(entry)
        self._held_back -= entry.held
        name = self._lane(entry)
        lane = self._lanes[name]
        lane.remove(entry)
        if lane:
            self._may_be_ready(lane[0])
        else:
            del self._lanes[name]

    def put_back(
        self, offset: int, *, failed: bool, until: float = 0.0, held: bool = False
    ) -> None:
        """Have a claimed event handed out again, at once or when the time is `until`."""
        entry = self._entries[offset]
        self._let_go(entry)
        self._held_back += held - entry.held
        entry.held = held
        entry.failures += failed
        entry.due = until
        if until:
            heappush(self._timers, (until, offset, 0))
        self._may_be_ready(self._lanes[self._lane(entry)][0])

    def pass_time(self, now: float) -> list[Entry]:
        """End the claims and waits that are over; a claim that ends counts as a failure."""
        ended = []
        while (due := self.next_due()) is not None and due <= now:
            entry = self._entries[heappop(self._timers)[1]]
            if entry.token:
                self.put_back(entry.offset, failed=True)
            else:
                entry.due = 0.0
                self._may_be_ready(self._lanes[self._lane(entry)][0])
            ended.append(entry)
        return ended

    def take_from(self, holder: str) -> list[Entry]:
        """End all claims of this holder, as failures."""
        theirs = [entry for entry in self if entry.token and entry.holder == holder]
        for entry in theirs:
            self.put_back(entry.offset, failed=True)
        return theirs

    def next_due(self) -> float | None:
        """When the next claim or wait ends."""
        while self._timers:
            due, offset, token = self._timers[0]
            entry = self._entries.get(offset)
            if entry is not None and (entry.due, entry.token) == (due, token):
                return due
            heappop(self._timers)
        return None

    def _lane(self, entry: Entry) -> str:
        return "" if self._order is Order.STREAM else entry.workflow_id

    def _add(self, entry: Entry) -> None:
        self._entries[entry.offset] = entry
        heappush(self._offsets, entry.offset)
        self._held_back += entry.held
        if entry.token:
            self._held[entry.holder] += 1
        if entry.due:
            heappush(self._timers, (entry.due, entry.offset, entry.token))

    def _may_be_ready(self, first: Entry) -> None:
        if not first.token and not first.due:
            heappush(self._ready, first.offset)

    def _drop_what_is_not_ready(self) -> None:
        while self._ready:
            entry = self._entries.get(self._ready[0])
            if (
                entry is not None
                and not entry.token
                and not entry.due
                and self._lanes[self._lane(entry)][0] is entry
            ):
                return
            heappop(self._ready)

    def _let_go(self, entry: Entry) -> None:
        self._held[entry.holder] -= 1
        if not self._held[entry.holder]:
            del self._held[entry.holder]
        entry.token, entry.holder, entry.due = 0, "", 0.0
