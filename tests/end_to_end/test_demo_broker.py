"""The demo of two services with a broker between them: `make demo-broker`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.rabbitmq import Broker

ROOT = Path(__file__).parents[2]
TABLE = """\
  appended    user-service's log          160
  relayed     with the broker             160
  taken in    analytics' log              160
  counted     analytics' handler          160
  lost        appended, not taken in        0
  duplicates  taken in or counted twice     0
"""


def run_demo(cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "demo.across_services"],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the broker's user may enter too."""
    path = Path(tempfile.mkdtemp(prefix="headwater-demo-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def processes_of(folder: Path) -> list[str]:
    """Those whose environment names the folder: services, and the broker, whose home is in it."""
    found: list[str] = []
    for one in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if str(folder).encode() in (one / "environ").read_bytes():
                found.append((one / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


@pytest.mark.usefixtures("rabbitmq")  # where there is none, that says so
def test_the_broker_and_a_reader_are_killed_and_each_event_is_counted_once(folder: Path) -> None:
    done = run_demo(folder, TMPDIR=str(folder))

    assert (done.returncode, done.stderr) == (0, "")
    for expected in (
        "$ kill -KILL (the broker, while users come)\n",
        "$ rabbitmq-server (the same again; more users come meanwhile)\n",
        "$ kill -KILL (analytics, which is started again)\n",
        TABLE,
        "analytics counted each of the 160 users once: none lost, none twice.\n",
    ):
        assert expected in done.stdout
    waited = re.search(r"All were taken; (\d+) wait in user-service's own database", done.stdout)
    assert waited
    assert 20 <= int(waited[1]) <= 40
    assert processes_of(folder) == []
    assert [one.name for one in folder.iterdir()] == ["data"]


def test_a_broker_that_is_named_is_used_and_what_an_earlier_run_has_left_is_not_in_the_way(
    folder: Path, rabbitmq: Broker
) -> None:
    left = folder / "data" / "demo" / "across" / "users.db"
    left.parent.mkdir(parents=True)
    left.write_text("of a run that was killed")
    done = run_demo(folder, PATH="", HEADWATER_BROKER=rabbitmq.url)

    assert (done.returncode, done.stderr) == (0, "")
    assert "it is not killed" in done.stdout
    assert "kill -KILL (the broker" not in done.stdout
    assert TABLE.replace("160", "120") in done.stdout
    assert rabbitmq.answers()


def test_without_a_broker_it_says_how_to_get_one(folder: Path) -> None:
    done = run_demo(folder, PATH="", HEADWATER_BROKER="")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("demo: there is no RabbitMQ on this machine. Install")
    assert "  docker compose up -d --wait rabbitmq\n" in done.stderr
    assert "  HEADWATER_BROKER=amqp://headwater:headwater@127.0.0.1:5672/ make" in done.stderr


@pytest.mark.parametrize(
    ("broker", "reason"),
    [
        ("amqp://guest:secret@127.0.0.1:1/", "analytics has no connection to its broker"),
        ("guest:secret@127.0.0.1", "the service ended before it said 'Listening on'"),
    ],
)
def test_a_broker_that_is_not_there_is_told_of(folder: Path, broker: str, reason: str) -> None:
    done = run_demo(folder, PATH="", HEADWATER_BROKER=broker)

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"demo: {reason}")
    assert "secret" not in done.stdout + done.stderr
