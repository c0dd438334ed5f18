"""Tables."""

from __future__ import annotations

from headwater.migrations.execution import carry_out, take_back
from headwater.schema.operations import CreateTable
from headwater.schema.tables import Column, ColumnType, Index, Table

revision = "headwater.0001"
down_revision = None
branch_labels = None
depends_on = None

OPERATIONS = (
    CreateTable(
        Table(
            "streams",
            (
                Column("name", ColumnType.TEXT),
                Column("type", ColumnType.TEXT),
                Column("head", ColumnType.INTEGER),
                Column("first_offset", ColumnType.INTEGER),
                Column("epoch", ColumnType.INTEGER),
                Column("dropped", ColumnType.INTEGER),
                Column("recorded_at", ColumnType.MOMENT, nullable=True),
                Column("registrations", ColumnType.INTEGER),
                Column("readers", ColumnType.INTEGER),
                Column("last_token", ColumnType.INTEGER),
                Column("measured_to", ColumnType.INTEGER),
                Column("size", ColumnType.INTEGER),
            ),
            ("name",),
            is_hot=True,
        )
    ),
    CreateTable(
        Table(
            "workflows",
            (
                Column("workflow", ColumnType.TEXT),
                Column("workflow_id", ColumnType.TEXT),
                Column("version", ColumnType.INTEGER),
                Column("ended", ColumnType.BOOLEAN),
            ),
            ("workflow", "workflow_id"),
        )
    ),
    CreateTable(
        Table(
            "events",
            (
                Column("stream", ColumnType.TEXT),
                Column("stream_offset", ColumnType.INTEGER),
                Column("id", ColumnType.UUID),
                Column("name", ColumnType.TEXT),
                Column("version", ColumnType.INTEGER),
                Column("workflow", ColumnType.TEXT, nullable=True),
                Column("workflow_id", ColumnType.TEXT),
                Column("workflow_version", ColumnType.INTEGER, nullable=True),
                Column("recorded_at", ColumnType.MOMENT),
                Column("data", ColumnType.BYTES),
                Column("metadata", ColumnType.TEXT),
            ),
            ("stream", "stream_offset"),
            indexes=(
                Index(
                    "events_by_workflow",
                    ("workflow", "workflow_id", "workflow_version"),
                    unique=True,
                    where_not_null="workflow",
                ),
            ),
        )
    ),
    CreateTable(
        Table(
            "append_keys",
            (
                Column("key", ColumnType.TEXT),
                Column("fingerprint", ColumnType.BYTES),
                Column("answer", ColumnType.BYTES),
                Column("recorded_at", ColumnType.MOMENT),
                Column("kind", ColumnType.TEXT),
                Column("stream", ColumnType.TEXT),
                Column("stream_offset", ColumnType.INTEGER),
            ),
            ("key",),
            indexes=(
                Index("append_keys_by_age", ("kind", "stream", "stream_offset", "recorded_at")),
            ),
        )
    ),
    CreateTable(
        Table(
            "cursors",
            (
                Column("id", ColumnType.SERIAL),
                Column("subscription", ColumnType.TEXT),
                Column("consumer", ColumnType.TEXT),
                Column("stream", ColumnType.TEXT),
                Column("events", ColumnType.TEXT, nullable=True),
                Column("sequence", ColumnType.TEXT),
                Column("format", ColumnType.INTEGER),
                Column("epoch", ColumnType.INTEGER),
                Column("read_to", ColumnType.INTEGER),
                Column("event_id", ColumnType.UUID, nullable=True),
                Column("revision", ColumnType.INTEGER),
                Column("last_token", ColumnType.INTEGER),
                Column("skipped", ColumnType.INTEGER),
                Column("truncated", ColumnType.INTEGER),
                Column("owner", ColumnType.TEXT),
                Column("owner_epoch", ColumnType.INTEGER),
                Column("truncated_from", ColumnType.INTEGER, nullable=True),
                Column("truncated_to", ColumnType.INTEGER, nullable=True),
            ),
            ("id",),
            indexes=(
                Index("cursors_by_feed", ("subscription", "consumer"), unique=True),
                Index("cursors_by_stream", ("stream",)),
            ),
            is_hot=True,
        )
    ),
    CreateTable(
        Table(
            "deliveries",
            (
                Column("cursor_id", ColumnType.INTEGER),
                Column("stream_offset", ColumnType.INTEGER),
                Column("workflow_id", ColumnType.TEXT),
                Column("failures", ColumnType.INTEGER),
                Column("token", ColumnType.INTEGER),
                Column("holder", ColumnType.TEXT),
                Column("due_at", ColumnType.MOMENT, nullable=True),
                Column("held", ColumnType.BOOLEAN),
            ),
            ("cursor_id", "stream_offset"),
        )
    ),
    CreateTable(
        Table(
            "dead_letters",
            (
                Column("letter_id", ColumnType.SERIAL),
                Column("subscription", ColumnType.TEXT),
                Column("consumer", ColumnType.TEXT),
                Column("stream", ColumnType.TEXT),
                Column("stream_offset", ColumnType.INTEGER),
                Column("id", ColumnType.UUID),
                Column("name", ColumnType.TEXT),
                Column("version", ColumnType.INTEGER),
                Column("workflow", ColumnType.TEXT, nullable=True),
                Column("workflow_id", ColumnType.TEXT),
                Column("workflow_version", ColumnType.INTEGER, nullable=True),
                Column("recorded_at", ColumnType.MOMENT),
                Column("data", ColumnType.BYTES),
                Column("metadata", ColumnType.TEXT),
                Column("error", ColumnType.TEXT),
                Column("attempts", ColumnType.INTEGER),
                Column("set_aside_at", ColumnType.MOMENT),
                Column("behind", ColumnType.BOOLEAN),
                Column("unread", ColumnType.BOOLEAN),
            ),
            ("letter_id",),
            indexes=(
                Index("dead_letters_by_subscription", ("subscription", "letter_id")),
                Index("dead_letters_by_workflow", ("subscription", "consumer", "workflow_id")),
                Index("dead_letters_by_event", ("stream", "stream_offset")),
            ),
        )
    ),
    CreateTable(
        Table(
            "consumers",
            (
                Column("subscription", ColumnType.TEXT),
                Column("consumer", ColumnType.TEXT),
                Column("registered_at", ColumnType.MOMENT),
                Column("seen_at", ColumnType.MOMENT),
                Column("expire_after", ColumnType.INTEGER, nullable=True),
            ),
            ("subscription", "consumer"),
        )
    ),
    CreateTable(
        Table(
            "sessions",
            (
                Column("session", ColumnType.TEXT),
                Column("subscription", ColumnType.TEXT),
                Column("feed_consumer", ColumnType.TEXT),
                Column("consumer", ColumnType.TEXT),
                Column("expires_at", ColumnType.MOMENT),
            ),
            ("session",),
            indexes=(Index("sessions_by_consumer", ("subscription", "consumer")),),
        )
    ),
    CreateTable(
        Table(
            "pauses",
            (
                Column("subscription", ColumnType.TEXT),
                Column("paused_at", ColumnType.MOMENT),
            ),
            ("subscription",),
        )
    ),
    CreateTable(
        Table(
            "sent_commands",
            (
                Column("key", ColumnType.TEXT),
                Column("name", ColumnType.TEXT),
                Column("body", ColumnType.BYTES),
                Column("request_id", ColumnType.TEXT, nullable=True),
                Column("attempts", ColumnType.INTEGER),
                Column("due_at", ColumnType.MOMENT, nullable=True),
                Column("error", ColumnType.TEXT),
                Column("sent_at", ColumnType.MOMENT),
                Column("kind", ColumnType.TEXT),
                Column("stream", ColumnType.TEXT),
                Column("stream_offset", ColumnType.INTEGER),
            ),
            ("key",),
            indexes=(Index("sent_commands_by_due", ("due_at",)),),
        )
    ),
    CreateTable(
        Table(
            "event_schemas",
            (
                Column("name", ColumnType.TEXT),
                Column("version", ColumnType.INTEGER),
                Column("digest", ColumnType.TEXT),
                Column("schema", ColumnType.TEXT),
                Column("recorded_at", ColumnType.MOMENT),
            ),
            ("name", "version"),
        )
    ),
    CreateTable(
        Table(
            "read_receipts",
            (
                Column("subscription", ColumnType.TEXT),
                Column("consumer", ColumnType.TEXT),
                Column("stream", ColumnType.TEXT),
                Column("stream_offset", ColumnType.INTEGER),
                Column("event_id", ColumnType.UUID),
                Column("state", ColumnType.TEXT),
                Column("attempts", ColumnType.INTEGER),
                Column("delivered_at", ColumnType.MOMENT, nullable=True),
                Column("read_at", ColumnType.MOMENT, nullable=True),
                Column("due_at", ColumnType.MOMENT, nullable=True),
            ),
            ("subscription", "consumer", "stream_offset"),
            indexes=(
                Index("read_receipts_by_event", ("subscription", "event_id")),
                Index("read_receipts_by_due", ("due_at",), where_not_null="due_at"),
            ),
        )
    ),
    CreateTable(
        Table(
            "leases",
            (
                Column("name", ColumnType.TEXT),
                Column("owner", ColumnType.TEXT),
                Column("epoch", ColumnType.INTEGER),
                Column("expires_at", ColumnType.MOMENT),
            ),
            ("name",),
        )
    ),
    CreateTable(
        Table(
            "audit",
            (
                Column("act_id", ColumnType.SERIAL),
                Column("acted_at", ColumnType.MOMENT),
                Column("act", ColumnType.TEXT),
                Column("subject", ColumnType.TEXT),
                Column("detail", ColumnType.TEXT),
                Column("actor", ColumnType.TEXT),
            ),
            ("act_id",),
        )
    ),
)


def upgrade() -> None:
    """Carry out the operations."""
    carry_out(down_revision, OPERATIONS)


def downgrade() -> None:
    """Undo them, the last one first."""
    take_back(down_revision, OPERATIONS)
