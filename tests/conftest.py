"""Options and fixtures of all tests."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-expected",
        action="store_true",
        help="write what tests compare with anew (read the diff before you commit it)",
    )
    parser.addoption(
        "--whole", action="store_true", help="run fault and canary tests at their full size"
    )


@pytest.fixture
def whole(request: pytest.FixtureRequest) -> bool:
    """Whether to run at full size, as `make faults` does, or small."""
    return bool(request.config.getoption("--whole"))
