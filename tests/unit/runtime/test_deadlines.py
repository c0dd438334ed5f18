"""Every public call returns by its deadline, from a store that never answers as well."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from headwater import (
    App,
    ConfigurationError,
    DeadlineExceededError,
    Delivery,
    FromLatest,
    Management,
    Mode,
    OnUnknown,
    OutcomeUnknownError,
    Retention,
    Subscription,
    manage,
)
from headwater.operations.importing import ImportedEvent
from headwater.stores.contract import Store
from headwater.stores.keys import Keeping
from headwater.stores.leases import Leasing
from headwater.stores.operating import Operating
from headwater.stores.receipts import Receipting
from headwater.stores.retention import Retaining
from headwater.testing.conformance.examples import new_event

from tests.support.crossing import ShopHandlers, shop_at
from tests.support.order_handlers import OrderHandlers
from tests.support.orders import PlaceOrder, Quote, order_board, order_service, quote_desk

SOON = 0.02  # seconds
Running = App[Any]

news: Subscription[Any] = replace(
    order_board, name="news", mode=Mode.READ_RECEIPT, handler=None, expire_after=None
)


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[Running]:
    database = f"sqlite:///{tmp_path}/orders.db"
    service = replace(order_service, subscriptions=(*order_service.subscriptions, news))
    async with App(service, handlers=OrderHandlers(), database=database) as app:
        await app.add_recipient(news, consumer="ann")
        yield app
        for name in HANGING:
            vars(app._store).pop(name, None)
        for name in RECEIPTS:
            vars(app._store.receipts).pop(name, None)


HANGING = [
    name
    for part in (Store, Leasing, Retaining, Keeping, Operating)
    for name, method in vars(part).items()
    if inspect.iscoroutinefunction(method) and name not in {"open", "close"}
]


RECEIPTS = [
    name for name, method in vars(Receipting).items() if inspect.iscoroutinefunction(method)
]


def hang(app: Running, *names: str) -> None:
    """Have the store answer none of these calls."""

    async def never(*_: Any, **__: Any) -> None:
        await asyncio.Event().wait()

    for name in names or HANGING:
        setattr(app._store, name, never)
    for name in () if names else RECEIPTS:
        setattr(app._store.receipts, name, never)


async def first(events: AsyncIterator[Any]) -> Any:
    return await anext(events)


READS: dict[str, Callable[[Running], Awaitable[Any]]] = {
    "keys": lambda app: app.keys(deadline=SOON),
    "execute": lambda app: app.execute(
        PlaceOrder(order_id=1, email="ada@example.com"), deadline=SOON
    ),
    "submit": lambda app: app.submit(
        PlaceOrder(order_id=1, email="ada@example.com"), deadline=SOON
    ),
    "consumers": lambda app: app.consumers(order_board, deadline=SOON),
    "is_paused": lambda app: app.is_paused(order_board, deadline=SOON),
    "progress": lambda app: app.progress(quote_desk, deadline=SOON),
    "dead_letters": lambda app: app.dead_letters(quote_desk, deadline=SOON),
    "failed_commands": lambda app: app.failed_commands(deadline=SOON),
    "positions": lambda app: app.positions(deadline=SOON),
    "acts": lambda app: app.acts(deadline=SOON),
    "statistics": lambda app: app.statistics("orders", deadline=SOON),
    "counts": lambda app: app.counts("orders", deadline=SOON),
    "recipients": lambda app: app.recipients(news, deadline=SOON),
    "unread_count": lambda app: app.unread_count(news, consumer="ann", deadline=SOON),
    "unread": lambda app: app.unread(news, consumer="ann", deadline=SOON),
    "receipts": lambda app: app.receipts(news, uuid4(), deadline=SOON),
    "replay": lambda app: first(aiter(app.replay("orders", deadline=SOON))),
}
WRITES: dict[str, Callable[[Running], Awaitable[Any]]] = {
    "unsubscribe": lambda app: app.unsubscribe(order_board, consumer="ann", deadline=SOON),
    "add_recipient": lambda app: app.add_recipient(news, consumer="ann", deadline=SOON),
    "mark_as_read": lambda app: app.mark_as_read(news, 1, consumer="ann", deadline=SOON),
    "mark_all_as_read": lambda app: app.mark_all_as_read(news, consumer="ann", deadline=SOON),
    "pause": lambda app: app.pause(order_board, deadline=SOON),
    "resume": lambda app: app.resume(order_board, deadline=SOON),
    "requeue": lambda app: app.requeue(deadline=SOON),
    "drop": lambda app: app.drop(deadline=SOON),
    "reset": lambda app: app.reset(quote_desk, to=FromLatest(), deadline=SOON),
    "retain": lambda app: app.retain(deadline=SOON),
    "forget_keys": lambda app: app.forget_keys(deadline=SOON),
    "retry_commands": lambda app: app.retry_commands(deadline=SOON),
    "subscribe": lambda app: app.subscribe(order_board, consumer="ann", deadline=SOON).__aenter__(),
}


QUESTIONS: dict[str, Callable[[Running], Awaitable[bool]]] = {
    "is_reachable": lambda app: app.is_reachable(deadline=SOON),
    "is_ready": lambda app: app.is_ready(deadline=SOON),
}


def test_every_public_call_of_an_app_is_in_this_test_and_has_a_deadline() -> None:
    calls = {
        name
        for name, method in inspect.getmembers(App, inspect.isfunction)
        if not name.startswith("_")
    }
    assert calls == {
        *READS,
        *WRITES,
        *QUESTIONS,
        "wait_until_idle",
        "broker_status",
        "crossings",
        "held",
        "importing",
        "retention",
    }
    for name in calls:
        assert "deadline" in inspect.signature(getattr(App, name)).parameters, name


async def test_asking_for_held_events_ends_by_its_deadline() -> None:
    """Only those subscriptions are asked about that hold what they do not know."""
    holding = replace(quote_desk, on_unknown=OnUnknown.HOLD)
    service = replace(order_service, subscriptions=(order_board, holding))
    async with App(service, handlers=OrderHandlers()) as app:
        assert await app.held() == {}
        hang(app, "feed")
        async with asyncio.timeout(5):
            with pytest.raises(DeadlineExceededError):
                await app.held(deadline=SOON)
        vars(app._store).pop("feed")


async def test_asking_for_the_broker_ends_by_its_deadline() -> None:
    """How far the relays are the store knows, and it does not answer."""
    async with App(shop_at(), handlers=ShopHandlers(), broker="memory://deadlines") as app:
        assert await app.broker_status() is not None
        assert len(await app.crossings()) == 1
        hang(app, "feed")
        async with asyncio.timeout(5):
            with pytest.raises(DeadlineExceededError):
                await app.broker_status(deadline=SOON)
            with pytest.raises(DeadlineExceededError):
                await app.crossings(deadline=SOON)
        vars(app._store).pop("feed")


async def test_looking_at_retention_ends_by_its_deadline() -> None:
    """Only streams that have one are looked at; and whatever hangs, removing returns in time."""
    orders, *others = order_service.streams
    kept = replace(orders, retention=Retention(events=1))
    service = replace(order_service, streams=(kept, *others))
    async with App(service, handlers=OrderHandlers(), retention_interval=0) as app:
        assert [one.removes for one in await app.retention()] == [0]
        for call in ("extent", "standings"):
            await app.execute(PlaceOrder(order_id=ord(call[0]), email="ada@example.com"))
            hang(app, call)
            async with asyncio.timeout(5):
                if call == "extent":
                    with pytest.raises(DeadlineExceededError):
                        await app.retention(deadline=SOON)
                hang(app, "release_lease")
                with pytest.raises(OutcomeUnknownError, match="removing old events"):
                    await app.retain(deadline=SOON)
            await asyncio.sleep(0)
            for name in (call, "release_lease"):
                vars(app._store).pop(name)
            app._store._leases._held.clear()  # type: ignore[attr-defined]


async def test_each_step_of_an_import_ends_by_the_deadline(app: Running) -> None:
    events = [ImportedEvent(1, "orders", "Order", "1", new_event())]
    importing = app.importing(events, deadline=SOON)
    hang(app)
    async with asyncio.timeout(5):
        with pytest.raises(DeadlineExceededError):
            await importing.compare()
        with pytest.raises(OutcomeUnknownError):
            await importing.append(lambda _: None)


@pytest.mark.parametrize("name", READS)
async def test_what_only_reads_says_that_nothing_was_written(app: Running, name: str) -> None:
    hang(app)
    async with asyncio.timeout(5):
        with pytest.raises(DeadlineExceededError):
            await READS[name](app)


@pytest.mark.parametrize("name", QUESTIONS)
async def test_whether_the_store_answers_is_answered_in_time(app: Running, name: str) -> None:
    assert await QUESTIONS[name](app)
    hang(app)
    async with asyncio.timeout(5):
        assert not await QUESTIONS[name](app)


@pytest.mark.parametrize("name", WRITES)
async def test_of_what_writes_the_outcome_is_unknown(app: Running, name: str) -> None:
    hang(app)
    async with asyncio.timeout(5):
        with pytest.raises(OutcomeUnknownError):
            await WRITES[name](app)


async def test_an_app_says_when_it_is_not_idle_in_time() -> None:
    async with App(order_service, handlers=OrderHandlers()) as app:
        with app._activity.working(), pytest.raises(TimeoutError):
            await app.wait_until_idle(deadline=SOON)


async def test_an_iterator_says_that_the_store_hands_out_nothing(app: Running) -> None:
    async with app.subscribe(quote_desk, deadline=SOON) as events:
        hang(app, "claim")
        async with asyncio.timeout(5):
            with pytest.raises(OutcomeUnknownError, match="taking an event"):
                await anext(aiter(events))


async def test_a_session_waits_for_an_event_as_long_as_there_is_none(app: Running) -> None:
    async with app.subscribe(quote_desk, deadline=SOON) as events:
        waiting = asyncio.ensure_future(anext(aiter(events)))
        await asyncio.sleep(3 * SOON)
        assert not waiting.done()
        await app.execute(Quote(price=7))
        assert (await asyncio.wait_for(waiting, 5)).price == 7  # type: ignore[attr-defined]


@pytest.mark.parametrize("how", ["ack", "nack", "release"])
async def test_settling_returns_in_time(app: Running, how: str) -> None:
    async with app.subscribe(quote_desk) as events:
        await app.execute(Quote(price=7))
        delivery: Delivery[Any] = await anext(events.deliveries())
        hang(app, "commit")
        settle: Callable[..., Awaitable[None]] = getattr(delivery, how)
        async with asyncio.timeout(5):
            with pytest.raises(OutcomeUnknownError, match="settling"):
                await settle(deadline=SOON)
        app._store.__dict__.pop("commit")


async def test_leaving_a_session_returns_in_time(app: Running) -> None:
    session = await app.subscribe(order_board, consumer="ann", deadline=SOON).__aenter__()
    hang(app, "disconnect")
    async with asyncio.timeout(5):
        with pytest.raises(OutcomeUnknownError, match="closing a session"):
            await session.__aexit__(None, None, None)


async def test_an_app_that_cannot_open_its_store_says_so_in_time() -> None:
    app = App(order_service, handlers=OrderHandlers(), startup=SOON)
    hang(app, "open")
    async with asyncio.timeout(5):
        with pytest.raises(DeadlineExceededError):
            await app.__aenter__()
    assert not app.is_running


async def test_a_store_that_does_not_close_is_left(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("headwater.app.TO_CLOSE", SOON)
    async with asyncio.timeout(5):
        app = App(order_service, handlers=OrderHandlers())
        hang(app, "close")
        async with app:
            pass
    assert "the store did not close within" in caplog.text


async def test_a_consumer_s_name_can_be_told_and_read(app: Running) -> None:
    for name in ("", "x" * 256, "a\nb"):
        with pytest.raises(ConfigurationError, match="1 to 255 printable"):
            app.subscribe(order_board, consumer=name)


async def test_management_works_beside_the_running_service(tmp_path: Path) -> None:
    """Without its handlers, from another process as well."""
    database = f"sqlite:///{tmp_path}/orders.db"
    async with (
        App(order_service, handlers=OrderHandlers(), database=database) as app,
        manage(order_service, database) as beside,
    ):
        assert isinstance(beside, Management)
        await app.execute(PlaceOrder(order_id=1, email="ada@example.com"))
        assert (await beside.statistics("orders")).head == 1
        assert [one.order_id async for one in beside.replay("orders")] == [1]  # type: ignore[attr-defined]
        await beside.pause(quote_desk)
        assert await app.is_paused(quote_desk)
