"""The matrix: every row has tests, and where they run small each has its turn on PostgreSQL."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.rows import ROWS, TURNS, has_its_turn

ROOT = Path(__file__).parents[2]
PLACES = ("tests/faults", "tests/integration/test_migrations.py")  # as `make faults` has them


def collected(*options: str) -> list[str]:
    """The fault tests that a run with these options has."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", *PLACES, *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    return [line for line in done.stdout.splitlines() if "::" in line]


@pytest.mark.parametrize("row", ROWS)
def test_every_row_has_its_turn_once(row: str) -> None:
    assert sum(has_its_turn(row, day) for day in range(739_000, 739_000 + TURNS)) == 1


def test_every_row_has_a_test() -> None:
    assert collected("--row", ",".join(ROWS))


def test_a_small_run_has_what_does_not_rotate_and_what_has_its_turn() -> None:
    days = [{*collected("--day", str(day))} for day in (0, 1)]
    steady = {*collected("-m", "not rotates", "--day", "0")}

    assert steady == {*collected("-m", "not rotates", "--day", "1")}
    assert [steady < day for day in days] == [True, True]
    assert (days[0] - steady).isdisjoint(days[1] - steady)
    assert [day < {*collected("--whole")} for day in days] == [True, True]


def test_rows_and_tests_that_are_asked_for_are_all_there() -> None:
    row = collected("--row", "D10", "--day", "0")
    name = "tests/faults/test_restored_backup.py::test_a_whole_backup_is_no_other_log"
    one = [test for test in row if test.startswith(name)]

    assert one == [f"{name}[SQLite]", f"{name}[PostgreSQL]"]
