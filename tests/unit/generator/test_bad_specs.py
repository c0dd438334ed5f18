"""Wrong specs, one folder each below `tests/specs`, and what is said about them.

A folder is a project of its own: its files are copied, `project.toml` becomes its pyproject.toml,
`make.py` adds files that are too large or too odd to keep, and `headwater check` runs with
`spec.yaml` or what `arguments.txt` says. Its whole output and exit status stand in `expected.txt`;
`pytest tests/unit/generator/test_bad_specs.py --update-expected` writes them anew.
"""

from __future__ import annotations

import io
import json
import runpy
import shutil
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from headwater_generator.codes import CODES
from headwater_generator.verbs import check, generate

SPECS = Path(__file__).parents[2] / "specs"
CASES = sorted(path for path in SPECS.iterdir() if path.is_dir())

# What must be refused, as DESIGN and the threat model list it, and the folders that show it.
BAD_INPUT = {
    "malformed YAML": ["HW003-bracket-never-closed", "HW003-quote-never-closed"],
    "malformed JSON": ["HW003-broken-json"],
    "tabs": ["HW003-tab"],
    "UTF-16": ["HW002-utf-16", "HW002-utf-16-without-mark"],
    "bytes that are not UTF-8": ["HW002-latin-1"],
    "NUL": ["HW009-nul"],
    "an empty file": ["HW004-empty", "HW004-only-a-comment"],
    "several documents": ["HW005-three-documents"],
    "aliases, merge keys, bombs": [
        "HW006-billion-laughs",
        "HW006-merge-key",
        "HW006-aliases-anchors-and-merge-keys-are-refused",
    ],
    "tags": ["HW007-custom-tag", "HW007-python-tag"],
    "duplicate keys": ["HW008-a-key-is-there-twice", "HW008-in-two-files"],
    "unknown keys": ["HW101-many", "HW101-a-key-is-unknown"],
    "YAML 1.1 surprises": [
        "HW012-no-as-field",
        "HW012-names-and-versions",
        "HW012-octal-and-underscores",
        "HW012-booleans",
        "HW012-default-of-a-text",
    ],
    "reserved names": ["HW304-reserved"],
    "dunder names": ["HW301-cases"],
    "names that collide after casing": [
        "HW305-names-differ-only-in-spelling",
        "HW305-streams-and-subscriptions",
        "HW306-everywhere",
    ],
    "Unicode: confusables, other normal forms": [
        "HW301-confusable-and-foreign-letters",
        "HW009-decomposed-enum-value",
    ],
    "Unicode: bidi, zero width, line separators, controls, surrogates": [
        "HW009-bidi-in-comment",
        "HW009-zero-width-in-name",
        "HW009-line-separator",
        "HW009-next-line",
        "HW009-escape",
        "HW009-carriage-return-escape",
        "HW003-lone-surrogate",
    ],
    "path traversal in names": ["HW301-paths-and-code-in-names", "HW302-three-hundred-characters"],
    "path traversal in files": [
        "HW013-import-paths",
        "HW013-import-through-a-link",
        "HW013-spec-outside-the-project",
    ],
    "path traversal in the output": ["HW016-unknown-keys"],
    "code in names": ["HW301-paths-and-code-in-names"],
    "a file's name with quotes": ["HW014-quotes-in-the-name"],
    "remote and file references": ["HW013-import-paths"],
    "patterns that backtrack": ["HW405-patterns"],
    "defaults of the wrong type": ["HW406-defaults"],
    "NaN, 1e400, 10**5000": ["HW408-numbers"],
    "unknown types": ["HW401-unknown"],
    "cyclic types": ["HW412-cycles"],
    "100,000 events": ["HW011-hundred-thousand-events"],
    "a million lines": ["HW011-a-million-lines", "HW011-nine-megabytes"],
    "a string of a megabyte": ["HW011-a-text-of-a-megabyte"],
    "depth 10,000": ["HW010-ten-thousand-levels", "HW010-the-nesting-is-too-deep"],
}

Project = Callable[[Path], list[str]]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Copy a case into a project of its own, and return the arguments."""

    def make(case: Path) -> list[str]:
        root = tmp_path / "project"
        shutil.copytree(case, root, ignore=shutil.ignore_patterns("expected.txt", "make.py"))
        if (case / "make.py").exists():
            runpy.run_path(str(case / "make.py"))["make"](root)
        # Under its own name it would configure the tools that walk through this repository.
        if (root / "project.toml").exists():
            (root / "project.toml").rename(root / "pyproject.toml")
        else:
            (root / "pyproject.toml").write_text("[tool.headwater]\n")
        monkeypatch.chdir(root)
        arguments = case / "arguments.txt"
        return arguments.read_text().splitlines() if arguments.exists() else ["spec.yaml"]

    return make


def run(verb: Callable[[list[str]], int], arguments: list[str]) -> tuple[int, str, str]:
    stdout, stderr = io.StringIO(), io.StringIO()
    with redirect_stdout(stdout), redirect_stderr(stderr):
        status = verb(arguments)
    return status, stdout.getvalue(), stderr.getvalue()


def files() -> set[Path]:
    return set(Path().rglob("*"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_wrong_spec_is_refused_with_all_that_is_wrong(
    case: Path, project: Project, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    arguments = project(case)
    before = files()
    begun = time.process_time()

    status, stdout, stderr = run(check.run, arguments)

    assert time.process_time() - begun < 60  # of this processor: refusing is cheap
    assert status == 2
    assert stdout == ""
    assert files() == before
    told = f"{stderr.replace(str(tmp_path), '...')}exit status: {status}\n"
    expected = case / "expected.txt"
    if request.config.getoption("--update-expected"):
        expected.write_text(told, encoding="utf-8")
    assert told == expected.read_text(encoding="utf-8")
    assert f"error[{case.name[:5]}]" in told


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_nothing_is_generated_from_a_wrong_spec(case: Path, project: Project) -> None:
    arguments = project(case)
    before = files()

    status, stdout, stderr = run(generate.run, arguments)

    assert (status, stdout) == (2, "")
    assert f"error[{case.name[:5]}]" in stderr
    assert {path for path in files() - before if path.parts[0] != ".headwater"} == set()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_programs_are_told_the_same_problems_as_people(case: Path, project: Project) -> None:
    arguments = project(case)

    _, _, text = run(check.run, arguments)
    status, stdout, stderr = run(check.run, [*arguments, "--format", "json"])
    _, github, _ = run(check.run, [*arguments, "--format", "github"])

    problems = json.loads(stdout)["problems"]
    assert (status, stderr) == (2, "")
    assert text.count(": error[") == len(problems) == len(github.splitlines())
    for problem in problems:
        assert problem["code"] in CODES
        assert f"error[{problem['code']}]" in text


def test_every_code_has_a_folder() -> None:
    """Those of writing (HW7xx) and of the lock (HW9xx) are in `tests/trees`."""
    shown = {case.name[:5] for case in CASES}

    assert {one for one in CODES if one[:3] not in {"HW7", "HW9"}} == shown


def test_every_kind_of_bad_input_has_a_folder() -> None:
    names = {case.name for case in CASES}

    missing = {name for folders in BAD_INPUT.values() for name in folders} - names

    assert all(BAD_INPUT.values())
    assert not missing


def test_one_cause_is_one_error(project: Project) -> None:
    """What refers to something misspelt or broken is not wrong as well."""
    arguments = project(SPECS / "HW101-one-cause-is-one-error")

    _, stdout, _ = run(check.run, [*arguments, "--format", "json"])

    codes = [problem["code"] for problem in json.loads(stdout)["problems"]]
    assert codes == ["HW101", "HW301", "HW401", "HW402"]
