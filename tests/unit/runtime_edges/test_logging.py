"""What log lines look like, and what does not come out in them."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from headwater.correlation import correlation_id
from headwater.operations.logging import configure_logging, personal_names
from headwater.operations.settings import LogFormat, LogLevel

from tests.support.parcels.contract import Address, ByEmail, SendParcel, parcels


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture
def output() -> io.StringIO:
    return io.StringIO()


def in_json(output: io.StringIO, level: LogLevel = LogLevel.INFO) -> None:
    configure_logging(LogFormat.JSON, level, personal=personal_names(parcels), output=output)


def test_a_line_is_one_json_object_with_the_given_fields(output: io.StringIO) -> None:
    in_json(output)

    logging.getLogger("shop").info("%s sold", "bread", extra={"event": "Sold", "offset": 3})

    line = json.loads(output.getvalue())
    assert list(line)[:4] == ["timestamp", "level", "logger", "message"]
    assert line["message"] == "bread sold"
    assert (line["level"], line["logger"], line["event"], line["offset"]) == (
        "info",
        "shop",
        "Sold",
        3,
    )


def test_structlog_and_the_standard_library_come_out_alike(output: io.StringIO) -> None:
    in_json(output)

    structlog.get_logger("shop").warning("sold", offset=3)

    line = json.loads(output.getvalue())
    assert (line["message"], line["level"], line["offset"]) == ("sold", "warning", 3)


def test_what_is_about_a_person_is_masked_wherever_it_stands(output: io.StringIO) -> None:
    in_json(output)
    command = SendParcel(
        parcel_id="1",
        to=Address(street="Secret Street 1", country="NL"),
        contacts=[ByEmail(email="secret@example.com")],
    )

    logging.getLogger("shop").info(
        "sending %s",
        command,
        extra={
            "command": command,
            "several": [command.to],
            "few": (command.to, [{"to": command.to}]),
            "distinct": {command.to},
            "by_name": {"to": command.to},
            "street": command.to.street,
        },
    )

    text = output.getvalue()
    assert "ecret" not in text
    line = json.loads(text)
    assert line["command"]["to"] == {"street": "***", "country": "NL"}
    assert line["street"] == "***"
    hidden = {"street": "***", "country": "NL"}
    assert (line["several"], line["distinct"]) == ([hidden], [hidden])
    assert line["few"][0] == hidden


def test_names_of_personal_fields_come_from_all_of_the_service() -> None:
    assert personal_names(parcels) == {"street", "email"}


def test_a_line_names_the_workflow_that_is_worked_on(output: io.StringIO) -> None:
    in_json(output)
    token = correlation_id.set("parcel-7")
    try:
        logging.getLogger("shop").info("inside")
        logging.getLogger("shop").info("other", extra={"workflow_id": "parcel-8"})
    finally:
        correlation_id.reset(token)
    logging.getLogger("shop").info("outside")

    inside, other, outside = map(json.loads, output.getvalue().splitlines())
    assert inside["workflow_id"] == "parcel-7"
    assert other["workflow_id"] == "parcel-8"
    assert "workflow_id" not in outside


def test_a_readable_line_stays_one_line(output: io.StringIO) -> None:
    """Whoever controls a logged text controls neither the terminal nor the next line."""
    configure_logging(LogFormat.HUMAN, output=output)

    logging.getLogger("shop").info("bread\n2026 [error] forged\x1b[2J", extra={"more": "a\x07b"})

    text = output.getvalue()
    assert text.count("\n") == 1
    assert "\x1b[2J" not in text
    assert "\x07" not in text


@pytest.mark.parametrize("format_", [LogFormat.HUMAN, LogFormat.JSON])
def test_a_traceback_shows_no_local_variables(output: io.StringIO, format_: LogFormat) -> None:
    configure_logging(format_, output=output)
    password = "swordfish"  # noqa: S105

    try:
        raise RuntimeError(f"{len(password)} characters")
    except RuntimeError:
        logging.getLogger("shop").exception("failed")

    assert "RuntimeError: 9 characters" in output.getvalue()
    assert "'swordfish'" not in output.getvalue().replace('password = "swordfish"', "")


def test_less_than_the_level_is_not_logged(output: io.StringIO) -> None:
    in_json(output, LogLevel.WARNING)

    logging.getLogger("shop").info("news")
    structlog.get_logger("shop").info("news")

    assert output.getvalue() == ""
