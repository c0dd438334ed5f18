"""`headwater streams|subscriptions|dead-letters|replay` on the database of a service."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from headwater import App, Ceiling, Mode, Retention, Retry, Stream, StreamType
from headwater.cli import main
from headwater.stores.leases import RETENTION

from tests.support import parcels
from tests.support.parcels.contract import (
    Address,
    DeliverParcel,
    OpenDesk,
    SendParcel,
    parcel_log,
)

ROOT = Path(__file__).parents[2]
MODULE = "tests.support.parcels"
STREET = "Swordfish Street"
PATIENCE = 60.0  # seconds

Verb = Callable[..., tuple[int, str, str]]


@asynccontextmanager
async def running(database: str, **functions: Any) -> AsyncIterator[App[Any]]:
    """The service on that database, with these in place of its own handlers, tried once."""
    service = replace(
        parcels.service, subscriptions=(replace(parcel_log, retry=Retry(attempts=1)),)
    )
    handlers = SimpleNamespace(**{**vars(parcels.handlers), **functions})
    async with App(service, handlers=handlers, database=database) as app:
        yield app


async def refuse(event: object, context: object) -> None:
    raise ValueError("no \x1b[31mroom")


async def accept(event: object, context: object) -> None:
    pass


@pytest.fixture
async def database(tmp_path: Path) -> str:
    """Three parcels were sent and set aside, one of them was delivered."""
    database = f"sqlite:///{tmp_path}/parcels.db"
    async with running(database, parcel_log=refuse) as app:
        for number in range(1, 4):
            address = Address(street=STREET, country="NL")
            await app.execute(SendParcel(parcel_id=f"p-{number}", to=address))
        await app.execute(DeliverParcel(parcel_id="p-1"))
        await app.wait_until_idle()
    return database


@pytest.fixture
def verb(database: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Verb:
    """Runs a verb on the database and returns status, stdout and stderr."""
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.setenv("HEADWATER_DATABASE", database)

    def verb(name: str, *arguments: str) -> tuple[int, str, str]:
        words = [one for one in arguments[:1] if one in ("requeue", "drop", "reset", "audit")]
        status = main([name, *words, MODULE, *arguments[len(words) :]])
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return status, out, err

    return verb


def lines(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


# The event loop of the database's fixture is over when a test runs; the verbs have their own.


def test_streams_are_listed(verb: Verb) -> None:
    _, out, _ = verb("streams", "--json")
    status, table, _ = verb("streams")

    assert lines(out) == [
        {"stream": "parcels", "type": "persistent", "head": 4, "length": 4, "dropped": 0}
    ]
    assert status == 0
    assert [line.split() for line in table.splitlines()] == [
        ["stream", "type", "head", "length", "dropped"],
        ["parcels", "persistent", "4", "4", "0"],
    ]


def have_retention(monkeypatch: pytest.MonkeyPatch, **limits: Any) -> None:
    kept = Stream("parcels", StreamType.PERSISTENT, retention=Retention(**limits))
    monkeypatch.setattr(parcels, "service", replace(parcels.service, streams=(kept,)))


@pytest.fixture
def retention(
    database: str, capfd: pytest.CaptureFixture[str], verb: Verb
) -> Callable[..., tuple[int, str, str]]:
    """Runs `headwater streams retention` on the database."""

    def retention(*arguments: str) -> tuple[int, str, str]:
        status = main(["streams", "retention", MODULE, *arguments])
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return status, out, err

    return retention


def test_retention_tells_what_it_would_remove_and_removes_it(
    verb: Verb, retention: Verb, monkeypatch: pytest.MonkeyPatch
) -> None:
    have_retention(monkeypatch, events=1, age=3600.0)
    told = {
        "stream": "parcels",
        "oldest": 1,
        "removes": 3,
        "by": "events",
        "held": 0,
        "holder": None,
        "position": None,
        "missed_through": None,
    }
    for _ in range(2):
        status, out, _ = retention("--dry-run", "--json")
        assert (status, lines(out)) == (0, [told])
    assert lines(verb("streams", "--json")[1])[0]["length"] == 4

    status, out, _ = retention("--json")
    assert (status, lines(out)) == (0, [told | {"oldest": 4}])
    assert lines(verb("streams", "--json")[1])[0]["length"] == 1
    status, out, _ = retention("--json")
    assert (status, lines(out)) == (0, [told | {"oldest": 4, "removes": 0, "by": None}])
    assert "p-3" in verb("dead-letters", "--json")[1], "dead letters keep what they hold"


def test_retention_names_whoever_holds_events_back(
    verb: Verb, retention: Verb, monkeypatch: pytest.MonkeyPatch
) -> None:
    have_retention(monkeypatch, events=1, ceiling=Ceiling(events=2))
    assert verb("subscriptions", "parcel-log", "--pause")[0] == 0
    assert main(["subscriptions", "reset", MODULE, "parcel-log", "--to", "beginning", "--yes"]) == 0
    verb("streams")  # takes what that has printed

    status, out, _ = retention("--dry-run", "--json")
    [row] = lines(out)
    assert status == 0
    assert (row["removes"], row["held"], row["holder"], row["position"]) == (2, 1, "parcel-log", 0)
    assert row["missed_through"] == 2
    status, table, _ = retention("--dry-run")
    assert table.splitlines()[0].split()[:5] == ["stream", "oldest", "removes", "by", "held"]


def test_without_a_retention_all_is_kept(retention: Verb) -> None:
    assert retention() == (0, "parcels keeps all of its events for good\n", "")


def test_old_keys_are_counted_and_removed(
    database: str, verb: Verb, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def place() -> None:
        async with running(database, parcel_log=refuse) as app:
            address = Address(street=STREET, country="NL")
            await app.execute(SendParcel(parcel_id="p-9", to=address), idempotency_key="k-9")

    asyncio.run(place())

    def keys(*arguments: str) -> tuple[int, str, str]:
        status = main(["streams", "keys", MODULE, *arguments])
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return status, out, err

    status, out, _ = keys("--dry-run", "--json")
    assert lines(out) == [{"kind": "request", "stream": None, "keys": 1, "removes": 0}]
    assert keys() == (0, "no key was old enough\n", "")

    with sqlite3.connect(database.removeprefix("sqlite:///")) as file:
        file.execute("UPDATE append_keys SET recorded_at = recorded_at - 2 * 3600 * 1000000")
    file.close()
    monkeypatch.setenv("HEADWATER_KEEP_KEYS", "0")
    assert lines(keys("--dry-run", "--json")[1])[0]["removes"] == 0
    assert keys() == (0, "no key was old enough\n", "")
    monkeypatch.setenv("HEADWATER_KEEP_KEYS", "1h")
    assert lines(keys("--dry-run", "--json")[1])[0]["removes"] == 1
    status, out, _ = keys("--json")
    assert (status, lines(out)) == (0, [{"kind": "request", "stream": None, "removed": 1}])
    assert keys("--dry-run") == (0, "there are no keys\n", "")

    monkeypatch.setenv("HEADWATER_KEEP_KEYS", "59m")
    status, _, err = keys()
    assert status == 2
    assert "HEADWATER_KEEP_KEYS" in err


def test_while_another_process_is_at_it_nothing_is_done(
    database: str, retention: Verb, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def take() -> None:
        async with running(database) as app:
            assert await app._store.acquire_lease(RETENTION, "another", 60.0) is not None

    asyncio.run(take())
    have_retention(monkeypatch, events=1)
    status, out, err = retention()
    assert (status, out) == (1, "")
    assert "another process removes old events right now" in err
    assert "removes" in retention("--dry-run")[1]


def test_events_are_counted_by_version_on_request(verb: Verb) -> None:
    status, out, _ = verb("streams", "--events", "--json")

    assert status == 0
    assert [(row["event"], row["version"], row["count"], row["known"]) for row in lines(out)] == [
        ("ParcelDelivered", 1, 1, True),
        ("ParcelSent", 1, 3, True),
    ]


def test_subscriptions_are_listed_with_their_progress(verb: Verb) -> None:
    status, out, _ = verb("subscriptions", "--json")
    _, table, _ = verb("subscriptions")

    assert status == 0
    assert lines(out) == [
        {
            "subscription": "parcel-log",
            "stream": "parcels",
            "mode": "exclusive",
            "cursor": None,
            "members": None,
            "owner": None,
            "position": 4,
            "lag": 0,
            "oldest_age": None,
            "claimed": 0,
            "held": 0,
            "skipped": 0,
            "truncated": 0,
            "missed": None,
            "dead_letters": 4,
            "behind": 1,
            "unread": None,
            "paused": False,
            "stalled": None,
        }
    ]
    assert "dead letters  behind  unread  paused" in table.splitlines()[0]


def test_a_subscription_that_nobody_reads_is_stalled_unless_it_is_paused(verb: Verb) -> None:
    verb("dead-letters", "requeue", "--all")
    _, out, _ = verb("subscriptions", "--json")
    _, paused, _ = verb("subscriptions", "parcel-log", "--pause", "--json")

    [line] = lines(out)
    assert (line["lag"], line["dead_letters"], line["stalled"]) == (4, 0, "nobody reads")
    assert 0 <= line["oldest_age"] < PATIENCE
    assert lines(paused)[0]["stalled"] is None


def test_a_subscription_is_paused_and_resumed(verb: Verb) -> None:
    _, paused, _ = verb("subscriptions", "parcel-log", "--pause", "--json")
    _, still, _ = verb("subscriptions", "--json")
    _, resumed, _ = verb("subscriptions", "parcel-log", "--resume", "--json")

    assert [lines(one)[0]["paused"] for one in (paused, still, resumed)] == [True, True, False]


def test_dead_letters_are_listed_without_what_they_hold(verb: Verb) -> None:
    status, out, _ = verb("dead-letters", "--json")
    _, table, _ = verb("dead-letters")

    assert status == 0
    first = lines(out)[0]
    assert (first["id"], first["event"], first["workflow_id"]) == (1, "ParcelSent", "p-1")
    assert (first["attempts"], first["consumer"]) == (1, None)
    assert first["error"] == "ValueError: no \x1b[31mroom"
    assert "data" not in first
    assert STREET not in out + table
    assert "\x1b" not in table
    assert len(table.splitlines()) == 5


def test_what_dead_letters_hold_is_shown_on_request(verb: Verb) -> None:
    _, masked, _ = verb("dead-letters", "--id", "1", "--data")
    _, whole, _ = verb("dead-letters", "--id", "1", "--data", "--personal")
    _, recorded, _ = verb("dead-letters", "--id", "1", "--data", "--json")

    assert STREET not in masked
    assert '"street": "***"' in masked
    assert '"country": "NL"' in masked
    assert f'"street": "{STREET}"' in whole
    assert lines(recorded)[0]["data"] == {"to": {"street": STREET, "country": "NL"}}


async def delivered(database: str, count: int) -> list[str]:
    """The workflows whose events a service that runs now is given, once there are so many."""
    seen = []
    arrived = asyncio.Event()

    async def note(event: object, context: Any) -> None:
        seen.append(context.workflow_id)
        if len(seen) == count:
            arrived.set()

    async with running(database, parcel_log=note) as app, asyncio.timeout(PATIENCE):
        await arrived.wait()
        await app.wait_until_idle()
    return seen


def test_a_consumer_group_is_told_of_as_one_and_by_partition(
    verb: Verb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What failed in it is listed and requeued like any other, with what is behind."""
    group = replace(parcel_log, mode=Mode.CONSUMER_GROUP, retry=Retry(attempts=1))
    monkeypatch.setattr(parcels, "service", replace(parcels.service, subscriptions=(group,)))
    url = f"sqlite:///{tmp_path}/group.db"
    handlers = SimpleNamespace(**{**vars(parcels.handlers), "parcel_log": refuse})

    async def fill() -> None:
        async with App(parcels.service, handlers=handlers, database=url) as app:
            for number in (1, 2):
                address = Address(street=STREET, country="NL")
                await app.execute(SendParcel(parcel_id=f"p-{number}", to=address))
            await app.execute(DeliverParcel(parcel_id="p-1"))
            await app.wait_until_idle()

    asyncio.run(fill())
    before = verb("subscriptions", "--json", "--database", url)
    parts = verb("subscriptions", "--partitions", "--json", "--database", url)
    letters = verb("dead-letters", "--json", "--database", url)
    requeued = verb("dead-letters", "requeue", "--id", "1", "--database", url)
    after = verb("subscriptions", "--json", "--database", url)

    [row] = lines(before[1])
    assert (row["mode"], row["position"], row["lag"]) == ("consumer-group", 3, 0)
    assert (row["dead_letters"], row["behind"]) == (3, 1)
    assert len(lines(parts[1])) == 64
    assert sum(one["dead_letters"] for one in lines(parts[1])) == 3
    of_first = [one for one in lines(letters[1]) if one["workflow_id"] == "p-1"]
    assert [one["event"] for one in of_first] == ["ParcelSent", "ParcelDelivered"]
    assert requeued[0] == 0
    [row] = lines(after[1])
    assert (row["lag"], row["dead_letters"], row["stalled"]) == (2, 1, "nobody reads")


def test_dead_letters_are_requeued_and_handled_when_the_service_runs(
    verb: Verb, database: str
) -> None:
    _, planned, _ = verb("dead-letters", "requeue", "--id", "2", "--id", "3", "--dry-run")
    _, before, _ = verb("dead-letters", "--json")
    status, out, _ = verb("dead-letters", "requeue", "--id", "2", "--id", "3")
    _, left, _ = verb("dead-letters", "--json")

    assert planned == "2 dead letters would be requeued\n"
    assert len(lines(before)) == 4
    assert (status, out) == (0, "2 dead letters requeued\n")
    assert [one["id"] for one in lines(left)] == [1, 4]
    assert sorted(asyncio.run(delivered(database, 2))) == ["p-2", "p-3"]


def test_dead_letters_are_dropped_when_it_was_confirmed(
    verb: Verb, monkeypatch: pytest.MonkeyPatch
) -> None:
    unasked = verb("dead-letters", "drop", "parcel-log")
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True, readline=lambda: "n\n"))
    monkeypatch.setattr("typer.confirm", lambda question, err: "4 dead letters" not in question)
    declined = verb("dead-letters", "drop", "parcel-log")
    _, before, _ = verb("dead-letters", "--json")
    dropped = verb("dead-letters", "drop", "parcel-log", "--yes", "--json")
    _, after, _ = verb("dead-letters")

    assert unasked[0] == 2
    assert "--yes" in unasked[2]
    assert declined == (1, "", "headwater dead-letters: nothing was dropped\n")
    assert len(lines(before)) == 4
    assert (dropped[0], lines(dropped[1])) == (0, [{"dropped": 4}])
    assert after == "there are no dead letters\n"


@pytest.mark.parametrize(
    ("chosen", "ids"),
    [
        (("--all",), [1, 2, 3, 4]),
        (("parcel-log",), [1, 2, 3, 4]),
        (("--id", "3"), [3]),
        (("--event", "ParcelSent"), [1, 2, 3, 4]),
        (("--event", "ParcelDelivered"), []),
        (("--workflow", "p-1"), [1, 4]),
        (("--error", "NO \x1b[31mroom"), [1, 2, 3, 4]),
        (("--error", "room", "--workflow", "p-2"), [2]),
        (("--error", "elephant"), []),
        (("--older-than", "1h"), []),
        (("--older-than", "0s"), [1, 2, 3, 4]),
        (("--id", "4"), []),
        (("--consumer", "ann"), []),
    ],
)
def test_dead_letters_are_chosen_counted_and_requeued_with_those_behind(
    verb: Verb, chosen: tuple[str, ...], ids: list[int]
) -> None:
    """Letter 4 waits behind letter 1: it comes with that one, and not without it."""
    _, planned, _ = verb("dead-letters", "requeue", *chosen, "--dry-run", "--json")
    status, done, _ = verb("dead-letters", "requeue", *chosen, "--json")
    _, left, _ = verb("dead-letters", "--json")

    assert status == 0
    assert lines(planned) == [{"would_be_requeued": len(ids)}]
    assert lines(done) == [{"requeued": len(ids)}]
    assert [one["id"] for one in lines(left)] == [one for one in (1, 2, 3, 4) if one not in ids]


def test_what_waits_behind_a_dropped_letter_is_shown_and_comes_back_when_it_is_asked_for(
    verb: Verb, database: str
) -> None:
    _, listed, _ = verb("dead-letters", "--json")
    verb("dead-letters", "drop", "--id", "1", "--yes")
    _, out, _ = verb("dead-letters", "requeue", "--id", "4")

    assert [one["behind"] for one in lines(listed)] == [False, False, False, True]
    assert [one["attempts"] for one in lines(listed)] == [1, 1, 1, 0]
    assert out == "1 dead letter requeued\n"
    assert asyncio.run(delivered(database, 1)) == ["p-1"]


def test_a_subscription_is_reset_counted_before_and_written_down(
    verb: Verb, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "ada")
    _, planned, _ = verb("subscriptions", "reset", "parcel-log", "--to", "3", "--dry-run")
    _, still, _ = verb("subscriptions", "--json")
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True, readline=lambda: "n\n"))
    monkeypatch.setattr("typer.confirm", lambda question, err: "Deliver 2 again" not in question)
    declined = verb("subscriptions", "reset", "parcel-log", "--to", "3")
    status, done, _ = verb("subscriptions", "reset", "parcel-log", "--to", "3", "--yes", "--json")
    verb("dead-letters", "drop", "--all", "--yes")
    _, table, _ = verb("subscriptions", "audit")
    _, audit, _ = verb("subscriptions", "audit", "--json")

    assert planned.splitlines()[-1] == "2 would be delivered again, 0 would be skipped"
    assert lines(still)[0]["position"] == 4
    assert declined == (1, "", "headwater subscriptions reset: nothing was changed\n")
    assert status == 0
    assert lines(done) == [
        {
            "subscription": "parcel-log",
            "cursor": None,
            "from": 4,
            "to": 2,
            "again": 2,
            "skipped": 0,
        }
    ]
    assert [(one["act"], one["actor"]) for one in lines(audit)] == [
        ("reset", "ada"),
        ("drop", "ada"),
    ]
    assert lines(audit)[0]["detail"]["cursors"] == {"parcel-log": [4, 2]}
    assert "reset" in table
    assert asyncio.run(delivered(database, 2)) == ["p-3", "p-1"]


def test_a_dead_letter_that_is_not_there_stops_everything(verb: Verb) -> None:
    status, out, err = verb("dead-letters", "drop", "--id", "2", "--id", "99", "--yes")
    _, left, _ = verb("dead-letters", "--json")

    assert (status, out, err) == (1, "", "headwater dead-letters: not there: 99\n")
    assert len(lines(left)) == 4


def test_a_stream_is_replayed_as_recorded(verb: Verb) -> None:
    status, out, _ = verb("replay", "parcels", "--json")

    events = lines(out)
    assert status == 0
    assert [one["offset"] for one in events] == [1, 2, 3, 4]
    assert list(events[0]) == [
        *("offset", "event", "version", "workflow", "workflow_id", "id", "recorded_at", "data")
    ]
    assert events[0]["event"] == "ParcelSent"
    assert events[0]["version"] == 1
    assert events[0]["recorded_at"].endswith("Z")
    assert events[0]["data"] == {"to": {"street": STREET, "country": "NL"}}


def test_a_stream_is_replayed_from_where_to_where_one_says(verb: Verb) -> None:
    def offsets(*arguments: str) -> list[int]:
        status, out, err = verb("replay", "parcels", "--json", *arguments)
        assert status == 0, err
        return [one["offset"] for one in lines(out)]

    events = lines(verb("replay", "parcels", "--json")[1])
    assert offsets("--from", "2", "--to", "3") == [2, 3]
    assert offsets("--from", events[2]["id"]) == [3, 4]
    assert offsets("--to", events[1]["id"]) == [1, 2]
    assert offsets("--from", events[1]["recorded_at"], "--to", events[2]["recorded_at"]) == [2, 3]
    assert offsets("--from", "latest") == []
    assert offsets("--limit", "2") == [1, 2]
    assert offsets("--workflow", "p-1") == [1, 4]
    assert offsets("--event", "ParcelDelivered") == [4]
    assert offsets("--event", "ParcelDelivered", "--event", "ParcelSent") == [1, 2, 3, 4]


def test_people_read_a_replay_without_what_is_about_a_person(verb: Verb) -> None:
    _, masked, _ = verb("replay", "parcels", "--to", "1")
    _, whole, _ = verb("replay", "parcels", "--to", "1", "--personal")

    offset, recorded_at, event, workflow_id, data = masked.split(maxsplit=4)
    assert (offset, event, workflow_id) == ("1", "ParcelSent@1", "p-1")
    assert recorded_at.endswith("Z")
    assert json.loads(data) == {"to": {"street": "***", "country": "NL"}}
    assert STREET in whole


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("replay", "parcel"), "has no stream 'parcel'"),
        (("replay", "parcels", "--from", "yesterday"), "an offset, an event's id, or a time"),
        (("replay", "parcels", "--from", "0"), "the first event is at offset 1"),
        (("replay", "parcels", "--from", "9" * 30), "the first event is at offset 1"),
        (("replay", "parcels", "--to", "beginning"), "--to 'beginning': give latest"),
        (("replay", "parcels", "--from", "2030-01-31T12:00:00"), "say of which time zone"),
        (("replay", "parcels", "--from", "0" * 32), "has no event 00000000-"),
        (("replay", "parcels", "--event", "ParcelSend"), "did you mean 'ParcelSent'?"),
        (("replay", "parcels", "--limit", "0"), "--limit"),
        (("subscriptions", "parcel-lag"), "did you mean 'parcel-log'?"),
        (("subscriptions", "--pause"), "name the subscriptions"),
        (("subscriptions", "parcel-log", "--pause", "--resume"), "exclude each other"),
        (("dead-letters", "drop", "--yes"), "say which to drop"),
        (("dead-letters", "requeue", "--all", "--older-than", "2 days"), "such as 30s, 90m"),
        (("subscriptions", "reset", "parcel-log", "--to", "1"), "needs --yes"),
        (("subscriptions", "reset", "parcel-log", "--to", "then", "--yes"), "--to 'then': give"),
        (("subscriptions", "reset", "parcel-lag", "--to", "1"), "did you mean 'parcel-log'?"),
        (
            ("subscriptions", "reset", "parcel-log", "--to", "1", "--consumer", "ann", "--yes"),
            "with a cursor for each consumer",
        ),
        (("streams", "--database", "memory://"), "only the process knows"),
        (("streams", "--database", "sqlite:///not-there.db"), "there is no file not-there.db"),
        (("streams", "--jsn"), "--jsn"),
    ],
)
def test_a_wrong_call_is_told_in_a_line_and_changes_nothing(
    verb: Verb, arguments: tuple[str, ...], expected: str
) -> None:
    status, out, err = verb(*arguments)

    assert (status, out) == (2, "")
    assert expected in err
    assert len(lines(verb("dead-letters", "--json")[1])) == 4
    assert not Path("not-there.db").exists()


def test_they_work_beside_a_service_that_runs(database: str) -> None:
    """Paused from another process, a running service hands out nothing; resumed, all that waits."""

    async def scenario() -> tuple[list[str], list[str], list[str]]:
        seen: list[str] = []
        arrived = asyncio.Event()

        async def note(event: object, context: Any) -> None:
            seen.append(context.workflow_id)
            arrived.set()

        async def headwater(*arguments: str) -> bytes:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "headwater", *arguments, "--database", database),
                cwd=ROOT,
                stdout=asyncio.subprocess.PIPE,
            )
            out, _ = await process.communicate()
            assert process.returncode == 0
            return out

        async with running(database, parcel_log=note) as app:
            await headwater("subscriptions", MODULE, "parcel-log", "--pause")
            await app.execute(OpenDesk())
            address = Address(street=STREET, country="NL")
            await app.execute(SendParcel(parcel_id="p-9", to=address))
            followed = await headwater("replay", MODULE, "parcels", "--from", "5", "--json")
            while_paused = list(seen)
            await headwater("subscriptions", MODULE, "parcel-log", "--resume")
            async with asyncio.timeout(PATIENCE):
                await arrived.wait()
        return while_paused, seen, [one["workflow_id"] for one in lines(followed.decode())]

    while_paused, seen, replayed = asyncio.run(scenario())

    assert (while_paused, seen, replayed) == ([], ["p-9"], ["p-9"])


def test_a_replay_that_follows_shows_what_is_recorded_later(database: str) -> None:
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "headwater", "replay", MODULE, "parcels", "--database"),
            *(database, "--from", "4", "--follow", "--limit", "2", "--json"),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())  # it has begun to follow

        async def send() -> None:
            async with running(database, parcel_log=accept) as app:
                address = Address(street=STREET, country="NL")
                await app.execute(SendParcel(parcel_id="p-9", to=address))

        asyncio.run(send())
        second = json.loads(process.stdout.readline())
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.communicate()

    assert (first["offset"], second["offset"], second["workflow_id"]) == (4, 5, "p-9")


def test_a_long_replay_shows_a_bar_on_a_terminal_and_nowhere_else(database: str) -> None:
    def replayed(stderr: int) -> bytes:
        return subprocess.run(
            [
                *(sys.executable, "-m", "headwater", "replay", MODULE, "parcels"),
                *("--database", database, "--json"),
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env={**os.environ, "TERM": "xterm"},
            check=True,
        ).stdout

    ours, theirs = pty.openpty()
    try:
        on_terminal = replayed(theirs)
    finally:
        os.close(theirs)
    shown = os.read(ours, 65536)
    os.close(ours)

    assert b"offset" in shown
    assert b"4/4" in shown
    assert on_terminal == replayed(subprocess.DEVNULL)
    assert len(on_terminal.splitlines()) == 4


@pytest.mark.parametrize("name", ["streams", "subscriptions", "dead-letters", "replay", "token"])
def test_the_help_of_a_verb_shows_it_used(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0

    out, _ = capfd.readouterr()
    assert f"headwater {name} services.user_service" in out or "HEADWATER_TOKENS=" in out
    assert "--json" in out


def test_the_tables_do_not_wrap_where_no_terminal_is(verb: Verb) -> None:
    _, table, _ = verb("dead-letters")

    assert all("ValueError: no \\x1b[31mroom" in line for line in table.splitlines()[1:4])
    assert "set aside behind a dead letter of its workflow" in table.splitlines()[4]
