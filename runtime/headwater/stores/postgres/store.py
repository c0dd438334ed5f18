"""The store in a PostgreSQL database, as the event loop sees it."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from headwater.clock import Clock
from headwater.errors import (
    ConfigurationError,
    HeadwaterError,
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
    OwnTransaction,
    PutBack,
    Rejected,
    Stale,
    Taken,
    Unit,
    Unknown,
    WorkflowState,
)
from headwater.stores.groups import Group, Partition, Share
from headwater.stores.guards import answered, failed_expectation, feed_name, partition_number
from headwater.stores.keys import KeyCount, KeyKind
from headwater.stores.leases import Lease
from headwater.stores.operating import Act, Reset
from headwater.stores.receipts import Receipting
from headwater.stores.retention import Extent, Gap, Standing, Swept
from headwater.stores.signal import Signal
from headwater.streams import AfterDeadLetter, Start, Stream, StreamStatistics, StreamType

from .acts import SELECT_ACTS, act
from .address import Address
from .appends import batch_of
from .batch import Batch, batches
from .bell import Bell, Hint
from .claims import claim
from .commands import POSTPONE, SELECT_FAILED, TAKE, failed_command, retry_commands, taken
from .database import DRIVER_ERRORS, TRIES, Database
from .failures import is_about_the_work, is_worth_another_try, reason_of, unavailable
from .feeds import pause, read_feed, register, resume, tidy, unregister
from .groups import (
    balance,
    nothing_to_take_over,
    register_group,
    release,
)
from .keys import MAY_FORGET, forget_keys, read_key_count
from .leases import RELEASE, acquire_lease
from .lending import Lender
from .letters import SELECT_DEAD_LETTERS, dead_letter, drop, requeue
from .members import (
    CONNECT,
    HEARTBEAT,
    SELECT_CONSUMERS,
    disconnect,
    remove_consumer,
    remove_stale,
)
from .members import (
    consumer as consumer_of,
)
from .partitions import read_partition_feeds, read_partitions
from .positions import find_position
from .reading import (
    SELECT_ANSWER,
    SELECT_EVENTS,
    SELECT_HISTORY,
    SELECT_PAUSED,
    SELECT_STATISTICS,
    SELECT_WORKFLOW,
)
from .receipts import PostgresReceipts
from .resets import reset
from .retention import (
    MAY_REMOVE,
    MEASURE,
    SELECT_EVENT,
    SELECT_EXTENT,
    TELL_GAP,
    RegisteredMeanwhileError,
    keep_size,
    read_standings,
    sweep,
    truncate,
)
from .rows import recorded_event
from .schemas import COUNT_EVENTS, SELECT_SCHEMAS, SELECT_STREAM_NAMES, keep_schemas
from .server import cautions, require_server
from .tables import require_finished, require_schema
from .wire import Limits, Wire, connect

__all__ = ["PostgresStore"]

CONNECTIONS = 6  # for all but commits
COMMITTING = 2  # connections for those: they never wait for what reads
PATIENCE = 20.0  # seconds to wait for a server that is not there yet
LISTENING_POLL = 1.0  # seconds between two looks while notifications are heard
TIDY_INTERVAL = 0.2  # seconds between two removals of what was consumed

logger = logging.getLogger("headwater.stores")


class PostgresStore:
    """Keeps everything in one database, which any number of processes may share.

    What it acknowledges is committed at the server. Time is the database's, unless a `clock` is
    given. `poll` are the shortest and the longest wait, in seconds, between two looks for what
    other processes have written while their notifications are not heard; without `notify` none are
    sent or heard. `patience` is how many seconds `open` waits for a server that is not there.

    A process that is frozen while it holds a lock holds the others up for as long as `limits` say.
    """

    commits_at_once = COMMITTING

    def __init__(
        self,
        url: str,
        clock: Clock | None = None,
        *,
        limits: Limits = Limits(),  # noqa: B008  (it is frozen)
        connections: int = CONNECTIONS,
        notify: bool = True,
        poll: tuple[float, float] = (0.005, 0.5),
        patience: float = PATIENCE,
    ) -> None:
        self.address = Address(url)
        self.limits = limits
        self._clock = clock
        self._poll = poll
        self._patience = patience
        self._database = Database(self.address, limits, connections)
        self._commits = Database(self.address, limits, COMMITTING)
        self._lender = Lender(
            self.address,
            limits,
            now=self._now,
            tell=self._committed,
            after_race=self._after_race,
        )
        self._bell = Bell(self.address, limits, self._hear) if notify else None
        self._cautions: tuple[str, ...] = ()
        self._streams: dict[str, Signal] = {}
        self._ephemeral: set[str] = set()
        self._heads: dict[str, int] = {}  # newest offsets that this process knows of
        self._sent = Signal()
        self._feeds: dict[FeedKey, tuple[Feed, Signal]] = {}
        self._groups: dict[str, Group] = {}
        self._regrouped: dict[str, Signal] = {}
        self._group_states: dict[str, str] = {}  # as they were at the last look
        self._background: list[asyncio.Task[None]] = []
        self._untidy: set[str] = set()
        self._has_untidy = asyncio.Event()
        self._unwanted: set[asyncio.Task[Any]] = set()
        self._receipts = PostgresReceipts(
            self._database, self._now, lambda keys: self._tell(Hint(feeds=set(keys)))
        )

    @property
    def cautions(self) -> tuple[str, ...]:
        """What makes an acknowledged commit less safe than it seems, as the server is set up."""
        return self._cautions

    @property
    def receipts(self) -> Receipting:
        """What its recipients have read."""
        return self._receipts

    async def open(self, streams: Sequence[Stream], chain: Chain | None = None) -> None:
        """Connect, and have these streams.

        Raises:
            ConfigurationError: The database cannot be used, or has one of the streams as another
                type.
            SchemaMismatchError: Its tables are not there, or of another revision; or the service's
                revisions were not carried out, or newer ones of it.
            StoreUnavailableError: The server did not answer for all of `patience`.
        """
        wire = await self._first_connection()
        try:
            await require_server(wire, self.address, self.limits)
            await require_schema(wire, self.address, chain)
            await require_finished(wire, self.address)
            self._cautions = await cautions(wire)
        except BaseException as error:
            await wire.close()
            if isinstance(error, DRIVER_ERRORS):
                raise StoreUnavailableError(f"{self.address}: {reason_of(error)}") from error
            raise
        for caution in self._cautions:
            logger.warning("%s: %s", self.address, caution)
        self._database.open(wire)
        self._commits.open()
        try:
            created = await self._database.transaction(lambda wire: _add_streams(wire, streams))
            announce_streams(created)
            for stream in streams:
                self._streams.setdefault(stream.name, Signal())
                if stream.type is StreamType.EPHEMERAL:
                    self._ephemeral.add(stream.name)
            await self._look()
            if self._bell is not None:
                await self._bell.start()
        except BaseException:
            await self.close()
            raise
        self._untidy |= self._ephemeral
        self._has_untidy.set()
        self._background = [
            asyncio.create_task(self._watch(), name="headwater-postgres-watch"),
            asyncio.create_task(self._tidy_up(), name="headwater-postgres-tidy"),
        ]

    async def _first_connection(self) -> Wire:
        """A connection, once the server is there."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._patience
        pause = 0.05
        while True:
            try:
                return await connect(self.address, self.limits)
            except DRIVER_ERRORS as error:
                passing = isinstance(error, OSError | TimeoutError) or is_worth_another_try(error)
                if not passing or loop.time() + pause > until:
                    raise StoreUnavailableError(
                        f"{self.address} cannot be reached: {reason_of(error)}"
                    ) from error
                if pause == 0.05:
                    logger.warning("waiting for %s: %s", self.address, reason_of(error))
            await asyncio.sleep(pause)
            pause = min(pause * 2, 1.0)

    async def close(self) -> None:
        """Finish what was begun, then close the connections."""
        background, self._background = self._background, []
        for task in background:
            task.cancel()
        for task in background:
            with suppress(asyncio.CancelledError):
                await task
        while self._unwanted:
            await asyncio.wait(self._unwanted)
            await asyncio.sleep(0)  # for their callbacks
        await self._lender.close()
        await self._commits.close()
        await self._database.close()
        if self._bell is not None:
            await self._bell.stop()

    # Units

    async def commit(self, units: Sequence[Unit]) -> list[Outcome]:
        """Write the units in order and tell how each went.

        Those that do not touch the same things share a transaction. Once begun it is carried out,
        whether or not the caller waits for it.
        """
        try:
            return await self._commits.carry_out(self._commit(tuple(units)))
        except StoreUnavailableError as error:
            return [Rejected(error) for _ in units]

    async def _commit(self, units: tuple[Unit, ...]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for batch in batches(units):
            outcomes += await self._commit_batch(batch)
        return outcomes

    async def _commit_batch(self, units: tuple[Unit, ...]) -> list[Outcome]:
        batch = batch_of(units)
        try:
            arguments = batch.arguments(self._now())
            rows = await self._commits.write_now(batch.statement, *arguments)
        except OutcomeUnknownError as error:
            return [Unknown(error) for _ in units]
        except StoreUnavailableError as error:
            if len(units) == 1 or not is_about_the_work(error.__cause__):
                return [Rejected(error) for _ in units]
            # One of them cannot be written, and nobody knows which: the others have to be.
            return [one for unit in units for one in await self._commit_batch((unit,))]
        outcomes = batch.outcomes(rows)
        self._committed(batch)
        return outcomes

    async def answer(self, key: str) -> Answer | None:
        """What was kept with the unit that had this idempotency key."""
        rows = await self._database.fetch(SELECT_ANSWER, key)
        return Answer(*rows[0]) if rows else None

    async def begin(self) -> OwnTransaction:
        """A transaction for one handler, as soon as there is a connection for it."""
        return await self._lender.begin()

    def _committed(self, batch: Batch) -> None:
        self._heads.update(batch.heads)
        hint = Hint(set(batch.appended), batch.woken, sent=batch.sent)
        self._tell(hint, batch.appended)

    async def _after_race(self, unit: Unit, error: BaseException) -> Outcome:
        """How a unit in a handler's transaction went that the server would not write.

        Perhaps somebody has just created what it creates: then a guard fails now.
        """
        if is_about_the_work(error):
            if unit.key is not None and (known := await self.answer(unit.key.key)) is not None:
                return answered(unit.key, known)
            for append in unit.appends:
                if append.workflow is not None:
                    key = (append.workflow, append.workflow_id)
                    for failed in failed_expectation(append, key, await self.workflow(*key)):
                        return Rejected(failed)
        return Rejected(unavailable(error))

    # Streams and workflows

    async def read(self, stream: str, after: int, limit: int) -> list[RecordedEvent]:
        """The stream's events with `after < offset <= after + limit`, in order."""
        rows = await self._database.fetch(SELECT_EVENTS, stream, after, limit)
        return [recorded_event(row) for row in rows]

    async def position(self, stream: str, start: Start) -> int:
        """Offset just before the first event that `start` means."""
        return await self._database.read(lambda wire: find_position(wire, stream, start))

    def appended(self, stream: str) -> Signal:
        """Notifies when the stream has new events."""
        return self._streams[stream]

    async def workflow(self, workflow: str, workflow_id: str) -> WorkflowState:
        """How far the workflow has come."""
        rows = await self._database.fetch(SELECT_WORKFLOW, workflow, workflow_id)
        return WorkflowState(*rows[0]) if rows else WorkflowState()

    async def history(
        self, stream: str, workflow: str, workflow_id: str, version: int
    ) -> list[RecordedEvent]:
        """The first `version` events of a workflow on a persistent stream, oldest first."""
        rows = await self._database.fetch(SELECT_HISTORY, workflow, workflow_id, version, stream)
        return [recorded_event(row) for row in rows]

    async def statistics(self, stream: str) -> StreamStatistics:
        """How far the stream has come."""
        rows = await self._database.fetch(SELECT_STATISTICS, stream)
        if not rows:
            raise KeyError(stream)
        return StreamStatistics(*rows[0])

    async def streams(self) -> list[str]:
        """The names of all streams that the store has, sorted."""
        return [row["name"] for row in await self._database.fetch(SELECT_STREAM_NAMES)]

    async def count(self, stream: str, after: int, limit: int) -> list[EventCount]:
        """How many of the events with `after < offset <= after + limit` are of which version."""
        rows = await self._database.fetch(COUNT_EVENTS, stream, after, limit)
        return [EventCount(*row) for row in rows]

    async def schemas(self) -> dict[tuple[str, int], str]:
        """The digests of the event versions whose schemas are kept, by name and version."""
        rows = await self._database.fetch(SELECT_SCHEMAS)
        return {(row["name"], row["version"]): row["digest"] for row in rows}

    async def keep_schemas(self, schemas: Sequence[EventSchema]) -> None:
        """Keep the schemas, in place of those of the same versions."""
        now = self._now()
        await self._database.transaction(lambda wire: keep_schemas(wire, schemas, now))

    # Feeds

    async def register(self, feed: Feed) -> None:
        """Have the feed; one that there is keeps its cursor and takes on the other settings.

        Raises:
            CursorMismatchError: One that there is reads another stream.
        """
        await self._database.transaction(lambda wire: register(wire, feed))
        _, signal = self._feeds.get(feed.key, (None, None))
        self._feeds[feed.key] = (feed, signal or Signal())

    async def unregister(self, key: FeedKey) -> None:
        """Forget the feed, its cursor and its claims. Its dead letters stay."""
        await self._database.transaction(lambda wire: unregister(wire, key))
        self._forget(key)
        self._tell(Hint(feeds={key}))

    async def claim(self, key: FeedKey, holder: str, limit: int) -> Claims:
        """Hand out up to `limit` events, the oldest first."""
        feed, _ = self._feed(key)
        claiming = asyncio.create_task(
            self._database.carry_out(claim(self._database, feed, holder, limit, self._now()))
        )
        if feed.stream in self._ephemeral and feed.after_dead_letter is AfterDeadLetter.WAIT:
            claiming.add_done_callback(lambda _: self._may_be_consumed(feed.stream))
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:
            # The claims may be made already; nobody would ever settle them.
            self._unwanted.add(claiming)
            claiming.add_done_callback(self._give_back)
            raise

    async def pause(self, subscription: str, *, actor: str = "") -> None:
        """Hand out none of its events, to nobody, until `resume`; also after a restart."""
        now = self._now()
        await self._database.transaction(lambda wire: pause(wire, subscription, now, actor))
        self._tell(Hint(groups={subscription}))

    async def resume(self, subscription: str, *, actor: str = "") -> None:
        """Hand out its events again."""
        now = self._now()
        await self._database.transaction(lambda wire: resume(wire, subscription, now, actor))
        keys = {key for key in self._feeds if key.subscription == subscription}
        self._tell(Hint(feeds=keys | {FeedKey(subscription)}, groups={subscription}))

    async def paused(self) -> frozenset[str]:
        """The subscriptions that are paused."""
        return frozenset(row[0] for row in await self._database.fetch(SELECT_PAUSED))

    def changes(self, key: FeedKey) -> Signal:
        """Notifies when the feed may have something to hand out."""
        return self._feed(key)[1]

    async def feed(self, key: FeedKey) -> FeedStatistics:
        """How far the feed has come."""
        return await self._database.read(lambda wire: read_feed(wire, key))

    # Consumer groups

    async def register_group(self, group: Group) -> None:
        """Have the group's partitions; those that are there keep their cursors and owners."""
        await self._database.transaction(lambda wire: register_group(wire, group))
        self._groups[group.subscription] = group

    async def balance(self, subscription: str, session: str, known: Mapping[int, int]) -> Share:
        """Give the session its share of the group: what nobody has, up to an equal part."""
        if (group := self._groups.get(subscription)) is None:
            raise UnknownSubscriptionError("the store", subscription)
        asked = (group, session, dict(known), self._now())
        share = await self._database.read(lambda wire: nothing_to_take_over(wire, *asked))
        if share is None:
            share = await self._database.transaction(lambda wire: balance(wire, *asked))
        return share

    async def release(self, subscription: str, session: str, partitions: Collection[int]) -> None:
        """Have the session own these no more, and wake those who may take them."""
        released = tuple(partitions)
        if await self._database.transaction(
            lambda wire: release(wire, subscription, session, released)
        ):
            self._tell(Hint(groups={subscription}))

    def group_changes(self, subscription: str) -> Signal:
        """Notifies when `balance` may say something new, in whichever process that happened."""
        return self._regrouped.setdefault(subscription, Signal())

    async def partitions(self, subscription: str) -> list[Partition]:
        """How far each partition of the group has come, in their order."""
        now = self._now()
        return await self._database.read(lambda wire: read_partitions(wire, subscription, now))

    async def partition_feeds(self, subscription: str) -> list[FeedStatistics]:
        """What `feed` says of each partition of the group, in their order."""
        return await self._database.read(lambda wire: read_partition_feeds(wire, subscription))

    # Dead letters

    async def dead_letters(self, subscription: str) -> list[DeadLetter]:
        """The subscription's dead letters, oldest first."""
        rows = await self._database.fetch(SELECT_DEAD_LETTERS, subscription)
        return [dead_letter(row) for row in rows]

    async def requeue(self, letters: Collection[int], *, actor: str = "") -> int:
        """Have these dead letters handed out again, as new, where they came from; how many."""
        now = self._now()
        keys = await self._database.transaction(lambda wire: requeue(wire, letters, now, actor))
        groups = {key.subscription for key in keys if partition_number(key) is not None}
        self._tell(Hint(feeds=set(keys), groups=groups))
        return len(keys)

    async def drop(self, letters: Collection[int], *, actor: str = "") -> int:
        """Forget these dead letters; how many there were."""
        now = self._now()
        count, groups = await self._database.transaction(
            lambda wire: drop(wire, letters, now, actor)
        )
        self._tell(Hint(groups=set(groups)))
        return count

    # What operators do

    async def reset(
        self, keys: Sequence[FeedKey], start: Start, *, forced: bool, dry_run: bool, actor: str
    ) -> list[Reset]:
        """Put the cursors of one subscription where `start` says, all of them or none."""
        asked, now = tuple(keys), self._now()
        resets = await self._database.transaction(
            lambda wire: reset(wire, asked, start, now, forced=forced, dry_run=dry_run, actor=actor)
        )
        if not dry_run:
            self._tell(Hint(feeds=set(asked), groups={asked[0].subscription}))
        return resets

    async def acts(self, limit: int) -> list[Act]:
        """The newest acts, oldest first."""
        return [act(row) for row in await self._database.fetch(SELECT_ACTS, limit)]

    # Stored commands

    async def take_commands(self, limit: int, lease: float) -> Taken:
        """Stored commands that are due, for the caller to execute within `lease` seconds."""
        rows = await self._database.write(TAKE, self._now(), limit, timedelta(seconds=lease))
        return taken(rows)

    async def postpone_command(self, key: str, error: str, delay: float | None) -> None:
        """Have a stored command due again in `delay` seconds, or with `None` give it up."""
        wait = None if delay is None else timedelta(seconds=delay)
        await self._database.write(POSTPONE, self._now(), key, error, wait)
        self._tell(Hint(sent=True))

    async def failed_commands(self) -> list[FailedCommand]:
        """The stored commands that were given up, oldest first."""
        return [failed_command(row) for row in await self._database.fetch(SELECT_FAILED)]

    async def retry_commands(self, keys: Collection[str], *, actor: str = "") -> int:
        """Have stored commands that were given up due at once, as new; how many."""
        now = self._now()
        retried = await self._database.transaction(
            lambda wire: retry_commands(wire, now, keys, actor)
        )
        self._tell(Hint(sent=True))
        return retried

    def sent(self) -> Signal:
        """Notifies when there may be stored commands to execute."""
        return self._sent

    # Consumers and sessions

    async def connect(
        self, connection: Connection, *, lifetime: float, expire_after: float | None
    ) -> None:
        """Have the session, and its consumer if it is a new one."""
        await self._database.write(
            CONNECT,
            self._now(),
            connection.session,
            connection.feed.subscription,
            connection.feed.consumer or "",
            connection.consumer,
            timedelta(seconds=lifetime),
            None if expire_after is None else round(expire_after * 1_000_000),
        )
        self._tell(Hint(groups=_shared([connection])))

    async def heartbeat(self, sessions: Collection[str], *, lifetime: float) -> frozenset[str]:
        """Keep the sessions alive, and tell which of them are not there any more."""
        rows = await self._database.write(
            HEARTBEAT, self._now(), list(sessions), timedelta(seconds=lifetime)
        )
        return frozenset(sessions) - {row["session"] for row in rows}

    async def disconnect(self, session: str) -> None:
        """Forget the session."""
        now = self._now()
        groups = await self._database.transaction(lambda wire: disconnect(wire, session, now))
        self._tell(Hint(groups=set(groups)))

    async def remove_stale(self) -> Stale:
        """Remove the sessions and consumers whose time is up."""
        now = self._now()
        stale, voided = await self._database.transaction(lambda wire: remove_stale(wire, now))
        gone = {FeedKey(*key) for key in stale.consumers}
        for key in gone:
            self._forget(key)
        self._tell(Hint(feeds=gone | set(voided), groups=_shared(stale.sessions)))
        return stale

    async def remove_consumer(
        self, subscription: str, consumer: str, *, actor: str | None = None
    ) -> None:
        """Forget the consumer, its sessions, and the feed that it had for itself."""
        now = self._now()
        voided = await self._database.transaction(
            lambda wire: remove_consumer(wire, now, subscription, consumer, actor)
        )
        self._forget(FeedKey(subscription, consumer))
        feeds = {FeedKey(subscription, consumer), *voided}
        self._tell(Hint(feeds=feeds, groups={subscription}))

    async def consumers(self, subscription: str) -> list[Consumer]:
        """The subscription's consumers, by name."""
        rows = await self._database.fetch(SELECT_CONSUMERS, subscription)
        return [consumer_of(subscription, row) for row in rows]

    # Leases and retention

    async def acquire_lease(self, name: str, owner: str, seconds: float) -> Lease | None:
        """Have this work for so many seconds from now; `None` while somebody else has it."""
        now = self._now()
        return await self._database.transaction(
            lambda wire: acquire_lease(wire, now, name, owner, seconds)
        )

    async def release_lease(self, lease: Lease) -> None:
        """Have it no more, so that others need not wait for its end."""
        await self._database.write(RELEASE, self._now(), lease.name, lease.owner, lease.epoch)

    async def now(self) -> datetime:
        """The time of the store, by which events are recorded."""
        if (now := self._now()) is not None:
            return now
        [row] = await self._database.fetch("SELECT clock_timestamp() AS now")
        found: datetime = row["now"]
        return found

    async def extent(self, stream: str) -> Extent:
        """What there is of the stream."""
        rows = await self._database.fetch(SELECT_EXTENT, stream)
        if not rows:
            raise KeyError(stream)
        return Extent(*rows[0])

    async def measure(self, stream: str, after: int, limit: int) -> int:
        """Bytes of data of the events with `after < offset <= after + limit`."""
        [row] = await self._database.fetch(MEASURE, stream, after, limit)
        return int(row["size"])

    async def keep_size(self, stream: str, measured_to: int, size: int, lease: Lease) -> None:
        """Keep that the events from the first offset to `measured_to` have so many bytes."""
        await self._database.transaction(
            lambda wire: keep_size(wire, stream, measured_to, size, lease)
        )

    async def standings(self, stream: str, through: int) -> list[Standing]:
        """The cursors on the stream that have not settled every event up to `through`."""
        return await self._database.read(lambda wire: read_standings(wire, stream, through))

    async def may_remove(self) -> bool:
        """Whether this role may remove events of persistent streams; a writer may not."""
        return bool((await self._database.fetch(MAY_REMOVE))[0]["may"])

    async def kept_event(self, stream: str, offset: int) -> RecordedEvent | None:
        """The event at that offset, also if it is gone and not settled."""
        rows = await self._database.fetch(SELECT_EVENT, stream, offset)
        return recorded_event(rows[0]) if rows else None

    async def truncate(self, stream: str, through: int, *, regardless: int, lease: Lease) -> int:
        """Let the events up to `through` go, and return the offset of the first one left."""
        for _ in range(TRIES):
            with suppress(RegisteredMeanwhileError):
                first, moved = await self._database.transaction(
                    lambda wire: truncate(wire, stream, through, regardless, lease)
                )
                groups = {key.subscription for key in moved if partition_number(key) is not None}
                self._tell(Hint(feeds=set(moved), groups=groups))
                return first
        raise StoreUnavailableError(f"cursors on {stream} come and go all the time")

    async def sweep(self, stream: str, start: int, limit: int, lease: Lease) -> Swept:
        """Remove the bytes of what is gone, from `start` on and of up to `limit` offsets."""
        return await self._database.transaction(
            lambda wire: sweep(wire, stream, start, limit, lease)
        )

    async def may_forget(self) -> bool:
        """Whether this role may remove keys; a reader may not."""
        return bool((await self._database.fetch(MAY_FORGET))[0]["may"])

    async def count_keys(self, kind: KeyKind, stream: str, kept: float) -> KeyCount:
        """How many keys there are of that kind and of events of that stream."""
        now, lifetime = self._now(), timedelta(seconds=kept)
        return await self._database.read(
            lambda wire: read_key_count(wire, now, kind, stream, lifetime)
        )

    async def forget_keys(
        self, kind: KeyKind, stream: str, *, kept: float, start: int, limit: int, lease: Lease
    ) -> Swept:
        """Remove up to `limit` keys that are not needed, the oldest first."""
        now, lifetime = self._now(), timedelta(seconds=kept)
        return await self._database.transaction(
            lambda wire: forget_keys(wire, now, kind, stream, lifetime, start, limit, lease)
        )

    async def tell_gap(self, key: FeedKey, gap: Gap) -> None:
        """Take note that the reader was told of the gap."""
        await self._database.write(TELL_GAP, key.subscription, key.consumer or "", gap.last)
        self._tell(Hint(feeds={key}))

    # Waking who waits

    def _now(self) -> datetime | None:
        return None if self._clock is None else self._clock.now()

    def _feed(self, key: FeedKey) -> tuple[Feed, Signal]:
        try:
            return self._feeds[key]
        except KeyError:
            raise UnknownSubscriptionError("the store", feed_name(key)) from None

    def _forget(self, key: FeedKey) -> None:
        if key in self._feeds:
            _, signal = self._feeds.pop(key)
            signal.notify()

    def _may_be_consumed(self, stream: str) -> None:
        """Look soon what of an ephemeral stream can go: what was set aside can."""
        self._untidy.add(stream)
        self._has_untidy.set()

    def _give_back(self, claiming: asyncio.Task[Claims]) -> None:
        """Put back the claims of somebody who was cancelled, not as failures."""
        self._unwanted.discard(claiming)
        if claiming.cancelled() or claiming.exception() is not None:
            return
        if settlements := tuple(PutBack(one, failed=False) for one in claiming.result().claims):
            giving = asyncio.create_task(self._commit((Unit(settlements=settlements),)))
            self._unwanted.add(giving)
            giving.add_done_callback(self._unwanted.discard)

    def _tell(self, hint: Hint, names: dict[str, set[str]] | None = None) -> None:
        """Wake those of this process whom a change concerns, and ring in the others.

        `names` are the names of new events: a feed that wants none of them is not woken.
        """
        if not hint:
            return
        self._wake(hint, names)
        if self._bell is not None:
            self._bell.ring(hint)

    def _hear(self, hint: Hint) -> None:
        self._wake(hint)

    def _wake(self, hint: Hint, names: dict[str, set[str]] | None = None) -> None:
        if hint.sent or hint.everything:
            self._sent.notify()
        for subscription, signal in self._regrouped.items():
            if hint.everything or subscription in hint.groups:
                signal.notify()
        for stream in self._streams if hint.everything else hint.streams & self._streams.keys():
            self._streams[stream].notify()
            if stream in self._ephemeral:
                self._untidy.add(stream)
        for key, (feed, signal) in self._feeds.items():
            is_appended = feed.stream in hint.streams and (
                names is None
                or feed.events is None
                or not feed.events.isdisjoint(names.get(feed.stream, ()))
            )
            if hint.everything or is_appended or key in hint.feeds:
                signal.notify()
            if key in hint.feeds and feed.stream in self._ephemeral:
                self._untidy.add(feed.stream)
        if self._untidy:
            self._has_untidy.set()

    async def _watch(self) -> None:
        """Look for what other processes have done; less often while they do nothing, or ring."""
        shortest, longest = self._poll
        pause = shortest
        is_reachable = True
        while True:
            listening = self._bell is not None and self._bell.is_listening
            await asyncio.sleep(LISTENING_POLL if listening else pause)
            self._commits.let_go()
            self._database.let_go()
            try:
                hint, is_foreign = await self._look()
            except Exception as error:  # noqa: BLE001  (whatever it was, it has to look again)
                if is_reachable:
                    logger.warning("%s does not answer: %s", self.address, error)
                is_reachable = False
                pause = longest
                continue
            if not is_reachable:
                logger.info("%s answers again", self.address)
                is_reachable = True
            pause = shortest if is_foreign else min(pause * 2, longest)
            self._wake(hint)

    async def _look(self) -> tuple[Hint, bool]:
        """What there is to do, and whether other processes have appended since the last look."""
        hint, is_foreign = Hint(), False
        rows = await self._database.fetch(
            _LOOK,
            self._now(),
            [key.subscription for key in self._feeds],
            [key.consumer or "" for key in self._feeds],
            list(self._regrouped),
        )
        for about, first, second, head in rows:
            if about == "stream":
                if first in self._streams and head > self._heads.get(first, -1):
                    is_foreign = True
                    self._heads[first] = head
                    hint.streams.add(first)
            elif about == "feed":
                hint.feeds.add(FeedKey(first, second or None))
            elif about == "group":
                if second != self._group_states.get(first, second):
                    is_foreign = True
                    hint.groups.add(first)
                self._group_states[first] = second
            else:
                hint.sent = True
        return hint, is_foreign

    async def _tidy_up(self) -> None:
        """Remove what was consumed of ephemeral streams, some time after it was."""
        while True:
            await self._has_untidy.wait()
            self._has_untidy.clear()
            while self._untidy:
                stream = self._untidy.pop()
                try:
                    await self._database.transaction(partial(tidy, stream))
                except HeadwaterError as error:
                    logger.debug("what was consumed of %s stays for now: %s", stream, error)
            await asyncio.sleep(TIDY_INTERVAL)


def _shared(connections: Iterable[Connection]) -> set[str]:
    """The subscriptions of which these are connections that share their feed."""
    return {one.feed.subscription for one in connections if one.feed.consumer is None}


_SELECT_STREAMS = """
SELECT name, type
  FROM streams
 WHERE name = ANY ($1::text[])
"""

_INSERT_STREAM = """
INSERT INTO streams (name, type, head, first_offset, epoch, dropped, recorded_at, registrations,
                     readers, last_token, measured_to, size)
VALUES ($1, $2, 0, 1, $3, 0, NULL, 0, 0, 0, 0, 0)
    ON CONFLICT (name) DO NOTHING
"""

# What there is to do for these feeds, how far the streams are, what differs when a group's members
# or partitions do, and whether a command is due.
_LOOK = """
SELECT 'stream' AS about, name AS first, NULL AS second, head
  FROM streams
 UNION ALL
SELECT 'feed', subscription, consumer, 0
  FROM unnest($2::text[], $3::text[]) AS ours (subscription, consumer)
       JOIN cursors USING (subscription, consumer)
       JOIN streams ON streams.name = cursors.stream
 WHERE cursors.read_to < streams.head
    OR EXISTS (SELECT 1
                 FROM deliveries
                WHERE cursor_id = cursors.id
                  AND (due_at <= coalesce($1::timestamptz, clock_timestamp())
                       OR token = 0 AND due_at IS NULL))
 UNION ALL
SELECT 'group', asked.subscription,
       concat((SELECT concat(sum(revision), ' ', count(*) FILTER (WHERE owner = ''))
                 FROM cursors
                WHERE cursors.subscription = asked.subscription
                  AND consumer ~ '^partition-[0-6][0-9]$'),
              ' ',
              (SELECT string_agg(session, ' ' ORDER BY session)
                 FROM sessions
                WHERE sessions.subscription = asked.subscription AND feed_consumer = ''),
              ' ',
              (SELECT count(*) FROM pauses WHERE pauses.subscription = asked.subscription)),
       0
  FROM unnest($4::text[]) AS asked (subscription)
 UNION ALL
SELECT 'command', '', NULL, 0
 WHERE EXISTS (SELECT 1
                 FROM sent_commands
                WHERE due_at <= coalesce($1::timestamptz, clock_timestamp()))
"""


async def _add_streams(wire: Wire, streams: Sequence[Stream]) -> list[Stream]:
    """Have the streams; those that are there stay as they are. Returns the new ones.

    Raises:
        ConfigurationError: Some are there as another type; then none was added.
    """
    rows = await wire.fetch(_SELECT_STREAMS, [stream.name for stream in streams])
    known = {row["name"]: row["type"] for row in rows}
    if problems := [
        f"the stream {stream.name} is {known[stream.name]} in this database, and the service "
        f"wants it {stream.type.value}: give it another name, or use another database"
        for stream in streams
        if known.get(stream.name, stream.type.value) != stream.type.value
    ]:
        raise ConfigurationError(*problems)
    created = sorted((one for one in streams if one.name not in known), key=lambda one: one.name)
    for stream in created:
        await wire.fetch(_INSERT_STREAM, stream.name, stream.type.value, secrets.randbits(62))
    return created
