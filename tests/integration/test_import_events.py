"""`headwater streams import`: existing events, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from headwater import Workflow, WorkflowDefinition
from headwater.cli import main
from headwater.clock import SystemClock
from headwater.events import Event, RecordedEvent
from headwater.evolution import Envelope
from headwater.operations import importing
from headwater.operations.management import manage
from headwater.stores.databases import store_for
from headwater.streams import Stream, StreamStatistics, StreamType

from tests.support import parcels

MODULE = "tests.support.parcels"
SLACK = timedelta(seconds=5)  # between the clocks of this machine and of a server
FIRST_ID = "018f4c2e-7a5b-7c3d-8e9f-000000000001"

Verb = Callable[..., tuple[int, str, str]]


class LetterSentV1(Event):
    event_name: ClassVar[str] = "LetterSent"
    event_version: ClassVar[int] = 1


class LetterWorkflow(Workflow[LetterSentV1]):
    workflow_name: ClassVar[str] = "Letter"


POST = replace(
    parcels.service,
    streams=(*parcels.service.streams, Stream("letters", StreamType.PERSISTENT)),
    workflows=(
        *parcels.service.workflows,
        WorkflowDefinition(LetterWorkflow, stream="letters", events=(LetterSentV1,)),
    ),
)
"""Parcels, and a second stream."""


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of the service without events."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/parcels.db"
    else:
        cluster = request.getfixturevalue("postgres")
        url = cluster.run(cluster.create_database("template"))

    async def make() -> None:
        store = store_for(url, SystemClock())
        await store.open(POST.streams)
        await store.close()

    asyncio.run(make())
    return url


@pytest.fixture
def verb(database: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Verb:
    """Runs `headwater streams import` on the database and returns status, stdout and stderr."""
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.setenv("HEADWATER_DATABASE", database)

    def verb(*arguments: object) -> tuple[int, str, str]:
        status = main(["streams", "import", MODULE, *map(str, arguments)])
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return status, out, err

    return verb


def sent(number: int, **changes: Any) -> dict[str, Any]:
    to = {"street": "Swordfish Street", "country": "NL"}
    line = {"event": "ParcelSent", "version": 1, "workflow_id": f"p-{number}", "data": {"to": to}}
    return {**line, **changes}


def delivered(number: int) -> dict[str, Any]:
    return {"event": "ParcelDelivered", "workflow_id": f"p-{number}", "data": {}}


def written(path: Path, lines: Sequence[object]) -> Path:
    text = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    path.write_text("".join(f"{line}\n" for line in text))
    return path


def recorded(database: str) -> list[RecordedEvent]:
    async def read() -> list[RecordedEvent]:
        async with manage(parcels.service, database) as management:
            return [event async for event in management.replay("parcels").records()]

    return asyncio.run(read())


def statistics(database: str) -> StreamStatistics:
    async def read() -> StreamStatistics:
        async with manage(parcels.service, database) as management:
            return await management.statistics("parcels")

    return asyncio.run(read())


def test_events_stand_in_the_stream_in_the_order_of_the_lines(
    verb: Verb, database: str, tmp_path: Path
):
    lines = [sent(1, id=FIRST_ID), sent(2), "", delivered(1), sent(3, workflow=None), sent(2)]
    file = written(tmp_path / "parcels.jsonl", lines)

    assert verb(file) == (0, "5 events imported, 0 there already\n", "")

    events = recorded(database)
    assert [
        (one.offset, one.name, one.workflow, one.workflow_id, one.workflow_version)
        for one in events
    ] == [
        (1, "ParcelSent", "Parcel", "p-1", 1),
        (2, "ParcelSent", "Parcel", "p-2", 1),
        (3, "ParcelDelivered", "Parcel", "p-1", 2),
        (4, "ParcelSent", None, "p-3", None),
        (5, "ParcelSent", "Parcel", "p-2", 2),
    ]
    assert str(events[0].id) == FIRST_ID
    assert json.loads(events[0].data) == sent(1)["data"]
    assert len({one.id for one in events}) == 5, "equal lines are two events"


def test_the_same_file_is_imported_once_and_a_longer_one_only_adds_its_rest(
    verb: Verb, database: str, tmp_path: Path
):
    lines = [sent(1), sent(2), delivered(2)]
    verb(written(tmp_path / "parcels.jsonl", lines))
    before = recorded(database)

    again = verb(tmp_path / "parcels.jsonl", "--json")
    assert again == (0, '{"imported": 0, "already_there": 3}\n', "")
    assert recorded(database) == before

    longer = verb(written(tmp_path / "parcels.jsonl", [*lines, sent(3)]), "--json")
    assert longer == (0, '{"imported": 1, "already_there": 3}\n', "")
    assert recorded(database)[:3] == before
    assert statistics(database).head == 4


def test_every_bad_line_is_told_and_nothing_is_written(verb: Verb, database: str, tmp_path: Path):
    lines = [
        sent(1, id=FIRST_ID),
        "{",
        "[]",
        {"event": "ParcelSent"},
        sent(2, colour="red"),
        sent(2, version=7),
        sent(2, version="1"),
        sent(2, event="ParcelLost"),
        sent(2, data={"to": {"street": "x", "country": "Nowhere"}}),
        sent(2, data={**sent(2)["data"], "secret": "swordfish"}),
        sent(2, recorded_at="2020-02-29T12:00:00"),
        sent(2, occurred_at="swordfish"),
        sent(2, occurred_at=7),
        sent(2, id=FIRST_ID),
        sent(2, id="seven"),
        sent(2, workflow="Letter"),
        sent(2, workflow_id=""),
        delivered(1),
        sent(1),
    ]
    file = written(tmp_path / "parcels.jsonl", lines)

    status, out, err = verb(file)

    assert (status, out) == (2, "")
    *told, last = err.splitlines()
    assert last == "headwater streams import: nothing was written"
    reasons = [
        "it is no JSON",
        "it is no JSON object",
        "it has no `workflow_id`, `data`",
        "there is no such key: 'colour'",
        "ParcelSent",
        "`version` is not a whole number",
        "ParcelLost",
        "ParcelSent version 1: data.to.country: ",
        "ParcelSent version 1: data.secret: ",
        "`recorded_at` is no time with a zone",
        "`occurred_at` is no time with a zone",
        "`occurred_at` is not a text with something in it",
        "its id came before, on line 1",
        "`id` is no UUID",
        "ParcelSent is of the workflow Parcel",
        "`workflow_id` is not a text with something in it",
    ]
    expected = [f"{file}:{line}: {reason}" for line, reason in enumerate(reasons, 2)]
    expected.append(f"{file}:19: its workflow ended before, on line 18")
    assert len(told) == len(expected)
    for found, wanted in zip(told, expected, strict=True):
        assert found.startswith(wanted)
    assert "swordfish" not in err
    assert recorded(database) == []


def test_what_contradicts_the_database_is_told_and_nothing_is_written(
    verb: Verb, database: str, tmp_path: Path
):
    verb(written(tmp_path / "first.jsonl", [sent(1, id=FIRST_ID), delivered(1)]))
    second = written(tmp_path / "second.jsonl", [sent(3), sent(2, id=FIRST_ID), sent(1)])

    status, out, err = verb(second)

    assert (status, out) == (2, "")
    assert err.splitlines() == [
        f"{second}:2: parcels has another event with its id, at offset 1",
        f"{second}:3: workflow 'p-1' has ended already",
        "headwater streams import: nothing was written",
    ]
    assert statistics(database).head == 2


def test_a_dry_run_counts_and_writes_nothing(verb: Verb, database: str, tmp_path: Path):
    file = written(tmp_path / "parcels.jsonl", [sent(1), sent(2)])

    assert verb(file, "--dry-run") == (0, "2 events would be imported, 0 there already\n", "")

    assert recorded(database) == []


def test_an_import_that_was_stopped_between_batches_goes_on_where_it_was(
    verb: Verb, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(importing, "BATCH", 2)
    lines = [sent(number) for number in range(1, 8)]
    file = written(tmp_path / "parcels.jsonl", lines)
    with file.open("rb") as text:
        events, _ = importing.read_lines(text, parcels.service)

    def stop(done: int) -> None:
        if done == 4:
            raise InterruptedError

    async def begin() -> None:
        async with manage(parcels.service, database) as management:
            taking = management.importing(events)
            await taking.compare()
            await taking.append(stop)

    with pytest.raises(InterruptedError):
        asyncio.run(begin())
    assert statistics(database).head == 4

    assert verb(file) == (0, "3 events imported, 4 there already\n", "")

    assert [one.workflow_id for one in recorded(database)] == [f"p-{n}" for n in range(1, 8)]


def test_two_imports_that_both_found_nothing_there_write_each_event_once(
    database: str, tmp_path: Path
):
    with written(tmp_path / "parcels.jsonl", [sent(1), sent(2)]).open("rb") as text:
        events, _ = importing.read_lines(text, parcels.service)

    async def both() -> list[int]:
        async with manage(parcels.service, database) as management:
            imports = [management.importing(events) for _ in range(2)]
            for one in imports:
                await one.compare()
            for one in imports:
                await one.append(lambda done: None)
            return [one.written for one in imports]

    assert asyncio.run(both()) == [2, 0]
    assert statistics(database).head == 2


def test_another_stream_or_file_is_refused_in_a_line(verb: Verb, tmp_path: Path):
    file = written(tmp_path / "parcels.jsonl", [sent(1)])

    status, _, err = verb(file, "--stream", "parcel")
    assert status == 2
    assert "has no stream 'parcel'; did you mean 'parcels'?" in err

    status, _, err = verb(tmp_path / "nothing.jsonl")
    assert status == 2
    assert "nothing.jsonl cannot be read: No such file or directory" in err

    assert verb(file, "--stream", "parcels")[0] == 0


def test_any_text_that_the_event_accepts_is_kept(verb: Verb, database: str, tmp_path: Path):
    data = {"to": {"street": "a\0b \u2028 \U0001f4e6", "country": "NL"}}

    assert verb(written(tmp_path / "parcels.jsonl", [sent(1, data=data)]))[0] == 0
    assert verb(tmp_path / "parcels.jsonl")[1] == "0 events imported, 1 there already\n"

    assert [json.loads(one.data) for one in recorded(database)] == [data]


def test_the_time_at_which_an_event_happened_is_kept_beside_the_time_of_the_import(
    verb: Verb, database: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    """Through a second import too, of what `replay --json` prints."""
    before = "2020-02-29T12:00:00.000001+01:00"
    lines = [
        sent(1, recorded_at=before),
        sent(2, occurred_at=before, recorded_at="2021-01-01T00:00:00Z"),
        sent(3),
    ]
    begun = SystemClock().now()
    assert verb(written(tmp_path / "parcels.jsonl", lines))[0] == 0

    events = recorded(database)
    moment = datetime.fromisoformat(before)
    assert [one.metadata.occurred_at for one in events] == [moment, moment, None]
    assert [Envelope.of(one).time for one in events[:2]] == ["2020-02-29T11:00:00.000001Z"] * 2
    assert all(one.recorded_at > begun - SLACK for one in events)

    assert main(["replay", MODULE, "parcels", "--json"]) == 0
    replayed = capfd.readouterr().out
    assert [json.loads(line).get("occurred_at") for line in replayed.splitlines()] == [
        "2020-02-29T11:00:00.000001Z",
        "2020-02-29T11:00:00.000001Z",
        None,
    ]
    again, bad = importing.read_lines(replayed.encode().splitlines(), POST)
    assert not bad
    assert [one.event.metadata.occurred_at for one in again] == [
        moment,
        moment,
        events[2].recorded_at,
    ]


def test_of_two_imports_at_once_the_one_that_has_seen_half_of_the_other_writes_nothing_twice(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """It has looked into one stream before the other import wrote, and into the next one after."""
    monkeypatch.setattr(importing, "BATCH", 2)
    letters = [{"event": "LetterSent", "workflow_id": f"l-{n}", "data": {}} for n in range(6)]
    lines = [one for n, letter in enumerate(letters) for one in (letter, sent(n))]
    with written(tmp_path / "post.jsonl", lines).open("rb") as text:
        events, _ = importing.read_lines(text, POST)

    async def both() -> list[int]:
        async with manage(POST, database) as first, manage(POST, database) as second:
            quick, slow = first.importing(events), second.importing(events)
            reading = second._store.read

            async def read(stream: str, after: int, limit: int) -> list[RecordedEvent]:
                if stream == "parcels" and not quick.written:
                    await quick.append(lambda done: None)
                return await reading(stream, after, limit)

            await quick.compare()
            with monkeypatch.context() as patched:
                patched.setattr(second._store, "read", read)
                await slow.compare()
            assert {one.stream for one in slow.missing} == {"letters"}
            await slow.append(lambda done: None)
            return [quick.written, slow.written]

    assert asyncio.run(both()) == [12, 0]
    assert statistics(database).head == 6


def test_imports_of_one_file_that_run_at_once_write_each_event_once(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """In the order of the lines, whoever writes which batch."""
    monkeypatch.setattr(importing, "BATCH", 3)
    with written(tmp_path / "parcels.jsonl", [sent(n) for n in range(40)]).open("rb") as text:
        events, _ = importing.read_lines(text, POST)

    async def take_in() -> int:
        async with manage(POST, database) as management:
            taking = management.importing(events)
            await taking.compare()
            await taking.append(lambda done: None)
            return taking.written

    async def all_at_once() -> list[int]:
        return await asyncio.gather(*(take_in() for _ in range(4)))

    assert sum(asyncio.run(all_at_once())) == 40
    assert [one.workflow_id for one in recorded(database)] == [f"p-{n}" for n in range(40)]
