"""What exceeds a stream's retention goes, those who lag are waited for or told, and nobody else."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from headwater import (
    Ceiling,
    ConfigurationError,
    FromOffset,
    HandlerFailedError,
    HistoryUnavailableError,
    Lagging,
    Retention,
    Service,
    Stream,
    StreamTruncatedError,
    StreamType,
    ToOffset,
    Truncated,
)
from headwater.errors import LeaseLostError
from headwater.operations import retention as retaining
from headwater.operations.retention import Retainer, plan
from headwater.stores.contract import Acknowledge, FeedKey, Store, Unit
from headwater.stores.leases import RETENTION
from headwater.stores.memory import MemoryStore
from headwater.stores.retention import Gap
from headwater.stores.sqlite.store import SqliteStore
from headwater.testing import VirtualClock
from headwater.testing.conformance.examples import STREAMS, claim, feed, new_event, unit

from tests.support.order_handlers import OrderHandlers
from tests.support.orders import (
    Handlers,
    NoteOrder,
    OrderPlaced,
    PlaceOrder,
    order_board,
    order_service,
    packing,
)
from tests.support.virtual_app import VirtualApp

BYTES = len(new_event().data)
READER = FeedKey("reader")


def log(**limits: Any) -> Stream:
    return Stream("log", StreamType.PERSISTENT, retention=Retention(**limits))


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture(params=["memory", "sqlite"])
async def store(
    request: pytest.FixtureRequest, clock: VirtualClock, tmp_path: Path
) -> AsyncIterator[Store]:
    """Ten events, recorded a minute apart, the last one now."""
    in_memory = request.param == "memory"
    store: Store = MemoryStore(clock) if in_memory else SqliteStore(tmp_path / "log.db", clock)
    await store.open(STREAMS)
    for number in range(10):
        clock.advance(60.0 if number else 0.0)
        await store.commit([unit(new_event())])
    yield store
    await store.close()


@pytest.mark.parametrize(
    ("limits", "exceeds"),
    [
        ({"age": 180.0}, {"age": 6}),  # events 7 to 10 are 180 s old or less
        ({"age": 540.0}, {}),
        ({"age": 1e300}, {}),
        ({"events": 3}, {"events": 7}),
        ({"events": 10}, {}),
        ({"size": 3 * BYTES}, {"size": 7}),
        ({"size": 3 * BYTES - 1}, {"size": 8}),
        ({"size": 3 * BYTES + 1}, {"size": 7}),
        ({"size": 1}, {"size": 10}),
        ({"age": 240.0, "events": 4, "size": 9 * BYTES}, {"age": 5, "events": 6, "size": 1}),
    ],
)
async def test_what_exceeds_any_limit_goes(
    store: Store, limits: dict[str, Any], exceeds: dict[str, int]
) -> None:
    found = await plan(store, log(**limits))

    assert found.exceeds == exceeds
    assert (found.through, found.holds) == (max(exceeds.values(), default=0), 0)
    assert found.removes == found.through
    assert (await store.extent("log")).measured_to == 0, "looking changes nothing"


@pytest.mark.parametrize("page", [1, 2, 3, 7, 10, 100])
async def test_sizes_are_added_up_page_by_page(
    store: Store, page: int, monkeypatch: pytest.MonkeyPatch, clock: VirtualClock
) -> None:
    monkeypatch.setattr(retaining, "MEASURED", page)
    for kept in range(11):
        found = await plan(store, log(size=max(1, kept * BYTES)))
        assert found.through == 10 - kept
    await Retainer(store, [log(size=4 * BYTES)], clock).retain()
    assert (await store.extent("log")).size == 4 * BYTES
    await store.commit([unit(new_event())])
    assert (await plan(store, log(size=4 * BYTES))).exceeds == {"size": 7}


async def settle(store: Store, count: int) -> None:
    for _ in range(count):
        [one] = await claim(store, READER, limit=1)
        await store.commit([Unit(settlements=(Acknowledge(one),))])


@pytest.mark.parametrize(
    ("limits", "first", "missed"),
    [
        ({"events": 3}, 3, 0),  # it waits
        ({"events": 9}, 2, 0),  # nothing to wait for
        ({"events": 3, "lagging": Lagging.GAP}, 8, 5),
        ({"events": 3, "ceiling": Ceiling(events=5)}, 6, 3),  # it waits up to there
        ({"events": 3, "ceiling": Ceiling(size=6 * BYTES)}, 5, 2),
        ({"events": 3, "ceiling": Ceiling(age=120.0)}, 8, 5),  # no more goes than without it
        ({"events": 3, "ceiling": Ceiling(events=50)}, 3, 0),
    ],
)
async def test_those_who_lag_are_waited_for_up_to_the_ceiling(
    store: Store, clock: VirtualClock, limits: dict[str, Any], first: int, missed: int
) -> None:
    await store.register(feed())
    await settle(store, 2)

    removals = await Retainer(store, [log(**limits)], clock).retain()

    assert removals is not None
    [removal] = removals
    assert (removal.first_offset, removal.removed) == (first, first - 1)
    assert (await store.extent("log")).first_offset == first
    assert (await store.feed(READER)).truncated == missed
    assert removal.plan.holds == max(removal.plan.exceeds.values()) - (first - 1)
    again = await Retainer(store, [log(**limits)], clock).retain()
    assert again is not None
    assert again[0].removed == 0


async def test_whoever_holds_is_named_and_it_is_said_once(
    store: Store, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    await store.register(feed())
    await store.register(feed("other"))
    await settle(store, 4)
    retainer = Retainer(store, [log(events=3)], clock)
    with caplog.at_level(logging.INFO, "headwater.retention"):
        for _ in range(3):
            await retainer.retain()
    found = await plan(store, log(events=3))
    assert [(one.key.subscription, one.position) for one in found.lagging] == [
        ("other", 0),
        ("reader", 4),
    ]
    [said] = caplog.records
    assert (said.levelname, said.subscription, said.position) == (  # type: ignore[attr-defined]
        "WARNING",
        "other",
        0,
    )
    await store.unregister(FeedKey("other"))
    await settle(store, 6)
    with caplog.at_level(logging.INFO, "headwater.retention"):
        await retainer.retain()
    assert "7 old events removed, by events" in caplog.text


async def test_of_several_processes_one_is_at_it(store: Store, clock: VirtualClock) -> None:
    other = await store.acquire_lease(RETENTION, "other", 30.0)
    assert other is not None
    retainer = Retainer(store, [log(events=3)], clock)
    assert await retainer.retain() is None
    assert (await store.extent("log")).first_offset == 1
    clock.advance(30.0)
    assert await retainer.retain() is not None
    assert await store.acquire_lease(RETENTION, "third", 30.0) is not None, "it was released"


async def test_who_is_overtaken_in_the_middle_stops(
    store: Store, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it has done holds; the next one does the rest."""
    monkeypatch.setattr(retaining, "BATCH", 2)
    sweep = store.sweep

    async def slow(*arguments: Any) -> Any:
        swept = await sweep(*arguments)
        clock.advance(60.0)
        await store.acquire_lease(RETENTION, "other", 1.0)
        return swept

    monkeypatch.setattr(store, "sweep", slow)
    with pytest.raises(LeaseLostError):
        await Retainer(store, [log(events=3)], clock).retain()
    monkeypatch.undo()
    clock.advance(60.0)
    removals = await Retainer(store, [log(events=3)], clock).retain()
    assert removals is not None
    assert (await store.extent("log")).first_offset == 8


async def test_a_role_that_may_not_remove_is_told(
    store: Store, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def may_not() -> bool:
        return False

    monkeypatch.setattr(store, "may_remove", may_not)
    with pytest.raises(ConfigurationError, match="headwater streams retention"):
        await Retainer(store, [log(events=3)], clock).retain()


# A service


def service(**limits: Any) -> Service[Handlers]:
    orders, *others = order_service.streams
    kept = replace(orders, retention=Retention(**limits))
    return replace(order_service, streams=(kept, *others))


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    match request.param:
        case "memory":
            return "memory://"
        case "sqlite":
            return f"sqlite:///{tmp_path}/orders.db"
        case _:
            return str(request.getfixturevalue("postgres_url"))


async def place(app: VirtualApp, *order_ids: int) -> None:
    for order_id in order_ids:
        await app.execute(PlaceOrder(order_id=order_id, email="ada@example.com"))


async def oldest(app: VirtualApp) -> int:
    found = await app.statistics("orders")
    return found.head - found.length + 1


async def test_a_service_removes_what_is_old_from_time_to_time(database: str) -> None:
    async with VirtualApp(service(age=3600.0), handlers=OrderHandlers(), database=database) as app:
        await place(app, 1, 2)
        await app.advance(1800.0)
        await place(app, 3)
        assert await oldest(app) == 1
        await app.advance(1900.0)
        assert await oldest(app) == 3
        with pytest.raises(StreamTruncatedError) as told:
            [one async for one in app.replay("orders", start=FromOffset(1), until=ToOffset(9))]
        assert (told.value.stream, told.value.first, told.value.last) == ("orders", 1, 2)
        assert [one.offset async for one in app.replay("orders").records()] == [3]
        with pytest.raises(HandlerFailedError) as failed:
            await app.execute(NoteOrder(order_id=1, text="history"))
        assert isinstance(failed.value.__cause__, HistoryUnavailableError)


async def test_a_session_is_told_once_and_goes_on(database: str) -> None:
    """Before it is given more. What it had in hand was not settled, and comes again."""
    async with VirtualApp(
        service(events=2, lagging=Lagging.GAP), handlers=OrderHandlers(), database=database
    ) as app:
        async with app.subscribe(order_board, consumer="ann") as events:
            await place(app, 1)
            assert (await anext(events)).order_id == 1
        await place(app, 2, 3, 4, 5)
        await app.retain()

        seen: list[Any] = []
        async with asyncio.timeout(10), app.subscribe(order_board, consumer="ann") as events:
            while len(seen) < 4:
                try:
                    seen.append((await anext(events)).order_id)
                except StreamTruncatedError as error:
                    seen.append((error.first, error.last, error.reader))
        assert seen == [(2, 3, "order-board"), 1, 4, 5]
        progress = await app.progress(order_board, consumer="ann")
        assert progress.truncated == 2


async def test_deliveries_go_on_after_they_were_told(database: str) -> None:
    async with VirtualApp(
        service(events=1, lagging=Lagging.GAP), handlers=OrderHandlers(), database=database
    ) as app:
        async with app.subscribe(order_board, consumer="ann"):
            pass
        await place(app, 1, 2, 3)
        await app.retain()
        async with asyncio.timeout(10), app.subscribe(order_board, consumer="ann") as session:
            deliveries = session.deliveries()
            with pytest.raises(StreamTruncatedError, match="events 1 to 2 of orders are not kept"):
                await anext(deliveries)
            delivery = await anext(deliveries)
            assert delivery.event.order_id == 3  # type: ignore[union-attr]
            await delivery.ack()


async def test_a_loop_can_have_what_is_gone_as_an_item(database: str) -> None:
    async with VirtualApp(
        service(events=1, lagging=Lagging.GAP), handlers=OrderHandlers(), database=database
    ) as app:
        async with app.subscribe(order_board, consumer="ann"):
            pass
        await place(app, 1, 2, 3)
        await app.retain()
        [before] = await app.positions(order_board)
        seen: list[Any] = []
        async with asyncio.timeout(10), app.subscribe(order_board, consumer="ann") as session:
            async for one in session.deliveries(truncated=True):
                if isinstance(one, Truncated):
                    seen.append(one)
                    continue
                seen.append(one.event.order_id)  # type: ignore[union-attr]
                await one.ack()
                break
        [after] = await app.positions(order_board)
        assert seen == [Truncated("orders", 1, 2), 3]
        assert (before.truncated, before.missed) == (2, Gap(1, 2))
        assert (after.truncated, after.missed) == (2, None), "it was told"


class Slow(OrderHandlers):
    """Waits before it packs the first order."""

    def __init__(self) -> None:
        super().__init__()
        self.may_go_on = asyncio.Event()

    async def packing(self, event: OrderPlaced, context: Any) -> None:
        if event.order_id == 1:
            await self.may_go_on.wait()
        await super().packing(event, context)


async def test_a_handler_goes_on_behind_what_it_missed_and_it_is_logged(
    database: str, caplog: pytest.LogCaptureFixture
) -> None:
    """What it has in hand it may finish."""
    handlers = Slow()
    async with VirtualApp(
        service(events=2, lagging=Lagging.GAP), handlers=handlers, database=database
    ) as app:
        await place(app, *range(1, 6))
        await asyncio.sleep(0.01)
        with caplog.at_level(logging.ERROR, "headwater.subscriptions"):
            await app.retain()
            handlers.may_go_on.set()
            await app.wait_until_idle()
        assert handlers.packed[0] == 1
        assert handlers.packed[-2:] == [4, 5]
        progress = await app.progress(packing)
        missed = progress.truncated
        assert len(handlers.packed) == 5 - missed
        if missed:
            [said] = [one for one in caplog.records if "not kept any more" in one.getMessage()]
            assert said.last == 3  # type: ignore[attr-defined]


async def test_a_replay_that_is_overtaken_says_so(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes no further, whether some of the next page is left or nothing."""
    app = VirtualApp(service(events=1), handlers=OrderHandlers(), database=database)
    app._retention_interval = 0.0
    async with app:
        await place(app, *range(1, 7))
        store = app._store
        lease = await store.acquire_lease(RETENTION, "me", 30.0)
        assert lease is not None
        for gone, start in ((4, 2), (6, 6)):
            records = app.replay("orders", start=FromOffset(start)).records()
            read = store.read

            async def late(*arguments: Any, gone: int = gone, read: Any = read) -> Any:
                await store.truncate("orders", gone, regardless=gone, lease=lease)
                return await read(*arguments)

            with monkeypatch.context() as patched:
                patched.setattr(store, "read", late, raising=False)
                with pytest.raises(StreamTruncatedError) as told:
                    async with asyncio.timeout(10):
                        await anext(records)
            assert (told.value.first, told.value.last) == (start, gone)
        assert [one async for one in app.replay("orders")] == []


async def test_an_interval_of_0_leaves_it_to_others(database: str) -> None:
    app = VirtualApp(service(events=1), handlers=OrderHandlers(), database=database)
    app._retention_interval = 0.0
    async with app:
        await place(app, 1, 2, 3)
        await app.wait_until_idle()
        await app.advance(600.0)
        assert await oldest(app) == 1
        [found] = await app.retention()
        assert (found.stream, found.removes) == ("orders", 2)
        [removal] = await app.retain()
        assert removal.first_offset == 3


def test_a_service_whose_retention_means_nothing_is_refused() -> None:
    quotes = replace(order_service.streams[1], retention=Retention(age=1.0))
    orders = replace(
        order_service.streams[0],
        retention=Retention(lagging=Lagging.GAP, ceiling=Ceiling()),
    )
    with pytest.raises(ConfigurationError) as refused:
        replace(order_service, streams=(orders, quotes))
    for part in (
        "quotes is ephemeral and retains nothing",
        "the retention of orders has no limit",
        "the ceiling of orders has no limit",
        "orders has a ceiling, and waits for nobody",
    ):
        assert part in str(refused.value)
