"""Consumer groups in memory: partitions, their owners, and what those write down."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from headwater.clock import Clock
from headwater.errors import CursorMismatchError, DeliveryLostError, UnknownSubscriptionError
from headwater.events import RecordedEvent

from .contract import Connection, DeadLetter, FeedKey, FeedStatistics
from .groups import (
    PARTITIONS,
    Group,
    Ownership,
    Partition,
    Progress,
    Share,
    Unsettled,
    partition_key,
    partition_of,
)
from .guards import feed_name, partition_number
from .handover import Owned, hand_over
from .memory_log import Log
from .memory_members import Members
from .operating import Reset
from .retention import Gap, Standing, missed_at_start
from .signal import Signal

__all__ = ["Groups"]


@dataclass(slots=True)
class _Entry:
    workflow_id: str
    failures: int = 0
    due: float = 0.0  # monotonic seconds
    held: bool = False
    in_hand: bool = False


@dataclass(slots=True)
class _Partition:
    number: int
    key: FeedKey
    read_to: int
    owner: str = ""
    epoch: int = 0
    revision: int = 0
    skipped: int = 0
    truncated: int = 0
    gap: Gap | None = None
    entries: dict[int, _Entry] = field(default_factory=dict)

    @property
    def position(self) -> int:
        return min(self.entries, default=self.read_to + 1) - 1

    def take(self, session: str) -> None:
        self.owner = session
        self.epoch += 1
        self.revision += 1
        for entry in self.entries.values():
            if entry.in_hand:
                entry.failures += 1
                entry.in_hand, entry.due = False, 0.0


@dataclass(slots=True)
class _Group:
    definition: Group
    log: Log
    partitions: list[_Partition]


class Groups:
    """The consumer groups of a store. `letters` are all of its dead letters."""

    def __init__(self, clock: Clock, members: Members, letters: dict[int, DeadLetter]) -> None:
        self._clock = clock
        self._members = members
        self._letters = letters
        self._groups: dict[str, _Group] = {}
        self._signals: dict[str, Signal] = {}

    def changes(self, subscription: str) -> Signal:
        """Notifies when `balance` may say something new."""
        return self._signals.setdefault(subscription, Signal())

    def register(self, group: Group, log: Log, position: int) -> None:
        """Have the group's partitions; those that are there keep their cursors and owners."""
        name = group.subscription
        if (known := self._groups.get(name)) is None:
            partitions = [
                _Partition(number, partition_key(name, number), position)
                for number in range(PARTITIONS)
            ]
            self._groups[name] = _Group(group, log, partitions)
            if (gap := missed_at_start(group.start, log.gone + 1)) is not None:
                for partition in partitions:
                    partition.gap, partition.truncated = gap, gap.last - gap.first + 1
        elif known.definition.stream != group.stream:
            raise CursorMismatchError(
                name, group.stream, f"it was written for {known.definition.stream}"
            )
        else:
            known.definition = group

    def balance(self, subscription: str, session: str, known: Mapping[int, int]) -> Share:
        """Give the session its share of the group."""
        group = self._group(subscription)
        share = hand_over(
            session,
            known,
            partitions=[Owned(one.number, one.owner, one.revision) for one in group.partitions],
            living=self._members.living(FeedKey(subscription), session),
            max_consumers=group.definition.max_consumers,
        )
        for number in share.taken:
            group.partitions[number].take(session)
        return Share(
            taken=tuple(
                self._ownership(
                    group.partitions[number], is_abandoned=share.taken.get(number, False)
                )
                for number in sorted(share.taken.keys() | share.changed)
            ),
            lost=share.lost,
            surplus=share.surplus,
            next_due=share.next_due,
        )

    def release(self, subscription: str, session: str, partitions: Collection[int]) -> None:
        """Have the session own these no more; what it has in hand has not failed."""
        group = self._group(subscription)
        theirs = [
            group.partitions[one] for one in partitions if group.partitions[one].owner == session
        ]
        for partition in theirs:
            partition.owner = ""
            for entry in partition.entries.values():
                entry.in_hand = False
        if theirs:
            self.changes(subscription).notify()

    def leave(self, connection: Connection) -> None:
        """Free what a session had that says goodbye: all but where it has an event in hand."""
        subscription = connection.feed.subscription
        for partition in self._groups[subscription].partitions if self._has(connection) else ():
            is_in_hand = any(entry.in_hand for entry in partition.entries.values())
            if partition.owner == connection.session and not is_in_hand:
                partition.owner = ""
        self.notify(connection)

    def notify(self, connection: Connection) -> None:
        """Wake the group of a session that comes or goes."""
        if self._has(connection):
            self.changes(connection.feed.subscription).notify()

    def _has(self, connection: Connection) -> bool:
        return connection.feed.consumer is None and connection.feed.subscription in self._groups

    def partitions(self, subscription: str) -> list[Partition]:
        """How far each partition of the group has come."""
        group = self._group(subscription)
        consumers = self._members.connected(FeedKey(subscription))
        return [
            Partition(
                partition=one.number,
                owner=one.owner if one.owner in consumers else None,
                consumer=consumers.get(one.owner),
                epoch=one.epoch,
                position=one.position,
                unsettled=len(one.entries),
            )
            for one in group.partitions
        ]

    def statistics(self, key: FeedKey) -> FeedStatistics | None:
        """How far a partition has come, if that is what the key means."""
        if (found := self._find(key)) is None:
            return None
        group, partition = found
        ahead = self._ahead(group, partition.read_to)
        return _statistics(group.log, partition, ahead[partition.number])

    def feeds(self, subscription: str) -> list[FeedStatistics]:
        """How far each partition of the group has come, in their order."""
        group = self._group(subscription)
        ahead = self._ahead(group, min(one.read_to for one in group.partitions))
        return [_statistics(group.log, one, ahead[one.number]) for one in group.partitions]

    def _ahead(self, group: _Group, after: int) -> dict[int, list[int]]:
        """Offsets of events after that one that the group wants, by partition."""
        wanted = group.definition.events
        ahead: dict[int, list[int]] = {number: [] for number in range(PARTITIONS)}
        for event in group.log.read(after, group.log.head - after):
            if wanted is None or event.name in wanted:
                ahead[partition_of(event.workflow_id)].append(event.offset)
        return ahead

    def has(self, key: FeedKey) -> bool:
        """Whether the key is a partition's."""
        return self._find(key) is not None

    def partition(self, key: FeedKey) -> PartitionCursor | None:
        """The cursor of a partition, to be put elsewhere, if that is what the key means."""
        found = self._find(key)
        return None if found is None else PartitionCursor(*found)

    def requeue(self, key: FeedKey, event: RecordedEvent) -> None:
        """Have an event that was set aside handed out again."""
        found = self._find(key)
        if found is not None and event.offset <= found[1].read_to:
            found[1].entries.setdefault(event.offset, _Entry(event.workflow_id))
            if event.offset <= found[0].log.gone:
                found[0].log.kept[event.offset] = event
        self.change(key)

    def change(self, key: FeedKey) -> None:
        """Have the partition's owner look again, because others have changed what it knows."""
        if (found := self._find(key)) is not None:
            _, partition = found
            partition.revision += 1
            self.changes(key.subscription).notify()

    # Retention

    def standings(self, log: Log) -> Iterator[Standing]:
        """Where the partitions on this stream stand."""
        for partition in self._on(log):
            yield Standing(partition.key, partition.position)

    def truncate(self, log: Log, through: int) -> None:
        """Have the partitions on this stream read on behind that offset."""
        for partition in self._on(log):
            if partition.read_to < through:
                first = partition.read_to + 1 if partition.gap is None else partition.gap.first
                partition.truncated += through - partition.read_to
                partition.gap = Gap(first, through)
                partition.read_to = through
                self.change(partition.key)

    def unsettled(self, log: Log) -> set[int]:
        """Offsets that partitions on this stream are still to settle, and have taken."""
        return {offset for partition in self._on(log) for offset in partition.entries}

    def tell(self, key: FeedKey, gap: Gap) -> None:
        """Take note that the partition's owner was told of the gap."""
        if (found := self._find(key)) is not None and (known := found[1].gap) is not None:
            found[1].gap = None if known.last <= gap.last else Gap(gap.last + 1, known.last)

    def _on(self, log: Log) -> Iterator[_Partition]:
        for group in self._groups.values():
            if group.log is log:
                yield from group.partitions

    # Progress

    def failed_guards(self, progress: Progress) -> Iterator[DeliveryLostError]:
        """What keeps the progress from being written."""
        key = partition_key(progress.subscription, progress.partition)
        found = self._find(key)
        if found is None or not found[1].owner or found[1].epoch != progress.epoch:
            yield DeliveryLostError(feed_name(key), progress.read_to)
        first = {
            letter.event.workflow_id: letter.event.offset
            for letter in sorted(progress.letters, key=lambda one: -one.event.offset)
        }
        for known in self._letters.values():
            if FeedKey(known.subscription, known.consumer) == key:
                name, offset = known.event.workflow_id, known.event.offset
                first[name] = min(first.get(name, offset), offset)
        for letter in progress.letters:
            if letter.behind and first[letter.event.workflow_id] == letter.event.offset:
                yield DeliveryLostError(feed_name(key), letter.event.offset)

    def write(self, progress: Progress) -> None:
        """Write progress down whose guards hold; its letters are the store's."""
        now = self._clock.monotonic()
        partition = self._groups[progress.subscription].partitions[progress.partition]
        partition.read_to = max(partition.read_to, progress.read_to)
        partition.skipped += progress.skipped
        for offset in (*progress.settled, *(letter.event.offset for letter in progress.letters)):
            partition.entries.pop(offset, None)
        for one in progress.unsettled:
            due = now + one.delay if one.delay > 0 else 0.0
            partition.entries[one.offset] = _Entry(
                one.workflow_id, one.failures, due, one.held, one.in_hand
            )

    def _ownership(self, partition: _Partition, *, is_abandoned: bool) -> Ownership:
        now = self._clock.monotonic()
        return Ownership(
            partition=partition.number,
            epoch=partition.epoch,
            read_to=partition.read_to,
            unsettled=tuple(
                Unsettled(
                    offset,
                    entry.workflow_id,
                    entry.failures,
                    max(0.0, entry.due - now),
                    entry.held,
                    entry.in_hand,
                )
                for offset, entry in sorted(partition.entries.items())
            ),
            blocked=frozenset(
                letter.event.workflow_id
                for letter in self._letters.values()
                if FeedKey(letter.subscription, letter.consumer) == partition.key
            ),
            revision=partition.revision,
            gap=partition.gap,
            abandoned=is_abandoned,
        )

    def _group(self, subscription: str) -> _Group:
        try:
            return self._groups[subscription]
        except KeyError:
            raise UnknownSubscriptionError("the store", subscription) from None

    def _find(self, key: FeedKey) -> tuple[_Group, _Partition] | None:
        group = self._groups.get(key.subscription)
        number = partition_number(key)
        return None if group is None or number is None else (group, group.partitions[number])


class PartitionCursor:
    """A partition's cursor, as an operator moves it."""

    def __init__(self, group: _Group, partition: _Partition) -> None:
        self.definition = group.definition
        self._log = group.log
        self._partition = partition

    def in_flight(self, _: float) -> int:
        """How many events are known to be in hand."""
        return sum(entry.in_hand for entry in self._partition.entries.values())

    def reset_to(self, to: int) -> Reset:
        """What would come of standing there."""
        partition = self._partition
        passed = self._theirs(min(to, partition.read_to), max(to, partition.read_to))
        ahead = self._theirs(partition.read_to, self._log.head)
        after_all = max(self._log.head, partition.read_to) + 1
        is_back = to < partition.read_to
        return Reset(
            key=partition.key,
            before=min(partition.entries, default=ahead[0] if ahead else after_all) - 1,
            after=to,
            again=len({*passed} - partition.entries.keys()) if is_back else 0,
            skipped=sum(offset <= to for offset in partition.entries)
            + (0 if is_back else len(passed)),
        )

    def move(self, to: int, gap: Gap | None) -> None:
        """Stand there, with nobody as its owner."""
        partition = self._partition
        partition.read_to = to
        partition.entries.clear()
        partition.owner = ""
        partition.epoch += 1
        partition.revision += 1
        partition.gap = gap
        partition.truncated += 0 if gap is None else gap.last - gap.first + 1

    def _theirs(self, after: int, through: int) -> list[int]:
        wanted = self.definition.events
        return [
            event.offset
            for event in self._log.read(after, through - after)
            if (wanted is None or event.name in wanted)
            and partition_of(event.workflow_id) == self._partition.number
        ]


def _statistics(log: Log, partition: _Partition, ahead: list[int]) -> FeedStatistics:
    """How far the partition has come; ahead of the lowest cursor are these events of it."""
    entries = partition.entries
    ahead = [offset for offset in ahead if offset > partition.read_to]
    return FeedStatistics(
        min(entries, default=ahead[0] if ahead else max(log.head, partition.read_to) + 1) - 1,
        sum(entry.in_hand for entry in entries.values()),
        len(entries) + len(ahead),
        sum(entry.held for entry in entries.values()),
        partition.skipped,
        partition.truncated,
        partition.gap,
    )
