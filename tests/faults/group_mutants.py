"""Bugs planted in what the stores keep of consumer groups, and the cases that go red for each."""

from __future__ import annotations

from tests.faults.mutants import Mutant

__all__ = ["GROUP_MUTANTS", "POSTGRES_GROUP_MUTANTS"]

SQLITE = "tests/contract/test_sqlite_store.py::TestSqliteStore::"
POSTGRES = "tests/contract/test_postgres_store.py::TestPostgresStore::"
GROUPS = "tests/contract/test_postgres_groups.py::"
PROGRESS = "stores/postgres/progress.py"

GROUP_MUTANTS = (
    Mutant(
        "the epoch of progress is not compared",
        "stores/sqlite/progress.py",
        (("not found.owner or found.epoch != progress.epoch:", "not found.owner:"),),
        (f"{SQLITE}test_progress_under_an_old_epoch_is_refused",),
    ),
    Mutant(
        "progress is taken of a partition that was released",
        "stores/sqlite/progress.py",
        (("if found is None or not found.owner or found", "if found is None or found"),),
        (f"{SQLITE}test_progress_after_a_release_is_refused",),
    ),
    Mutant(
        "a unit whose progress is refused is written all the same",
        "stores/sqlite/transaction.py",
        (
            (
                "            yield from self._partitions.failed_guards(progress)\n",
                "            list(self._partitions.failed_guards(progress))\n",
            ),
        ),
        (f"{SQLITE}test_a_unit_and_its_progress_are_written_together_or_not_at_all",),
    ),
    Mutant(
        "progress is written although its unit is refused",
        "stores/sqlite/transaction.py",
        (
            (
                (
                    "        for error in self._failed_guards(unit):\n"
                    "            return Rejected(error)\n"
                ),
                (
                    "        for error in self._failed_guards(unit):\n"
                    "            for progress in unit.progress:\n"
                    "                if not list(self._partitions.failed_guards(progress)):\n"
                    "                    self._partitions.note(progress, self.now)\n"
                    "            return Rejected(error)\n"
                ),
            ),
        ),
        (f"{SQLITE}test_a_unit_and_its_progress_are_written_together_or_not_at_all",),
    ),
    Mutant(
        "a partition's cursor moves back",
        "stores/sqlite/progress.py",
        (("if progress.read_to > found.read_to:", "if progress.read_to != found.read_to:"),),
        (f"{SQLITE}test_a_cursor_never_moves_back",),
    ),
    Mutant(
        "the epoch stays when a partition is taken over",
        "stores/sqlite/groups.py",
        (
            (
                "owner_epoch = owner_epoch + 1, revision",
                "owner_epoch = max(1, owner_epoch), revision",
            ),
            ("epoch=row.epoch + is_new,", "epoch=max(1, row.epoch),"),
        ),
        (f"{SQLITE}test_progress_under_an_old_epoch_is_refused",),
    ),
    Mutant(
        "what a dead owner had in hand has not failed",
        "stores/sqlite/groups.py",
        (("SET failures = failures + 1, token = 0", "SET token = 0"),),
        (f"{SQLITE}test_what_was_in_hand_counts_once",),
    ),
    Mutant(
        "a partition is taken from one who lives",
        "stores/handover.py",
        (("elif one.owner not in living and room > 0:", "elif room > 0:"),),
        (f"{SQLITE}test_nothing_is_taken_from_one_who_lives_until_he_releases_it",),
    ),
    Mutant(
        "a letter is set aside behind one that came back",
        "stores/sqlite/progress.py",
        (
            (
                "if letter.behind and not self._is_blocked",
                "if not letter.behind and not self._is_blocked",
            ),
        ),
        (f"{SQLITE}test_an_event_is_not_set_aside_behind_one_that_came_back",),
    ),
    Mutant(
        "an owner does not hear of what was requeued",
        "stores/sqlite/groups.py",
        (("   SET revision = revision + 1\n", "   SET revision = revision\n"),),
        (f"{SQLITE}test_a_dead_letter_that_is_requeued_comes_to_the_owner",),
    ),
)
"""In no order."""

POSTGRES_GROUP_MUTANTS = (
    Mutant(
        "the epoch of progress is not compared on PostgreSQL",
        PROGRESS,
        (("counting.owner_epoch = progress.epoch\n", "counting.owner_epoch > 0\n"),),
        (f"{POSTGRES}test_progress_under_an_old_epoch_is_refused",),
    ),
    Mutant(
        "progress is taken of a partition that was released on PostgreSQL",
        PROGRESS,
        (("WHERE counting.owner <> '' AND", "WHERE counting.owner IS NOT NULL AND"),),
        (f"{POSTGRES}test_progress_after_a_release_is_refused",),
    ),
    Mutant(
        "the epoch of progress is compared before its partition is locked",
        PROGRESS,
        (
            (
                "FROM progress JOIN counting USING (subscription, consumer)\n",
                (
                    "FROM progress JOIN (SELECT cursors.* FROM cursors"
                    " WHERE (SELECT count(*) FROM counting) >= 0) AS counting"
                    " USING (subscription, consumer)\n"
                ),
            ),
        ),
        (f"{GROUPS}test_progress_that_waited_for_a_hand_over_is_refused",),
    ),
    Mutant(
        "a unit whose progress is refused is written all the same on PostgreSQL",
        PROGRESS,
        (("  SELECT unit\n    FROM lost_progress\n   UNION\n", ""),),
        (f"{POSTGRES}test_a_unit_and_its_progress_are_written_together_or_not_at_all",),
    ),
    Mutant(
        "a cursor moves although the unit is refused on PostgreSQL",
        PROGRESS,
        (
            (
                "           WHERE unit NOT IN (SELECT unit FROM refused)\n           GROUP BY",
                "           WHERE (SELECT count(*) FROM refused) >= 0\n           GROUP BY",
            ),
        ),
        (f"{POSTGRES}test_a_unit_and_its_progress_are_written_together_or_not_at_all",),
    ),
    Mutant(
        "progress is not written in a handler's own transaction on PostgreSQL",
        "stores/postgres/lending.py",
        (
            (
                "batch = Batch((replace(unit, durable=True),))\n",
                "batch = Batch((replace(unit, durable=True, progress=()),))\n",
            ),
        ),
        (f"{GROUPS}test_progress_is_written_with_a_handler_s_own_statements",),
    ),
    Mutant(
        "what an owner builds on does not wait for the disk",
        "stores/postgres/batch.py",
        (("any(unit.durable or unit.progress for", "any(unit.durable for"),),
        (f"{GROUPS}test_what_an_owner_builds_on_is_not_undone_by_a_crash",),
    ),
    Mutant(
        "a partition's cursor moves back on PostgreSQL",
        PROGRESS,
        (
            (
                "SET read_to = greatest(cursors.read_to, reached.read_to),",
                "SET read_to = reached.read_to,",
            ),
            (
                "AND (reached.read_to > cursors.read_to OR",
                "AND (reached.read_to <> cursors.read_to OR",
            ),
        ),
        (f"{POSTGRES}test_a_cursor_never_moves_back",),
    ),
    Mutant(
        "the epoch stays when a partition is taken over on PostgreSQL",
        "stores/postgres/groups.py",
        (
            (
                "owner_epoch = owner_epoch + 1, revision",
                "owner_epoch = greatest(1, owner_epoch), revision",
            ),
        ),
        (f"{POSTGRES}test_progress_under_an_old_epoch_is_refused",),
    ),
    Mutant(
        "what a dead owner had in hand has not failed on PostgreSQL",
        "stores/postgres/groups.py",
        (("SET failures = failures + 1, token = 0", "SET token = 0"),),
        (f"{POSTGRES}test_what_was_in_hand_counts_once",),
    ),
    Mutant(
        "a letter is set aside behind one that just came back on PostgreSQL",
        PROGRESS,
        (("                                FOR KEY SHARE) AS found\n", ") AS found\n"),),
        (f"{GROUPS}test_an_event_is_not_set_aside_behind_one_that_comes_back_meanwhile",),
    ),
    Mutant(
        "an owner does not hear of what was requeued on PostgreSQL",
        "stores/postgres/letters.py",
        (("SET revision = revision + 1\n", "SET revision = revision\n"),),
        (f"{POSTGRES}test_a_dead_letter_that_is_requeued_comes_to_the_owner",),
    ),
    Mutant(
        "members in other processes are not woken",
        "stores/postgres/bell.py",
        (('groups=set(body["groups"]),', "groups=set(),"),),
        (f"{GROUPS}test_members_in_other_processes_are_woken",),
    ),
)
"""In no order."""
