"""The tables that every SQL store has, as plain data: columns, keys, and what they protect.

The stores' statements are written by hand beside the methods that run them; what they run on is
described here, once, for all databases. Moments are kept with a time zone, to the microsecond.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["TABLES", "Column", "ColumnType", "Index", "Table"]


class ColumnType(Enum):
    """What a column holds; each database has its own word for it."""

    TEXT = "text"
    INTEGER = "integer"
    """64 bits."""
    BOOLEAN = "boolean"
    BYTES = "bytes"
    UUID = "uuid"
    MOMENT = "moment"
    """A point in time."""
    SERIAL = "serial"
    """A number that the database gives to each row and never twice."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column; it takes no null unless `nullable`."""

    name: str
    type: ColumnType
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Index:
    """A way to find rows, which may also keep them from being alike."""

    name: str
    columns: tuple[str, ...]
    unique: bool = False
    where_not_null: str | None = None
    """Rows with a null in this column are not in the index."""

    def __str__(self) -> str:
        words = f"{'unique ' if self.unique else ''}({', '.join(self.columns)})"
        where = self.where_not_null
        return f"{words} where {where} is not null" if where else words


@dataclass(frozen=True, slots=True)
class Table:
    """One table. Rows are kept in the order of their primary key."""

    name: str
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...]
    indexes: tuple[Index, ...] = ()
    is_hot: bool = False
    """Its rows are changed over and over: a database may leave room beside them for that."""


def _text(name: str, *, nullable: bool = False) -> Column:
    return Column(name, ColumnType.TEXT, nullable)


def _integer(name: str, *, nullable: bool = False) -> Column:
    return Column(name, ColumnType.INTEGER, nullable)


def _moment(name: str, *, nullable: bool = False) -> Column:
    return Column(name, ColumnType.MOMENT, nullable)


_ENVELOPE = (
    Column("id", ColumnType.UUID),
    _text("name"),
    _integer("version"),  # of the event's shape
    _text("workflow", nullable=True),
    _text("workflow_id"),
    _integer("workflow_version", nullable=True),
    _moment("recorded_at"),
    Column("data", ColumnType.BYTES),
    _text("metadata"),  # a JSON object
)

# The head row of a stream: updated by every append, in the transaction that inserts the events and
# before it commits, so that no offset can be seen before the one below it.
STREAMS = Table(
    "streams",
    (
        _text("name"),
        _text("type"),  # persistent | ephemeral
        _integer("head"),  # offset of the newest event, 0 before the first
        _integer("first_offset"),  # events below it are gone
        _integer("epoch"),  # drawn when the stream is made; cursors of another stream do not fit
        _integer("dropped"),  # events of an ephemeral stream that nobody was registered for
        _moment("recorded_at", nullable=True),  # of the newest event: the next is not before it
        _integer("registrations"),  # grows when a cursor comes, goes or changes what it wants
        _integer("readers"),  # cursors on it: without any, an ephemeral stream keeps nothing
        _integer("last_token"),  # of cursors that are gone: a new one goes on above it
        _integer("measured_to"),  # up to here retention has counted what the events hold
        _integer("size"),  # bytes of data of the events from `first_offset` to `measured_to`
    ),
    primary_key=("name",),
    is_hot=True,
)

# One row an instance. `version` counts its events and is compared by who decided on a version;
# `ended` keeps everything out after the terminal event.
WORKFLOWS = Table(
    "workflows",
    (
        _text("workflow"),
        _text("workflow_id"),
        _integer("version"),
        Column("ended", ColumnType.BOOLEAN),
    ),
    primary_key=("workflow", "workflow_id"),
)

# Events of persistent streams for good, of ephemeral ones until every cursor has passed them. The
# primary key makes a second event at one offset impossible, the index a second one at one place of
# a workflow; both would mean that two writers had not seen each other. There is no index on `id`:
# looking for one reads the stream, and no append pays for it.
EVENTS = Table(
    "events",
    (_text("stream"), _integer("stream_offset"), *_ENVELOPE),
    primary_key=("stream", "stream_offset"),
    indexes=(
        Index(
            "events_by_workflow",
            ("workflow", "workflow_id", "workflow_version"),
            unique=True,
            where_not_null="workflow",
        ),
    ),
)

# Where a feed stands: one row for each consumer of a broadcast or of read receipts, one for all of
# an exclusive subscription (its consumer is ""), one for each partition of a consumer group (its
# consumer is "partition-07"). Everything up to `read_to` was taken from the stream; what of
# it is not settled has a row in `deliveries`. `epoch` and `event_id` tell whether the stream is
# still the one that was read; `revision` grows with every change, so that a process knows whether
# what it remembers is still so; `last_token` grows with every claim.
CURSORS = Table(
    "cursors",
    (
        Column("id", ColumnType.SERIAL),  # so that a cursor made anew is another one
        _text("subscription"),
        _text("consumer"),
        _text("stream"),
        _text("events", nullable=True),  # a JSON array of the names it wants; null for all
        _text("sequence"),  # stream | workflow: which events wait for each other
        _integer("format"),  # of the position: the columns from here to `event_id`
        _integer("epoch"),  # of the stream
        _integer("read_to"),
        Column("event_id", ColumnType.UUID, nullable=True),  # of the event at `read_to`
        _integer("revision"),
        _integer("last_token"),
        _integer("skipped"),  # events that were passed over because nobody knew them
        _integer("truncated"),  # offsets that retention took before they were read
        _text("owner"),  # of a partition: the session that reads it, "" for none
        _integer("owner_epoch"),  # grows with every owner: what an earlier one writes is refused
        _integer("truncated_from", nullable=True),  # what retention took before it was read, until
        _integer("truncated_to", nullable=True),  # the consumer was told: the first and the last
    ),
    primary_key=("id",),
    indexes=(
        Index("cursors_by_feed", ("subscription", "consumer"), unique=True),
        Index("cursors_by_stream", ("stream",)),
    ),
    is_hot=True,
)

# Events at or below a cursor's `read_to` that are not settled: claimed (`token` is not 0, `due_at`
# is the end of the claim), put back for a while (`due_at` is when it may be claimed), or waiting
# for an earlier event. `held` tells that it waits for a service that knows it. A settlement deletes
# the row with its token: who has another token is late.
DELIVERIES = Table(
    "deliveries",
    (
        _integer("cursor_id"),
        _integer("stream_offset"),
        _text("workflow_id"),
        _integer("failures"),
        _integer("token"),
        _text("holder"),
        _moment("due_at", nullable=True),
        Column("held", ColumnType.BOOLEAN),
    ),
    primary_key=("cursor_id", "stream_offset"),
)

# Events set aside, with all that is needed to read them when the stream has them no more.
DEAD_LETTERS = Table(
    "dead_letters",
    (
        Column("letter_id", ColumnType.SERIAL),
        _text("subscription"),
        _text("consumer"),
        _text("stream"),
        _integer("stream_offset"),
        *_ENVELOPE,
        _text("error"),
        _integer("attempts"),
        _moment("set_aside_at"),
        Column("behind", ColumnType.BOOLEAN),  # only because an earlier one of its workflow was
        Column("unread", ColumnType.BOOLEAN),  # it was delivered, and not read in time
    ),
    primary_key=("letter_id",),
    indexes=(
        Index("dead_letters_by_subscription", ("subscription", "letter_id")),
        Index("dead_letters_by_workflow", ("subscription", "consumer", "workflow_id")),
        Index("dead_letters_by_event", ("stream", "stream_offset")),
    ),
)

# What became of the events that were delivered to recipients (`mode: read-receipt`): delivered,
# read, or what the subscription does with those that stay unread. `due_at` is when that is due. A
# row is written with what settles its delivery; of what is still to be delivered there is one only
# if it is read already.
READ_RECEIPTS = Table(
    "read_receipts",
    (
        _text("subscription"),
        _text("consumer"),
        _text("stream"),
        _integer("stream_offset"),
        Column("event_id", ColumnType.UUID),
        _text("state"),  # delivered | read | dead-lettered | dropped
        _integer("attempts"),  # how often it was handed out until then
        _moment("delivered_at", nullable=True),
        _moment("read_at", nullable=True),
        _moment("due_at", nullable=True),
    ),
    primary_key=("subscription", "consumer", "stream_offset"),
    indexes=(
        Index("read_receipts_by_event", ("subscription", "event_id")),
        Index("read_receipts_by_due", ("due_at",), where_not_null="due_at"),
    ),
)

# What an idempotency key is for, by which it is told how long it is needed.
_OCCASION = (
    _text("kind"),  # request | sent | ingest | import
    _text("stream"),  # of the event that it is for, or ""
    _integer("stream_offset"),  # of that event, or 0
)

# What was told to the first who came with an idempotency key, written with what it did: the key is
# there if and only if the unit is, until it is needed no more.
APPEND_KEYS = Table(
    "append_keys",
    (
        _text("key"),
        Column("fingerprint", ColumnType.BYTES),  # of the request, to notice another one
        Column("answer", ColumnType.BYTES),
        _moment("recorded_at"),
        *_OCCASION,
    ),
    primary_key=("key",),
    indexes=(Index("append_keys_by_age", ("kind", "stream", "stream_offset", "recorded_at")),),
)

# Members of subscriptions. One without a session goes `expire_after` microseconds after it was
# last seen, or stays where that is null.
CONSUMERS = Table(
    "consumers",
    (
        _text("subscription"),
        _text("consumer"),
        _moment("registered_at"),
        _moment("seen_at"),
        _integer("expire_after", nullable=True),
    ),
    primary_key=("subscription", "consumer"),
)

# Commands that handlers have sent, written with what the handlers did. The unit that carries one
# out deletes its row and keeps its key in `append_keys`, so that it is done once. `due_at` is when
# it may be taken, after the taker's lease if it was; null once it was given up, with its `error`.
SENT_COMMANDS = Table(
    "sent_commands",
    (
        _text("key"),
        _text("name"),
        Column("body", ColumnType.BYTES),
        _text("request_id", nullable=True),
        _integer("attempts"),
        _moment("due_at", nullable=True),
        _text("error"),
        _moment("sent_at"),
        *_OCCASION,
    ),
    primary_key=("key",),
    indexes=(Index("sent_commands_by_due", ("due_at",)),),
)

# Subscriptions whose events are handed out to nobody, until an operator resumes them.
PAUSES = Table(
    "pauses",
    (_text("subscription"), _moment("paused_at")),
    primary_key=("subscription",),
)

# Living connections of consumers. When one is not heard of until `expires_at` its claims are void:
# those in `deliveries` whose holder is the session, of the cursor that `feed_consumer` names.
SESSIONS = Table(
    "sessions",
    (
        _text("session"),
        _text("subscription"),
        _text("feed_consumer"),
        _text("consumer"),
        _moment("expires_at"),
    ),
    primary_key=("session",),
    indexes=(Index("sessions_by_consumer", ("subscription", "consumer")),),
)

# The JSON Schema of each event version that a service on this database has known. A version whose
# events are here keeps its schema: a service that means something else by it does not start.
EVENT_SCHEMAS = Table(
    "event_schemas",
    (
        _text("name"),
        _integer("version"),
        _text("digest"),  # SHA-256 in hex, of what counts in the schema: not of descriptions
        _text("schema"),  # JSON
        _moment("recorded_at"),
    ),
    primary_key=("name", "version"),
)

# Work that one process does for all: who has it, until when. `epoch` grows with every owner.
LEASES = Table(
    "leases",
    (_text("name"), _text("owner"), _integer("epoch"), _moment("expires_at")),
    primary_key=("name",),
)

# What operators did: a line for each act, written with what it changed.
AUDIT = Table(
    "audit",
    (
        Column("act_id", ColumnType.SERIAL),
        _moment("acted_at"),
        _text("act"),  # reset, requeue, drop, pause, resume...
        _text("subject"),  # such as the subscription's name
        _text("detail"),  # a JSON object
        _text("actor"),  # who asked for it, as far as it is known
    ),
    primary_key=("act_id",),
)

TABLES = (
    STREAMS,
    WORKFLOWS,
    EVENTS,
    APPEND_KEYS,
    CURSORS,
    DELIVERIES,
    DEAD_LETTERS,
    CONSUMERS,
    SESSIONS,
    PAUSES,
    SENT_COMMANDS,
    EVENT_SCHEMAS,
    READ_RECEIPTS,
    LEASES,
    AUDIT,
)
"""In an order in which they can be made."""
