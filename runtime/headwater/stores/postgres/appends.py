"""Units that each append to one workflow and do nothing else, which most commands come to.

A batch of them goes without most of what `units.py` has for units of every kind; whatever stands in
both statements is the same: guards on locked rows, one order of locks, heads last.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headwater.stores.contract import Append, Committed, Outcome, Rejected, Unit, WorkflowState
from headwater.stores.guards import failed_expectation
from headwater.stores.metadata import metadata_text

from .batch import Batch, expected_versions

__all__ = ["COMMIT_APPENDS", "AppendBatch", "batch_of"]

# A row of the result is about a stream, `number` being its head before, or about a unit that is
# refused, with the version of its workflow.
COMMIT_APPENDS = """
WITH
append AS MATERIALIZED (
  SELECT *
    FROM unnest($3::int[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[],
                $9::bigint[], $10::boolean[])
         WITH ORDINALITY AS given (unit, stream, workflow, workflow_id, lowest, highest, events,
                                   ends, place)
   WHERE (SELECT CASE WHEN $2::boolean THEN set_config('synchronous_commit', 'off', true) END)
         IS DISTINCT FROM ''
),
workflow AS MATERIALIZED (
  SELECT asked.place, found.version, found.ended
    FROM (SELECT place, workflow, workflow_id
            FROM append
           ORDER BY place) AS asked
         CROSS JOIN LATERAL (SELECT version, ended
                               FROM workflows
                              WHERE workflows.workflow = asked.workflow
                                AND workflows.workflow_id = asked.workflow_id
                              LIMIT 1
                                FOR UPDATE) AS found
),
guarded AS MATERIALIZED (
  SELECT append.*, workflow.place IS NULL AS is_new, coalesce(workflow.version, 0) AS version,
         coalesce(workflow.ended, false) AS ended,
         coalesce(workflow.ended, false)
         OR coalesce(workflow.version, 0) NOT BETWEEN append.lowest AND append.highest
           AS is_refused
    FROM append LEFT JOIN workflow USING (place)
),
new_workflow AS (
  INSERT INTO workflows (workflow, workflow_id, version, ended)
  SELECT workflow, workflow_id, events, ends
    FROM guarded
   WHERE is_new
     AND NOT is_refused
   ORDER BY place
  RETURNING 1
),
continued AS (
  UPDATE workflows
     SET version = guarded.version + guarded.events, ended = guarded.ends
    FROM guarded
   WHERE NOT guarded.is_new
     AND NOT guarded.is_refused
     AND workflows.workflow = guarded.workflow
     AND workflows.workflow_id = guarded.workflow_id
  RETURNING 1
),
accepted AS MATERIALIZED (
  SELECT unit, stream, workflow, workflow_id, version, events,
         (sum(events) OVER (PARTITION BY stream ORDER BY unit))::bigint - events AS place_in_stream
    FROM guarded
   WHERE NOT is_refused
),
head AS MATERIALIZED (
  SELECT found.*, asked.events
    FROM (SELECT stream, sum(events)::bigint AS events
            FROM accepted
           WHERE (SELECT count(*) FROM new_workflow) >= 0
             AND (SELECT count(*) FROM continued) >= 0
           GROUP BY stream
           ORDER BY stream) AS asked
         CROSS JOIN LATERAL (SELECT name, head, type = 'ephemeral' AND readers = 0 AS is_dropped
                               FROM streams
                              WHERE name = asked.stream
                              LIMIT 1
                                FOR UPDATE) AS found
),
moved AS (
  UPDATE streams
     SET head = head.head + head.events,
         recorded_at = greatest(coalesce($1::timestamptz, clock_timestamp()), recorded_at),
         dropped = dropped + CASE WHEN is_dropped THEN head.events ELSE 0 END,
         first_offset = CASE WHEN is_dropped THEN head.head + head.events + 1 ELSE first_offset END
    FROM head
   WHERE streams.name = head.name
  RETURNING streams.name, head.head AS head_before, streams.recorded_at, head.is_dropped
),
new_event AS (
  INSERT INTO events (stream, stream_offset, id, name, version, workflow, workflow_id,
                      workflow_version, recorded_at, data, metadata)
  SELECT accepted.stream, moved.head_before + accepted.place_in_stream + given.place, given.id,
         given.name, given.version, accepted.workflow, accepted.workflow_id,
         accepted.version + given.place, moved.recorded_at, given.data, given.metadata
    FROM unnest($11::int[], $12::bigint[], $13::uuid[], $14::text[], $15::bigint[], $16::bytea[],
                $17::text[])
         AS given (unit, place, id, name, version, data, metadata)
         JOIN accepted ON accepted.unit = given.unit
         LEFT JOIN moved ON moved.name = accepted.stream  -- no such stream: its offsets are null
   WHERE moved.is_dropped IS NOT TRUE
)
SELECT name AS stream, head_before AS number, NULL::int AS unit, NULL::boolean AS ended
  FROM moved
 UNION ALL
SELECT NULL, version, unit, ended
  FROM guarded
 WHERE is_refused
"""


def batch_of(units: Sequence[Unit]) -> Batch:
    """The units as a batch, whose statement does no more than they need."""
    return AppendBatch(tuple(units)) if all(map(_only_appends, units)) else Batch(tuple(units))


def _only_appends(unit: Unit) -> bool:
    """Whether all that it does is to append to one workflow."""
    if (
        len(unit.appends) != 1
        or unit.key is not None
        or unit.carries_out is not None
        or unit.sends
        or unit.settlements
        or unit.progress
    ):
        return False
    [append] = unit.appends
    return append.workflow is not None and bool(append.events)


@dataclass(slots=True)
class AppendBatch(Batch):
    """Units that append to one workflow each."""

    @property
    def statement(self) -> str:
        """What writes them."""
        return COMMIT_APPENDS

    def arguments(self, now: datetime | None) -> list[Any]:
        """What the statement takes, in its order. With `None` the time is the database's."""
        appends = [unit.appends[0] for unit in self.units]
        # Rows are locked in the order of the workflows.
        numbered = sorted(enumerate(appends, 1), key=lambda one: _key(one[1]))
        in_order = [append for _, append in numbered]
        ranges = [expected_versions(append) for append in in_order]
        events = [event for append in appends for event in append.events]
        sizes = [len(append.events) for append in appends]
        return [
            now,
            not self.is_durable,
            [number for number, _ in numbered],
            [append.stream for append in in_order],
            [append.workflow for append in in_order],
            [append.workflow_id for append in in_order],
            [lowest for lowest, _ in ranges],
            [highest for _, highest in ranges],
            [len(append.events) for append in in_order],
            [append.events[-1].terminal for append in in_order],
            [number for number, size in enumerate(sizes, 1) for _ in range(size)],
            [place for size in sizes for place in range(1, size + 1)],
            [event.id for event in events],
            [event.name for event in events],
            [event.version for event in events],
            [event.data for event in events],
            [metadata_text(event.metadata) for event in events],
        ]

    def outcomes(self, rows: Iterable[Any]) -> list[Outcome]:
        """How each unit went."""
        refused: dict[int, WorkflowState] = {}
        for stream, number, unit, ended in rows:
            if stream is None:
                refused[unit] = WorkflowState(number, ended)
            else:
                self.heads[stream] = number
        outcomes: list[Outcome] = []
        for number, unit in enumerate(self.units, 1):
            [append] = unit.appends
            if number in refused:
                outcomes.append(_rejected(append, refused[number]))
                continue
            before = self.heads[append.stream]
            self.heads[append.stream] = after = before + len(append.events)
            outcomes.append(Committed(tuple(range(before + 1, after + 1))))
            names = self.appended.setdefault(append.stream, set())
            names.update(event.name for event in append.events)
        return outcomes


def _key(append: Append) -> tuple[str, str]:
    return (append.workflow or "", append.workflow_id)


def _rejected(append: Append, state: WorkflowState) -> Rejected:
    for error in failed_expectation(append, _key(append), state):
        return Rejected(error)
    raise AssertionError("an append was refused, and its guard holds")
