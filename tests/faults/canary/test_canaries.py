"""No text in a spec becomes code."""

from __future__ import annotations

from pathlib import Path

import pytest

from .harness import Case, _differences, _import, _trees, run_cases
from .payloads import CANARY, PAYLOADS
from .slots import paths

SLOTS = list(paths())
SHARDS = 8


def cases(*, whole: bool) -> list[Case]:
    """Return every slot with every payload, or a sample that leaves none of either out."""
    every = [Case(slot, key, payload) for slot, key in SLOTS for payload in PAYLOADS]
    return every if whole else every[:: len(PAYLOADS) // 2 + 1]


@pytest.mark.parametrize("shard", range(SHARDS))
def test_hostile_text_is_refused_or_stays_data(tmp_path: Path, whole: bool, shard: int) -> None:
    """0 injections: the same tree as the benign twin, and an import that does nothing else."""
    tally = run_cases(cases(whole=whole)[shard::SHARDS], tmp_path)

    assert tally.violations == []
    assert tally.refused > 0
    assert tally.generated > 0


def test_there_are_slots_and_payloads_enough() -> None:
    """At least 25 slots, 60 payloads, 1,500 cases; and the sample leaves none of them out."""
    sample = cases(whole=False)

    assert len(SLOTS) >= 25
    assert len(set(PAYLOADS)) == len(PAYLOADS) >= 60
    assert len(cases(whole=True)) >= 1500
    assert {case.payload for case in sample} == set(PAYLOADS)
    assert {(case.slot, case.key) for case in sample} == set(SLOTS)


def test_the_harness_sees_a_canary_that_sings(tmp_path: Path) -> None:
    """A package that runs a payload when it is imported is reported."""
    package = tmp_path / "generated"
    package.mkdir()
    (package / "events.py").write_text(f"setattr(__import__('builtins'), {CANARY!r}, 1)\n")
    case = Case(("description",), key=False, payload="x")

    assert any("the canary sang" in line for line in _import({str(tmp_path): case}))


def test_the_harness_sees_an_import_that_starts_a_process(tmp_path: Path) -> None:
    package = tmp_path / "generated"
    package.mkdir()
    (package / "events.py").write_text("import os\nos.system('true')\n")
    case = Case(("description",), key=False, payload="x")

    assert any("os.system" in line for line in _import({str(tmp_path): case}))


def test_the_harness_sees_another_syntax_tree(tmp_path: Path) -> None:
    (tmp_path / "events.py").write_text("A = 'benign'\n")
    benign = _trees(tmp_path)
    (tmp_path / "events.py").write_text("A = 'hostile'\n")
    assert list(_differences(benign, _trees(tmp_path))) == []

    (tmp_path / "events.py").write_text("A = 'x'; print(1)\n")
    assert list(_differences(benign, _trees(tmp_path))) != []
