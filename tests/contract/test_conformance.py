"""What the conformance suite refuses: stores that lose, double or leave gaps."""

import subprocess
import sys
from pathlib import Path

import pytest

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
