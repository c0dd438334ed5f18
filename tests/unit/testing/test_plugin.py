"""The pytest plugin, as a team's project meets it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

PLUGINS = ("-p", "headwater", "-p", "asyncio")  # by the names of their entry points

TESTS = """
import pytest

from headwater.testing import MemoryApp, Scenario
from tests.support.orders import OrderPlaced, PlaceOrder

PLACED = OrderPlaced(order_id=7, email="ada@example.com")


async def test_app(headwater_app: MemoryApp) -> None:
    await headwater_app.execute(PlaceOrder(order_id=7, email="ada@example.com"))
    await headwater_app.wait_until_idle()
    assert await headwater_app.events("orders") == [PLACED]


async def test_scenario(headwater_scenario: Scenario) -> None:
    placed = await headwater_scenario.when(PlaceOrder(order_id=7, email="ada@example.com"))
    placed.then_emitted(PLACED)


def test_database(headwater_database: str) -> None:
    assert headwater_database.startswith("{database}")
"""
SHOP = """
from contextlib import asynccontextmanager

from tests.support.order_handlers import OrderHandlers
from tests.support.orders import order_service as service

__all__ = ["handlers", "lifespan", "service"]


class Handlers(OrderHandlers):
    async def packing(self, event, context):
        assert context.state == STATE


handlers = Handlers()
STATE = "from the lifespan"


@asynccontextmanager
async def lifespan(app):
    yield "from the lifespan"
"""
STATES = """
from headwater.testing import Scenario
import shop
from tests.support.orders import OrderPlaced

PLACED = OrderPlaced(order_id=7, email="ada@example.com")


async def test_state(headwater_scenario: Scenario) -> None:
    handling = await headwater_scenario.when_delivered(PLACED, to=shop.handlers.packing)
    handling.then_handled()
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "shop.py").write_text(SHOP)
    settings(tmp_path, 'asyncio_mode = "auto"\nheadwater_module = "shop"')
    return tmp_path


def settings(project: Path, lines: str) -> None:
    (project / "pyproject.toml").write_text(
        f'[tool.pytest.ini_options]\nfilterwarnings = ["error"]\npythonpath = [".", "{ROOT}"]\n'
        f'asyncio_default_fixture_loop_scope = "function"\n{lines}\n'
    )


def run(project: Path, *arguments: str, status: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *PLUGINS, *arguments],
        cwd=project,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},  # those of our tests are heavy
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("mode", "arguments", "database"),
    [("auto", (), "memory://"), ("strict", ("--headwater-store", "sqlite"), "sqlite:///")],
)
def test_its_fixtures_are_open_in_either_mode_on_either_store(
    project: Path, mode: str, arguments: tuple[str, ...], database: str
) -> None:
    settings(project, f'asyncio_mode = "{mode}"\nheadwater_module = "shop"')
    mark = "@pytest.mark.asyncio\n" if mode == "strict" else ""
    text = TESTS.replace("async def", f"{mark}async def")
    (project / "test_it.py").write_text(text.format(database=database))

    assert "3 passed" in run(project, *arguments)


def test_the_store_can_be_set_for_good(project: Path) -> None:
    settings(project, 'headwater_store = "sqlite"\nasyncio_mode = "auto"')
    (project / "test_it.py").write_text(
        "def test_it(headwater_database):\n    assert headwater_database.startswith('sqlite:///')\n"
    )

    assert "1 passed" in run(project)


def test_a_store_that_is_none_is_refused(project: Path) -> None:
    settings(project, 'headwater_store = "paper"')

    assert "headwater_store = 'paper': it is one of memory, sqlite" in run(project, status=4)


def test_handlers_find_what_the_lifespan_yields_unless_the_fixture_is_overridden(
    project: Path,
) -> None:
    (project / "test_it.py").write_text(STATES)
    assert "1 passed" in run(project)

    (project / "shop.py").write_text(SHOP.replace('STATE = "from the lifespan"', 'STATE = "mine"'))
    fixture = '@pytest.fixture\ndef headwater_state():\n    return "mine"\n'
    (project / "conftest.py").write_text(f"import pytest\n\n\n{fixture}")
    assert "1 passed" in run(project)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("", "set headwater_module, such as headwater_module = "),
        ('headwater_module = "nowhere"', "there is no module 'nowhere'"),
    ],
)
def test_a_missing_module_is_said_without_a_traceback(project: Path, lines: str, said: str) -> None:
    settings(project, f'asyncio_mode = "auto"\n{lines}')
    (project / "test_it.py").write_text("async def test_it(headwater_app): ...\n")

    told = run(project, status=1)
    assert said in told
    assert "load_module" not in told


def test_it_imports_nothing_heavy_and_no_fixture_is_without_its_prefix(project: Path) -> None:
    (project / "test_it.py").write_text(
        "import sys\n\n\ndef test_it():\n"
        "    heavy = {'pydantic', 'headwater.app', 'headwater.testing.app', 'sqlite3'}\n"
        "    assert not heavy & set(sys.modules)\n"
    )
    assert "1 passed" in run(project)

    listed = run(project, "--fixtures", "--color=no")
    ours = [line for line in listed.splitlines() if "headwater/testing/" in line and " -- " in line]
    assert len(ours) == 5
    assert all(line.startswith("headwater_") for line in ours)


def test_without_pytest_asyncio_the_rest_works(project: Path) -> None:
    (project / "test_it.py").write_text(
        "import asyncio\n\nfrom headwater.testing import MemoryApp\n\n\n"
        "def test_it(headwater_module, headwater_database):\n"
        "    async def main():\n"
        "        module = headwater_module\n"
        "        async with MemoryApp(module.service, handlers=module.handlers):\n"
        "            assert headwater_database == 'memory://'\n\n"
        "    asyncio.run(main())\n"
    )
    settings(project, 'headwater_module = "shop"')
    text = (project / "pyproject.toml").read_text()
    (project / "pyproject.toml").write_text(
        "\n".join(line for line in text.splitlines() if "asyncio" not in line)
    )

    assert "1 passed" in run(project, "-p", "no:asyncio")
