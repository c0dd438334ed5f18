"""What the conformance suite refuses: stores that lose, double or leave gaps."""

import subprocess
import sys
from pathlib import Path

import pytest
from headwater.testing.conformance.order import observe

from tests.conformance.logs import slow_commits
from tests.support.postgres import Server

# A third party's test file, in pytest-asyncio's strict mode, for a store that is broken or not.
SUITE = """
from dataclasses import replace

import pytest_asyncio
from headwater.stores.contract import Committed
from headwater.stores.memory import MemoryStore
from headwater.testing.conformance import STREAMS, StoreContract


class Sound(MemoryStore):
    pass


class Gapped(MemoryStore):
    async def read(self, stream, after, limit):
        found = await super().read(stream, after, limit)
        return [one._replace(offset=one.offset + (one.offset > 2)) for one in found]


class Doubled(MemoryStore):
    async def read(self, stream, after, limit):
        found = await super().read(stream, after, limit)
        return [*found, *found[-1:]]


class Lost(MemoryStore):
    async def read(self, stream, after, limit):
        return [one for one in await super().read(stream, after, limit) if one.offset != 2]


class TestAcmeStore(StoreContract):
    @pytest_asyncio.fixture
    async def store(self, clock):
        store = KIND(clock)
        await store.open(STREAMS)
        return store
"""
CASE = "test_offsets_are_1_to_n_in_the_order_of_the_commits"


def run_suite(folder: Path, kind: str) -> tuple[int, str]:
    file = folder / "test_acme.py"
    file.write_text(SUITE.replace("KIND", kind))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rf", "-p", "no:cacheprovider", file],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_a_sound_store_passes_in_a_project_of_its_own(tmp_path: Path) -> None:
    status, output = run_suite(tmp_path, "Sound")
    assert status == 0, output
    assert "passed" in output


@pytest.mark.parametrize("kind", ["Gapped", "Doubled", "Lost"])
def test_a_broken_store_is_refused_and_the_failure_shows_what_was_read(
    tmp_path: Path, kind: str
) -> None:
    status, output = run_suite(tmp_path, kind)
    assert status == 1, output
    assert f"TestAcmeStore::{CASE}" in output
    assert "[1, 2, 3, 4]" in output


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("Skipping", "missed"),
        ("Doubling", "doubled"),
        ("Forgetting", "lost"),
        ("Halving", "halved"),
        ("Shuffling", "misordered"),
    ],
)
async def test_a_log_that_breaks_its_promise_is_found_out(
    tmp_path: Path, kind: str, found: str
) -> None:
    findings = await observe(
        "tests.conformance.logs:broken",
        f"{kind}:{tmp_path / 'log.db'}",
        writers=1,
        events=200,
        kills=0,
    )
    assert getattr(findings, found) > 0
    assert not findings.sound


@pytest.mark.parametrize("store", ["sqlite", "postgres"])
async def test_who_reads_along_our_stores_misses_nothing_while_writers_are_killed(
    request: pytest.FixtureRequest, tmp_path: Path, store: str
) -> None:
    url = request.getfixturevalue("own_postgres_url") if store == "postgres" else None
    findings = await observe(
        f"tests.conformance.logs:{store}",
        url or str(tmp_path / "log.db"),
        writers=2,
        events=1000,
        kills=1,
    )
    assert findings.sound, findings
    assert (findings.killed, findings.gaps) == (3, 0)
    assert findings.recorded >= 1000
    assert findings.caught_up > 10


@pytest.mark.parametrize(
    ("log", "is_sound"),
    [("postgres", True), ("eventsourcing", True), ("eventsourcing_functions", False)],
)
async def test_where_commits_are_slow_only_what_has_no_lock_is_passed_over(
    log: str, is_sound: bool, postgres: Server
) -> None:
    """The published package, with and without the lock that it takes by default."""
    template = "template" if log == "postgres" else "template1"
    url = postgres.run(postgres.create_database(template))
    try:
        await slow_commits(log, url)
        findings = await observe(f"tests.conformance.logs:{log}", url, events=2000, kills=1)
    finally:
        postgres.run(postgres.drop_database(url))

    assert findings.caught_up > 10
    assert findings.sound is is_sound, findings
    assert bool(findings.missed) is not is_sound
