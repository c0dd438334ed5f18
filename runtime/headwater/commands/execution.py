"""Execute a command: validate, decide, write what was decided as one unit."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast, get_args
from uuid import UUID

from headwater.clock import Clock, break_off, is_cancelled, time_limit
from headwater.correlation import correlation_id
from headwater.errors import (
    CommandRejectedError,
    ConnectionUnavailableError,
    DeadlineExceededError,
    HandlerFailedError,
    HistoryUnavailableError,
    NotRunningError,
    OutcomeUnknownError,
    RejectedError,
    UnknownCommandError,
    VersionConflictError,
    WorkflowEndedError,
    WorkflowExistsError,
    WorkflowNotFoundError,
)
from headwater.events import Command, Event, Metadata
from headwater.evolution import Registry
from headwater.outbox import Outbox
from headwater.stores.committer import Committer, PendingCommit, accepted
from headwater.stores.contract import (
    Append,
    Committed,
    Exactly,
    Expect,
    Expectation,
    NewEvent,
    SentCommand,
    Store,
    Unit,
)
from headwater.streams import Stream, StreamType
from headwater.transactions import HandlerTransaction, require_none_open
from headwater.workflows import StreamWriter, Workflow
from pydantic import TypeAdapter, ValidationError

from .definition import CommandDefinition, CommandKind
from .outcome import Once, Outcome
from .turns import Turns

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

__all__ = ["BoundCommand", "CommandContext", "CommandFunction", "Executor", "Outcome"]

R = TypeVar("R")
CommandFunction: TypeAlias = Callable[..., Awaitable[Any]]

RERUNS = 3  # of a handler whose workflow was changed meanwhile
LONGEST_ID = 255  # characters of a workflow's id
TO_BREAK_OFF = 1.0  # seconds that a handler may take to be cancelled


@dataclass(frozen=True, slots=True)
class CommandContext:
    """What a handler or validator may want to know beside the command itself."""

    request_id: str | None
    """What the caller gave to find the command again."""

    state: Any
    """What the app's lifespan yielded."""

    outbox: Outbox = field(repr=False)
    """What `send` has gathered."""

    transaction: HandlerTransaction | None = field(default=None, repr=False)
    """What `connection` belongs to; a validator has none."""

    async def connection(self) -> AsyncConnection:
        """A connection of SQLAlchemy to the service's database, in a transaction of its own.

        What the handler writes with it and what it emits and sends are committed together when it
        returns; if it raises, is broken off, or a guard fails, all of it is undone, and a rerun
        begins afresh. The transaction begins here, when it is the handler's turn to write, and
        nothing else of this process is written until it ends. So ask for it last: it has 5 s. It
        cannot be committed by hand, and the tables of Headwater itself can only be read.

        Raises:
            ConnectionUnavailableError: The store has no connections, the extra `sql` is not
                installed, or this is a validator.
            StoreUnavailableError: Another process kept it from writing for too long.
        """
        if self.transaction is None:
            raise ConnectionUnavailableError("only a handler has one, a validator has not")
        return await self.transaction.connection()

    def send(self, command: Command[Any]) -> None:
        """Have another command executed once what this one emits is recorded.

        It is stored in the same unit and executed after that, once. Commands that were sent
        together may be executed in any order. One that is refused because of what it says is given
        up; otherwise it is tried again, five times in all.

        Raises:
            UnknownCommandError: The service has no such command.
        """
        self.outbox.add(command)


@dataclass(frozen=True, slots=True)
class BoundCommand:
    """A command together with the functions and the stream that it works with."""

    definition: CommandDefinition
    stream: Stream
    emits: tuple[type[Event], ...]
    handler: CommandFunction
    validator: CommandFunction | None


class Executor:
    """Runs commands, many at once; each is one unit of work."""

    def __init__(
        self,
        service: str,
        commands: Iterable[BoundCommand],
        *,
        store: Store,
        committer: Committer,
        registry: Registry,
        clock: Clock,
        chance: random.Random,
        validates: bool = False,
    ) -> None:
        self._service = service
        self._commands = {bound.definition.command: bound for bound in commands}
        self._store = store
        self._committer = committer
        self._registry = registry
        self._clock = clock
        self._chance = chance
        self._validates = validates
        self._turns = Turns()
        self._running: dict[_Execution, asyncio.Timeout] = {}
        self._results: dict[type[Command[Any]], TypeAdapter[Any]] = {}

    async def execute(
        self,
        command: Command[R],
        context: CommandContext,
        deadline: float,
        idempotency_key: str | None = None,
        carries_out: SentCommand | None = None,
    ) -> Outcome[R]:
        """Run the command and return what came of it, once its events are written.

        One whose idempotency key is known is not run: what came of the first is returned.
        `carries_out` is a stored command that is done with this one, under its own key.
        """
        bound = self._commands.get(type(command))
        if bound is None:
            name = getattr(command, "command_name", type(command).__name__)
            raise UnknownCommandError(self._service, name)
        require_none_open(bound.definition.name)
        once = None
        if carries_out is not None:
            sent = carries_out
            once = Once(bound.definition, command, sent.key, sent.occasion)
        elif idempotency_key is not None:
            once = Once(bound.definition, command, idempotency_key)
        execution = _Execution(once, None if carries_out is None else carries_out.key)
        before = correlation_id.get()
        try:
            async with time_limit(self._clock, deadline) as limit:
                self._running[execution] = limit
                if once is None:
                    await self._run(bound, command, context, execution)
                else:
                    await self._run_once(bound, command, context, execution, once)
        except TimeoutError:
            execution.after_time_is_up(self._service, deadline)
        finally:
            self._running.pop(execution, None)
            execution.done.set()
            correlation_id.set(before)
        return Outcome(cast("R", execution.result), execution.workflow_id)

    async def drain(self, within: float) -> None:
        """Return when no command runs any more; those that take too long are broken off."""
        await self._wait_for_running(within)
        for execution, limit in tuple(self._running.items()):
            execution.closing = True
            break_off(limit)
        await self._wait_for_running(TO_BREAK_OFF)

    async def _wait_for_running(self, within: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await asyncio.gather(*(one.done.wait() for one in tuple(self._running)))

    async def _run_once(
        self,
        bound: BoundCommand,
        command: Command[Any],
        context: CommandContext,
        execution: _Execution,
        once: Once,
    ) -> None:
        """Run the command unless its key is known, or becomes known meanwhile."""
        if (known := await self._store.answer(once.key)) is not None:
            execution.take(once.outcome(known))
            return
        try:
            await self._run(bound, command, context, execution)
        except RejectedError:
            # Perhaps because the same request, sent twice at once, has just been carried out.
            if (known := await self._store.answer(once.key)) is None:
                raise
            execution.take(once.outcome(known))

    async def _run(
        self,
        bound: BoundCommand,
        command: Command[Any],
        context: CommandContext,
        execution: _Execution,
    ) -> None:
        if bound.validator is not None:
            await _call(bound.validator, command, context)
        definition = bound.definition
        if definition.workflow is None or definition.id_field is None:
            await self._decide(bound, command, context, execution)
            return
        workflow_id = str(getattr(command, definition.id_field))
        async with self._turns.turn(definition.workflow.workflow_name, workflow_id):
            await self._decide(bound, command, context, execution)

    async def _decide(
        self,
        bound: BoundCommand,
        command: Command[Any],
        context: CommandContext,
        execution: _Execution,
    ) -> None:
        """Run the handler and commit, again if another process changed the workflow meanwhile."""
        for rerun in range(RERUNS + 1):
            target = await self._target(bound, command)
            execution.workflow_id = target.id
            correlation_id.set(target.id)
            transaction = HandlerTransaction(self._store)
            outbox = context.outbox.emptied() if rerun else context.outbox
            context = replace(context, outbox=outbox, transaction=transaction)
            try:
                async with transaction:
                    await self._run_handler(bound, command, context, execution, target)
                    unit = self._unit(bound, context, execution, target)
                    if transaction.is_used:
                        execution.commit = transaction.submit(unit)
                    elif unit.appends or unit.sends or unit.key is not None:
                        execution.commit = self._committer.submit(unit)
                    if execution.commit is not None:
                        execution.accept(await execution.commit.wait())
            except (VersionConflictError, WorkflowExistsError):
                if rerun == RERUNS or execution.commit is None:
                    raise
                execution.commit = None
            else:
                break

    async def _run_handler(
        self,
        bound: BoundCommand,
        command: Command[Any],
        context: CommandContext,
        execution: _Execution,
        target: _Target,
    ) -> None:
        try:
            execution.result = await _call(bound.handler, command, target.writer, context)
        finally:
            target.writer._seal()
        self._require_declared_type(bound, execution.result)

    def _unit(
        self, bound: BoundCommand, context: CommandContext, execution: _Execution, target: _Target
    ) -> Unit:
        """What the handler has decided."""
        events = target.writer.emitted
        append = Append(
            stream=bound.stream.name,
            workflow=target.workflow,
            workflow_id=target.id,
            expect=target.expect,
            events=self._encode(events, bound.definition.name, context.request_id),
        )
        once = execution.once
        return Unit(
            key=None if once is None else once.keep(target.id, execution.result),
            sends=context.outbox.commands(str(self._new_id()), context.request_id)
            if context.outbox
            else (),
            carries_out=execution.carries_out,
            appends=(append,) if events else (),
        )

    def _require_declared_type(self, bound: BoundCommand, result: object) -> None:
        """Refuse a result of another type than declared, before anything is written for it."""
        adapter = self._results.get(bound.definition.command)
        if adapter is None:
            adapter = TypeAdapter(bound.definition.result_type)
            self._results[bound.definition.command] = adapter
        try:
            adapter.validator.validate_python(result, strict=True)
        except ValidationError as error:
            due = _described(bound.definition.result_type)
            raise HandlerFailedError(
                bound.definition.handler, f"returned {_described(type(result))}; {due} is due"
            ) from error

    async def _target(self, bound: BoundCommand, command: Command[Any]) -> _Target:
        """What the handler is to write with, and what has to hold when that is written."""
        definition = bound.definition
        target = definition.target
        if issubclass(target, StreamWriter):
            return _Target(None, str(self._new_id()), Expect.ANY, target(emits=bound.emits))
        name = target.workflow_name
        id_field = definition.id_field
        workflow_id = str(self._new_id() if id_field is None else getattr(command, id_field))
        if not workflow_id:
            raise CommandRejectedError(
                "the workflow's id is empty", field=_wire_name(command, id_field)
            )
        if len(workflow_id) > LONGEST_ID:
            raise CommandRejectedError(
                f"the workflow's id has more than {LONGEST_ID} characters",
                field=_wire_name(command, id_field),
            )
        version = 0
        if id_field is not None:
            state = await self._store.workflow(name, workflow_id)
            version = state.version
            if definition.kind is CommandKind.STARTS and version:
                raise WorkflowExistsError(name, workflow_id)
            if definition.kind is CommandKind.CONTINUES and not version:
                raise WorkflowNotFoundError(name, workflow_id)
            if state.ended:
                raise WorkflowEndedError(name, workflow_id)

        async def read_history() -> Sequence[Event]:
            if bound.stream.type is StreamType.EPHEMERAL:
                raise HistoryUnavailableError(
                    name, bound.stream.name, "it is ephemeral, its events go once consumed"
                )
            recorded = await self._store.history(bound.stream.name, name, workflow_id, version)
            if len(recorded) < version:
                reason = f"of {version} events, {version - len(recorded)} are not kept any more"
                raise HistoryUnavailableError(name, bound.stream.name, reason)
            return [self._registry.decode(event) for event in recorded]

        workflow = target(workflow_id, version, emits=bound.emits, read_history=read_history)
        return _Target(name, workflow_id, Exactly(version) if version else Expect.NEW, workflow)

    def _encode(
        self, events: Sequence[Event], command: str, request_id: str | None
    ) -> tuple[NewEvent, ...]:
        metadata = Metadata(command=command, request_id=request_id)
        encoded = tuple(
            NewEvent(
                id=self._new_id(),
                name=event.event_name,
                version=event.event_version,
                data=event.__pydantic_serializer__.to_json(event),
                terminal=event.terminal,
                metadata=metadata,
            )
            for event in events
        )
        if self._validates:
            for event, new in zip(events, encoded, strict=True):
                _require_valid(event, new.data, command)
        return encoded

    def _new_id(self) -> UUID:
        return UUID(int=self._chance.getrandbits(128), version=4)


def _require_valid(event: Event, data: bytes, command: str) -> None:
    """Refuse an event whose bytes do not fit its class. Tells no value: it may be personal."""
    try:
        type(event).__pydantic_validator__.validate_json(data)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, one['loc']))}: {one['msg']}"
            for one in error.errors(include_input=False)
        )
        raise HandlerFailedError(
            command, f"emitted {event.event_name}, which does not fit its version: {wrong}"
        ) from error


def _wire_name(command: Command[Any], attribute: str | None) -> str | None:
    field = type(command).model_fields.get(attribute or "")
    return attribute if field is None or field.alias is None else field.alias


def _described(kind: Any) -> str:
    """A type as a person writes it: `str`, `list[Grade]`, `None`."""
    if kind is type(None):
        return "None"
    return kind.__name__ if isinstance(kind, type) and not get_args(kind) else str(kind)


@dataclass(frozen=True, slots=True)
class _Target:
    workflow: str | None
    id: str
    expect: Expectation
    writer: Workflow[Any] | StreamWriter[Any]


class _Execution:
    """How far one command has come, for the case that its time is up."""

    def __init__(self, once: Once | None, carries_out: str | None) -> None:
        self.once = once
        self.carries_out = carries_out
        self.result: Any = None
        self.workflow_id = ""
        self.commit: PendingCommit | None = None
        self.closing = False
        self.done = asyncio.Event()

    def take(self, outcome: Outcome[Any]) -> None:
        """Have come to what an earlier execution came to."""
        self.result, self.workflow_id = outcome.result, outcome.workflow_id

    def accept(self, committed: Committed) -> None:
        """Take note of a unit that was written, or had been under the same idempotency key."""
        if committed.earlier is not None and self.once is not None:
            self.take(self.once.outcome(committed.earlier))

    def after_time_is_up(self, service: str, deadline: float) -> None:
        """Return if it was written nevertheless; raises one of the other two outcomes."""
        if self.commit is not None and self.commit.begun:
            if not self.commit.outcome.done():
                raise OutcomeUnknownError(f"the time was up after {deadline:g} s while committing")
            if self.commit.outcome.exception() is None:
                self.accept(accepted(self.commit.outcome.result()))
                return
        if self.closing:
            raise NotRunningError(service)
        raise DeadlineExceededError(deadline)


async def _call(function: CommandFunction, *arguments: object) -> Any:
    """Call a function of the service; what it raises comes out as a rejection."""
    try:
        return await function(*arguments)
    except RejectedError:
        raise
    except (Exception, asyncio.CancelledError) as error:
        if isinstance(error, asyncio.CancelledError) and is_cancelled():
            raise
        name = getattr(function, "__name__", repr(function))
        raise HandlerFailedError(name, f"raised {type(error).__name__}: {error}") from error
