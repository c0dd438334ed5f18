"""That recipients have events: written in the statement that acknowledges them.

Units without receipts are written by a statement that knows nothing of them. The one here does all
that the other does, and writes the receipts before it takes the heads. It locks none beforehand:
only who has the recipient's cursor writes a receipt of an event that is not acknowledged.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from headwater.stores.contract import Acknowledge, Settlement

from .units import COMMIT_UNITS, extended

__all__ = ["COMMIT_WITH_RECEIPTS", "receipt_arguments"]

_HEAD = """
head AS MATERIALIZED (
"""

# What is read stays read.
_RECEIPTS_AND_HEAD = """
new_receipt AS (
  INSERT INTO read_receipts (subscription, consumer, stream, stream_offset, event_id, state,
                             attempts, delivered_at, read_at, due_at)
  SELECT settlement.subscription, settlement.consumer, given.stream, settlement.stream_offset,
         given.event_id, CASE WHEN given.is_read THEN 'read' ELSE 'delivered' END, given.attempts,
         moment.now, CASE WHEN given.is_read THEN moment.now END,
         CASE WHEN NOT given.is_read THEN moment.now + given.unread_after END
    FROM unnest($61::bigint[], $62::text[], $63::uuid[], $64::bigint[], $65::boolean[],
                $66::interval[])
         AS given (place, stream, event_id, attempts, is_read, unread_after)
         JOIN settlement USING (place)
         CROSS JOIN (SELECT coalesce($1::timestamptz, clock_timestamp()) AS now
                      WHERE (SELECT count(*) FROM settled) >= 0) AS moment
   WHERE settlement.unit NOT IN (SELECT unit FROM refused)
   ORDER BY settlement.subscription, settlement.consumer, settlement.stream_offset
      ON CONFLICT (subscription, consumer, stream_offset) DO UPDATE
     SET state = excluded.state, attempts = excluded.attempts,
         delivered_at = excluded.delivered_at, read_at = excluded.read_at,
         due_at = excluded.due_at
   WHERE read_receipts.state <> 'read'
  RETURNING 1
),
head AS MATERIALIZED (
"""

_BEFORE_HEADS = """
             AND (SELECT count(*) FROM carried_out) >= 0
"""

_AND_RECEIPTS_BEFORE_HEADS = """
             AND (SELECT count(*) FROM carried_out) >= 0
             AND (SELECT count(*) FROM new_receipt) >= 0
"""

COMMIT_WITH_RECEIPTS = extended(
    COMMIT_UNITS,
    (_HEAD, _RECEIPTS_AND_HEAD),
    (_BEFORE_HEADS, _AND_RECEIPTS_BEFORE_HEADS),
)


def receipt_arguments(settlements: Iterable[Settlement]) -> list[Sequence[Any]]:
    """The further arrays of the statement; `settlements` are all that it has, in their order."""
    rows = []
    for place, one in enumerate(settlements, 1):
        if isinstance(one, Acknowledge) and (receipt := one.receipt) is not None:
            event, seconds = one.claim.event, receipt.unread_after
            rows.append(
                (
                    place,
                    event.stream,
                    event.id,
                    one.claim.attempt,
                    receipt.is_read,
                    None if seconds is None else timedelta(seconds=seconds),
                )
            )
    return list(zip(*rows, strict=True))
