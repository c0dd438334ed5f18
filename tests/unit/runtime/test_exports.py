"""What `headwater` offers, and what it costs to import."""

import ast
import subprocess
import sys
from pathlib import Path

import headwater
from headwater.events import Command, Data, Event
from headwater.schema import RESERVED_FIELD_NAMES


def test_everything_promised_is_there_and_sorted() -> None:
    assert list(headwater.__all__) == sorted(headwater.__all__)
    for name in headwater.__all__:
        assert getattr(headwater, name) is not None


def test_the_names_for_type_checkers_are_the_names_that_are_loaded() -> None:
    tree = ast.parse(Path(headwater.__file__).read_text(encoding="utf-8"))
    [block] = [node for node in tree.body if isinstance(node, ast.If)]
    imported = {
        alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert imported == headwater._HOME_OF
    assert sorted(imported) == headwater.__all__


def test_the_command_line_and_the_shared_facts_start_without_pydantic() -> None:
    code = (
        "import sys, headwater.cli, headwater.schema\n"
        "print([name for name in ('pydantic', 'typer', 'asyncio') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_reserved_field_names_are_what_the_bases_really_have() -> None:
    """A field of such a name would hide, or be hidden by, something of its class."""
    real = {
        name
        for base in (Event, Data, Command)
        for name in {
            *dir(base),
            *(key for one in base.__mro__ for key in vars(one).get("__annotations__", ())),
        }
        if not name.startswith("_")
    }
    assert real == RESERVED_FIELD_NAMES
