"""Specs and everything that comes out of them, compared, imported, type-checked, linted, executed.

A case is a folder: `spec/`, `expected/` (the whole output) and `exercise.py`, a program that uses
the package as its owner would. `pytest tests/golden --update-expected` writes `expected/` anew.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from headwater_generator import generate

HERE = Path(__file__).parent
CASES = sorted(path.parent.name for path in HERE.glob("*/spec"))
OUTPUTS = ("generated", "services")


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def project(case: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generate the case in a folder of its own."""
    root = tmp_path_factory.mktemp(case)
    shutil.copytree(HERE / case / "spec", root / "spec")
    (root / "pyproject.toml").write_text("[tool.headwater]\n")
    generate(root)
    return root


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for output in OUTPUTS
        for path in sorted((folder / output).rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts and ".pyc" not in path.suffixes
    }


def call(root: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_whole_output_is_the_expected_one(
    case: str, project: Path, request: pytest.FixtureRequest
) -> None:
    expected = HERE / case / "expected"
    made = files(project)
    if request.config.getoption("--update-expected"):
        shutil.rmtree(expected, ignore_errors=True)
        for name, content in made.items():
            (expected / name).parent.mkdir(parents=True, exist_ok=True)
            (expected / name).write_bytes(content)

    wanted = files(expected)
    assert sorted(made) == sorted(wanted)
    assert [name for name in made if made[name] != wanted[name]] == []


def test_it_passes_the_linter_and_the_formatter(project: Path) -> None:
    call(project, sys.executable, "-m", "ruff", "check", *OUTPUTS)
    call(project, sys.executable, "-m", "ruff", "format", "--check", *OUTPUTS)


def test_it_passes_the_strict_type_checker(
    case: str, project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Its exercise too: what a user writes against it is typed."""
    shutil.copy(HERE / case / "exercise.py", project)
    cache = tmp_path_factory.getbasetemp() / "mypy_cache"
    call(
        project,
        *(sys.executable, "-m", "mypy", "--strict", f"--cache-dir={cache}"),
        *("--namespace-packages", "--explicit-package-bases", *OUTPUTS, "exercise.py"),
    )


def test_it_does_what_its_exercise_expects(case: str, project: Path) -> None:
    shutil.copy(HERE / case / "exercise.py", project)
    call(project, sys.executable, "-W", "error", "exercise.py")


def test_it_proves_its_own_versions(project: Path) -> None:
    """As a team's pytest does: without settings, from the project's folder."""
    if [*project.glob("generated/*/test_upcasting.py")]:
        call(project, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "generated")


def test_a_second_run_changes_nothing_and_a_check_agrees(project: Path) -> None:
    before = files(project)

    call(project, sys.executable, "-m", "headwater", "generate")
    call(project, sys.executable, "-m", "headwater", "generate", "--check")

    assert files(project) == before
