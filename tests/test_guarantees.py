"""docs/guarantees.md: every promise has tests that exist, and every combination is covered."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest
from headwater import DeliverySemantics, Mode, StreamType

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")
ID = re.compile(r"G-[A-Z]+-\d+")
STORES = ("memory", "SQLite", "PostgreSQL")
ALL = "all"
EACH_CELL_SAYS = ("G-LOSS-", "G-DUP-", "G-ORDER-")


@dataclass(frozen=True)
class Promise:
    """A row of the page."""

    id: str
    text: str
    stores: tuple[str, ...]
    tests: tuple[str, ...]


def rows() -> list[list[str]]:
    lines = (line for line in PAGE.splitlines() if line.startswith("|"))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


PROMISES = [
    Promise(
        id_,
        text,
        STORES if stores == ALL else tuple(stores.split(", ")),
        tuple(re.findall(r"`(tests/[^`]+)`", proof)),
    )
    for id_, text, stores, proof in (row for row in rows() if len(row) == 4)
    if ID.fullmatch(id_)
]
CELLS = {
    (mode, stream, delivery, store): ID.findall(cell)
    for mode, stream, delivery, *cells in (row for row in rows() if len(row) == 6)
    if mode in {one.value for one in Mode}
    for store, cell in zip(STORES, cells, strict=True)
}


def test_ids_are_unique_and_nothing_else_is_named() -> None:
    counted = Counter(promise.id for promise in PROMISES)

    assert counted
    assert [id_ for id_, count in counted.items() if count > 1] == []
    assert set(ID.findall(PAGE)) == set(counted)


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.id)
def test_a_promise_names_its_stores_and_its_tests(promise: Promise) -> None:
    assert promise.text.endswith(".")
    assert promise.stores == tuple(one for one in STORES if one in promise.stores) != ()
    assert promise.tests


def test_every_test_that_is_cited_is_collected_and_some_of_each_promise_are_on_postgresql() -> None:
    """With the same name, so that a renamed test takes its promise along or is found here."""
    cited = {test for promise in PROMISES for test in promise.tests}
    files = sorted({test.partition("::")[0] for test in cited})
    assert [file for file in files if not (ROOT / file).is_file()] == []

    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "--collect-only",
            "-q",
            "-p",
            "no:cacheprovider",
            "--whole",
            *files,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    found = [line for line in done.stdout.splitlines() if "::" in line]
    assert cited - {line.partition("[")[0] for line in found} == set()
    there = {line.partition("[")[0] for line in found if "postgres" in line.lower()}
    there |= {line.partition("[")[0] for line in found if "a full server" in line}
    for promise in PROMISES:
        if "PostgreSQL" in promise.stores:
            assert there.intersection(promise.tests), promise.id


def test_no_test_that_is_cited_is_skipped_or_expected_to_fail() -> None:
    cited = {test for promise in PROMISES for test in promise.tests}
    for file in {test.partition("::")[0] for test in cited}:
        names = {test.rpartition("::")[2] for test in cited if test.startswith(f"{file}::")}
        for node in ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name in names:
                marks = " ".join(map(ast.unparse, node.decorator_list))
                assert not re.search("skip|xfail", marks), node.name


def test_every_cell_is_covered() -> None:
    every = {
        (mode.value, stream.value, delivery.value, store)
        for mode, stream, delivery, store in product(Mode, StreamType, DeliverySemantics, STORES)
        if stream is StreamType.PERSISTENT or not mode.needs_a_log  # what is refused has no cell
    }
    assert set(CELLS) == every


@pytest.mark.parametrize("cell", sorted(CELLS), ids="-".join)
def test_a_cell_speaks_of_loss_duplicates_and_order_in_its_own_store(
    cell: tuple[str, str, str, str],
) -> None:
    by_id = {promise.id: promise for promise in PROMISES}
    named = CELLS[cell]

    for about in EACH_CELL_SAYS:
        assert any(id_.startswith(about) for id_ in named), about
    wrong = [id_ for id_ in named if cell[3] not in by_id[id_].stores]
    assert wrong == []


@pytest.mark.parametrize("cell", sorted(CELLS), ids="-".join)
def test_a_cell_promises_nothing_of_another_mode_or_delivery(
    cell: tuple[str, str, str, str],
) -> None:
    mode, _, delivery, _ = cell
    texts = {promise.id: promise.text.lower() for promise in PROMISES}

    others = {one.value for one in DeliverySemantics} - {delivery}
    for id_ in CELLS[cell]:
        head = texts[id_].partition(":")[0]
        assert not any(head.endswith(other.replace("-", " ")) for other in others), id_
        for other in {one.value for one in Mode} - {mode}:
            assert not head.startswith(other), id_
