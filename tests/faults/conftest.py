"""What every fault test needs: processes to harm, and a database for them to work on."""

from __future__ import annotations

import random
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.across import Across
from tests.faults.databases import POSTGRES, Database, FileDatabase, ServerDatabase
from tests.faults.report import PROPERTY, Figures, Progress
from tests.faults.world import Nursery, World
from tests.support.rabbitmq import Broker


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
def figures(request: pytest.FixtureRequest) -> Figures:
    """What the test counts, for the table at the end of a long run."""
    figures = Figures()
    mark = request.node.get_closest_marker("row")
    row = "" if mark is None else mark.args[0]
    request.node.user_properties += [("row", row), (PROPERTY, figures.plain)]
    return figures


@pytest.fixture
def progress(request: pytest.FixtureRequest, whole: bool) -> Progress:
    """Says now and then how far a long test has come."""
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def say(line: str) -> None:
        with capture.global_and_fixture_disabled():
            print(line, file=sys.stderr, flush=True)

    return Progress(request.node.name, say if whole else lambda line: None)


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty one: a file, or what the test says."""
    if getattr(request, "param", None) == POSTGRES:
        database: Database = ServerDatabase(request.getfixturevalue("postgres"))
    else:
        database = FileDatabase(tmp_path)
    yield database
    database.close()


@pytest.fixture
def world(
    tmp_path: Path, database: Database, nursery: Nursery, chance: random.Random, figures: Figures
) -> Iterator[World]:
    """An empty database, and a recorder that runs."""
    with World(tmp_path, database, nursery, chance, figures).open() as world:
        yield world


@pytest.fixture
def books(request: pytest.FixtureRequest, database: Database, tmp_path: Path) -> Iterator[Database]:
    """Another empty one, of the same kind."""
    if isinstance(database, ServerDatabase):
        books: Database = ServerDatabase(request.getfixturevalue("postgres"))
    else:
        folder = tmp_path / "books"
        folder.mkdir()
        books = FileDatabase(folder)
    yield books
    books.close()


@pytest.fixture
def broker(rabbitmq: Broker) -> Iterator[Broker]:
    """The session's broker, which a test may harm; afterwards it runs again."""
    yield rabbitmq
    rabbitmq.restore()


@pytest.fixture
def across(world: World, books: Database, broker: Broker) -> Across:
    """Two services, and a queue between them."""
    across = Across(world, books, broker)
    across.declare()
    return across
