"""What owners of partitions write down, in the statement that writes their units.

Units without progress are written by a statement that knows nothing of it. The one here does all
that the other does, and more at five places: it locks the partitions together with the other
cursors, before anything else, and compares their epochs in the newest version of their rows.
Progress of one partition may come several times in a batch: what the last unit says of an event
holds. Only letters are one unit's for each partition, because one may be `behind` another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from headwater.stores.groups import GroupLetter, Progress, partition_key
from headwater.stores.metadata import metadata_text

from .units import COMMIT_UNITS, extended

__all__ = ["COMMIT_WITH_PROGRESS", "ProgressColumns"]

_COUNTING = """
counting AS MATERIALIZED (
  SELECT found.id
    FROM (SELECT DISTINCT subscription, consumer
            FROM settlement
           WHERE kind = 4
           ORDER BY subscription, consumer) AS asked
         CROSS JOIN LATERAL (SELECT id
                               FROM cursors
                              WHERE cursors.subscription = asked.subscription
                                AND cursors.consumer = asked.consumer
                              LIMIT 1
                                FOR UPDATE) AS found
),
"""

# Partitions are locked with the cursors that count, in one order. A letter that another one has to
# be behind is looked up afterwards and locked: one that was requeued meanwhile is not found.
_COUNTING_AND_OWNED = """
progress AS MATERIALIZED (
  SELECT *
    FROM unnest($61::int[], $62::text[], $63::text[], $64::bigint[], $65::bigint[], $66::bigint[])
         WITH ORDINALITY AS given (unit, subscription, consumer, epoch, read_to, skipped, place)
),
group_letter AS MATERIALIZED (
  SELECT *
    FROM unnest($67::bigint[], $68::boolean[], $69::boolean[], $70::text[], $71::bigint[],
                $72::uuid[], $73::text[], $74::bigint[], $75::text[], $76::text[], $77::bigint[],
                $78::timestamptz[], $79::bytea[], $80::text[], $81::text[], $82::bigint[])
         WITH ORDINALITY AS given (progress, behind, is_first, stream, stream_offset, id, name,
                                   version, workflow, workflow_id, workflow_version, recorded_at,
                                   data, metadata, error, attempts, number)
),
counting AS MATERIALIZED (
  SELECT found.*
    FROM (SELECT subscription, consumer
            FROM settlement
           WHERE kind = 4
           UNION
          SELECT subscription, consumer
            FROM progress
           ORDER BY subscription, consumer) AS asked
         CROSS JOIN LATERAL (SELECT id, subscription, consumer, owner, owner_epoch
                               FROM cursors
                              WHERE cursors.subscription = asked.subscription
                                AND cursors.consumer = asked.consumer
                              LIMIT 1
                                FOR UPDATE) AS found
),
owned AS MATERIALIZED (
  SELECT progress.unit, progress.place, progress.read_to, progress.skipped,
         counting.id AS cursor_id, counting.owner
    FROM progress JOIN counting USING (subscription, consumer)
   WHERE counting.owner <> '' AND counting.owner_epoch = progress.epoch
),
behind AS MATERIALIZED (
  SELECT asked.number
    FROM (SELECT progress.subscription, progress.consumer, group_letter.workflow_id,
                 group_letter.stream_offset, group_letter.number
            FROM group_letter JOIN progress ON progress.place = group_letter.progress
           WHERE group_letter.behind
             AND group_letter.is_first
             AND (SELECT count(*) FROM counting) >= 0
           ORDER BY group_letter.number) AS asked
         CROSS JOIN LATERAL (SELECT 1
                               FROM dead_letters
                              WHERE dead_letters.subscription = asked.subscription
                                AND dead_letters.consumer = asked.consumer
                                AND dead_letters.workflow_id = asked.workflow_id
                                AND dead_letters.stream_offset < asked.stream_offset
                              LIMIT 1
                                FOR KEY SHARE) AS found
),
lost_progress AS MATERIALIZED (
  SELECT unit, place, read_to AS stream_offset
    FROM progress
   WHERE place NOT IN (SELECT place FROM owned)
   UNION ALL
  SELECT progress.unit, progress.place, group_letter.stream_offset
    FROM group_letter JOIN progress ON progress.place = group_letter.progress
   WHERE group_letter.behind
     AND group_letter.is_first
     AND group_letter.number NOT IN (SELECT number FROM behind)
),
"""

_REFUSED = """
refused AS MATERIALIZED (
"""

_REFUSED_FOR_PROGRESS = """
refused AS MATERIALIZED (
  SELECT unit
    FROM lost_progress
   UNION
"""

_HEAD = """
head AS MATERIALIZED (
"""

_WRITTEN_AND_HEAD = """
new_group_letter AS (
  INSERT INTO dead_letters (subscription, consumer, stream, stream_offset, id, name, version,
                            workflow, workflow_id, workflow_version, recorded_at, data, metadata,
                            error, attempts, set_aside_at, behind, unread)
  SELECT progress.subscription, progress.consumer, group_letter.stream, group_letter.stream_offset,
         group_letter.id, group_letter.name, group_letter.version, group_letter.workflow,
         group_letter.workflow_id, group_letter.workflow_version, group_letter.recorded_at,
         group_letter.data, group_letter.metadata, group_letter.error, group_letter.attempts,
         coalesce($1::timestamptz, clock_timestamp()), group_letter.behind, false
    FROM group_letter JOIN progress ON progress.place = group_letter.progress
   WHERE progress.unit NOT IN (SELECT unit FROM refused)
   ORDER BY group_letter.number
  RETURNING 1
),
entry AS MATERIALIZED (
  SELECT DISTINCT ON (owned.cursor_id, given.stream_offset) owned.cursor_id, owned.owner, given.*
    FROM unnest($83::bigint[], $84::bigint[], $85::text[], $86::bigint[], $87::interval[],
                $88::boolean[], $89::boolean[])
         WITH ORDINALITY AS given (progress, stream_offset, workflow_id, failures, delay, held,
                                   in_hand, number)
         JOIN owned ON owned.place = given.progress
   WHERE owned.unit NOT IN (SELECT unit FROM refused)
   ORDER BY owned.cursor_id, given.stream_offset, given.number DESC
),
settled_entry AS (
  DELETE FROM deliveries
   USING entry
   WHERE entry.workflow_id IS NULL
     AND deliveries.cursor_id = entry.cursor_id
     AND deliveries.stream_offset = entry.stream_offset
  RETURNING 1
),
unsettled_entry AS (
  INSERT INTO deliveries (cursor_id, stream_offset, workflow_id, failures, token, holder, due_at,
                          held)
  SELECT cursor_id, stream_offset, workflow_id, failures, in_hand::int,
         CASE WHEN in_hand THEN owner ELSE '' END,
         coalesce($1::timestamptz, clock_timestamp()) + delay, held
    FROM entry
   WHERE workflow_id IS NOT NULL
   ORDER BY cursor_id, stream_offset
      ON CONFLICT (cursor_id, stream_offset) DO UPDATE
     SET failures = excluded.failures, token = excluded.token, holder = excluded.holder,
         due_at = excluded.due_at, held = excluded.held
  RETURNING 1
),
moved_cursor AS (
  UPDATE cursors
     SET read_to = greatest(cursors.read_to, reached.read_to),
         skipped = cursors.skipped + reached.skipped,
         event_id = CASE WHEN reached.read_to > cursors.read_to
                         THEN (SELECT events.id
                                 FROM events
                                WHERE events.stream = cursors.stream
                                  AND events.stream_offset = reached.read_to)
                         ELSE cursors.event_id END
    FROM (SELECT cursor_id, max(read_to) AS read_to, sum(skipped)::bigint AS skipped
            FROM owned
           WHERE unit NOT IN (SELECT unit FROM refused)
           GROUP BY cursor_id) AS reached
   WHERE cursors.id = reached.cursor_id
     AND (reached.read_to > cursors.read_to OR reached.skipped > 0)
  RETURNING 1
),
head AS MATERIALIZED (
"""

_BEFORE_HEADS = """
             AND (SELECT count(*) FROM carried_out) >= 0
"""

_AND_PROGRESS_BEFORE_HEADS = """
             AND (SELECT count(*) FROM carried_out) >= 0
             AND (SELECT count(*) FROM new_group_letter) >= 0
             AND (SELECT count(*) FROM settled_entry) >= 0
             AND (SELECT count(*) FROM unsettled_entry) >= 0
             AND (SELECT count(*) FROM moved_cursor) >= 0
"""

_RESULT = """
SELECT 5, unit, NULL, NULL, NULL, NULL
"""

_RESULT_OF_PROGRESS = """
SELECT 6, place, stream_offset, NULL, NULL, NULL
  FROM lost_progress
 UNION ALL
SELECT 5, unit, NULL, NULL, NULL, NULL
"""


COMMIT_WITH_PROGRESS = extended(
    COMMIT_UNITS,
    (_COUNTING, _COUNTING_AND_OWNED),
    (_REFUSED, _REFUSED_FOR_PROGRESS),
    (_HEAD, _WRITTEN_AND_HEAD),
    (_BEFORE_HEADS, _AND_PROGRESS_BEFORE_HEADS),
    (_RESULT, _RESULT_OF_PROGRESS),
)


class ProgressColumns:
    """The further arrays of the statement, as rows of those that belong together."""

    def __init__(self) -> None:
        self._progress: list[tuple[Any, ...]] = []
        self._letters: list[tuple[Any, ...]] = []
        self._entries: list[tuple[Any, ...]] = []

    def add(self, unit: int, progress: Progress) -> None:
        """Have what a unit says of one partition."""
        key = partition_key(progress.subscription, progress.partition)
        self._progress.append(
            (
                unit,
                key.subscription,
                key.consumer,
                progress.epoch,
                progress.read_to,
                progress.skipped,
            )
        )
        place = len(self._progress)
        for letter in progress.letters:
            self._letters.append((place, *_letter(progress, letter)))
        for offset in (*progress.settled, *(letter.event.offset for letter in progress.letters)):
            self._entries.append((place, offset, None, 0, None, False, False))
        for one in progress.unsettled:
            delay = timedelta(seconds=one.delay) if one.delay > 0 else None
            self._entries.append(
                (place, one.offset, one.workflow_id, one.failures, delay, one.held, one.in_hand)
            )

    def arguments(self) -> Iterator[Sequence[Any]]:
        """The columns, in the statement's order."""
        for rows, width in ((self._progress, 6), (self._letters, 16), (self._entries, 7)):
            yield from zip(*rows, strict=True) if rows else [()] * width


def _letter(progress: Progress, letter: GroupLetter) -> tuple[Any, ...]:
    event = letter.event
    is_first = all(
        other.event.workflow_id != event.workflow_id or other.event.offset >= event.offset
        for other in progress.letters
    )
    return (
        letter.behind,
        is_first,
        event.stream,
        event.offset,
        event.id,
        event.name,
        event.version,
        event.workflow,
        event.workflow_id,
        event.workflow_version,
        event.recorded_at,
        event.data,
        metadata_text(event.metadata),
        letter.error,
        letter.attempts,
    )
