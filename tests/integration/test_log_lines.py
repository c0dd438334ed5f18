"""What a service logs of streams, consumers and events: each line's fields, as JSON."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from headwater import App, DeliverySemantics, Retry
from headwater.operations.logging import configure_logging, personal_names
from headwater.operations.settings import LogFormat

from tests.support import parcels
from tests.support.parcels.contract import Address, SendParcel, parcel_log
from tests.support.virtual_app import VirtualApp

STREET = "Swordfish Street"
PARCEL = SendParcel(parcel_id="p-1", to=Address(street=STREET, country="NL"))
EVENT = {
    "stream": "parcels",
    "offset": 1,
    "event": "ParcelSent",
    "version": 1,
    "workflow_id": "p-1",
    "request_id": "r-1",
}
DELIVERED = {**EVENT, "subscription": "parcel-log", "consumer": "parcels"}

Logged = list[dict[str, Any]]


@pytest.fixture
def output() -> Iterator[io.StringIO]:
    """All that is logged meanwhile, as `headwater run` writes it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    output = io.StringIO()
    configure_logging(LogFormat.JSON, personal=personal_names(parcels.service), output=output)
    yield output
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def lines(output: io.StringIO, beginning: str) -> Logged:
    """The lines whose message begins so, without what differs from run to run."""
    found = [json.loads(line) for line in output.getvalue().splitlines()]
    assert all(line.pop("timestamp") for line in found)
    return [line for line in found if line["message"].startswith(beginning)]


def fields(line: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: line.get(name) for name in names}


async def run(database: str = "memory://", failures: int = 0, **changes: Any) -> None:
    """Send one parcel, whose event's handler fails so often, with two attempts in all."""
    left = failures

    async def handle(event: object, context: object) -> None:
        nonlocal left
        if left:
            left -= 1
            raise ValueError("no room")

    subscription = replace(parcel_log, retry=Retry(attempts=2, initial=1.0), **changes)
    app = VirtualApp(
        replace(parcels.service, subscriptions=(subscription,)),
        handlers=SimpleNamespace(**{**vars(parcels.handlers), "parcel_log": handle}),
        database=database,
    )
    async with app:
        await app.execute(PARCEL, request_id="r-1")
        await app.wait_until_idle()
        await app.advance(5)
        await app.wait_until_idle()


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_a_stream_that_was_not_there_is_told_of_once(
    output: io.StringIO, tmp_path: Path, kind: str
) -> None:
    database = "memory://" if kind == "memory" else f"sqlite:///{tmp_path}/parcels.db"
    app = App(parcels.service, handlers=parcels.handlers, database=database)
    for _ in range(2):
        async with app:
            pass

    [line] = lines(output, "stream created")
    assert line == {
        "level": "info",
        "logger": "headwater.streams",
        "message": "stream created",
        "stream": "parcels",
        "type": "persistent",
    }


async def test_a_consumer_that_comes_and_goes_is_told_of(output: io.StringIO) -> None:
    await run()

    for beginning in ("consumer connected", "consumer disconnected"):
        [line] = lines(output, beginning)
        assert line["session"]
        assert fields(line, "level", "subscription", "consumer") == {
            "level": "info",
            "subscription": "parcel-log",
            "consumer": "parcels",
        }


async def test_an_event_that_is_published_is_told_of_with_its_place(output: io.StringIO) -> None:
    await run()

    [line] = lines(output, "event published")
    assert line.pop("event_id")
    assert line == {
        **EVENT,
        "level": "info",
        "logger": "headwater.streams",
        "message": "event published",
        "workflow": "Parcel",
        "command": "SendParcel",
    }


async def test_an_event_that_is_consumed_is_told_of_with_who_did(output: io.StringIO) -> None:
    await run()

    [line] = lines(output, "event consumed")
    assert line["event_id"] == lines(output, "event published")[0]["event_id"]
    assert fields(line, *DELIVERED, "level", "attempt") == {
        **DELIVERED,
        "level": "info",
        "attempt": 1,
    }


async def test_a_failure_and_its_retry_are_told_of(output: io.StringIO) -> None:
    await run(failures=1)

    [failed] = lines(output, "parcel-log failed at attempt 1")
    [retried] = lines(output, "event failed, again in")
    [consumed] = lines(output, "event consumed")
    assert fields(failed, *DELIVERED, "level", "attempt", "error") == {
        **DELIVERED,
        "level": "error",
        "attempt": 1,
        "error": "ValueError: no room",
    }
    assert "in handle" in failed["exception"]
    assert fields(retried, *DELIVERED, "level", "attempt") == {
        **DELIVERED,
        "level": "warning",
        "attempt": 1,
    }
    assert 0.5 <= retried["delay"] <= 1.0
    assert consumed["attempt"] == 2


async def test_a_dead_letter_is_told_of_with_its_reason(output: io.StringIO) -> None:
    await run(failures=2)

    [line] = lines(output, "event dead-lettered")
    assert fields(line, *DELIVERED, "level", "attempt", "error") == {
        **DELIVERED,
        "level": "error",
        "attempt": 2,
        "error": "ValueError: no room",
    }
    assert lines(output, "event consumed") == []


async def test_an_event_that_is_lost_is_told_of(output: io.StringIO) -> None:
    await run(failures=1, delivery=DeliverySemantics.AT_MOST_ONCE)

    [line] = lines(output, "event lost")
    assert fields(line, *DELIVERED, "level") == {**DELIVERED, "level": "error"}


async def test_nothing_about_a_person_is_in_any_line(output: io.StringIO) -> None:
    await run(failures=2)

    assert len(output.getvalue().splitlines()) > 5
    assert STREET not in output.getvalue()
    assert lines(output, "sending")[0]["to"] == {"street": "***", "country": "NL"}
