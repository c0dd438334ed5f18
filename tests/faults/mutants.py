"""Bugs planted in a copy of the runtime, and the tests that go red for each.

A mutant is a change of text: one that no longer applies fails loudly, so the list keeps pace with
the code. It has to pass a smoke test, or it would prove nothing to see it caught.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import headwater

__all__ = [
    "EXACTLY_ONCE",
    "LATE_CLAIM",
    "MUTANTS",
    "Mutant",
    "StaleMutantError",
    "plant",
    "run_tests",
    "smoke_test",
]

ROOT = Path(__file__).parents[2]
PATIENCE = 300.0  # seconds

CONTRACT = "tests/contract/test_sqlite_store.py::TestSqliteStore::"
FILE = "tests/contract/test_sqlite_file.py::"
FAULTS = "tests/faults/"
LATE_CLAIM = "test_a_claim_that_is_not_settled_in_time_is_void_and_counts_as_a_failure"

SMOKE = """
import asyncio, sys
import headwater
from headwater import App
from tests.faults.ledger import Enter, Handlers, ledger

assert headwater.__file__.startswith(sys.argv[1]), headwater.__file__

async def main():
    seen = asyncio.Event()
    class One(Handlers):
        async def post(self, event, context):
            seen.set()
    async with App(ledger(), handlers=One(), database=sys.argv[2]) as app:
        assert await app.execute(Enter(account="a", marks=["1"])) == 1
        async with asyncio.timeout(10):
            await seen.wait()

asyncio.run(main())
"""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A bug."""

    name: str
    file: str
    """Below `headwater/`."""
    changes: tuple[tuple[str, str], ...]
    """What is there once, and what stands there instead."""
    caught_by: tuple[str, ...]
    """Tests of which one has to fail at least."""


class StaleMutantError(Exception):
    """The text that the mutant changes is not there any more, or not just once."""


def plant(mutant: Mutant, folder: Path) -> Path:
    """A copy of the runtime with the bug in it; returns the folder to import it from."""
    shutil.copytree(Path(headwater.__file__).parent, folder / "headwater")
    path = folder / "headwater" / mutant.file
    text = path.read_text()
    for old, new in mutant.changes:
        if text.count(old) != 1:
            raise StaleMutantError(
                f"{mutant.name}: {mutant.file} has {text.count(old)} times\n{old}"
            )
        text = text.replace(old, new)
    compile(text, str(path), "exec")
    path.write_text(text)
    return folder


def smoke_test(runtime: Path, url: str) -> None:
    """Fail if the mutant does not even do what is simplest, on an empty database."""
    _run([sys.executable, "-c", SMOKE, str(runtime), url], runtime).check_returncode()


def run_tests(
    tests: tuple[str, ...], runtime: Path, *, only: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run them on that runtime, up to the first that fails; of them those that are named so."""
    options = ["-q", "-x", "-p", "no:cacheprovider", "-p", "pytest_asyncio.plugin"]
    options += ["--day", "all", "-k", only]
    return _run([sys.executable, "-m", "pytest", *options, *tests], runtime)


def _run(command: list[str], runtime: Path) -> subprocess.CompletedProcess[str]:
    paths = [str(runtime), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # the one that is needed starts faster
    environment.pop("PYTEST_ADDOPTS", None)
    return subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


EXACTLY_ONCE = (
    "tests/contract/test_delivery_table.py::"
    "test_exactly_once_an_iterator_that_has_lost_its_event_writes_nothing"
)

MUTANTS = (
    Mutant(
        "an event is acknowledged beside the transaction of its effect",
        "subscriptions/reader.py",
        (
            (
                "            await transaction.submit(unit).wait()\n",
                (
                    "            await transaction.submit(Unit()).wait()\n"
                    "            await self._around.committer.commit(unit)\n"
                ),
            ),
        ),
        (EXACTLY_ONCE,),
    ),
    Mutant(
        "an effect is committed although its claim is lost",
        "stores/sqlite/turn.py",
        (
            (
                "outcome.earlier is not None:\n                _roll_back(connection)\n",
                'outcome.earlier is not None:\n                connection.execute("COMMIT")\n',
            ),
        ),
        (EXACTLY_ONCE,),
    ),
    Mutant(
        "an event is acknowledged before it is handled",
        "subscriptions/handling.py",
        (
            (
                "                    await self._handler(work.event, work.context)\n",
                (
                    "                    await work.ack()\n"
                    "                    await self._handler(work.event, work.context)\n"
                ),
            ),
            (
                "            await work.ack()\n        except DeliveryLostError:\n",
                "            pass\n        except DeliveryLostError:\n",
            ),
        ),
        (f"{FAULTS}test_killed_consumers.py",),
    ),
    Mutant(
        "what a handler wrote stays when a guard of its unit fails",
        "stores/sqlite/turn.py",
        (
            (
                "                _roll_back(connection)\n                return outcome, None\n",
                (
                    '                connection.execute("COMMIT")\n'
                    "                return outcome, None\n"
                ),
            ),
        ),
        (
            (
                "tests/unit/runtime/test_connection.py::"
                "test_of_a_unit_whose_guard_fails_nothing_is_left_and_the_handler_runs_again"
            ),
        ),
    ),
    Mutant(
        "a command is answered before its commit",
        "stores/sqlite/writer.py",
        (
            (
                '        try:\n            connection.execute("COMMIT")\n',
                (
                    "        self._tell(jobs, Change(transaction))\n"
                    '        try:\n            connection.execute("COMMIT")\n'
                ),
            ),
            (
                (
                    "            self._give_up(jobs, transaction, error)\n            return\n"
                    "        self._tell(jobs, Change(transaction))\n"
                ),
                "            self._give_up(jobs, transaction, error)\n            return\n",
            ),
        ),
        (
            f"{FILE}test_after_a_commit_that_failed_the_outcome_is_unknown_and_the_next_one_works",
            f"{FAULTS}test_killed_producers.py",
        ),
    ),
    Mutant(
        "every tenth commit does not reach the file",
        "stores/sqlite/writer.py",
        (
            (
                '            connection.execute("COMMIT")\n',
                (
                    '            self._commits = getattr(self, "_commits", 0) + 1\n'
                    '            connection.execute("COMMIT" if self._commits % 10 else "ROLLBACK")\n'  # noqa: E501
                ),
            ),
        ),
        (f"{FAULTS}test_killed_producers.py",),
    ),
    Mutant(
        "commits do not wait for the disk",
        "stores/sqlite/writer.py",
        (('SYNC = "PRAGMA synchronous = FULL"', 'SYNC = "PRAGMA synchronous = OFF"'),),
        (FILE.removesuffix("::"),),
    ),
    Mutant(
        "a claim's token is not compared",
        "stores/sqlite/feeds.py",
        (("entry.token == claim.token", "entry.token != 0"),),
        (f"{CONTRACT}{LATE_CLAIM}", f"{FAULTS}test_frozen_consumers.py"),
    ),
    Mutant(
        "a claim is settled whether or not it is held",
        "stores/sqlite/transaction.py",
        ((" or not feed.holds(claim)", " or not feed._window.get(claim.event.offset)"),),
        (f"{CONTRACT}{LATE_CLAIM}", f"{FAULTS}test_frozen_consumers.py"),
    ),
    Mutant(
        "the head lags behind the events",
        "stores/sqlite/transaction.py",
        (
            (
                "self._UPDATE_HEAD,\n                    (\n                        head.head,\n",
                (
                    "self._UPDATE_HEAD,\n                    (\n"
                    "                        head.head - (head.head > 1),\n"
                ),
            ),
        ),
        (f"{CONTRACT}test_offsets_are_1_to_n_in_the_order_of_the_commits",),
    ),
    Mutant(
        "a refused unit is reported as written",
        "stores/sqlite/transaction.py",
        (("            return Rejected(error)\n", "            return Committed(())\n"),),
        (f"{FAULTS}test_sqlite_writers.py", f"{FAULTS}test_killed_producers.py"),
    ),
    Mutant(
        "the expected version is not compared",
        "stores/guards.py",
        (
            (
                "append.expect.version != state.version",
                "append.expect.version > state.version",
            ),
        ),
        (f"{CONTRACT}test_of_two_writers_at_one_version_the_second_writes_nothing",),
    ),
    Mutant(
        "what has failed comes back as the first attempt",
        "stores/window.py",
        (("        entry.failures += failed\n", ""),),
        (f"{CONTRACT}test_a_failed_event_comes_back_after_its_delay_as_the_next_attempt",),
    ),
    Mutant(
        "a dead letter is not stored",
        "stores/sqlite/transaction.py",
        (
            (
                "                feed.set_aside(claim, error, self.now)\n",
                "                pass\n",
            ),
        ),
        (f"{FAULTS}test_failing_handlers.py",),
    ),
    Mutant(
        "an event is let go although it could not be set aside",
        "stores/sqlite/transaction.py",
        (
            (
                "                feed.set_aside(claim, error, self.now)\n",
                (
                    "                with suppress(Exception):\n"
                    "                    feed.set_aside(claim, error, self.now)\n"
                ),
            ),
        ),
        (f"{FAULTS}test_failing_handlers.py",),
    ),
    Mutant(
        "events of one workflow do not wait for each other",
        "stores/window.py",
        (
            (
                'return "" if self._order is Order.STREAM else entry.workflow_id',
                "return str(entry.offset)",
            ),
        ),
        (f"{FAULTS}test_killed_consumers.py",),
    ),
    Mutant(
        "what another process has claimed is claimed again",
        "stores/sqlite/feeds.py",
        (("(known.id, known.revision) == (row[0], row[8])", "known.id == row[0]"),),
        (f"{FAULTS}test_killed_consumers.py",),
    ),
    Mutant(
        "the cursor passes events that wait in their lane",
        "stores/sqlite/feeds.py",
        (
            (
                (
                    "                self._window.enter(entry)\n"
                    "                self._changed.add(event.offset)\n"
                ),
                "                self._window.enter(entry)\n",
            ),
        ),
        (f"{FAULTS}test_killed_consumers.py",),
    ),
    Mutant(
        "what was settled is there again after a restart",
        "stores/sqlite/feeds.py",
        (("        self._settled.add(claim.event.offset)\n", ""),),
        (f"{FAULTS}test_killed_consumers.py",),
    ),
    Mutant(
        "an idempotency key is not looked up",
        "stores/sqlite/transaction.py",
        (
            (
                "if unit.key is not None and (known := self._answer(unit.key.key)) is not None:",
                "if unit.key is not None and (known := None) is not None:",
            ),
            ("INSERT INTO append_keys", "INSERT OR REPLACE INTO append_keys"),
        ),
        (f"{FAULTS}test_repeated_requests.py",),
    ),
    Mutant(
        "an idempotency key is not kept",
        "stores/sqlite/transaction.py",
        (("        if self._new_keys:\n", "        if False:\n"),),
        (f"{FAULTS}test_repeated_requests.py",),
    ),
    Mutant(
        "a settlement wakes nobody",
        "stores/sqlite/transaction.py",
        (("        self.woken.add(claim.feed)\n", ""),),
        (f"{CONTRACT}test_a_commit_and_a_settlement_wake_who_waits",),
    ),
    Mutant(
        "what another process writes wakes nobody",
        "stores/sqlite/store.py",
        (
            (
                "                seen, pause = version, shortest\n",
                "                seen, pause = version, shortest\n                continue\n",
            ),
        ),
        (f"{FILE}test_who_waits_is_woken_by_what_another_process_writes",),
    ),
    Mutant(
        "at-most-once is acknowledged after all",
        "subscriptions/reader.py",
        (
            (
                '"acknowledging"):\n                await self._settle(Acknowledge(claim))\n',
                '"acknowledging"):\n                pass\n',
            ),
        ),
        (f"{FAULTS}test_killed_consumers.py",),
    ),
    Mutant(
        "a cursor is not compared with its stream",
        "stores/sqlite/feeds.py",
        (
            (
                "    if cursor_format != CURSOR_FORMAT:\n",
                "    if cursor_format:\n        return\n    if cursor_format != CURSOR_FORMAT:\n",
            ),
        ),
        (f"{FAULTS}test_restored_backup.py",),
    ),
    Mutant(
        "the id at the cursor is not compared",
        "stores/sqlite/feeds.py",
        (("found is not None and found != event_id", "False"),),
        (f"{FAULTS}test_restored_backup.py",),
    ),
    Mutant(
        "what is in hand when a service stops is kept",
        "subscriptions/reader.py",
        (
            (
                (
                    "            await self._give_back([delivery.claim for delivery in "
                    "self.unsettled])\n"
                ),
                "            pass\n",
            ),
            ("            await self.source.close()\n", "            pass\n"),
        ),
        (f"{FAULTS}test_graceful_stop.py",),
    ),
    Mutant(
        "a cancelled claim is not given back",
        "stores/sqlite/store.py",
        (
            (
                "            claiming.add_done_callback(self._give_back)\n",
                "            claiming.add_done_callback(self._unwanted.discard)\n",
            ),
        ),
        (f"{FAULTS}test_cancellation.py",),
    ),
    Mutant(
        "a writer does not wait for another process",
        "stores/sqlite/file.py",
        (("            if time.monotonic() >= until:\n", "            if True:\n"),),
        (f"{FAULTS}test_sqlite_writers.py",),
    ),
    Mutant(
        "later events of a workflow pass its dead letter",
        "stores/sqlite/feeds.py",
        (
            (
                "        looks_for_letters = waits and room > 0 and self._has_letters()\n",
                "        looks_for_letters = False\n",
            ),
        ),
        (f"{CONTRACT}test_later_events_of_a_workflow_are_set_aside_behind_its_dead_letter",),
    ),
    Mutant(
        "what was taken before its workflow had a dead letter is handed out",
        "stores/sqlite/feeds.py",
        (
            (
                "            self._set_aside_what_waits(now)\n",
                "            pass\n",
            ),
        ),
        (f"{CONTRACT}test_what_was_taken_already_waits_as_well",),
    ),
    Mutant(
        "what waits behind a dead letter stays when that is requeued",
        "stores/letters.py",
        (
            (
                "not one_stays and (one_is_back or letter.id in chosen)",
                "not one_stays and letter.id in chosen",
            ),
        ),
        (f"{CONTRACT}test_they_come_back_with_the_letter_and_before_what_was_recorded_since",),
    ),
    Mutant(
        "what waits behind a dead letter may come back before it",
        "stores/letters.py",
        (
            (
                "not one_stays and (one_is_back or letter.id in chosen)",
                "one_is_back or letter.id in chosen",
            ),
        ),
        (f"{CONTRACT}test_one_that_waits_cannot_come_back_before_the_one_it_waits_for",),
    ),
    Mutant(
        "what is set aside behind a dead letter is not kept",
        "stores/sqlite/feeds.py",
        (
            (
                "                    self._set_behind(event, 0, now)\n",
                "                    pass\n",
            ),
        ),
        (f"{CONTRACT}test_later_events_of_a_workflow_are_set_aside_behind_its_dead_letter",),
    ),
    Mutant(
        "what was handed out before a reset settles what is handed out after it",
        "stores/sqlite/resets.py",
        (
            (
                "    transaction.connection.execute(_DELETE_DELIVERIES, (one.id,))\n",
                "    pass\n",
            ),
        ),
        (f"{CONTRACT}test_what_was_handed_out_before_a_reset_settles_nothing",),
    ),
    Mutant(
        "an owner of a partition writes on after a reset",
        "stores/sqlite/resets.py",
        (
            ("revision = revision + 1, owner = '',\n", "revision = revision + 1,\n"),
            ("       owner_epoch = owner_epoch + 1, truncated", "       truncated"),
        ),
        (f"{CONTRACT}test_a_partition_that_is_reset_has_no_owner_and_refuses_its_progress",),
    ),
    Mutant(
        "cursors are reset under those who read",
        "stores/operating.py",
        (("        if self.sessions and (self.in_flight", "        if False and (self.in_flight"),),
        (f"{CONTRACT}test_a_reset_is_refused_while_somebody_reads",),
    ),
    Mutant(
        "an act that changes nothing leaves a line",
        "stores/sqlite/jobs.py",
        (("    if done.rowcount:\n", "    if done:\n"),),
        (f"{CONTRACT}test_each_act_that_changes_something_leaves_a_line",),
    ),
    Mutant(
        "what is read too late is read all the same",
        "stores/sqlite/receipts.py",
        (
            (
                '   AND state = \'delivered\'\n"""\n\n_MARK_PENDING',
                '"""\n\n_MARK_PENDING',
            ),
        ),
        (f"{CONTRACT}test_what_is_not_read_in_time_is_dropped",),
    ),
    Mutant(
        "what was read is ended all the same when its time is up",
        "stores/sqlite/receipts.py",
        (
            (
                (
                    "UPDATE read_receipts\n   SET state = 'read', read_at = :now, due_at = NULL\n"
                    " WHERE subscription = :subscription\n   AND consumer = :consumer\n"
                    "   AND stream_offset = :offset"
                ),
                (
                    "UPDATE read_receipts\n   SET state = 'read', read_at = :now\n"
                    " WHERE subscription = :subscription\n   AND consumer = :consumer\n"
                    "   AND stream_offset = :offset"
                ),
            ),
        ),
        (f"{CONTRACT}test_what_is_not_read_in_time_is_dropped",),
    ),
    Mutant(
        "receipts stay when their recipient goes",
        "stores/sqlite/jobs.py",
        (
            (
                (
                    "    transaction.connection.execute(_DELETE_RECEIPTS, "
                    '(key.subscription, key.consumer or ""))\n'
                ),
                "",
            ),
        ),
        (f"{CONTRACT}test_with_the_recipient_its_receipts_go",),
    ),
    Mutant(
        "what is read before it is delivered is delivered all the same",
        "subscriptions/reader.py",
        (("if not claims or not self._has_receipts:", "if claims is not None:"),),
        (
            (
                "tests/unit/runtime/test_receipts.py::"
                "test_what_was_read_before_it_is_delivered_is_not_delivered"
            ),
        ),
    ),
    Mutant(
        "an event is noted as delivered whether it is acknowledged or not",
        "stores/memory.py",
        (
            (
                "        for error in self._failed_guards(unit):\n",
                (
                    "        for one in unit.settlements:\n"
                    "            if isinstance(one, Acknowledge) and one.receipt is not None:\n"
                    "                self._receipts.note(one.claim, one.receipt)\n"
                    "        for error in self._failed_guards(unit):\n"
                ),
            ),
        ),
        (
            (
                "tests/contract/test_memory_store.py::TestMemoryStore::"
                "test_an_event_is_delivered_once_that_is_acknowledged_and_not_before"
            ),
        ),
    ),
    Mutant(
        "an acknowledgement does not tell that the recipient has the event",
        "subscriptions/reader.py",
        (
            (
                "        return replace(settlement, receipt=Received(unread_after=seconds))\n",
                "        return settlement if seconds != -1.0 else replace(settlement)\n",
            ),
        ),
        ("tests/unit/runtime/test_receipts.py::test_acknowledging_is_not_reading",),
    ),
    Mutant(
        "what is read may be forgotten by the disk",
        "subscriptions/reader.py",
        (("any(_is_read(one) for one in settlements)", "any(_is_read(one) for one in ())"),),
        (
            (
                "tests/unit/runtime/test_receipts.py::"
                "test_a_receipt_survives_what_an_acknowledgement_need_not"
            ),
        ),
    ),
    Mutant(
        "what nobody reads comes again without end",
        "stores/sqlite/receipts.py",
        (
            (
                "if then is UnreadThen.REQUEUE and attempts >= policy.attempts:",
                "if then is UnreadThen.REQUEUE and attempts >= 2**31:",
            ),
        ),
        (f"{CONTRACT}test_until_it_has_come_as_often_as_it_may",),
    ),
    Mutant(
        "later events of a workflow wait behind what was not read",
        "stores/sqlite/feeds.py",
        (("       AND NOT unread\n", ""),),
        (f"{CONTRACT}test_nothing_waits_behind_what_was_not_read",),
    ),
    Mutant(
        "a dead letter that was not read counts as ended when it is requeued",
        "stores/sqlite/letters.py",
        (("            transaction.connection.execute(_FORGET_RECEIPT, place)\n", ""),),
        (f"{CONTRACT}test_a_dead_letter_that_is_requeued_is_as_unread_as_a_new_event",),
    ),
    Mutant(
        "a reset leaves receipts of what is delivered again",
        "stores/sqlite/resets.py",
        (("        connection.execute(_FORGET_RECEIPTS, place)\n", ""),),
        ((f"{CONTRACT}test_after_a_reset_what_is_not_read_is_as_if_it_had_never_been_delivered"),),
    ),
)
"""In no order."""
