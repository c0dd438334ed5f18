"""The pytest plugin: an open app or scenario of a team's service, for tests that ask for one.

Loaded by every pytest where Headwater is installed, so it imports nothing heavy, and all of its
names begin with `headwater_`. The fixtures that are open need pytest-asyncio, in either mode.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from headwater.cli.loading import Runnable

__all__ = ["headwater_database", "headwater_module", "pytest_addoption", "pytest_configure"]

MODULE = "headwater_module"
STORE = "headwater_store"
STORES = ("memory", "sqlite")

# The cases of a store say what they found, as if they were in the team's own test files.
pytest.register_assert_rewrite("headwater.testing.conformance")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Have the settings that the fixtures go by."""
    parser.addini(MODULE, "module with the service under test, as `headwater run` takes it")
    parser.addini(STORE, "where the headwater fixtures keep events: memory or sqlite", default="")
    group = parser.getgroup("headwater")
    group.addoption(
        "--headwater-store",
        choices=STORES,
        help="where the headwater fixtures keep events: memory (default), or sqlite, a file for "
        "each test",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Add the fixtures that need pytest-asyncio, where it is."""
    chosen = config.getoption("--headwater-store") or config.getini(STORE) or STORES[0]
    if chosen not in STORES:
        raise pytest.UsageError(f"{STORE} = {chosen!r}: it is one of {', '.join(STORES)}")
    if config.pluginmanager.hasplugin("asyncio"):
        from . import fixtures

        config.pluginmanager.register(fixtures, "headwater-fixtures")


@pytest.fixture(scope="session")
def headwater_module(request: pytest.FixtureRequest) -> Runnable:
    """The service under test, its handlers and its lifespan, as the setting of this name says."""
    from headwater.cli.loading import load_module
    from headwater.errors import ConfigurationError

    name = request.config.getini(MODULE)
    if not name:
        pytest.fail(
            f"the headwater fixtures need to know what to test: set {MODULE}, such as "
            f'{MODULE} = "acme.app" under [tool.pytest.ini_options], to what `headwater run` takes',
            pytrace=False,
        )
    try:
        return load_module(name)
    except ConfigurationError as error:
        pytest.fail(f"{MODULE} = {name!r}: {error}", pytrace=False)


@pytest.fixture
def headwater_database(request: pytest.FixtureRequest) -> str:
    """URL of the database that the other fixtures keep events in; a fresh one for each test."""
    config = request.config
    chosen = config.getoption("--headwater-store") or config.getini(STORE) or STORES[0]
    if chosen == "memory":
        return "memory://"
    folder: Path = request.getfixturevalue("tmp_path")
    return f"sqlite:///{folder}/headwater.db"


@pytest.fixture
def headwater_state(headwater_module: Runnable) -> Any:
    """What handlers find as `context.state`: what the module's lifespan yields.

    Override this fixture, and handlers find what yours returns, without that lifespan.
    """
    from .app import FromLifespan

    return FromLifespan(headwater_module.lifespan)
