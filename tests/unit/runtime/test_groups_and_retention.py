"""A consumer group and a stream whose old events go: held, told, and nobody waits for nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from headwater import Lagging, Retention, Retry, Service, Stream, StreamTruncatedError, StreamType
from headwater.stores.leases import RETENTION

from tests.support.virtual_app import VirtualApp
from tests.unit.runtime.test_groups import Handlers, Move, car_service


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    match request.param:
        case "memory":
            return "memory://"
        case "sqlite":
            return f"sqlite:///{tmp_path}/cars.db"
        case _:
            return str(request.getfixturevalue("postgres_url"))


def service(lagging: Lagging, **changes: Any) -> Service[Any]:
    kept = Retention(events=2, lagging=lagging)
    road = Stream("road", StreamType.PERSISTENT, retention=kept)
    return replace(car_service(**changes), streams=(road,))


async def drive(app: VirtualApp, *places: int) -> None:
    for place in places:
        await app.execute(Move(car=f"car-{place % 3}", to=place))


async def test_a_group_that_lags_is_waited_for(database: str) -> None:
    [traffic] = service(Lagging.HOLD).subscriptions
    async with VirtualApp(service(Lagging.HOLD), handlers=Handlers(), database=database) as app:
        async with app.subscribe(traffic, consumer="ann"):
            pass
        await drive(app, 1, 2, 3, 4, 5, 6)
        assert [one.removes for one in await app.retention()] == [0]
        await app.retain()
        seen = []
        async with asyncio.timeout(10), app.subscribe(traffic, consumer="ann") as events:
            while len(seen) < 6:
                seen.append((await anext(events)).to)
        assert sorted(seen) == [1, 2, 3, 4, 5, 6]


async def test_a_group_is_told_once_what_it_has_missed(database: str) -> None:
    [traffic] = service(Lagging.GAP).subscriptions
    async with VirtualApp(service(Lagging.GAP), handlers=Handlers(), database=database) as app:
        async with app.subscribe(traffic, consumer="ann"):
            pass
        await drive(app, 1, 2, 3, 4, 5, 6)
        await app.retain()
        seen: list[Any] = []
        async with asyncio.timeout(10), app.subscribe(traffic, consumer="ann") as events:
            while len(seen) < 3:
                try:
                    seen.append((await anext(events)).to)
                except StreamTruncatedError as error:
                    seen.append((error.first, error.last))
        assert seen[0] == (1, 4)
        assert sorted(seen[1:]) == [5, 6]


async def test_a_dead_letter_of_a_group_comes_again_when_its_event_is_gone(database: str) -> None:
    """It was requeued after its event had gone, and has its bytes from the dead letter."""
    handlers = Handlers(fails={("car-1", 1)})
    served = service(Lagging.GAP, handler="follow", retry=Retry(attempts=1))
    [traffic] = served.subscriptions
    async with VirtualApp(served, handlers=handlers, database=database) as app:
        await drive(app, 1, 2, 3, 5, 6)
        await app.wait_until_idle()
        assert sorted(handlers.seen) == [
            ("car-0", 3),
            ("car-0", 6),
            ("car-1", 1),
            ("car-2", 2),
            (
                "car-2",
                5,
            ),
        ]
        await app.retain()
        assert await app._store.read("road", 0, 2) == []
        handlers.fails.clear()
        await app.requeue(*await app.dead_letters(traffic))
        await app.retain()
        await app.advance(1.0)
        await app.wait_until_idle()
        assert handlers.seen[-1] == ("car-1", 1)
        assert await app.dead_letters(traffic) == []
        lease = await app._store.acquire_lease(RETENTION, "me", 30.0)
        assert lease is not None
        await app._store.sweep("road", 1, 100, lease)
        assert await app._store.kept_event("road", 1) is None, "it went when it was settled"
