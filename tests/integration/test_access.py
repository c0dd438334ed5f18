"""Who may use a service: tokens, over a socket that other machines could reach."""

from __future__ import annotations

import http.client
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from headwater import App
from headwater.cli import main
from headwater.transports.http import application
from headwater.transports.problems import MEDIA_TYPE
from headwater.transports.tokens import Tokens, fingerprint_of, new_token

from tests.support import parcels

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0  # seconds
# A request that can be read in two ways.
TWO_LENGTHS = (
    b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
)
OLD, NEW = new_token(), new_token()


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """A service that admits two tokens, as during a rotation."""
    tokens = Tokens([fingerprint_of(OLD), fingerprint_of(NEW)])
    async with App(parcels.service, handlers=parcels.handlers, lifespan=parcels.lifespan) as app:
        transport = httpx.ASGITransport(application(app, tokens=tokens, by_address=True))
        async with httpx.AsyncClient(
            transport=transport, base_url="http://192.0.2.1:8123"
        ) as client:
            yield client


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("token", [OLD, NEW], ids=["old", "new"])
async def test_each_of_two_tokens_that_hold_is_admitted(
    client: httpx.AsyncClient, token: str
) -> None:
    response = await client.post("/api/commands/open-desk", json={}, headers=bearer(token))

    assert response.status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/commands/open-desk"),
        ("GET", "/openapi.json"),
        ("GET", "/docs"),
        ("GET", "/no-such-path"),
        ("GET", "/health/live/"),
        ("GET", "/health"),
    ],
)
async def test_without_a_token_that_holds_everything_is_401_in_the_same_words(
    client: httpx.AsyncClient,
    caplog: pytest.LogCaptureFixture,
    method: str,
    path: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = new_token()
    id_ = {"X-Request-Id": "r-1"}
    answers = [
        await client.request(method, path, headers={**id_, **headers})
        for headers in ({}, bearer(wrong), {"Authorization": "Basic eDp5"})
    ]

    assert {(one.status_code, one.text) for one in answers} == {(401, answers[0].text)}
    assert {tuple(sorted(one.headers.items())) for one in answers} == {
        tuple(sorted(answers[0].headers.items()))
    }
    assert answers[0].headers["WWW-Authenticate"] == 'Bearer realm="headwater"'
    assert answers[0].headers["Content-Type"] == MEDIA_TYPE
    assert answers[0].json()["type"] == "urn:headwater:problem:unauthorized"
    assert "request without a valid token refused" in caplog.text
    assert all(wrong not in str(record.__dict__) for record in caplog.records)


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
async def test_the_probes_need_no_token_and_tell_nothing_else(
    client: httpx.AsyncClient, path: str
) -> None:
    response = await client.get(path)

    assert (response.status_code, response.json()) == (200, {"status": "up"})


async def test_the_description_tells_that_a_token_is_needed(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json", headers=bearer(OLD))).json()

    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    for path, operations in document["paths"].items():
        for operation in operations.values():
            is_probe = path.startswith("/health/")
            assert operation.get("security") == (None if is_probe else [{"token": []}])
            assert ("401" in operation["responses"]) is not is_probe


async def test_by_address_a_name_is_still_not_answered_for(client: httpx.AsyncClient) -> None:
    """An address cannot be pointed elsewhere by a name server, a name can."""
    name = await client.get("/health/live", headers={"Host": "evil.example"})
    page = await client.get("/health/live", headers={"Origin": "http://192.0.2.9"})
    own_page = await client.get("/health/live", headers={"Origin": "http://192.0.2.1:8123"})

    assert [one.status_code for one in (name, page, own_page)] == [421, 403, 200]


def test_the_verb_makes_a_token_and_its_fingerprint(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["token"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert main(["token", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)

    assert second.split() == ["fingerprint", fingerprint_of(first.split()[1])]
    assert made["fingerprint"] == fingerprint_of(made["token"])
    assert made["token"] not in first


@pytest.mark.parametrize(("token", "status"), [("x" * 31, 2), ("x" * 32, 0), ("", 2)])
def test_a_token_of_one_s_own_must_not_be_guessable(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, token: str, status: int
) -> None:
    import io

    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{token}\n"))

    assert main(["token", "--stdin"]) == status
    out, err = capsys.readouterr()
    assert out == ("" if status else f"fingerprint  {fingerprint_of(token)}\n")
    assert bool(err) == bool(status)


def own_address() -> str:
    """An address of this machine that others can reach."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: it only finds the way
        except OSError:
            pytest.skip("this machine has no other address than loopback")
        address = str(probe.getsockname()[0])
    if address.startswith("127."):
        pytest.skip("this machine has no other address than loopback")
    return address


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    """The URL of a service on an address that others can reach."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "headwater", "run", "tests.support.parcels"),
            *("--host", own_address(), "--port", "0"),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            "HEADWATER_TOKENS": f"{fingerprint_of(OLD)},{fingerprint_of(NEW)}",
            "HEADWATER_HEAD_TIMEOUT": "0.3",
            "HEADWATER_MAX_HEADERS": "1000",
            "HEADWATER_MAX_PATH": "200",
        },
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line.startswith("Listening on http://"), process.communicate()
        yield line.split()[-1]
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0
        assert "readable by others" in log
        assert all(token not in log for token in (OLD, NEW))
        assert fingerprint_of(OLD) not in log
    finally:
        process.kill()
        process.communicate()


def ask(url: str, method: str, path: str, **headers: str) -> int:
    """The status of the answer."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE)
    body = "{}" if method == "POST" else None
    try:
        connection.request(method, path, body, {"Content-Type": "application/json", **headers})
        response = connection.getresponse()
        response.read()
    finally:
        connection.close()
    return response.status


def test_over_the_network_a_token_is_needed(service: str) -> None:
    path = "/api/commands/open-desk"

    assert ask(service, "POST", path) == 401
    assert ask(service, "POST", path, **bearer(new_token())) == 401
    assert ask(service, "GET", "/docs") == 401
    assert ask(service, "POST", path, **bearer(OLD)) == 200
    assert ask(service, "POST", path, **bearer(NEW)) == 200
    assert ask(service, "GET", "/health/live") == 200


def raw(url: str, sent: bytes) -> tuple[bytes, float]:
    """Everything that is answered to these bytes until the connection is closed, and when."""
    parts = urlsplit(url)
    began = time.monotonic()
    with socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE) as connection:
        connection.sendall(sent)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return answer, time.monotonic() - began


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n", b"408"),  # never ends
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 20_000, b"431"),
        (b"GET /" + b"x" * 20_000, b"431"),
        (b"hello?\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 1000 + b"\r\n\r\n", b"431"),
        (b"GET /" + b"x" * 200 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", b"414"),
        (TWO_LENGTHS, b"4"),
    ],
)
def test_a_head_that_is_late_large_or_broken_is_refused_and_the_connection_closed(
    service: str, sent: bytes, status: bytes
) -> None:
    answer, seconds = raw(service, sent)

    assert answer.split(b" ", 2)[1].startswith(status), answer
    assert b"urn:headwater:problem:" in answer
    assert b"connection: close" in answer.lower()
    assert seconds < PATIENCE / 2


def test_a_connection_on_which_nothing_comes_is_closed(service: str) -> None:
    answer, _ = raw(service, b"")

    assert answer == b""


def test_a_second_request_whose_head_is_late_is_refused_too(service: str) -> None:
    answer, _ = raw(service, b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\nGET /he")

    assert answer.startswith(b"HTTP/1.1 200")
    assert b"HTTP/1.1 408" in answer
