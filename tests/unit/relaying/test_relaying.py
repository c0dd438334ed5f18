"""A stream on its way: from a log to the broker, and from the broker into another log."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace

import pytest
from headwater.errors import StoreUnavailableError
from headwater.events import Event
from headwater.evolution import Registry
from headwater.relaying import CircuitState, Ingest, Relay
from headwater.stores.committer import Committer
from headwater.stores.contract import NewEvent, Outcome, Unit
from headwater.stores.memory import MemoryStore
from headwater.streams import Stream, StreamType, Unrouted
from headwater.testing import VirtualClock
from headwater.testing.conformance.examples import STREAMS, new_event, unit
from headwater.transports.broker import Message, Queue, Receipt, Topic
from headwater.transports.memory import MemoryBroker, MemoryTransport

from tests.support.waiting import eventually, until

TOPIC = Topic("shop", "log")
QUEUE = Queue(TOPIC, "analytics", "shop.log.ingest")
REMOTE = Stream("shop/log", StreamType.PERSISTENT)


class Added(Event):
    event_name = "Added"
    event_version = 1
    text: str = ""


class AddedV2(Event):
    event_name = "Added"
    event_version = 2
    words: str = ""


REGISTRY = Registry(
    [Added, AddedV2],
    {
        ("Added", 1, 2): lambda data: {"words": data["text"]},
        ("Added", 2, 1): lambda data: {"text": data["words"]},
    },
)


class ScriptedTransport(MemoryTransport):
    """A broker that answers as it is told, once for each entry; then as it is."""

    def __init__(self, broker: MemoryBroker, clock: VirtualClock) -> None:
        super().__init__(broker, clock)
        self.answers: list[Receipt] = []
        self.batches: list[list[str]] = []  # bodies

    async def publish(
        self, topic: Topic, messages: Sequence[Message], *, deadline: float
    ) -> list[Receipt]:
        self.batches.append([one.body.decode() for one in messages])
        scripted = self.answers[: len(messages)]
        del self.answers[: len(messages)]
        rest = await super().publish(topic, messages[len(scripted) :], deadline=deadline)
        for message, answer in zip(messages, scripted, strict=False):
            if answer is Receipt.UNKNOWN:  # kept, and nobody hears of it
                await super().publish(topic, [message], deadline=deadline)
        return [*scripted, *rest]


@dataclass
class Shop:
    """The service that publishes."""

    clock: VirtualClock
    broker: MemoryBroker = field(default_factory=MemoryBroker)

    def __post_init__(self) -> None:
        self.store = MemoryStore(self.clock)
        self.transport = ScriptedTransport(self.broker, self.clock)
        self.committer = Committer(self.store)

    def relay(self, stream: str = "log", *, version: int = 1, **options: object) -> Relay:
        chance = random.Random(7)  # noqa: S311
        return Relay(
            next(one for one in STREAMS if one.name == stream),
            TOPIC,
            {"Added": version},
            store=self.store,
            committer=self.committer,
            registry=REGISTRY,
            transport=self.transport,
            clock=self.clock,
            chance=chance,
            **options,  # type: ignore[arg-type]
        )

    def arrived(self) -> list[str]:
        """What is in the queue now: the bodies."""
        arrivals = self.broker.take(QUEUE, 1_000)
        self.broker.put_back(QUEUE, arrivals)
        return [one.body.decode() for one in arrivals]


def with_text(text: str, version: int = 1, name: str = "Added") -> NewEvent:
    key = b"text" if version == 1 else b"words"
    return replace(new_event(name, version=version), data=b'{"%s":"%s"}' % (key, text.encode()))


async def add(shop: Shop, *texts: str, to: str = "cart-1", version: int = 1) -> None:
    await shop.store.commit([unit(*(with_text(text, version) for text in texts), to=to)])


@asynccontextmanager
async def running(*tasks: Callable[[], object]) -> AsyncIterator[None]:
    running = [asyncio.ensure_future(task()) for task in tasks]  # type: ignore[arg-type]
    try:
        yield
    finally:
        for one in running:
            one.cancel()
            with suppress(asyncio.CancelledError):
                await one


@pytest.fixture
async def shop() -> Shop:
    shop = Shop(VirtualClock())
    await shop.store.open(STREAMS)
    await shop.transport.open()
    shop.broker.declare(QUEUE)
    return shop


def bodies(*texts: str) -> list[str]:
    return [f'{{"text":"{text}"}}' for text in texts]


async def test_what_was_recorded_before_there_was_a_broker_goes_out_in_order(shop: Shop) -> None:
    await add(shop, "a", "b", "c")
    relay = shop.relay()
    await relay.register()
    async with running(relay.run):
        await until(lambda: len(shop.arrived()) == 3)
        await add(shop, "d")
        await until(lambda: len(shop.arrived()) == 4)
        assert shop.arrived() == bodies("a", "b", "c", "d")
        await eventually(lambda: is_drained(relay))
        state = await relay.state()
        assert (state.position, state.backlog, state.published) == (4, 0, 4)
        assert state.circuit is CircuitState.CLOSED
        assert state.last_published_at == shop.clock.now()


async def test_one_event_of_a_workflow_is_on_its_way_at_a_time(shop: Shop) -> None:
    await add(shop, "a1", "a2", to="a")
    await add(shop, "b1", "b2", to="b")
    relay = shop.relay()
    await relay.register()
    async with running(relay.run):
        await until(lambda: len(shop.arrived()) == 4)
    assert shop.transport.batches == [bodies("a1", "b1"), bodies("a2", "b2")]


@pytest.mark.parametrize("answer", [Receipt.REFUSED, Receipt.UNKNOWN])
async def test_what_the_broker_did_not_confirm_is_sent_again_before_what_came_after(
    shop: Shop, answer: Receipt
) -> None:
    await add(shop, "a1", "a2", to="a")
    await add(shop, "b1", to="b")
    shop.transport.answers = [answer]
    relay = shop.relay()
    await relay.register()
    async with running(relay.run):
        await until(lambda: len(shop.transport.batches) == 1)
        assert (await relay.state()).failing_since == shop.clock.now()
        while not len(shop.transport.batches) >= 3:
            shop.clock.advance(1.0)
            await asyncio.sleep(0)
    of_a = [body for batch in shop.transport.batches for body in batch if "a" in body]
    assert of_a == bodies("a1", "a1", "a2")


async def test_a_broker_that_keeps_nothing_is_tried_with_one_event_at_a_time(shop: Shop) -> None:
    for number in range(5):
        await add(shop, f"w{number}", to=f"w{number}")
    shop.transport.answers = [Receipt.REFUSED] * (3 * 5 + 1)
    relay = shop.relay()
    await relay.register()
    async with running(relay.run):
        while len(shop.transport.batches) < 4:
            shop.clock.advance(5.0)
            await asyncio.sleep(0)
        assert [len(batch) for batch in shop.transport.batches[:4]] == [5, 5, 5, 1]
        state = await relay.state()
        assert state.circuit is CircuitState.OPEN
        while len(shop.arrived()) < 5:
            shop.clock.advance(5.0)
            await asyncio.sleep(0)
        state = await relay.state()
        assert state.circuit is CircuitState.CLOSED
        assert state.failing_since is None


async def test_what_nobody_has_a_queue_for_waits_until_somebody_has(shop: Shop) -> None:
    shop.broker.remove(QUEUE)
    await add(shop, "a")
    relay = shop.relay()
    await relay.register()
    async with running(relay.run):
        await until(lambda: len(shop.transport.batches) == 1)
        assert (await relay.state()).backlog == 1
        shop.broker.declare(QUEUE)
        while not shop.arrived():
            shop.clock.advance(5.0)
            await asyncio.sleep(0)
        assert (await relay.state()).returned == 1
        assert shop.arrived() == bodies("a")


async def test_or_is_dropped_and_counted_if_the_team_says_so(shop: Shop) -> None:
    shop.broker.remove(QUEUE)
    await add(shop, "a")
    relay = shop.relay(unrouted=Unrouted.DROP)
    await relay.register()
    async with running(relay.run):
        await until(lambda: len(shop.transport.batches) == 1)
        await eventually(lambda: is_drained(relay))
        assert (await relay.state()).returned == 1


async def test_events_leave_at_the_version_of_the_contract(shop: Shop) -> None:
    await add(shop, "old", version=1)
    await add(shop, "new", version=2)
    relay = shop.relay(version=1)
    await relay.register()
    async with running(relay.run):
        await until(lambda: len(shop.arrived()) == 2)
    assert shop.arrived() == bodies("old", "new")
    versions = [one.headers["event-version"] for one in shop.broker.take(QUEUE, 2)]
    assert versions == [1, 1]


async def test_an_event_that_the_service_does_not_know_is_held_and_its_workflow_waits(
    shop: Shop,
) -> None:
    await shop.store.commit([unit(with_text("x", name="Renamed"), to="a")])
    await add(shop, "a2", to="a")
    await add(shop, "b1", to="b")
    relay = shop.relay()
    await relay.register()
    async with running(relay.run):
        await until(lambda: bool(shop.arrived()))
        assert shop.arrived() == bodies("b1")

        async def is_held() -> bool:
            statistics = await shop.store.feed(relay.key)
            return (statistics.held, statistics.pending) == (1, 2)

        await eventually(is_held)


async def test_an_event_that_cannot_be_brought_to_the_contract_is_set_aside(shop: Shop) -> None:
    await shop.store.commit([unit(new_event(version=2), to="a")])  # has no `words`
    relay = shop.relay(version=1)
    await relay.register()
    async with running(relay.run):
        await eventually(lambda: is_drained(relay))
    [letter] = await shop.store.dead_letters(relay.key.subscription)
    assert "Added" in letter.error
    assert shop.arrived() == []


async def test_an_ephemeral_stream_is_kept_for_the_relay(shop: Shop) -> None:
    relay = shop.relay("queue")
    await relay.register()
    await shop.store.commit([unit(with_text("a"), stream="queue")])
    async with running(relay.run):
        await until(lambda: len(shop.arrived()) == 1)
    assert shop.arrived() == bodies("a")


async def test_an_append_never_waits_for_the_broker(shop: Shop) -> None:
    await shop.transport.close()
    relay = shop.relay()
    await relay.register()
    async with running(relay.run):
        await add(shop, "a")
        assert shop.transport.batches == []
        await shop.transport.open()
        await until(lambda: len(shop.arrived()) == 1)


async def test_another_process_takes_over_from_one_that_died(shop: Shop) -> None:
    await add(shop, "a1", "a2", to="a")
    dead, heir = shop.relay(), shop.relay()
    await dead.register()
    assert len((await shop.store.claim(dead.key, "relay#dead", 10)).claims) == 1
    async with running(heir.run):
        for _ in range(100):
            await asyncio.sleep(0)
        assert shop.arrived() == [], "its claim holds"
        while len(shop.arrived()) < 2:
            shop.clock.advance(31.0)
            await asyncio.sleep(0)
    assert shop.arrived() == bodies("a1", "a2")


async def test_a_relay_that_is_stopped_settles_what_is_on_its_way(shop: Shop) -> None:
    await add(shop, "a")
    relay = shop.relay()
    await relay.register()
    running = asyncio.create_task(relay.run())
    await until(lambda: len(shop.arrived()) == 1)
    relay.stop()
    async with asyncio.timeout(5.0):
        await running
    assert (await shop.store.feed(relay.key)).claimed == 0


# Taking in


class FailingStore(MemoryStore):
    """Does not write while it is told not to."""

    fails = 0

    async def commit(self, units: Sequence[Unit]) -> list[Outcome]:
        if self.fails:
            self.fails -= 1
            raise StoreUnavailableError("no room")
        return await super().commit(units)


@dataclass
class Analytics:
    """The service that reads."""

    shop: Shop

    def __post_init__(self) -> None:
        self.store = FailingStore(self.shop.clock)
        self.transport = MemoryTransport(self.shop.broker, self.shop.clock)

    def ingest(self) -> Ingest:
        return Ingest(
            TOPIC,
            REMOTE.name,
            "analytics",
            store=self.store,
            transport=self.transport,
            clock=self.shop.clock,
            chance=random.Random(7),  # noqa: S311
        )

    async def log(self) -> list[str]:
        return [one.data.decode() for one in await self.store.read(REMOTE.name, 0, 1_000)]


@pytest.fixture
async def analytics(shop: Shop) -> Analytics:
    analytics = Analytics(shop)
    await analytics.store.open([REMOTE])
    await analytics.transport.open()
    return analytics


async def relayed(shop: Shop) -> None:
    """Have all that is recorded with the broker."""
    relay = shop.relay()
    await relay.register()
    async with running(relay.run):
        await eventually(lambda: is_drained(relay))


async def is_drained(relay: Relay) -> bool:
    return (await relay.state()).backlog == 0


async def until_log(analytics: Analytics, count: int) -> None:
    async with asyncio.timeout(5.0):
        while len(await analytics.log()) < count:
            analytics.shop.clock.advance(1.0)
            await asyncio.sleep(0)


async def test_a_remote_event_is_what_it_was_and_is_taken_in_once(
    shop: Shop, analytics: Analytics
) -> None:
    await add(shop, "a", "b")
    shop.clock.advance(60.0)
    await relayed(shop)
    ingest = analytics.ingest()
    async with running(ingest.run):
        await until_log(analytics, 2)

    [first, second] = await analytics.store.read(REMOTE.name, 0, 10)
    [original, _] = await shop.store.read("log", 0, 10)
    assert (first.offset, second.offset) == (1, 2)
    for name in ("id", "name", "version", "workflow_id", "data"):
        assert getattr(first, name) == getattr(original, name)
    assert first.metadata.occurred_at == original.recorded_at
    assert first.metadata.request_id == original.metadata.request_id
    assert first.workflow is None
    assert shop.arrived() == []


async def test_what_comes_again_is_acknowledged_and_not_written(
    shop: Shop, analytics: Analytics
) -> None:
    await add(shop, "a", "b")
    await relayed(shop)
    copies = shop.broker.take(QUEUE, 10)
    shop.broker.put_back(QUEUE, copies)
    shop.broker.put_back(QUEUE, copies)  # each twice
    ingest = analytics.ingest()
    async with running(ingest.run):
        await until(lambda: ingest.state().repeated == 2)
    assert await analytics.log() == bodies("a", "b")
    assert shop.arrived() == []
    assert ingest.state().taken_in == 2


async def test_while_the_store_does_not_write_nothing_is_acknowledged_and_the_order_stays(
    shop: Shop, analytics: Analytics
) -> None:
    await add(shop, "a", "b", "c")
    await relayed(shop)
    analytics.store.fails = 4
    ingest = analytics.ingest()
    async with running(ingest.run):
        await until(lambda: analytics.store.fails < 4)
        assert await analytics.log() == []
        await until_log(analytics, 3)
        await until(lambda: ingest.state().circuit is CircuitState.CLOSED)
    assert await analytics.log() == bodies("a", "b", "c")


async def test_what_was_not_committed_comes_again_to_the_next_process(
    shop: Shop, analytics: Analytics
) -> None:
    await add(shop, "a")
    await relayed(shop)
    analytics.store.fails = 1_000_000
    async with running(analytics.ingest().run):
        await until(lambda: analytics.store.fails < 1_000_000)
    analytics.store.fails = 0
    async with running(analytics.ingest().run):
        await until_log(analytics, 1)
    assert await analytics.log() == bodies("a")


async def test_a_message_that_is_no_event_is_set_aside_and_holds_up_nothing(
    shop: Shop, analytics: Analytics
) -> None:
    bad = Message(event="Added", workflow_id="1", headers={}, body=b"no")
    assert shop.broker.publish(TOPIC, bad) is Receipt.CONFIRMED
    await add(shop, "a")
    await relayed(shop)
    ingest = analytics.ingest()
    async with running(ingest.run):
        await until_log(analytics, 1)
    [(letter, reason)] = shop.broker.dead_letters(QUEUE)
    assert letter.body == b"no"
    assert "it has no specversion" in reason
    assert ingest.state().set_aside == 1


async def test_another_event_under_an_id_that_is_known_is_set_aside(
    shop: Shop, analytics: Analytics
) -> None:
    await add(shop, "a")
    await relayed(shop)
    [arrival] = shop.broker.take(QUEUE, 1)
    shop.broker.put_back(QUEUE, [arrival])
    headers = {
        name: value for name, value in arrival.headers.items() if isinstance(value, str | int)
    }
    forged = Message(event="Added", workflow_id="1", headers=headers, body=b'{"text":"forged"}')
    shop.broker.publish(TOPIC, forged)
    await add(shop, "b")
    await relayed(shop)
    async with running(analytics.ingest().run):
        await until_log(analytics, 2)
        await until(lambda: bool(shop.broker.dead_letters(QUEUE)))
    assert await analytics.log() == bodies("a", "b")
    [(letter, reason)] = shop.broker.dead_letters(QUEUE)
    assert letter.body == b'{"text":"forged"}'
    assert "another event with the id" in reason
