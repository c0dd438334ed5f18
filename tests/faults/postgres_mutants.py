"""Bugs planted in the store in a PostgreSQL database, and the tests that go red for each."""

from __future__ import annotations

from tests.faults.mutants import Mutant

__all__ = ["POSTGRES_MUTANTS"]

CONTRACT = "tests/contract/test_postgres_store.py::TestPostgresStore::"
DATABASE = "tests/contract/test_postgres_database.py::"
TRANSACTIONS = "tests/contract/test_postgres_transactions.py::"
FAULTS = "tests/faults/"
UNITS = "stores/postgres/units.py"
CLAIMS = "stores/postgres/claims.py"

POSTGRES_MUTANTS = (
    Mutant(
        "offsets come from a sequence",
        UNITS,
        (
            (
                "coalesce(workflow.version, 0) + given.events_before AS version_before,\n",
                (
                    "coalesce(workflow.version, 0) + given.events_before AS version_before,\n"
                    "  setval('cursors_id_seq', nextval('cursors_id_seq') + given.events - 1)"
                    " - given.events AS taken,\n"
                ),
            ),
            (
                "moved.head_before + append.place_in_stream + given.place, given.id",
                "append.taken + given.place, given.id",
            ),
            (
                "(moved.head_before + append.place_in_stream)::bigint, NULL",
                "append.taken::bigint, NULL",
            ),
            (
                "SET head = head.head + head.events,\n",
                (
                    "SET head = greatest(head.head, (SELECT max(taken + events) FROM append"
                    " WHERE append.stream = streams.name)),\n"
                ),
            ),
        ),
        (f"{FAULTS}test_interleavings.py",),
    ),
    Mutant(
        "the head lags behind the events on PostgreSQL",
        UNITS,
        (
            (
                "SET head = head.head + head.events,\n",
                "SET head = head.head + head.events - (head.head > 1)::int,\n",
            ),
        ),
        (f"{FAULTS}test_killed_producers.py",),
    ),
    Mutant(
        "the time of an event runs backwards with the clock",
        UNITS,
        (
            (
                "greatest(coalesce($1::timestamptz, clock_timestamp()), recorded_at)",
                "coalesce($1::timestamptz, clock_timestamp())",
            ),
        ),
        (f"{CONTRACT}test_recorded_at_never_runs_backwards",),
    ),
    Mutant(
        "no commit waits for the disk",
        UNITS,
        (("CASE WHEN $2::boolean THEN", "CASE WHEN $2::boolean IS NOT NULL THEN"),),
        (f"{FAULTS}test_restarted_server.py",),
    ),
    Mutant(
        "the expected version is not compared on PostgreSQL",
        UNITS,
        (
            (
                "coalesce(workflow.version, 0) NOT BETWEEN guard.lowest AND guard.highest",
                "coalesce(workflow.version, 0) < guard.lowest AND guard.highest >= 0",
            ),
        ),
        (f"{CONTRACT}test_of_two_writers_at_one_version_the_second_writes_nothing",),
    ),
    Mutant(
        "an ended workflow goes on",
        UNITS,
        (("coalesce(workflow.ended, false)\n", "false\n"),),
        (f"{CONTRACT}test_nothing_follows_a_terminal_event",),
    ),
    Mutant(
        "an idempotency key is not looked up on PostgreSQL",
        UNITS,
        (
            ("WHERE unit.key IS NOT NULL\n", "WHERE unit.key IS NULL\n"),
            (
                "   ORDER BY key\n  RETURNING 1\n",
                "   ORDER BY key\n      ON CONFLICT (key) DO NOTHING\n  RETURNING 1\n",
            ),
        ),
        (f"{DATABASE}test_of_requests_with_one_key_in_two_processes_one_is_written",),
    ),
    Mutant(
        "a claim's token is not compared on PostgreSQL",
        UNITS,
        (("AND deliveries.token = asked.token\n", "AND asked.token <> 0\n"),),
        (f"{FAULTS}test_frozen_consumers.py",),
    ),
    Mutant(
        "a unit whose claim is lost is written all the same",
        UNITS,
        (
            (
                (
                    "  SELECT unit\n    FROM settlement\n"
                    "   WHERE place NOT IN (SELECT place FROM held)\n   UNION\n"
                ),
                "",
            ),
        ),
        (f"{FAULTS}test_frozen_consumers.py",),
    ),
    Mutant(
        "a dead letter is not stored on PostgreSQL",
        UNITS,
        (
            (
                "FROM settlement JOIN letter USING (place)\n   WHERE settlement.unit NOT IN",
                (
                    "FROM settlement JOIN letter USING (place)\n   WHERE place < 0 AND "
                    "settlement.unit NOT IN"
                ),
            ),
        ),
        (f"{FAULTS}test_failing_handlers.py",),
    ),
    Mutant(
        "a cursor's epoch is not compared",
        CLAIMS,
        (
            ("cursors.epoch = streams.epoch\n", "cursors.epoch IS NOT NULL\n"),
            ('row["epoch"] != row["stream_epoch"]:', 'row["epoch"] is None:'),
        ),
        (f"{FAULTS}test_restored_backup.py",),
    ),
    Mutant(
        "the id at a cursor is not compared on PostgreSQL",
        CLAIMS,
        (
            ("(SELECT events.id = cursors.event_id\n", "(SELECT events.id IS NOT NULL\n"),
            (
                'row["found"] is not None and row["found"] != row["event_id"]',
                'row["found"] is not None and row["event_id"] is None',
            ),
        ),
        (f"{FAULTS}test_restored_backup.py",),
    ),
    Mutant(
        "a claim does not notice that another one came between",
        CLAIMS,
        (("FROM wanted JOIN locked USING (id, revision)", "FROM wanted JOIN locked USING (id)"),),
        (
            f"{DATABASE}test_no_event_is_handed_to_two_processes_and_each_lane_to_one_at_a_time",
            f"{FAULTS}test_killed_consumers.py",
        ),
    ),
    Mutant(
        "the cursor passes events that wait in their lane on PostgreSQL",
        CLAIMS,
        (
            (
                "WHERE ahead.stream_offset <= (SELECT read_to FROM reached)\n",
                (
                    "WHERE ahead.stream_offset <= (SELECT read_to FROM reached)\n"
                    "     AND picked.number IS NOT NULL\n"
                ),
            ),
        ),
        (f"{FAULTS}test_killed_consumers.py",),
    ),
    Mutant(
        "events of one workflow do not wait for each other on PostgreSQL",
        CLAIMS,
        (
            (
                "CASE WHEN fresh.sequence = 'workflow' THEN delivery.workflow_id END AS lane",
                "delivery.stream_offset::text AS lane",
            ),
            (
                "CASE WHEN fresh.sequence = 'workflow' THEN ahead.workflow_id END\n",
                "ahead.stream_offset::text\n",
            ),
        ),
        (f"{FAULTS}test_killed_consumers.py",),
    ),
    Mutant(
        "a reply that is lost passes for a refusal",
        "stores/postgres/database.py",
        (
            (
                (
                    "                if is_sent and not is_undone:\n"
                    "                    raise unknown(error) from error\n"
                ),
                (
                    "                if is_sent and not is_undone:\n"
                    "                    raise unavailable(error) from error\n"
                ),
            ),
        ),
        (f"{FAULTS}test_lost_replies.py",),
    ),
    Mutant(
        "what is unknown is tried again",
        "stores/postgres/database.py",
        (
            (
                (
                    "                if is_sent and not is_undone:\n"
                    "                    raise unknown(error) from error\n"
                ),
                "                if is_sent and not is_undone:\n                    continue\n",
            ),
        ),
        (f"{FAULTS}test_lost_replies.py",),
    ),
    Mutant(
        "a handler's statements are outside of its transaction",
        "stores/postgres/lending.py",
        (
            ('isolation_level="READ COMMITTED"', 'isolation_level="AUTOCOMMIT"'),
            (
                "                if not wire.is_in_transaction:\n",
                "                if wire is None:\n",
            ),
            (
                "if not self._wire.is_in_transaction or row[0] != self._started:",
                "if row is None:",
            ),
        ),
        (f"{FAULTS}test_killed_transactions.py",),
    ),
    Mutant(
        "what a handler wrote stays when a guard of its unit fails on PostgreSQL",
        "stores/postgres/lending.py",
        (
            (
                "                await self._undo(outcome)\n                return\n",
                (
                    "                await self.connection.commit()\n"
                    "                await self._undo(outcome)\n                return\n"
                ),
            ),
        ),
        (f"{TRANSACTIONS}test_a_guard_that_fails_undoes_the_handler_s_writes",),
    ),
    Mutant(
        "a transaction may stay open for ever",
        "stores/postgres/wire.py",
        (
            (
                '"idle_in_transaction_session_timeout": f"{self.idle * 1000:.0f}ms"',
                '"idle_in_transaction_session_timeout": "0"',
            ),
        ),
        (f"{FAULTS}test_frozen_transactions.py",),
    ),
    Mutant(
        "a silent server is waited for",
        "stores/postgres/wire.py",
        (
            (
                "        self._timer = loop.call_later(self._wire._reply, self._give_up)\n",
                "        self._timer = loop.call_later(3600.0, self._give_up)\n",
            ),
        ),
        (f"{FAULTS}test_silent_server.py",),
    ),
    Mutant(
        "who listens does not look any more",
        "stores/postgres/store.py",
        (("LISTENING_POLL = 1.0", "LISTENING_POLL = 3600.0"),),
        (f"{FAULTS}test_unheard_notifications.py",),
    ),
)
"""In no order. A test of `tests/faults` is named by its file, and means those on PostgreSQL."""
