"""`headwater relay`: what has crossed, as another process sees it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from headwater import Crossing, Direction, manage
from headwater.cli import main
from headwater.testing import MemoryApp

from tests.support import parcels
from tests.support.crossing import (
    LedgerHandlers,
    MakeSale,
    ShopHandlers,
    ledger_at,
    shop_at,
)


async def sold(count: int, database: str, **options: Any) -> MemoryApp[Any]:
    """The shop, which sells so much and ends."""
    shop = MemoryApp(shop_at(), handlers=ShopHandlers(), database=database, **options)
    async with shop:
        for number in range(count):
            await shop.execute(MakeSale(customer="ada", number=number))
        await shop.advance(0.0)
    return shop


def relay(
    service: object,
    database: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    *options: str,
) -> str:
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.setattr(parcels, "service", service)
    assert main(["relay", "tests.support.parcels", "--database", database, *options]) == 0
    return capfd.readouterr().out


async def test_what_is_still_to_go_out_is_told_without_a_broker(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/shop.db"
    await sold(3, database)
    async with manage(shop_at(), database) as management:
        [crossing] = await management.crossings()
    assert (crossing.stream, crossing.direction) == ("sales", Direction.OUT)
    assert (crossing.position, crossing.waiting, crossing.set_aside) == (0, 3, 0)
    assert crossing.oldest_age is not None
    assert crossing.last_at is None


async def test_what_came_in_is_told_with_its_time(tmp_path: Path) -> None:
    broker = f"memory://{uuid4().hex}"
    database = f"sqlite:///{tmp_path}/ledger.db"
    ledger = MemoryApp(ledger_at(), handlers=LedgerHandlers(), database=database, broker=broker)
    async with ledger:
        shop = await sold(2, "memory://", broker=broker)
        assert not shop.is_running
        await ledger.advance(0.0)
        [crossing] = await ledger.crossings()
    last = crossing.last_at
    assert last is not None
    assert crossing == Crossing(
        stream="shop/sales",
        direction=Direction.IN,
        position=2,
        waiting=None,
        oldest_age=None,
        set_aside=0,
        last_at=last,
    )


@pytest.fixture
async def database(tmp_path: Path) -> str:
    database = f"sqlite:///{tmp_path}/shop.db"
    await sold(3, database)
    return database


def test_the_verb_prints_a_line_for_each_stream_that_crosses(
    database: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    [line] = relay(shop_at(), database, capfd, monkeypatch, "--json").splitlines()
    found = json.loads(line)
    assert found.pop("oldest_age") is not None
    assert found == {
        "stream": "sales",
        "direction": "out",
        "position": 0,
        "waiting": 3,
        "set_aside": 0,
        "last_at": None,
    }
    head, row = relay(shop_at(), database, capfd, monkeypatch).splitlines()
    assert head.split()[:4] == ["stream", "direction", "position", "waiting"]
    assert row.split()[:4] == ["sales", "out", "0", "3"]


def test_and_says_so_where_nothing_crosses(
    database: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = relay(shop_at(publishes=None), database, capfd, monkeypatch)
    assert out == "shop publishes nothing and reads of nobody\n"
