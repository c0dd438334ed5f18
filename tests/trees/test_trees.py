"""Trees that cannot be written to as they stand, one folder each, and what is said about them.

A folder is a project: it is generated once, `change.py` does to it what somebody did, and it is
generated again, as `call.txt` says (`check`, `stubs=NAME`, or while another run holds the lock), or
another verb is called (`release=NAME`, `version=NAME`). What is said stands in `expected.txt`;
`pytest tests/trees --update-expected` writes it anew.
"""

from __future__ import annotations

import runpy
import shutil
from contextlib import nullcontext
from pathlib import Path

import pytest
from headwater_generator import generate
from headwater_generator.codes import CODES
from headwater_generator.problems import SpecError, render
from headwater_generator.publish.files import locked
from headwater_generator.versioning import begin_version, release_drafts

HERE = Path(__file__).parent
CASES = sorted(path.parent.name for path in HERE.glob("*/spec"))


def told(root: Path, call: str) -> str:
    """What a second run says about the tree."""
    verb, _, name = call.partition("=")
    if verb in {"release", "version"}:
        try:
            (release_drafts(root, [name]) if verb == "release" else begin_version(root, name))
        except SpecError as error:
            return render(error.problems)
        return ""
    stubs = [call.removeprefix("stubs=")] if call.startswith("stubs=") else []
    with locked(root) if call == "locked" else nullcontext():
        try:
            report = generate(root, check=call == "check", stubs=stubs, lock_timeout=0.0)
        except SpecError as error:
            return render(error.problems)
    return render(report.findings)


def contents(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".headwater" not in path.parts
    }


@pytest.mark.parametrize("case", CASES)
def test_a_tree_in_a_bad_state_is_told_and_left_as_it_is(
    case: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    root = tmp_path / "project"
    shutil.copytree(HERE / case / "spec", root / "spec")
    (root / "pyproject.toml").write_text("[tool.headwater]\n")
    generate(root)
    if (HERE / case / "change.py").exists():
        runpy.run_path(str(HERE / case / "change.py"))["change"](root)
    call = HERE / case / "call.txt"
    before = contents(root)

    text = told(root, call.read_text().strip() if call.exists() else "")

    assert contents(root) == before
    expected = HERE / case / "expected.txt"
    text = text.replace(str(tmp_path), "...")
    if request.config.getoption("--update-expected"):
        expected.write_text(text, encoding="utf-8")
    assert f"error[{case[:5]}]" in text
    assert text == expected.read_text(encoding="utf-8")


def test_every_code_of_writing_has_a_folder() -> None:
    """Those of a comparison with another commit need git, and are tried in test_compatibility;
    those of building a package need its backend, and are tried in test_package.
    """
    elsewhere = {"HW909", "HW910", "HW713", "HW714", "HW715", "HW716"}
    told = {one for one in CODES if one[:3] in {"HW7", "HW9"}} - elsewhere
    assert {case[:5] for case in CASES} == told
