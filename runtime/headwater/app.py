"""A running service: executes commands, hands events to handlers, lets others subscribe."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from types import TracebackType
from typing import Any, Generic, TypeAlias, TypeVar

from .clock import Clock, SystemClock
from .commands.execution import BoundCommand, CommandContext, Executor, Outcome
from .deadlines import DEFAULT_DEADLINE, reading_within, writing_within
from .errors import ConfigurationError, NotRunningError, SchemaMismatchError
from .events import Command, Event, RecordedEvent
from .handlers import resolve_functions
from .operations.keys import KEEP_KEYS, KeyKeeper, require_long_enough
from .operations.management import Management
from .operations.retention import Retainer
from .outbox import Outbox
from .relaying import Border, BrokerStatus
from .schema.revisions import number_of
from .sending import Sending
from .service import Service
from .stores.committer import Committer
from .stores.contract import Store
from .stores.databases import store_for
from .stores.schemas import record_schemas
from .stores.sqlite.store import SqliteStore
from .streams import FromBeginning, Start, ToLatest, Until
from .subscriptions.activity import Activity
from .subscriptions.definition import Subscription
from .subscriptions.handling import Workers
from .subscriptions.heartbeat import Heartbeat
from .subscriptions.pages import Pages
from .subscriptions.reader import Surroundings
from .subscriptions.readership import Readership, require_consumer_name
from .subscriptions.replay import Replay
from .subscriptions.session import Session
from .subscriptions.unread import UnreadWatch
from .transports.broker import Transport
from .transports.brokers import transport_for
from .transports.rabbitmq.options import RabbitmqOptions

__all__ = ["App", "Lifespan"]

E = TypeVar("E", bound=Event)
H = TypeVar("H")
R = TypeVar("R")

Lifespan: TypeAlias = "Callable[[App[Any]], AbstractAsyncContextManager[Any]]"

TO_CLOSE = 5.0  # seconds for each part of the store, once all who use it have ended

logger = logging.getLogger("headwater.app")


class App(Management, Generic[H]):
    """A service with its handlers and its store; it runs while the `async with` block lasts.

    While it runs it can be looked after: see `Management`.

    `lifespan` is entered before the first event is handled and left after the last; what it yields
    is every handler's `context.state`. `database` is `memory://` or `sqlite:///` and the path of a
    file, which is made if it is not there (four slashes for a path from the root) and which
    several processes of one machine may share; or `postgresql://user:password@host:port/database`,
    which any number of processes may share. It has to open within `startup` seconds.

    `broker` is where published streams go to and remote ones come from:
    `amqp://user:password@host:port/virtual-host` for RabbitMQ, or `memory://` and a name that the
    services of one process share; `broker_options` has names and limits for it. A broker that is
    not there keeps nothing from starting, and no command waits for one: what is to go out waits in
    the store, without a broker as well.

    `consumer` is the name under which the service's own handlers read broadcasts, the service's
    name without: its processes then share one cursor, each event goes to one of them, and who
    starts again goes on where it stood. Processes with names of their own each get every event. It
    also stands in the lines that are kept of what is done through the app, such as a `reset`.

    With `validate_events` each event is checked once more, as its bytes, before it is recorded:
    one that was made without validation (`model_construct`, `model_copy(update=...)`) and does not
    fit its class is refused, and with it the command.

    Every `retention_interval` seconds, from the start on, it removes the events that exceed their
    stream's retention, and the idempotency keys that nobody needs any more; of several processes
    one does. 0 leaves that to others. A request that comes again within `keep_keys` seconds is
    known by its key; with 0 keys are kept for good.

    On leaving the block the app takes no new commands, lets those that run finish, then the
    handlers, and settles what is on its way to the broker, all within `drain` seconds; then it ends
    the sessions and closes the database. A store that does not close in time is left, and that is
    logged.

    Raises:
        ConfigurationError: Handlers are missing or do not fit, all of them named at once; or there
            is no such database or broker; or the service reads from a broker directly, and none is
            given; or the consumer's name is empty, too long or unprintable; or keys are to be kept
            for less than an hour.
        DeadlineExceededError: On entering: the database did not open in time.
        SchemaChangedError: On entering: the database has events of a version that the service has
            another schema for now.
    """

    service: Service[H]

    def __init__(
        self,
        service: Service[H],
        *,
        handlers: H | None = None,
        database: str = "memory://",
        broker: str | None = None,
        broker_options: RabbitmqOptions | None = None,
        lifespan: Lifespan | None = None,
        validate_events: bool = False,
        startup: float = DEFAULT_DEADLINE,
        drain: float = 10.0,
        consumer: str | None = None,
        retention_interval: float = 60.0,
        keep_keys: float = KEEP_KEYS,
        clock: Clock | None = None,
        chance: random.Random | None = None,
    ) -> None:
        self._clock = clock or SystemClock()
        self._chance = chance or random.SystemRandom()
        self._functions = resolve_functions(service, handlers)
        name = service.name if consumer is None else consumer
        super().__init__(service, self._open_database(database), self._clock, actor=name)
        self._database = database
        if consumer is not None:
            require_consumer_name(consumer)
        self._lifespan = lifespan
        self._startup = startup
        self._drain = drain
        self._activity = Activity()
        self._committer = Committer(self._store)
        self._broker_options = broker_options or RabbitmqOptions()
        self._border = Border(
            service,
            self._open_broker(broker) if broker else None,
            store=self._store,
            committer=self._committer,
            clock=self._clock,
            chance=self._chance,
            activity=self._activity,
            prefetch=self._broker_options.prefetch,
        )
        self._heartbeat = Heartbeat(self._store, self._clock)
        self._executor = Executor(
            service.name,
            [
                BoundCommand(
                    definition=command,
                    stream=service.stream_of(command),
                    emits=service.emitted_by(command),
                    handler=self._functions[command.handler],
                    validator=self._functions[command.validator] if command.validator else None,
                )
                for command in service.commands
            ],
            store=self._store,
            committer=self._committer,
            registry=service.registry,
            clock=self._clock,
            chance=self._chance,
            validates=validate_events,
        )
        self._outbox = Outbox(
            service.name,
            {command.command: command.name for command in service.commands},
            frozenset(stream.name for stream in service.streams if not stream.is_kept),
        )
        self._sending = Sending(
            self._store,
            self._executor,
            {command.name: command.command for command in service.commands},
            self._command_context,
            self._clock,
            self._chance,
            self._activity,
        )
        self._readership = Readership(
            Surroundings(
                store=self._store,
                committer=self._committer,
                registry_of=service.registry_of,
                clock=self._clock,
                chance=self._chance,
                activity=self._activity,
                heartbeat=self._heartbeat,
                outbox=self._outbox,
                pages=Pages(self._store),
                state=lambda: self._state,
                queues=self._border.queues,
            ),
            service.stream,
            consumer=name,
            on_open=self._require_running,
        )
        self._workers: list[Workers] = []
        require_long_enough(keep_keys)
        self._caretakers = (
            Retainer(self._store, service.streams, self._clock),
            KeyKeeper(self._store, service.streams, keep_keys, self._clock),
        )
        self._retention_interval = retention_interval
        self._state: Any = None
        self._is_running = False
        self._stop_by = 0.0  # the event loop's time
        self._opened = AsyncExitStack()

    @property
    def is_running(self) -> bool:
        """Whether it takes commands and subscribers."""
        return self._is_running

    @property
    def cautions(self) -> tuple[str, ...]:
        """Why what is acknowledged is less safe than it seems, or something is missing.

        As database and broker are set up. Known once the app runs; the same is logged as it starts.
        """
        return (*self._store.cautions, *self._border.cautions)

    @property
    def interrupted(self) -> tuple[str, ...]:
        """The subscriptions that take no events for now, in this process.

        Their handler has failed for one event after the other, as their `breaker` says; after its
        pause one event is let through.
        """
        return tuple(one.subscription.name for one in self._workers if one.circuit.is_open)

    async def is_ready(self, *, deadline: float = 2.0) -> bool:
        """Whether it takes commands, and its store answers within `deadline` seconds."""
        return self._is_running and await self.is_reachable(deadline=deadline)

    @property
    def broker(self) -> str | None:
        """The broker's address, without password and options; `None` if none is configured."""
        return self._border.address

    async def broker_status(self, *, deadline: float = 2.0) -> BrokerStatus | None:
        """How it stands with the broker, and with what goes there and comes from there.

        `None` if no broker is configured. How far the relays have come the store tells, all else is
        of this process.

        Raises:
            DeadlineExceededError: The store did not answer in time.
        """
        async with reading_within(self._clock, deadline):
            return await self._border.status()

    async def __aenter__(self) -> App[H]:
        if self._is_running:
            raise ConfigurationError(f"{self.service.name} is running already")
        async with AsyncExitStack() as opened:
            async with reading_within(self._clock, self._startup):
                await self._open_store()
            opened.push_async_callback(_close, "the store", self._store.close)
            opened.push_async_callback(_close, "what is being written", self._committer.close)
            async with reading_within(self._clock, self._startup):
                if self.service.schemas is not None:
                    await record_schemas(self._store, self.service.schemas)
                await self._border.register()
                for subscription in self.service.subscriptions:
                    await self._readership.register(subscription)
            opened.push_async_callback(_close, "the broker", self._border.close)
            await self._border.open()
            for caution in self._border.cautions:
                logger.warning("%s", caution)
            beating = asyncio.create_task(self._heartbeat.run(), name="headwater-heartbeat")
            opened.push_async_callback(_cancel, beating)
            # From here on, so that a lifespan can send commands and start readers of its own.
            self._is_running = True
            opened.callback(self._stop_running)
            if self._lifespan is not None:
                self._state = await opened.enter_async_context(self._lifespan(self))
            opened.callback(self._end_sessions)
            opened.push_async_callback(self._stop_relays)
            await self._border.start_relays()
            for caretaker in self._caretakers:
                if self._retention_interval > 0 and caretaker.has_work:
                    work = caretaker.run(self._retention_interval)
                    task = asyncio.create_task(work, name=f"headwater-{caretaker.lease_name}")
                    opened.push_async_callback(_close, caretaker.lease_name, caretaker.close)
                    opened.push_async_callback(_cancel, task)
            sending = asyncio.create_task(self._sending.run(), name="headwater-sending")
            opened.push_async_callback(_cancel, sending)
            opened.callback(self._sending.stop)
            for subscription in self.service.subscriptions:
                if subscription.unread is not None:
                    watch = UnreadWatch(subscription, subscription.unread, self._store, self._clock)
                    watching = asyncio.create_task(watch.run(), name="headwater-unread")
                    opened.push_async_callback(_cancel, watching)
                if subscription.handler is not None:
                    workers = self._readership.workers(
                        subscription, self._functions[subscription.handler]
                    )
                    opened.push_async_callback(self._stop, workers)
                    self._workers.append(workers)
                    await workers.start()
            opened.push_async_callback(self._stop_ingests)
            await self._border.start_ingests()
            self._opened = opened.pop_all()
        return self

    async def _open_store(self) -> None:
        """Open the store; an SQLite file that earlier code has made is upgraded first."""
        migrations = self.service.migrations
        chain = migrations.chain() if migrations else None
        try:
            await self._store.open(self.service.kept_streams, chain)
        except SchemaMismatchError as error:
            is_older = error.found is not None and number_of(error.found) and not error.is_newer
            if not is_older or not isinstance(self._store, SqliteStore):
                raise
            from .migrations.migrator import Migrator

            await Migrator(self._database).upgrade()
            await self._store.open(self.service.kept_streams, chain)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_running = False
        self._stop_by = asyncio.get_running_loop().time() + self._drain
        self._sending.stop()
        async with self._opened:
            await self._executor.drain(self._drain)

    async def execute(
        self,
        command: Command[R],
        *,
        deadline: float = DEFAULT_DEADLINE,
        request_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> R:
        """What the command's handler returned, once all it emitted is recorded.

        `deadline` is in seconds, and the call returns by it. `request_id` is recorded with each
        event. If another command changed the workflow meanwhile, the handler runs again, up to
        three times more. A command that comes again with the same `idempotency_key` is not
        executed again: the call returns what the first one did. A rejected one leaves no trace,
        its key is as new.

        Raises:
            RejectedError: Nothing was recorded; the class tells why.
            OutcomeUnknownError: The store failed, or the time was up, while committing.
        """
        outcome = await self.submit(
            command,
            deadline=deadline,
            request_id=request_id,
            idempotency_key=idempotency_key,
        )
        return outcome.result

    async def submit(
        self,
        command: Command[R],
        *,
        deadline: float = DEFAULT_DEADLINE,
        request_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> Outcome[R]:
        """Like `execute`, and tells the id of the workflow beside the result."""
        self._require_running()
        with self._activity.working():
            context = self._command_context(request_id)
            return await self._executor.execute(command, context, deadline, idempotency_key)

    def subscribe(
        self,
        subscription: Subscription[E],
        *,
        consumer: str | None = None,
        deadline: float = DEFAULT_DEADLINE,
    ) -> Session[E]:
        """A session that reads the subscription: enter it, then iterate.

        With `mode: broadcast` a named consumer keeps its cursor, and on an ephemeral stream its
        queue, from one session to the next, until `unsubscribe` or, where the spec says so, until
        `expire_after` has passed without a session; one without a name is forgotten when its
        session ends. With `mode: exclusive` all consumers share one cursor.

        `deadline` is in seconds, for opening, for closing, and for each event to be acknowledged.

        Raises:
            NotRunningError: The app is not open.
            UnknownSubscriptionError: It is not the service's.
            ConfigurationError: The consumer's name is empty, too long or unprintable.
        """
        self._require_running()
        self._require_known(subscription)
        if consumer is not None:
            require_consumer_name(consumer)
        return self._readership.session(subscription, consumer, deadline)

    async def unsubscribe(
        self,
        subscription: Subscription[Any],
        *,
        consumer: str,
        deadline: float = DEFAULT_DEADLINE,
    ) -> None:
        """Forget a consumer that has a cursor of its own: that, what waits for it, its receipts.

        A session that it still has ends its iteration.

        Raises:
            ConfigurationError: It is the one whose events the running service's handler is given.
            UnknownSubscriptionError: It is not the service's, or its consumers share one cursor.
            BrokerUnavailableError: Its queue is the broker's, which is not there.
        """
        self._require_known(subscription)
        is_own = subscription.handler is not None and consumer == self._readership.consumer
        if is_own and self._is_running:
            raise ConfigurationError(
                f"{consumer} is the consumer of {subscription.handler}, the handler of "
                f"{subscription.name}, and cannot be removed while the service runs"
            )
        stream = self.service.stream(subscription.stream)
        if stream.remote is not None and stream.remote.direct:
            self._require_own_cursors(subscription)
            async with writing_within(self._clock, deadline, "removing a consumer"):
                await self._border.remove_consumer(subscription, stream.remote, consumer)
        else:
            await super().unsubscribe(subscription, consumer=consumer, deadline=deadline)

    def replay(
        self,
        stream: str,
        *,
        start: Start = FromBeginning(),  # noqa: B008  (it is frozen)
        until: Until = ToLatest(),  # noqa: B008
        where: Callable[[RecordedEvent], bool] | None = None,
        limit: int | None = None,
        follow: bool = False,
        deadline: float = DEFAULT_DEADLINE,
    ) -> Replay:
        """As `Management.replay` says; with `follow` it ends when the app closes.

        Raises:
            NotRunningError: The app is not open.
        """
        self._require_running()
        return super().replay(
            stream,
            start=start,
            until=until,
            where=where,
            limit=limit,
            follow=follow,
            deadline=deadline,
        )

    async def wait_until_idle(self, *, deadline: float = DEFAULT_DEADLINE) -> None:
        """Return when no command runs and every handler waits for an event or for its retry.

        Iterators do not count. `deadline` is in seconds of the machine's clock.

        Raises:
            TimeoutError: It is still at work.
        """
        async with asyncio.timeout(deadline):
            await self._activity.wait_until_idle()

    def _open_database(self, database: str) -> Store:
        return store_for(database, self._clock)

    def _open_broker(self, broker: str) -> Transport:
        return transport_for(broker, self._broker_options, self._clock, self._chance)

    def _command_context(self, request_id: str | None) -> CommandContext:
        return CommandContext(
            request_id=request_id, state=self._state, outbox=self._outbox.emptied()
        )

    def _require_running(self) -> None:
        if not self._is_running:
            raise NotRunningError(self.service.name)

    def _is_open(self) -> bool:
        return self._is_running

    async def _stop(self, workers: Workers) -> None:
        self._workers.remove(workers)
        await workers.stop(self._stop_by - asyncio.get_running_loop().time())

    async def _stop_relays(self) -> None:
        await self._border.stop_relays(self._stop_by - asyncio.get_running_loop().time())

    async def _stop_ingests(self) -> None:
        await self._border.stop_ingests(self._stop_by - asyncio.get_running_loop().time())

    def _stop_running(self) -> None:
        self._is_running = False

    def _end_sessions(self) -> None:
        for stream in self.service.kept_streams:
            self._store.appended(stream.name).notify()  # for replays, which then find it closed
        self._readership.stop_sessions()


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def _close(what: str, closing: Callable[[], Awaitable[None]]) -> None:
    """Close it, or leave it if that takes too long: nothing acknowledged depends on it."""
    try:
        async with asyncio.timeout(TO_CLOSE):
            await closing()
    except TimeoutError:
        logger.error("%s did not close within %g s, and is left", what, TO_CLOSE)
