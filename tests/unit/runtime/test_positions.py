"""How far subscriptions are, what stands still, and what an operator does about it."""

import asyncio

import pytest
from headwater import (
    FromBeginning,
    FromLatest,
    FromOffset,
    Position,
    ReplayUnavailableError,
    Stall,
    SubscriptionInUseError,
    UnknownSubscriptionError,
)

from tests.support.virtual_app import VirtualApp
from tests.unit.runtime.test_groups import Handlers, MakeApp, Move, make_app, traffic
from tests.unit.runtime.test_operating import Choosy, app, database, handlers, named, place

__all__ = ["app", "database", "handlers", "make_app"]


async def position(app: VirtualApp, name: str, *, watch: float = 0.0) -> Position:
    looking = asyncio.create_task(app.positions(named(app, name), watch=watch))
    while not looking.done():
        await app.advance(1.0)
    [found] = looking.result()
    return found


async def test_a_position_tells_lag_and_the_age_of_the_oldest_event_that_waits(
    app: VirtualApp,
) -> None:
    await app.pause(named(app, "packing"))
    await place(app, 1)
    await app.advance(60)
    await place(app, 2)

    found = await position(app, "packing")

    assert (found.position, found.lag, found.in_hand) == (0, 2, 0)
    assert found.oldest_age == pytest.approx(60, abs=5)
    assert found.members == ("order-service",)
    assert (found.is_paused, found.stalled) == (True, None)
    await app.resume(named(app, "packing"))
    await app.wait_until_idle()
    found = await position(app, "packing")
    assert (found.position, found.lag, found.oldest_age) == (2, 0, None)


async def test_dead_letters_are_counted_and_those_behind_others_too(
    app: VirtualApp, handlers: Choosy
) -> None:
    handlers.refused = {1}
    await place(app, 1, 2)

    found = await position(app, "packing")

    assert (found.dead_letters, found.behind, found.lag) == (1, 0, 0)


async def test_what_waits_is_stalled_if_nobody_reads(app: VirtualApp) -> None:
    """A consumer with a cursor of its own and no session."""
    subscription = named(app, "audit")
    async with app.subscribe(subscription, consumer="ann"):
        pass
    assert (await position(app, "audit")).stalled is None, "nothing waits"
    await place(app, 1)

    found = await position(app, "audit")

    assert (found.consumer, found.lag, found.members) == ("ann", 1, ())
    assert found.stalled is Stall.NOBODY_READS
    await app.pause(subscription)
    assert (await position(app, "audit")).stalled is None


async def test_what_is_not_settled_while_it_is_watched_is_stalled(app: VirtualApp) -> None:
    subscription = named(app, "audit")
    async with app.subscribe(subscription, consumer="ann") as events:
        await place(app, 1, 2)
        await anext(events)

        assert (await position(app, "audit")).stalled is None, "one look can't tell"
        found = await position(app, "audit", watch=20.0)
        assert (found.in_hand, found.stalled) == (1, Stall.NOTHING_SETTLED)

        looking = asyncio.create_task(app.positions(subscription, watch=20.0))
        await app.advance(1.0)
        await anext(events)
        await app.advance(20.0)
        assert [one.stalled for one in await looking] == [None]


async def test_of_all_subscriptions_those_that_were_read_are_told(app: VirtualApp) -> None:
    await place(app, 1)

    found = {one.subscription for one in await app.positions()}

    assert "packing" in found
    assert "audit" not in found


async def test_a_group_has_a_position_for_each_partition_with_its_owner(
    make_app: MakeApp,
) -> None:
    async with make_app() as app, app.subscribe(traffic(app), consumer="ann"):
        await app.advance(1)
        await app.execute(Move(car="a", to=1))

        found = await app.positions()

        assert [one.partition for one in found] == list(range(64))
        assert {one.owner for one in found} == {"ann"}
        assert sum(one.lag for one in found) == 1


async def test_a_reset_delivers_again_to_handlers(app: VirtualApp, handlers: Choosy) -> None:
    subscription = named(app, "packing")
    await place(app, 1, 2, 3)
    with pytest.raises(SubscriptionInUseError):
        await app.reset(subscription, to=FromOffset(2))
    [planned] = await app.reset(subscription, to=FromOffset(2), dry_run=True)
    assert (planned.before, planned.after, planned.again) == (3, 1, 2)
    await app.pause(subscription)

    assert await app.reset(subscription, to=FromOffset(2)) == [planned]

    assert handlers.packed == [1, 2, 3]
    await app.resume(subscription)
    await app.wait_until_idle()
    assert handlers.packed == [1, 2, 3, 2, 3]
    assert [(one.what, one.actor) for one in await app.acts()] == [
        ("pause", "order-service"),
        ("reset", "order-service"),
        ("resume", "order-service"),
    ]


async def test_a_reset_is_of_one_consumer_or_of_all(app: VirtualApp) -> None:
    subscription = named(app, "audit")
    with pytest.raises(UnknownSubscriptionError):
        await app.reset(subscription, to=FromLatest())
    for name in ("ann", "bob"):
        async with app.subscribe(subscription, consumer=name):
            pass
    await place(app, 1, 2)

    [one] = await app.reset(subscription, to=FromLatest(), consumer="ann")
    both = await app.reset(subscription, to=FromBeginning())

    assert (one.key.consumer, one.skipped) == ("ann", 2)
    assert [(each.key.consumer, each.again) for each in both] == [("ann", 2), ("bob", 0)]
    for wrong in ({"consumer": "eve"}, {"partition": 3}):
        with pytest.raises(UnknownSubscriptionError):
            await app.reset(subscription, to=FromLatest(), **wrong)  # type: ignore[arg-type]
    with pytest.raises(UnknownSubscriptionError):
        await app.reset(named(app, "packing"), to=FromLatest(), consumer="ann")


async def test_what_waits_in_a_queue_can_only_be_skipped(app: VirtualApp) -> None:
    with pytest.raises(ReplayUnavailableError, match="only be skipped"):
        await app.reset(named(app, "quote-desk"), to=FromBeginning(), forced=True)


async def test_members_of_a_group_go_on_from_where_it_was_reset_to(make_app: MakeApp) -> None:
    handlers = Handlers()
    async with make_app(handlers, handler="follow") as app:
        for to in (1, 2):
            await app.execute(Move(car="a", to=to))
        await app.advance(1)
        assert handlers.seen == [("a", 1), ("a", 2)]
        await app.pause(traffic(app))

        resets = await app.reset(traffic(app), to=FromBeginning())

        assert sum(one.again for one in resets) == 2
        await app.resume(traffic(app))
        await app.advance(30)
        assert handlers.seen == [("a", 1), ("a", 2), ("a", 1), ("a", 2)]
