"""Runs that end in the middle, and runs that meet."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from headwater_generator.problems import SpecError
from headwater_generator.publish.files import locked

if TYPE_CHECKING:
    from .conftest import Project

CHANGE = ("name: string}}", "name: string, note: string}}")


class KilledError(BaseException):
    """Stands for the end of the process: nothing catches it."""


def die_at(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Let the process end at so many renames from now."""
    rename = Path.replace
    left = iter(range(number))

    def replace(self: Path, target: Path) -> Path:
        if ".headwater" not in self.parts and next(left, None) is None:
            raise KilledError
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", replace)


@pytest.mark.parametrize("renames", range(4))
def test_the_next_run_mends_what_a_crash_left(
    project: Project, monkeypatch: pytest.MonkeyPatch, renames: int
) -> None:
    """Even if the spec has changed meanwhile: no file of the dead run counts as edited by hand."""
    project.generate()
    old = project.files()
    project.change(*CHANGE)
    with monkeypatch.context() as patch:
        die_at(patch, renames)
        with pytest.raises(KilledError):
            project.generate()
    for name, content in project.files().items():
        if name.endswith((".py", "V1.json")):
            assert content == old[name] or b"note" in content

    project.change("note: string", "remark: string")
    project.generate()

    assert b"remark" in (project.package / "events.py").read_bytes()
    assert project.generate(check=True).findings == ()
    assert not [name for name in project.files() if "tmp" in name or name.endswith(".next")]


def test_a_full_disk_leaves_every_file_as_it_was(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.generate()
    project.change(*CHANGE)
    before = project.files()
    write = os.fdopen
    opened = 0

    def full(descriptor: int, mode: str) -> object:
        nonlocal opened
        opened += 1
        if opened > 3:
            os.close(descriptor)
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, mode)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdopen", full)
        with pytest.raises(SpecError) as error:
            project.generate()

    assert [problem.code for problem in error.value.problems] == ["HW706"]
    assert "No space left" in str(error.value)
    assert project.files() == before
    project.generate()
    assert project.generate(check=True).findings == ()


def test_unfinished_files_of_a_killed_run_are_swept_away(project: Project) -> None:
    project.generate()
    leftover = project.package / ".events.py.4711.headwater-tmp"
    leftover.write_text("half a")

    project.change(*CHANGE)
    project.generate()

    assert not leftover.exists()


def test_a_run_waits_for_its_turn_and_then_says_so(project: Project) -> None:
    with locked(project.root), pytest.raises(SpecError) as error:
        project.generate(lock_timeout=0.0)

    assert [problem.code for problem in error.value.problems] == ["HW704"]
    assert not project.package.exists()


def test_a_check_needs_no_turn(project: Project) -> None:
    project.generate()

    with locked(project.root):
        assert project.generate(check=True).findings == ()


def test_the_lock_of_a_process_that_was_killed_blocks_nobody(project: Project) -> None:
    program = textwrap.dedent(
        """
        import signal, sys
        from pathlib import Path
        from headwater_generator.publish.files import locked
        with locked(Path(sys.argv[1])):
            print("held", flush=True)
            signal.pause()
        """
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(project.root)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    with (project.root / ".headwater" / "lock").open() as file, pytest.raises(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()

    project.generate(lock_timeout=5.0)


def test_two_runs_at_once_both_succeed_and_leave_one_whole_package(project: Project) -> None:
    program = (
        "import sys; from pathlib import Path; from headwater_generator import generate;"
        "generate(Path(sys.argv[1]))"
    )
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(project.root)], stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]

    for run in runs:
        _, errors = run.communicate()
        assert run.returncode == 0, errors
    assert project.generate(check=True).findings == ()
    assert not [name for name in project.files() if "headwater-tmp" in name]


def test_a_cache_may_be_damaged_or_deleted_at_any_time(project: Project) -> None:
    project.generate()
    before = project.files()
    cache = project.root / ".headwater" / "cache"
    for path in cache.rglob("*.json*"):
        path.write_bytes(b'\x00["broken\n[1, 2]\n{}\n' + path.read_bytes()[:40])
    for name in before:
        if name.startswith("generated"):
            (project.root / name).unlink()

    project.generate()

    assert project.files() == before


def test_git_is_told_to_ignore_locks_and_caches(project: Project) -> None:
    project.generate()

    assert "*" in (project.root / ".headwater" / ".gitignore").read_text().splitlines()


def test_what_goes_is_removed_before_what_comes_is_written(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a disk that takes `UserRemoved` and `USERRemoved` for one file, the new one must stay."""
    project.generate()
    project.change("UserRemoved", "USERRemoved")
    rename = Path.replace
    seen: list[bool] = []

    def replace(self: Path, target: Path) -> Path:
        if target.name == "USERRemoved.v1.json":
            seen.append(target.with_name("UserRemoved.v1.json").exists())
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    project.generate()

    assert seen == [False]
    assert (project.package / "schemas" / "USERRemoved.v1.json").exists()
