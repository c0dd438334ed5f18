"""A batch of units as one statement: guards, locks, heads and rows in one round trip.

The statement is a transaction of its own, so a client that is frozen or killed at any point holds
no lock. It takes them in one order, everywhere the same: deliveries by cursor and offset, workflows
that are there by name and id, idempotency keys, workflows that are new, heads by name. The heads
come last; only the insert of events follows.

Guards are checked on rows that are locked, in their newest version. What is not there cannot be
locked: when two processes create the same workflow or key in one moment, the second one's statement
fails as a whole (`unique_violation`), and is run again on what it can see then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from headwater.errors import DeliveryLostError
from headwater.stores.contract import (
    Acknowledge,
    Answer,
    Append,
    Committed,
    Exactly,
    Expect,
    FeedKey,
    Outcome,
    PutBack,
    Rejected,
    SetAside,
    Settlement,
    Skip,
    Unit,
    WorkflowState,
)
from headwater.stores.guards import answered, failed_expectation, feed_name

from .rows import metadata_text

__all__ = ["COMMIT_UNITS", "Batch", "batches"]

NEVER = 2**62  # a version that no workflow has
NO_TOKEN = -1  # of a settlement that cannot hold
ACKNOWLEDGED, PUT_BACK, SET_ASIDE, HELD_BACK, SKIPPED = 0, 1, 2, 3, 4

# What the rows of the statement's result are about; `place` is a unit's, a settlement's...
KNOWN, LOST, WORKFLOW, APPENDED, REFUSED = 1, 2, 3, 4, 5

COMMIT_UNITS = """
WITH
unit AS MATERIALIZED (
  SELECT unit::int, key, fingerprint, answer
    FROM unnest($3::text[], $4::bytea[], $5::bytea[])
         WITH ORDINALITY AS given (key, fingerprint, answer, unit)
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
  INSERT INTO append_keys (key, fingerprint, answer, recorded_at)
  SELECT key, fingerprint, answer, coalesce($1::timestamptz, clock_timestamp())
    FROM unit
   WHERE key IS NOT NULL AND unit NOT IN (SELECT unit FROM refused)
   ORDER BY key
  RETURNING 1
),
sent AS MATERIALIZED (
  SELECT *
    FROM unnest($35::int[], $36::text[], $37::text[], $38::bytea[], $39::text[])
         WITH ORDINALITY AS given (unit, key, name, body, request_id, place)
),
new_command AS (
  INSERT INTO sent_commands (key, name, body, request_id, attempts, due_at, error, sent_at)
  SELECT key, name, body, request_id, 0, moment, '', moment
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
                            error, attempts, set_aside_at)
  SELECT subscription, consumer, letter.stream, settlement.stream_offset, letter.id, letter.name,
         letter.version, letter.workflow, letter.workflow_id, letter.workflow_version,
         letter.recorded_at, letter.data, letter.metadata, letter.error, letter.attempts,
         coalesce($1::timestamptz, clock_timestamp())
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


def batches(units: Sequence[Unit]) -> Iterator[tuple[Unit, ...]]:
    """The units in order, in batches that hold no two which have to see each other."""
    batch: list[Unit] = []
    taken: set[object] = set()
    for unit in units:
        touched = set(_touched(unit))
        if batch and not taken.isdisjoint(touched):
            yield tuple(batch)
            batch, taken = [], set()
        batch.append(unit)
        taken |= touched
    if batch:
        yield tuple(batch)


def _touched(unit: Unit) -> Iterator[object]:
    if unit.key is not None:
        yield unit.key.key
    if unit.carries_out is not None:
        yield unit.carries_out
    for command in unit.sends:
        yield command.key
    for append in unit.appends:
        if append.workflow is not None:
            yield (append.workflow, append.workflow_id)
    for settlement in unit.settlements:
        yield (settlement.claim.feed, settlement.claim.event.offset)


@dataclass(slots=True)
class _Guard:
    """What one unit expects of one workflow: a version in this range, and that it goes on."""

    unit: int
    lowest: int = 0
    highest: int = NEVER
    events: int = 0
    ends: bool = False

    def add(self, append: Append) -> None:
        """Take in an append, which comes after those before it."""
        match append.expect:
            case Expect.ANY:
                pass
            case Expect.NEW:
                self._require(0, 0)
            case Expect.EXISTS:
                self._require(1, NEVER)
            case Exactly(version):
                self._require(version, version)
        if self.ends or any(event.terminal for event in append.events[:-1]):
            self.lowest, self.highest = NEVER, 0  # nothing follows a terminal event
        self.events += len(append.events)
        self.ends = any(event.terminal for event in append.events)

    def _require(self, lowest: int, highest: int) -> None:
        """Of the version before this append, so less what the unit has added by then."""
        self.lowest = max(self.lowest, lowest - self.events)
        self.highest = min(self.highest, highest - self.events)


@dataclass(slots=True)
class Batch:
    """Units on their way into one statement, and its result on the way back."""

    units: tuple[Unit, ...]
    woken: set[FeedKey] = field(default_factory=set)
    """Feeds that may have something to hand out, once it is decoded."""
    appended: dict[str, set[str]] = field(default_factory=dict)
    """Streams, and the names of their new events."""
    heads: dict[str, int] = field(default_factory=dict)
    """Streams, and the offsets of their newest events."""
    sent: bool = False
    """Whether there may be stored commands to execute."""
    _guards: dict[tuple[str, str], int] = field(default_factory=dict)  # to their places

    @property
    def is_durable(self) -> bool:
        """Whether it has to survive the machine's failure."""
        return any(unit.durable for unit in self.units)

    def arguments(self, now: datetime | None) -> list[Any]:
        """What the statement takes, in its order. With `None` the time is the database's."""
        columns = _Columns()
        guards: dict[tuple[str, str], _Guard] = {}
        for number, unit in enumerate(self.units, 1):
            for append in unit.appends:
                if append.workflow is not None:
                    key = (append.workflow, append.workflow_id)
                    guards.setdefault(key, _Guard(number)).add(append)
        # Rows are locked in the order of these places.
        self._guards = {key: place for place, key in enumerate(sorted(guards), 1)}
        for key in self._guards:
            columns.add_guard(key, guards[key])
        for number, unit in enumerate(self.units, 1):
            columns.add_unit(number, unit, self._guards)
        return [now, not self.is_durable, *columns.arguments()]

    def outcomes(self, rows: Iterable[Any]) -> list[Outcome]:
        """How each unit went."""
        known: dict[int, Answer] = {}
        lost: set[int] = set()
        states: dict[int, WorkflowState] = {}
        offsets: dict[int, int] = {}
        refused: set[int] = set()
        for about, place, number, ended, fingerprint, answer in rows:
            if about == APPENDED:
                offsets[place] = number
            elif about == REFUSED:
                refused.add(place)
            elif about == WORKFLOW:
                states[place] = WorkflowState(number, ended)
            elif about == LOST:
                lost.add(place)
            else:
                known[place] = Answer(fingerprint, answer)
        outcomes: list[Outcome] = []
        append_place = settlement_place = 0
        for number, unit in enumerate(self.units, 1):
            if number not in refused:
                written: list[int] = []
                for place, append in enumerate(unit.appends, append_place + 1):
                    if append.events:
                        before = offsets[place]
                        head = before + len(append.events)
                        written.extend(range(before + 1, head + 1))
                        self.heads[append.stream] = max(head, self.heads.get(append.stream, 0))
                outcomes.append(Committed(tuple(written)))
                self._note(unit)
            elif number in known and unit.key is not None:
                outcomes.append(answered(unit.key, known[number]))
            else:
                outcomes.append(self._rejection(unit, states, lost, settlement_place))
            append_place += len(unit.appends)
            settlement_place += len(unit.settlements)
        return outcomes

    def _note(self, unit: Unit) -> None:
        for append in unit.appends:
            if append.events:
                names = self.appended.setdefault(append.stream, set())
                names.update(event.name for event in append.events)
        self.woken.update(settlement.claim.feed for settlement in unit.settlements)
        self.sent = self.sent or bool(unit.sends)

    def _rejection(
        self, unit: Unit, states: dict[int, WorkflowState], lost: set[int], settlements: int
    ) -> Rejected:
        """The first guard of the unit that failed, in the unit's order."""
        reached: dict[tuple[str, str], WorkflowState] = {}
        for append in unit.appends:
            if append.workflow is not None:
                key = (append.workflow, append.workflow_id)
                state = reached.get(key) or states.get(self._guards[key], WorkflowState())
                for error in failed_expectation(append, key, state):
                    return Rejected(error)
                reached[key] = WorkflowState(
                    state.version + len(append.events), any(one.terminal for one in append.events)
                )
        for place, settlement in enumerate(unit.settlements, settlements + 1):
            if place in lost:
                claim = settlement.claim
                return Rejected(DeliveryLostError(feed_name(claim.feed), claim.event.offset))
        raise AssertionError("a unit was refused, and all its guards hold")


class _Columns:
    """The statement's arrays, as rows of those that belong together."""

    def __init__(self) -> None:
        self._keys: list[tuple[Any, ...]] = []
        self._settlements: list[tuple[Any, ...]] = []
        self._guards: list[tuple[Any, ...]] = []
        self._appends: list[tuple[Any, ...]] = []
        self._events: list[tuple[Any, ...]] = []
        self._sends: list[tuple[Any, ...]] = []
        self._done: list[tuple[Any, ...]] = []
        self._letters: list[tuple[Any, ...]] = []

    def add_guard(self, key: tuple[str, str], guard: _Guard) -> None:
        """Have what is expected of a workflow."""
        self._guards.append(
            (guard.unit, *key, guard.lowest, guard.highest, guard.events, guard.ends)
        )

    def add_unit(self, number: int, unit: Unit, guards: dict[tuple[str, str], int]) -> None:
        """Have a unit with all that it writes."""
        key = unit.key
        self._keys.append(
            (None, None, None)
            if key is None
            else (key.key, key.answer.fingerprint, key.answer.content)
        )
        before: dict[int | None, int] = {}
        for append in unit.appends:
            guard = None if append.workflow is None else guards[append.workflow, append.workflow_id]
            self._add_append(number, append, guard, before.get(guard, 0))
            before[guard] = before.get(guard, 0) + len(append.events)
        settled: set[tuple[FeedKey, int]] = set()
        for settlement in unit.settlements:
            claim = settlement.claim
            place = (claim.feed, claim.event.offset)
            self._add_settlement(number, settlement, is_repeated=place in settled)
            settled.add(place)
        for command in unit.sends:
            self._sends.append(
                (number, command.key, command.name, command.body, command.request_id)
            )
        if unit.carries_out is not None:
            self._done.append((number, unit.carries_out))

    def _add_append(self, number: int, append: Append, guard: int | None, before: int) -> None:
        self._appends.append(
            (
                number,
                append.stream,
                append.workflow,
                append.workflow_id,
                guard,
                before,
                len(append.events),
            )
        )
        appends = len(self._appends)
        for place, event in enumerate(append.events, 1):
            self._events.append(
                (
                    appends,
                    place,
                    event.id,
                    event.name,
                    event.version,
                    event.data,
                    metadata_text(event.metadata),
                )
            )

    def _add_settlement(self, number: int, settlement: Settlement, *, is_repeated: bool) -> None:
        claim = settlement.claim
        kind, failures, delay = ACKNOWLEDGED, 0, None
        match settlement:
            case Acknowledge():
                pass
            case PutBack(_, failed, seconds, held):
                kind, failures = HELD_BACK if held else PUT_BACK, int(failed)
                delay = timedelta(seconds=seconds) if seconds > 0 else None
            case SetAside():
                kind = SET_ASIDE
            case Skip():
                kind = SKIPPED
        self._settlements.append(
            (
                number,
                claim.feed.subscription,
                claim.feed.consumer or "",
                claim.event.offset,
                NO_TOKEN if is_repeated else claim.token,
                kind,
                failures,
                delay,
            )
        )
        if isinstance(settlement, SetAside):
            event = claim.event
            self._letters.append(
                (
                    len(self._settlements),
                    event.stream,
                    event.id,
                    event.name,
                    event.version,
                    event.workflow,
                    event.workflow_id,
                    event.workflow_version,
                    event.recorded_at,
                    event.data,
                    metadata_text(event.metadata),
                    settlement.error,
                    claim.attempt,
                )
            )

    def arguments(self) -> Iterator[Sequence[Any]]:
        """The columns, in the statement's order."""
        for rows, width in (
            (self._keys, 3),
            (self._settlements, 8),
            (self._guards, 7),
            (self._appends, 7),
            (self._events, 7),
            (self._sends, 5),
            (self._done, 2),
            (self._letters, 13),
        ):
            yield from zip(*rows, strict=True) if rows else [()] * width
