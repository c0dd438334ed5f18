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

__all__ = ["MUTANTS", "Mutant", "StaleMutantError", "plant", "run_tests", "smoke_test"]

ROOT = Path(__file__).parents[2]
PATIENCE = 300.0  # seconds

CONTRACT = "tests/contract/test_sqlite_store.py::TestSqliteStore::"
FILE = "tests/contract/test_sqlite_file.py::"
FAULTS = "tests/faults/"

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


MUTANTS = (
    Mutant(
        "an event is acknowledged before it is handled",
        "subscriptions/handling.py",
        (
            (
                "                    await self._handler(delivery.event, delivery.context)\n",
                (
                    "                    await delivery.ack()\n"
                    "                    await self._handler(delivery.event, delivery.context)\n"
                ),
            ),
            (
                "                failure = await self._acknowledge(delivery)\n",
                "                pass\n",
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
        (f"{FAULTS}test_killed_producers.py", f"{FAULTS}test_sqlite_writers.py"),
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
        (f"{FAULTS}test_frozen_consumers.py",),
    ),
    Mutant(
        "a claim is settled whether or not it is held",
        "stores/sqlite/transaction.py",
        ((" or not feed.holds(claim)", " or not feed._window.get(claim.event.offset)"),),
        (f"{FAULTS}test_frozen_consumers.py",),
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
        (("        if self._new_answers:\n", "        if False:\n"),),
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
        (("            await self._settle(Acknowledge(claim))\n", "            pass\n"),),
        (f"{FAULTS}test_killed_consumers.py",),
    ),
    Mutant(
        "a cursor is not compared with its stream",
        "stores/sqlite/feeds.py",
        (
            (
                "        self._require_the_same_stream(cursor_format, epoch, stream_epoch, head)\n",
                "",
            ),
        ),
        (f"{FAULTS}test_restored_backup.py",),
    ),
    Mutant(
        "the id at the cursor is not compared",
        "stores/sqlite/feeds.py",
        (("found is not None and found != self._event_id", "False"),),
        (f"{FAULTS}test_restored_backup.py",),
    ),
    Mutant(
        "what is in hand when a service stops is kept",
        "subscriptions/reader.py",
        (
            ("                await self._give_back(delivery)\n", "                pass\n"),
            (
                "            await self._around.heartbeat.disconnect(self._connection)\n",
                "            pass\n",
            ),
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
)
"""In no order."""
