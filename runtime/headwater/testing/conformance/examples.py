"""What the cases are made of: two streams, and short ways to units, feeds and claims."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import uuid4

from headwater.events import Metadata
from headwater.stores.contract import (
    Answer,
    Append,
    Claim,
    Connection,
    EventSchema,
    Expect,
    Expectation,
    Feed,
    FeedKey,
    IdempotencyKey,
    NewEvent,
    Order,
    SentCommand,
    Settlement,
    Store,
    Unit,
)
from headwater.streams import (
    AfterDeadLetter,
    FromBeginning,
    FromLatest,
    Start,
    Stream,
    StreamType,
)

__all__ = [
    "LIMIT",
    "ME",
    "STREAMS",
    "claim",
    "connection",
    "feed",
    "new_event",
    "offsets",
    "schema",
    "sent",
    "unit",
    "unit_with_key",
]

STREAMS = (Stream("log", StreamType.PERSISTENT), Stream("queue", StreamType.EPHEMERAL))
ME = "me#1"
LIMIT = 100


def schema(name: str = "Added", version: int = 1, digest: str = "a1") -> EventSchema:
    return EventSchema(name, version, digest, f'{{"title":"{name}"}}')


def new_event(
    name: str = "Added", *, text: str = "", terminal: bool = False, version: int = 1
) -> NewEvent:
    return NewEvent(
        id=uuid4(),
        name=name,
        version=version,
        data=f'{{"text":"{text}"}}'.encode(),
        terminal=terminal,
        metadata=Metadata(command="Add", request_id="r-1"),
    )


def unit(
    *events: NewEvent,
    to: str = "cart-1",
    expect: Expectation = Expect.ANY,
    stream: str = "log",
    workflow: str | None = "Cart",
    settling: Sequence[Settlement] = (),
) -> Unit:
    append = Append(
        stream=stream, workflow=workflow, workflow_id=to, expect=expect, events=tuple(events)
    )
    return Unit(appends=(append,) if events else (), settlements=tuple(settling))


def feed(
    subscription: str = "reader",
    *,
    consumer: str | None = None,
    stream: str = "log",
    events: tuple[str, ...] | None = ("Added",),
    start: Start | None = None,
    order: Order = Order.WORKFLOW,
    in_flight: int = LIMIT,
    run: int = 1,
    after_dead_letter: AfterDeadLetter = AfterDeadLetter.CONTINUE,
) -> Feed:
    return Feed(
        key=FeedKey(subscription, consumer),
        stream=stream,
        events=None if events is None else frozenset(events),
        start=start or (FromBeginning() if stream == "log" else FromLatest()),
        order=order,
        in_flight=in_flight,
        ack_timeout=30.0,
        run=run,
        after_dead_letter=after_dead_letter,
    )


def unit_with_key(
    key: str,
    *events: NewEvent,
    to: str = "cart-1",
    expect: Expectation = Expect.ANY,
    fingerprint: bytes = b"body",
    content: bytes = b"answer",
) -> Unit:
    idempotency = IdempotencyKey(key, Answer(fingerprint, content))
    return replace(unit(*events, to=to, expect=expect), key=idempotency)


def sent(key: str, attempts: int = 0) -> SentCommand:
    return SentCommand(key=key, name="Buy", body=b"{}", request_id="r-1", attempts=attempts)


def connection(session: str, consumer: str = "ann", key: FeedKey | None = None) -> Connection:
    return Connection(session, key or FeedKey("reader", consumer), consumer)


async def claim(store: Store, key: FeedKey, holder: str = ME, limit: int = LIMIT) -> list[Claim]:
    return list((await store.claim(key, holder, limit)).claims)


def offsets(claims: Sequence[Claim]) -> list[int]:
    return [one.event.offset for one in claims]
