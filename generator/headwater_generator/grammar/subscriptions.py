"""The keys of a subscription."""

# ruff: noqa: RUF009 - `key` and `keys` declare fields, as `dataclasses.field` does
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Literal, TypeAlias

from ..load import NOWHERE, Node
from .containers import ListShape, MapShape, Record, Variants
from .declare import DESCRIPTION, NONE, Model, key
from .numbers import Boolean, Duration, Instant, Integer
from .streams import DELIVERIES, Delivery
from .words import Choice, Note, Reference, Text

__all__ = [
    "AFTER_DEAD_LETTER",
    "BEGINNING",
    "LATEST",
    "ON_UNKNOWN",
    "AfterDeadLetter",
    "Backoff",
    "Breaker",
    "Offset",
    "OnUnknown",
    "Retry",
    "Start",
    "Subscription",
    "Timestamp",
]

BEGINNING: Literal["beginning"] = "beginning"
LATEST: Literal["latest"] = "latest"


@dataclass(frozen=True, kw_only=True)
class Offset(Model):
    """Start with the event at an offset of a persistent stream."""

    NOUN: ClassVar[str] = "an offset"

    offset: int = key("The offset of the first event.", Integer(1), example="offset: 1")
    node: Node = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True)
class Timestamp(Model):
    """Start with the first event recorded at a time or later."""

    NOUN: ClassVar[str] = "a timestamp"

    timestamp: datetime = key("The time.", Instant(), example="timestamp: 2024-05-01T12:00:00Z")
    node: Node = field(default=NOWHERE, compare=False, repr=False)


Start: TypeAlias = Literal["beginning", "latest"] | Offset | Timestamp
OnUnknown: TypeAlias = Literal["dead-letter", "hold", "skip"]
AfterDeadLetter: TypeAlias = Literal["wait", "continue"]
AFTER_DEAD_LETTER: tuple[AfterDeadLetter, ...] = ("wait", "continue")
ON_UNKNOWN: tuple[OnUnknown, ...] = ("dead-letter", "hold", "skip")


@dataclass(frozen=True, kw_only=True)
class Backoff(Model):
    """The waits between tries: each is twice the one before, up to a limit, with some chance."""

    NOUN: ClassVar[str] = "a backoff"

    initial: float = key(
        "The first wait.", Duration(), default=1.0, default_words="`1s`", example="initial: 1s"
    )
    maximum: float = key(
        "The longest wait.",
        Duration(),
        name="max",
        default=60.0,
        default_words="`60s`",
        example="max: 60s",
    )
    node: Node = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True)
class Retry(Model):
    """What happens when a handler fails."""

    NOUN: ClassVar[str] = "a retry"

    attempts: int = key(
        "Tries in all; after the last the event becomes a dead letter.",
        Integer(1, 1000),
        default=5,
        example="attempts: 5",
    )
    backoff: Backoff = key(
        "How long to wait in between.",
        Record(Backoff),
        default=Backoff(),
        default_words="`{initial: 1s, max: 60s}`",
        example="backoff: {initial: 1s, max: 60s}",
    )
    node: Node = field(default=NOWHERE, compare=False, repr=False)

    @property
    def initial(self) -> float:
        """The first wait in seconds."""
        return self.backoff.initial

    @property
    def maximum(self) -> float:
        """The longest wait in seconds."""
        return self.backoff.maximum


@dataclass(frozen=True, kw_only=True)
class Unread(Model):
    """What becomes of an event that was delivered and is not read."""

    NOUN: ClassVar[str] = "an unread"

    timeout: float = key(
        "How long after its delivery an event may be unread.", Duration(), example="timeout: 24h"
    )
    then: Literal["requeue", "dead-letter", "drop"] = key(
        "What happens then: `requeue` delivers it again, and its time begins anew, until it has "
        "come as often as `retry` says and is set aside, `dead-letter` sets it aside at once, "
        "`drop` is done with it.",
        Choice(("requeue", "dead-letter", "drop")),
        example="then: dead-letter",
    )
    node: Node = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True)
class Breaker(Model):
    """When to give a handler nothing for a while, because it fails for each event."""

    NOUN: ClassVar[str] = "a breaker"

    failures: int = key(
        "How many events in a row it has failed for, each counted once.",
        Integer(1, 1_000_000),
        default=20,
        example="failures: 20",
    )
    pause: float = key(
        "How long to wait until one event is let through; if it is handled, all go on.",
        Duration(),
        default=30.0,
        default_words="`30s`",
        example="pause: 30s",
    )
    node: Node = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True)
class Subscription(Model):
    """A named interest in the events of one stream."""

    NOUN: ClassVar[str] = "a subscription"
    EXAMPLES: ClassVar[tuple[tuple[str, ...], ...]] = (
        (
            *("description", "stream", "mode", "events", "start", "retry", "ack_timeout"),
            *("timeout", "breaker", "batch", "concurrency", "expire_after", "metadata"),
        ),
        ("stream", "mode", "handler", "on_unknown", "after_dead_letter"),
        ("stream", "mode", "delivery"),
        ("stream", "mode: consumer-group", "max_consumers"),
        ("stream", "mode: read-receipt", "unread"),
    )
    FOREIGN: ClassVar[Mapping[str, str]] = {
        "from": 'did you mean "start"?',
        "retries": 'did you mean "retry"?',
        "type": 'did you mean "mode"?',
    }

    description: str | None = key(
        DESCRIPTION, Text(), default=None, example="description: Sends the invitation."
    )
    stream: str = key("The stream to read.", Reference("a stream"), example="stream: users")
    mode: Literal["broadcast", "exclusive", "consumer-group", "read-receipt"] = key(
        "How its consumers share the events: in a `broadcast` each gets every event, in an "
        "`exclusive` subscription each event goes to one of them, in a `consumer-group` they "
        "divide the workflows among themselves, and the events of one workflow go to one of them, "
        "in a `read-receipt` each, a recipient, gets every event and says when it has read it.",
        Choice(("broadcast", "exclusive", "consumer-group", "read-receipt")),
        example="mode: broadcast",
    )
    events: tuple[str, ...] | None = key(
        "The events to deliver; others are passed over. `UserAdded@1` pins a version: newer events "
        "are brought down to it and older ones up; without a number it is the newest.",
        ListShape(Reference("an event")),
        default=None,
        default_words="all events of the stream, each in its newest version",
        example="events: [UserAdded, UserRemoved]",
    )
    delivery: Delivery | None = key(
        "How often the handler takes effect for one event.",
        Choice(DELIVERIES),
        default=None,
        default_words="as the stream says",
        example="delivery: at-most-once",
    )
    start: Start = key(
        "Where a new consumer starts on a persistent stream. An ephemeral one is read from now on.",
        Variants(
            {"offset": Offset, "timestamp": Timestamp}, {BEGINNING: BEGINNING, LATEST: LATEST}
        ),
        default=BEGINNING,
        default_words="`beginning`",
        example="start: latest",
    )
    retry: Retry | None = key(
        "What happens when the handler fails.",
        Record(Retry),
        default=None,
        default_words="`{attempts: 5, backoff: {initial: 1s, max: 60s}}`",
        example="retry: {attempts: 3, backoff: {initial: 500ms, max: 5m}}",
    )
    after_dead_letter: AfterDeadLetter | None = key(
        "What becomes of the later events of a workflow that has a dead letter here. `wait` sets "
        "them aside behind it, in order, and they come back with it when it is requeued; other "
        "workflows go on. `continue` delivers them as if nothing had happened.",
        Choice(AFTER_DEAD_LETTER),
        default=None,
        default_words="`wait`; with at-most-once nothing waits",
        example="after_dead_letter: continue",
    )
    ack_timeout: float | None = key(
        "How long a delivery may go without being acknowledged before it counts as failed.",
        Duration(),
        default=None,
        default_words="`30s`",
        example="ack_timeout: 2m",
    )
    timeout: float | None = key(
        "How long the handler may take; then it is cancelled, and has failed. It has to be below "
        "`ack_timeout`.",
        Duration(),
        default=None,
        default_words="`ack_timeout`; none where delivery is at-most-once",
        example="timeout: 20s",
    )
    unread: Unread | None = key(
        "What becomes of an event that a recipient of a `read-receipt` does not read.",
        Record(Unread),
        default=None,
        default_words="it stays unread",
        example="unread: {timeout: 24h, then: dead-letter}",
    )
    max_consumers: int | None = key(
        "How many consumers of a `consumer-group` own a part of the workflows at once; others "
        "stand by, and take over when one goes.",
        Integer(1, 64),
        default=None,
        default_words="all of them, of which 64 can own something",
        example="max_consumers: 4",
    )
    breaker: Breaker | None = key(
        "When a process takes no events for a while because its handler fails for each.",
        Record(Breaker),
        default=None,
        default_words="`{failures: 20, pause: 30s}`",
        example="breaker: {failures: 50, pause: 1m}",
    )
    batch: int | None = key(
        "Have the handler take events as a list: as many as there are, and this many at most. They "
        "are settled together; if the handler fails they come again one by one.",
        Integer(1, 1000),
        default=None,
        default_words="one event at a time, not as a list",
        example="batch: 100",
    )
    concurrency: int | None = key(
        "How many deliveries of one consumer are under way at once. Those of one workflow keep "
        "their order, unless they are delivered at most once: acknowledged before they are "
        "handled, they may overlap.",
        Integer(1, 1000),
        default=None,
        default_words="1",
        example="concurrency: 8",
    )
    expire_after: float | None = key(
        "How long a consumer of a `broadcast` may be away before it is forgotten, with its place "
        "in the stream and what waits for it.",
        Duration(),
        default=None,
        default_words="never",
        example="expire_after: 90d",
    )
    on_unknown: OnUnknown | None = key(
        "What becomes of an event that the service does not know, or knows in older versions only: "
        "a later release recorded it. `dead-letter` sets it aside, `hold` waits with it and what "
        "comes after it until a service that knows it runs, `skip` passes it over and counts it. "
        "With `events`, events of other names are not asked for and pass.",
        Choice(ON_UNKNOWN),
        default=None,
        default_words="`dead-letter`",
        example="on_unknown: hold",
    )
    handler: bool = key(
        "Whether the service handles it; `false` where only iterators read.",
        Boolean(),
        default=True,
        example="handler: false",
    )
    metadata: Mapping[str, str] = key(
        "Notes of your own, which handlers can read.",
        MapShape(Note("a note's name"), Note("a note"), empty=True),
        default=NONE,
        default_words="none",
        example="metadata: {team: growth}",
    )
    node: Node = field(default=NOWHERE, compare=False, repr=False)
