"""Mode by stream type by delivery: what each combination promises, on every store."""

import asyncio
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from headwater import (
    Command,
    CommandContext,
    CommandDefinition,
    CommandKind,
    ConfigurationError,
    ConnectionUnavailableError,
    Delivery,
    DeliveryLostError,
    DeliverySemantics,
    EventContext,
    Mode,
    Retry,
    Service,
    Session,
    Stream,
    StreamType,
    Subscription,
    TransactionRequiredError,
    WorkflowDefinition,
)
from headwater.testing import MemoryApp
from sqlalchemy import text

from tests.support.orders import Quote, QuoteGiven, QuoteWorkflow
from tests.support.virtual_app import VirtualApp
from tests.support.waiting import eventually

EVERYTHING = list(product(Mode, StreamType, DeliverySemantics))
REFUSED = [row for row in EVERYTHING if row[0].needs_a_log and row[1] is StreamType.EPHEMERAL]
TABLE = [row for row in EVERYTHING if row not in REFUSED]
AT_LEAST_ONCE = [row for row in TABLE if row[2] is DeliverySemantics.AT_LEAST_ONCE]
AT_MOST_ONCE = [row for row in TABLE if row[2] is DeliverySemantics.AT_MOST_ONCE]
EXACTLY_ONCE = [row for row in TABLE if row[2] is DeliverySemantics.EXACTLY_ONCE]
REPEATED = [*AT_LEAST_ONCE, *EXACTLY_ONCE]  # what failed comes again
GROUPS = [row for row in TABLE if row[0] is Mode.CONSUMER_GROUP]


def others(rows: list[Any]) -> list[Any]:
    """Those whose consumers do not divide the workflows among themselves."""
    return [row for row in rows if row not in GROUPS]


# What has to be said of each row, by the tests of this module.
SUBJECTS = ("handler", "iterator", "failure", "last attempt", "session's end", "time limit")

CREATE = text("CREATE TABLE IF NOT EXISTS effects (price INTEGER NOT NULL)")
INSERT = text("INSERT INTO effects (price) VALUES (:price)")
SELECT = text("SELECT price FROM effects ORDER BY price")


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
    executed: list[int] = field(default_factory=list)  # of commands that the handler sent
    writes: bool = False  # whether the handler does, and sends a command, before it may fail
    database: str = "memory://"

    @property
    def is_in_memory(self) -> bool:
        return self.database == "memory://"

    async def quote(self, command: Quote, workflow: QuoteWorkflow, context: CommandContext) -> str:
        if command.price < 0:
            self.executed.append(-command.price)
        else:
            workflow.emit(QuoteGiven(price=command.price))
        return workflow.id

    async def take(self, event: QuoteGiven, context: EventContext) -> None:
        self.seen.append((event.price, context.attempt))
        if self.writes:
            context.send(Quote(price=-event.price))
            if not self.is_in_memory:
                await write(await context.connection(), event.price)
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


async def write(connection: Any, price: int) -> None:
    await connection.execute(CREATE)
    await connection.execute(INSERT, {"price": price})


async def effects(app: MemoryApp[Any]) -> list[int]:
    """The prices that are written, looked at in a transaction that changes nothing."""
    loan = await app._store.begin()
    try:
        await loan.connection.execute(CREATE)
        return list((await loan.connection.execute(SELECT)).scalars())
    finally:
        loan.roll_back()
        await loan.ended


async def forget_effects(url: str) -> None:
    """Ours alone are emptied between tests."""
    connection = await asyncpg.connect(url)
    await connection.execute("DROP TABLE IF EXISTS effects")
    await connection.close()


async def take(session: Session[Any], count: int) -> list[int]:
    """The next prices, the last of them not acknowledged.

    Exactly once they are acknowledged with an effect; in memory, where a loop can have none, each
    is set aside.
    """
    if not session._reader.needs_transaction:
        events = aiter(session)
        return [(await anext(events)).price for _ in range(count)]
    prices: list[int] = []
    async for delivery in session.deliveries():
        prices.append(delivery.event.price)
        if len(prices) == count:
            break
        await settle(delivery)
    return prices


async def settle(delivery: Delivery[Any]) -> None:
    """Have the effect of the event, together with its acknowledgement, where that can be."""
    try:
        await delivery.context.connection()
    except ConnectionUnavailableError:
        await delivery.nack(requeue=False)
    else:
        await work(delivery)


async def work(delivery: Delivery[Any], *, then: Exception | None = None) -> None:
    """What a loop does with an event: it writes and sends a command in a transaction."""
    async with delivery.transaction() as connection:
        await write(connection, delivery.event.price)
        delivery.context.send(Quote(price=-delivery.event.price))
        if then is not None:
            raise then


async def until_somebody_waits_for(app: MemoryApp[Any], session: Session[Any]) -> None:
    """Return once the session has looked for events, found none, and waits for a change."""
    changes = session._reader.source.changes()
    async with asyncio.timeout(5):
        while not changes._waiting:  # noqa: ASYNC110  (nothing tells that somebody waits)
            await asyncio.sleep(0.001)


Row = tuple[Mode, StreamType, DeliverySemantics]
SAID: dict[str, set[Row]] = {subject: set() for subject in SUBJECTS}


def row(rows: list[Row], about: str | None = None) -> pytest.MarkDecorator:
    if about is not None:
        SAID[about] |= set(rows)
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
        case.executed, case.writes = [], False
        if request.param == "postgres":
            case.database = request.getfixturevalue("postgres_url")
            request.getfixturevalue("postgres").run(forget_effects(case.database))
        else:
            in_file = request.param == "sqlite"
            case.database = f"sqlite:///{tmp_path}/table.db" if in_file else "memory://"


@row(TABLE, "handler")
async def test_a_handler_gets_every_event_once_and_in_order(case: Case) -> None:
    async with case.app() as app:
        await quote(app, 1, 2, 3)
        await app.wait_until_idle()

    assert case.seen == [(1, 1), (2, 1), (3, 1)]


@row(TABLE, "iterator")
async def test_an_iterator_gets_every_event_once_and_in_order(case: Case) -> None:
    async with (
        case.app(with_handler=False) as app,
        app.subscribe(subscription_of(app), consumer="ann") as events,
    ):
        await quote(app, 1, 2, 3)
        assert await take(events, 3) == [1, 2, 3]


@row(REFUSED)
async def test_a_mode_that_needs_a_log_is_refused_on_an_ephemeral_stream(case: Case) -> None:
    app = case.app()
    with pytest.raises(ConfigurationError, match=r"needs? a persistent stream"):
        await app.__aenter__()


@row(GROUPS)
async def test_the_consumers_of_a_group_divide_the_workflows_among_themselves(case: Case) -> None:
    async with case.app(with_handler=False) as app:
        subscription = subscription_of(app)
        async with (
            app.subscribe(subscription, consumer="ann") as ann,
            app.subscribe(subscription, consumer="bob") as bob,
        ):
            both = [one._reader.source for one in (ann, bob)]
            await eventually(lambda: [len(one.partitions) for one in both] == [32, 32])
            assert {*both[0].partitions, *both[1].partitions} == {*range(64)}


@row(others(TABLE))
async def test_consumers_get_copies_in_broadcast_and_compete_in_exclusive(case: Case) -> None:
    async with case.app(with_handler=False) as app:
        subscription = subscription_of(app)
        async with (
            app.subscribe(subscription, consumer="ann") as ann,
            app.subscribe(subscription, consumer="bob") as bob,
        ):
            await quote(app, 1, 2)
            first, second = await take(ann, 1), await take(bob, 1)

    assert (first, second) == (([1], [1]) if case.mode.has_own_cursors else ([1], [2]))


@row(REPEATED, "failure")
async def test_a_failed_event_comes_again_after_its_back_off(case: Case) -> None:
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


@row(REPEATED, "last attempt")
async def test_an_event_is_a_dead_letter_after_the_last_attempt(case: Case) -> None:
    case.failures = {1: 99}
    async with case.app() as app:
        await quote(app, 1, 2)
        for _ in range(4):
            await app.advance(8)

        [letter] = await app.dead_letters(subscription_of(app))
        assert (letter.attempts, letter.error) == (3, "ValueError: cannot take 1")
    assert [attempt for price, attempt in case.seen if price == 1] == [1, 2, 3]
    assert (2, 1) in case.seen


@row(AT_MOST_ONCE, "failure")
async def test_at_most_once_a_failed_event_does_not_come_again(case: Case) -> None:
    case.failures = {1: 1}
    async with case.app() as app:
        await quote(app, 1, 2)
        await app.advance(60)

        assert await app.dead_letters(subscription_of(app)) == []
    assert case.seen == [(1, 1), (2, 1)]


@row(REPEATED, "session's end")
async def test_an_event_in_hand_when_the_session_ends_comes_again(
    case: Case,
) -> None:
    async with case.app(with_handler=False) as app:
        subscription = subscription_of(app)
        async with app.subscribe(subscription, consumer="ann") as events:
            await quote(app, 1, 2)
            await take(events, 2)
        async with app.subscribe(subscription, consumer="ann") as events:
            assert await take(events, 1) == [2]


@row(AT_MOST_ONCE, "session's end")
async def test_at_most_once_an_event_in_hand_when_the_session_ends_does_not_come_again(
    case: Case,
) -> None:
    async with case.app(with_handler=False) as app:
        subscription = subscription_of(app)
        async with app.subscribe(subscription, consumer="ann") as events:
            await quote(app, 1, 2)
            await take(events, 1)
        async with app.subscribe(subscription, consumer="ann") as events:
            assert await take(events, 1) == [2]


@row([row for row in GROUPS if row in REPEATED], "time limit")
async def test_in_a_group_an_unacknowledged_delivery_comes_again_to_its_partitions_owner(
    case: Case,
) -> None:
    async with (
        case.app(with_handler=False) as app,
        app.subscribe(subscription_of(app), consumer="ann") as events,
    ):
        await quote(app, 1)
        deliveries = events.deliveries()
        late = await anext(deliveries)
        waiting = asyncio.ensure_future(anext(deliveries))
        await until_somebody_waits_for(app, events)
        app.clock.advance(5)
        again = await waiting
        assert (again.event.price, again.context.attempt) == (1, 2)
        with pytest.raises(DeliveryLostError):
            await late.nack()


@row(others(REPEATED), "time limit")
async def test_an_unacknowledged_delivery_is_redelivered_after_ack_timeout(
    case: Case,
) -> None:
    async with case.app(with_handler=False) as app:
        subscription = subscription_of(app)
        async with (
            app.subscribe(subscription, consumer="ann") as stuck,
            app.subscribe(subscription, consumer="ann") as other,
        ):
            await quote(app, 1)
            await take(stuck, 1)
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
            first = await take(events, 1)
        dropped = (await app.statistics("quotes")).dropped

    missed = case.mode.has_own_cursors and case.stream_type is StreamType.EPHEMERAL
    assert (first, dropped) == (([2], 1) if missed else ([1], 0))


@row(TABLE)
async def test_a_stream_keeps_consumed_events_if_it_is_persistent(case: Case) -> None:
    async with case.app() as app:
        await quote(app, 1, 2)
        await app.wait_until_idle()
        length = (await app.statistics("quotes")).length

    assert length == (2 if case.stream_type is StreamType.PERSISTENT else 0)


@row(AT_MOST_ONCE, "time limit")
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


@row(EXACTLY_ONCE)
async def test_exactly_once_a_handler_that_fails_leaves_one_effect(case: Case) -> None:
    """It has written and sent a command each time; what it did before it failed is undone."""
    case.failures, case.writes = {1: 2}, True
    async with case.app() as app:
        await quote(app, 1, 2)
        await app.wait_until_idle()
        await app.advance(8)
        await app.advance(8)

        assert sorted(case.seen) == [(1, 1), (1, 2), (1, 3), (2, 1)]
        assert sorted(case.executed) == [1, 2]
        if not case.is_in_memory:
            assert await effects(app) == [1, 2]


@row(EXACTLY_ONCE)
async def test_exactly_once_a_handler_that_is_too_late_leaves_one_effect(case: Case) -> None:
    case.gate, case.writes = asyncio.Event(), True
    async with case.app() as app:
        await quote(app, 1)
        async with asyncio.timeout(5):
            while not case.seen:  # noqa: ASYNC110  (nothing tells that the handler has begun)
                await asyncio.sleep(0.001)
        app.clock.advance(5)
        case.gate = None
        await app.wait_until_idle()
        await app.advance(8)

        assert case.seen == [(1, 1), (1, 2)]
        assert case.executed == [1]
        if not case.is_in_memory:
            assert await effects(app) == [1]


@row(EXACTLY_ONCE)
async def test_exactly_once_an_iterator_acknowledges_together_with_its_effect(case: Case) -> None:
    """In memory there is nothing to write to, and so nothing to promise: it is refused."""
    async with case.app(with_handler=False) as app:
        subscription = subscription_of(app)
        async with app.subscribe(subscription, consumer="ann") as events:
            await quote(app, 1, 2)
            deliveries = events.deliveries()
            first = await anext(deliveries)
            if case.is_in_memory:
                with pytest.raises(ConnectionUnavailableError):
                    await work(first)
                return
            await work(first)
        async with app.subscribe(subscription, consumer="ann") as events:
            assert await take(events, 1) == [2]
        await app.wait_until_idle()

        assert (await effects(app), case.executed) == ([1], [1])


@row(EXACTLY_ONCE)
async def test_exactly_once_what_an_iterator_wrote_is_undone_if_its_block_raises(
    case: Case,
) -> None:
    """And it counts as a failure, also where the block could not begin."""
    async with case.app(with_handler=False) as app:
        async with app.subscribe(subscription_of(app), consumer="ann") as events:
            await quote(app, 1)
            deliveries = events.deliveries()
            first = await anext(deliveries)
            expected = ConnectionUnavailableError if case.is_in_memory else ZeroDivisionError
            with pytest.raises(expected):
                await work(first, then=ZeroDivisionError())
            assert first.is_settled
            app.clock.advance(1)
            again = await anext(deliveries)
            assert again.context.attempt == 2
        await app.wait_until_idle()

        assert case.executed == []
        if not case.is_in_memory:
            assert await effects(app) == []


@row(others(EXACTLY_ONCE))
async def test_exactly_once_an_iterator_that_has_lost_its_event_writes_nothing(case: Case) -> None:
    if case.is_in_memory:
        return  # an iterator has no transaction there, as the test before says
    async with case.app(with_handler=False) as app:
        subscription = subscription_of(app)
        async with (
            app.subscribe(subscription, consumer="ann") as stuck,
            app.subscribe(subscription, consumer="ann") as other,
        ):
            await quote(app, 1)
            late = await anext(stuck.deliveries())
            waiting = asyncio.ensure_future(anext(other.deliveries()))
            await until_somebody_waits_for(app, other)
            app.clock.advance(5)
            await settle(await waiting)
            with pytest.raises(DeliveryLostError):
                await work(late)
        await app.wait_until_idle()

        assert (await effects(app), case.executed) == ([1], [1])


@row(EXACTLY_ONCE)
async def test_exactly_once_an_iterator_acknowledges_nothing_outside_of_a_transaction(
    case: Case,
) -> None:
    """Neither by hand nor by asking for the next: nothing is taken, and nothing settled."""
    async with (
        case.app(with_handler=False) as app,
        app.subscribe(subscription_of(app), consumer="ann") as events,
    ):
        await quote(app, 1)
        with pytest.raises(TransactionRequiredError):
            await anext(events)
        delivery = await anext(events.deliveries())
        with pytest.raises(TransactionRequiredError):
            await delivery.ack()
        assert not delivery.is_settled
        await delivery.release()
        assert (await anext(events.deliveries())).context.attempt == 1


def test_each_row_has_its_cases() -> None:
    """What a new mode, kind of stream or delivery promises is tested, or this fails."""
    SAID["last attempt"] |= set(AT_MOST_ONCE)  # there is one attempt: what is said of failures
    assert {subject: set(TABLE) for subject in SUBJECTS} == SAID
    assert {*AT_LEAST_ONCE, *AT_MOST_ONCE, *EXACTLY_ONCE, *REFUSED} == set(EVERYTHING)
