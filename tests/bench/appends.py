"""Appends on SQLite, against a bare writer and against saves of the `eventsourcing` package."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

from headwater.clock import SystemClock
from headwater.events import Metadata
from headwater.stores.committer import Committer
from headwater.stores.contract import Append, Expect, NewEvent, Unit
from headwater.stores.sqlite.file import connect, prepare
from headwater.stores.sqlite.store import SqliteStore
from headwater.streams import Stream, StreamType

from .bare_writer import BODY, BareWriter
from .peer import durability, open_orders, place
from .rates import Rate, interleaved, of_tasks, of_threads
from .scale import Scale
from .shop import PlaceOrder, open_shop

__all__ = ["measure"]

STREAM = Stream("orders", StreamType.PERSISTENT)
METADATA = Metadata(command="PlaceOrder")


def measure(scale: Scale) -> Iterator[tuple[str, str, str]]:
    """Yield rows of (case, figure, goal)."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def new(kind: str) -> Path:
            return folder / f"{kind}-{uuid4()}.db"

        for callers, goal in ((1, ""), (64, "at least 0.5")):
            pairs = interleaved(
                scale.rounds,
                _run(lambda path, n=callers: _units(path, n, scale.seconds), new),
                _run(lambda path, n=callers: _bare(path, n, scale.seconds), new),
            )
            yield f"units to a bare coalescing writer, {callers} at once", pairs.text(), goal
        pairs = interleaved(
            scale.rounds,
            _run(lambda path: _commands(path, 64, 1, scale.seconds), new),
            _run(lambda path: _bare(path, 64, scale.seconds), new),
        )
        yield "commands to a bare coalescing writer, 64 at once", pairs.text(), ""
        yield "journal mode and synchronous", _modes(new), "the same"
        for callers, times, what, goal in (
            (1, 1, "one by one", "at least 0.8"),
            (32, 1, "32 at once", "at least 6"),
            (1, 100, "100 events each", "at least 1.2"),
        ):
            pairs = interleaved(
                scale.rounds,
                _run(lambda path, n=callers, t=times: _commands(path, n, t, scale.seconds), new),
                lambda n=callers, t=times: _saves(new("peer"), n, t, scale.seconds),
            )
            yield f"commands to saves of eventsourcing, {what}", pairs.text(), goal


def _run(case: Callable[[Path], Awaitable[Rate]], new: Callable[[str], Path]) -> Callable[[], Rate]:
    async def run() -> Rate:
        return await case(new("ours"))

    return lambda: asyncio.run(run())


def _modes(new: Callable[[str], Path]) -> str:
    path = new("ours")
    with closing(connect(path)) as connection:
        prepare(connection, path)
        ours = durability(connection)
    with (
        open_orders(new("peer")) as orders,
        orders.recorder.datastore.get_connection(commit=True) as peer,
    ):
        theirs = durability(peer._sqlite_conn)
    assert ours == theirs, f"{ours} is not {theirs}: they cannot be compared"
    return "both: {} and {}".format(*ours)


async def _bare(path: Path, callers: int, seconds: float) -> Rate:
    writer = BareWriter(path)
    try:
        return await of_tasks(writer.append, callers, seconds)
    finally:
        await writer.close()


async def _units(path: Path, callers: int, seconds: float) -> Rate:
    store = SqliteStore(path, SystemClock())
    await store.open([STREAM])
    committer = Committer(store)
    try:
        return await of_tasks(lambda: committer.commit(_new_unit()), callers, seconds)
    finally:
        await committer.close()
        await store.close()


def _new_unit() -> Unit:
    event = NewEvent(
        id=uuid4(), name="OrderPlaced", version=1, data=BODY, terminal=False, metadata=METADATA
    )
    append = Append(
        stream="orders",
        workflow="Order",
        workflow_id=str(uuid4()),
        expect=Expect.NEW,
        events=(event,),
    )
    return Unit(appends=(append,))


async def _commands(path: Path, callers: int, times: int, seconds: float) -> Rate:
    async with open_shop(path) as app:
        return await of_tasks(
            lambda: app.execute(PlaceOrder(times=times)), callers, seconds, each=times
        )


def _saves(path: Path, callers: int, times: int, seconds: float) -> Rate:
    with open_orders(path) as orders:
        return of_threads(lambda: place(orders, times), callers, seconds, each=times)
