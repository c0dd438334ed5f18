"""A batch of units as one statement: guards, locks, heads and rows in one round trip.

The statement is a transaction of its own, so a client that is frozen or killed at any point holds
no lock. It takes them in one order, everywhere the same: cursors by subscription and consumer,
deliveries by cursor and offset, workflows that are there by name and id, idempotency keys,
workflows that are new, heads by name. The heads come last; only the insert of events follows.

Guards are checked on rows that are locked, in their newest version. What is not there cannot be
locked: when two processes create the same workflow or key in one moment, the second one's statement
fails as a whole (`unique_violation`), and is run again on what it can see then.
"""

from __future__ import annotations

__all__ = ["COMMIT_UNITS", "extended"]

# What the rows of the result are about: 1 a unit whose key is known, 2 a settlement whose claim is
# lost, 3 a workflow of a unit that is refused, 4 an append, 5 a unit that is refused; `place` is a
# unit's, a settlement's... A settlement's kind is one of those in `batch.py`.
COMMIT_UNITS = """
WITH
unit AS MATERIALIZED (
  SELECT unit::int, key, fingerprint, answer, kind, stream, stream_offset
    FROM unnest($3::text[], $4::bytea[], $5::bytea[], $55::text[], $56::text[], $57::bigint[])
         WITH ORDINALITY AS given (key, fingerprint, answer, kind, stream, stream_offset, unit)
   WHERE (SELECT CASE WHEN $2::boolean THEN set_config('synchronous_commit', 'off', true) END)
         IS DISTINCT FROM ''
),
known AS MATERIALIZED (
  SELECT unit.unit, found.fingerprint, found.answer
    FROM unit
         CROSS JOIN LATERAL (SELECT fingerprint, answer
                               FROM append_keys
                              WHERE append_keys.key = unit.key
                              LIMIT 1) AS found
   WHERE unit.key IS NOT NULL
),
settlement AS MATERIALIZED (
  SELECT *
    FROM unnest($6::int[], $7::text[], $8::text[], $9::bigint[], $10::bigint[], $11::int[],
                $12::int[], $13::interval[])
         WITH ORDINALITY AS given (unit, subscription, consumer, stream_offset, token, kind,
                                   failures, delay, place)
),
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
held AS MATERIALIZED (
  SELECT asked.unit, asked.place, asked.kind, asked.failures, asked.delay, found.cursor_id,
         found.stream_offset
    FROM (SELECT settlement.*, cursors.id AS cursor_id
            FROM settlement JOIN cursors USING (subscription, consumer)
           WHERE unit NOT IN (SELECT unit FROM known)
             AND (SELECT count(*) FROM counting) >= 0
           ORDER BY cursors.id, stream_offset) AS asked
         CROSS JOIN LATERAL (SELECT cursor_id, stream_offset
                               FROM deliveries
                              WHERE deliveries.cursor_id = asked.cursor_id
                                AND deliveries.stream_offset = asked.stream_offset
                                AND deliveries.token = asked.token
                              LIMIT 1
                                FOR UPDATE) AS found
),
guard AS MATERIALIZED (
  SELECT *
    FROM unnest($14::int[], $15::text[], $16::text[], $17::bigint[], $18::bigint[], $19::bigint[],
                $20::boolean[])
         WITH ORDINALITY AS given (unit, workflow, workflow_id, lowest, highest, events, ends,
                                   place)
),
workflow AS MATERIALIZED (
  SELECT asked.unit, asked.place, found.version, found.ended
    FROM (SELECT *
            FROM guard
           WHERE (SELECT count(*) FROM held) >= 0
           ORDER BY place) AS asked
         CROSS JOIN LATERAL (SELECT version, ended
                               FROM workflows
                              WHERE workflows.workflow = asked.workflow
                                AND workflows.workflow_id = asked.workflow_id
                              LIMIT 1
                                FOR UPDATE) AS found
),
refused AS MATERIALIZED (
  SELECT unit
    FROM known
   UNION
  SELECT unit
    FROM settlement
   WHERE place NOT IN (SELECT place FROM held)
   UNION
  SELECT guard.unit
    FROM guard LEFT JOIN workflow USING (place)
   WHERE coalesce(workflow.ended, false)
      OR coalesce(workflow.version, 0) NOT BETWEEN guard.lowest AND guard.highest
),
new_key AS (
  INSERT INTO append_keys (key, fingerprint, answer, recorded_at, kind, stream, stream_offset)
  SELECT key, fingerprint, answer, coalesce($1::timestamptz, clock_timestamp()), kind, stream,
         stream_offset
    FROM unit
   WHERE key IS NOT NULL AND unit NOT IN (SELECT unit FROM refused)
   ORDER BY key
  RETURNING 1
),
sent AS MATERIALIZED (
  SELECT *
    FROM unnest($35::int[], $36::text[], $37::text[], $38::bytea[], $39::text[], $58::text[],
                $59::text[], $60::bigint[])
         WITH ORDINALITY AS given (unit, key, name, body, request_id, kind, stream, stream_offset,
                                   place)
),
new_command AS (
  INSERT INTO sent_commands (key, name, body, request_id, attempts, due_at, error, sent_at, kind,
                             stream, stream_offset)
  SELECT key, name, body, request_id, 0, moment, '', moment, kind, stream, stream_offset
    FROM (SELECT sent.*, coalesce($1::timestamptz, clock_timestamp()) AS moment
            FROM sent
           WHERE (SELECT count(*) FROM new_key) >= 0) AS asked
   WHERE unit NOT IN (SELECT unit FROM refused)
     AND NOT EXISTS (SELECT 1 FROM append_keys WHERE append_keys.key = asked.key)
   ORDER BY place
      ON CONFLICT (key) DO NOTHING
  RETURNING 1
),
new_workflow AS (
  INSERT INTO workflows (workflow, workflow_id, version, ended)
  SELECT guard.workflow, guard.workflow_id, guard.events, guard.ends
    FROM guard LEFT JOIN workflow USING (place)
   WHERE workflow.place IS NULL
     AND guard.events > 0
     AND guard.unit NOT IN (SELECT unit FROM refused)
     AND (SELECT count(*) FROM new_command) >= 0
   ORDER BY place
  RETURNING 1
),
continued AS (
  UPDATE workflows
     SET version = workflow.version + guard.events, ended = guard.ends
    FROM guard JOIN workflow USING (place)
   WHERE guard.events > 0
     AND guard.unit NOT IN (SELECT unit FROM refused)
     AND workflows.workflow = guard.workflow
     AND workflows.workflow_id = guard.workflow_id
  RETURNING 1
),
append AS MATERIALIZED (
  SELECT given.*, coalesce(workflow.version, 0) + given.events_before AS version_before,
         (sum(given.events) OVER (PARTITION BY given.stream ORDER BY given.place))::bigint
           - given.events AS place_in_stream
    FROM unnest($21::int[], $22::text[], $23::text[], $24::text[], $25::bigint[], $26::bigint[],
                $27::bigint[])
         WITH ORDINALITY AS given (unit, stream, workflow, workflow_id, guard, events_before,
                                   events, place)
         LEFT JOIN workflow ON workflow.place = given.guard
   WHERE given.unit NOT IN (SELECT unit FROM refused)
),
letter AS MATERIALIZED (
  SELECT *
    FROM unnest($42::bigint[], $43::text[], $44::uuid[], $45::text[], $46::bigint[], $47::text[],
                $48::text[], $49::bigint[], $50::timestamptz[], $51::bytea[], $52::text[],
                $53::text[], $54::bigint[])
         AS given (place, stream, id, name, version, workflow, workflow_id, workflow_version,
                   recorded_at, data, metadata, error, attempts)
),
new_letter AS (
  INSERT INTO dead_letters (subscription, consumer, stream, stream_offset, id, name, version,
                            workflow, workflow_id, workflow_version, recorded_at, data, metadata,
                            error, attempts, set_aside_at, behind, unread)
  SELECT subscription, consumer, letter.stream, settlement.stream_offset, letter.id, letter.name,
         letter.version, letter.workflow, letter.workflow_id, letter.workflow_version,
         letter.recorded_at, letter.data, letter.metadata, letter.error, letter.attempts,
         coalesce($1::timestamptz, clock_timestamp()), false, false
    FROM settlement JOIN letter USING (place)
   WHERE settlement.unit NOT IN (SELECT unit FROM refused)
   ORDER BY place
  RETURNING 1
),
settled AS (
  DELETE FROM deliveries
   USING held
   WHERE held.kind NOT IN (1, 3)
     AND held.unit NOT IN (SELECT unit FROM refused)
     AND deliveries.cursor_id = held.cursor_id
     AND deliveries.stream_offset = held.stream_offset
  RETURNING 1
),
put_back AS (
  UPDATE deliveries
     SET token = 0, holder = '', failures = deliveries.failures + held.failures,
         due_at = coalesce($1::timestamptz, clock_timestamp()) + held.delay,
         held = held.kind = 3
    FROM held
   WHERE held.kind IN (1, 3)
     AND held.unit NOT IN (SELECT unit FROM refused)
     AND deliveries.cursor_id = held.cursor_id
     AND deliveries.stream_offset = held.stream_offset
  RETURNING 1
),
skipped AS (
  UPDATE cursors
     SET skipped = cursors.skipped + found.events
    FROM (SELECT cursor_id, count(*) AS events
            FROM held
           WHERE kind = 4
             AND unit NOT IN (SELECT unit FROM refused)
           GROUP BY cursor_id) AS found
   WHERE cursors.id = found.cursor_id
  RETURNING 1
),
carried_out AS (
  DELETE FROM sent_commands
   USING unnest($40::int[], $41::text[]) AS given (unit, key)
   WHERE sent_commands.key = given.key
     AND (given.unit NOT IN (SELECT unit FROM refused)
          OR given.unit IN (SELECT unit FROM known))
  RETURNING 1
),
head AS MATERIALIZED (
  SELECT found.*, asked.events
    FROM (SELECT stream, sum(events)::bigint AS events
            FROM append
           WHERE (SELECT count(*) FROM new_workflow) >= 0
             AND (SELECT count(*) FROM continued) >= 0
             AND (SELECT count(*) FROM new_letter) >= 0
             AND (SELECT count(*) FROM settled) >= 0
             AND (SELECT count(*) FROM put_back) >= 0
             AND (SELECT count(*) FROM skipped) >= 0
             AND (SELECT count(*) FROM carried_out) >= 0
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
  SELECT append.stream, moved.head_before + append.place_in_stream + given.place, given.id,
         given.name, given.version, append.workflow, append.workflow_id,
         CASE WHEN append.workflow IS NOT NULL THEN append.version_before + given.place END,
         moved.recorded_at, given.data, given.metadata
    FROM unnest($28::bigint[], $29::bigint[], $30::uuid[], $31::text[], $32::bigint[],
                $33::bytea[], $34::text[])
         AS given (append, place, id, name, version, data, metadata)
         JOIN append ON append.place = given.append
         LEFT JOIN moved ON moved.name = append.stream  -- no such stream: its offsets are null
   WHERE moved.is_dropped IS NOT TRUE
)
SELECT 1 AS about, unit::bigint AS place, NULL::bigint AS number, NULL::boolean AS ended,
       fingerprint, answer
  FROM known
 UNION ALL
SELECT 2, place, NULL, NULL, NULL, NULL
  FROM settlement
 WHERE place NOT IN (SELECT place FROM held)
 UNION ALL
SELECT 3, place, version, ended, NULL, NULL
  FROM workflow
 WHERE unit IN (SELECT unit FROM refused)
 UNION ALL
SELECT 4, append.place, (moved.head_before + append.place_in_stream)::bigint, NULL, NULL, NULL
  FROM append JOIN moved ON moved.name = append.stream
 UNION ALL
SELECT 5, unit, NULL, NULL, NULL, NULL
  FROM refused
"""


def extended(statement: str, *places: tuple[str, str]) -> str:
    """The statement with more at these places, each of which it has once."""
    for place, more in places:
        if statement.count(place) != 1:
            raise AssertionError(f"{statement.count(place)} times there: {place}")
        statement = statement.replace(place, more)
    return statement
