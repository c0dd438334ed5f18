"""Mode by stream type by delivery: what each combination promises, on every store."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from headwater import (
    Command,
    CommandContext,
    CommandDefinition,
    CommandKind,
    DeliverySemantics,
    EventContext,
    Mode,
    Retry,
    Service,
    Session,
    Stream,
    StreamType,
    Subscription,
    WorkflowDefinition,
)
from headwater.testing import MemoryApp

from tests.support.orders import Quote, QuoteGiven, QuoteWorkflow
from tests.support.virtual_app import VirtualApp

TABLE = list(product(Mode, StreamType, DeliverySemantics))
AT_LEAST_ONCE = [row for row in TABLE if row[2] is DeliverySemantics.AT_LEAST_ONCE]
AT_MOST_ONCE = [row for row in TABLE if row[2] is DeliverySemantics.AT_MOST_ONCE]


@dataclass
class Case:
    """A service with one stream and one subscription, and a handler that a test can break."""

    mode: Mode
    stream_type: StreamType
    delivery: DeliverySemantics
    seen: list[tuple[int, int]] = field(default_factory=list)  # price and attempt
    failures: dict[int, int] = field(default_factory=dict)  # price → how often it fails
    gate: asyncio.Event | None = None  # what the handler waits for
    done: list[int] = field(default_factory=list)  # prices
    database: str = "memory://"

    async def quote(self, command: Quote, workflow: QuoteWorkflow, context: CommandContext) -> str:
        workflow.emit(QuoteGiven(price=command.price))
        return workflow.id

    async def take(self, event: QuoteGiven, context: EventContext) -> None:
        self.seen.append((event.price, context.attempt))
        if self.failures.get(event.price, 0) > 0:
            self.failures[event.price] -= 1
            raise ValueError(f"cannot take {event.price}")
        if self.gate is not None:
            await self.gate.wait()
        self.done.append(event.price)

    @property
    def subscription(self) -> Subscription[QuoteGiven]:
        return Subscription(
            name="taker",
            stream="quotes",
            mode=self.mode,
            events=(QuoteGiven,),
            retry=Retry(attempts=3, initial=1.0, maximum=8.0),
            ack_timeout=5.0,
        )

    def app(self, *, with_handler: bool = True, **changes: Any) -> MemoryApp[Any]:
        subscription = replace(
            self.subscription, handler="take" if with_handler else None, **changes
        )
        service: Service[Any] = Service(
            format=1,
            name="table",
            streams=(Stream("quotes", self.stream_type, self.delivery),),
            workflows=(WorkflowDefinition(QuoteWorkflow, stream="quotes", events=(QuoteGiven,)),),
            commands=(
                CommandDefinition(
                    Quote, CommandKind.STARTS, workflow=QuoteWorkflow, handler="quote"
                ),
            ),
            subscriptions=(subscription,),
        )
        return VirtualApp(service, handlers=self, database=self.database)


def subscription_of(app: MemoryApp[Any]) -> Subscription[Any]:
    return app.service.subscriptions[0]


async def quote(app: MemoryApp[Any], *prices: int) -> None:
    for price in prices:
        command: Command[str] = Quote(price=price)
        await app.execute(command)


async def take(events: AsyncIterator[QuoteGiven], count: int) -> list[int]:
    """The next prices, the last of them not acknowledged."""
    return [(await anext(events)).price for _ in range(count)]


async def until_somebody_waits_for(app: MemoryApp[Any], session: Session[Any]) -> None:
    """Return once the session has looked for events, found none, and waits for a change."""
    changes = app._store.changes(session._reader.feed.key)
    async with asyncio.timeout(5):
        while not changes._waiting:  # noqa: ASYNC110  (nothing tells that somebody waits)
            await asyncio.sleep(0.001)


def row(rows: list[tuple[Mode, StreamType, DeliverySemantics]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "case",
        [Case(*row) for row in rows],
        ids=["-".join(part.value for part in row) for row in rows],
    )


@pytest.fixture(params=["memory", "sqlite", "postgres"], autouse=True)
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    if "case" in request.fixturenames:
        case = request.getfixturevalue("case")
        case.seen, case.failures, case.gate, case.done = [], {}, None, []
        if request.param == "postgres":
            case.database = request.getfixturevalue("postgres_url")
        else:
            in_file = request.param == "sqlite"
            case.database = f"sqlite:///{tmp_path}/table.db" if in_file else "memory://"


@row(TABLE)
async def test_a_handler_gets_every_event_once_and_in_order(case: Case) -> None:
    async with case.app() as app:
        await quote(app, 1, 2, 3)
        await app.wait_until_idle()

    assert case.seen == [(1, 1), (2, 1), (3, 1)]


@row(TABLE)
async def test_an_iterator_gets_every_event_once_and_in_order(case: Case) -> None:
    async with (
        case.app(with_handler=False) as app,
        app.subscribe(subscription_of(app), consumer="ann") as events,
    ):
        await quote(app, 1, 2, 3)
        assert await take(aiter(events), 3) == [1, 2, 3]


@row(TABLE)
async def test_consumers_get_copies_in_broadcast_and_compete_in_exclusive(case: Case) -> None:
    async with case.app(with_handler=False) as app:
        subscription = subscription_of(app)
        async with (
            app.subscribe(subscription, consumer="ann") as ann,
            app.subscribe(subscription, consumer="bob") as bob,
        ):
            await quote(app, 1, 2)
            first, second = await take(aiter(ann), 1), await take(aiter(bob), 1)

    assert (first, second) == (([1], [1]) if case.mode is Mode.BROADCAST else ([1], [2]))


@row(AT_LEAST_ONCE)
async def test_at_least_once_a_failed_event_comes_again_after_its_back_off(case: Case) -> None:
    case.failures = {1: 2}
    async with case.app() as app:
        await quote(app, 1)
        await app.wait_until_idle()
        assert case.seen == [(1, 1)]
        await app.advance(0.49)
        assert case.seen == [(1, 1)], "the first wait is between half a second and a second"
        await app.advance(0.51)
        assert case.seen == [(1, 1), (1, 2)]
        await app.advance(0.99)
        assert len(case.seen) == 2, "the second wait is between one and two seconds"
        await app.advance(1.01)
        assert case.seen == [(1, 1), (1, 2), (1, 3)]
        assert await app.dead_letters(subscription_of(app)) == []


@row(AT_LEAST_ONCE)
async def test_at_least_once_an_event_is_a_dead_letter_after_the_last_attempt(case: Case) -> None:
    case.failures = {1: 99}
    async with case.app() as app:
        await quote(app, 1, 2)
        for _ in range(4):
            await app.advance(8)

        [letter] = await app.dead_letters(subscription_of(app))
        assert (letter.attempts, letter.error) == (3, "ValueError: cannot take 1")
    assert [attempt for price, attempt in case.seen if price == 1] == [1, 2, 3]
    assert (2, 1) in case.seen


@row(AT_MOST_ONCE)
async def test_at_most_once_a_failed_event_does_not_come_again(case: Case) -> None:
    case.failures = {1: 1}
    async with case.app() as app:
        await quote(app, 1, 2)
        await app.advance(60)

        assert await app.dead_letters(subscription_of(app)) == []
    assert case.seen == [(1, 1), (2, 1)]


@row(AT_LEAST_ONCE)
async def test_at_least_once_an_event_in_hand_when_the_session_ends_comes_again(
    case: Case,
) -> None:
    async with case.app(with_handler=False) as app:
        subscription = subscription_of(app)
        async with app.subscribe(subscription, consumer="ann") as events:
            await quote(app, 1, 2)
            await take(aiter(events), 2)
        async with app.subscribe(subscription, consumer="ann") as events:
            assert await take(aiter(events), 1) == [2]


@row(AT_MOST_ONCE)
async def test_at_most_once_an_event_in_hand_when_the_session_ends_does_not_come_again(
    case: Case,
) -> None:
    async with case.app(with_handler=False) as app:
        subscription = subscription_of(app)
        async with app.subscribe(subscription, consumer="ann") as events:
            await quote(app, 1, 2)
            await take(aiter(events), 1)
        async with app.subscribe(subscription, consumer="ann") as events:
            assert await take(aiter(events), 1) == [2]


@row(AT_LEAST_ONCE)
async def test_at_least_once_an_unacknowledged_delivery_is_redelivered_after_ack_timeout(
    case: Case,
) -> None:
    async with case.app(with_handler=False) as app:
        subscription = subscription_of(app)
        async with (
            app.subscribe(subscription, consumer="ann") as stuck,
            app.subscribe(subscription, consumer="ann") as other,
        ):
            await quote(app, 1)
            await take(aiter(stuck), 1)
            waiting = asyncio.ensure_future(anext(other.deliveries()))
            await until_somebody_waits_for(app, other)
            app.clock.advance(5)
            again = await waiting
            assert (again.event.price, again.context.attempt) == (1, 2)


@row(TABLE)
async def test_a_session_that_opens_late_sees_what_its_stream_still_has(case: Case) -> None:
    """An exclusive queue is there from the start; a broadcast one from when its consumer is."""
    async with case.app(with_handler=False) as app:
        await quote(app, 1)
        async with app.subscribe(subscription_of(app), consumer="ann") as events:
            await quote(app, 2)
            first = await take(aiter(events), 1)
        dropped = (await app.statistics("quotes")).dropped

    missed = case.mode is Mode.BROADCAST and case.stream_type is StreamType.EPHEMERAL
    assert (first, dropped) == (([2], 1) if missed else ([1], 0))


@row(TABLE)
async def test_a_stream_keeps_consumed_events_if_it_is_persistent(case: Case) -> None:
    async with case.app() as app:
        await quote(app, 1, 2)
        await app.wait_until_idle()
        length = (await app.statistics("quotes")).length

    assert length == (2 if case.stream_type is StreamType.PERSISTENT else 0)


@row(AT_MOST_ONCE)
async def test_at_most_once_a_handler_has_all_the_time_it_needs(case: Case) -> None:
    """Its event would be lost if it were cancelled."""
    case.gate = asyncio.Event()
    async with case.app() as app:
        await quote(app, 1)
        async with asyncio.timeout(5):
            while not case.seen:  # noqa: ASYNC110  (nothing tells that the handler has begun)
                await asyncio.sleep(0.001)
        app.clock.advance(60)
        for _ in range(10):
            await asyncio.sleep(0)
        case.gate.set()
        await app.wait_until_idle()

    assert case.done == [1]
