"""The client package of the sample, as the team of another service gets it: built and installed.

Its environment holds the runtime's core and pydantic, and nothing of the generator, brokers or
databases.
"""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from headwater_generator.packaging import package

ROOT = Path(__file__).parents[2]
FOREIGN = ("headwater_generator", "yaml", "jinja2", "typer", "sqlalchemy", "aio_pika", "google")

READS_EVERY_VERSION = """
import sys
from json import dumps
from pathlib import Path

import user_service_client
from user_service_client import UserAdded, UserAddedV1, UserAddedV2, UserRemoved, contract

assert "site-packages" in user_service_client.__file__, user_service_client.__file__
versions = {
    1: (UserAddedV1, {"user_id": 1, "name": "Ada Lovelace"}),
    2: (
        UserAddedV2,
        {"user_id": 1, "first_name": "Ada", "last_name": "Lovelace", "email": "a@b.example",
         "channel": "web"},
    ),
    3: (
        UserAdded,
        {"user_id": 1, "first_name": "Ada", "last_name": "Lovelace", "email": "a@b.example",
         "source": "website"},
    ),
}
for version, (model, data) in versions.items():
    assert model.event_version == version
    assert model.model_validate_json(dumps(data)).model_dump(mode="json") == data
    for wanted, (target, _) in versions.items():
        there = contract.registry.upcast(
            "UserAdded", data, from_version=version, to_version=wanted
        )
        assert target.model_validate_json(dumps(there)).user_id == 1
        print(version, wanted, there.get("name", there.get("last_name")))
assert UserRemoved.model_validate_json('{"user_id": 1}').user_id == 1
folder = Path(user_service_client.__file__).parent
assert (folder / "schemas" / "UserAdded.v3.json").is_file()
assert (folder / "contract.yaml").is_file()
"""

TYPED = """\
from user_service_client import UserAdded, UserAddedV1, contract


def greeting(event: UserAdded) -> str:
    return f"Hello, {event.first_name}"


def old_greeting(event: UserAddedV1) -> str:
    return f"Hello, {event.name}"


service: str = contract.service
"""


def call(*command: str | Path, cwd: Path, status: int = 0) -> str:
    """Run to the end and return what it printed."""
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def needed(distribution: str, seen: set[str]) -> set[str]:
    """Return the distributions that one needs, extras left out, and itself."""
    name = re.sub(r"[-_.]+", "-", distribution).lower()
    if name not in seen:
        seen.add(name)
        for requirement in importlib.metadata.requires(name) or ():
            if "extra ==" not in requirement:
                needed(re.split(r"[^\w.-]", requirement, maxsplit=1)[0], seen)
    return seen


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel beside what the runtime's core needs, and return that interpreter."""
    folder = tmp_path_factory.mktemp("client")
    [built] = package(ROOT, ["user-service"], out=folder / "dist")
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    site = Path(
        call(
            python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder
        ).strip()
    )
    (site / "headwater").symlink_to(ROOT / "runtime" / "headwater")
    # What is installed here already does: no package index is asked.
    for name in needed("pydantic", set()) | needed("email-validator", set()):
        installed = importlib.metadata.distribution(name)
        for top in {file.parts[0] for file in installed.files or () if ".." not in file.parts}:
            if not (site / top).exists():
                (site / top).symlink_to(str(installed.locate_file(top)))
    call(
        python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index",
        "--no-deps", folder / "dist" / Path(built.wheel).name, cwd=folder,
    )  # fmt: skip
    return python


def test_it_reads_every_version_up_and_down_with_the_core_alone(
    python: Path, tmp_path: Path
) -> None:
    program = f"{READS_EVERY_VERSION}\nprint(sorted(set({FOREIGN}) & {{*sys.modules}}))\n"
    (tmp_path / "program.py").write_text(program)

    told = call(python, "-W", "error", "program.py", cwd=tmp_path).splitlines()

    pairs = [tuple(map(int, line.split()[:2])) for line in told[:-1]]
    assert pairs == [(one, other) for one in (1, 2, 3) for other in (1, 2, 3)]
    assert all(line.split()[2:] in (["Lovelace"], ["Ada", "Lovelace"]) for line in told[:-1])
    assert told[-1] == "[]"
    for name in FOREIGN:
        found = f"import importlib.util; print(importlib.util.find_spec({name!r}))"
        assert call(python, "-c", found, cwd=tmp_path) == "None\n"


def test_type_checkers_know_its_events(python: Path, tmp_path: Path) -> None:
    (tmp_path / "consumer.py").write_text(TYPED)
    (tmp_path / "wrong.py").write_text(TYPED.replace("event.first_name", "event.name"))
    mypy = (
        *(sys.executable, "-m", "mypy", "--strict", "--python-executable", python),
        *("--config-file", "", "--cache-dir", tmp_path / "cache"),
    )

    call(*mypy, "consumer.py", cwd=tmp_path)
    told = call(*mypy, "wrong.py", cwd=tmp_path, status=1)

    assert '"UserAddedV3" has no attribute "name"' in told


def test_service_and_client_are_loaded_in_one_process(python: Path, tmp_path: Path) -> None:
    """Each has classes of its own under the same names, and the service its own protobuf pool."""
    [site] = (python.parents[1] / "lib").glob("*/site-packages")
    program = f"""
import sys

sys.path[:0] = [{str(site)!r}, {str(ROOT)!r}]
from user_service_client import UserAdded as Read, contract
from generated.user_service import Source, UserAdded as Recorded, user_service
from generated.user_service.pb import messages

assert Recorded is not Read
assert Recorded.event_name == Read.event_name
assert user_service.registry is not contract.registry
event = Recorded(
    user_id=1, first_name="Ada", last_name="L", email="a@b.example", source=Source.WEBSITE
)
read = Read.model_validate_json(event.model_dump_json())
assert read.model_dump(mode="json") == event.model_dump(mode="json")
assert messages.decode(Recorded, messages.encode(event).SerializeToString()) == event
assert contract.registry.get("UserAdded") is Read
assert user_service.registry.get("UserAdded") is Recorded
"""

    call(sys.executable, "-c", program, cwd=tmp_path)
