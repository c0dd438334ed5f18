"""`headwater init`: a project of the user's own that works from the start."""

from __future__ import annotations

import http.client
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from headwater.cli import main
from headwater_generator.check import load_specs
from headwater_generator.verbs import init

ROOT = Path(__file__).parents[2]
PATIENCE = 600.0  # seconds; the first target installs everything


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}


def test_it_writes_what_a_person_would_and_generates_nothing(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", "acme-tasks"]) == 0

    written = files_in(here / "acme-tasks")
    assert written == {
        ".gitignore",
        "Makefile",
        "README.md",
        "acme_tasks/__init__.py",
        "contracts/acme_tasks.yaml",
        "pyproject.toml",
        "tests/test_tasks.py",
    }
    out, err = capsys.readouterr()
    assert err == ""
    assert {f"acme-tasks/{name}" for name in written} < set(out.splitlines())


def next_line(capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["init", "acme-tasks"]) == 0
    return capsys.readouterr().out.splitlines()[-1]


def test_the_next_line_names_the_checkout_that_is_running(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert next_line(capsys) == (
        f"Next: cd acme-tasks && make HEADWATER={shlex.quote(str(ROOT))} generate check test run"
    )


@pytest.mark.parametrize(
    ("record", "given"),
    [
        (None, ""),  # from a package index
        ({"url": "file:///nowhere/headwater.whl", "archive_info": {}}, ""),
        ({"url": "file:{here}/a%20%24b.whl", "archive_info": {}}, "HEADWATER='{here}/a $$b.whl' "),
        ({"url": "file:{here}", "dir_info": {}}, "HEADWATER={here} "),
        ({"url": "https://x.example/h.whl"}, "HEADWATER=https://x.example/h.whl "),
        (
            {"url": "https://x.example/h.git", "vcs_info": {"vcs": "git", "commit_id": "c0ffee"}},
            "HEADWATER=git+https://x.example/h.git@c0ffee ",
        ),
    ],
)
def test_an_installed_headwater_names_what_it_was_installed_from(
    here: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    record: dict[str, object] | None,
    given: str,
) -> None:
    """As pip records it; a wheel that is gone is not named."""
    (here / "a $b.whl").touch()
    text = None if record is None else json.dumps(record).replace("{here}", str(here))
    installed = SimpleNamespace(read_text={"direct_url.json": text}.get)
    monkeypatch.setattr(metadata, "distribution", {"headwater": installed}.get)
    monkeypatch.setattr(init, "__file__", str(here / "site-packages" / "a" / "b" / "init.py"))

    given = given.replace("{here}", str(here))
    assert next_line(capsys) == f"Next: cd acme-tasks && make {given}generate check test run"


def test_its_names_are_not_ours(here: Path) -> None:
    """Nothing in a team's project depends on the folder names of Headwater's own repository."""
    main(["init", "acme-tasks"])

    document = tomllib.loads((here / "acme-tasks" / "pyproject.toml").read_text())
    assert document["tool"]["headwater"] == {
        "spec": "contracts/acme_tasks.yaml",
        "out": "acme_tasks",
        "package": "acme_tasks.contract",
        "handlers": "acme_tasks.handlers",
    }


@pytest.mark.parametrize("name", ["a", "orders", "order-service", "x2-y3", "a" * 80, "zebra"])
def test_whatever_the_name_the_spec_has_no_mistake(here: Path, name: str) -> None:
    assert main(["init", name]) == 0

    [spec] = (here / name / "contracts").iterdir()
    [loaded] = load_specs([spec], here / name)
    assert loaded.service == name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Order_Service", "'order-service' would be"),
        ("orders!", "is not a name for a service"),
        ("../orders", "is not a name for a service"),
        ("/tmp/orders", "is not a name for a service"),  # noqa: S108
        ("-orders", "No such option"),
        ("", "is not a name for a service"),
        ("7up", "is not a name for a service"),
        ("örders", "is not a name for a service"),
        ("orders\n", "is not a name for a service"),
        ("json", "'json', which is taken"),
        ("class", "'class', which is taken"),
        ("events", "'events', which is taken"),
        ("headwater", "'headwater', which is taken"),
        ("contracts", "'contracts', which is taken"),
        ("a" * 81, "longer than 80 characters"),
    ],
)
def test_a_name_that_cannot_be_one_is_refused(
    here: Path, capsys: pytest.CaptureFixture[str], name: str, reason: str
) -> None:
    assert main(["init", name]) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert reason in err
    assert "Traceback" not in err
    assert files_in(here) == set()


def test_an_empty_folder_is_taken(here: Path) -> None:
    (here / "acme-tasks").mkdir()

    assert main(["init", "acme-tasks"]) == 0


def test_a_folder_in_use_is_left_as_it_is(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "acme-tasks").mkdir()
    (here / "acme-tasks" / "notes.txt").write_text("mine")

    assert main(["init", "acme-tasks"]) == 2
    assert "is not an empty folder; nothing was written" in capsys.readouterr().err
    assert files_in(here) == {"acme-tasks/notes.txt"}


def test_a_file_of_that_name_is_left_as_it_is(here: Path) -> None:
    (here / "acme-tasks").write_text("mine")

    assert main(["init", "acme-tasks"]) == 2
    assert (here / "acme-tasks").read_text() == "mine"


def test_a_link_to_nowhere_is_not_followed(here: Path) -> None:
    (here / "acme-tasks").symlink_to(here / "elsewhere")

    assert main(["init", "acme-tasks"]) == 2
    assert not (here / "elsewhere").exists()


def make(folder: Path, *arguments: str, status: int = 0) -> str:
    """Run make to the end and return what it printed."""
    done = subprocess.run(
        ["make", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        env=environment(),
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + (done.stderr if status else "")


def environment() -> dict[str, str]:
    """Ours, without what this test run itself was told by make."""
    return {
        key: value
        for key, value in os.environ.items()
        if key not in {"HEADWATER", "MAKEFLAGS", "MAKELEVEL"}
    }


def test_every_target_works(here: Path) -> None:
    """With Headwater from this working tree, everything else as a user gets it."""
    main(["init", "acme-tasks"])
    folder = here / "acme-tasks"
    source = [f"HEADWATER={ROOT}", f"PYTHON={sys.executable}", f"PIP_CONSTRAINT={locked(here)}"]

    assert "make generate" in make(folder)  # the help, which installs nothing
    assert not (folder / ".venv").exists()

    assert "acme-tasks: 37 generated files" in make(folder, "generate", *source)
    assert (folder / "acme_tasks" / "handlers" / "create_task.py").is_file()
    make(folder, "check")  # what Headwater is installed from is remembered
    assert "4 passed" in make(folder, "test", *source)
    serve(folder, source)

    refused = make(folder, "test", "HEADWATER=/nowhere", status=2)
    assert "cannot be had from '/nowhere'; name a checkout or a wheel of it: make HEADW" in refused
    assert "Installing" not in make(folder, "generate")  # as it was before
    again = make(folder, "generate", f"HEADWATER=file://{ROOT}", *source[1:])
    assert "Installing" in again
    assert (folder / ".venv" / ".ready").read_text() == f"file://{ROOT}\n"

    handler = folder / "acme_tasks" / "handlers" / "create_task.py"
    handler.write_text(handler.read_text() + "\n\n# mine\n")
    make(folder, "generate")
    assert handler.read_text().endswith("# mine\n")

    spec = folder / "contracts" / "acme_tasks.yaml"
    spec.write_text(
        spec.read_text().replace("    events:\n", "    events:\n      TaskPaused: {}\n")
    )
    make(folder, "generate")
    narrow = make(folder, "check", status=2)
    assert 'Module "acme_tasks.handlers" have conflicts' in narrow
    assert re.search(r"Expected:\n.* def task_log\(event: TaskPausedV1 \| ", narrow)
    assert re.search(r"Got:\n.* def task_log\(event: TaskCreatedV1 \| TaskFinishedV1,", narrow)
    assert "Cannot infer" not in narrow

    handler = folder / "acme_tasks" / "handlers" / "task_log.py"
    for old in ("TaskCreated, TaskFinished", "TaskCreated | TaskFinished"):
        new = f"{old}{old[11:-12]}TaskPaused"
        handler.write_text(handler.read_text().replace(old, new))
    make(folder, "check")


def locked(folder: Path) -> Path:
    """The versions that this repository is tested with."""
    pins = re.findall(
        r"^\S+==[^\s\\]+(?: ;[^\\\n]*)?", (ROOT / "requirements.lock").read_text(), re.MULTILINE
    )
    constraints = folder / "constraints.txt"
    constraints.write_text("\n".join(pins))
    return constraints


def serve(folder: Path, source: list[str]) -> None:
    """`make run` serves until it is interrupted, as from a terminal."""
    process = subprocess.Popen(
        ["make", "run", "PORT=0", *source],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        env=environment(),
    )
    try:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        url = next(line.split()[-1] for line in lines if line.startswith("Listening on"))
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        connection.request(
            "POST",
            "/api/commands/create-task",
            json.dumps({"title": "Try it", "priority": "urgent"}),
            {"Content-Type": "application/json"},
        )
        answer = connection.getresponse()
        assert answer.status == 200
        assert json.load(answer)["result"]
        connection.close()
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=30)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
