"""What a store promises. Every store runs the same suite, `headwater.testing.conformance`.

All writing goes through `commit(units)`: each unit is written whole or not at all, and has an
outcome of its own. The offsets of a persistent stream are 1, 2, 3... in the order of the commits,
without gaps, so a reader never looks for what may still appear below its position.

A subscription reads through a *feed*: a cursor that stands before the first unsettled event, and
above it the deliveries under way. A feed hands events out in lanes, and of each lane only the
first unsettled event; or in one claim the first few, to be settled together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Protocol, TypeAlias
from uuid import UUID

from headwater.errors import OutcomeUnknownError, RejectedError
from headwater.events import Metadata, RecordedEvent
from headwater.schema.revisions import Chain
from headwater.streams import AfterDeadLetter, Start, Stream, StreamStatistics

from .keys import REQUESTED, SENT, Keeping, Occasion
from .leases import Leasing
from .operating import Operating
from .receipts import Receipting, Received
from .retention import Gap, Retaining
from .signal import Signal

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection  # of the extra `sql`: only if asked for

    from .groups import Group, Partition, Progress, Share

__all__ = [
    "Acknowledge",
    "Answer",
    "Append",
    "Claim",
    "Claims",
    "Committed",
    "Connection",
    "Consumer",
    "DeadLetter",
    "EventCount",
    "EventSchema",
    "Exactly",
    "Expect",
    "Expectation",
    "FailedCommand",
    "Feed",
    "FeedKey",
    "FeedStatistics",
    "IdempotencyKey",
    "NewEvent",
    "Order",
    "Outcome",
    "OwnTransaction",
    "PutBack",
    "Rejected",
    "SentCommand",
    "SetAside",
    "Settlement",
    "Skip",
    "Stale",
    "Store",
    "Taken",
    "Unit",
    "Unknown",
    "WorkflowState",
]


class Expect(Enum):
    """What an append expects of its workflow. One that has ended takes no event in any case."""

    ANY = "any"
    """Nothing."""

    NEW = "new"
    """It has no event yet."""

    EXISTS = "exists"
    """It has one at least."""


@dataclass(frozen=True, slots=True)
class Exactly:
    """The workflow has just this many events."""

    version: int


Expectation: TypeAlias = Expect | Exactly


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to record."""

    id: UUID
    name: str
    version: int
    data: bytes = field(repr=False)  # may be about a person
    terminal: bool
    metadata: Metadata


@dataclass(frozen=True, slots=True, kw_only=True)
class Append:
    """Events for one stream, of one workflow or of none."""

    stream: str
    workflow: str | None = None
    workflow_id: str
    expect: Expectation = Expect.ANY
    """Has no meaning without a workflow."""
    events: tuple[NewEvent, ...]


class Order(Enum):
    """Which events of a feed wait for each other."""

    STREAM = "stream"
    """Each for the one before it: a single lane."""

    WORKFLOW = "workflow"
    """Each for the one before it in its workflow: a lane for each workflow."""


@dataclass(frozen=True, slots=True)
class FeedKey:
    """A feed's name. `consumer` is `None` where consumers share it."""

    subscription: str
    consumer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """A place to read a stream from, for one consumer or for several that compete."""

    key: FeedKey
    stream: str
    events: frozenset[str] | None
    """Names of the events to deliver; the cursor passes over all others. `None`: every event."""
    start: Start
    """Where the cursor stands at first. An ephemeral stream can only start at its end."""
    order: Order
    in_flight: int
    """Claims that one holder may have at once."""
    ack_timeout: float
    """Seconds after which a claim is void, counts as a failure and can be made again."""
    run: int = 1
    """Events of one lane that may be handed out in one claim. Whoever has them has the lane: the
    next ones are handed out when all of them are settled or put back."""
    after_dead_letter: AfterDeadLetter = AfterDeadLetter.CONTINUE
    """Whether a claim sets aside, instead of handing them out, what nobody has of a workflow with
    an earlier event among the feed's dead letters."""

    def starting(self, start: Start) -> Feed:
        """The same, with its cursor standing there at first."""
        return replace(self, start=start)


@dataclass(frozen=True, slots=True)
class Claim:
    """An event handed out to be handled and settled."""

    feed: FeedKey
    event: RecordedEvent
    attempt: int
    """1, and one more for each failure before."""
    token: int
    """Tells this claim from others of the same event."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a feed had to hand out."""

    claims: tuple[Claim, ...]
    next_due: float | None
    """Seconds until a retry or a void claim may bring more; `None` if only a change can."""
    gap: Gap | None = None
    """What retention took before it was read; nothing is handed out until it was told."""


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """The event is done."""

    claim: Claim
    receipt: Received | None = None
    """What is kept of it, where the feed is a recipient's."""


@dataclass(frozen=True, slots=True)
class PutBack:
    """The event is to be handed out again."""

    claim: Claim
    failed: bool
    """Whether this counts as a failure."""
    delay: float = 0.0
    """Seconds to wait before."""
    held: bool = False
    """Whether it waits for a service that knows it. Counted, until it is put back or settled."""


@dataclass(frozen=True, slots=True)
class SetAside:
    """The event becomes a dead letter; the cursor may pass it."""

    claim: Claim
    error: str


@dataclass(frozen=True, slots=True)
class Skip:
    """The event is passed over, and the feed counts it."""

    claim: Claim


Settlement: TypeAlias = Acknowledge | PutBack | SetAside | Skip


@dataclass(frozen=True, slots=True)
class Answer:
    """What was told to the first who came with an idempotency key."""

    fingerprint: bytes
    content: bytes


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """Has the unit written once, however often it comes."""

    key: str
    answer: Answer
    """Kept with the unit. Who comes with the key again is given the one that was kept; with
    another fingerprint it is refused."""
    occasion: Occasion = REQUESTED
    """What it is for, by which it is kept for as long as that may come again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentCommand:
    """A command that is stored to be executed later, once."""

    key: str
    """Its idempotency key; one that is known is not stored again."""
    name: str
    body: bytes
    """The fields as JSON."""
    request_id: str | None
    attempts: int = 0
    """How often it was taken."""
    occasion: Occasion = SENT
    """The event that it was sent for, if it was for one."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Stored commands that are to be executed now."""

    commands: tuple[SentCommand, ...]
    next_due: float | None
    """Seconds until there may be more; `None` if only a change can bring some."""


@dataclass(frozen=True, slots=True)
class FailedCommand:
    """A stored command that was given up."""

    command: SentCommand
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """What is written together or not at all."""

    key: IdempotencyKey | None = None
    sends: tuple[SentCommand, ...] = ()
    carries_out: str | None = None
    """Key of a stored command that is done with this unit."""
    appends: tuple[Append, ...] = ()
    settlements: tuple[Settlement, ...] = ()
    progress: tuple[Progress, ...] = ()
    """Of partitions that the writer owns, each at most once."""
    durable: bool = True
    """Whether it has to survive the machine's failure, and not only the process's. Without, a
    store may save the wait for the disk: for what does no harm when it is undone, such as the
    acknowledgement of an event that may come again."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return self.key is None and not (
            self.sends or self.carries_out or self.appends or self.settlements or self.progress
        )


@dataclass(frozen=True, slots=True)
class Committed:
    """The unit is written, or an earlier one with its idempotency key was."""

    offsets: tuple[int, ...]
    """Of the events, in the unit's order; none if an earlier unit was written."""
    earlier: Answer | None = None
    """What was kept with the earlier unit."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A guard failed: nothing of the unit is written."""

    error: RejectedError


@dataclass(frozen=True, slots=True)
class Unknown:
    """The store failed while committing: the unit is written whole, or not at all."""

    error: OutcomeUnknownError


Outcome: TypeAlias = Committed | Rejected | Unknown


@dataclass(frozen=True, slots=True)
class WorkflowState:
    """How far a workflow has come."""

    version: int = 0
    """How many events it has; 0 before it starts."""
    ended: bool = False


@dataclass(frozen=True, slots=True)
class FeedStatistics:
    """How far a feed has come."""

    position: int
    """Offset up to which every event is settled."""
    claimed: int
    """Events handed out and not settled."""
    pending: int
    """Events still to be settled, claimed ones among them."""
    held: int = 0
    """Events that wait for a service that knows them; of those pending."""
    skipped: int = 0
    """Events that were passed over because the service did not know them, since it began."""
    truncated: int = 0
    """Offsets that retention took before they were read, since it began."""
    gap: Gap | None = None
    """Those of them that its reader was not told of yet."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event set aside after its last failure."""

    id: int
    """Tells it from the store's other dead letters."""
    subscription: str
    consumer: str | None
    event: RecordedEvent
    error: str
    attempts: int
    set_aside_at: datetime
    behind: bool = False
    """Whether it is here only because an earlier event of its workflow is. It comes back with that
    one, in order."""
    unread: bool = False
    """Whether it was delivered, and is here because its recipient did not read it in time. Nothing
    waits behind it."""


@dataclass(frozen=True, slots=True)
class EventSchema:
    """What one version of an event is, as JSON Schema."""

    name: str
    version: int
    digest: str
    """SHA-256 in hex of what counts in the schema: equal where the same data fits."""
    schema: str = field(repr=False)
    """JSON."""


@dataclass(frozen=True, slots=True)
class EventCount:
    """How many events of one version there are in a part of a stream."""

    name: str
    version: int
    count: int


@dataclass(frozen=True, slots=True)
class Connection:
    """A consumer's living connection to a feed; its claims are made in its name."""

    session: str
    """The holder of its claims."""
    feed: FeedKey
    consumer: str


@dataclass(frozen=True, slots=True)
class Consumer:
    """A durable member of a subscription."""

    subscription: str
    name: str
    registered_at: datetime
    seen_at: datetime
    """When a session of it was last heard of."""
    sessions: int
    """How many are connected."""


@dataclass(frozen=True, slots=True)
class Stale:
    """What was removed because nobody had heard of it for too long."""

    sessions: tuple[Connection, ...]
    consumers: tuple[tuple[str, str], ...]
    """Subscription and name."""


class OwnTransaction(Protocol):
    """A transaction that one handler has for itself, in which its unit is written last.

    While it is open nothing else may be able to write, so it has a budget: seconds after which it
    is rolled back, whatever is under way in it.
    """

    @property
    def connection(self) -> AsyncConnection:
        """For the handler. It can neither commit nor roll back, nor write to the store's tables."""

    @property
    def is_open(self) -> bool:
        """Whether it has neither ended, run out of its budget, nor been asked to end."""

    @property
    def ended(self) -> asyncio.Future[Outcome]:
        """How it ended, once it has: one that was undone is `Rejected`."""

    async def commit(self, unit: Unit) -> Outcome:
        """Write the unit, and commit it together with what the handler has written.

        If a guard of the unit fails, or an earlier unit had its idempotency key, all of it is
        rolled back. So it is once the budget was exceeded: `TransactionBudgetError`. Once begun it
        is carried out, whether or not the caller waits for it.
        """

    def roll_back(self) -> None:
        """Undo all of it, soon and without waiting. Does nothing if it has ended."""


class Store(Leasing, Retaining, Keeping, Operating, Protocol):
    """Keeps streams, workflows and feeds."""

    @property
    def receipts(self) -> Receipting:
        """What its recipients have read, where a subscription has `mode: read-receipt`."""

    @property
    def commits_at_once(self) -> int:
        """How many commits to have under way, where many units wait. More than 1 is for a store
        that has to be waited for, and not for a processor."""

    @property
    def cautions(self) -> tuple[str, ...]:
        """What makes an acknowledged commit less safe than it seems, once it is open."""

    async def open(self, streams: Sequence[Stream], chain: Chain | None = None) -> None:
        """Make the store ready, with these streams.

        A store that outlives its process keeps which of the service's revisions it has been
        through, and refuses one that the service's `chain` does not know.

        Raises:
            SchemaMismatchError: It is not at the revision that is needed.
        """

    async def close(self) -> None:
        """Give back what `open` took."""

    async def commit(self, units: Sequence[Unit]) -> list[Outcome]:
        """Write the units in order and tell how each went.

        A unit whose guards fail is left out alone; those after it see the ones before it. Guards
        are the expectations of its appends and that its claims are still held:
        `WorkflowExistsError`, `WorkflowNotFoundError`, `WorkflowEndedError`,
        `VersionConflictError`, `DeliveryLostError`. A unit whose idempotency key is known is not
        written and not checked any further: it is answered, or `IdempotencyConflictError`.

        Raises:
            OutcomeUnknownError: The store failed while committing, and nobody knows which of the
                units it concerns.
        """

    async def begin(self) -> OwnTransaction:
        """A transaction for one handler, as soon as it is its turn to write.

        Raises:
            ConnectionUnavailableError: The store has no connections to give.
            StoreUnavailableError: Another process kept it from writing for too long.
        """

    async def answer(self, key: str) -> Answer | None:
        """What was kept with the unit that had this idempotency key."""

    async def read(self, stream: str, after: int, limit: int) -> list[RecordedEvent]:
        """The stream's events with `after < offset <= after + limit`, in order.

        Without those that retention has let go, of which the first one's offset tells.
        """

    async def position(self, stream: str, start: Start) -> int:
        """Offset just before the first event that `start` means.

        Raises:
            EventNotFoundError: The stream has no event with that id.
        """

    def appended(self, stream: str) -> Signal:
        """Notifies when the stream has new events."""

    async def workflow(self, workflow: str, workflow_id: str) -> WorkflowState:
        """How far the workflow has come."""

    async def history(
        self, stream: str, workflow: str, workflow_id: str, version: int
    ) -> list[RecordedEvent]:
        """The first `version` events of a workflow on a persistent stream, oldest first.

        Fewer if retention has let some of them go.
        """

    async def statistics(self, stream: str) -> StreamStatistics:
        """How far the stream has come."""

    async def streams(self) -> list[str]:
        """The names of all streams that the store has, of whatever service, sorted."""

    async def count(self, stream: str, after: int, limit: int) -> list[EventCount]:
        """How many of the events with `after < offset <= after + limit` are of which version.

        By name and version. Events that were recorded without a version (0) count as version 1.
        """

    async def schemas(self) -> dict[tuple[str, int], str]:
        """The digests of the event versions whose schemas are kept, by name and version."""

    async def keep_schemas(self, schemas: Sequence[EventSchema]) -> None:
        """Keep the schemas, in place of those of the same versions.

        Raises:
            SchemaChangedError: Of some versions another schema is kept, by its digest, and there
                are events of them; nothing was kept.
        """

    async def register(self, feed: Feed) -> None:
        """Have the feed; one that there is keeps its cursor and takes on the other settings."""

    async def unregister(self, key: FeedKey) -> None:
        """Forget the feed, its cursor and its claims. Its dead letters stay."""

    async def claim(self, key: FeedKey, holder: str, limit: int) -> Claims:
        """Hand out up to `limit` events, the oldest first.

        Nothing while the subscription is paused.

        Raises:
            UnknownSubscriptionError: There is no such feed.
        """

    async def pause(self, subscription: str, *, actor: str = "") -> None:
        """Hand out none of its events, to nobody, until `resume`; also after a restart.

        With this, as with all that has an `actor`, goes a line of `acts`.
        """

    async def resume(self, subscription: str, *, actor: str = "") -> None:
        """Hand out its events again."""

    async def paused(self) -> frozenset[str]:
        """The subscriptions that are paused."""

    async def take_commands(self, limit: int, lease: float) -> Taken:
        """Stored commands that are due, for the caller to execute within `lease` seconds.

        After that they are due again, unless a unit has carried them out.
        """

    async def postpone_command(self, key: str, error: str, delay: float | None) -> None:
        """Have a stored command due again in `delay` seconds, or with `None` give it up."""

    async def failed_commands(self) -> list[FailedCommand]:
        """The stored commands that were given up, oldest first."""

    async def retry_commands(self, keys: Collection[str], *, actor: str = "") -> int:
        """Have stored commands that were given up due at once, as new; how many."""

    def sent(self) -> Signal:
        """Notifies when there may be stored commands to execute."""

    def changes(self, key: FeedKey) -> Signal:
        """Notifies when the feed may have something to hand out."""

    async def feed(self, key: FeedKey) -> FeedStatistics:
        """How far the feed has come."""

    async def register_group(self, group: Group) -> None:
        """Have the group's partitions; those that are there keep their cursors and owners.

        Raises:
            CursorMismatchError: Some that are there were written for another stream.
        """

    async def balance(self, subscription: str, session: str, known: Mapping[int, int]) -> Share:
        """Give the session its share of the group: what nobody has, up to an equal part.

        `known` are the partitions that the session has, with the revision that it knows of each. A
        partition whose owner is not heard of any more is nobody's. Nothing is taken from one who
        lives: who has a surplus releases it. Whoever might get more or has a surplus is woken
        through `group_changes`. While the subscription is paused, ownership moves all the same.

        Raises:
            UnknownSubscriptionError: There is no such group.
        """

    async def release(self, subscription: str, session: str, partitions: Collection[int]) -> None:
        """Have the session own these no more, and wake those who may take them."""

    def group_changes(self, subscription: str) -> Signal:
        """Notifies when `balance` may say something new, in whichever process that happened."""

    async def partitions(self, subscription: str) -> list[Partition]:
        """How far each partition of the group has come, in their order.

        Raises:
            UnknownSubscriptionError: There is no such group.
        """

    async def partition_feeds(self, subscription: str) -> list[FeedStatistics]:
        """What `feed` says of each partition of the group, in their order.

        It looks once for all of them at what is ahead.

        Raises:
            UnknownSubscriptionError: There is no such group.
        """

    async def dead_letters(self, subscription: str) -> list[DeadLetter]:
        """The subscription's dead letters, oldest first."""

    async def requeue(self, letters: Collection[int], *, actor: str = "") -> int:
        """Have these dead letters handed out again, as new, where they came from; how many.

        Each comes before the later events of its lane that nobody has. With one come those that
        were set aside behind it; one that is behind a letter that stays, stays too. Those that are
        not there are passed over.

        Raises:
            UnknownSubscriptionError: The feed of one is gone; nothing was done.
        """

    async def drop(self, letters: Collection[int], *, actor: str = "") -> int:
        """Forget these dead letters and their events' bytes; how many there were.

        Those behind them stay, and keep the later events of their workflow back.
        """

    async def connect(
        self, connection: Connection, *, lifetime: float, expire_after: float | None
    ) -> None:
        """Have the session, and its consumer if it is a new one.

        The session lives for `lifetime` seconds after it was last heard of; the consumer, once it
        has no session, for `expire_after` seconds or, with `None`, until it is removed.
        """

    async def heartbeat(self, sessions: Collection[str], *, lifetime: float) -> frozenset[str]:
        """Keep the sessions alive, and tell which of them are not there any more."""

    async def disconnect(self, session: str) -> None:
        """Forget the session. Claims that it still has end as any others do."""

    async def remove_stale(self) -> Stale:
        """Remove the sessions and consumers whose time is up.

        Claims of such a session are void and count as failures; with a consumer goes the feed that
        it had for itself.
        """

    async def remove_consumer(
        self, subscription: str, consumer: str, *, actor: str | None = None
    ) -> None:
        """Forget the consumer, its sessions, and the feed that it had for itself.

        A line is kept of it if an actor asked for it, and there was something to forget.
        """

    async def consumers(self, subscription: str) -> list[Consumer]:
        """The subscription's consumers, by name."""
