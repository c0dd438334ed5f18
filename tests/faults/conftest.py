"""What every fault test needs: processes to harm, and a database for them to work on."""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.world import Nursery, World


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Where actors come from."""
    nursery = Nursery()
    yield nursery
    nursery.close()


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """The same choices in every run of a test."""
    return random.Random(zlib.crc32(request.node.name.encode()))  # noqa: S311  (the same choices in every run)


@pytest.fixture
def world(tmp_path: Path, nursery: Nursery, chance: random.Random) -> Iterator[World]:
    """An empty database, and a recorder that runs."""
    with World(tmp_path, nursery, chance).open() as world:
        yield world
