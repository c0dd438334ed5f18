"""Generate from hostile specs, compare with the benign twin, import under an audit hook.

A case is one slot of the rich spec and one payload. It passes when the spec is refused with located
problems and nothing was written, or when what was generated has the syntax tree of its twin (only
string constants differ) and its import does nothing that a data class would not do.
"""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from headwater_generator import generate
from headwater_generator.problems import SpecError

from .payloads import CANARY
from .slots import BENIGN, RICH, with_text
from .slots import Path as Slot

__all__ = ["Case", "Tally", "run_cases"]

BATCH = 40  # packages imported by one interpreter

WATCHED_IMPORT = Path(__file__).with_name("watched_import.py")


@dataclass(frozen=True, slots=True)
class Case:
    """One payload in one slot."""

    slot: Slot
    key: bool
    payload: str

    def __str__(self) -> str:
        kind = "key" if self.key else "value"
        return f"{kind} {'.'.join(map(str, self.slot))} = {self.payload!a}"


@dataclass(slots=True)
class Tally:
    """How the cases ended."""

    refused: int = 0
    generated: int = 0
    violations: list[str] = field(default_factory=list)


def run_cases(cases: Iterable[Case], folder: Path) -> Tally:
    """Run the cases below the folder and return how they ended; violations name their case."""
    tally = Tally()
    twins: dict[tuple[Slot, bool], dict[str, str] | None] = {}
    waiting: dict[str, Case] = {}
    for number, case in enumerate(cases):
        root = folder / f"case{number}"
        if not _generate(with_text(case.slot, case.payload, key=case.key), root, case, tally):
            continue
        tally.generated += 1
        place = (case.slot, case.key)
        if place not in twins or "enum" in case.slot:
            twins[place] = _twin(case, folder / "twin")
        twin = twins[place]
        # A payload that is a proper name is a name: it may stand in the code, and sorts elsewhere.
        if twin is not None and not re.fullmatch(r"[\w-]+", case.payload):
            tally.violations += [f"{case}: {text}" for text in _differences(twin, _trees(root))]
        waiting[str(root)] = case
        if len(waiting) == BATCH:
            tally.violations += _import(waiting)
    tally.violations += _import(waiting)
    return tally


def _generate(spec: dict[str, object], root: Path, case: Case, tally: Tally) -> bool:
    """Generate, and return whether the spec was accepted."""
    (root / "spec").mkdir(parents=True)
    (root / "pyproject.toml").write_text('[tool.headwater]\nspec = ["spec/rich_service.yaml"]\n')
    # JSON is YAML, and its escapes carry every character.
    (root / "spec" / "rich_service.yaml").write_text(json.dumps(spec))
    try:
        generate(root)
    except SpecError as error:
        tally.refused += 1
        if not error.problems or any(problem.line < 1 for problem in error.problems):
            tally.violations.append(f"{case}: refused without a place")
        written = [path.name for path in root.iterdir()]
        if sorted(set(written) - {".headwater"}) != ["pyproject.toml", "spec"]:
            tally.violations.append(f"{case}: refused, and yet it wrote {written}")
        shutil.rmtree(root)
        return False
    return True


def _twin(case: Case, root: Path) -> dict[str, str] | None:
    """Return the trees of the benign twin, or None where a benign word may not stand either."""
    tally = Tally()
    try:
        # An enum's members are named after their values, so the twin has the same letters.
        benign = " ".join(re.findall(r"\w+", case.payload)) if "enum" in case.slot else BENIGN
        spec = RICH if case.key else with_text(case.slot, benign, key=False)
        if not _generate(spec, root, case, tally):
            return None
        return _trees(root)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _trees(root: Path) -> dict[str, str]:
    """Return the syntax tree of every Python file, its string constants blanked."""
    trees: dict[str, str] = {}
    for path in sorted(root.rglob("*.py")):
        tree = ast.parse(path.read_bytes())
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                node.value = ""
        trees[str(path.relative_to(root))] = ast.dump(tree)
    return trees


def _differences(twin: dict[str, str], mine: dict[str, str]) -> Iterator[str]:
    for name in sorted(twin.keys() | mine.keys()):
        if twin.get(name) != mine.get(name):
            yield f"{name} has another syntax tree than its benign twin"


def _import(waiting: dict[str, Case]) -> list[str]:
    """Import what waits, forget it, and return what it did that it must not do."""
    if not waiting:
        return []
    done = subprocess.run(
        [sys.executable, str(WATCHED_IMPORT), CANARY, *waiting],
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines()
    if done.returncode:
        lines.append(f"the importing interpreter exited {done.returncode}: {done.stderr[-500:]}")
    found = []
    for line in lines:
        root, _, what = line.partition(" ")
        found.append(f"{waiting.get(root, 'a case')}: {what}")
    for root in waiting:
        shutil.rmtree(root)
    waiting.clear()
    return found
