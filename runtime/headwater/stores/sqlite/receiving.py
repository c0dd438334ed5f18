"""That a recipient has an event: what is written with its acknowledgement."""

from __future__ import annotations

import sqlite3

from headwater.stores.contract import Claim
from headwater.stores.receipts import ReceiptState, Received

from .rows import microseconds

__all__ = ["note_received"]

# What is read stays read.
_NOTE = """
INSERT INTO read_receipts (subscription, consumer, stream, stream_offset, event_id, state, attempts,
                           delivered_at, read_at, due_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (subscription, consumer, stream_offset) DO UPDATE
   SET state = excluded.state, attempts = excluded.attempts, delivered_at = excluded.delivered_at,
       read_at = excluded.read_at, due_at = excluded.due_at
 WHERE read_receipts.state <> 'read'
"""


def note_received(
    connection: sqlite3.Connection, claim: Claim, receipt: Received, now: int
) -> None:
    """Note that the recipient whose claim it is has the event, and perhaps has read it."""
    state = ReceiptState.READ if receipt.is_read else ReceiptState.DELIVERED
    is_due = receipt.unread_after is not None and not receipt.is_read
    connection.execute(
        _NOTE,
        (
            claim.feed.subscription,
            claim.feed.consumer or "",
            claim.event.stream,
            claim.event.offset,
            claim.event.id.bytes,
            state.value,
            claim.attempt,
            now,
            now if receipt.is_read else None,
            now + microseconds(receipt.unread_after or 0.0) if is_due else None,
        ),
    )
