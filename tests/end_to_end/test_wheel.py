"""The wheel works by itself, in an environment that has nothing of the source."""

from __future__ import annotations

import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SPEC = ROOT / "spec" / "user_service.yaml"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel out of the working tree."""
    folder = tmp_path_factory.mktemp("wheel")
    call(sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", folder, ROOT, cwd=folder)
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an empty environment, install the wheel with what it asks for, return its bin folder."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder / "venv", with_pip=True)
    # The locked versions, without hashes: pip takes no hashed constraints for a local wheel.
    locked = (ROOT / "requirements.lock").read_text()
    constraints = folder / "constraints.txt"
    pins = re.findall(r"^\S+==[^\s\\]+(?: ;[^\\\n]*)?", locked, re.MULTILINE)
    constraints.write_text("\n".join(pins))
    bin_folder = folder / "venv" / "bin"
    call(
        bin_folder / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
        "--constraint", constraints, f"{wheel}[generator,http]", cwd=folder,
    )  # fmt: skip
    return bin_folder


def call(*command: str | Path, cwd: Path) -> str:
    """Run to the end and return what it printed."""
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_holds_both_packages_their_types_and_the_templates(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()

    assert "headwater/py.typed" in names
    assert "headwater_generator/py.typed" in names
    assert any(re.fullmatch(r"headwater_generator/templates/.+\.j2", name) for name in names)
    assert not [name for name in names if name.startswith(("tests/", "generated/", "services/"))]


def test_an_empty_environment_generates_a_service_and_imports_it(
    environment: Path, tmp_path: Path
) -> None:
    """Templates included: nothing is read from the source tree."""
    (tmp_path / "spec").mkdir()
    (tmp_path / "spec" / "user_service.yaml").write_text(SPEC.read_text())
    (tmp_path / "pyproject.toml").write_text("[tool.headwater]\n")

    call(environment / "headwater", "generate", cwd=tmp_path)

    where = call(
        environment / "python", "-c", "import headwater; print(headwater.__file__)", cwd=tmp_path
    )
    assert str(environment.parent) in where
    program = (
        "from generated.user_service import user_service; "
        "from services.user_service import handlers; "
        "from headwater import App; App(user_service, handlers=handlers); print(user_service.name)"
    )
    assert call(environment / "python", "-c", program, cwd=tmp_path) == "user-service\n"
    assert call(environment / "headwater", "generate", "--check", cwd=tmp_path) is not None


def test_the_core_pulls_neither_the_generator_nor_a_server(
    environment: Path, tmp_path: Path
) -> None:
    """A client of the runtime needs pydantic and nothing else."""
    program = (
        "import sys, headwater; [getattr(headwater, name) for name in headwater.__all__]; "
        "print(sorted(m for m in ('yaml', 'jinja2', 'typer', 'fastapi', 'sqlalchemy', 'rich',"
        " 'headwater_generator') if m in sys.modules))"
    )
    assert call(environment / "python", "-c", program, cwd=tmp_path) == "[]\n"
