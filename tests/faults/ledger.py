"""The service that faults happen to: accounts, and what is entered into them."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from headwater import (
    Command,
    CommandContext,
    CommandDefinition,
    CommandKind,
    Contract,
    DeliverySemantics,
    Event,
    EventContext,
    Mode,
    Personal,
    Publication,
    Remote,
    Retry,
    Service,
    Stream,
    StreamType,
    Subscription,
    Workflow,
    WorkflowDefinition,
)

__all__ = [
    "EFFECTS",
    "ENTRIES",
    "OWNER",
    "POSTING",
    "REMOTE_ENTRIES",
    "Account",
    "Enter",
    "Entered",
    "Handlers",
    "books",
    "ledger",
]

ENTRIES = "entries"
REMOTE_ENTRIES = "ledger/entries"
EFFECTS = "effects"
POSTING = "posting"
OWNER = "Ada, whom no log may name"


class Entered(Event):
    """Something was entered."""

    event_name: ClassVar[str] = "Entered"
    event_version: ClassVar[int] = 1

    mark: str
    behave: str = ""
    """What a handler is to do with it, besides what it does with all."""
    owner: Annotated[str, Personal] = OWNER


class Account(Workflow[Entered]):
    """One account."""

    workflow_name: ClassVar[str] = "Account"


class Enter(Command[int]):
    """Enter all of it or nothing. Returns how many there were."""

    command_name: ClassVar[str] = "Enter"

    account: str
    marks: list[str]
    behave: str = ""
    """Of the last one."""
    owner: Annotated[str, Personal] = OWNER


class Handlers:
    """What the commands and the subscription do, unless a test says otherwise."""

    async def enter(self, command: Enter, workflow: Account, context: CommandContext) -> int:
        *marks, last = command.marks
        for mark in marks:
            workflow.emit(Entered(mark=mark))
        workflow.emit(Entered(mark=last, behave=command.behave))
        return len(command.marks)

    async def post(self, event: Entered, context: EventContext) -> None:
        raise NotImplementedError


def ledger(
    *,
    subscribed: bool = True,
    published: bool = False,
    stream_type: str = "persistent",
    **posting: Any,
) -> Service[Any]:
    """The service, with its subscription set as a test needs it."""
    publication = Publication(versions={"Entered": 1}) if published else None
    return Service(
        format=1,
        name="ledger",
        streams=(
            Stream(ENTRIES, StreamType(stream_type), publication=publication),
            Stream(EFFECTS, StreamType.PERSISTENT),
        ),
        workflows=(WorkflowDefinition(Account, stream=ENTRIES, events=(Entered,)),),
        commands=(
            CommandDefinition(
                Enter,
                CommandKind.STARTS_OR_CONTINUES,
                workflow=Account,
                id_field="account",
                emits=(Entered,),
                handler="enter",
            ),
        ),
        subscriptions=(_posting(ENTRIES, **posting),) if subscribed else (),
    )


def books(**posting: Any) -> Service[Any]:
    """Another service, which takes the ledger's entries in, with its subscription to them."""
    return Service(
        format=1,
        name="books",
        streams=(
            Stream(REMOTE_ENTRIES, StreamType.PERSISTENT, remote=Remote("ledger", ENTRIES)),
            Stream(EFFECTS, StreamType.PERSISTENT),
        ),
        subscriptions=(_posting(REMOTE_ENTRIES, **posting),),
        remotes=(Contract(service="ledger", streams={ENTRIES: (Entered,)}),),
    )


def _posting(
    stream: str,
    *,
    handler: bool = True,
    mode: str = "exclusive",
    delivery: str = "at-least-once",
    concurrency: int = 4,
    batch: int | None = None,
    ack_timeout: float = 30.0,
    attempts: int = 1000,
    wait: float = 0.001,
) -> Subscription[Entered]:
    return Subscription(
        name=POSTING,
        stream=stream,
        mode=Mode(mode),
        events=(Entered,),
        delivery=DeliverySemantics(delivery),
        retry=Retry(attempts=attempts, initial=wait, maximum=wait),
        ack_timeout=ack_timeout,
        concurrency=concurrency,
        batch=batch if handler else None,
        handler="post" if handler else None,
    )
