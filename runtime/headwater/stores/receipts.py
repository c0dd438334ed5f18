"""What a store promises of read receipts: delivered and read are two states of an event.

A recipient of a subscription with `mode: read-receipt` has a feed of its own. That an event was
delivered to it is written with what acknowledges the delivery, in one transaction; it is read once
the recipient says so. Whoever has not read an event after a while is past its time: then the event
comes again, becomes a dead letter, or is dropped. Of reading and running out of time in the same
moment exactly one happens.

An event that is still to be delivered, or is delivered again, has no receipt; unless it is read.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from headwater.events import RecordedEvent

if TYPE_CHECKING:
    from .contract import FeedKey

__all__ = [
    "Expired",
    "Late",
    "Receipt",
    "ReceiptState",
    "Receipting",
    "Received",
    "UnreadEvent",
    "UnreadPolicy",
    "UnreadThen",
]


class ReceiptState(Enum):
    """What has become of an event for one recipient."""

    WAITING = "waiting"
    """It is still to be delivered, perhaps again."""

    DELIVERED = "delivered"
    """It was delivered, and is not read."""

    READ = "read"
    """The recipient has read it."""

    DEAD_LETTERED = "dead-lettered"
    """It was not read in time, or not delivered after all attempts, and was set aside."""

    DROPPED = "dropped"
    """It was not read in time, and that is all."""


class UnreadThen(Enum):
    """What becomes of an event that is not read in time."""

    REQUEUE = "requeue"
    """It is delivered again, and its time begins anew; after the last attempt it is set aside."""

    DEAD_LETTER = "dead-letter"
    """It is set aside."""

    DROP = "drop"
    """It does not count as unread any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadPolicy:
    """What becomes of the events of a subscription that are not read in time."""

    then: UnreadThen
    attempts: int
    """How often an event is handed out at most, until it is set aside in spite of `REQUEUE`."""
    reason: str
    """The error of its dead letter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What is to be kept of an event that is acknowledged: that its recipient has it."""

    is_read: bool = False
    """Whether it has read it, too. What was read before stays so."""
    unread_after: float | None = None
    """Seconds until its time to read it is over."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What has become of one event for one recipient."""

    consumer: str
    state: ReceiptState
    delivered_at: datetime | None
    """`None`: it is still to be delivered, or was read or set aside before it was."""
    read_at: datetime | None


@dataclass(frozen=True, slots=True)
class UnreadEvent:
    """An event that a recipient has not read."""

    event: RecordedEvent
    delivered_at: datetime | None
    """`None`: it is still to be delivered, perhaps again."""


@dataclass(frozen=True, slots=True)
class Late:
    """An event that was not read in time, and what became of it."""

    consumer: str
    offset: int
    attempts: int
    """How often it was handed out."""
    then: UnreadThen


@dataclass(frozen=True, slots=True)
class Expired:
    """Events that were not read in time."""

    events: tuple[Late, ...]
    next_due: float | None
    """Seconds until the next one is; 0 if some are now."""


class Receipting(Protocol):
    """Events as their recipients have them. Each call is one transaction.

    A key is that of the recipient's feed; where there is none it is an `UnknownSubscriptionError`.
    """

    async def recipients(self, subscription: str) -> list[str]:
        """Their names, sorted; also of those that never had a session."""

    async def read_of(self, key: FeedKey, offsets: Collection[int]) -> frozenset[int]:
        """Which of these the recipient has read."""

    async def offset_of(self, key: FeedKey, event: UUID) -> int | None:
        """Where the event with that id is, if it was, is or will be delivered to the recipient."""

    async def mark_read(self, key: FeedKey, offsets: Collection[int]) -> frozenset[int]:
        """Have the recipient read these, delivered or not; returns those that it has read now.

        One that was set aside or dropped is not among them, nor one that is not the recipient's.
        """

    async def mark_all_read(self, key: FeedKey, through: int | None) -> int:
        """Have the recipient read all up to that offset, or all there is; how many were unread."""

    async def unread_count(self, key: FeedKey) -> int:
        """How many events the recipient has not read, delivered or still to be."""

    async def unread(self, key: FeedKey, after: int, limit: int) -> list[UnreadEvent]:
        """Those behind the offset `after`, in order, `limit` at most."""

    async def receipts(self, subscription: str, event: UUID) -> list[Receipt]:
        """What has become of the event for each recipient that it is for, by name."""

    async def expire_unread(self, subscription: str, policy: UnreadPolicy, limit: int) -> Expired:
        """Do what the policy says with what was not read in time: the longest ago first, `limit` at
        most.
        """
