"""Every error that Headwater raises, in one tree.

    HeadwaterError
    ├── ConfigurationError          the service cannot start like this
    │   ├── SchemaMismatchError     the database is not at the revision that is needed
    │   ├── SchemaChangedError      event versions are recorded in the store as something else
    │   ├── CopyRefusedError        a database cannot be copied from, or to, as it is now
    │   └── CopyUnfinishedError     a copy into the database was begun, and not finished
    ├── RejectedError               nothing was written
    │   ├── CommandRejectedError    a validator or handler said no
    │   ├── UnknownCommandError     this service has no such command
    │   ├── WorkflowExistsError     the id to start is taken
    │   ├── WorkflowNotFoundError   there is nothing to continue
    │   ├── WorkflowEndedError      a terminal event closed it
    │   ├── VersionConflictError    somebody else was faster
    │   ├── EventNotAllowedError    the handler emitted what its command does not declare
    │   ├── HandlerFailedError      the handler raised, or returned another type
    │   ├── DeadlineExceededError   the time was up before anything was written
    │   ├── NotRunningError         the app is not open, or no longer
    │   ├── DeliveryLostError       the delivery was handed to somebody else meanwhile
    │   ├── LeaseLostError          somebody else does this work for all now
    │   ├── IdempotencyConflictError  the key was used for another request
    │   ├── StoreUnavailableError   the store could not do it
    │   │   └── MigrationLockedError  somebody else migrates it, or has it open
    │   ├── EventsWouldBeLostError  a revision is not undone, for events would be gone
    │   ├── ConnectionUnavailableError  the store has no connection for a handler
    │   ├── TransactionBudgetError  a handler kept its transaction open for too long
    │   ├── TransactionRequiredError  exactly-once needs a transaction, and there was none
    │   └── CommandInTransactionError  a command was executed while a handler's was open
    ├── OutcomeUnknownError         written or not: nobody can tell
    ├── CursorMismatchError         a cursor does not belong to the stream that is there
    ├── UnknownStreamError          this service has no such stream
    ├── EventNotFoundError          the stream has no event with that id
    ├── StreamTruncatedError        events are gone that nobody has told you of yet
    ├── ReplayUnavailableError      the stream cannot be read again
    ├── UnknownSubscriptionError    this service has no such subscription
    ├── SubscriptionInUseError      a cursor that somebody reads from was to be put elsewhere
    ├── UnreadableEventError        a recorded event does not fit the service's events
    │   ├── UnknownEventError       the service has no such event, or no such version
    │   └── UpcastError             it could not be brought to the version asked for
    ├── CopyFailedError             a copy broke off, or is not equal to what was copied
    ├── ProtobufError               a value and its protobuf message do not fit each other
    ├── MalformedMessageError       what came from a broker is no event of the stream it came from
    ├── BrokerUnavailableError      there is no connection to the broker, or it refused
    └── HistoryUnavailableError     the stream does not keep what was asked for

A call that returns has committed. One that raises `RejectedError` has written nothing, and one that
raises `OutcomeUnknownError` may have done either. Each error tells whose move it is (`fault`) and
what that move could be (`advice`); it can be copied and pickled.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import ClassVar
from uuid import UUID

__all__ = [
    "BrokerUnavailableError",
    "CommandInTransactionError",
    "CommandRejectedError",
    "ConfigurationError",
    "ConnectionUnavailableError",
    "CopyFailedError",
    "CopyRefusedError",
    "CopyUnfinishedError",
    "CursorMismatchError",
    "DeadlineExceededError",
    "DeliveryLostError",
    "EventNotAllowedError",
    "EventNotFoundError",
    "EventsWouldBeLostError",
    "Fault",
    "HandlerFailedError",
    "HeadwaterError",
    "HistoryUnavailableError",
    "IdempotencyConflictError",
    "LeaseLostError",
    "MalformedMessageError",
    "MigrationLockedError",
    "NotRunningError",
    "OutcomeUnknownError",
    "ProtobufError",
    "RejectedError",
    "ReplayUnavailableError",
    "SchemaChangedError",
    "SchemaMismatchError",
    "StoreUnavailableError",
    "StreamTruncatedError",
    "SubscriptionInUseError",
    "TransactionBudgetError",
    "TransactionRequiredError",
    "UnknownCommandError",
    "UnknownEventError",
    "UnknownStreamError",
    "UnknownSubscriptionError",
    "UnreadableEventError",
    "UpcastError",
    "VersionConflictError",
    "WorkflowEndedError",
    "WorkflowExistsError",
    "WorkflowNotFoundError",
]


class Fault(Enum):
    """Whose move it is after an error."""

    CALLER = "caller"
    """Another request would work; this one will fail again."""

    SERVICE = "service"
    """The service's code or configuration has to change."""

    CIRCUMSTANCES = "circumstances"
    """Nobody's: the same request may well work later."""


class HeadwaterError(Exception):
    """Any error that Headwater raises on purpose."""

    fault: ClassVar[Fault] = Fault.SERVICE
    advice: ClassVar[str] = "Read the message; it names what to change."


class ConfigurationError(HeadwaterError):
    """The service cannot start like this. Nothing runs, and all that is wrong is in `problems`."""

    fault = Fault.SERVICE
    advice = "Change what the message names, then start again."

    def __init__(self, *problems: str) -> None:
        super().__init__(*problems)
        self.problems = problems

    def __str__(self) -> str:
        if len(self.problems) == 1:
            return self.problems[0]
        return "\n".join(
            [f"{len(self.problems)} problems:", *(f"  - {text}" for text in self.problems)]
        )


class SchemaMismatchError(ConfigurationError):
    """The database is not at the revision that this code works with. Nothing was changed.

    `found` is the revision that it is at, or `None` where it has been through none; `is_newer`
    tells that this code does not know it. `subject` is what the revision is of: the runtime's
    tables, or the streams of a service.
    """

    def __init__(
        self,
        store: str,
        found: str | None,
        expected: str,
        what_to_do: str,
        is_newer: bool = False,
        subject: str = "tables",
    ) -> None:
        HeadwaterError.__init__(self, store, found, expected, what_to_do, is_newer, subject)
        self.store = store
        self.found = found
        self.expected = expected
        self.what_to_do = what_to_do
        self.is_newer = is_newer
        self.subject = subject
        self.problems = (str(self),)

    def __str__(self) -> str:
        if self.found is None:
            return f"{self.store} has no {self.subject} that Headwater has made: {self.what_to_do}"
        return (
            f"{self.store} has {self.subject} of revision {self.found}, and this code works with "
            f"revision {self.expected}: {self.what_to_do}"
        )


class SchemaChangedError(ConfigurationError):
    """Events are recorded in the store under a version that means something else in the service.

    `changed` has the names and versions. Nothing was written, and nothing runs: the recorded events
    would be taken for what they are not.
    """

    advice = (
        "Give what has changed the event's next version, with the ops that lead there, and leave "
        "the recorded one as it was."
    )

    def __init__(self, changed: Sequence[tuple[str, int]]) -> None:
        HeadwaterError.__init__(self, tuple(changed))
        self.changed = tuple(changed)
        self.problems = tuple(
            f"{name} version {version} has changed, and events of it are recorded: move it to "
            f"`history` as it was, and write what it is now as version {version + 1} with `upcast` "
            "(or, if these events may go, use another database)"
            for name, version in self.changed
        )


class CopyRefusedError(ConfigurationError):
    """A database cannot be copied from, or to, as it is now. Neither was changed."""

    fault = Fault.CALLER
    advice = "Do what the message says, such as stopping a service, then copy again."


class CopyUnfinishedError(ConfigurationError):
    """A copy into the database was begun and not finished: no service may use it yet."""

    advice = "Run `headwater streams copy` with the same two databases again; it goes on."

    def __init__(self, database: str, source: str) -> None:
        HeadwaterError.__init__(self, database, source)
        self.database = database
        self.source = source
        self.problems = (str(self),)

    def __str__(self) -> str:
        return (
            f"{self.database} holds a part of {self.source}, whose copy is not finished: run "
            "`headwater streams copy` with these two again"
        )


class RejectedError(HeadwaterError):
    """Nothing was written: not this command's events, not anything beside them."""


class CommandRejectedError(RejectedError):
    """A validator or a handler refused the command. Raise it yourself to say no.

    `field` is the command's field (its name on the wire) that the refusal is about, if it is about
    one.
    """

    fault = Fault.CALLER
    advice = "Change the command as the reason says."

    def __init__(self, reason: str, field: str | None = None) -> None:
        super().__init__(reason, field)
        self.reason = reason
        self.field = field

    def __str__(self) -> str:
        return self.reason if self.field is None else f"{self.field}: {self.reason}"


class UnknownCommandError(RejectedError):
    """The service has no such command."""

    fault = Fault.CALLER
    advice = "Send it to the service that declares it."

    def __init__(self, service: str, command: str) -> None:
        super().__init__(service, command)
        self.service = service
        self.command = command

    def __str__(self) -> str:
        return f"{self.service} has no command {self.command}"


class WorkflowExistsError(RejectedError):
    """A command that starts a workflow named an id that is taken."""

    fault = Fault.CALLER
    advice = "Choose another id, or send a command that continues the workflow."

    def __init__(self, workflow: str, workflow_id: str) -> None:
        super().__init__(workflow, workflow_id)
        self.workflow = workflow
        self.workflow_id = workflow_id

    def __str__(self) -> str:
        return f"{self.workflow} {self.workflow_id!r} exists already"


class WorkflowNotFoundError(RejectedError):
    """A command that continues a workflow named one that was never started."""

    fault = Fault.CALLER
    advice = "Check the id, or start the workflow first."

    def __init__(self, workflow: str, workflow_id: str) -> None:
        super().__init__(workflow, workflow_id)
        self.workflow = workflow
        self.workflow_id = workflow_id

    def __str__(self) -> str:
        return f"there is no {self.workflow} {self.workflow_id!r}"


class WorkflowEndedError(RejectedError):
    """The workflow has had its terminal event; nothing can follow it."""

    fault = Fault.CALLER
    advice = "Start a new workflow; this one takes no more events."

    def __init__(self, workflow: str, workflow_id: str) -> None:
        super().__init__(workflow, workflow_id)
        self.workflow = workflow
        self.workflow_id = workflow_id

    def __str__(self) -> str:
        return f"{self.workflow} {self.workflow_id!r} has ended"


class VersionConflictError(RejectedError):
    """The workflow is no longer at the version that the decision was made on.

    `execute` raises it after it has run the handler again and lost each time.
    """

    fault = Fault.CIRCUMSTANCES
    advice = "Send the command again; it decides afresh on what is recorded by then."

    def __init__(self, workflow: str, workflow_id: str, expected: int, actual: int) -> None:
        super().__init__(workflow, workflow_id, expected, actual)
        self.workflow = workflow
        self.workflow_id = workflow_id
        self.expected = expected
        self.actual = actual

    def __str__(self) -> str:
        return (
            f"{self.workflow} {self.workflow_id!r} is at version {self.actual}, not {self.expected}"
        )


class EventNotAllowedError(RejectedError):
    """A handler emitted an event that its command does not declare."""

    fault = Fault.SERVICE
    advice = "Add the event to the command's `emits` in the spec, or emit one that stands there."

    def __init__(self, event: str, allowed: Sequence[str]) -> None:
        super().__init__(event, tuple(allowed))
        self.event = event
        self.allowed = tuple(allowed)

    def __str__(self) -> str:
        return f"{self.event} may not be emitted here; declared: {', '.join(self.allowed)}"


class HandlerFailedError(RejectedError):
    """A command's handler or validator raised, or returned what it may not; see `__cause__`."""

    fault = Fault.SERVICE
    advice = "Mend the handler; `CommandRejectedError` is how it says no to a caller."

    def __init__(self, handler: str, reason: str) -> None:
        super().__init__(handler, reason)
        self.handler = handler
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.handler} {self.reason}"


class DeadlineExceededError(RejectedError):
    """The deadline passed before anything was written."""

    fault = Fault.CIRCUMSTANCES
    advice = "Try again, with more time if it needs more."

    def __init__(self, deadline: float) -> None:
        super().__init__(deadline)
        self.deadline = deadline

    def __str__(self) -> str:
        return f"not done within {self.deadline:g} s; nothing was written"


class NotRunningError(RejectedError):
    """The app is not open yet, or is closing."""

    fault = Fault.CIRCUMSTANCES
    advice = "Use it inside `async with`, or send this to an instance that runs."

    def __init__(self, service: str) -> None:
        super().__init__(service)
        self.service = service

    def __str__(self) -> str:
        return f"{self.service} is not running"


class DeliveryLostError(RejectedError):
    """The delivery is not yours any more: settled already, or timed out and handed out again."""

    fault = Fault.CIRCUMSTANCES
    advice = "Leave it; its effect may come twice, so make the effect bear that."

    def __init__(self, subscription: str, offset: int) -> None:
        super().__init__(subscription, offset)
        self.subscription = subscription
        self.offset = offset

    def __str__(self) -> str:
        return f"the delivery of event {self.offset} to {self.subscription} is no longer open"


class LeaseLostError(RejectedError):
    """Work that one process does for all is another's now: its lease ran out and was taken."""

    fault = Fault.CIRCUMSTANCES
    advice = "Leave the work to whoever has the lease, or ask for it again later."

    def __init__(self, name: str, owner: str) -> None:
        super().__init__(name, owner)
        self.name = name
        self.owner = owner

    def __str__(self) -> str:
        return f"{self.owner} does not have the lease {self.name!r} any more"


class IdempotencyConflictError(RejectedError):
    """The idempotency key was used before, for another command or another body."""

    fault = Fault.CALLER
    advice = "Take a new key for every request, and the same one only to repeat it."

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key

    def __str__(self) -> str:
        return f"the idempotency key {self.key!r} was used for another request"


class StoreUnavailableError(RejectedError):
    """The store could not do it: held by another process for too long, no room, or not open."""

    fault = Fault.CIRCUMSTANCES
    advice = "Look after the store if the reason is its own; otherwise try again."

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"the store is not available: {self.reason}; nothing was written"


class MigrationLockedError(StoreUnavailableError):
    """The database is being migrated, or used where nobody else may, by the `holder`."""

    advice = "Let the holder finish, or stop it, and do it again."

    def __init__(self, store: str, holder: str, seconds: float) -> None:
        RejectedError.__init__(self, store, holder, seconds)
        self.store = store
        self.holder = holder
        self.seconds = seconds
        self.reason = str(self)

    def __str__(self) -> str:
        return (
            f"{self.store} is held by {self.holder}, for all of the {self.seconds:g} s that were "
            "waited; nothing was changed"
        )


class EventsWouldBeLostError(RejectedError):
    """A revision is not undone, because events would be gone with it. Nothing was changed."""

    fault = Fault.CALLER
    advice = "Keep a copy of the events, then say that they may be lost."

    def __init__(self, store: str, events: int, streams: Sequence[str]) -> None:
        super().__init__(store, events, streams)
        self.store = store
        self.events = events
        self.streams = tuple(streams)

    def __str__(self) -> str:
        number = "1 event" if self.events == 1 else f"{self.events:,} events"
        return (
            f"{number} of {', '.join(self.streams)} in {self.store} would be lost; nothing was "
            "changed. Say --accept-loss if they may be"
        )


class ConnectionUnavailableError(RejectedError):
    """A handler asked for a connection to the database, and there is none to give."""

    fault = Fault.SERVICE
    advice = "Use an SQL database with the extra that it needs, or decide without a connection."

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"there is no connection for the handler: {self.reason}"


class TransactionBudgetError(RejectedError):
    """A handler kept its transaction open for longer than it may: others wait for it to write.

    It was rolled back: of what the handler wrote and emitted, nothing is there.
    """

    fault = Fault.SERVICE
    advice = "Ask for the connection last, and wait for nothing but the database while it is open."

    def __init__(self, budget: float) -> None:
        super().__init__(budget)
        self.budget = budget

    def __str__(self) -> str:
        return f"the handler's transaction was open for more than {self.budget:g} s; rolled back"


class TransactionRequiredError(RejectedError):
    """An iterator reads exactly once and was to acknowledge without a transaction.

    What it did with the event would not be undone if the acknowledgement failed. The event is as it
    was: to be settled, or not yet taken.
    """

    fault = Fault.SERVICE
    advice = (
        "Read `deliveries()` and do the work in `async with delivery.transaction() as connection`, "
        "or have the subscription deliver at-least-once."
    )

    def __init__(self, subscription: str) -> None:
        super().__init__(subscription)
        self.subscription = subscription

    def __str__(self) -> str:
        return (
            f"{self.subscription} delivers exactly-once, and a loop can acknowledge its events in "
            "`delivery.transaction()` only"
        )


class CommandInTransactionError(RejectedError):
    """A handler executed a command while its own transaction was open.

    The command would wait for the transaction to end, and the transaction for the command.
    """

    fault = Fault.SERVICE
    advice = "Use `context.send`, which executes it afterwards, or execute it before."

    def __init__(self, command: str) -> None:
        super().__init__(command)
        self.command = command

    def __str__(self) -> str:
        return f"{self.command} cannot be executed while the handler's own transaction is open"


class OutcomeUnknownError(HeadwaterError):
    """The connection to the store broke, or the time was up, while committing.

    Everything was written or nothing; never a part.
    """

    fault = Fault.CIRCUMSTANCES
    advice = "Find out what is recorded before you send it again."

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.reason}; whether it was written is unknown"


class CursorMismatchError(HeadwaterError):
    """A cursor was written for another stream than the one that is there.

    The stream was restored from a backup or made anew, or another version of Headwater wrote the
    cursor. Nothing was delivered from a wrong place.
    """

    fault = Fault.SERVICE
    advice = "Unsubscribe the consumer and let it start again where it should."

    def __init__(self, subscription: str, stream: str, reason: str) -> None:
        super().__init__(subscription, stream, reason)
        self.subscription = subscription
        self.stream = stream
        self.reason = reason

    def __str__(self) -> str:
        return f"the cursor of {self.subscription} does not fit {self.stream}: {self.reason}"


class UnknownStreamError(HeadwaterError):
    """The service has no such stream."""

    fault = Fault.CALLER
    advice = "Use one that the service declares."

    def __init__(self, service: str, stream: str) -> None:
        super().__init__(service, stream)
        self.service = service
        self.stream = stream

    def __str__(self) -> str:
        return f"{self.service} has no stream {self.stream!r}"


class EventNotFoundError(HeadwaterError):
    """The stream has no event with that id, or no longer."""

    fault = Fault.CALLER
    advice = "Check the id and the stream, or start from an offset or a time."

    def __init__(self, stream: str, event_id: UUID) -> None:
        super().__init__(stream, event_id)
        self.stream = stream
        self.event_id = event_id

    def __str__(self) -> str:
        return f"{self.stream} has no event {self.event_id}"


class StreamTruncatedError(HeadwaterError):
    """Retention has removed events that you were still to read: those from `first` to `last`.

    Both are offsets, and both are gone. A subscription tells it once, before it hands out more, and
    goes on with the events after them.
    """

    fault = Fault.CIRCUMSTANCES
    advice = (
        "Bring up to date from elsewhere what you make of the stream, and go on reading; "
        "`lagging: hold` has retention wait."
    )

    def __init__(self, stream: str, first: int, last: int, reader: str | None = None) -> None:
        super().__init__(stream, first, last, reader)
        self.stream = stream
        self.first = first
        self.last = last
        self.reader = reader

    def __str__(self) -> str:
        what = f"events {self.first} to {self.last} of {self.stream} are"
        if self.first == self.last:
            what = f"event {self.first} of {self.stream} is"
        before = "" if self.reader is None else f", before {self.reader} has read them"
        return f"{what} not kept any more{before}"


class ReplayUnavailableError(HeadwaterError):
    """The stream's events cannot be read again."""

    fault = Fault.CALLER
    advice = "Subscribe to the stream, or have it persistent and without `replay: false`."

    def __init__(self, stream: str, reason: str) -> None:
        super().__init__(stream, reason)
        self.stream = stream
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.stream} cannot be replayed: {self.reason}"


class UnknownSubscriptionError(HeadwaterError):
    """The service has no such subscription, or not with this consumer."""

    fault = Fault.CALLER
    advice = "Use one that the service declares."

    def __init__(self, service: str, subscription: str) -> None:
        super().__init__(service, subscription)
        self.service = service
        self.subscription = subscription

    def __str__(self) -> str:
        return f"{self.service} has no subscription {self.subscription!r}"


class SubscriptionInUseError(HeadwaterError):
    """Somebody reads the subscription, and putting its cursors elsewhere would get in the way.

    Nothing was changed.
    """

    fault = Fault.CALLER
    advice = (
        "Pause the subscription and wait until nothing is in hand, or stop its consumers; or force "
        "it: what is in hand is then lost to who has it, and may be handled twice."
    )

    def __init__(self, subscription: str, consumers: Sequence[str], in_flight: int) -> None:
        super().__init__(subscription, consumers, in_flight)
        self.subscription = subscription
        self.consumers = tuple(consumers)
        self.in_flight = in_flight

    def __str__(self) -> str:
        names = ", ".join(self.consumers)
        events = "1 event is" if self.in_flight == 1 else f"{self.in_flight} events are"
        return f"{self.subscription} is read by {names}, and {events} in hand"


class UnreadableEventError(HeadwaterError):
    """A recorded event does not fit any event that the service knows."""

    fault = Fault.SERVICE
    advice = "Generate the service from a spec that has this event and version."

    def __init__(self, event: str, version: int, reason: str) -> None:
        super().__init__(event, version, reason)
        self.event = event
        self.version = version
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.event} version {self.version} cannot be read: {self.reason}"


class UnknownEventError(UnreadableEventError):
    """The service has no such event, or no such version of it: perhaps a newer one than its own."""

    def __init__(self, event: str, version: int, known: Sequence[int]) -> None:
        if not known:
            reason = "no class reads it: the service has no such event"
        elif version > known[-1]:
            reason = f"no class reads it: the newest version that the service knows is {known[-1]}"
        else:
            reason = f"no class reads it: the service knows version {', '.join(map(str, known))}"
        super().__init__(event, version, reason)
        self.args = (event, version, known)  # so that copy and pickle work
        self.known = tuple(known)

    @property
    def is_newer(self) -> bool:
        """Whether the service knows the event, in older versions only."""
        return bool(self.known) and self.version > self.known[-1]


class UpcastError(UnreadableEventError):
    """A recorded event could not be brought to the version asked for.

    What is recorded stays as it is. `hop` and `op` tell where it failed, where that is known; the
    cause is the error that the op raised. The message holds nothing of what the event says.
    """

    advice = "Mend the op in the spec, or the function it calls, and generate again."

    def __init__(
        self,
        event: str,
        version: int,
        reason: str,
        event_id: UUID | None = None,
        hop: tuple[int, int] | None = None,
        op: str = "",
    ) -> None:
        super().__init__(event, version, reason)
        self.args = (event, version, reason, event_id, hop, op)  # so that copy and pickle work
        self.event_id = event_id
        """`None` where no recorded event was brought, but data from code."""
        self.hop = hop
        """The versions before and after, in the direction it went."""
        self.op = op

    def __str__(self) -> str:
        which = f" (event {self.event_id})" if self.event_id else ""
        hop = f" from {self.hop[0]} to {self.hop[1]}" if self.hop else ""
        op = f" at {self.op}" if self.op else ""
        return f"{self.event} version {self.version}{which} failed{hop}{op}: {self.reason}"


class CopyFailedError(HeadwaterError):
    """A copy broke off, or is not equal to what was copied.

    What it has written stays, no service takes the target for its own, and the next run goes on.
    """

    fault = Fault.CIRCUMSTANCES
    advice = "Run the same copy again; it goes on where it was."

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"the copy is not finished: {self.reason}; run it again, it goes on where it was"


class ProtobufError(HeadwaterError):
    """A value and its protobuf message do not fit each other. `path` leads to the value.

    Whoever made the message has sent what its proto does not allow, or the compiled messages are
    not those of the classes.
    """

    fault = Fault.CALLER
    advice = "Send a message of the proto that the service has; generate again if that is changed."

    def __init__(self, model: str, path: tuple[str | int, ...], reason: str) -> None:
        super().__init__(model, path, reason)
        self.model = model
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        where = ".".join(map(str, (self.model, *self.path)))
        return f"{where}: {self.reason}"


class MalformedMessageError(HeadwaterError):
    """A message that came from a broker is no event of the stream it came from.

    It goes to the dead letters of the queue, as it came.
    """

    fault = Fault.CALLER
    advice = "Look at the queue's dead letters, and at who else publishes to the exchange."

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"this message is no event: {self.reason}"


class BrokerUnavailableError(HeadwaterError):
    """There is no connection to the broker, or it refused what was asked of it.

    Nothing that was recorded is lost: it is published once the broker is back.
    """

    fault = Fault.CIRCUMSTANCES
    advice = "Look after the broker if the reason is its own; the service connects again by itself."

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"the broker is not available: {self.reason}"


class HistoryUnavailableError(HeadwaterError):
    """Not all of the workflow's earlier events are there: they are not kept, or not for so long."""

    fault = Fault.SERVICE
    advice = "Have the stream keep its events, or decide without the history."

    def __init__(self, workflow: str, stream: str, reason: str) -> None:
        super().__init__(workflow, stream, reason)
        self.workflow = workflow
        self.stream = stream
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.workflow} has no whole history in {self.stream}: {self.reason}"
