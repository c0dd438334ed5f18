"""What is under way in a feed: which events are with whom, and which may be handed out next.

A feed takes events from its stream into its window and lets each go when it is settled. Every
entry stands in one lane, and only the first of a lane is handed out; or the first few in a row,
while nobody has any of them. Knows neither store nor clock: times are numbers that grow.
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
        self._busy: Counter[str] = Counter()  # lane → entries that are with somebody
        self._overtaken: set[str] = set()  # lanes in which one that came again waits for later ones
        self._held_back = 0
        self._run = 1  # entries of one lane that may be taken in a row, until `end_run`
        self._taken: dict[str, int] = {}  # lane → entries that were, if there may be more

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

    @property
    def next_ready(self) -> int | None:
        """Offset of the one that is handed out next, if one can be now."""
        self._drop_what_is_not_ready()
        return self._ready[0] if self._ready else None

    def get(self, offset: int) -> Entry | None:
        """The entry of that event, if it is unsettled."""
        return self._entries.get(offset)

    def first(self) -> int | None:
        """Offset of the oldest unsettled event."""
        while self._offsets and self._offsets[0] not in self._entries:
            heappop(self._offsets)
        return self._offsets[0] if self._offsets else None

    def entries(self) -> tuple[Entry, ...]:
        """All that is unsettled, in no order."""
        return tuple(self._entries.values())

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
        elif self._taken and len(lane) - 1 == self._taken.get(self._lane(entry)):
            heappush(self._ready, entry.offset)

    def enter_again(self, entry: Entry) -> None:
        """Take in an event that was settled: before all others of its lane that nobody has."""
        self._add(entry)
        lane = self._lanes.setdefault(self._lane(entry), deque())
        place = 0
        while place < len(lane) and (lane[place].token or lane[place].offset < entry.offset):
            if lane[place].offset > entry.offset:
                self._overtaken.add(self._lane(entry))
            place += 1
        lane.insert(place, entry)
        if lane[0] is entry:
            self._may_be_ready(entry)

    def remove(self, offset: int) -> None:
        """Let go an event that nobody has, and that is settled otherwise; not within a run."""
        entry = self._entries.pop(offset)
        self._held_back -= entry.held
        name = self._lane(entry)
        lane = self._lanes[name]
        lane.remove(entry)
        if lane:
            self._may_be_ready(lane[0])
        else:
            del self._lanes[name]
            self._overtaken.discard(name)

    def begin_run(self, length: int) -> None:
        """From here to `end_run`, up to so many of one lane can be taken in a row."""
        self._run = length

    def end_run(self) -> None:
        """From here on, of each lane only the first can be taken, if nobody has any of it."""
        self._run = 1
        self._taken.clear()

    def take(self, holder: str, token: int, due: float) -> Entry:
        """Hand out the oldest that is ready; call it only if `has_ready`."""
        entry = self._entries[heappop(self._ready)]
        entry.token, entry.holder, entry.due = token, holder, due
        self._held[holder] += 1
        self._busy[self._lane(entry)] += 1
        heappush(self._timers, (due, entry.offset, token))
        if self._run > 1:
            self._go_on(entry)
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
            self._overtaken.discard(name)

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
        name = self._lane(entry)
        if name in self._overtaken and not self._busy[name]:
            self._overtaken.discard(name)
            self._lanes[name] = deque(sorted(self._lanes[name], key=lambda one: one.offset))
        self._may_be_ready(self._lanes[name][0])

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
            self._busy[self._lane(entry)] += 1
        if entry.due:
            heappush(self._timers, (entry.due, entry.offset, entry.token))

    def _may_be_ready(self, first: Entry) -> None:
        if self._is_ready(first):
            heappush(self._ready, first.offset)

    def _is_ready(self, entry: Entry) -> bool:
        """Whether it can be taken, if nothing before it in its lane forbids that."""
        if entry.token or entry.due:
            return False
        name = self._lane(entry)
        lane, taken = self._lanes[name], self._taken.get(name)
        if taken is None:
            return lane[0] is entry and not self._busy[name]
        return taken < len(lane) and lane[taken] is entry

    def _go_on(self, entry: Entry) -> None:
        """Let the one behind an entry that was just taken follow it in this run."""
        name = self._lane(entry)
        taken = self._taken.get(name, 0) + 1
        lane = self._lanes[name]
        if taken >= self._run:
            self._taken.pop(name, None)
            return
        self._taken[name] = taken
        if taken < len(lane):
            self._may_be_ready(lane[taken])

    def _drop_what_is_not_ready(self) -> None:
        while self._ready:
            entry = self._entries.get(self._ready[0])
            if entry is not None and self._is_ready(entry):
                return
            heappop(self._ready)

    def _let_go(self, entry: Entry) -> None:
        self._held[entry.holder] -= 1
        if not self._held[entry.holder]:
            del self._held[entry.holder]
        lane = self._lane(entry)
        self._busy[lane] -= 1
        if not self._busy[lane]:
            del self._busy[lane]
        entry.token, entry.holder, entry.due = 0, "", 0.0
