"""A store that lives as long as its process: the reference that others are compared with.

A commit runs without awaiting, so nobody sees half of one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from headwater.clock import Clock, SystemClock
from headwater.errors import (
    ConnectionUnavailableError,
    DeliveryLostError,
    EventNotFoundError,
    RejectedError,
    SchemaChangedError,
    UnknownSubscriptionError,
)
from headwater.events import RecordedEvent
from headwater.schema.revisions import Chain
from headwater.streams import (
    FromBeginning,
    FromEventId,
    FromLatest,
    FromOffset,
    FromTimestamp,
    Start,
    Stream,
    StreamStatistics,
    StreamType,
)

from .announcements import announce_streams
from .contract import (
    Acknowledge,
    Answer,
    Append,
    Claims,
    Committed,
    Connection,
    Consumer,
    DeadLetter,
    EventCount,
    EventSchema,
    FailedCommand,
    Feed,
    FeedKey,
    FeedStatistics,
    Outcome,
    OwnTransaction,
    PutBack,
    Rejected,
    SetAside,
    Settlement,
    Skip,
    Stale,
    Taken,
    Unit,
    WorkflowState,
)
from .groups import Group, Partition, Progress, Share, partition_key
from .guards import answered, failed_expectation, feed_name, require_log
from .keys import KeyCount, KeyKind
from .leases import Lease
from .memory_acts import Acts
from .memory_commands import StoredCommands
from .memory_feed import MemoryFeed
from .memory_groups import Groups
from .memory_keys import Keys
from .memory_leases import Leases
from .memory_letters import Letters
from .memory_log import Log
from .memory_members import Members
from .memory_receipts import Receipts
from .operating import Act, Interference, Reset, by_command, reset_detail
from .receipts import Receipting
from .retention import Extent, Gap, Standing, Swept, missed_at_start
from .signal import Signal

__all__ = ["MemoryStore"]


class MemoryStore:
    """Keeps everything in memory. What it acknowledges is lost when the process ends."""

    commits_at_once = 1

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._streams: dict[str, _Stream] = {}
        self._workflows: dict[tuple[str, str], _Workflow] = {}
        self._feeds: dict[FeedKey, MemoryFeed] = {}
        self._letters = Letters()
        self._acts = Acts(self._clock)
        self._keys = Keys(self._clock)
        self._members = Members(self._clock)
        self._paused: set[str] = set()
        self._commands = StoredCommands()
        self._schemas: dict[tuple[str, int], EventSchema] = {}
        self._groups = Groups(self._clock, self._members, self._letters.by_id)
        self._leases = Leases(self._clock)
        self._receipts = Receipts(
            self._clock, self._feeds, self._letters.by_id, self._set_aside_unread
        )

    @property
    def cautions(self) -> tuple[str, ...]:
        """Nothing is: who takes this store knows that it forgets."""
        return ()

    @property
    def receipts(self) -> Receipting:
        """What its recipients have read."""
        return self._receipts

    async def open(self, streams: Sequence[Stream], chain: Chain | None = None) -> None:
        """Have these streams. A store that forgets everything needs no revisions."""
        created = [stream for stream in streams if stream.name not in self._streams]
        for stream in created:
            self._streams[stream.name] = _Stream(stream)
        announce_streams(created)

    async def close(self) -> None:
        """Nothing to give back: a memory store that is opened again has what it had."""

    async def commit(self, units: Sequence[Unit]) -> list[Outcome]:
        """Write the units in order and tell how each went."""
        outcomes = [self._commit(unit) for unit in units]
        for stream in self._streams.values():
            stream.forget_what_is_consumed()
        return outcomes

    async def begin(self) -> OwnTransaction:
        """There is none: nothing but the store's own parts could be written in it."""
        raise ConnectionUnavailableError("the store is in memory; use sqlite:///path/to/file.db")

    async def answer(self, key: str) -> Answer | None:
        """What was kept with the unit that had this idempotency key."""
        return self._keys.answer(key)

    async def read(self, stream: str, after: int, limit: int) -> list[RecordedEvent]:
        """The stream's events with `after < offset <= after + limit`, in order."""
        return self._streams[stream].log.read(after, limit)

    async def position(self, stream: str, start: Start) -> int:
        """Offset just before the first event that `start` means."""
        return _position(stream, start, self._streams[stream].log)

    def appended(self, stream: str) -> Signal:
        """Notifies when the stream has new events."""
        return self._streams[stream].appended

    async def workflow(self, workflow: str, workflow_id: str) -> WorkflowState:
        """How far the workflow has come."""
        found = self._workflows.get((workflow, workflow_id))
        return WorkflowState(found.version, found.ended) if found else WorkflowState()

    async def history(
        self, stream: str, workflow: str, workflow_id: str, version: int
    ) -> list[RecordedEvent]:
        """The first `version` events of a workflow on a persistent stream, oldest first."""
        found = self._workflows.get((workflow, workflow_id))
        log = self._streams[stream].log
        offsets = found.offsets[:version] if found else []
        return [log.at(offset) for offset in offsets if offset > log.gone]

    async def statistics(self, stream: str) -> StreamStatistics:
        """How far the stream has come."""
        found = self._streams[stream]
        return StreamStatistics(found.log.head, found.log.head - found.log.gone, found.dropped)

    async def streams(self) -> list[str]:
        """The names of all streams that the store has, sorted."""
        return sorted(self._streams)

    async def count(self, stream: str, after: int, limit: int) -> list[EventCount]:
        """How many of the events with `after < offset <= after + limit` are of which version."""
        events = self._streams[stream].log.read(after, limit)
        found = Counter((event.name, event.version or 1) for event in events)
        return [EventCount(*key, number) for key, number in sorted(found.items())]

    async def schemas(self) -> dict[tuple[str, int], str]:
        """The digests of the event versions whose schemas are kept, by name and version."""
        return {key: schema.digest for key, schema in self._schemas.items()}

    async def keep_schemas(self, schemas: Sequence[EventSchema]) -> None:
        """Keep the schemas, in place of those of the same versions."""
        keys = [(one.name, one.version) for one in schemas]
        recorded = {
            (event.name, event.version or 1)
            for stream in self._streams.values()
            for event in stream.log.read(stream.log.gone, stream.log.head)
        }
        if changed := [
            key
            for key, one in zip(keys, schemas, strict=True)
            if key in recorded and key in self._schemas and self._schemas[key].digest != one.digest
        ]:
            raise SchemaChangedError(changed)
        self._schemas.update(zip(keys, schemas, strict=True))

    async def register(self, feed: Feed) -> None:
        """Have the feed; one that there is keeps its cursor and takes on the other settings."""
        if (known := self._feeds.get(feed.key)) is not None:
            known.definition = feed
            return
        stream = self._streams[feed.stream]
        position = _position(feed.stream, feed.start, stream.log)
        made = MemoryFeed(feed, stream.log, position, self._letters)
        if (gap := missed_at_start(feed.start, stream.log.gone + 1)) is not None:
            made.miss(gap.first, gap.last)
        self._feeds[feed.key] = made
        stream.feeds.append(made)

    async def unregister(self, key: FeedKey) -> None:
        """Forget the feed, its cursor and its claims. Its dead letters stay."""
        if (feed := self._feeds.pop(key, None)) is not None:
            self._receipts.forget(key)
            stream = self._streams[feed.definition.stream]
            stream.feeds.remove(feed)
            stream.forget_what_is_consumed()
            feed.changes.notify()

    async def claim(self, key: FeedKey, holder: str, limit: int) -> Claims:
        """Hand out up to `limit` events, the oldest first."""
        feed = self._feed(key)
        if key.subscription in self._paused:
            return Claims((), None)
        claims = feed.claim(holder, limit, self._clock.monotonic(), self._clock.now())
        self._streams[feed.definition.stream].forget_what_is_consumed()
        return claims

    async def pause(self, subscription: str, *, actor: str = "") -> None:
        """Hand out none of its events, to nobody, until `resume`."""
        if subscription not in self._paused:
            self._acts.add("pause", subscription, {}, actor)
        self._paused.add(subscription)
        self._groups.changes(subscription).notify()

    async def resume(self, subscription: str, *, actor: str = "") -> None:
        """Hand out its events again."""
        if subscription in self._paused:
            self._acts.add("resume", subscription, {}, actor)
        self._paused.discard(subscription)
        self._groups.changes(subscription).notify()
        for key, feed in self._feeds.items():
            if key.subscription == subscription:
                feed.changes.notify()

    async def paused(self) -> frozenset[str]:
        """The subscriptions that are paused."""
        return frozenset(self._paused)

    async def take_commands(self, limit: int, lease: float) -> Taken:
        """Stored commands that are due, for the caller to execute within `lease` seconds."""
        return self._commands.take(limit, lease, self._clock.monotonic())

    async def postpone_command(self, key: str, error: str, delay: float | None) -> None:
        """Have a stored command due again in `delay` seconds, or with `None` give it up."""
        due = None if delay is None else self._clock.monotonic() + delay
        self._commands.postpone(key, error, due)

    async def failed_commands(self) -> list[FailedCommand]:
        """The stored commands that were given up, oldest first."""
        return self._commands.failed()

    async def retry_commands(self, keys: Collection[str], *, actor: str = "") -> int:
        """Have stored commands that were given up due at once, as new; how many."""
        retried = self._commands.retry(keys, self._clock.monotonic())
        for name, theirs in by_command((one.name, one.key) for one in retried):
            self._acts.add("retry", name, {"commands": theirs}, actor)
        return len(retried)

    def sent(self) -> Signal:
        """Notifies when there may be stored commands to execute."""
        return self._commands.changes

    def changes(self, key: FeedKey) -> Signal:
        """Notifies when the feed may have something to hand out."""
        return self._feed(key).changes

    async def feed(self, key: FeedKey) -> FeedStatistics:
        """How far the feed has come."""
        return self._groups.statistics(key) or self._feed(key).statistics()

    async def register_group(self, group: Group) -> None:
        """Have the group's partitions; those that are there keep their cursors and owners."""
        stream = self._streams[group.stream]
        require_log(group, stream.definition.type)
        self._groups.register(group, stream.log, _position(group.stream, group.start, stream.log))

    async def balance(self, subscription: str, session: str, known: Mapping[int, int]) -> Share:
        """Give the session its share of the group."""
        return self._groups.balance(subscription, session, known)

    async def release(self, subscription: str, session: str, partitions: Collection[int]) -> None:
        """Have the session own these no more, and wake those who may take them."""
        self._groups.release(subscription, session, partitions)

    def group_changes(self, subscription: str) -> Signal:
        """Notifies when `balance` may say something new."""
        return self._groups.changes(subscription)

    async def partitions(self, subscription: str) -> list[Partition]:
        """How far each partition of the group has come, in their order."""
        return self._groups.partitions(subscription)

    async def partition_feeds(self, subscription: str) -> list[FeedStatistics]:
        """What `feed` says of each partition of the group, in their order."""
        return self._groups.feeds(subscription)

    async def dead_letters(self, subscription: str) -> list[DeadLetter]:
        """The subscription's dead letters, oldest first."""
        return [
            letter for letter in self._letters.by_id.values() if letter.subscription == subscription
        ]

    async def requeue(self, letters: Collection[int], *, actor: str = "") -> int:
        """Have these dead letters handed out again, as new, where they came from; how many."""
        found = self._letters.those_that_come_back(letters)
        keys = [FeedKey(one.subscription, one.consumer) for one in found]
        for key in keys:
            if not self._groups.has(key):
                self._feed(key)
        for letter, key in zip(found, keys, strict=True):
            self._letters.remove(letter.id)
            if self._groups.has(key):
                self._groups.requeue(key, letter.event)
            else:
                self._feed(key).requeue(letter.event)
                self._receipts.reopen(key, letter.event.offset)
        self._note_letters("requeue", found, actor)
        return len(found)

    async def drop(self, letters: Collection[int], *, actor: str = "") -> int:
        """Forget these dead letters; how many there were."""
        gone = [letter for one in set(letters) if (letter := self._letters.remove(one)) is not None]
        for letter in gone:
            self._groups.change(FeedKey(letter.subscription, letter.consumer))
        self._note_letters("drop", gone, actor)
        return len(gone)

    def _note_letters(self, what: str, letters: Sequence[DeadLetter], actor: str) -> None:
        for subscription in sorted({letter.subscription for letter in letters}):
            theirs = sorted(one.id for one in letters if one.subscription == subscription)
            self._acts.add(what, subscription, {"letters": theirs}, actor)

    async def reset(
        self, keys: Sequence[FeedKey], start: Start, *, forced: bool, dry_run: bool, actor: str
    ) -> list[Reset]:
        """Put the cursors of one subscription where `start` says, all of them or none."""
        subscription = keys[0].subscription
        cursors = [self._groups.partition(key) or self._feed(key) for key in keys]
        if not forced and not dry_run:
            feeds = {FeedKey(subscription) if self._groups.has(key) else key for key in keys}
            consumers = {one for feed in feeds for one in self._members.connected(feed).values()}
            in_flight = sum(cursor.in_flight(self._clock.monotonic()) for cursor in cursors)
            interference = Interference(
                tuple(sorted(consumers)), in_flight, subscription in self._paused
            )
            interference.require_none(subscription)
        stream = cursors[0].definition.stream
        log = self._streams[stream].log
        to = _position(stream, start, log)
        resets = [cursor.reset_to(to) for cursor in cursors]
        if dry_run:
            return resets
        gap = missed_at_start(start, log.gone + 1)
        for cursor in cursors:
            cursor.move(to, gap)
        for key in keys:
            self._receipts.reopen_behind(key, to)
        self._groups.changes(subscription).notify()
        self._streams[stream].forget_what_is_consumed()
        self._acts.add("reset", subscription, reset_detail(start, resets), actor)
        return resets

    async def acts(self, limit: int) -> list[Act]:
        """The newest acts, oldest first."""
        return self._acts.newest(limit)

    async def connect(
        self, connection: Connection, *, lifetime: float, expire_after: float | None
    ) -> None:
        """Have the session, and its consumer if it is a new one."""
        self._members.connect(connection, lifetime, expire_after)
        self._groups.notify(connection)

    async def heartbeat(self, sessions: Collection[str], *, lifetime: float) -> frozenset[str]:
        """Keep the sessions alive, and tell which of them are not there any more."""
        return self._members.heartbeat(sessions, lifetime)

    async def disconnect(self, session: str) -> None:
        """Forget the session."""
        if (connection := self._members.disconnect(session)) is not None:
            self._groups.leave(connection)

    async def remove_stale(self) -> Stale:
        """Remove the sessions and consumers whose time is up."""
        stale = self._members.remove_stale()
        self._take_from(stale.sessions)
        for subscription, consumer in stale.consumers:
            await self.unregister(FeedKey(subscription, consumer))
        return stale

    async def remove_consumer(
        self, subscription: str, consumer: str, *, actor: str | None = None
    ) -> None:
        """Forget the consumer, its sessions, and the feed that it had for itself."""
        key = FeedKey(subscription, consumer)
        is_known = key in self._feeds or self._members.has(subscription, consumer)
        self._take_from(self._members.remove(subscription, consumer))
        await self.unregister(key)
        if is_known and actor is not None:
            self._acts.add("unsubscribe", subscription, {"consumer": consumer}, actor)

    async def consumers(self, subscription: str) -> list[Consumer]:
        """The subscription's consumers, by name."""
        return self._members.consumers(subscription)

    async def acquire_lease(self, name: str, owner: str, seconds: float) -> Lease | None:
        """Have this work for so many seconds from now; `None` while somebody else has it."""
        return self._leases.acquire(name, owner, seconds)

    async def release_lease(self, lease: Lease) -> None:
        """Have it no more, so that others need not wait for its end."""
        self._leases.release(lease)

    async def now(self) -> datetime:
        """The time of the store, by which events are recorded."""
        return self._clock.now()

    async def extent(self, stream: str) -> Extent:
        """What there is of the stream."""
        log = self._streams[stream].log
        return Extent(log.gone + 1, log.head, log.measured_to, log.size)

    async def measure(self, stream: str, after: int, limit: int) -> int:
        """Bytes of data of the events with `after < offset <= after + limit`."""
        return self._streams[stream].log.measure(after, limit)

    async def keep_size(self, stream: str, measured_to: int, size: int, lease: Lease) -> None:
        """Keep that the events from the first offset to `measured_to` have so many bytes."""
        self._leases.require(lease)
        log = self._streams[stream].log
        log.measured_to, log.size = measured_to, size

    async def standings(self, stream: str, through: int) -> list[Standing]:
        """The cursors on the stream that have not settled every event up to `through`."""
        found = self._standings(self._streams[stream])
        return sorted(
            (one for one in found if one.position < through), key=lambda one: one.position
        )

    def _standings(self, stream: _Stream) -> Iterator[Standing]:
        for feed in stream.feeds:
            unread = self._receipts.first_unread(feed.definition.key)
            is_kept = unread is not None and unread > stream.log.gone
            position = min(feed.position, unread - 1) if unread and is_kept else feed.position
            yield Standing(feed.definition.key, position)
        yield from self._groups.standings(stream.log)

    async def may_remove(self) -> bool:
        """Nobody keeps it from that."""
        return True

    async def kept_event(self, stream: str, offset: int) -> RecordedEvent | None:
        """The event at that offset, also if it is gone and not settled."""
        log = self._streams[stream].log
        if log.gone < offset <= log.head:
            return log.at(offset)
        return log.kept.get(offset)

    async def truncate(self, stream: str, through: int, *, regardless: int, lease: Lease) -> int:
        """Let the events up to `through` go, and return the offset of the first one left."""
        self._leases.require(lease)
        found = self._streams[stream]
        settled = min((one.position for one in self._standings(found)), default=through)
        reached = min(through, found.log.head, max(settled, regardless))
        if reached > found.log.gone:
            for feed in found.feeds:
                feed.truncate(reached)
            self._groups.truncate(found.log, reached)
            for offset in self._groups.unsettled(found.log):
                if found.log.gone < offset <= reached:
                    found.log.kept[offset] = found.log.at(offset)
            found.log.truncate(reached)
        return found.log.gone + 1

    async def sweep(self, stream: str, start: int, limit: int, lease: Lease) -> Swept:
        """Remove what is gone, from `start` on and of up to `limit` offsets."""
        self._leases.require(lease)
        log = self._streams[stream].log
        for offset in log.kept.keys() - self._groups.unsettled(log):
            del log.kept[offset]
        for feed in self._streams[stream].feeds:
            self._receipts.forget_gone(feed)
        return Swept(*log.sweep(start, limit))

    async def may_forget(self) -> bool:
        """Whoever has the store may."""
        return True

    async def count_keys(self, kind: KeyKind, stream: str, kept: float) -> KeyCount:
        """How many keys there are of that kind and of events of that stream."""
        return self._keys.count(kind, stream, kept, self._may_come_again(stream))

    async def forget_keys(
        self, kind: KeyKind, stream: str, *, kept: float, start: int, limit: int, lease: Lease
    ) -> Swept:
        """Remove up to `limit` keys that are not needed, the oldest first."""
        self._leases.require(lease)
        needed = self._may_come_again(stream)
        return self._keys.forget(kind, stream, kept, start, limit, needed)

    def _may_come_again(self, stream: str) -> Callable[[int], bool]:
        """Whether the event at an offset of the stream can be handed out to anybody still."""
        found = self._streams.get(stream)
        if found is None:
            return lambda offset: False
        log = found.log
        open_ = self._letters.offsets(stream).union(
            log.kept, self._groups.unsettled(log), *(feed.taken() for feed in found.feeds)
        )
        return lambda offset: offset > log.gone or offset in open_

    async def tell_gap(self, key: FeedKey, gap: Gap) -> None:
        """Take note that the reader was told of the gap."""
        if key in self._feeds:
            self._feeds[key].tell(gap)
        else:
            self._groups.tell(key, gap)

    def _take_from(self, connections: Sequence[Connection]) -> None:
        for connection in connections:
            if (feed := self._feeds.get(connection.feed)) is not None:
                feed.take_from(connection.session)
            self._groups.notify(connection)

    def _feed(self, key: FeedKey) -> MemoryFeed:
        try:
            return self._feeds[key]
        except KeyError:
            raise UnknownSubscriptionError("the store", feed_name(key)) from None

    def _commit(self, unit: Unit) -> Outcome:
        """Check every guard, then write; what is written cannot fail."""
        if unit.key is not None and (known := self._keys.answer(unit.key.key)) is not None:
            if unit.carries_out is not None:
                self._commands.remove(unit.carries_out)
            return answered(unit.key, known)
        for error in self._failed_guards(unit):
            return Rejected(error)
        offsets = [offset for append in unit.appends for offset in self._append(append)]
        for settlement in unit.settlements:
            self._settle(settlement)
        for progress in unit.progress:
            self._note_progress(progress)
        if unit.key is not None:
            self._keys.add(unit.key)
        for command in unit.sends:
            if self._keys.answer(command.key) is None:
                self._commands.add(command, self._clock.monotonic())
        if unit.carries_out is not None:
            self._commands.remove(unit.carries_out)
        return Committed(tuple(offsets))

    def _failed_guards(self, unit: Unit) -> Iterator[RejectedError]:
        workflows: dict[tuple[str, str], WorkflowState] = {}
        for append in unit.appends:
            if append.workflow is not None:
                key = (append.workflow, append.workflow_id)
                state = workflows.get(key) or self._state(key)
                yield from failed_expectation(append, key, state)
                workflows[key] = WorkflowState(
                    state.version + len(append.events), any(one.terminal for one in append.events)
                )
        tokens: set[tuple[FeedKey, int]] = set()
        for claim in (settlement.claim for settlement in unit.settlements):
            feed = self._feeds.get(claim.feed)
            token = (claim.feed, claim.token)
            if feed is None or token in tokens or not feed.holds(claim):
                yield DeliveryLostError(feed_name(claim.feed), claim.event.offset)
            tokens.add(token)
        for progress in unit.progress:
            yield from self._groups.failed_guards(progress)

    def _state(self, key: tuple[str, str]) -> WorkflowState:
        found = self._workflows.get(key)
        return WorkflowState(found.version, found.ended) if found else WorkflowState()

    def _append(self, append: Append) -> Iterator[int]:
        stream = self._streams[append.stream]
        workflow = None
        if append.workflow is not None and append.events:
            key = (append.workflow, append.workflow_id)
            workflow = self._workflows.setdefault(key, _Workflow())
        now = self._clock.now()
        recorded_at = max(now, stream.log.last_recorded_at or now)
        for event in append.events:
            offset = stream.log.head + 1
            if workflow is not None:
                workflow.version += 1
                workflow.ended = event.terminal
                if stream.definition.type is StreamType.PERSISTENT:
                    workflow.offsets.append(offset)
            stream.append(
                RecordedEvent(
                    stream=append.stream,
                    offset=offset,
                    id=event.id,
                    name=event.name,
                    version=event.version,
                    workflow=append.workflow,
                    workflow_id=append.workflow_id,
                    workflow_version=workflow.version if workflow is not None else None,
                    recorded_at=recorded_at,
                    data=event.data,
                    metadata=event.metadata,
                )
            )
            yield offset

    def _settle(self, settlement: Settlement) -> None:
        claim = settlement.claim
        feed = self._feeds[claim.feed]
        match settlement:
            case PutBack():
                feed.put_back(settlement, self._clock.monotonic())
                return
            case Skip():
                feed.skip(claim)
                return
            case SetAside(_, error):
                now = self._clock.now()
                self._letters.add(claim.feed, claim.event, error, claim.attempt, now)
            case Acknowledge(_, receipt):
                if receipt is not None:
                    self._receipts.note(claim, receipt)
        feed.settle(claim)

    def _note_progress(self, progress: Progress) -> None:
        self._groups.write(progress)
        for one in progress.letters:
            key = partition_key(progress.subscription, progress.partition)
            now = self._clock.now()
            self._letters.add(key, one.event, one.error, one.attempts, now, behind=one.behind)

    def _set_aside_unread(
        self, key: FeedKey, event: RecordedEvent, error: str, attempts: int
    ) -> None:
        self._letters.add(key, event, error, attempts, self._clock.now(), unread=True)


@dataclass(slots=True)
class _Workflow:
    version: int = 0
    ended: bool = False
    offsets: list[int] = field(default_factory=list)


class _Stream:
    def __init__(self, definition: Stream) -> None:
        self.definition = definition
        self.log = Log()
        self.feeds: list[MemoryFeed] = []
        self.appended = Signal()
        self.dropped = 0

    def append(self, event: RecordedEvent) -> None:
        self.log.append(event)
        self.appended.notify()
        for feed in self.feeds:
            feed.appended(event)
        if not self.feeds and self.definition.type is StreamType.EPHEMERAL:
            self.dropped += 1

    def forget_what_is_consumed(self) -> None:
        if self.definition.type is StreamType.EPHEMERAL:
            consumed = min((feed.position for feed in self.feeds), default=self.log.head)
            self.log.forget_through(consumed)


def _position(stream: str, start: Start, log: Log) -> int:
    match start:
        case FromBeginning():
            return log.gone
        case FromLatest():
            return log.head
        case FromOffset(offset):
            return max(offset - 1, log.gone)
        case FromTimestamp(time):
            return max(log.first_at_or_after(time) - 1, log.gone)
        case FromEventId(event_id):
            for event in log.read(log.gone, log.head):
                if event.id == event_id:
                    return event.offset - 1
            raise EventNotFoundError(stream, event_id)
