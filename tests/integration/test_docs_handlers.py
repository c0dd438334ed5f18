"""docs/handlers.md is one project: it is written down, generated, tested, typed, and grown."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from headwater_generator.configuration import KEYS, Configuration

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "handlers.md").read_text(encoding="utf-8")
GROWTH = "## When the spec grows"
SETTINGS = """
[tool.headwater]
[tool.mypy]
strict = true
explicit_package_bases = true
incremental = false
[tool.pytest.ini_options]
asyncio_mode = "auto"
asyncio_default_fixture_loop_scope = "function"
pythonpath = ["."]
filterwarnings = ["error"]
[tool.ruff]
line-length = 100
lint.select = ["E", "F", "I"]
"""


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def write(root: Path, part: str) -> None:
    """Write down the code of a part of the page; each block's first line names its file."""
    for block in blocks(part, "python"):
        title, body = block.split("\n", 1)
        path = root / title.removeprefix("# ").removesuffix(", further down")
        path.parent.mkdir(parents=True, exist_ok=True)
        is_more = title.endswith(", further down")
        path.write_text(f"{path.read_text()}\n\n{body}" if is_more else block)


def insert(root: Path, fragment: str) -> None:
    """Put lines into the spec, where the fragment's first line says."""
    title, body = fragment.split("\n", 1)
    name, line = title.removeprefix("# ").split(", under ")
    before, found, after = (root / name).read_text().partition(f"{line}\n")
    assert found
    (root / name).write_text(f"{before}{found}{body}{after}")


def run(root: Path, *arguments: str, status: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def check(root: Path, tests: int) -> None:
    """Run what a team runs on its own code."""
    assert f"{tests} passed" in run(root, "pytest", "-q", "-p", "no:cacheprovider")
    run(root, "mypy", "services", "tests")
    run(root, "ruff", "check", "services", "tests")
    run(root, "ruff", "format", "--check", "services", "tests")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page's project, as it is before the spec grows."""
    root = tmp_path_factory.mktemp("handlers")
    (root / "pyproject.toml").write_text(SETTINGS)
    spec, *_ = blocks(PAGE, "yaml")
    (root / "spec").mkdir()
    (root / "spec" / "shop.yaml").write_text(spec)
    run(root, "headwater", "generate")
    write(root, PAGE.partition(GROWTH)[0])
    return root


def test_its_code_holds_before_and_after_the_spec_grows(project: Path) -> None:
    before, _, after = PAGE.partition(GROWTH)
    tests = len(re.findall(r"^async def test_", before, re.MULTILINE))
    check(project, tests)

    for fragment in blocks(after, "yaml"):
        insert(project, fragment)
    [grown, narrow] = blocks(after, "text")
    assert grown in run(project, "headwater", "generate")

    package = project / "services" / "shop" / "handlers" / "__init__.py"
    lines = "\n".join(re.findall(r"^ +\| (from .*)", grown, re.MULTILINE))
    head, imports = package.read_text().split("\n\n", 1)
    imports = imports.replace("[", '["cancel_order",', 1)
    package.write_text(f"{head}\n\n{lines}\n{imports}")
    assert narrow in run(project, "mypy", "services", "tests", status=1)

    write(project, after)
    run(project, "ruff", "format", str(package))
    check(project, tests)


def test_a_stub_is_made_again_as_shown(project: Path) -> None:
    [script] = blocks(PAGE, "sh")
    remove, again = script.splitlines()
    stub = project / remove.removeprefix("rm ")
    first = stub.read_text()
    stub.unlink()

    run(project, *again.split())

    assert stub.read_text() == first


def test_the_configuration_it_shows_is_the_default(tmp_path: Path) -> None:
    [text] = blocks(PAGE, "toml")
    table = tomllib.loads(text)["tool"]["headwater"]
    default = Configuration(tmp_path)

    assert tuple(table) == KEYS
    assert {key: table[key] for key in KEYS if key != "spec"} == {
        "out": default.out,
        "package": default.package,
        "handlers": default.handlers,
        "client_out": default.client_out,
    }


def test_every_link_leads_somewhere() -> None:
    titles = {
        re.sub(r"[^\w -]", "", title.lower()).strip().replace(" ", "-")
        for title in re.findall(r"^#+ (.*)", PAGE, re.MULTILINE)
    }

    for place in re.findall(r"\]\(([^)]+)\)", PAGE):
        file, _, anchor = place.partition("#")
        assert not file or (ROOT / "docs" / file).exists(), place
        assert file or anchor in titles, place
