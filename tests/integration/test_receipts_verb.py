"""`headwater receipts` on the database of a service."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from headwater import App, Mode
from headwater.cli import main

from tests.support import parcels
from tests.support.parcels.contract import Address, SendParcel, parcel_log

MODULE = "tests.support.parcels"


@pytest.fixture
async def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A service whose log has read receipts, and two parcels that nobody has seen."""
    notices = replace(parcel_log, mode=Mode.READ_RECEIPT, handler=None)
    service = replace(parcels.service, subscriptions=(notices,))
    monkeypatch.setattr(parcels, "service", service)
    monkeypatch.setattr(sys, "path", sys.path[:])
    database = f"sqlite:///{tmp_path}/parcels.db"
    monkeypatch.setenv("HEADWATER_DATABASE", database)
    async with App(service, handlers=parcels.handlers, database=database) as app:
        await app.add_recipient(notices, consumer="ben")
        for number in (1, 2):
            to = Address(street="Swordfish Street", country="NL")
            await app.execute(SendParcel(parcel_id=f"p-{number}", to=to))
    return database


@pytest.fixture
def verb(database: str, capfd: pytest.CaptureFixture[str]) -> Any:
    def verb(*arguments: str) -> tuple[int, str, str]:
        status = main(["receipts", MODULE, parcel_log.name, *arguments])
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return status, out, err

    return verb


def lines(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_recipients_are_listed_with_what_they_have_not_read(verb: Any) -> None:
    assert verb("--add", "ann")[:2] == (0, f"ann is a recipient of {parcel_log.name} now\n")
    assert verb("--add", "cid", "--from", "2")[0] == 0
    assert verb("--add", "dan", "--from", "latest")[0] == 0
    assert lines(verb("--json")[1]) == [
        {"recipient": "ann", "unread": 2},
        {"recipient": "ben", "unread": 2},
        {"recipient": "cid", "unread": 1},
        {"recipient": "dan", "unread": 0},
    ]


def test_a_recipient_that_is_there_stays_where_it_is(verb: Any) -> None:
    assert verb("--add", "ben")[:2] == (0, f"ben is a recipient of {parcel_log.name} already\n")
    status, _, err = verb("--add", "ben", "--from", "latest")
    assert status == 2
    assert "ben is a recipient" in err
    assert "headwater subscriptions reset" in err
    assert lines(verb("--json")[1]) == [{"recipient": "ben", "unread": 2}]


def test_who_has_read_an_event_and_who_has_not(verb: Any) -> None:
    first, _ = lines(verb("--consumer", "ben", "--json")[1])
    assert (first["offset"], first["delivered_at"]) == (1, None)
    assert "Swordfish" not in json.dumps(first)
    assert verb("--add", "ann")[0] == 0
    assert verb("--consumer", "ann", "--mark", first["event_id"])[0] == 0
    found = lines(verb("--event", first["event_id"], "--json")[1])
    assert [(one["recipient"], one["state"]) for one in found] == [
        ("ann", "read"),
        ("ben", "waiting"),
    ]


def test_events_are_marked_by_offset_or_all_at_once(verb: Any) -> None:
    assert verb("--consumer", "ben", "--mark", "2")[0] == 0
    assert [one["offset"] for one in lines(verb("--consumer", "ben", "--json")[1])] == [1]
    assert "1 more" in verb("--consumer", "ben", "--mark-all")[1]
    assert "ben has read all" in verb("--consumer", "ben")[1]
    assert verb("--consumer", "ben", "--mark", "99")[0] == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--mark", "1"), "name the recipient with --consumer"),
        (("--consumer", "ben", "--mark-all", "--mark", "1"), "exclude each other"),
        (("--consumer", "ben", "--add", "ann"), "without --consumer"),
        (("--consumer", "ben", "--from", "latest"), "no effect without --add"),
        (("--add", "ann", "--from", "x"), "--from 'x'"),
        (("--add", "ann", "--from", "00000000-0000-0000-0000-000000000001"), "has no event 0000"),
        (("--event", "00000000-0000-0000-0000-000000000001"), "has no event 0000"),
        (("--consumer", "ben", "--mark", "00000000-0000-0000-0000-000000000001"), "has no event"),
        (("--consumer", "ben", "--mark", "x"), "no event's id, nor an offset"),
        (("--event", "x"), "no event's id"),
        (("--consumer", "nobody"), "nobody"),
        (("--event", "00000000-0000-0000-0000-000000000001", "--limit", "0"), "--limit"),
    ],
)
def test_a_wrong_call_is_told_in_a_line(verb: Any, arguments: tuple[str, ...], said: str) -> None:
    status, _, err = verb(*arguments)
    assert status == 2
    assert said in err
