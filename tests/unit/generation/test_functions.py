"""Functions that `custom` ops call: an input of the run, copied as they are, then frozen."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from headwater_generator.problems import SpecError
from headwater_generator.versioning import release_drafts

from .conftest import Project
from .test_fast_path import HEAVY, run

OLD = "UserAdded: {fields: {user_id: int, name: string}}"
NEW = (
    "UserAdded: {fields: {user_id: int, name: string}, upcast: [custom: {up: tidy}], "
    "history: {1: {fields: {user_id: int}}}}"
)
TEXT = """\
NAMES = {1: "Ada"}


def tidy(fields):
    return {**fields, "name": named(fields)}


def named(fields):
    return NAMES.get(fields["user_id"],  "")  # who knows


def other(fields):
    return fields
"""


@pytest.fixture
def functions(project: Project) -> Path:
    """The file of functions of a project whose event has one."""
    project.change(OLD, NEW)
    path = project.spec.parent / "upcasts" / "user_service.py"
    path.parent.mkdir()
    path.write_text(TEXT)
    return path


def test_the_copy_is_what_the_team_wrote(project: Project, functions: Path) -> None:
    functions.write_bytes(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode())

    project.generate()

    header, _, copied = (project.package / "upcasts.py").read_bytes().partition(b"\n\n")
    assert copied.decode() == TEXT
    assert b"from spec/upcasts/user_service.py" in header


def test_without_a_custom_op_the_file_is_no_input(project: Project, functions: Path) -> None:
    functions.write_text("import os\n")
    project.change(NEW, OLD)

    report = project.generate()

    assert functions not in report.read.inputs
    assert not (project.package / "upcasts.py").exists()


def test_once_no_op_calls_any_the_copy_goes(project: Project, functions: Path) -> None:
    project.generate()
    project.change("upcast: [custom: {up: tidy}]", 'upcast: [add: {name: ""}]')

    assert "generated/user_service/upcasts.py" in project.generate().removed


def test_a_changed_function_is_something_to_do(project: Project, functions: Path) -> None:
    old = time.time_ns() - 60_000_000_000
    for path in (project.spec, project.root / "pyproject.toml", functions):
        os.utime(path, ns=(old, old))
    assert run(project)[0] == 0
    assert run(project)[1] & HEAVY == set()
    functions.write_text(TEXT.replace("Ada", "Bob"))

    status, modules, printed = run(project)

    assert status == 0
    assert modules & HEAVY
    assert "upcasts.py" in printed


@pytest.mark.parametrize(
    ("old", "new"),
    [("  # who knows", ""), (",  ", ", "), ("    return fields\n", "    return {}\n")],
    ids=["comment", "space", "another function"],
)
def test_after_a_release_what_changes_nothing_may_change(
    project: Project, functions: Path, old: str, new: str
) -> None:
    project.generate()
    release_drafts(project.root)
    assert old in TEXT
    functions.write_text(TEXT.replace(old, new))

    assert "generated/user_service/upcasts.py" in project.generate().written


@pytest.mark.parametrize(
    ("old", "new"),
    [('"name": named', '"named": named'), ('"")', '"?")'), ("Ada", "Bob")],
    ids=["the function", "one that it calls", "a constant"],
)
def test_after_a_release_what_a_function_does_may_not_change(
    project: Project, functions: Path, old: str, new: str
) -> None:
    project.generate()
    release_drafts(project.root)
    assert old in TEXT
    functions.write_text(TEXT.replace(old, new))

    with pytest.raises(SpecError) as caught:
        project.generate()

    assert [one.code for one in caught.value.problems] == ["HW904"]
    assert release_drafts(project.root, reason="it was wrong") == ("UserAdded@2",)
    assert "generated/user_service/upcasts.py" in project.generate().written
