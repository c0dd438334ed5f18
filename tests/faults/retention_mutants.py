"""Bugs planted in what removes old events and tells readers of it, and the tests that go red."""

from __future__ import annotations

from tests.faults.mutants import Mutant

__all__ = ["POSTGRES_RETENTION_MUTANTS", "RETENTION_MUTANTS"]

CONTRACT = "tests/contract/test_sqlite_store.py::TestSqliteStore::"
ON_POSTGRES = "tests/contract/test_postgres_store.py::TestPostgresStore::"

RETENTION_MUTANTS = (
    Mutant(
        "a key goes while its event may come again",
        "stores/sqlite/keys.py",
        (
            (
                "   AND stream_offset NOT IN (SELECT stream_offset\n",
                "   AND 0 NOT IN (SELECT stream_offset\n",
            ),
        ),
        (
            "tests/faults/test_forgotten_keys.py",
            f"{CONTRACT}test_what_was_sent_for_a_dead_letter_is_known_until_nobody_can_requeue_it",
        ),
    ),
    Mutant(
        "keys of another service's events go by the clock",
        "stores/sqlite/keys.py",
        (("if kind is not KeyKind.INGEST:", "if kind:"),),
        (f"{CONTRACT}test_keys_of_another_service_s_events_are_as_old_as_the_newest_one_is_newer",),
    ),
    Mutant(
        "retention does not compare its lease",
        "stores/sqlite/retention.py",
        (
            (
                "    require_lease(transaction, lease)\n    transaction.flush_feeds()\n    head = ",
                "    transaction.flush_feeds()\n    head = ",
            ),
        ),
        (f"{CONTRACT}test_who_has_lost_the_lease_changes_nothing",),
    ),
    Mutant(
        "a lease is taken from one who has it",
        "stores/sqlite/leases.py",
        (("OR leases.expires_at <= ?", "OR leases.expires_at <> ?"),),
        (f"{CONTRACT}test_a_lease_has_one_owner_at_a_time",),
    ),
    Mutant(
        "an epoch does not grow with a new owner",
        "stores/sqlite/leases.py",
        (("leases.epoch + (leases.owner <> excluded.owner)", "leases.epoch"),),
        (f"{CONTRACT}test_a_lease_has_one_owner_at_a_time",),
    ),
    Mutant(
        "retention waits for nobody",
        "stores/sqlite/retention.py",
        (("    reached = min(through, max(settled, regardless))\n", "    reached = through\n"),),
        (f"{CONTRACT}test_what_a_cursor_is_still_to_settle_is_held",),
    ),
    Mutant(
        "retention does not wait for what was taken",
        "stores/sqlite/retention.py",
        (("for one in (self.unsettled, self.wanted, ", "for one in (self.wanted, "),),
        (f"{CONTRACT}test_what_a_cursor_is_still_to_settle_is_held",),
    ),
    Mutant(
        "who is moved behind what is gone is told nothing",
        "stores/sqlite/retention.py",
        (("first = cursor.wanted if is_missed else None", "first = None"),),
        (f"{CONTRACT}test_a_reader_is_told_what_it_has_missed_before_it_is_given_more",),
    ),
    Mutant(
        "what is in hand is swept away",
        "stores/sqlite/retention.py",
        (
            (
                "WHERE cursors.stream = ?1 AND deliveries.stream_offset < ?3",
                "WHERE false AND ?3 = 0",
            ),
        ),
        (f"{CONTRACT}test_what_was_taken_keeps_its_bytes_until_it_is_settled",),
    ),
    Mutant(
        "a requeued dead letter has no event any more",
        "stores/sqlite/letters.py",
        (("if head.is_ephemeral or offset < head.first_offset:", "if head.is_ephemeral:"),),
        (f"{CONTRACT}test_a_dead_letter_outlives_its_event_and_comes_again",),
    ),
    Mutant(
        "a gap is passed over by its reader",
        "subscriptions/reader.py",
        (
            (
                "        raise error\n\n    @property\n    def _is_interrupted",
                "        return\n\n    @property\n    def _is_interrupted",
            ),
        ),
        ("tests/unit/runtime/test_retention.py::test_a_session_is_told_once_and_goes_on",),
    ),
    Mutant(
        "a replay goes on behind a gap",
        "subscriptions/replay.py",
        (
            (
                "            if not page or page[0].offset != after + 1:\n",
                "            if after < 0:\n",
            ),
        ),
        ("tests/unit/runtime/test_retention.py::test_a_replay_that_is_overtaken_says_so",),
    ),
)
"""In no order."""

POSTGRES_RETENTION_MUTANTS = (
    Mutant(
        "a key goes while its event may come again on PostgreSQL",
        "stores/postgres/keys.py",
        (("     AND stream_offset NOT IN (SELECT stream_offset FROM needed)\n", ""),),
        (
            f"{ON_POSTGRES}test_what_was_sent_for_a_dead_letter_is_known_until_nobody_can_requeue_it",
        ),
    ),
    Mutant(
        "keys are removed without comparing the lease",
        "stores/postgres/keys.py",
        (("    await require_lease(wire, lease)\n", ""),),
        (f"{ON_POSTGRES}test_nothing_is_forgotten_under_a_lease_that_was_lost",),
    ),
    Mutant(
        "retention does not compare its lease on PostgreSQL",
        "stores/postgres/retention.py",
        (
            (
                "    await require_lease(wire, lease)\n    known = ",
                "    known = ",
            ),
        ),
        (f"{ON_POSTGRES}test_who_has_lost_the_lease_changes_nothing",),
    ),
    Mutant(
        "an epoch does not grow with a new owner on PostgreSQL",
        "stores/postgres/leases.py",
        (("leases.epoch + (leases.owner <> excluded.owner)::int", "leases.epoch"),),
        (f"{ON_POSTGRES}test_a_lease_has_one_owner_at_a_time",),
    ),
    Mutant(
        "retention waits for nobody on PostgreSQL",
        "stores/postgres/retention.py",
        (("    reached = min(through, max(settled, regardless))\n", "    reached = through\n"),),
        (f"{ON_POSTGRES}test_what_a_cursor_is_still_to_settle_is_held",),
    ),
    Mutant(
        "who is moved behind what is gone is told nothing on PostgreSQL",
        "stores/postgres/retention.py",
        (("missed = cursor.wanted if is_missed else None", "missed = None"),),
        (f"{ON_POSTGRES}test_a_reader_is_told_what_it_has_missed_before_it_is_given_more",),
    ),
    Mutant(
        "what is in hand is swept away on PostgreSQL",
        "stores/postgres/retention.py",
        (("     AND stream_offset NOT IN (SELECT stream_offset FROM needed)\n", ""),),
        (f"{ON_POSTGRES}test_what_was_taken_keeps_its_bytes_until_it_is_settled",),
    ),
    Mutant(
        "a requeued dead letter has no event any more on PostgreSQL",
        "stores/postgres/letters.py",
        (
            (
                "        OR stream_offset < (SELECT first_offset",
                "        AND stream_offset < (SELECT first_offset",
            ),
        ),
        (f"{ON_POSTGRES}test_a_dead_letter_outlives_its_event_and_comes_again",),
    ),
)
"""In no order."""
