"""Given what happened, when something happens, then this comes of it: for one handler at a time."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, nullcontext
from types import SimpleNamespace, TracebackType
from typing import Any, Self, TypeVar
from uuid import UUID

from headwater.app import Lifespan
from headwater.errors import HeadwaterError
from headwater.events import Command, Event, Metadata
from headwater.handlers import resolve_functions
from headwater.service import Service, WorkflowDefinition
from headwater.stores.contract import Append, NewEvent, Rejected, Store, Unit
from headwater.streams import DeliverySemantics
from headwater.subscriptions.batch import BatchContext
from headwater.subscriptions.definition import Subscription
from headwater.subscriptions.delivery import EventContext
from headwater.workflows import Workflow

from .app import MemoryApp
from .clock import VirtualClock
from .decision import Decision
from .handling import Attempt, Handling, State
from .stage import Stage

__all__ = ["Scenario"]

E = TypeVar("E", bound=Event)
H = TypeVar("H")
R = TypeVar("R")

TO_RETURN = 0.1  # seconds of the machine's clock for a handler that hangs when the scenario ends


class Scenario:
    """A service on a stage: what is done to it reaches one handler, and nothing follows by itself.

    Commands and events run through the real runtime and a store in memory (or the `database`),
    whose time passes in `advance` only. Subscriptions' handlers are given an event in
    `when_delivered` only, and commands that handlers send are told instead of executed. Handlers
    find `state` in their context, or what `lifespan` yields.

    Leaving the block fails the test if a command was refused, or a handler has failed, and the test
    has not asked.

    Raises:
        ConfigurationError: Handlers are missing or do not fit, all of them named at once.
    """

    def __init__(
        self,
        service: Service[H],
        *,
        handlers: H,
        state: Any = None,
        lifespan: Lifespan | None = None,
        database: str = "memory://",
    ) -> None:
        self.service: Service[Any] = service
        self._functions = resolve_functions(service, handlers)
        self._attempts: dict[tuple[str, UUID], list[Attempt]] = {}
        self.app = _StagedApp(
            service,
            handlers=SimpleNamespace(**self._watched()),
            lifespan=lifespan or (lambda app: nullcontext(state)),
            database=database,
            drain=TO_RETURN,
        )
        self._outcomes: list[Decision[Any] | Handling] = []
        self._opened = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._opened.enter_async_context(self.app)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        __tracebackhide__ = True
        await self._opened.__aexit__(kind, error, trace)
        if error is None:
            for outcome in self._outcomes:
                outcome.require_error_seen()

    @property
    def clock(self) -> VirtualClock:
        """The time that handlers and retries go by."""
        return self.app.clock

    async def given(self, command: Command[R]) -> R:
        """Have a command executed before, and return its result.

        What its handler sends is forgotten. Fails the test if the command is refused.
        """
        __tracebackhide__ = True
        try:
            result = await self.app.execute(command)
        except HeadwaterError as error:
            raise AssertionError(
                f"{command.command_name}, which was given, was refused: "
                f"{type(error).__name__}: {error}"
            ) from error
        await self.app.stage.take_sent()
        return result

    async def given_events(
        self, workflow: type[Workflow[E]], workflow_id: str | UUID | int, *events: E
    ) -> None:
        """Have events recorded before, as the workflow's next ones; any version that it knows.

        Raises:
            RejectedError: The workflow has ended before one of them.
            ValueError: There is no event, or one belongs to another workflow.
        """
        definition = self.service.workflow(workflow)
        for event in events:
            if type(event) not in definition.events:
                raise ValueError(f"{type(event).__name__} belongs to no {definition.name}")
        if not events:
            raise ValueError(f"no event was given for {definition.name} {str(workflow_id)!r}")
        await self._record(definition, str(workflow_id), *events)

    async def when(self, command: Command[R], *, request_id: str | None = None) -> Decision[R]:
        """Have a command executed, and tell what came of it."""
        stream = next(
            (
                self.service.stream_of(one).name
                for one in self.service.commands
                if one.command is type(command)
            ),
            None,
        )
        before = await self._length(stream)
        outcome, error = None, None
        try:
            outcome = await self.app.submit(command, request_id=request_id)
        except HeadwaterError as raised:
            error = raised
        decision = Decision(
            command,
            workflow_id=None if outcome is None else outcome.workflow_id,
            events=[] if stream is None else (await self.app.events(stream))[before:],
            sent=await self._sent(),
            result=None if outcome is None else outcome.result,
            error=error,
        )
        self._outcomes.append(decision)
        return decision

    async def when_delivered(
        self,
        event: E,
        *,
        to: Callable[[E, EventContext], Awaitable[None]]
        | Callable[[list[E], BatchContext], Awaitable[None]],
        workflow_id: str | UUID | int = "1",
        takes: float = 0.0,
    ) -> Handling:
        """Have an event recorded and given to a subscription's handler; tell how that went.

        Earlier events count as handled. `takes` are seconds to let pass before it is told: what it
        takes for a handler that does not return to be timed out.

        Raises:
            ValueError: No subscription has this handler, or its subscription passes this event
                over.
        """
        subscription = self._subscription_of(to)
        if type(event) not in subscription.events:
            raise ValueError(f"{subscription.name} passes {type(event).__name__} over")
        definition = self._workflow_of(event, subscription)
        event_id = await self._record(definition, str(workflow_id), event, shown_to=subscription)

        async def look(handling: Handling, seconds: float) -> None:
            await self._let_pass(handling, seconds)
            await self._take_note(handling, subscription, event_id)

        handling = Handling(str(subscription.handler), event, str(workflow_id), look)
        self._outcomes.append(handling)
        await look(handling, takes)
        return handling

    async def advance(self, seconds: float) -> None:
        """Let time pass, from one due time to the next."""
        await self.app.advance(seconds)

    async def events(self, stream: str) -> list[Event]:
        """What is recorded on the stream, oldest first; on an ephemeral one too."""
        return await self.app.events(stream)

    async def _let_pass(self, handling: Handling, seconds: float) -> None:
        __tracebackhide__ = True
        try:
            await self.app.advance(seconds)
        except TimeoutError as error:
            raise AssertionError(
                f"{handling.handler} has not returned; if it is not to, have it timed out by "
                "letting its ack_timeout pass: takes=30"
            ) from error

    async def _take_note(
        self, handling: Handling, subscription: Subscription[Any], event_id: UUID
    ) -> None:
        attempts = self._attempts.get((str(subscription.handler), event_id), [])
        letters = await self.app.dead_letters(subscription)
        letter = next((one for one in letters if one.event.id == event_id), None)
        stream = self.service.stream(subscription.stream)
        delivery = subscription.delivery or stream.delivery
        if not attempts:
            state = State.WAITING
        elif attempts[-1].error is None:
            state = State.HANDLED
        elif letter is not None:
            state = State.DEAD_LETTERED
        elif delivery is DeliverySemantics.AT_MOST_ONCE:
            state = State.LOST
        else:
            state = State.RETRIED
        handling.take_note(attempts, state, await self._sent(), letter)

    def _watched(self) -> Mapping[str, Any]:
        """The service's functions; those of subscriptions take note of how they fare."""
        handlers = {one.handler for one in self.service.subscriptions if one.handler is not None}
        return {
            name: self._watch(name, function) if name in handlers else function
            for name, function in self._functions.items()
        }

    def _watch(self, name: str, function: Any) -> Any:
        @functools.wraps(function)
        async def watched(event: Any, context: EventContext | BatchContext) -> None:
            one = context.each[0] if isinstance(context, BatchContext) else context
            runs = self._attempts.setdefault((name, one.recorded.id), [])
            try:
                await function(event, context)
            except asyncio.CancelledError as error:
                about = context.subscription
                late = TimeoutError(f"not done within {about.timeout or about.ack_timeout:g} s")
                late.__cause__ = error
                runs.append(Attempt(one.attempt, late))
                raise
            except BaseException as error:
                runs.append(Attempt(one.attempt, error))
                raise
            runs.append(Attempt(one.attempt, None))

        return watched

    async def _record(
        self,
        definition: WorkflowDefinition,
        workflow_id: str,
        *events: Event,
        shown_to: Subscription[Any] | None = None,
    ) -> UUID:
        """Record the events, to be handed to the subscription's handler or to none."""
        recorded = tuple(
            NewEvent(
                id=self.app.new_id(),
                name=event.event_name,
                version=event.event_version,
                data=event.model_dump_json().encode(),
                terminal=event.terminal,
                metadata=Metadata(),
            )
            for event in events
        )
        if shown_to is not None:
            self.app.stage.show(shown_to.name, recorded[-1].id)
        append = Append(
            stream=definition.stream,
            workflow=definition.name,
            workflow_id=workflow_id,
            events=recorded,
        )
        [outcome] = await self.app.stage.store.commit([Unit(appends=(append,))])
        if isinstance(outcome, Rejected):
            raise outcome.error
        return recorded[-1].id

    async def _sent(self) -> list[Command[Any]]:
        kinds = {one.name: one.command for one in self.service.commands}
        return [
            kinds[sent.name].model_validate_json(sent.body)
            for sent in await self.app.stage.take_sent()
        ]

    async def _length(self, stream: str | None) -> int:
        return 0 if stream is None else len(await self.app.events(stream))

    def _subscription_of(self, handler: Callable[..., Awaitable[None]]) -> Subscription[Any]:
        for subscription in self.service.subscriptions:
            if subscription.handler and self._functions[subscription.handler] == handler:
                return subscription
        name = getattr(handler, "__name__", repr(handler))
        raise ValueError(f"{name} is the handler of no subscription of {self.service.name}")

    def _workflow_of(self, event: Event, subscription: Subscription[Any]) -> WorkflowDefinition:
        return next(
            one
            for one in self.service.workflows
            if one.stream == subscription.stream and type(event) in one.events
        )


class _StagedApp(MemoryApp[Any]):
    """The app behind a scenario."""

    def __init__(self, service: Service[Any], **options: Any) -> None:
        self._to_stage = service
        super().__init__(service, **options)

    def _open_database(self, database: str) -> Store:
        self.stage = Stage(super()._open_database(database), self._to_stage)
        return self.stage.store

    def new_id(self) -> UUID:
        """An id as the runtime makes them: the same in every run."""
        return UUID(int=self._chance.getrandbits(128), version=4)
