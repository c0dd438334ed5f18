"""The functions of a service: found in what the team gives, or named as missing."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from headwater.errors import ConfigurationError
from headwater.handlers import resolve_functions

from tests.support.orders import order_service


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A package of handlers that has a module for one function and imports nothing of it."""
    folder = tmp_path / "shop_of_this_test" / "handlers"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "quote.py").write_text("async def quote(command, stream, context): ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    yield importlib.import_module("shop_of_this_test.handlers")
    for name in [name for name in sys.modules if name.startswith("shop_of_this_test")]:
        del sys.modules[name]


@pytest.mark.parametrize("is_imported", [False, True])
def test_a_module_that_is_not_imported_from_is_named_with_the_line_to_add(
    package: ModuleType,
    is_imported: bool,
) -> None:
    if is_imported:  # the module is an attribute then, and still no function
        importlib.import_module("shop_of_this_test.handlers.quote")

    with pytest.raises(ConfigurationError) as refused:
        resolve_functions(order_service, package)

    problems = refused.value.problems
    where = "shop_of_this_test.handlers"
    line = '"from .quote import quote" to shop_of_this_test/handlers/__init__.py'
    assert f"{where} has no quote: add {line}" in problems
    assert f"{where} has no packing: write async def packing(event, context)" in problems


def test_a_file_outside_of_the_working_folder_is_named_in_full(
    package: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")

    with pytest.raises(ConfigurationError) as refused:
        resolve_functions(order_service, package)

    assert f" to {tmp_path}/shop_of_this_test/handlers/__init__.py" in str(refused.value)
