"""`headwater check --store URL`: whether a release could read every event of a database."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from uuid import uuid4

import pytest
from headwater.cli import main
from headwater.events import Metadata
from headwater.stores.contract import Append, NewEvent, Unit
from headwater.stores.sqlite.store import SqliteStore
from headwater.streams import Stream, StreamType

SPEC = """\
headwater: 1
service: price-service
streams: {prices: {type: persistent}}
workflows:
  Item:
    stream: prices
    events:
      Priced:
        fields: {item: int, price: int}
        upcast: [{rename: {cents: price}}]
        history:
          1: {fields: {item: int, cents: int}}
"""


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pyproject.toml").write_text('[tool.headwater]\nspec = ["prices.yaml"]\n')
    file = tmp_path / "prices.yaml"
    file.write_text(SPEC)
    monkeypatch.chdir(tmp_path)
    return file


async def record(store: SqliteStore, *events: tuple[str, int]) -> None:
    new = tuple(
        NewEvent(uuid4(), name, version, b"{}", terminal=False, metadata=Metadata())
        for name, version in events
    )
    await store.commit([Unit(appends=(Append(stream="prices", workflow_id="1", events=new),))])


async def opened(spec: Path) -> SqliteStore:
    store = SqliteStore(spec.parent / "prices.db")
    await store.open([Stream("prices", StreamType.PERSISTENT)])
    return store


def write(spec: Path, *events: tuple[str, int]) -> None:
    async def work() -> None:
        store = await opened(spec)
        await record(store, *events)
        await store.close()

    asyncio.run(work())


def check(*arguments: str) -> int:
    return main(["check", "--store", "sqlite:///prices.db", *arguments])


def test_a_spec_that_knows_every_recorded_version_passes(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(spec, ("Priced", 1), ("Priced", 2), ("Priced", 0))

    assert check() == 0
    assert "can read all 3 events" in capsys.readouterr().out


def test_what_a_spec_cannot_read_is_named_with_its_count_and_what_is_missing(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(spec, ("Priced", 1), ("Priced", 3), ("Priced", 3), ("Sold", 1))

    assert check() == 1
    told = capsys.readouterr().err.splitlines()
    assert told == [
        (
            "prices.yaml: prices: 2 events are Priced version 3, and the newest that the spec has "
            "is 2: a later release recorded them"
        ),
        (
            "prices.yaml: prices: 1 event is Sold version 1, and the spec has no such event: keep "
            "it as long as events of it are there"
        ),
    ]
    assert check("--format", "json") == 1
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["event"], one["version"], one["count"]) for one in found] == [
        ("Priced", 3, 2),
        ("Sold", 1, 1),
    ]


def test_a_version_that_is_dropped_from_history_is_missed(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The way from it is gone, and its events are still there."""
    write(spec, ("Priced", 1))
    assert check() == 0
    spec.write_text(re.sub(r"        upcast:.*\n        history:\n.*\n", "", SPEC))
    assert check() == 0, "version 1 is the head now; that it has changed is told at start"
    write(spec, ("Priced", 2))
    assert check() == 1
    assert "1 event is Priced version 2" in capsys.readouterr().err


async def test_it_reads_beside_a_service_that_runs(spec: Path) -> None:
    store = await opened(spec)
    try:
        await record(store, ("Priced", 1))
        assert await asyncio.to_thread(check) == 0
        await record(store, ("Priced", 3))
        assert await asyncio.to_thread(check) == 1
    finally:
        await store.close()


def test_a_database_that_is_not_there_is_a_wrong_call(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check() == 2
    assert "there is no file prices.db" in capsys.readouterr().err
    assert not (spec.parent / "prices.db").exists()
