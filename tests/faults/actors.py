"""What the processes of a fault test do: each writes down what it tries and what comes of it."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import random
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4

from headwater import (
    App,
    CommandContext,
    EventContext,
    Mode,
    OutcomeUnknownError,
    RejectedError,
    Service,
)
from headwater.clock import SystemClock
from headwater.errors import StoreUnavailableError
from headwater.events import Metadata
from headwater.stores.contract import (
    Acknowledge,
    Append,
    NewEvent,
    Unit,
)
from headwater.stores.postgres.store import PostgresStore
from headwater.stores.postgres.wire import Limits
from headwater.subscriptions import heartbeat
from headwater.subscriptions.reader import feed_of
from headwater.transports.rabbitmq import RabbitmqOptions
from sqlalchemy import text

from tests.faults.databases import sessions_in
from tests.faults.failpoints import Failpoint, Failpoints
from tests.faults.history import Scribe
from tests.faults.ledger import (
    EFFECTS,
    ENTRIES,
    POSTING,
    Account,
    Enter,
    Entered,
    Handlers,
    books,
    ledger,
)
from tests.faults.recorded import RecordedStore, mark_of
from tests.faults.recorded_broker import RecordedTransport

__all__ = ["ROLES", "Role", "mark_of", "post_of", "recorded_app", "run", "terminated"]

SAMPLE = 0.02  # seconds between two looks at the cursor and the memory
TURNS = 3  # of the event loop, until sockets that were cut are gone
SERVICES: dict[str, Callable[..., Service[Any]]] = {"ledger": ledger, "books": books}
FREEZE = 3600.0  # seconds; longer than any test

INSERT_POSTED = text("INSERT INTO posted (mark, account, version) VALUES (:m, :a, :v)")


def run(role: Role, options: dict[str, Any]) -> None:
    """Be that actor until it is done, or until SIGTERM."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, force=True)
    scribe = Scribe(options["socket"], options["name"])
    points = [Failpoint(**point) for point in options.get("failpoints", ())]
    with Failpoints(points, scribe.fault) as options["points"]:
        asyncio.run(_act(role, scribe, options))
    gc.collect()  # so that what nobody looked at says so


async def _act(role: Role, scribe: Scribe, options: dict[str, Any]) -> None:
    """Play the role, and write down what the process has afterwards and had before."""
    options["sessions"] = set()
    before = await _resources(options)
    await role(scribe, options)
    for _ in range(TURNS):
        await asyncio.sleep(0)
    after = await _resources(options)
    earlier = {f"{name} before": value for name, value in before.items()}
    scribe.note("info", "resources", figures=earlier | after)


@asynccontextmanager
async def recorded_app(
    scribe: Scribe, options: dict[str, Any], handlers: Any
) -> AsyncIterator[tuple[App[Any], RecordedStore]]:
    """The ledger, or another `service`, running on the recorded store.

    With a `broker` it is at that URL, and `rabbitmq` are options of it. `store` among the options
    are settings of a `PostgresStore`, with its limits as a dictionary.
    """
    stores: list[RecordedStore] = []

    class Recorded(App[Any]):
        def _open_database(self, database: str) -> Any:
            store = super()._open_database(database)
            if settings := options.get("store"):
                assert isinstance(store, PostgresStore)
                limits = Limits(**settings.get("limits", {}))
                store = PostgresStore(database, **settings | {"limits": limits})
            stores.append(RecordedStore(store, scribe, options["sessions"]))
            return stores[-1]

        def _open_broker(self, broker: str) -> Any:
            transport = super()._open_broker(broker)
            return RecordedTransport(transport, scribe, options["points"], stores[0])

    clock = _Jumping(scribe, options["seed"]) if options.get("jumping") else None
    app = Recorded(
        SERVICES[options.get("service", "ledger")](**options.get("ledger", {})),
        handlers=handlers,
        database=options["database"],
        broker=options.get("broker"),
        broker_options=RabbitmqOptions(**options.get("rabbitmq", {})),
        drain=options.get("drain", 10.0),
        clock=clock,
    )
    async with app:
        jumping = asyncio.create_task(clock.jump_again_and_again()) if clock else None
        try:
            yield app, stores[0]
        finally:
            if jumping is not None:
                jumping.cancel()


class _Jumping(SystemClock):
    """The time of day of a machine whose clock is set back and forth, by hours and by days."""

    HOURS = (0, 1, 24, -1, -24)
    PAUSE = 0.05  # seconds between two jumps

    def __init__(self, scribe: Scribe, seed: int) -> None:
        self._scribe = scribe
        self._chance = random.Random(seed)  # noqa: S311  (the same choices in every run)
        self._fast = 0

    def now(self) -> datetime:
        return super().now() + timedelta(hours=self._fast)

    async def jump_again_and_again(self) -> None:
        """Until it is cancelled."""
        while True:
            self._fast = self._chance.choice([one for one in self.HOURS if one != self._fast])
            self._scribe.fault("jump")
            await asyncio.sleep(self.PAUSE)


def terminated() -> asyncio.Event:
    """Set by SIGTERM."""
    event = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, event.set)
    return event


# Producing


async def produce(scribe: Scribe, options: dict[str, Any]) -> None:
    """Enter batches into accounts, several at once, `count` in all or until SIGTERM.

    `pause` seconds lie between two of them, for consumers to keep up in long runs. With `notes`
    the handler has a transaction of its own, and spends `dawdle` seconds in it.
    """
    options.setdefault("ledger", {})
    options["ledger"] |= {"handler": False}
    handlers = _Noting(options.get("dawdle", 0.0)) if options.get("notes") else Handlers()
    async with recorded_app(scribe, options, handlers) as (app, _):
        scribe.note("info", "ready")
        await _produce(app, scribe, options, terminated())


class _Noting(Handlers):
    """Writes what it enters into the table `notes` as well."""

    INSERT = text("INSERT INTO notes (mark) VALUES (:mark)")

    def __init__(self, dawdle: float) -> None:
        self._dawdle = dawdle

    async def enter(self, command: Enter, workflow: Account, context: CommandContext) -> int:
        connection = await context.connection()
        await connection.execute(self.INSERT, [{"mark": mark} for mark in command.marks])
        await asyncio.sleep(self._dawdle)
        return await super().enter(command, workflow, context)


async def _produce(
    app: App[Any], scribe: Scribe, options: dict[str, Any], stopping: asyncio.Event
) -> None:
    chance = random.Random(options["seed"])  # noqa: S311  (the same choices in every run)
    count = options.get("count", sys.maxsize)
    numbers = iter(range(1, count + 1))
    behaviour: dict[str, str] = options.get("behave", {})
    pause = options.get("pause", 0.0)

    async def enter() -> None:
        for number in numbers:
            size = chance.randint(options.get("smallest", 1), options.get("batch", 3))
            batch = f"{options['name']}.{number}"
            account = options.get("account", "")
            account = account or f"account-{chance.randint(1, options.get('accounts', 40))}"
            key = None
            marks = batch
            if requests := options.get("requests"):
                # The same ones as others send under that name, with the same keys.
                key = f"{requests}.{number}"
                marks = f"{options.get('body', requests)}.{number}"
                account, size = f"account-{number % 7}", 1 + number % 3
            command = Enter(
                account=account,
                marks=[f"{marks}.{place}" for place in range(1, size + 1)],
                behave=behaviour.get(str(number), ""),
            )
            await _enter(app, scribe, batch, command, key)
            if stopping.is_set():
                return
            if pause:
                await asyncio.sleep(pause)

    await asyncio.gather(*(enter() for _ in range(options.get("tasks", 4))))


async def _enter(
    app: App[Any], scribe: Scribe, batch: str, command: Enter, key: str | None
) -> None:
    scribe.note(
        "invoke", "append", batch, ids=tuple(command.marks), stream=ENTRIES, key=command.account
    )
    try:
        await app.execute(command, idempotency_key=key)
    except RejectedError as error:
        scribe.note("fail", "append", batch, note=f"{type(error).__name__}: {error}")
    except OutcomeUnknownError as error:
        scribe.note("info", "append", batch, note=str(error))
        if key is not None:
            scribe.note("info", "again", batch)
            await _enter(app, scribe, batch, command, key)
    else:
        scribe.note("ok", "append", batch)


# Consuming


async def consume(scribe: Scribe, options: dict[str, Any]) -> None:
    """Hand events to the ledger's handler until SIGTERM; `produces` makes it do both."""
    stopping = terminated()
    if lifetime := options.get("lifetime"):  # of the process's sessions: groups wait for their end
        heartbeat.SESSION_LIFETIME, heartbeat.INTERVAL = lifetime, lifetime / 4
    handlers = _Consumer(scribe, options)
    async with recorded_app(scribe, options, handlers) as (app, store):
        handlers.store = store
        scribe.note("info", "ready")
        watching = asyncio.create_task(_watch(scribe, store, app))
        if "produces" in options:
            await _produce(app, scribe, {**options, "count": options["produces"]}, stopping)
        await stopping.wait()
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


class _Consumer(Handlers):
    """Has an effect, which is a line of the history, then does what the event asks for."""

    store: RecordedStore

    def __init__(self, scribe: Scribe, options: dict[str, Any]) -> None:
        self._scribe = scribe
        self._work = options.get("work", 0.0)
        self._stop_every = options.get("stop_every", 0)
        self._busy_every = options.get("busy_every", 0)
        self._over = options.get("lifetime") or options.get("ledger", {}).get("ack_timeout", 30.0)
        self._handled = 0

    async def post(self, event: Entered, context: EventContext) -> None:
        recorded = context.recorded
        self._handled += 1
        self._scribe.note(
            "info",
            "effect",
            ids=(event.mark,),
            subscription=POSTING,
            key=recorded.workflow_id,
            version=recorded.workflow_version,
            offset=recorded.offset,
            token=self.store.token_of(recorded, POSTING, context.consumer),
        )
        if self._work:
            await asyncio.sleep(self._work)
        if self._stop_every and self._handled % self._stop_every == 0:
            self._scribe.fault("freeze")
            os.kill(os.getpid(), signal.SIGSTOP)
        if self._busy_every and self._handled % self._busy_every == 0:
            self._scribe.fault("busy")
            time.sleep(self._over * 3)  # noqa: ASYNC251  (that is the fault)
        match event.behave:
            case "poison":
                self._scribe.fault("poison")
                raise ValueError(f"cannot bear {event!r}")
            case "raise" if context.attempt == 1:
                self._scribe.fault("raise")
                raise RuntimeError("not this time")
            case "hang" if context.attempt == 1:
                self._scribe.fault("hang")
                await asyncio.sleep(FREEZE)


async def _watch(scribe: Scribe, store: RecordedStore, app: App[Any]) -> None:
    """Look again and again where the cursor is."""
    subscription = app.service.subscriptions[0]
    while subscription.mode is Mode.CONSUMER_GROUP:
        with suppress(RejectedError):
            await store.look_at(subscription.name, resident=_resident())
        await asyncio.sleep(SAMPLE)
    key = feed_of(subscription, app.service.stream(subscription.stream), app.service.name).key
    while True:
        since = time.monotonic()
        with suppress(RejectedError):
            statistics = await store.feed(key)
            scribe.note(
                "ok",
                "cursor",
                subscription=key.subscription,
                offset=statistics.position,
                figures={
                    "since": since,
                    "resident": _resident(),
                    "pending": statistics.pending,
                    "claimed": statistics.claimed,
                },
            )
        await asyncio.sleep(SAMPLE)


# Effects of a handler, in a transaction of its own


async def post_exactly_once(scribe: Scribe, options: dict[str, Any]) -> None:
    """Have the runtime deliver exactly once, to a handler that writes into a table of its own."""
    stopping = terminated()
    async with recorded_app(scribe, options, _Bookkeeper(scribe, options)):
        scribe.note("info", "ready")
        await stopping.wait()


class _Bookkeeper(Handlers):
    """Writes a row for each event of a batch; nothing keeps it from writing one twice."""

    def __init__(self, scribe: Scribe, options: dict[str, Any]) -> None:
        self._scribe = scribe
        self._work = options.get("work", 0.0)

    async def post(self, events: Any, context: Any) -> None:
        connection = await context.connection()
        for event, about in zip(events, context.each, strict=True):
            recorded = about.recorded
            row = (event.mark, recorded.workflow_id, recorded.workflow_version)
            await connection.execute(INSERT_POSTED, dict(zip("mav", row, strict=True)))
            self._scribe.note("info", "effect", ids=(event.mark,), subscription=POSTING)
        if self._work:
            await asyncio.sleep(self._work)


# Effects that are fenced: in the unit that settles the claim


async def post_in_one_unit(scribe: Scribe, options: dict[str, Any]) -> None:
    """Take events and commit, for each, its effect together with its acknowledgement."""
    stopping = terminated()
    settings = {**options, "ledger": {**options.get("ledger", {}), "handler": False}}
    stop_every, handled = options.get("stop_every", 0), 0
    async with recorded_app(scribe, settings, Handlers()) as (app, store):
        [subscription] = app.service.subscriptions
        feed = feed_of(subscription, app.service.stream(ENTRIES), "all")
        await store.register(feed)
        scribe.note("info", "ready")
        while not stopping.is_set():
            seen = store.changes(feed.key).generation
            try:
                claims = await store.claim(feed.key, options["name"], options.get("limit", 4))
            except (StoreUnavailableError, OutcomeUnknownError):
                await asyncio.sleep(SAMPLE)
                continue
            for claim in claims.claims:
                handled += 1
                if stop_every and handled % stop_every == 0:
                    scribe.fault("freeze")
                    os.kill(os.getpid(), signal.SIGSTOP)
                if options.get("work"):
                    await asyncio.sleep(options["work"])
                effect = post_of(mark_of(claim.event.data), claim.token)
                append = Append(
                    stream=EFFECTS, workflow_id=claim.event.workflow_id, events=(effect,)
                )
                with suppress(OutcomeUnknownError):
                    await store.commit([Unit(appends=(append,), settlements=(Acknowledge(claim),))])
            if not claims.claims:
                with suppress(TimeoutError):
                    async with asyncio.timeout(claims.next_due or SAMPLE):
                        await store.changes(feed.key).wait_after(seen)


def post_of(mark: str, token: int) -> NewEvent:
    """The effect of an event, as an event."""
    return NewEvent(
        id=uuid4(),
        name="Posted",
        version=1,
        data=json.dumps({"mark": mark, "token": token}).encode(),
        terminal=False,
        metadata=Metadata(),
    )


# Resources


async def _resources(options: dict[str, Any]) -> dict[str, float]:
    """What the process has, and what of it the store remembers."""
    gc.collect()
    places = [_place(name) for name in os.listdir("/proc/self/fd")]  # noqa: PTH208  (names are enough)
    sockets = sum(place.startswith("socket:") for place in places)
    return {
        "threads": sum(one.name.startswith("headwater") for one in threading.enumerate()),
        "sockets": sockets,
        "files": len(places) - sockets,
        "tasks": len(asyncio.all_tasks()),
        "objects": sum(_is_ours(type(one)) for one in gc.get_objects()),
        "sessions": await _sessions(options),
        "resident": _resident(),
    }


def _place(descriptor: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115  (it may name no file)
    except FileNotFoundError:  # that of the listing itself
        return ""


def _is_ours(kind: type) -> bool:
    """Whether it is something that the runtime makes for an app, and not once for all of them."""
    return str(kind.__module__).startswith("headwater.") and kind is not Metadata


async def _sessions(options: dict[str, Any]) -> int:
    """How many of the actor's sessions the store still has."""
    mine: set[str] = options["sessions"]
    return len(mine & await sessions_in(options["database"])) if mine else 0


def _resident() -> float:
    """Bytes of memory that the process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


Role: TypeAlias = Callable[[Scribe, dict[str, Any]], Awaitable[None]]

ROLES: dict[str, Role] = {
    "producer": produce,
    "consumer": consume,
    "exact": post_exactly_once,
    "fenced": post_in_one_unit,
}
