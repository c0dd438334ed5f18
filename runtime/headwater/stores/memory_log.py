"""A stream in memory: one list that every feed reads by position."""

from __future__ import annotations

from bisect import bisect_left
from datetime import datetime

from headwater.events import RecordedEvent

__all__ = ["Log"]


class Log:
    """Events at offsets 1, 2, 3..., of which the oldest may be gone."""

    def __init__(self) -> None:
        self.head = 0
        self.gone = 0  # offset of the newest event that is gone
        self.kept: dict[int, RecordedEvent] = {}  # gone, and still to be settled by somebody
        self.swept = 0  # up to here nothing is left of what is gone
        self.measured_to = 0
        self.size = 0  # bytes of data of the events above `gone`, up to `measured_to`
        self.last_recorded_at: datetime | None = None
        self._events: list[RecordedEvent] = []
        self._before = 0  # offset just before the list's first

    def append(self, event: RecordedEvent) -> None:
        """Add the event, which has the offset after `head`."""
        self._events.append(event)
        self.head = event.offset
        self.last_recorded_at = event.recorded_at

    def at(self, offset: int) -> RecordedEvent:
        """The event at that offset, which is above `gone` and not above `head`."""
        return self._events[offset - self._before - 1]

    def read(self, after: int, limit: int) -> list[RecordedEvent]:
        """The events that are there with `after < offset <= after + limit`."""
        first = max(after, self.gone) - self._before
        return self._events[first : max(after + limit - self._before, first)]

    def first_at_or_after(self, time: datetime) -> int:
        """Offset of the first event recorded then or later; after the newest if there is none."""
        return (
            self._before + 1 + bisect_left(self._events, time, key=lambda event: event.recorded_at)
        )

    def forget_through(self, offset: int) -> None:
        """Let the events up to that offset go."""
        self.gone = max(self.gone, offset)
        surplus = self.gone - self._before
        if surplus * 2 > len(self._events):  # moving the rest costs no more than what goes
            del self._events[:surplus]
            self._before = self.gone

    def measure(self, after: int, limit: int) -> int:
        """Bytes of data of the events that are there with `after < offset <= after + limit`."""
        return sum(len(event.data) for event in self.read(after, limit))

    def truncate(self, through: int) -> None:
        """Let the events up to that offset go, and keep what is left of the size."""
        if through < self.measured_to:
            self.size -= self.measure(self.gone, through - self.gone)
        else:
            self.measured_to, self.size = through, 0
        self.forget_through(through)

    def sweep(self, start: int, limit: int) -> tuple[int, int | None]:
        """Take what is gone off the books; how many, and where there is more."""
        before = max(self.swept, start - 1)
        through = max(before, min(before + limit, self.gone))
        self.swept = through
        return through - before, through + 1 if through < self.gone else None
