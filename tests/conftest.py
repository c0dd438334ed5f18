"""Options and fixtures of all tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.faults.report import PROPERTY, table
from tests.faults.rows import ROWS, TURNS, has_its_turn, select
from tests.support.postgres import Server, server
from tests.support.rabbitmq import Broker, broker, programs

collect_ignore_glob = ["golden/*/expected"]  # what is generated there is run by test_golden


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-expected",
        action="store_true",
        help="write what tests compare with anew (read the diff before you commit it)",
    )
    parser.addoption(
        "--whole",
        action="store_true",
        help="run the tests of faults, canaries and histories of specs at their full size",
    )
    parser.addoption(
        "--row",
        action="append",
        default=[],
        metavar="F1",
        help="run only these rows of the fault matrix: " + ", ".join(ROWS),
    )
    parser.addoption(
        "--day",
        choices=[*map(str, range(TURNS)), "all"],
        help=f"of the fault tests that rotate, run those whose turn is on this day of {TURNS}; all "
        "of them run with --whole, with --row and where they are named (default: today)",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "row(id): the row of the fault matrix that a test proves")
    config.addinivalue_line("markers", "rotates: where tests run small, it has its turn by the day")
    if config.option.day is None:  # here, so that all processes of a run have the same
        config.option.day = str(datetime.now(UTC).toordinal() % TURNS)


def pytest_report_header(config: pytest.Config) -> str:
    """Which rows run on PostgreSQL, where not all do."""
    day = config.option.day
    if config.getoption("--whole") or config.getoption("--row") or day == "all":
        return "fault tests that rotate: all that are asked for"
    rows = ", ".join(row for row in ROWS if has_its_turn(row, int(day)))
    return f"fault tests that rotate: rows {rows} (--day {day} of {TURNS})"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is of no row that is asked for, or does not have its turn."""
    if wanted := config.getoption("--row"):
        kept, unknown = select(wanted, items)
        if unknown:
            raise pytest.UsageError(
                f"no test is of row {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}"
            )
    elif (
        config.getoption("--whole")
        or config.option.day == "all"
        or any("::" in str(one) for one in config.args)
    ):
        return
    else:
        kept = [item for item in items if _has_its_turn(item, int(config.option.day))]
    left_out = {*items} - {*kept}
    config.hook.pytest_deselected(items=[item for item in items if item in left_out])
    items[:] = kept


def _has_its_turn(item: pytest.Item, day: int) -> bool:
    row = item.get_closest_marker("row")
    if row is None or item.get_closest_marker("rotates") is None:
        return True
    return has_its_turn(row.args[0], day)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """What the fault tests counted, where they ran at their full size or as a row."""
    if not (config.getoption("--whole") or config.getoption("--row")):
        return
    tests = [
        (str(properties["row"]), report.nodeid.rpartition("::")[2], report.duration, figures)
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "call"
        if (figures := (properties := dict(report.user_properties)).get(PROPERTY))
    ]
    if tests:
        terminalreporter.section("faults")
        for line in table(sorted(tests, key=lambda test: ([*ROWS, ""].index(test[0]), test[1]))):
            terminalreporter.write_line(line)


@pytest.fixture
def whole(request: pytest.FixtureRequest) -> bool:
    """Whether to run at full size, as `make faults` does, or small."""
    return bool(request.config.getoption("--whole"))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server for this test session, with a template of our tables."""
    found = server()
    try:
        found.run(found.make_template())
        yield found
    finally:
        found.remove()


@pytest.fixture(scope="session")
def shared_database(postgres: Server) -> str:
    return postgres.run(postgres.create_database("template"))


@pytest.fixture
def postgres_url(postgres: Server, shared_database: str) -> str:
    """The URL of a database with our tables, all of them empty."""
    postgres.run(postgres.empty_database(shared_database))
    return shared_database


@pytest.fixture
def own_postgres_url(postgres: Server) -> Iterator[str]:
    """The URL of a database with our tables that is for this test alone, to do with as it likes."""
    url = postgres.run(postgres.create_database("template"))
    yield url
    postgres.run(postgres.drop_database(url))


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[Broker]:
    """A RabbitMQ broker of this test session's own."""
    _require_rabbitmq()
    with broker() as one:
        yield one


@pytest.fixture
def own_rabbitmq() -> Iterator[Broker]:
    """A RabbitMQ broker that is for this test alone, to kill and to start again."""
    _require_rabbitmq()
    with broker() as one:
        yield one


def _require_rabbitmq() -> None:
    if programs() is None:
        reason = "no RabbitMQ on this machine: rabbitmq-server and epmd are not found"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
