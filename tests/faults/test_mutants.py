"""X2: for each bug that is planted in the runtime, the suite goes red."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.broker_mutants import BROKER_MUTANTS
from tests.faults.databases import POSTGRES, SQLITE
from tests.faults.group_mutants import GROUP_MUTANTS, POSTGRES_GROUP_MUTANTS
from tests.faults.mutants import MUTANTS, Mutant, StaleMutantError, plant, run_tests, smoke_test
from tests.faults.postgres_mutants import POSTGRES_MUTANTS
from tests.faults.retention_mutants import POSTGRES_RETENTION_MUTANTS, RETENTION_MUTANTS
from tests.support.postgres import Server
from tests.support.rabbitmq import Broker

IN_FILES = (*MUTANTS, *GROUP_MUTANTS, *RETENTION_MUTANTS)
ON_SERVERS = (*POSTGRES_MUTANTS, *POSTGRES_GROUP_MUTANTS, *POSTGRES_RETENTION_MUTANTS)
ALWAYS = {
    "the head lags behind the events",
    "what has failed comes back as the first attempt",
    "a cursor is not compared with its stream",
    "a claim's token is not compared on PostgreSQL",
    "an event is acknowledged beside the transaction of its effect",
}
"""The others run with `--whole`: each is a test run of its own."""


@pytest.mark.parametrize("mutant", IN_FILES, ids=lambda mutant: mutant.name)
def test_a_planted_bug_is_caught(mutant: Mutant, tmp_path: Path, whole: bool) -> None:
    """It works at first sight, and one of its tests fails."""
    runtime = plant(mutant, tmp_path / "runtime")
    if not whole and mutant.name not in ALWAYS:
        return  # that it can be planted is all that is looked at
    smoke_test(runtime, f"sqlite:///{tmp_path / 'smoke.db'}")

    result = run_tests(mutant.caught_by, runtime, only=f"not {POSTGRES}")

    assert result.returncode == 1, f"not caught:\n{result.stdout[-3000:]}{result.stderr[-2000:]}"


@pytest.mark.parametrize("mutant", ON_SERVERS, ids=lambda mutant: mutant.name)
def test_a_bug_that_is_planted_in_the_postgresql_store_is_caught(
    mutant: Mutant, postgres: Server, tmp_path: Path, whole: bool
) -> None:
    """The tests run on a server of their own."""
    runtime = plant(mutant, tmp_path / "runtime")
    if not whole and mutant.name not in ALWAYS:
        return
    url = postgres.run(postgres.create_database("template"))
    smoke_test(runtime, url)
    postgres.run(postgres.drop_database(url))

    result = run_tests(mutant.caught_by, runtime, only=f"not {SQLITE}")

    assert result.returncode == 1, f"not caught:\n{result.stdout[-3000:]}{result.stderr[-2000:]}"


@pytest.mark.parametrize("mutant", BROKER_MUTANTS, ids=lambda mutant: mutant.name)
def test_a_bug_that_is_planted_between_services_is_caught(
    mutant: Mutant, rabbitmq: Broker, tmp_path: Path, whole: bool
) -> None:
    """The tests run on a broker of their own."""
    runtime = plant(mutant, tmp_path / "runtime")
    if not whole and mutant.name not in ALWAYS:
        return
    smoke_test(runtime, f"sqlite:///{tmp_path / 'smoke.db'}")

    result = run_tests(mutant.caught_by, runtime, only=f"not {POSTGRES}")

    assert result.returncode == 1, f"not caught:\n{result.stdout[-3000:]}{result.stderr[-2000:]}"


def test_a_planted_bug_whose_text_is_gone_fails_loudly(tmp_path: Path) -> None:
    """Or twice there: nobody could say which of them it would be."""
    for number, text in enumerate(("this is nowhere", "return")):
        stale = Mutant("stale", "stores/window.py", ((text, "pass"),), ("tests/faults",))
        with pytest.raises(StaleMutantError, match=r"stale: stores/window\.py has"):
            plant(stale, tmp_path / str(number))


def test_every_planted_bug_has_a_name_of_its_own() -> None:
    names = [mutant.name for mutant in (*IN_FILES, *ON_SERVERS, *BROKER_MUTANTS)]
    assert len({*names}) == len(names) >= 20
    assert {*names} >= ALWAYS
