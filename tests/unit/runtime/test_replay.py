"""Reading a stream again: from where, to where, what of it, and going on with what is new."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from headwater import (
    EventNotFoundError,
    FromBeginning,
    FromEventId,
    FromLatest,
    FromOffset,
    FromTimestamp,
    NotRunningError,
    RecordedEvent,
    ReplayUnavailableError,
    ToEventId,
    ToLatest,
    ToOffset,
    ToTimestamp,
    UnknownStreamError,
)

from tests.support.order_handlers import OrderHandlers
from tests.support.orders import OrderPlaced, PlaceOrder, ShipOrder, order_service, packing
from tests.support.virtual_app import VirtualApp


@pytest.fixture(params=["memory", "sqlite"])
async def app(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[VirtualApp]:
    database = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/orders.db"
    async with VirtualApp(order_service, handlers=OrderHandlers(), database=database) as app:
        yield app


async def place(app: VirtualApp, *order_ids: int) -> None:
    """One event a second."""
    for order_id in order_ids:
        await app.execute(PlaceOrder(order_id=order_id, email="ada@example.com"))
        app.clock.advance(1)


async def offsets(app: VirtualApp, **options: object) -> list[int]:
    replay = app.replay("orders", **options)  # type: ignore[arg-type]
    return [one.offset async for one in replay.records()]


async def test_it_yields_typed_events_from_the_beginning_to_the_latest(app: VirtualApp) -> None:
    await place(app, 1, 2)
    await app.execute(ShipOrder(order_id=1, carrier="post"))
    names = [event.event_name async for event in app.replay("orders")]
    assert names == ["OrderPlaced", "OrderPlaced", "OrderShipped"]


async def test_an_empty_stream_has_nothing_to_replay(app: VirtualApp) -> None:
    assert await offsets(app) == []


async def test_it_starts_and_ends_where_it_is_told(app: VirtualApp) -> None:
    begun = app.clock.now()
    await place(app, *range(1, 7))
    ids = [one.id async for one in app.replay("orders").records()]

    def at(second: float) -> object:
        return begun + timedelta(seconds=second)

    assert await offsets(app, start=FromOffset(5)) == [5, 6]
    assert await offsets(app, start=FromOffset(9)) == []
    assert await offsets(app, start=FromLatest()) == []
    assert await offsets(app, start=FromTimestamp(at(3.5))) == [5, 6]  # type: ignore[arg-type]
    assert await offsets(app, start=FromEventId(ids[3])) == [4, 5, 6]
    assert await offsets(app, until=ToOffset(2)) == [1, 2]
    assert await offsets(app, until=ToOffset(99)) == [1, 2, 3, 4, 5, 6]
    assert await offsets(app, until=ToOffset(0)) == []
    assert await offsets(app, until=ToTimestamp(at(1))) == [1, 2]  # type: ignore[arg-type]
    assert await offsets(app, until=ToTimestamp(at(-1))) == []  # type: ignore[arg-type]
    assert await offsets(app, until=ToEventId(ids[2])) == [1, 2, 3]
    assert await offsets(app, start=FromOffset(2), until=ToLatest()) == [2, 3, 4, 5, 6]
    assert await offsets(app, start=FromEventId(ids[4]), until=ToEventId(ids[1])) == []


async def test_it_ends_with_what_was_there_when_it_began(app: VirtualApp) -> None:
    await place(app, 1, 2)
    seen = []
    async for record in app.replay("orders").records():
        seen.append(record.offset)
        await place(app, 10 + record.offset)
    assert seen == [1, 2]


async def test_a_filter_chooses_and_a_limit_counts_what_was_chosen(app: VirtualApp) -> None:
    await place(app, *range(1, 10))
    assert await offsets(app, where=lambda one: one.offset % 2 == 0, limit=3) == [2, 4, 6]
    assert await offsets(app, limit=0) == []


async def test_pages_leave_no_gap_and_nothing_comes_twice(app: VirtualApp) -> None:
    await asyncio.gather(
        *(
            app.execute(PlaceOrder(order_id=number, email="ada@example.com"))
            for number in range(100, 1250)
        )
    )
    assert await offsets(app) == list(range(1, 1151))
    assert await offsets(app, start=FromOffset(499), until=ToOffset(1003)) == list(range(499, 1004))


async def test_following_history_comes_first_and_then_what_is_recorded(app: VirtualApp) -> None:
    await place(app, 1, 2)
    following = asyncio.ensure_future(offsets(app, follow=True, limit=30))
    for number in range(3, 31):
        await place(app, number + 20)
    assert await asyncio.wait_for(following, 5) == list(range(1, 31))


async def test_following_ends_at_the_offset_or_time_it_is_told(app: VirtualApp) -> None:
    begun = app.clock.now()
    to_offset = asyncio.ensure_future(offsets(app, until=ToOffset(3), follow=True))
    to_time = asyncio.ensure_future(
        offsets(app, until=ToTimestamp(begun + timedelta(seconds=2)), follow=True)
    )
    await place(app, 1, 2, 3)
    assert await asyncio.wait_for(to_offset, 5) == [1, 2, 3]
    assert await asyncio.wait_for(to_time, 5) == [1, 2, 3]


async def test_following_to_a_time_gives_what_came_while_the_time_passed(
    app: VirtualApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event that comes in time, just after a look that has found nothing."""
    read = app._store.read
    until = app.clock.now() + timedelta(seconds=2)

    async def read_and_be_overtaken(stream: str, after: int, limit: int) -> list[RecordedEvent]:
        page = await read(stream, after, limit)
        if after == 2 and not page:
            await place(app, 3)
        return page

    await place(app, 1, 2)
    monkeypatch.setattr(app._store, "read", read_and_be_overtaken)
    following = offsets(app, until=ToTimestamp(until), follow=True)

    assert await asyncio.wait_for(following, 5) == [1, 2, 3]


async def test_following_ends_when_the_app_closes() -> None:
    async with VirtualApp(order_service, handlers=OrderHandlers(), database="memory://") as app:
        following = asyncio.ensure_future(offsets(app, follow=True))
        await place(app, 1)
        await asyncio.sleep(0)
    assert await asyncio.wait_for(following, 5) == [1]


async def test_it_changes_nothing_for_subscriptions(app: VirtualApp) -> None:
    await place(app, 1)
    await app.wait_until_idle()
    before = await app.progress(packing)
    await offsets(app)
    assert await app.progress(packing) == before


async def test_what_cannot_be_replayed_is_refused_at_once(app: VirtualApp) -> None:
    with pytest.raises(ReplayUnavailableError, match="ephemeral"):
        app.replay("quotes")
    with pytest.raises(UnknownStreamError):
        app.replay("nowhere")
    with pytest.raises(EventNotFoundError):
        await offsets(app, start=FromEventId(UUID(int=7)))
    with pytest.raises(EventNotFoundError):
        await offsets(app, until=ToEventId(UUID(int=7)))


async def test_a_stream_that_is_not_to_be_replayed_is_not() -> None:
    streams = tuple(replace(stream, replay=False) for stream in order_service.streams)
    app = VirtualApp(
        replace(order_service, streams=streams), handlers=OrderHandlers(), database="memory://"
    )
    with pytest.raises(NotRunningError):
        app.replay("orders")
    async with app:
        with pytest.raises(ReplayUnavailableError, match="replay: false"):
            app.replay("orders", start=FromBeginning())


async def test_it_can_be_iterated_again(app: VirtualApp) -> None:
    await place(app, 1)
    replay = app.replay("orders")
    for _ in range(2):
        assert [event async for event in replay] == [
            OrderPlaced(order_id=1, email="ada@example.com")
        ]
