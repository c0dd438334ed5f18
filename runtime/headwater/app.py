"""A running service: executes commands, hands events to handlers, lets others subscribe."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from types import TracebackType
from typing import Any, Generic, TypeAlias, TypeVar

from .clock import Clock, SystemClock
from .commands.execution import BoundCommand, CommandContext, Executor, Outcome
from .errors import (
    ConfigurationError,
    NotRunningError,
    ReplayUnavailableError,
    UnknownStreamError,
    UnknownSubscriptionError,
)
from .events import Command, Event, RecordedEvent
from .handlers import resolve_functions
from .outbox import Outbox
from .sending import Sending
from .service import Service
from .stores.committer import Committer
from .stores.contract import (
    Consumer,
    DeadLetter,
    FailedCommand,
    FeedKey,
    FeedStatistics,
    Store,
)
from .stores.databases import store_for
from .streams import FromBeginning, Start, StreamStatistics, StreamType, ToLatest, Until
from .subscriptions.activity import Activity
from .subscriptions.definition import Mode, Subscription
from .subscriptions.handling import Workers
from .subscriptions.heartbeat import Heartbeat
from .subscriptions.reader import Reader, Surroundings, feed_of
from .subscriptions.replay import Replay
from .subscriptions.session import Session

__all__ = ["App", "Lifespan"]

E = TypeVar("E", bound=Event)
H = TypeVar("H")
R = TypeVar("R")

Lifespan: TypeAlias = "Callable[[App[Any]], AbstractAsyncContextManager[Any]]"

DEFAULT_DEADLINE = 30.0  # seconds


class App(Generic[H]):
    """A service with its handlers and its store; it runs while the `async with` block lasts.

    `lifespan` is entered before the first event is handled and left after the last; what it yields
    is every handler's `context.state`. `database` is `memory://` or `sqlite:///` and the path of a
    file, which is made if it is not there (four slashes for a path from the root); several
    processes of one machine may share it. On leaving the block the app takes no new commands, lets
    those that run finish, then the handlers, both within `drain` seconds; then it ends the
    sessions.

    Raises:
        ConfigurationError: Handlers are missing or do not fit, all of them named at once; or there
            is no such database.
    """

    def __init__(
        self,
        service: Service[H],
        *,
        handlers: H | None = None,
        database: str = "memory://",
        lifespan: Lifespan | None = None,
        drain: float = 10.0,
        clock: Clock | None = None,
        chance: random.Random | None = None,
    ) -> None:
        self.service = service
        self._clock = clock or SystemClock()
        self._chance = chance or random.SystemRandom()
        self._functions = resolve_functions(service, handlers)
        self._store = self._open_database(database)
        self._lifespan = lifespan
        self._drain = drain
        self._activity = Activity()
        self._committer = Committer(self._store)
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
        )
        self._outbox = Outbox(
            service.name, {command.command: command.name for command in service.commands}
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
        self._state: Any = None
        self._is_running = False
        self._stop_by = 0.0  # the event loop's time
        self._sessions: set[Session[Any]] = set()
        self._opened = AsyncExitStack()

    @property
    def is_running(self) -> bool:
        """Whether it takes commands and subscribers."""
        return self._is_running

    async def __aenter__(self) -> App[H]:
        if self._is_running:
            raise ConfigurationError(f"{self.service.name} is running already")
        async with AsyncExitStack() as opened:
            await self._store.open(self.service.streams)
            opened.push_async_callback(self._store.close)
            opened.push_async_callback(self._committer.close)
            for subscription in self.service.subscriptions:
                if subscription.mode is Mode.EXCLUSIVE or subscription.handler is not None:
                    stream = self.service.stream(subscription.stream)
                    await self._store.register(feed_of(subscription, stream, self.service.name))
            beating = asyncio.create_task(self._heartbeat.run(), name="headwater-heartbeat")
            opened.push_async_callback(_cancel, beating)
            # From here on, so that a lifespan can send commands and start readers of its own.
            self._is_running = True
            opened.callback(self._stop_running)
            if self._lifespan is not None:
                self._state = await opened.enter_async_context(self._lifespan(self))
            opened.callback(self._end_sessions)
            sending = asyncio.create_task(self._sending.run(), name="headwater-sending")
            opened.push_async_callback(_cancel, sending)
            opened.callback(self._sending.stop)
            for subscription in self.service.subscriptions:
                if subscription.handler is not None:
                    workers = self._workers(subscription, subscription.handler)
                    opened.push_async_callback(self._stop, workers)
                    await workers.start()
            self._opened = opened.pop_all()
        return self

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
        if not self._is_running:
            raise NotRunningError(self.service.name)
        with self._activity.working():
            context = self._command_context(request_id)
            return await self._executor.execute(command, context, deadline, idempotency_key)

    def subscribe(
        self, subscription: Subscription[E], *, consumer: str | None = None
    ) -> Session[E]:
        """A session that reads the subscription: enter it, then iterate.

        With `mode: broadcast` a named consumer keeps its cursor, and on an ephemeral stream its
        queue, from one session to the next, until `unsubscribe`; one without a name is forgotten
        when its session ends. With `mode: exclusive` all consumers share one cursor.

        Raises:
            NotRunningError: The app is not open.
            UnknownSubscriptionError: It is not the service's.
        """
        if not self._is_running:
            raise NotRunningError(self.service.name)
        self._require_known(subscription)
        name = f"anonymous-{self._chance.getrandbits(64):016x}" if consumer is None else consumer
        reader = self._reader(
            subscription, name, counts_as_activity=False, is_anonymous=consumer is None
        )
        return Session(
            reader,
            self._store,
            forget_consumer=consumer is None,
            on_open=self._session_opens,
            on_close=self._sessions.discard,
        )

    async def unsubscribe(self, subscription: Subscription[Any], *, consumer: str) -> None:
        """Forget a consumer of a broadcast subscription, its cursor and what waits for it.

        A session that it still has ends its iteration.

        Raises:
            ConfigurationError: It is the one whose events the running service's handler is given.
            UnknownSubscriptionError: It is not the service's, or its consumers share one cursor.
        """
        self._require_known(subscription)
        if subscription.mode is not Mode.BROADCAST:
            raise UnknownSubscriptionError(
                self.service.name, f"{subscription.name} with a cursor for each consumer"
            )
        is_own = subscription.handler is not None and consumer == self.service.name
        if is_own and self._is_running:
            raise ConfigurationError(
                f"{consumer} is the consumer of {subscription.handler}, the handler of "
                f"{subscription.name}, and cannot be removed while the service runs"
            )
        await self._store.remove_consumer(subscription.name, consumer)

    async def consumers(self, subscription: Subscription[Any]) -> list[Consumer]:
        """The subscription's consumers in all processes, by name.

        Raises:
            UnknownSubscriptionError: It is not the service's.
        """
        self._require_known(subscription)
        return await self._store.consumers(subscription.name)

    async def pause(self, subscription: Subscription[Any]) -> None:
        """Hand out none of its events, to nobody in any process, until `resume`.

        What is handed out already can be settled. It stays paused when the service starts again.

        Raises:
            UnknownSubscriptionError: It is not the service's.
        """
        self._require_known(subscription)
        await self._store.pause(subscription.name)

    async def resume(self, subscription: Subscription[Any]) -> None:
        """Hand out its events again, from where it stood.

        Raises:
            UnknownSubscriptionError: It is not the service's.
        """
        self._require_known(subscription)
        await self._store.resume(subscription.name)

    async def is_paused(self, subscription: Subscription[Any]) -> bool:
        """Whether its events are handed out to nobody.

        Raises:
            UnknownSubscriptionError: It is not the service's.
        """
        self._require_known(subscription)
        return subscription.name in await self._store.paused()

    async def progress(
        self, subscription: Subscription[Any], *, consumer: str | None = None
    ) -> FeedStatistics:
        """How far the subscription has come, and how many events wait.

        A broadcast needs the name of one of its consumers: each has come as far as it has.

        Raises:
            UnknownSubscriptionError: It is not the service's, or has no such consumer.
        """
        self._require_known(subscription)
        shared = subscription.mode is not Mode.BROADCAST
        return await self._store.feed(FeedKey(subscription.name, None if shared else consumer))

    async def dead_letters(self, subscription: Subscription[Any]) -> list[DeadLetter]:
        """The events that the subscription set aside, oldest first.

        Raises:
            UnknownSubscriptionError: It is not the service's.
        """
        self._require_known(subscription)
        return await self._store.dead_letters(subscription.name)

    async def requeue(self, *letters: DeadLetter) -> int:
        """Have dead letters handed out again, as new, to whom they came from; how many.

        Each comes before later events of its workflow that nobody has yet. Those that were
        requeued or dropped meanwhile are passed over.

        Raises:
            UnknownSubscriptionError: The consumer of one is gone; nothing was done.
        """
        return await self._store.requeue([letter.id for letter in letters])

    async def drop(self, *letters: DeadLetter) -> int:
        """Forget dead letters; how many there were."""
        return await self._store.drop([letter.id for letter in letters])

    def replay(
        self,
        stream: str,
        *,
        start: Start = FromBeginning(),  # noqa: B008  (it is frozen)
        until: Until = ToLatest(),  # noqa: B008
        where: Callable[[RecordedEvent], bool] | None = None,
        limit: int | None = None,
        follow: bool = False,
    ) -> Replay:
        """The events of a persistent stream, to iterate; it changes nothing for any subscription.

        It ends with the event that `until` means, after `limit` events for which `where` holds, or
        with the newest event. With `follow` it does not end with the newest: what is recorded later
        comes next, without a gap and nothing twice, until the app closes.

        Raises:
            NotRunningError: The app is not open.
            UnknownStreamError: The service has no such stream.
            ReplayUnavailableError: It is ephemeral, or is not to be replayed.
        """
        if not self._is_running:
            raise NotRunningError(self.service.name)
        try:
            definition = self.service.stream(stream)
        except KeyError:
            raise UnknownStreamError(self.service.name, stream) from None
        if definition.type is StreamType.EPHEMERAL:
            raise ReplayUnavailableError(stream, "it is ephemeral, its events go once consumed")
        if not definition.replay:
            raise ReplayUnavailableError(stream, "the spec says `replay: false`")
        return Replay(
            stream,
            self._store,
            self.service.registry,
            self._clock,
            start=start,
            until=until,
            where=where,
            limit=limit,
            follow=follow,
            is_open=lambda: self._is_running,
        )

    async def statistics(self, stream: str) -> StreamStatistics:
        """How far a stream of the service has come. Raises `KeyError` if it has no such stream."""
        return await self._store.statistics(self.service.stream(stream).name)

    async def wait_until_idle(self, *, deadline: float = DEFAULT_DEADLINE) -> None:
        """Return when no command runs and every handler waits for an event or for its retry.

        Iterators do not count. `deadline` is in seconds of the machine's clock.

        Raises:
            TimeoutError: It is still at work.
        """
        async with asyncio.timeout(deadline):
            await self._activity.wait_until_idle()

    async def failed_commands(self) -> list[FailedCommand]:
        """Commands that handlers have sent and that were given up, oldest first."""
        return await self._store.failed_commands()

    async def retry_commands(self, *failed: FailedCommand) -> int:
        """Try commands that were given up again, as new; how many still were."""
        return await self._store.retry_commands([one.command.key for one in failed])

    def _open_database(self, database: str) -> Store:
        return store_for(database, self._clock)

    def _command_context(self, request_id: str | None) -> CommandContext:
        return CommandContext(
            request_id=request_id, state=self._state, outbox=self._outbox.emptied()
        )

    def _require_known(self, subscription: Subscription[Any]) -> None:
        if subscription not in self.service.subscriptions:
            raise UnknownSubscriptionError(self.service.name, subscription.name)

    def _reader(
        self,
        subscription: Subscription[E],
        consumer: str,
        *,
        counts_as_activity: bool,
        is_anonymous: bool = False,
    ) -> Reader[E]:
        surroundings = Surroundings(
            store=self._store,
            committer=self._committer,
            registry=self.service.registry,
            clock=self._clock,
            chance=self._chance,
            activity=self._activity,
            heartbeat=self._heartbeat,
            outbox=self._outbox,
            state=self._state,
        )
        return Reader(
            subscription,
            self.service.stream(subscription.stream),
            consumer,
            surroundings,
            counts_as_activity=counts_as_activity,
            is_anonymous=is_anonymous,
        )

    def _workers(self, subscription: Subscription[Event], handler: str) -> Workers:
        reader = self._reader(subscription, self.service.name, counts_as_activity=True)
        return Workers(reader, self._functions[handler], self._clock, self._activity)

    async def _stop(self, workers: Workers) -> None:
        await workers.stop(self._stop_by - asyncio.get_running_loop().time())

    def _session_opens(self, session: Session[Any]) -> None:
        if not self._is_running:
            raise NotRunningError(self.service.name)
        self._sessions.add(session)

    def _stop_running(self) -> None:
        self._is_running = False

    def _end_sessions(self) -> None:
        for stream in self.service.streams:
            self._store.appended(stream.name).notify()  # for replays, which then find it closed
        for session in tuple(self._sessions):
            session.stop()


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
