"""Which of the partitions that a member owns has the oldest event to hand out, and what is over."""

from __future__ import annotations

import math
from collections.abc import Mapping
from heapq import heappop, heappush

from headwater.stores.window import Entry

from .partition import OwnedPartition

__all__ = ["Agenda"]


class Agenda:
    """What comes next in these partitions: a look costs the same, however many there are.

    Whoever changes something in a partition has to `note` it.
    """

    def __init__(self, partitions: Mapping[int, OwnedPartition]) -> None:
        self._partitions = partitions
        self._offsets: list[tuple[int, int]] = []  # heap of offset and partition; some out of date
        self._noted: dict[int, int] = {}  # partition → the offset that stands for it in the heap
        self._due = math.inf  # nothing is over before that, in monotonic seconds
        self._in_hand: dict[int, int] = {}  # by partition
        self.in_hand = 0
        """How many events of all of them somebody has."""

    def note(self, partition: OwnedPartition) -> None:
        """Look at the partition anew, unless it was lost."""
        if partition.is_lost:
            return
        offset, number = partition.next_offset, partition.number
        if offset is not None and self._noted.get(number) != offset:
            self._noted[number] = offset
            heappush(self._offsets, (offset, number))
        if (due := partition.next_due) is not None and due < self._due:
            self._due = due
        self.in_hand += partition.in_hand - self._in_hand.get(number, 0)
        self._in_hand[number] = partition.in_hand

    def forget(self, number: int) -> None:
        """The partition is not one of these any more."""
        self._noted.pop(number, None)
        self.in_hand -= self._in_hand.pop(number, 0)

    def next(self) -> OwnedPartition | None:
        """The partition whose `next_offset` is the lowest, until it is noted again."""
        while self._offsets:
            offset, number = heappop(self._offsets)
            if self._noted.get(number) != offset:
                continue
            del self._noted[number]
            partition = self._partitions[number]
            if partition.next_offset == offset:
                return partition
            self.note(partition)
        return None

    def pass_time(self, now: float) -> list[tuple[OwnedPartition, Entry]]:
        """End the waits that are over, and return the claims that are: each is a failure."""
        if now < self._due:
            return []
        self._due = math.inf
        void = []
        for partition in self._partitions.values():
            void += [(partition, entry) for entry in partition.pass_time(now)]
            self.note(partition)
        return void

    def next_due(self, now: float) -> float | None:
        """Seconds until something may be over; `None` if nothing will."""
        return None if self._due == math.inf else max(0.0, self._due - now)
