"""`headwater run` as a process: what it prints, how it ends."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).parents[2]
PATIENCE = 30.0  # seconds
MODULE = "tests.support.parcels"

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts `headwater run` with arguments; whatever is left of it ends with the test."""
    started = []

    def start(*arguments: str, cwd: Path = ROOT, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "headwater", "run", *arguments],
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def address(process: subprocess.Popen[str]) -> str:
    """Where it serves, once it does."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("Listening on http://"), line
    return line.split()[-1]


def post(url: str, command: str, body: object, timeout: float = PATIENCE) -> tuple[int, object]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    try:
        connection.request(
            "POST",
            f"/api/commands/{command}",
            json.dumps(body),
            {"Content-Type": "application/json"},
        )
        answer = connection.getresponse()
        return answer.status, json.load(answer)
    finally:
        connection.close()


def finish(process: subprocess.Popen[str]) -> tuple[int, str, list[dict[str, object]]]:
    """Exit status, the rest of stdout, and the log."""
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out, [json.loads(line) for line in err.splitlines()]


def messages(log: list[dict[str, object]]) -> list[object]:
    """Return what was logged, but for streams, events and consumers coming and going."""
    said = [line["message"] for line in log]
    return [one for one in said if not str(one).startswith(("consumer ", "stream ", "event "))]


def test_it_serves_until_sigterm_and_then_stops_with_0(start: Start) -> None:
    process = start(MODULE, "--port", "0")
    url = address(process)

    answer = post(url, "open-desk", {})
    process.send_signal(signal.SIGTERM)
    status, out, log = finish(process)

    assert answer[0] == 200
    assert (status, out) == (0, "")
    assert messages(log) == ["serving", "command answered", "stopping", "stopped"]
    [serving] = [line for line in log if line["message"] == "serving"]
    assert serving["url"] == url


def test_sigint_stops_it_as_well(start: Start) -> None:
    process = start(MODULE, "--port", "0")
    address(process)

    process.send_signal(signal.SIGINT)

    assert finish(process)[0] == 0


def test_a_command_that_runs_is_finished_before_it_stops(start: Start) -> None:
    process = start(MODULE, "--port", "0")
    parts = urlsplit(address(process))
    body = json.dumps({"parcel_id": "00000000-0000-4000-8000-000000000000", "how": "for a while"})
    with socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE) as connection:
        connection.sendall(
            (
                "POST /api/commands/weigh-parcel HTTP/1.1\r\nHost: localhost\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
                # The server answers this when it begins to read: from then on the command runs.
                "Expect: 100-continue\r\n\r\n"
            ).encode()
        )
        assert b"100 Continue" in connection.recv(1000)
        connection.sendall(body.encode())
        wait_until_it_runs(process)
        process.send_signal(signal.SIGTERM)
        answer = connection.recv(10_000)

    status, _, log = finish(process)

    assert b"200 OK" in answer
    assert status == 0
    order = messages(log)
    assert order.index("stopping") < order.index("command answered") < order.index("stopped")


def wait_until_it_runs(process: subprocess.Popen[str]) -> None:
    """Until the handler has said that it began."""
    assert process.stderr is not None
    seen = []
    while "weighing" not in (line := process.stderr.readline()):
        assert line, seen
        seen.append(line)


def test_a_second_signal_ends_it_at_once(start: Start) -> None:
    process = start(MODULE, "--port", "0", HEADWATER_STOP_TIMEOUT="60")
    with endless_command(process):
        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        while "stopping" not in process.stderr.readline():
            pass
        process.send_signal(signal.SIGTERM)

        # Without the second signal it would wait for the command, and longer than this does.
        assert process.wait(PATIENCE) == 128 + signal.SIGTERM


def test_what_takes_longer_than_the_budget_is_broken_off(start: Start) -> None:
    process = start(MODULE, "--port", "0", HEADWATER_STOP_TIMEOUT="0.5")
    with endless_command(process) as connection:
        process.send_signal(signal.SIGTERM)
        answer = connection.recv(10_000)
        status = process.wait(PATIENCE)

    assert b"503" in answer.partition(b"\r\n")[0]
    assert status == 0


@contextmanager
def endless_command(process: subprocess.Popen[str]) -> Iterator[socket.socket]:
    """A connection on which a command runs that never ends."""
    parts = urlsplit(address(process))
    body = json.dumps({"parcel_id": "00000000-0000-4000-8000-000000000000", "how": "slowly"})
    with socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE) as connection:
        connection.sendall(
            (
                "POST /api/commands/weigh-parcel HTTP/1.1\r\nHost: localhost\r\n"
                "Content-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n{body}"
            ).encode()
        )
        wait_until_it_runs(process)
        yield connection


def test_a_lifespan_that_hangs_does_not_keep_it_alive(start: Start, tmp_path: Path) -> None:
    module(
        tmp_path,
        "from tests.support.parcels import service, handlers\n"
        "import asyncio, contextlib\n"
        "@contextlib.asynccontextmanager\n"
        "async def lifespan(app):\n"
        "    yield\n"
        "    await asyncio.Event().wait()\n",
    )
    process = start(
        "module", "--port", "0", cwd=tmp_path, PYTHONPATH=str(ROOT), HEADWATER_STOP_TIMEOUT="0.2"
    )
    address(process)

    process.send_signal(signal.SIGTERM)
    status, _, log = finish(process)

    assert status == 1
    assert "not stopped within 0.2 s" in str(messages(log)[-1])


def test_a_lifespan_that_fails_is_reported_and_is_status_1(start: Start, tmp_path: Path) -> None:
    module(
        tmp_path,
        "from tests.support.parcels import service, handlers\n"
        "import contextlib\n"
        "@contextlib.asynccontextmanager\n"
        "async def lifespan(app):\n"
        "    raise ConnectionError('no directory')\n"
        "    yield\n",
    )
    status, out, log = finish(start("module", "--port", "0", cwd=tmp_path, PYTHONPATH=str(ROOT)))

    assert (status, out) == (1, "")
    assert messages(log) == ["starting failed"]
    [failed] = [line for line in log if line["message"] == "starting failed"]
    assert "ConnectionError: no directory" in str(failed["exception"])


def test_a_store_that_is_not_there_is_told_in_a_sentence_and_is_status_1(
    start: Start, tmp_path: Path
) -> None:
    """A traceback would say nothing more: the error has what to do next."""
    module(
        tmp_path,
        "from headwater import StoreUnavailableError\n"
        "from tests.support.parcels import service, handlers\n"
        "import contextlib\n"
        "@contextlib.asynccontextmanager\n"
        "async def lifespan(app):\n"
        "    raise StoreUnavailableError('the database does not answer') from OSError()\n"
        "    yield\n",
    )
    status, out, log = finish(start("module", "--port", "0", cwd=tmp_path, PYTHONPATH=str(ROOT)))

    assert (status, out) == (1, "")
    [failed] = [line for line in log if str(line["message"]).startswith("starting failed: ")]
    assert "the database does not answer" in str(failed["message"])
    assert "exception" not in failed


def test_on_a_terminal_it_says_what_it_serves(start: Start) -> None:
    process = start(MODULE, "--port", "0", HEADWATER_LOG_FORMAT="human")
    url = address(process)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=PATIENCE)

    assert "serves parcels" in err
    assert "memory:// (forgotten when the process ends)" in err
    assert "/api/commands/send-parcel" in err
    assert f"{url}/docs" in err


def module(folder: Path, text: str) -> None:
    (folder / "module.py").write_text(text)


def test_the_loopback_address_of_version_6_is_served(start: Start) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no ::1")
    url = address(start(MODULE, "--host", "::1", "--port", "0"))

    assert url.startswith("http://[::1]:")
    assert post(url, "open-desk", {})[0] == 200


def test_a_setting_that_is_misspelled_is_warned_of(start: Start) -> None:
    process = start(MODULE, "--port", "0", HEADWATER_STOP_TIMEOUTS="1")
    address(process)
    process.send_signal(signal.SIGTERM)
    _, _, log = finish(process)

    assert log[0]["level"] == "warning"
    assert "did you mean HEADWATER_STOP_TIMEOUT?" in str(log[0]["message"])


def test_a_body_beyond_the_limit_is_refused_while_it_is_sent(start: Start) -> None:
    """The server does not wait for what it will not read, and closes the connection."""
    process = start(MODULE, "--port", "0", HEADWATER_MAX_BODY="1000")
    parts = urlsplit(address(process))
    with socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE) as connection:
        connection.sendall(
            b"POST /api/commands/open-desk HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"400\r\n" + b" " * 0x400 + b"\r\n"
        )
        answer = b""
        while part := connection.recv(10_000):
            answer += part

    assert b" 413 " in answer.partition(b"\r\n")[0]
    assert b"urn:headwater:problem:" in answer
