"""Consumer groups: who has which workflows, what comes in which order, and what a death costs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from headwater import (
    Command,
    CommandContext,
    CommandDefinition,
    CommandKind,
    Delivery,
    DeliveryLostError,
    Event,
    EventContext,
    Mode,
    Retry,
    Service,
    Session,
    StoreUnavailableError,
    Stream,
    StreamType,
    Subscription,
    Workflow,
    WorkflowDefinition,
)
from headwater.stores.groups import partition_of
from headwater.subscriptions.heartbeat import SESSION_LIFETIME
from headwater.subscriptions.membership import Membership

from tests.support.virtual_app import VirtualApp
from tests.support.waiting import eventually


class Moved(Event):
    event_name = "Moved"
    event_version = 1
    to: int


class Stopped(Event):
    event_name = "Stopped"
    event_version = 1


class Move(Command[None]):
    command_name = "Move"
    car: str
    to: int


class Stop(Command[None]):
    command_name = "Stop"
    car: str


class CarWorkflow(Workflow[Moved | Stopped]):
    workflow_name = "Car"


@dataclass
class Handlers:
    """Handlers that a test can have fail, or wait."""

    seen: list[tuple[str, int]] = field(default_factory=list)  # car and place
    fails: set[tuple[str, int]] = field(default_factory=set)
    gate: asyncio.Event | None = None

    async def move(self, command: Move, workflow: CarWorkflow, context: CommandContext) -> None:
        workflow.emit(Moved(to=command.to))

    async def stop(self, command: Stop, workflow: CarWorkflow, context: CommandContext) -> None:
        workflow.emit(Stopped())

    async def follow(self, event: Moved, context: EventContext) -> None:
        self.seen.append((context.workflow_id, event.to))
        if self.gate is not None:
            await self.gate.wait()
        if (context.workflow_id, event.to) in self.fails:
            raise ValueError("off the road")


def car_service(**changes: Any) -> Service[Any]:
    options: dict[str, Any] = {
        "mode": Mode.CONSUMER_GROUP,
        "retry": Retry(attempts=2, initial=1.0, maximum=1.0),
        "ack_timeout": 5.0,
        "handler": None,
    }
    return Service(
        format=1,
        name="cars",
        streams=(Stream("road", StreamType.PERSISTENT),),
        workflows=(WorkflowDefinition(CarWorkflow, stream="road", events=(Moved, Stopped)),),
        commands=(
            CommandDefinition(
                Move,
                CommandKind.STARTS_OR_CONTINUES,
                workflow=CarWorkflow,
                handler="move",
                id_field="car",
            ),
            CommandDefinition(
                Stop,
                CommandKind.STARTS_OR_CONTINUES,
                workflow=CarWorkflow,
                handler="stop",
                id_field="car",
            ),
        ),
        subscriptions=(
            Subscription(name="traffic", stream="road", events=(Moved,), **(options | changes)),
        ),
    )


MakeApp = Callable[..., VirtualApp]


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def make_app(request: pytest.FixtureRequest, tmp_path: Path) -> MakeApp:
    """Apps on one database."""
    database = "memory://"
    if request.param == "sqlite":
        database = f"sqlite:///{tmp_path}/cars.db"
    elif request.param == "postgres":
        database = request.getfixturevalue("postgres_url")

    seeds = count()

    def make(handlers: Handlers | None = None, **changes: Any) -> VirtualApp:
        return VirtualApp(
            car_service(**changes),
            handlers=handlers or Handlers(),
            database=database,
            seed=next(seeds),
        )

    return make


def traffic(app: VirtualApp) -> Subscription[Any]:
    return app.service.subscriptions[0]


async def move(app: VirtualApp, car: str, *places: int) -> None:
    for place in places:
        await app.execute(Move(car=car, to=place))


def membership(session: Session[Any]) -> Membership:
    source = session._reader.source
    assert isinstance(source, Membership)
    return source


async def divided(*sessions: Session[Any], into: list[int]) -> None:
    """Return once the sessions own so many partitions each."""
    await eventually(lambda: sorted(len(membership(one).partitions) for one in sessions) == into)


def owner_of(car: str, *sessions: Session[Any]) -> Session[Any]:
    [owner] = [one for one in sessions if partition_of(car) in membership(one).partitions]
    return owner


def cars_of(session: Session[Any], count: int) -> list[str]:
    """Cars whose events this session gets."""
    theirs = membership(session).partitions
    names = (f"car-{number}" for number in range(10_000))
    found = (name for name in names if partition_of(name) in theirs)
    return [next(found) for _ in range(count)]


async def next_of(session: Session[Any]) -> Delivery[Any]:
    async with asyncio.timeout(10):
        return await anext(session.deliveries())


async def test_each_member_gets_the_events_of_its_workflows_in_order(make_app: MakeApp) -> None:
    async with make_app() as app, AsyncExitStack() as stack:
        members = [
            await stack.enter_async_context(app.subscribe(traffic(app), consumer=name))
            for name in ("ann", "bob", "cid")
        ]
        await divided(*members, into=[21, 21, 22])
        cars = [f"car-{number}" for number in range(12)]
        for place in (1, 2, 3):
            for car in cars:
                await move(app, car, place)
        for member in members:
            theirs = [car for car in cars if owner_of(car, *members) is member]
            seen: dict[str, list[int]] = {car: [] for car in theirs}
            for _ in range(3 * len(theirs)):
                delivery = await next_of(member)
                seen[delivery.context.workflow_id].append(delivery.event.to)
                await delivery.ack()
            assert seen == {car: [1, 2, 3] for car in theirs}
        assert (await app.progress(traffic(app))).pending == 0


async def test_a_handler_keeps_the_order_of_each_workflow_with_many_at_once(
    make_app: MakeApp,
) -> None:
    handlers = Handlers()
    async with make_app(handlers, handler="follow", concurrency=8) as app:
        cars = [f"car-{number}" for number in range(10)]
        for place in range(5):
            for car in cars:
                await move(app, car, place)
        await app.wait_until_idle()

    assert len(handlers.seen) == 50
    for car in cars:
        assert [place for name, place in handlers.seen if name == car] == [0, 1, 2, 3, 4]


async def test_who_joins_takes_over_only_what_is_not_in_hand(make_app: MakeApp) -> None:
    """What is in hand is settled by who has it; then its partition changes hands."""
    async with (
        make_app(concurrency=64) as app,
        app.subscribe(traffic(app), consumer="ann") as ann,
        AsyncExitStack() as stack,
    ):
        await divided(ann, into=[64])
        cars = [f"car-{number}" for number in range(2_000)]
        of_each = {partition_of(car): car for car in cars}
        assert len(of_each) == 64
        for car in of_each.values():
            await move(app, car, 1, 2)
        deliveries = ann.deliveries()
        in_hand = [await anext(deliveries) for _ in range(64)]

        bob = await stack.enter_async_context(app.subscribe(traffic(app), consumer="bob"))
        assert membership(bob).partitions == ()
        for delivery in in_hand:
            await delivery.ack()
        await divided(ann, bob, into=[32, 32])

        for member in (ann, bob):
            firsts = [await next_of(member) for _ in range(32)]
            assert {one.event.to for one in firsts} == {2}
            assert {partition_of(one.context.workflow_id) for one in firsts} == {
                *membership(member).partitions
            }


async def test_who_leaves_leaves_all_to_the_others(make_app: MakeApp) -> None:
    async with make_app() as app, app.subscribe(traffic(app), consumer="ann") as ann:
        async with app.subscribe(traffic(app), consumer="bob") as bob:
            await divided(ann, bob, into=[32, 32])
            [car] = cars_of(bob, 1)
            await move(app, car, 1, 2)
            await (await next_of(bob)).ack()
        await divided(ann, into=[64])
        second = await next_of(ann)
        assert (second.event.to, second.context.attempt) == (2, 1)


async def test_members_above_the_limit_stand_by(make_app: MakeApp) -> None:
    async with (
        make_app(max_consumers=1) as app,
        app.subscribe(traffic(app), consumer="ann") as ann,
        AsyncExitStack() as stack,
    ):
        bob = await stack.enter_async_context(app.subscribe(traffic(app), consumer="bob"))
        await divided(ann, bob, into=[0, 64])
        await ann.__aexit__(None, None, None)
        await divided(bob, into=[64])
        await stack.aclose()
        await ann.__aenter__()


async def test_a_member_that_may_be_taken_for_dead_takes_nothing_until_it_has_its_share(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others may have its partitions by then: it would only find out when it settles."""
    handlers = Handlers()
    async with make_app(handlers, handler="follow") as app:
        await move(app, "car-1", 1)
        await app.wait_until_idle()

        async def unheard(*arguments: Any, **options: Any) -> Any:
            raise StoreUnavailableError("not now")

        with monkeypatch.context() as patched:
            patched.setattr(app._store, "heartbeat", unheard, raising=False)
            await app.advance(SESSION_LIFETIME)
            await move(app, "car-1", 2)
            await app.wait_until_idle()
            assert handlers.seen == [("car-1", 1)]

        await app.advance(SESSION_LIFETIME / 3)
        await app.wait_until_idle()
        assert handlers.seen == [("car-1", 1), ("car-1", 2)]


async def test_of_a_member_that_died_the_events_in_hand_have_failed(make_app: MakeApp) -> None:
    """It is noticed when its session ends; its partitions are then with the others."""
    async with make_app() as app, AsyncExitStack() as stack:
        dead = app.subscribe(traffic(app), consumer="dead")
        await dead.__aenter__()
        await move(app, "car-1", 1, 2)
        late = await next_of(dead)
        membership(dead).forget()  # nobody beats for it any more
        ann = await stack.enter_async_context(app.subscribe(traffic(app), consumer="ann"))

        async def is_taken_over() -> bool:
            await app.advance(SESSION_LIFETIME)
            return len(membership(ann).partitions) == 64

        await eventually(is_taken_over)
        first = await next_of(ann)
        assert first.event.to == 1
        with pytest.raises(DeliveryLostError):
            await late.ack()
        await first.ack()
        assert (await next_of(ann)).event.to == 2


async def test_a_poisoned_workflow_waits_behind_its_dead_letter_and_stops_nobody(
    make_app: MakeApp,
) -> None:
    handlers = Handlers(fails={("car-1", 1)})
    async with make_app(handlers, handler="follow") as app:
        await move(app, "car-1", 1, 2, 3)
        await move(app, "car-2", 1)
        await app.wait_until_idle()
        await app.advance(1.0)
        await app.wait_until_idle()
        assert ("car-2", 1) in handlers.seen
        assert ("car-1", 2) not in handlers.seen
        letters = await app.dead_letters(traffic(app))
        assert [one.event.data for one in letters] == [b'{"to":1}', b'{"to":2}', b'{"to":3}']
        assert letters[0].error == "ValueError: off the road"
        assert letters[1].error == "set aside behind a dead letter of its workflow"
        assert (await app.progress(traffic(app))).pending == 0

        handlers.fails.clear()
        handlers.seen.clear()
        assert await app.requeue(*letters) == 3
        await app.wait_until_idle()
        await move(app, "car-1", 4)
        await app.wait_until_idle()
        assert handlers.seen == [("car-1", place) for place in (1, 2, 3, 4)]
        assert await app.dead_letters(traffic(app)) == []


async def test_acknowledgements_above_the_cursor_survive(make_app: MakeApp) -> None:
    """Of two workflows in one partition the later one is settled first."""
    twins = [f"car-{number}" for number in range(500) if partition_of(f"car-{number}") == 7][:2]
    async with make_app(concurrency=2) as app:
        await move(app, twins[0], 1)
        await move(app, twins[1], 1)
        async with app.subscribe(traffic(app), consumer="ann") as ann:
            deliveries = ann.deliveries()
            _, second = await anext(deliveries), await anext(deliveries)
            await second.ack()
            [partition] = [
                one for one in await app._store.partitions("traffic") if one.partition == 7
            ]
            assert (partition.position, partition.unsettled) == (0, 1)
        async with app.subscribe(traffic(app), consumer="bob") as bob:
            again = await next_of(bob)
            assert again.context.workflow_id == twins[0]
            assert again.context.attempt == 1
            await again.ack()
            assert (await app.progress(traffic(app))).pending == 0


async def test_cursors_pass_what_the_group_does_not_want(make_app: MakeApp) -> None:
    async with make_app() as app:
        async with app.subscribe(traffic(app), consumer="ann") as ann:
            for _ in range(600):
                await app.execute(Stop(car="car-1"))
            await move(app, "car-1", 1)
            await (await next_of(ann)).ack()
        positions = {one.position for one in await app._store.partitions("traffic")}
        assert positions == {601}, "idle partitions too"
        assert (await app.progress(traffic(app))).position == 601


async def test_while_it_is_paused_nothing_is_handed_out(make_app: MakeApp) -> None:
    handlers = Handlers()
    async with make_app(handlers, handler="follow") as app:
        await app.pause(traffic(app))
        await app.wait_until_idle()
        await move(app, "car-1", 1)
        await app.wait_until_idle()
        assert handlers.seen == []
        assert (await app.progress(traffic(app))).pending == 1
        await app.resume(traffic(app))
        await app.wait_until_idle()
        await eventually(lambda: handlers.seen == [("car-1", 1)])


async def test_two_processes_divide_what_there_is(make_app: MakeApp) -> None:
    one, two = Handlers(), Handlers()
    first = make_app(one, handler="follow")
    if first._database == "memory://":
        pytest.skip("a memory store is of one process")
    async with first, make_app(two, handler="follow") as second:

        async def is_divided() -> bool:
            owners = [part.owner for part in await first._store.partitions("traffic")]
            return len({*owners}) == 2 and None not in owners

        await eventually(is_divided)
        cars = [f"car-{number}" for number in range(40)]
        for place in (1, 2):
            for car in cars:
                await move(first, car, place)

        async def is_done() -> bool:
            return (await first.progress(traffic(first))).pending == 0

        await eventually(is_done)
        await second.wait_until_idle()

    assert one.seen
    assert two.seen
    assert {car for car, _ in one.seen}.isdisjoint({car for car, _ in two.seen})
    for seen in (one.seen, two.seen):
        for car in {name for name, _ in seen}:
            assert [place for name, place in seen if name == car] == [1, 2]


async def test_two_groups_of_one_process_read_the_log_once(make_app: MakeApp) -> None:
    """Each page is read by whoever needs it first."""
    async with make_app() as app:
        for number in range(20):
            await move(app, f"car-{number}", 1)
        reads = 0
        read = app._store.read

        async def counted(stream: str, after: int, limit: int) -> Any:
            nonlocal reads
            reads += 1
            return await read(stream, after, limit)

        app._store.read = counted  # type: ignore[method-assign]
        async with (
            app.subscribe(traffic(app), consumer="ann") as ann,
            app.subscribe(traffic(app), consumer="bob") as bob,
        ):
            await divided(ann, bob, into=[32, 32])
            for member in (ann, bob):
                theirs = [
                    number
                    for number in range(20)
                    if partition_of(f"car-{number}") in membership(member).partitions
                ]
                for _ in theirs:
                    await (await next_of(member)).ack()
        assert reads <= 3


async def test_what_others_change_is_not_mixed_with_what_is_being_written(
    make_app: MakeApp,
) -> None:
    """The store tells of a requeued letter, and of an event that is settled before it is heard."""
    first, second, third = [
        name for name in (f"car-{number}" for number in range(900)) if partition_of(name) == 7
    ][:3]
    async with (
        make_app(concurrency=3) as app,
        app.subscribe(traffic(app), consumer="ann") as ann,
    ):
        for car in (first, second, third):
            await move(app, car, 1)
        deliveries = ann.deliveries()
        poisoned, late, done = [await anext(deliveries) for _ in range(3)]
        await done.ack()
        await poisoned.nack(requeue=False)
        [letter] = await app.dead_letters(traffic(app))

        told = asyncio.Event()
        balance = app._store.balance

        async def balance_slowly(*arguments: Any) -> Any:
            share = await balance(*arguments)
            if share.taken and not told.is_set():
                told.set()
                await late.ack()
            return share

        app._store.balance = balance_slowly  # type: ignore[method-assign]
        assert await app.requeue(letter) == 1
        again = await next_of(ann)
        assert told.is_set()
        assert again.context.workflow_id == first
        await again.ack()
        assert (await app.progress(traffic(app))).pending == 0
        await move(app, first, 2)
        assert (await next_of(ann)).event.to == 2, "what was settled does not come again"


async def test_a_workflow_with_many_events_does_not_keep_others_of_its_partition_waiting(
    make_app: MakeApp,
) -> None:
    """While its first event waits for a retry, those behind it are more than a page of the log."""
    busy, other = [
        name for name in (f"car-{number}" for number in range(900)) if partition_of(name) == 7
    ][:2]
    async with (
        make_app(concurrency=2) as app,
        app.subscribe(traffic(app), consumer="ann") as ann,
    ):
        await move(app, busy, *range(300))
        await move(app, other, 1)
        await (await next_of(ann)).nack()
        assert (await next_of(ann)).context.workflow_id == other


async def test_what_is_in_hand_for_too_long_keeps_no_partition_from_changing_hands(
    make_app: MakeApp,
) -> None:
    """Its consumer asks for nothing, so nobody but the membership itself notices."""
    async with (
        make_app(concurrency=64) as app,
        app.subscribe(traffic(app), consumer="ann") as ann,
        AsyncExitStack() as stack,
    ):
        of_each = {partition_of(car): car for car in (f"car-{one}" for one in range(2_000))}
        for car in of_each.values():
            await move(app, car, 1)
        deliveries = ann.deliveries()
        stuck = [await anext(deliveries) for _ in range(64)]
        bob = await stack.enter_async_context(app.subscribe(traffic(app), consumer="bob"))
        owned = membership(ann)._owned.values()
        await eventually(lambda: sum(one.is_draining for one in owned) == 32)
        assert membership(bob).partitions == ()
        app.clock.advance(5.0)
        await divided(ann, bob, into=[32, 32])
        assert (await next_of(bob)).context.attempt == 2
        for delivery in stuck:
            with pytest.raises(DeliveryLostError):
                await delivery.ack()
