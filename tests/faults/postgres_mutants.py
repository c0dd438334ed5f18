"""Bugs planted in the store in a PostgreSQL database, and the tests that go red for each."""

from __future__ import annotations

from tests.faults.mutants import EXACTLY_ONCE, LATE_CLAIM, Mutant

__all__ = ["POSTGRES_MUTANTS"]

CONTRACT = "tests/contract/test_postgres_store.py::TestPostgresStore::"
AMONG_OTHERS = "tests/contract/test_postgres_store.py::TestAppendsAmongUnitsOfOtherKinds::"
DATABASE = "tests/contract/test_postgres_database.py::"
TRANSACTIONS = "tests/contract/test_postgres_transactions.py::"
FAULTS = "tests/faults/"
UNITS = "stores/postgres/units.py"
APPENDS = "stores/postgres/appends.py"
CLAIMS = "stores/postgres/claims.py"
RESETS = "stores/postgres/resets.py"

POSTGRES_MUTANTS = (
    Mutant(
        "an effect is committed although its claim is lost on PostgreSQL",
        "stores/postgres/lending.py",
        (
            (
                "outcome.earlier is not None:\n                await self._undo(outcome)\n",
                (
                    "outcome.earlier is not None:\n"
                    "                await self.connection.commit()\n"
                    "                await self._give_back()\n"
                    "                self.ended.set_result(outcome)\n"
                ),
            ),
        ),
        (EXACTLY_ONCE,),
    ),
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
        "offsets of units that only append come from a sequence",
        APPENDS,
        (
            (
                "SELECT unit, stream, workflow, workflow_id, version, events,\n",
                (
                    "SELECT unit, stream, workflow, workflow_id, version, events,\n"
                    "  setval('cursors_id_seq', nextval('cursors_id_seq') + events - 1)"
                    " - events AS taken,\n"
                ),
            ),
            (
                "moved.head_before + accepted.place_in_stream + given.place, given.id",
                "accepted.taken + given.place, given.id",
            ),
            (
                "SET head = head.head + head.events,\n",
                (
                    "SET head = greatest(head.head, (SELECT max(taken + events) FROM accepted"
                    " WHERE accepted.stream = streams.name)),\n"
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
        (f"{AMONG_OTHERS}test_offsets_are_1_to_n_in_the_order_of_the_commits",),
    ),
    Mutant(
        "the head lags behind the events of units that only append",
        APPENDS,
        (
            (
                "SET head = head.head + head.events,\n",
                "SET head = head.head + head.events - (head.head > 1)::int,\n",
            ),
        ),
        (f"{FAULTS}test_killed_producers.py",),
    ),
    Mutant(
        "the time of an event that is only appended runs backwards with the clock",
        APPENDS,
        (
            (
                "greatest(coalesce($1::timestamptz, clock_timestamp()), recorded_at)",
                "coalesce($1::timestamptz, clock_timestamp())",
            ),
        ),
        (f"{CONTRACT}test_recorded_at_never_runs_backwards",),
    ),
    Mutant(
        "the expected version of a unit that only appends is not compared",
        APPENDS,
        (
            (
                "coalesce(workflow.version, 0) NOT BETWEEN append.lowest AND append.highest\n",
                "coalesce(workflow.version, 0) < append.lowest AND append.highest >= 0\n",
            ),
        ),
        (f"{CONTRACT}test_of_two_writers_at_one_version_the_second_writes_nothing",),
    ),
    Mutant(
        "an ended workflow goes on with a unit that only appends",
        APPENDS,
        (("         coalesce(workflow.ended, false)\n         OR ", "         "),),
        (f"{CONTRACT}test_nothing_follows_a_terminal_event",),
    ),
    Mutant(
        "a commit of units that only append does not wait for the disk",
        APPENDS,
        (("CASE WHEN $2::boolean THEN", "CASE WHEN $2::boolean IS NOT NULL THEN"),),
        (f"{FAULTS}test_restarted_server.py",),
    ),
    Mutant(
        "units that only append lock their workflows in the order in which they came",
        APPENDS,
        (
            (
                "numbered = sorted(enumerate(appends, 1), key=lambda one: _key(one[1]))",
                "numbered = [*enumerate(appends, 1)]",
            ),
        ),
        (f"{DATABASE}test_workflows_are_locked_in_one_order_whatever_the_order_of_the_units",),
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
        (f"{AMONG_OTHERS}test_recorded_at_never_runs_backwards",),
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
        (f"{AMONG_OTHERS}test_of_two_writers_at_one_version_the_second_writes_nothing",),
    ),
    Mutant(
        "an ended workflow goes on",
        UNITS,
        (("coalesce(workflow.ended, false)\n", "false\n"),),
        (f"{AMONG_OTHERS}test_nothing_follows_a_terminal_event",),
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
        (f"{CONTRACT}{LATE_CLAIM}", f"{FAULTS}test_frozen_consumers.py"),
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
                (
                    "WHERE ahead.stream_offset <= (SELECT read_to FROM reached) "
                    "AND NOT ahead.is_behind\n"
                ),
                (
                    "WHERE ahead.stream_offset <= (SELECT read_to FROM reached)\n"
                    "     AND NOT ahead.is_behind\n"
                    "     AND given.number IS NOT NULL\n"
                ),
            ),
        ),
        (
            f"{CONTRACT}test_an_event_waits_for_the_one_before_it_in_its_workflow",
            f"{FAULTS}test_killed_consumers.py",
        ),
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
    Mutant(
        "later events of a workflow pass its dead letter on PostgreSQL",
        "stores/postgres/claims.py",
        (("           WHERE NOT ahead.is_behind) AS each", "         ) AS each"),),
        (f"{CONTRACT}test_later_events_of_a_workflow_are_set_aside_behind_its_dead_letter",),
    ),
    Mutant(
        "what was taken before its workflow had a dead letter is handed out on PostgreSQL",
        "stores/postgres/claims.py",
        (("           WHERE NOT delivery.is_behind\n", ""),),
        (f"{CONTRACT}test_what_was_taken_already_waits_as_well",),
    ),
    Mutant(
        "what is behind a dead letter is set aside again and again on PostgreSQL",
        "stores/postgres/claims.py",
        (
            (
                "                        AND dead_letters.stream_offset = events.stream_offset)\n",
                "                        AND dead_letters.stream_offset = -1)\n",
            ),
        ),
        (f"{CONTRACT}test_what_is_behind_already_is_not_set_aside_twice",),
    ),
    Mutant(
        "what is read too late is read all the same on PostgreSQL",
        "stores/postgres/receipts.py",
        (
            (
                "   AND state = 'delivered'\n   AND ($4::bigint[] IS NULL",
                "   AND ($4::bigint[] IS NULL",
            ),
        ),
        (f"{CONTRACT}test_what_is_not_read_in_time_is_dropped",),
    ),
    Mutant(
        "what was read counts as delivered only, once it is acknowledged on PostgreSQL",
        "stores/postgres/receiving.py",
        (("   WHERE read_receipts.state <> 'read'\n", ""),),
        (f"{CONTRACT}test_what_was_read_in_hand_stays_read",),
    ),
    Mutant(
        "an event is noted as delivered whether it is acknowledged or not on PostgreSQL",
        "stores/postgres/receiving.py",
        (("   WHERE settlement.unit NOT IN (SELECT unit FROM refused)\n", ""),),
        (f"{CONTRACT}test_an_event_is_delivered_once_that_is_acknowledged_and_not_before",),
    ),
    Mutant(
        "receipts are locked before the cursors of their recipients on PostgreSQL",
        "stores/postgres/receipts.py",
        (
            (
                " ORDER BY subscription, consumer\n   FOR UPDATE\n",
                " ORDER BY subscription, consumer\n",
            ),
        ),
        (
            (
                f"{DATABASE}test_who_ends_what_is_unread_waits_for_a_recipient_before_it_has_any_"
                "receipt"
            ),
        ),
    ),
    Mutant(
        "what is read is ended all the same when its time is up on PostgreSQL",
        "stores/postgres/receipts.py",
        (
            (
                (
                    "SET state = 'read', read_at = coalesce($3::timestamptz, clock_timestamp()), "
                    "due_at = NULL\n"
                ),
                "SET state = 'read', read_at = coalesce($3::timestamptz, clock_timestamp())\n",
            ),
        ),
        (f"{CONTRACT}test_what_is_not_read_in_time_is_dropped",),
    ),
    Mutant(
        "later events of a workflow wait behind what was not read on PostgreSQL",
        CLAIMS,
        (
            (
                (
                    "AND dead_letters.stream_offset < found.stream_offset\n"
                    "                          AND NOT dead_letters.unread) AS is_behind"
                ),
                "AND dead_letters.stream_offset < found.stream_offset) AS is_behind",
            ),
            (
                "                            AND NOT dead_letters.unread) AS has_letters",
                "                            ) AS has_letters",
            ),
        ),
        (f"{CONTRACT}test_nothing_waits_behind_what_was_not_read",),
    ),
    Mutant(
        "what was handed out before a reset settles what comes after it on PostgreSQL",
        RESETS,
        (("        await wire.fetch(_DELETE_DELIVERIES, one.id)\n", ""),),
        (f"{CONTRACT}test_what_was_handed_out_before_a_reset_settles_nothing",),
    ),
    Mutant(
        "an owner of a partition writes on after a reset on PostgreSQL",
        RESETS,
        (
            (
                "revision = revision + 1, owner = '', owner_epoch = owner_epoch + 1,\n",
                "revision = revision + 1,\n",
            ),
        ),
        (f"{CONTRACT}test_a_partition_that_is_reset_has_no_owner_and_refuses_its_progress",),
    ),
    Mutant(
        "a reset does not ask who reads on PostgreSQL",
        RESETS,
        ((".require_none(subscription)\n", "\n"),),
        (f"{CONTRACT}test_a_reset_is_refused_while_somebody_reads",),
    ),
    Mutant(
        "the dry run of a reset is none on PostgreSQL",
        RESETS,
        (("    if dry_run:\n        return resets\n", ""),),
        (f"{CONTRACT}test_a_reset_delivers_again_and_skips_just_what_it_says",),
    ),
    Mutant(
        "a reset leaves receipts of what is delivered again on PostgreSQL",
        RESETS,
        (("stream_offset > $3 AND state <> 'read'", "stream_offset < 0 AND $3 <> 0"),),
        (f"{CONTRACT}test_after_a_reset_what_is_not_read_is_as_if_it_had_never_been_delivered",),
    ),
)
"""In no order. A test of `tests/faults` is named by its file, and means those on PostgreSQL."""
