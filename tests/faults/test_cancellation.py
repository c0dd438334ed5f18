"""F7: whoever appends, takes, handles or settles is cancelled, at every await in turn."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from headwater import App, EventContext
from headwater.stores.contract import Append, Expect, Unit

from tests.faults.actors import mark_of, post_of
from tests.faults.databases import Database, ServerDatabase, on_both
from tests.faults.ledger import EFFECTS, ENTRIES, Enter, Entered, Handlers, ledger

pytestmark = [pytest.mark.row("F7"), on_both]

MOST_AWAITS = 200
PATIENCE = 5.0  # seconds


class CancelledAt:
    """Awaits something, and cancels its own task at the n-th time that it has to wait."""

    def __init__(self, awaited: Awaitable[Any], at: int) -> None:
        self._awaited = awaited
        self._at = at
        self.waits = 0

    def __await__(self) -> Generator[Any, Any, Any]:
        inner = self._awaited.__await__()
        value: Any = None
        error: BaseException | None = None
        while True:
            try:
                future = inner.send(value) if error is None else inner.throw(error)
            except StopIteration as stop:
                return stop.value
            self.waits += 1
            if self.waits == self._at:
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
            value, error = None, None
            try:
                value = yield future
            except BaseException as thrown:  # noqa: BLE001  (handed on to what is awaited)
                error = thrown


@asynccontextmanager
async def ledger_app(
    database: Database, handlers: Handlers, **settings: Any
) -> AsyncIterator[App[Any]]:
    app = App(ledger(**settings), handlers=handlers, database=database.url, drain=5.0)
    async with app:
        yield app


async def marks(app: App[Any], stream: str = ENTRIES) -> list[str]:
    store = app._store
    recorded = await store.read(stream, 0, (await store.statistics(stream)).head)
    assert [one.offset for one in recorded] == [*range(1, len(recorded) + 1)]
    return [mark_of(one.data) for one in recorded]


def assert_nothing_is_held(database: Database) -> None:
    """Another process could write at once."""
    assert not database.is_locked()
    if isinstance(database, ServerDatabase):
        assert database.connections() == 0, "a connection is left over"


async def cancel_at_each_await(attempt: Callable[[int], Awaitable[Any]]) -> int:
    """Run it once for each of its awaits, and then once to its end; how often it was cancelled."""
    for at in range(1, MOST_AWAITS):
        cancelled = CancelledAt(attempt(at), at)

        async def run(inner: CancelledAt = cancelled) -> None:
            await inner

        task = asyncio.create_task(run())
        await asyncio.wait([task], timeout=PATIENCE)
        assert task.done(), f"it hangs after it was cancelled at its await {at}, or before that"
        if not task.cancelled():
            task.result()
            if cancelled.waits < at:
                return at - 1
    raise AssertionError("it never came to its end")


async def test_a_command_that_is_cancelled_is_written_whole_or_not_at_all(
    database: Database,
) -> None:
    threads = threading.active_count()
    async with ledger_app(database, Handlers(), handler=False) as app:
        tasks = len(asyncio.all_tasks())
        done: list[int] = []

        async def enter(at: int) -> None:
            await app.execute(Enter(account="a", marks=[f"{at}.1", f"{at}.2"]))
            done.append(at)

        cancelled = await cancel_at_each_await(enter)
        await app.wait_until_idle()
        found = await marks(app)
        assert len(asyncio.all_tasks()) == tasks, "a task is left over"

    assert cancelled >= 2, "reading the workflow's state, and committing"
    for at in range(1, cancelled + 2):
        count = [mark.split(".")[0] for mark in found].count(str(at))
        assert count in {0, 2}
        assert count == 2 or at not in done
    assert_nothing_is_held(database)
    assert sum(one.name.startswith("headwater") for one in threading.enumerate()) == 0
    assert threading.active_count() <= threads + 2, "the event loop's own threads may stay"


async def test_a_reader_that_is_cancelled_at_any_await_loses_and_keeps_nothing(
    database: Database,
) -> None:
    """What it had in hand goes back at once and without counting as a failure."""
    settings: dict[str, Any] = {"handler": False, "mode": "broadcast", "concurrency": 1}
    async with ledger_app(database, Handlers(), **settings) as app:
        await app.execute(Enter(account="a", marks=[str(number) for number in range(1, 400)]))
        [subscription] = app.service.subscriptions
        tasks = len(asyncio.all_tasks())
        seen: list[tuple[int, int]] = []

        async def read(at: int) -> None:
            async with app.subscribe(subscription, consumer="ann") as session:
                number = 0
                async for delivery in session.deliveries():
                    seen.append((delivery.context.recorded.offset, delivery.context.attempt))
                    await delivery.ack()
                    number += 1
                    if number == 2:
                        return

        cancelled = await cancel_at_each_await(read)
        assert len(asyncio.all_tasks()) == tasks, "a task is left over"
        async with app.subscribe(subscription, consumer="ann") as session:
            async with asyncio.timeout(5):
                delivery = await anext(session.deliveries())
            last = delivery.context.recorded.offset

    assert cancelled >= 6, "registering, claiming, settling, twice; and leaving"
    offsets = [offset for offset, _ in seen]
    assert offsets == sorted(offsets), "a later event never comes before an earlier one"
    assert {*range(1, last)} == {*offsets} - {last}, "none was skipped"
    assert all(attempt == 1 for _, attempt in seen), "being cancelled is no failure"
    assert_nothing_is_held(database)


async def test_a_session_that_is_cancelled_at_any_await_is_not_kept_alive(
    database: Database,
) -> None:
    """Nobody beats for it any more, so its consumer can expire; and the app forgets it."""
    settings: dict[str, Any] = {"handler": False, "mode": "broadcast", "concurrency": 1}
    async with ledger_app(database, Handlers(), **settings) as app:
        await app.execute(Enter(account="a", marks=["1"]))
        [subscription] = app.service.subscriptions
        opened: list[int] = []

        async def hold(at: int) -> None:
            async with app.subscribe(subscription, consumer=f"ann-{at}") as session:
                opened.append(at)
                await anext(session.deliveries())

        cancelled = await cancel_at_each_await(hold)

        assert cancelled > len(opened) - 1, "some were cancelled before they were open"
        assert not app._readership._sessions
        assert not app._heartbeat._members


async def test_a_handler_that_is_cancelled_at_any_await_is_run_again_elsewhere(
    database: Database,
) -> None:
    """As by a service that stops while each of its handlers is at another await."""
    posted: list[str] = []
    reached: list[int] = []

    class Slow(Handlers):
        def __init__(self, at: int) -> None:
            self._at = at

        async def post(self, event: Entered, context: EventContext) -> None:
            for step in range(1, 4):
                if step == self._at:
                    reached.append(step)
                    await asyncio.Event().wait()
                await asyncio.sleep(0)
            posted.append(event.mark)

    for at in (1, 2, 3):
        app = App(ledger(), handlers=Slow(at), database=database.url, drain=0.0)
        async with app:
            await app.execute(Enter(account=f"a-{at}", marks=[str(at)]))
            async with asyncio.timeout(5):
                while at not in reached:  # noqa: ASYNC110  (with a deadline)
                    await asyncio.sleep(0.001)
    async with ledger_app(database, Slow(0)) as app, asyncio.timeout(5):
        while len(posted) < 3:  # noqa: ASYNC110  (with a deadline)
            await asyncio.sleep(0.001)

    assert sorted(posted) == ["1", "2", "3"]
    assert_nothing_is_held(database)


async def test_a_commit_that_is_cancelled_is_carried_out_or_never_begun(database: Database) -> None:
    """With whoever waits for the same group: they are not cancelled with it."""
    async with ledger_app(database, Handlers(), handler=False) as app:
        tasks = len(asyncio.all_tasks())

        async def commit(at: int) -> None:
            append = Append(
                stream=EFFECTS,
                workflow="Effect",
                workflow_id=str(at),
                expect=Expect.NEW,
                events=(post_of(str(at), at),),
            )
            neighbour = app._committer.submit(Unit(appends=(append,)))
            other = Append(
                stream=EFFECTS, workflow_id="x", events=(post_of(f"cancelled-{at}", at),)
            )
            try:
                await app._committer.commit(Unit(appends=(other,)))
            finally:
                await asyncio.shield(neighbour.outcome)

        cancelled = await cancel_at_each_await(commit)
        await app.wait_until_idle()
        found = await marks(app, EFFECTS)
        assert len(asyncio.all_tasks()) == tasks

    assert cancelled >= 1
    assert {mark for mark in found if mark.isdigit()} == {str(at) for at in range(1, cancelled + 2)}
    gc.collect()
    assert_nothing_is_held(database)
