"""What becomes of events that a service does not know: never misread, never dropped silently.

Two releases of one service share a store: the newer one records what the older has never seen.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeAlias
from uuid import uuid4

import pytest
from headwater import (
    ConfigurationError,
    DeadLetter,
    DeliverySemantics,
    Event,
    EventContext,
    FeedStatistics,
    Metadata,
    Mode,
    OnUnknown,
    Service,
    Stream,
    StreamType,
    Subscription,
    Upcasting,
    Workflow,
    WorkflowDefinition,
)
from headwater.evolution import Fields, conversion
from headwater.stores.contract import Append, NewEvent, Store, Unit
from headwater.stores.memory import MemoryStore
from headwater.testing import MemoryApp, VirtualClock
from headwater.testing.observed import Observed


class PricedV1(Event):
    event_name: ClassVar[str] = "Priced"
    event_version: ClassVar[int] = 1

    cents: int


class PricedV2(Event):
    event_name: ClassVar[str] = "Priced"
    event_version: ClassVar[int] = 2

    price: str


class Sold(Event):
    event_name: ClassVar[str] = "Sold"
    event_version: ClassVar[int] = 1

    to: str


class ItemWorkflow(Workflow[Any]):
    workflow_name: ClassVar[str] = "Item"


class Handlers(Protocol):
    watching: Callable[[Any, EventContext], Awaitable[None]]


class Watcher:
    """Remembers what it was given, in the order it came."""

    def __init__(self) -> None:
        self.seen: list[Event] = []

    async def watching(self, event: Event, context: EventContext) -> None:
        self.seen.append(event)


_PRICE = conversion(2, "convert cents", "minor_units_to_decimal")
UPCASTING: Upcasting = {
    ("Priced", 1, 2): lambda data: {"price": _PRICE(data["cents"])},
    ("Priced", 2, 1): lambda data: {"cents": 0},
}
WATCHING: Subscription[Event] = Subscription(
    name="watching",
    stream="items",
    mode=Mode.EXCLUSIVE,
    events=(PricedV1,),
    whole_stream=True,
    handler="watching",
)


def release(
    *events: type[Event], wanted: tuple[type[Event], ...], upcasting: Upcasting, **settings: Any
) -> Service[Handlers]:
    return Service(
        format=1,
        name="item-service",
        streams=(Stream("items", StreamType.PERSISTENT),),
        workflows=(WorkflowDefinition(ItemWorkflow, stream="items", events=events),),
        subscriptions=(replace(WATCHING, events=wanted, **settings),),
        upcasting=upcasting,
    )


def older(**settings: Any) -> Service[Handlers]:
    return release(PricedV1, wanted=(PricedV1,), upcasting={}, **settings)


def newer(upcasting: Upcasting = UPCASTING, **settings: Any) -> Service[Handlers]:
    wanted: tuple[type[Event], ...] = (PricedV2, Sold)
    if settings.get("whole_stream") is False:
        wanted = (PricedV2,)
    return release(PricedV1, PricedV2, Sold, wanted=wanted, upcasting=upcasting, **settings)


class Release(MemoryApp[Handlers]):
    """An app on a store that outlives it."""

    def __init__(self, service: Service[Handlers], watcher: Watcher, shop: Shop) -> None:
        self._shop = shop
        super().__init__(service, handlers=watcher, database=shop.database)

    def _open_database(self, database: str) -> Store:
        self._clock = self.clock = self._shop.clock
        if self._shop.memory is None:
            return super()._open_database(database)
        self._observed = Observed(self._shop.memory)
        return self._observed.store

    async def record(self, name: str, version: int, data: bytes, item: str = "1") -> None:
        """Append what some release of the service has recorded."""
        event = NewEvent(uuid4(), name, version, data, terminal=False, metadata=Metadata())
        append = Append(stream="items", workflow="Item", workflow_id=item, events=(event,))
        await self._store.commit([Unit(appends=(append,))])
        await self.advance(0)

    @property
    def watching(self) -> Subscription[Event]:
        return self.service.subscriptions[0]

    async def letters(self) -> list[DeadLetter]:
        return await self.dead_letters(self.watching)

    async def stands(self) -> FeedStatistics:
        return await self.progress(self.watching)


class Shop:
    """A store, and its releases one after the other."""

    def __init__(self, database: str) -> None:
        self.database = database
        self.clock = VirtualClock()
        self.memory = MemoryStore(self.clock) if database == "memory://" else None

    def runs(self, service: Service[Handlers], watcher: Watcher | None = None) -> Release:
        return Release(service, watcher or Watcher(), self)


@pytest.fixture(params=["memory", "sqlite"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Shop:
    return Shop("memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/items.db")


Unknown: TypeAlias = tuple[str, int, bytes]
NEWER_VERSION: Unknown = ("Priced", 2, b'{"price": "12.50"}')
NEW_NAME: Unknown = ("Sold", 1, b'{"to": "Ada"}')
KNOWN: Unknown = ("Priced", 1, b'{"cents": 5}')


@pytest.mark.parametrize(
    ("unknown", "reason"),
    [
        (NEWER_VERSION, "the newest version that the service knows is 1"),
        (NEW_NAME, "the service has no such event"),
    ],
)
async def test_by_default_what_the_service_does_not_know_is_a_dead_letter_at_once(
    shop: Shop, unknown: Unknown, reason: str
) -> None:
    """With its bytes; a release that knows it is given it when it is requeued, and what waited."""
    watcher = Watcher()
    async with shop.runs(older(), watcher) as app:
        await app.record(*unknown)
        await app.record("Priced", 1, b'{"cents": 7}')
        await app.record(*KNOWN, item="2")
        letter, behind = await app.letters()
        assert behind.behind
        assert reason in letter.error
        assert (letter.event.name, letter.event.version, letter.event.data) == unknown
        assert letter.attempts == 1
        assert watcher.seen == [PricedV1(cents=5)]

    async with shop.runs(newer(), watcher) as app:
        await app.requeue(letter)
        await app.advance(0)
        assert not await app.letters()
    assert watcher.seen[1:] == [
        PricedV2(price="12.50") if unknown[0] == "Priced" else Sold(to="Ada"),
        PricedV2(price="0.07"),
    ]


@pytest.mark.parametrize("unknown", [NEWER_VERSION, NEW_NAME])
async def test_held_events_wait_in_their_lane_for_a_release_that_knows_them(
    shop: Shop, unknown: Unknown
) -> None:
    """What follows in the same workflow waits with it, others go on; it is counted."""
    watcher = Watcher()
    async with shop.runs(older(on_unknown=OnUnknown.HOLD), watcher) as app:
        await app.record(*unknown)
        await app.record(*KNOWN)
        await app.record("Priced", 1, b'{"cents": 7}', item="2")
        await app.advance(60)
        assert watcher.seen == [PricedV1(cents=7)]
        assert await app.stands() == FeedStatistics(0, 0, 2, held=1)
        assert not await app.letters()

    async with shop.runs(newer(on_unknown=OnUnknown.HOLD), watcher) as app:
        await app.advance(10)
        assert await app.stands() == FeedStatistics(3, 0, 0)
    assert [type(one) for one in watcher.seen[1:]] == [
        PricedV2 if unknown[0] == "Priced" else Sold,
        PricedV2,
    ]


@pytest.mark.parametrize("mode", [Mode.EXCLUSIVE, Mode.BROADCAST])
async def test_how_many_events_are_held_is_told_until_they_are_handled(
    shop: Shop, mode: Mode
) -> None:
    """Of a broadcast, for all its consumers together."""
    settings: dict[str, Any] = {"mode": mode, "on_unknown": OnUnknown.HOLD}
    async with shop.runs(older(**settings)) as app:
        await app.record(*KNOWN)
        assert await app.held() == {}
        await app.record(*NEW_NAME, item="1")
        await app.record(*NEW_NAME, item="2")
        expected = 2 if mode is Mode.EXCLUSIVE else 1  # a broadcast's events wait for each other
        assert await app.held() == {"watching": expected}

    async with shop.runs(newer(**settings)) as app:
        await app.advance(5.0)
        assert await app.held() == {}


async def test_holding_is_said_once(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    async with shop.runs(older(on_unknown=OnUnknown.HOLD)) as app:
        await app.record(*NEW_NAME)
        await app.advance(60)

    said = [one for one in caplog.records if one.getMessage().startswith("event held")]
    assert [(one.levelname, vars(one)["event"], vars(one)["offset"]) for one in said] == [
        ("ERROR", "Sold", 1)
    ]


async def test_a_held_event_is_never_given_up(shop: Shop) -> None:
    """Holding is no failure: not after any time."""
    async with shop.runs(older(on_unknown=OnUnknown.HOLD)) as app:
        await app.record(*NEW_NAME)
        await app.advance(3600)

        assert await app.stands() == FeedStatistics(0, 0, 1, held=1)
        assert not await app.letters()


@pytest.mark.parametrize("unknown", [NEWER_VERSION, NEW_NAME])
async def test_skipped_events_are_counted_across_restarts(shop: Shop, unknown: Unknown) -> None:
    watcher = Watcher()
    service = older(on_unknown=OnUnknown.SKIP)
    async with shop.runs(service, watcher) as app:
        await app.record(*unknown)
        await app.record(*KNOWN)
        assert await app.stands() == FeedStatistics(2, 0, 0, skipped=1)
    async with shop.runs(service, watcher) as app:
        await app.record(*unknown)
        assert await app.stands() == FeedStatistics(3, 0, 0, skipped=2)
        assert not await app.letters()
    assert watcher.seen == [PricedV1(cents=5)]


@pytest.mark.parametrize("policy", OnUnknown)
async def test_a_list_of_events_passes_other_names_and_asks_for_every_version(
    shop: Shop, policy: OnUnknown
) -> None:
    """`Sold` is not asked for; a newer `Priced` is, and cannot be read."""
    watcher = Watcher()
    async with shop.runs(older(whole_stream=False, on_unknown=policy), watcher) as app:
        await app.record(*NEW_NAME)
        assert await app.stands() == FeedStatistics(1, 0, 0)
        await app.record(*NEWER_VERSION)
        found = await app.stands()
        counted = (len(await app.letters()), found.held, found.skipped)

    assert (
        counted
        == {
            OnUnknown.DEAD_LETTER: (1, 0, 0),
            OnUnknown.HOLD: (0, 1, 0),
            OnUnknown.SKIP: (0, 0, 1),
        }[policy]
    )
    assert watcher.seen == []


async def test_an_event_that_the_other_release_asked_for_is_set_aside(shop: Shop) -> None:
    """It was taken for a release that lists it; this one knows it and has no use for it."""
    async with shop.runs(older(on_unknown=OnUnknown.HOLD)) as app:
        await app.record(*NEW_NAME)
    async with shop.runs(newer(whole_stream=False, on_unknown=OnUnknown.HOLD)) as app:
        await app.advance(10)

        [letter] = await app.letters()
    assert letter.error == "Sold version 1 cannot be read: watching does not ask for it"


async def test_at_most_once_holds_before_it_acknowledges(shop: Shop) -> None:
    watcher = Watcher()
    settings = {"delivery": DeliverySemantics.AT_MOST_ONCE, "on_unknown": OnUnknown.HOLD}
    async with shop.runs(older(**settings), watcher) as app:
        await app.record(*NEW_NAME)
    async with shop.runs(newer(**settings), watcher) as app:
        await app.advance(10)
    assert watcher.seen == [Sold(to="Ada")]


async def test_an_iterator_follows_the_policy(shop: Shop) -> None:
    reading = {"handler": None, "mode": Mode.BROADCAST, "on_unknown": OnUnknown.SKIP}
    async with shop.runs(older(**reading)) as app:
        async with app.subscribe(app.watching, consumer="ann") as events:
            await app.record(*NEW_NAME)
            await app.record(*KNOWN)
            assert await anext(events) == PricedV1(cents=5)
        assert (await app.progress(app.watching, consumer="ann")).skipped == 1


async def test_an_event_that_says_no_version_is_of_version_1(shop: Shop) -> None:
    """As older stores and imports have them: the number is 0 there."""
    watcher = Watcher()
    async with shop.runs(newer(), watcher) as app:
        await app.record("Priced", 0, b'{"cents": 1250}')
        await app.record("Sold", 0, b'{"to": "Ada"}')
        assert [event async for event in app.replay("items")] == watcher.seen
    assert watcher.seen == [PricedV2(price="12.5"), Sold(to="Ada")]


async def test_an_upcast_that_fails_sets_the_event_aside_and_a_mended_one_delivers_it(
    shop: Shop,
) -> None:
    """At once: it would fail the same way again. The letter says version, hop and op."""
    data = b'{"cents": "a lot"}'
    watcher = Watcher()
    async with shop.runs(newer(), watcher) as app:
        await app.record("Priced", 1, data)
        [letter] = await app.letters()
    assert (letter.attempts, letter.event.data) == (1, data)
    assert letter.error.startswith(
        f"Priced version 1 (event {letter.event.id}) failed from 1 to 2 at convert cents: "
    )
    assert "a lot" not in letter.error

    def mended(data: Fields) -> Fields:
        return {"price": str(data["cents"])}

    async with shop.runs(newer({**UPCASTING, ("Priced", 1, 2): mended}), watcher) as app:
        await app.requeue(letter)
        await app.advance(0)
        assert not await app.letters()
    assert watcher.seen == [PricedV2(price="a lot")]


def test_a_subscription_to_the_whole_stream_has_all_its_events() -> None:
    with pytest.raises(ConfigurationError, match="whole stream, and Sold is not among its events"):
        release(PricedV1, Sold, wanted=(PricedV1,), upcasting={})
