"""Equal input gives equal bytes, and output that every tool accepts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from headwater_generator import generate
from jsonschema import Draft202012Validator

if TYPE_CHECKING:
    from .conftest import Project

ROOT = Path(__file__).parents[3]
PROGRAM = (
    "import sys; from pathlib import Path; from headwater_generator import generate;"
    "generate(Path(sys.argv[1]))"
)


@pytest.mark.parametrize("seed", ["0", "1", "4711"])
def test_the_same_bytes_whatever_the_order_of_hashes(
    project: Project, tmp_path_factory: pytest.TempPathFactory, seed: str
) -> None:
    other = tmp_path_factory.mktemp("other")
    (other / "spec").mkdir()
    spec = (ROOT / "spec" / "user_service.yaml").read_text()
    for root in (project.root, other):
        (root / "pyproject.toml").write_text("[tool.headwater]\n")
        (root / "spec" / "user_service.yaml").write_text(spec)
    project.generate()

    subprocess.run(
        [sys.executable, "-c", PROGRAM, str(other)],
        check=True,
        env={**os.environ, "PYTHONHASHSEED": seed},
    )

    mine = project.files()
    assert len(mine) > 20
    assert {name: (other / name).read_bytes() for name in mine} == mine


def test_a_warm_cache_and_a_cold_one_give_the_same_bytes(project: Project) -> None:
    project.generate()
    project.change("name: string}}", "name: {type: string, maxLength: 9}}}")
    project.generate()
    project.change("name: {type: string, maxLength: 9}}}", "name: string}}")
    project.generate()
    warm = project.files()
    for path in (project.root / ".headwater").rglob("*.json*"):
        path.unlink()
    for name in warm:
        if name.startswith("generated"):
            (project.root / name).unlink()

    project.generate()

    assert project.files() == warm


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository's own sample, generated."""
    root = tmp_path_factory.mktemp("sample")
    (root / "pyproject.toml").write_text("[tool.headwater]\n")
    (root / "spec").mkdir()
    (root / "spec" / "user_service.yaml").write_text(
        (ROOT / "spec" / "user_service.yaml").read_text()
    )
    generate(root)
    return root


def call(*arguments: str | Path, cwd: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_sample_is_formatted_and_clean_for_ruff(sample: Path) -> None:
    call("ruff", "format", "--check", ".", cwd=sample)
    call(
        "ruff", "check", "--config", ROOT / "pyproject.toml",
        "--config", 'lint.isort.known-third-party = ["headwater"]',
        "--config", 'lint.isort.known-first-party = ["generated", "services"]',
        ".",
        cwd=sample,
    )  # fmt: skip


def test_the_sample_is_clean_for_a_strict_type_checker(sample: Path) -> None:
    (sample / "mypy.ini").write_text(
        f"[mypy]\nstrict = True\nnamespace_packages = True\nexplicit_package_bases = True\n"
        f"mypy_path = {ROOT / 'runtime'}\n"
    )
    call("mypy", "--cache-dir", sample / ".mypy_cache", "generated", "services", cwd=sample)


def test_the_sample_can_be_imported_and_handlers_have_the_shape(sample: Path) -> None:
    program = (
        "import sys; sys.path.insert(0, '.');"
        "from generated.user_service import user_service, subscriptions, UserAdded, UserAddedV3;"
        "from services.user_service import handlers, service;"
        "assert service is user_service and UserAdded is UserAddedV3;"
        "assert [c.handler for c in service.commands if not hasattr(handlers, c.handler)] == []"
    )
    subprocess.run([sys.executable, "-c", program], cwd=sample, check=True)


def test_every_schema_is_one_by_the_meta_schema(sample: Path) -> None:
    schemas = sorted((sample / "generated" / "user_service" / "schemas").glob("*.v*.json"))

    assert len(schemas) == 7  # five events, one of them in three versions
    identifiers = set()
    for path in schemas:
        schema = json.loads(path.read_text())
        Draft202012Validator.check_schema(schema)
        identifiers.add(schema["$id"])
    assert len(identifiers) == 7


def test_no_generated_file_knows_when_or_where_it_was_made(sample: Path) -> None:
    for path in (sample / "generated").rglob("*"):
        if path.is_file() and path.suffix != ".pyc":
            text = path.read_text()
            assert str(sample) not in text
            assert "@generated" in text or path.name == "py.typed"
