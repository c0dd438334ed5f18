"""When `headwater run` does not start: one clear message, no traceback, status 2."""

from __future__ import annotations

import logging
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from headwater.cli import main

MODULE = "tests.support.parcels"

Refused = Callable[..., str]

NO_MODULES = {
    "no_such.module": "there is no module 'no_such'",
    "tests.support.parcels.nothing": "there is no module 'tests.support.parcels.nothing'",
    "services/user_service": "is not a module's name; they look like 'services.user_service'",
    "user-service": "is not a module's name",
}


@pytest.fixture
def refused(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Refused]:
    """Runs `headwater run` with arguments and returns the message of its refusal."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setattr(sys, "path", sys.path[:])

    def refused(*arguments: str) -> str:
        status = main(["run", *arguments])
        out, err = capfd.readouterr()
        assert (status, out) == (2, "")
        assert "Traceback" not in err
        return err

    yield refused
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()
    sys.modules.pop("module", None)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Writes `module.py` into the current folder."""
    monkeypatch.chdir(tmp_path)
    return lambda text: (tmp_path / "module.py").write_text(text) and None


@pytest.mark.parametrize("name", NO_MODULES)
def test_a_module_that_is_none_is_named(refused: Refused, name: str) -> None:
    message = refused(name)

    assert message.startswith("headwater run: ")
    assert NO_MODULES[name] in message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import no_such_thing\n", "No module named 'no_such_thing' (PLACE:1)"),
        ("\nraise ValueError('odd')\n", "ValueError: odd (PLACE:2)"),
        ("def broken(:\n", "invalid syntax (PLACE:1)"),
        ("x = 1\n", "module has no `service`"),
        ("service = 1\n", "`service` in module is a int; it should be a Service"),
        ("from tests.support.parcels import service\n", "module has no `handlers`"),
        (
            "from tests.support.parcels import service, handlers\nlifespan = 5\n",
            "`lifespan` in module is a int",
        ),
    ],
)
def test_a_module_that_cannot_be_run_is_told_why(
    refused: Refused,
    module: Callable[[str], None],
    tmp_path: Path,
    text: str,
    expected: str,
) -> None:
    module(text)

    assert expected.replace("PLACE", str(tmp_path / "module.py")) in refused("module")


def test_all_handlers_that_are_missing_are_named_at_once(
    refused: Refused, module: Callable[[str], None]
) -> None:
    module("from tests.support.parcels import service\nhandlers = object()\n")

    message = refused("module")

    for name in ("send_parcel", "validate_send_parcel", "weigh_parcel", "parcel_log"):
        assert name in message


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com"])  # noqa: S104
def test_an_address_that_others_can_reach_needs_a_token(refused: Refused, host: str) -> None:
    message = refused(MODULE, "--host", host, "--port", "0")

    assert f"{host!r} is not a loopback address" in message
    assert "`headwater token`" in message


def test_a_port_that_is_taken_is_named(refused: Refused) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        message = refused(MODULE, "--port", port)

    assert message == (
        f"headwater run: cannot serve on 127.0.0.1 port {port}: it is taken; "
        "--port 0 takes a free one\n"
    )


def test_a_database_that_is_not_supported_is_refused(refused: Refused) -> None:
    assert "mysql://" in refused(MODULE, "--database", "mysql://x")


def test_a_setting_that_is_wrong_is_refused(
    refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADWATER_PORT", "http")

    assert "HEADWATER_PORT: " in refused(MODULE)


def test_a_token_in_place_of_its_fingerprint_is_refused_and_not_repeated(
    refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADWATER_TOKENS", "hw_swordfish")

    message = refused(MODULE)

    assert "HEADWATER_TOKENS: " in message
    assert "swordfish" not in message


def test_a_wrong_option_is_refused(refused: Refused) -> None:
    assert "--prot" in refused(MODULE, "--prot", "1")


def test_a_call_without_a_module_is_refused(refused: Refused) -> None:
    assert "MODULE" in refused()
