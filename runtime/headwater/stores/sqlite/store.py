"""The store in an SQLite file, as the event loop sees it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from headwater.clock import Clock, SystemClock
from headwater.errors import (
    OutcomeUnknownError,
    StoreUnavailableError,
    UnknownSubscriptionError,
)
from headwater.events import RecordedEvent
from headwater.schema.revisions import Chain
from headwater.stores.announcements import announce_streams
from headwater.stores.contract import (
    Answer,
    Claims,
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
    PutBack,
    Rejected,
    Stale,
    Taken,
    Unit,
    WorkflowState,
)
from headwater.stores.groups import Group, Partition, Share
from headwater.stores.guards import feed_name
from headwater.stores.keys import KeyCount, KeyKind
from headwater.stores.leases import Lease
from headwater.stores.operating import Act, Reset
from headwater.stores.receipts import Receipting
from headwater.stores.retention import Extent, Gap, Standing, Swept
from headwater.stores.signal import Signal
from headwater.streams import Start, Stream, StreamStatistics

from .acts import read_acts
from .commands import (
    nothing_to_take,
    postpone_command,
    read_failed_commands,
    retry_commands,
    take_commands,
)
from .file import BUSY_WAIT, set_revision
from .groups import balance, nothing_to_take_over, register_group, release
from .jobs import (
    add_streams,
    claim,
    data_version,
    nothing_to_claim,
    pause,
    register,
    resume,
    unregister,
)
from .keys import forget_keys, read_key_count
from .leases import acquire_lease, release_lease
from .lending import Lender, Loan
from .letters import drop, requeue
from .members import connect_session, disconnect, heartbeat, remove_consumer, remove_stale
from .partitions import read_partition_feeds, read_partitions
from .positions import find_position
from .reading import (
    Readers,
    read_answer,
    read_consumers,
    read_dead_letters,
    read_events,
    read_feed,
    read_history,
    read_paused,
    read_statistics,
    read_workflow,
)
from .receipts import SqliteReceipts
from .resets import reset
from .retention import (
    keep_size,
    read_extent,
    read_kept_event,
    read_size,
    read_standings,
    sweep,
    tell_gap,
    truncate,
)
from .rows import microseconds, to_microseconds
from .schemas import count_events, keep_schemas, read_schemas, read_streams
from .transaction import Transaction
from .turn import Turn
from .waking import Change
from .writer import Writer

__all__ = ["SqliteStore"]

TRANSACTION_BUDGET = 5.0  # seconds


class SqliteStore:
    """Keeps everything in one file, which several processes of one machine may share.

    What it acknowledges survives a crash of the process and of the machine.

    `busy_wait` is how many seconds a write waits for another process. `poll` are the shortest and
    the longest wait, in seconds, between two looks for what other processes have written; what this
    process writes is known at once. `budget` is how many seconds of the machine's clock a handler
    may keep a transaction of its own open; nothing else of this process is written meanwhile.
    """

    commits_at_once = 1

    def __init__(
        self,
        path: str | Path,
        clock: Clock | None = None,
        *,
        busy_wait: float = BUSY_WAIT,
        poll: tuple[float, float] = (0.005, 0.5),
        budget: float = TRANSACTION_BUDGET,
    ) -> None:
        self.path = Path(path)
        self._clock = clock or SystemClock()
        self._poll = poll
        self._busy_wait = busy_wait
        self._budget = budget
        self._lender = Lender()
        self._writer = Writer(self.path, self._clock, self._notify, busy_wait=busy_wait)
        self._readers = Readers(self.path)
        self._receipts = SqliteReceipts(self._writer, self._readers)
        self._streams: dict[str, Signal] = {}
        self._sent = Signal()
        self._feeds: dict[FeedKey, tuple[Feed, Signal]] = {}
        self._groups: dict[str, Group] = {}
        self._regrouped: dict[str, Signal] = {}
        self._watching: asyncio.Task[None] | None = None
        self._unwanted: set[asyncio.Future[Claims]] = set()

    @property
    def cautions(self) -> tuple[str, ...]:
        """Nothing: how a file is written is not for its users to set."""
        return ()

    @property
    def receipts(self) -> Receipting:
        """What its recipients have read."""
        return self._receipts

    async def open(self, streams: Sequence[Stream], chain: Chain | None = None) -> None:
        """Make the file if it is not there, and have these streams in it.

        Raises:
            SchemaMismatchError: Its tables are of another revision, or newer code of the service
                was here.
            ConfigurationError: The file cannot be used, or has one of the streams as another type.
        """
        await self._writer.start()
        try:
            created = await self._writer.submit(lambda one: self._add_streams(one, streams, chain))
            self._readers.start()
        except BaseException:
            await self._writer.stop()
            raise
        announce_streams(created)
        for stream in streams:
            self._streams.setdefault(stream.name, Signal())
        # Looked at before anybody reads, so that no change after their first look is missed.
        seen = await self._data_version()
        self._watching = asyncio.create_task(self._watch(seen), name="headwater-sqlite-watch")

    def _add_streams(
        self, transaction: Transaction, streams: Sequence[Stream], chain: Chain | None
    ) -> list[Stream]:
        if chain is not None:
            set_revision(transaction.connection, self.path, chain)
        return add_streams(transaction, streams)

    async def close(self) -> None:
        """Write what is waiting, then close the file."""
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching
            self._watching = None
        while self._unwanted:
            await asyncio.wait(self._unwanted)
            await asyncio.sleep(0)  # for their callbacks
        await self._lender.close()
        await self._readers.stop()
        await self._writer.stop()  # the last one that could write moves the log into the file

    async def commit(self, units: Sequence[Unit]) -> list[Outcome]:
        """Write the units in order and tell how each went.

        Once begun it is carried out, whether or not the caller waits for it.
        """
        units = tuple(units)
        try:
            return await asyncio.shield(
                self._writer.submit(
                    lambda transaction: [transaction.commit(unit) for unit in units],
                    durable=any(unit.durable for unit in units),
                )
            )
        except StoreUnavailableError as error:
            if len(units) == 1 or isinstance(error.__cause__, sqlite3.OperationalError | None):
                return [Rejected(error) for _ in units]
        # One of them cannot be written, and nobody knows which: the others have to be.
        return [outcome for unit in units for outcome in await self.commit([unit])]

    async def begin(self) -> Loan:
        """A transaction for one handler, as soon as it is its turn to write."""
        engine = await self._lender.engine()  # or else nobody needs to wait for a turn
        turn = Turn(
            self.path,
            self._clock,
            self._notify,
            budget=self._budget,
            busy_wait=self._busy_wait,
        )
        self._writer.take_turn(turn)
        return await self._lender.lend(engine, turn)

    async def answer(self, key: str) -> Answer | None:
        """What was kept with the unit that had this idempotency key."""
        return await self._readers.run(lambda file: read_answer(file, key))

    async def read(self, stream: str, after: int, limit: int) -> list[RecordedEvent]:
        """The stream's events with `after < offset <= after + limit`, in order."""
        return await self._readers.run(lambda file: read_events(file, stream, after, limit))

    async def position(self, stream: str, start: Start) -> int:
        """Offset just before the first event that `start` means."""
        return await self._readers.run(lambda file: find_position(file, stream, start))

    def appended(self, stream: str) -> Signal:
        """Notifies when the stream has new events."""
        return self._streams[stream]

    async def workflow(self, workflow: str, workflow_id: str) -> WorkflowState:
        """How far the workflow has come."""
        return await self._readers.run(lambda file: read_workflow(file, workflow, workflow_id))

    async def history(
        self, stream: str, workflow: str, workflow_id: str, version: int
    ) -> list[RecordedEvent]:
        """The first `version` events of a workflow on a persistent stream, oldest first."""
        return await self._readers.run(
            lambda file: read_history(file, stream, workflow, workflow_id, version)
        )

    async def statistics(self, stream: str) -> StreamStatistics:
        """How far the stream has come."""
        return await self._readers.run(lambda file: read_statistics(file, stream))

    async def streams(self) -> list[str]:
        """The names of all streams that the store has, sorted."""
        return await self._readers.run(read_streams)

    async def count(self, stream: str, after: int, limit: int) -> list[EventCount]:
        """How many of the events with `after < offset <= after + limit` are of which version."""
        return await self._readers.run(lambda file: count_events(file, stream, after, limit))

    async def schemas(self) -> dict[tuple[str, int], str]:
        """The digests of the event versions whose schemas are kept, by name and version."""
        return await self._readers.run(read_schemas)

    async def keep_schemas(self, schemas: Sequence[EventSchema]) -> None:
        """Keep the schemas, in place of those of the same versions."""
        kept = tuple(schemas)
        await self._writer.submit(lambda transaction: keep_schemas(transaction, kept))

    async def register(self, feed: Feed) -> None:
        """Have the feed; one that there is keeps its cursor and takes on the other settings.

        Raises:
            CursorMismatchError: One that there is reads another stream.
        """
        await self._writer.submit(lambda transaction: register(transaction, feed))
        _, signal = self._feeds.get(feed.key, (None, None))
        self._feeds[feed.key] = (feed, signal or Signal())

    async def unregister(self, key: FeedKey) -> None:
        """Forget the feed, its cursor and its claims. Its dead letters stay."""
        await self._writer.submit(lambda transaction: unregister(transaction, key))
        self._forget(key)

    async def claim(self, key: FeedKey, holder: str, limit: int) -> Claims:
        """Hand out up to `limit` events, the oldest first."""
        feed, _ = self._feed(key)
        claiming = self._writer.submit(
            lambda transaction: claim(transaction, feed, holder, limit),
            look=lambda transaction: nothing_to_claim(transaction, feed, holder),
            durable=False,  # a claim does not outlive the machine
        )
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:
            # The writer may have made the claims already; nobody would ever settle them.
            self._unwanted.add(claiming)
            claiming.add_done_callback(self._give_back)
            raise

    async def pause(self, subscription: str, *, actor: str = "") -> None:
        """Hand out none of its events, to nobody, until `resume`; also after a restart."""
        await self._writer.submit(lambda transaction: pause(transaction, subscription, actor))

    async def resume(self, subscription: str, *, actor: str = "") -> None:
        """Hand out its events again."""
        await self._writer.submit(lambda transaction: resume(transaction, subscription, actor))
        for key, (_, signal) in self._feeds.items():
            if key.subscription == subscription:
                signal.notify()

    async def paused(self) -> frozenset[str]:
        """The subscriptions that are paused."""
        return await self._readers.run(read_paused)

    async def take_commands(self, limit: int, lease: float) -> Taken:
        """Stored commands that are due, for the caller to execute within `lease` seconds."""
        return await self._writer.submit(
            lambda transaction: take_commands(transaction, limit, microseconds(lease)),
            look=nothing_to_take,
            durable=False,
        )

    async def postpone_command(self, key: str, error: str, delay: float | None) -> None:
        """Have a stored command due again in `delay` seconds, or with `None` give it up."""
        wait = None if delay is None else microseconds(delay)
        await self._writer.submit(
            lambda transaction: postpone_command(transaction, key, error, wait)
        )

    async def failed_commands(self) -> list[FailedCommand]:
        """The stored commands that were given up, oldest first."""
        return await self._readers.run(read_failed_commands)

    async def retry_commands(self, keys: Collection[str], *, actor: str = "") -> int:
        """Have stored commands that were given up due at once, as new; how many."""
        return await self._writer.submit(
            lambda transaction: retry_commands(transaction, keys, actor)
        )

    def sent(self) -> Signal:
        """Notifies when there may be stored commands to execute."""
        return self._sent

    def changes(self, key: FeedKey) -> Signal:
        """Notifies when the feed may have something to hand out."""
        return self._feed(key)[1]

    async def feed(self, key: FeedKey) -> FeedStatistics:
        """How far the feed has come."""
        return await self._readers.run(lambda file: read_feed(file, key))

    async def register_group(self, group: Group) -> None:
        """Have the group's partitions; those that are there keep their cursors and owners."""
        await self._writer.submit(lambda transaction: register_group(transaction, group))
        self._groups[group.subscription] = group

    async def balance(self, subscription: str, session: str, known: Mapping[int, int]) -> Share:
        """Give the session its share of the group."""
        if (group := self._groups.get(subscription)) is None:
            raise UnknownSubscriptionError("the store", subscription)
        known = dict(known)
        return await self._writer.submit(
            lambda transaction: balance(transaction, group, session, known),
            look=lambda transaction: nothing_to_take_over(transaction, group, session, known),
        )

    async def release(self, subscription: str, session: str, partitions: Collection[int]) -> None:
        """Have the session own these no more, and wake those who may take them."""
        released = tuple(partitions)
        await self._writer.submit(
            lambda transaction: release(transaction, subscription, session, released)
        )

    def group_changes(self, subscription: str) -> Signal:
        """Notifies when `balance` may say something new, in whichever process that happened."""
        return self._regrouped.setdefault(subscription, Signal())

    async def partitions(self, subscription: str) -> list[Partition]:
        """How far each partition of the group has come, in their order."""
        now = to_microseconds(self._clock.now())
        return await self._readers.run(lambda file: read_partitions(file, subscription, now))

    async def partition_feeds(self, subscription: str) -> list[FeedStatistics]:
        """What `feed` says of each partition of the group, in their order."""
        return await self._readers.run(lambda file: read_partition_feeds(file, subscription))

    async def dead_letters(self, subscription: str) -> list[DeadLetter]:
        """The subscription's dead letters, oldest first."""
        return await self._readers.run(lambda file: read_dead_letters(file, subscription))

    async def requeue(self, letters: Collection[int], *, actor: str = "") -> int:
        """Have these dead letters handed out again, as new, where they came from; how many."""
        return await self._writer.submit(lambda transaction: requeue(transaction, letters, actor))

    async def drop(self, letters: Collection[int], *, actor: str = "") -> int:
        """Forget these dead letters; how many there were."""
        return await self._writer.submit(lambda transaction: drop(transaction, letters, actor))

    async def reset(
        self, keys: Sequence[FeedKey], start: Start, *, forced: bool, dry_run: bool, actor: str
    ) -> list[Reset]:
        """Put the cursors of one subscription where `start` says, all of them or none."""
        asked = tuple(keys)
        return await self._writer.submit(
            lambda transaction: reset(
                transaction, asked, start, forced=forced, dry_run=dry_run, actor=actor
            )
        )

    async def acts(self, limit: int) -> list[Act]:
        """The newest acts, oldest first."""
        return await self._readers.run(lambda file: read_acts(file, limit))

    async def connect(
        self, connection: Connection, *, lifetime: float, expire_after: float | None
    ) -> None:
        """Have the session, and its consumer if it is a new one."""
        keep = None if expire_after is None else microseconds(expire_after)
        await self._writer.submit(
            lambda transaction: connect_session(
                transaction, connection, microseconds(lifetime), keep
            )
        )

    async def heartbeat(self, sessions: Collection[str], *, lifetime: float) -> frozenset[str]:
        """Keep the sessions alive, and tell which of them are not there any more."""
        return await self._writer.submit(
            lambda transaction: heartbeat(transaction, sessions, microseconds(lifetime)),
            durable=False,
        )

    async def disconnect(self, session: str) -> None:
        """Forget the session."""
        await self._writer.submit(lambda transaction: disconnect(transaction, session))

    async def remove_stale(self) -> Stale:
        """Remove the sessions and consumers whose time is up."""
        stale = await self._writer.submit(remove_stale)
        for key in stale.consumers:
            self._forget(FeedKey(*key))
        return stale

    async def remove_consumer(
        self, subscription: str, consumer: str, *, actor: str | None = None
    ) -> None:
        """Forget the consumer, its sessions, and the feed that it had for itself."""
        await self._writer.submit(
            lambda transaction: remove_consumer(transaction, subscription, consumer, actor)
        )
        self._forget(FeedKey(subscription, consumer))

    async def consumers(self, subscription: str) -> list[Consumer]:
        """The subscription's consumers, by name."""
        return await self._readers.run(lambda file: read_consumers(file, subscription))

    # Leases and retention

    async def acquire_lease(self, name: str, owner: str, seconds: float) -> Lease | None:
        """Have this work for so many seconds from now; `None` while somebody else has it."""
        return await self._writer.submit(
            lambda transaction: acquire_lease(transaction, name, owner, microseconds(seconds))
        )

    async def release_lease(self, lease: Lease) -> None:
        """Have it no more, so that others need not wait for its end."""
        await self._writer.submit(lambda transaction: release_lease(transaction, lease))

    async def now(self) -> datetime:
        """The time of the store, by which events are recorded."""
        return self._clock.now()

    async def extent(self, stream: str) -> Extent:
        """What there is of the stream."""
        return await self._readers.run(lambda file: read_extent(file, stream))

    async def measure(self, stream: str, after: int, limit: int) -> int:
        """Bytes of data of the events with `after < offset <= after + limit`."""
        return await self._readers.run(lambda file: read_size(file, stream, after, limit))

    async def keep_size(self, stream: str, measured_to: int, size: int, lease: Lease) -> None:
        """Keep that the events from the first offset to `measured_to` have so many bytes."""
        await self._writer.submit(
            lambda transaction: keep_size(transaction, stream, measured_to, size, lease),
            durable=False,
        )

    async def standings(self, stream: str, through: int) -> list[Standing]:
        """The cursors on the stream that have not settled every event up to `through`."""
        return await self._readers.run(lambda file: read_standings(file, stream, through))

    async def may_remove(self) -> bool:
        """Who may write to the file may do that as well."""
        return True

    async def kept_event(self, stream: str, offset: int) -> RecordedEvent | None:
        """The event at that offset, also if it is gone and not settled."""
        return await self._readers.run(lambda file: read_kept_event(file, stream, offset))

    async def truncate(self, stream: str, through: int, *, regardless: int, lease: Lease) -> int:
        """Let the events up to `through` go, and return the offset of the first one left."""
        return await self._writer.submit(
            lambda transaction: truncate(transaction, stream, through, regardless, lease)
        )

    async def sweep(self, stream: str, start: int, limit: int, lease: Lease) -> Swept:
        """Remove the bytes of what is gone, from `start` on and of up to `limit` offsets."""
        return await self._writer.submit(
            lambda transaction: sweep(transaction, stream, start, limit, lease),
            durable=False,  # what comes back after a power failure is swept again
        )

    async def may_forget(self) -> bool:
        """Who may write to the file may do that as well."""
        return True

    async def count_keys(self, kind: KeyKind, stream: str, kept: float) -> KeyCount:
        """How many keys there are of that kind and of events of that stream."""
        now, lifetime = to_microseconds(self._clock.now()), microseconds(kept)
        return await self._readers.run(
            lambda file: read_key_count(file, now, kind, stream, lifetime)
        )

    async def forget_keys(
        self, kind: KeyKind, stream: str, *, kept: float, start: int, limit: int, lease: Lease
    ) -> Swept:
        """Remove up to `limit` keys that are not needed, the oldest first."""
        lifetime = microseconds(kept)
        return await self._writer.submit(
            lambda transaction: forget_keys(
                transaction, kind, stream, lifetime, start, limit, lease
            ),
            durable=False,  # what comes back after a power failure is removed again
        )

    async def tell_gap(self, key: FeedKey, gap: Gap) -> None:
        """Take note that the reader was told of the gap."""
        await self._writer.submit(lambda transaction: tell_gap(transaction, key, gap))

    def _forget(self, key: FeedKey) -> None:
        if key in self._feeds:
            _, signal = self._feeds.pop(key)
            signal.notify()

    def _give_back(self, claiming: asyncio.Future[Claims]) -> None:
        """Put back the claims of somebody who was cancelled, not as failures."""
        self._unwanted.discard(claiming)
        if claiming.cancelled() or claiming.exception() is not None:
            return
        if settlements := tuple(PutBack(one, failed=False) for one in claiming.result().claims):
            self._writer.submit(
                lambda transaction: transaction.commit(Unit(settlements=settlements))
            )

    def _notify(self, change: Change) -> None:
        if change.sent:
            self._sent.notify()
        for stream in change.appended.keys() & self._streams.keys():
            self._streams[stream].notify()
        for subscription in change.regrouped & self._regrouped.keys():
            self._regrouped[subscription].notify()
        for key, (feed, signal) in self._feeds.items():
            appended = change.appended.get(feed.stream, ())
            is_wanted = appended if feed.events is None else not feed.events.isdisjoint(appended)
            if key in change.woken or is_wanted:
                signal.notify()

    async def _watch(self, seen: int) -> None:
        """Wake everybody when another process has written; look less often while none does."""
        shortest, longest = self._poll
        pause = shortest
        while True:
            await asyncio.sleep(pause)
            with suppress(StoreUnavailableError, OutcomeUnknownError):
                if (version := await self._data_version()) == seen:
                    pause = min(pause * 2, longest)
                    continue
                seen, pause = version, shortest
            feeds = [signal for _, signal in self._feeds.values()]
            groups = self._regrouped.values()
            for signal in (self._sent, *self._streams.values(), *groups, *feeds):
                signal.notify()

    def _data_version(self) -> asyncio.Future[int]:
        return self._writer.look(data_version)

    def _feed(self, key: FeedKey) -> tuple[Feed, Signal]:
        try:
            return self._feeds[key]
        except KeyError:
            raise UnknownSubscriptionError("the store", feed_name(key)) from None
