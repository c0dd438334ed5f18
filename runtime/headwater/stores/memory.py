"""A store that lives as long as its process: the reference that others are compared with.

A commit runs without awaiting, so nobody sees half of one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

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
from .guards import answered, failed_expectation, feed_name
from .memory_commands import StoredCommands
from .memory_feed import MemoryFeed
from .memory_log import Log
from .memory_members import Members
from .signal import Signal

__all__ = ["MemoryStore"]


class MemoryStore:
    """Keeps everything in memory. What it acknowledges is lost when the process ends."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._streams: dict[str, _Stream] = {}
        self._workflows: dict[tuple[str, str], _Workflow] = {}
        self._feeds: dict[FeedKey, MemoryFeed] = {}
        self._dead_letters: dict[int, DeadLetter] = {}
        self._letter_ids = count(1)
        self._answers: dict[str, Answer] = {}
        self._members = Members(self._clock)
        self._paused: set[str] = set()
        self._commands = StoredCommands()
        self._schemas: dict[tuple[str, int], EventSchema] = {}

    @property
    def cautions(self) -> tuple[str, ...]:
        """Nothing is: who takes this store knows that it forgets."""
        return ()

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
        return self._answers.get(key)

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
        return [log.at(offset) for offset in found.offsets[:version]] if found else []

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
        made = MemoryFeed(feed, stream.log, _position(feed.stream, feed.start, stream.log))
        self._feeds[feed.key] = made
        stream.feeds.append(made)

    async def unregister(self, key: FeedKey) -> None:
        """Forget the feed, its cursor and its claims. Its dead letters stay."""
        if (feed := self._feeds.pop(key, None)) is not None:
            stream = self._streams[feed.definition.stream]
            stream.feeds.remove(feed)
            stream.forget_what_is_consumed()
            feed.changes.notify()

    async def claim(self, key: FeedKey, holder: str, limit: int) -> Claims:
        """Hand out up to `limit` events, the oldest first."""
        feed = self._feed(key)
        if key.subscription in self._paused:
            return Claims((), None)
        return feed.claim(holder, limit, self._clock.monotonic())

    async def pause(self, subscription: str) -> None:
        """Hand out none of its events, to nobody, until `resume`."""
        self._paused.add(subscription)

    async def resume(self, subscription: str) -> None:
        """Hand out its events again."""
        self._paused.discard(subscription)
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

    async def retry_commands(self, keys: Collection[str]) -> int:
        """Have stored commands that were given up due at once, as new; how many."""
        return self._commands.retry(keys, self._clock.monotonic())

    def sent(self) -> Signal:
        """Notifies when there may be stored commands to execute."""
        return self._commands.changes

    def changes(self, key: FeedKey) -> Signal:
        """Notifies when the feed may have something to hand out."""
        return self._feed(key).changes

    async def feed(self, key: FeedKey) -> FeedStatistics:
        """How far the feed has come."""
        return self._feed(key).statistics()

    async def dead_letters(self, subscription: str) -> list[DeadLetter]:
        """The subscription's dead letters, oldest first."""
        return [
            letter for letter in self._dead_letters.values() if letter.subscription == subscription
        ]

    async def requeue(self, letters: Collection[int]) -> int:
        """Have these dead letters handed out again, as new, where they came from; how many."""
        found = [self._dead_letters[one] for one in sorted(letters) if one in self._dead_letters]
        feeds = [self._feed(FeedKey(one.subscription, one.consumer)) for one in found]
        for letter, feed in zip(found, feeds, strict=True):
            feed.requeue(letter.event)
            del self._dead_letters[letter.id]
        return len(found)

    async def drop(self, letters: Collection[int]) -> int:
        """Forget these dead letters; how many there were."""
        return sum(self._dead_letters.pop(one, None) is not None for one in set(letters))

    async def connect(
        self, connection: Connection, *, lifetime: float, expire_after: float | None
    ) -> None:
        """Have the session, and its consumer if it is a new one."""
        self._members.connect(connection, lifetime, expire_after)

    async def heartbeat(self, sessions: Collection[str], *, lifetime: float) -> frozenset[str]:
        """Keep the sessions alive, and tell which of them are not there any more."""
        return self._members.heartbeat(sessions, lifetime)

    async def disconnect(self, session: str) -> None:
        """Forget the session."""
        self._members.disconnect(session)

    async def remove_stale(self) -> Stale:
        """Remove the sessions and consumers whose time is up."""
        stale = self._members.remove_stale()
        self._take_from(stale.sessions)
        for subscription, consumer in stale.consumers:
            await self.unregister(FeedKey(subscription, consumer))
        return stale

    async def remove_consumer(self, subscription: str, consumer: str) -> None:
        """Forget the consumer, its sessions, and the feed that it had for itself."""
        self._take_from(self._members.remove(subscription, consumer))
        await self.unregister(FeedKey(subscription, consumer))

    async def consumers(self, subscription: str) -> list[Consumer]:
        """The subscription's consumers, by name."""
        return self._members.consumers(subscription)

    def _take_from(self, connections: Sequence[Connection]) -> None:
        for connection in connections:
            if (feed := self._feeds.get(connection.feed)) is not None:
                feed.take_from(connection.session)

    def _feed(self, key: FeedKey) -> MemoryFeed:
        try:
            return self._feeds[key]
        except KeyError:
            raise UnknownSubscriptionError("the store", feed_name(key)) from None

    def _commit(self, unit: Unit) -> Outcome:
        """Check every guard, then write; what is written cannot fail."""
        if unit.key is not None and (known := self._answers.get(unit.key.key)) is not None:
            if unit.carries_out is not None:
                self._commands.remove(unit.carries_out)
            return answered(unit.key, known)
        for error in self._failed_guards(unit):
            return Rejected(error)
        offsets = [offset for append in unit.appends for offset in self._append(append)]
        for settlement in unit.settlements:
            self._settle(settlement)
        if unit.key is not None:
            self._answers[unit.key.key] = unit.key.answer
        for command in unit.sends:
            if command.key not in self._answers:
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
                letter = DeadLetter(
                    id=next(self._letter_ids),
                    subscription=claim.feed.subscription,
                    consumer=claim.feed.consumer,
                    event=claim.event,
                    error=error,
                    attempts=claim.attempt,
                    set_aside_at=self._clock.now(),
                )
                self._dead_letters[letter.id] = letter
            case Acknowledge():
                pass
        feed.settle(claim)


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
