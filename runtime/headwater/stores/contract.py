"""What a store promises. Every store runs the same suite, `tests/contract/store.py`.

All writing goes through `commit(units)`: each unit is written whole or not at all, and has an
outcome of its own. The offsets of a persistent stream are 1, 2, 3... in the order of the commits,
without gaps, so a reader never looks for what may still appear below its position.

A subscription reads through a *feed*: a cursor that stands before the first unsettled event, and
above it the deliveries under way. A feed hands events out in lanes, and of each lane only the
first unsettled event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol, TypeAlias
from uuid import UUID

from headwater.errors import RejectedError
from headwater.events import Metadata, RecordedEvent
from headwater.streams import Start, Stream, StreamStatistics

from .signal import Signal

__all__ = [
    "Acknowledge",
    "Append",
    "Claim",
    "Claims",
    "Committed",
    "DeadLetter",
    "Exactly",
    "Expect",
    "Expectation",
    "Feed",
    "FeedKey",
    "FeedStatistics",
    "NewEvent",
    "Order",
    "Outcome",
    "PutBack",
    "Rejected",
    "SetAside",
    "Settlement",
    "Store",
    "Unit",
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
    data: bytes
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
    events: frozenset[str]
    """Names of the events to deliver; the cursor passes over all others."""
    start: Start
    """Where the cursor stands at first. An ephemeral stream can only start at its end."""
    order: Order
    in_flight: int
    """Claims that one holder may have at once."""
    ack_timeout: float
    """Seconds after which a claim is void, counts as a failure and can be made again."""


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


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """The event is done."""

    claim: Claim


@dataclass(frozen=True, slots=True)
class PutBack:
    """The event is to be handed out again."""

    claim: Claim
    failed: bool
    """Whether this counts as a failure."""
    delay: float = 0.0
    """Seconds to wait before."""


@dataclass(frozen=True, slots=True)
class SetAside:
    """The event becomes a dead letter; the cursor may pass it."""

    claim: Claim
    error: str


Settlement: TypeAlias = Acknowledge | PutBack | SetAside


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """What is written together or not at all."""

    appends: tuple[Append, ...] = ()
    settlements: tuple[Settlement, ...] = ()


@dataclass(frozen=True, slots=True)
class Committed:
    """The unit is written."""

    offsets: tuple[int, ...]
    """Of the events, in the unit's order."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A guard failed: nothing of the unit is written."""

    error: RejectedError


Outcome: TypeAlias = Committed | Rejected


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


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event set aside after its last failure."""

    subscription: str
    consumer: str | None
    event: RecordedEvent
    error: str
    attempts: int
    set_aside_at: datetime


class Store(Protocol):
    """Keeps streams, workflows and feeds."""

    async def open(self, streams: Sequence[Stream]) -> None:
        """Make the store ready, with these streams."""

    async def close(self) -> None:
        """Give back what `open` took."""

    async def commit(self, units: Sequence[Unit]) -> list[Outcome]:
        """Write the units in order and tell how each went.

        A unit whose guards fail is left out alone; those after it see the ones before it. Guards
        are the expectations of its appends and that its claims are still held:
        `WorkflowExistsError`, `WorkflowNotFoundError`, `WorkflowEndedError`,
        `VersionConflictError`, `DeliveryLostError`.

        Raises:
            OutcomeUnknownError: The store failed while committing.
        """

    async def read(self, stream: str, after: int, limit: int) -> list[RecordedEvent]:
        """The stream's events with `after < offset <= after + limit`, in order."""

    async def workflow(self, workflow: str, workflow_id: str) -> WorkflowState:
        """How far the workflow has come."""

    async def history(
        self, stream: str, workflow: str, workflow_id: str, version: int
    ) -> list[RecordedEvent]:
        """The first `version` events of a workflow on a persistent stream, oldest first."""

    async def statistics(self, stream: str) -> StreamStatistics:
        """How far the stream has come."""

    async def register(self, feed: Feed) -> None:
        """Have the feed; one that there is keeps its cursor and takes on the other settings."""

    async def unregister(self, key: FeedKey) -> None:
        """Forget the feed, its cursor and its claims. Its dead letters stay."""

    async def claim(self, key: FeedKey, holder: str, limit: int) -> Claims:
        """Hand out up to `limit` events, the oldest first.

        Raises:
            UnknownSubscriptionError: There is no such feed.
        """

    def changes(self, key: FeedKey) -> Signal:
        """Notifies when the feed may have something to hand out."""

    async def feed(self, key: FeedKey) -> FeedStatistics:
        """How far the feed has come."""

    async def dead_letters(self, subscription: str) -> list[DeadLetter]:
        """The subscription's dead letters, oldest first."""
