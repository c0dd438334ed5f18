"""P9: the server, or the way to it, takes everything and says nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from headwater import App, CommandContext, EventContext
from headwater.errors import DeadlineExceededError, OutcomeUnknownError, StoreUnavailableError
from headwater.stores.contract import Append, Committed, Unit, Unknown
from headwater.stores.postgres.bell import ALIVE
from headwater.stores.postgres.store import PostgresStore
from headwater.stores.postgres.wire import Limits

from tests.faults.actors import post_of
from tests.faults.databases import ServerDatabase, on_postgres
from tests.faults.ledger import EFFECTS, Account, Enter, Entered, Handlers, ledger
from tests.faults.proxy import Proxy
from tests.support.waiting import eventually

pytestmark = [pytest.mark.row("P9"), on_postgres]

DEADLINE = 0.4  # seconds
LATE = 1.0  # seconds beyond the deadline, at most
LIMITS = Limits(lock=0.3, statement=0.4, idle=0.4, connect=0.4, spare=0.2)
CUT = ALIVE + 2 * LIMITS.reply  # seconds until a socket is cut; one that only listens is last

TELLS = (DeadlineExceededError, OutcomeUnknownError, StoreUnavailableError)


class Impatient(App[Any]):
    """Waits for the server less long than usual."""

    def _open_database(self, database: str) -> Any:
        return PostgresStore(database, limits=LIMITS)


class Noting(Handlers):
    """Works in a transaction of its own; `reached` is where it is told to stay for a moment."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def enter(self, command: Enter, workflow: Account, context: CommandContext) -> int:
        if command.behave == "own":
            connection = await context.connection()
            self.reached.set()
            await self.go_on.wait()
            await connection.exec_driver_sql("SELECT 1")
        return await super().enter(command, workflow, context)

    async def post(self, event: Entered, context: EventContext) -> None:
        pass


@pytest.fixture
def proxy(database: ServerDatabase) -> Iterator[Proxy]:
    with database.proxy() as proxy:
        yield proxy


async def late_by(call: Callable[[], Awaitable[object]]) -> float:
    """How many seconds after its deadline a call came back with an error that says so."""
    begun = time.monotonic()
    with pytest.raises(TELLS):
        await call()
    return time.monotonic() - begun - DEADLINE


async def test_every_call_ends_by_its_deadline_and_the_silent_sockets_are_cut(
    database: ServerDatabase, proxy: Proxy, whole: bool
) -> None:
    """Those that were open, and those that cannot be opened; afterwards all is as before."""
    rounds = 25 if whole else 1
    handlers = Noting()
    app = Impatient(
        ledger(handler=False), handlers=handlers, database=proxy.url(database.url), drain=1.0
    )
    entered = 0

    def command(behave: str = "", deadline: float = DEADLINE) -> Awaitable[object]:
        return app.execute(Enter(account="a", marks=["1"], behave=behave), deadline=deadline)

    async with app:
        for _ in range(rounds):
            await command(deadline=10.0)
            await command("own", deadline=10.0)
            entered += 2
            handlers.reached.clear()
            handlers.go_on.clear()
            in_the_middle = asyncio.ensure_future(
                app.execute(Enter(account="b", marks=["2"], behave="own"), deadline=DEADLINE)
            )
            await handlers.reached.wait()
            proxy.be_silent()
            handlers.go_on.set()
            late = [await late_by(command), await late_by(lambda: command("own"))]
            with pytest.raises(TELLS):
                await in_the_middle
            late.append(await late_by(command))  # now on a connection that is still to be made
            assert max(late) < LATE
            silent = proxy.deaf
            assert silent
            proxy.speak()
            await proxy.wait_closed(silent, CUT)
            await eventually(lambda: works_again(command))
            entered += 1
        store = app._store
        head = (await store.statistics("entries")).head
    assert entered <= head <= entered + 5 * rounds, "what was unknown may be there"
    assert not database.is_locked()


async def works_again(command: Callable[[], Awaitable[object]]) -> bool:
    with suppress(*TELLS):
        await command()
        return True
    return False


@pytest.mark.parametrize(
    ("call", "tries"),
    [
        (lambda store: store.statistics("entries"), 3),
        (lambda store: store.read("entries", 0, 10), 3),
        (lambda store: store.answer("key"), 3),
        (lambda store: store.dead_letters("posting"), 3),
        (lambda store: store.pause("posting"), 1),
        (lambda store: store.heartbeat(["a session"], lifetime=1.0), 1),
        (lambda store: store.remove_stale(), 1),
        (lambda store: store.begin(), 1),
    ],
    ids=["statistics", "read", "answer", "letters", "pause", "heartbeat", "stale", "begin"],
)
async def test_the_store_gives_up_on_each_connection_after_its_limit(
    database: ServerDatabase,
    proxy: Proxy,
    call: Callable[[PostgresStore], Awaitable[object]],
    tries: int,
) -> None:
    """A read is tried again on new connections; what writes is not, as nobody knows about it."""
    store = PostgresStore(proxy.url(database.url), limits=LIMITS, notify=False)
    await store.open(ledger().streams)
    await store.statistics("entries")
    proxy.be_silent()
    begun = time.monotonic()
    with pytest.raises((StoreUnavailableError, OutcomeUnknownError)):
        await call(store)
    took = time.monotonic() - begun
    proxy.speak()
    await store.close()
    await proxy.wait_closed(proxy.connections, CUT)
    assert took < tries * LIMITS.reply + LATE


async def test_where_one_connection_is_silent_the_others_are_not_used_again(
    database: ServerDatabase, proxy: Proxy
) -> None:
    """One outcome is unknown, and not one for each of them."""
    store = PostgresStore(proxy.url(database.url), limits=LIMITS, notify=False)
    await store.open(ledger().streams)
    await asyncio.gather(*(store.commit([unit(str(number))]) for number in range(2)))
    assert len(store._commits._idle) == 2
    proxy.be_silent()
    [outcome] = await store.commit([unit("2")])
    assert isinstance(outcome, Unknown)
    proxy.speak()
    [outcome] = await store.commit([unit("3")])
    assert isinstance(outcome, Committed)
    await store.close()


def unit(mark: str) -> Unit:
    append = Append(stream=EFFECTS, workflow_id=mark, events=(post_of(mark, 1),))
    return Unit(appends=(append,))


async def test_one_that_is_silent_from_the_start_is_waited_for_no_longer_than_asked(
    database: ServerDatabase, proxy: Proxy
) -> None:
    proxy.be_silent()
    store = PostgresStore(proxy.url(database.url), limits=LIMITS, patience=1.0)
    begun = time.monotonic()
    with pytest.raises(StoreUnavailableError, match="cannot be reached"):
        await store.open(ledger().streams)
    assert time.monotonic() - begun < 1.0 + LIMITS.connect + LATE
    await proxy.wait_closed(proxy.connections, CUT)
