"""Setting an event aside, with all that is needed to read it when the stream has it no more."""

from __future__ import annotations

import sqlite3

from headwater.events import RecordedEvent
from headwater.stores.contract import FeedKey
from headwater.stores.metadata import metadata_text

from .rows import to_microseconds

__all__ = ["set_aside"]

_INSERT_DEAD_LETTER = """
INSERT INTO dead_letters (subscription, consumer, stream, stream_offset, id, name, version,
                          workflow, workflow_id, workflow_version, recorded_at, data, metadata,
                          error, attempts, set_aside_at, behind, unread)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, false)
"""


def set_aside(
    connection: sqlite3.Connection,
    key: FeedKey,
    event: RecordedEvent,
    error: str,
    attempts: int,
    *,
    now: int,
    behind: bool,
) -> None:
    """Keep the event as a dead letter of the feed."""
    connection.execute(
        _INSERT_DEAD_LETTER,
        (
            key.subscription,
            key.consumer or "",
            event.stream,
            event.offset,
            event.id.bytes,
            event.name,
            event.version,
            event.workflow,
            event.workflow_id,
            event.workflow_version,
            to_microseconds(event.recorded_at),
            event.data,
            metadata_text(event.metadata),
            error,
            attempts,
            now,
            behind,
        ),
    )
