"""What a store keeps of a consumer group: partitions, who owns them, how far they have come.

A group's events are divided into `PARTITIONS` by their workflow's id. Each partition has a cursor
of its own, and one session at a time owns it: it reads the stream, hands its events out by itself,
and writes down what became of them as `Progress`. No claims are stored. Every change of owner
raises the partition's epoch, and progress that was made under another epoch is refused: whoever was
taken for dead writes nothing more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from headwater.events import RecordedEvent
from headwater.streams import Start

from .contract import FeedKey
from .retention import Gap

__all__ = [
    "PARTITIONS",
    "Group",
    "GroupLetter",
    "Ownership",
    "Partition",
    "Progress",
    "Share",
    "Unsettled",
    "partition_key",
    "partition_of",
    "wanted_shares",
]

PARTITIONS = 64


def partition_of(workflow_id: str) -> int:
    """Which partition the workflow's events are in: the first byte of its id's SHA-256, modulo 64.

    The same in every process, language and release.
    """
    return sha256(workflow_id.encode(), usedforsecurity=False).digest()[0] % PARTITIONS


def partition_key(subscription: str, partition: int) -> FeedKey:
    """The name of a partition's cursor, and of what its dead letters come back to."""
    return FeedKey(subscription, f"partition-{partition:02d}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A subscription whose consumers own partitions of its events."""

    subscription: str
    stream: str
    events: frozenset[str] | None
    """Names of the events to deliver; cursors pass over all others. `None`: every event."""
    start: Start
    """Where the cursors stand at first."""
    max_consumers: int | None = None
    """How many sessions own partitions at once; others stand by. `None`: all."""


@dataclass(frozen=True, slots=True)
class Unsettled:
    """An event at or below a partition's cursor that is still to be settled."""

    offset: int
    workflow_id: str
    failures: int = 0
    delay: float = 0.0
    """Seconds from now until it may be handed out."""
    held: bool = False
    """Whether it waits for a service that knows it."""
    in_hand: bool = False
    """Whether it is being handled: if its owner dies, that counts as a failure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ownership:
    """A partition in its owner's hands, as the store has it."""

    partition: int
    epoch: int
    """Comes with all progress that the owner writes."""
    read_to: int
    """Everything up to here is settled, but for what is `unsettled`."""
    unsettled: tuple[Unsettled, ...]
    """By offset."""
    blocked: frozenset[str]
    """Workflows that have dead letters here."""
    revision: int
    """Grows when somebody other than the owner changes the partition: what was requeued is to be
    handed out."""
    gap: Gap | None = None
    """What retention took before it was read here, until that was told; it may have been other
    partitions' events, and some that the owner has in memory."""
    abandoned: bool = False
    """Whether it was taken from a session that died: perhaps because of the event that comes next
    and is not among the `unsettled`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What a session has of its group now."""

    taken: tuple[Ownership, ...]
    """Partitions that it did not have, and those that were changed by others."""
    lost: frozenset[int]
    """Partitions that it no longer has: progress there is refused."""
    surplus: int
    """How many it has too many: to be drained, then released. 0 while others can't take them."""
    next_due: float | None
    """Seconds until another session may be found dead; `None` if only a change can tell more."""


@dataclass(frozen=True, slots=True)
class GroupLetter:
    """An event that is set aside with the progress."""

    event: RecordedEvent
    error: str
    attempts: int
    behind: bool = False
    """Whether only because its workflow has a dead letter here; refused if it has none any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What became of events of one partition, written by its owner.

    It says what has changed since the progress before, so a store never undoes that while its owner
    lives: not even in a unit that is not `durable`.

    Guards, or else `DeliveryLostError`: the partition is still owned under the epoch, and each
    letter that is set aside `behind` finds an earlier one of its workflow.
    """

    subscription: str
    partition: int
    epoch: int
    read_to: int
    """The cursor moves here; it never moves back."""
    settled: tuple[int, ...] = ()
    """Offsets of events that were `unsettled` and are no more."""
    unsettled: tuple[Unsettled, ...] = ()
    """Events that are to be settled still, new ones and those that have changed."""
    letters: tuple[GroupLetter, ...] = ()
    skipped: int = 0
    """Events among those settled that were passed over because nobody knew them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """How far a partition has come, for operators."""

    partition: int
    owner: str | None
    """The session that owns it, if one does that lives."""
    consumer: str | None
    """Of that session."""
    epoch: int
    position: int
    """Offset up to which every event is settled."""
    unsettled: int
    """Events at or below the cursor that are to be settled still."""


def wanted_shares(owned: Mapping[str, int], max_consumers: int | None) -> dict[str, int]:
    """How many partitions each of the living sessions should have, by session.

    They differ by one at most. Those who have most keep most, so that few partitions move; of
    sessions above `max_consumers` those that own nothing stand by first.
    """
    order = sorted(owned, key=lambda session: (-owned[session], session))
    active = order if max_consumers is None else order[:max_consumers]
    if not active:
        return dict.fromkeys(owned, 0)
    base, more = divmod(PARTITIONS, len(active))
    shares = dict.fromkeys(owned, 0)
    for place, session in enumerate(active):
        shares[session] = base + (place < more)
    return shares
