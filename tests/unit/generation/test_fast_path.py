"""A run with nothing to do looks at files and imports nothing heavy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Project

HEAVY = {"typer", "yaml", "pydantic", "jinja2", "datamodel_code_generator"}
PROGRAM = """
import json, sys
from headwater_generator.verbs.generate import run
status = run(sys.argv[1:])
print(json.dumps([status, sorted(sys.modules)]), file=sys.stderr)
"""


def run(project: Project, *arguments: str) -> tuple[int, set[str], str]:
    """Return the exit status, the modules that were imported, and what was printed."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=project.root,
        capture_output=True,
        text=True,
        check=False,
    )
    status, modules = json.loads(done.stderr.splitlines()[-1])
    return status, set(modules), done.stdout


@pytest.fixture
def settled(project: Project) -> Project:
    """A project whose last run ended well, its files older than the run that looks at them."""
    old = time.time_ns() - 60_000_000_000
    for path in (project.spec, project.root / "pyproject.toml"):
        os.utime(path, ns=(old, old))
    assert run(project)[0] == 0
    return project


def test_with_nothing_to_do_nothing_heavy_is_imported(settled: Project) -> None:
    status, modules, printed = run(settled)

    assert (status, modules & HEAVY) == (0, set())
    assert "up to date" in printed


def test_a_touched_file_with_the_same_content_is_nothing_to_do(settled: Project) -> None:
    settled.spec.touch()
    (settled.package / "events.py").touch()

    assert run(settled)[1] & HEAVY == set()


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p.change("name: string}}", "name: string, note: string}}"),
        lambda p: (p.package / "events.py").unlink(),
        lambda p: (p.package / "events.py").write_text("x"),
        lambda p: p.configure('[tool.headwater]\nout = "made"\n'),
        lambda p: (p.root / "ruff.toml").write_text("line-length = 120\n"),
        lambda p: (p.root / "spec" / "more.yaml").write_text("headwater: 1\nservice: more\n"),
        lambda p: (p.handlers / "__init__.py").write_text(""),
        lambda p: (p.handlers / "add_user.py").unlink(),
        lambda p: (p.package / "manifest.json").unlink(),
        lambda p: [f.unlink() for f in (p.root / ".headwater").rglob("*.json")],
    ],
    ids=[
        "spec",
        "output gone",
        "output edited",
        "configuration",
        "a new configuration of ruff",
        "a new spec",
        "handlers",
        "a deleted stub",
        "manifest",
        "stamp",
    ],
)
def test_whatever_a_run_depends_on_makes_it_look_again(settled: Project, change: object) -> None:
    change(settled)  # type: ignore[operator]

    assert "jinja2" in run(settled)[1]


def test_a_field_of_a_form_seen_before_asks_the_library_nothing(settled: Project) -> None:
    settled.change("name: string}}", "name: string, surname: string}}")

    _, modules, printed = run(settled)

    assert "wrote    generated/user_service/events.py" in printed
    assert modules & HEAVY == {"yaml", "jinja2"}


def test_what_python_caches_beside_the_handlers_is_nothing_to_do(settled: Project) -> None:
    (settled.handlers / "__pycache__").mkdir()

    assert run(settled)[1] & HEAVY == set()


def test_another_command_line_has_a_stamp_of_its_own(settled: Project) -> None:
    _, modules, printed = run(settled, "--format", "json")

    assert "jinja2" in modules
    assert json.loads(printed)["files"] == 32
    assert json.loads(run(settled, "--format", "json")[2])["written"] == []


def test_a_check_renders_everything(settled: Project) -> None:
    """It is the answer to "is this right", so it believes no stamp."""
    status, modules, _ = run(settled, "--check")

    assert (status, "jinja2" in modules) == (0, True)


def test_a_spec_that_changes_while_it_is_read_leaves_no_stamp(project: Project) -> None:
    future = time.time_ns() + 60_000_000_000
    os.utime(project.spec, ns=(future, future))

    run(project)

    assert "jinja2" in run(project)[1]


def test_what_is_left_to_do_for_the_team_is_told_again(settled: Project) -> None:
    settled.change("  audit: {stream", "  audit-log: {stream")
    old = time.time_ns() - 60_000_000_000
    os.utime(settled.spec, ns=(old, old))
    run(settled)

    _, modules, printed = run(settled)

    assert modules & HEAVY == set()
    assert "from .audit_log import audit_log" in printed
    assert "orphaned services/user_service/handlers/audit.py" in printed
