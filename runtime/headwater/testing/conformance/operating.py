"""What a store promises its operators: cursors put elsewhere, and a line for each act."""

from uuid import uuid4

import pytest
from headwater.errors import (
    DeliveryLostError,
    EventNotFoundError,
    SubscriptionInUseError,
    UnknownSubscriptionError,
)
from headwater.stores.contract import (
    Acknowledge,
    FeedKey,
    FeedStatistics,
    Order,
    PutBack,
    Rejected,
    SetAside,
    Store,
    Unit,
)
from headwater.stores.groups import PARTITIONS, Group, Progress, partition_key, partition_of
from headwater.stores.operating import Reset
from headwater.streams import (
    AfterDeadLetter,
    FromBeginning,
    FromEventId,
    FromLatest,
    FromOffset,
    FromTimestamp,
    Start,
)
from headwater.testing.clock import VirtualClock

from .examples import claim, connection, feed, new_event, offsets, unit

__all__ = ["OperatingCases"]

KEY = FeedKey("reader")


class OperatingCases:
    """Resets that are whole, fence who reads, and are counted before; acts that are kept."""

    async def reset(
        self,
        store: Store,
        start: Start,
        *keys: FeedKey,
        forced: bool = False,
        dry_run: bool = False,
    ) -> list[Reset]:
        return await store.reset(keys or (KEY,), start, forced=forced, dry_run=dry_run, actor="ada")

    async def half_read(self, store: Store) -> None:
        """Ten events, of two kinds, in two workflows: all wanted ones up to offset 5 are settled
        but offset 3, of which nobody has a claim; offset 7 is settled."""
        await store.register(feed(order=Order.WORKFLOW))
        for place in range(1, 11):
            name = "Removed" if place in {2, 9} else "Added"
            await store.commit([unit(new_event(name), to=f"cart-{place}")])
        claims = await claim(store, KEY, limit=5)
        assert offsets(claims) == [1, 3, 4, 5, 6]
        [seventh] = await claim(store, KEY, limit=1)
        for one in claims:
            if one.event.offset == 3:
                settlement: Acknowledge | PutBack = PutBack(one, failed=True)
            elif one.event.offset == 6:
                settlement = PutBack(one, failed=False)
            else:
                settlement = Acknowledge(one)
            await store.commit([Unit(settlements=(settlement,))])
        await store.commit([Unit(settlements=(Acknowledge(seventh),))])
        assert await store.feed(KEY) == FeedStatistics(2, 0, 4)

    async def rest(self, store: Store, key: FeedKey = KEY) -> list[int]:
        """Offsets of all that is still handed out."""
        seen: list[int] = []
        while claims := await claim(store, key):
            seen += offsets(claims)
            await store.commit([Unit(settlements=tuple(map(Acknowledge, claims)))])
        return sorted(seen)

    @pytest.mark.parametrize(
        ("start", "after", "again", "skipped"),
        [
            (FromBeginning(), 0, [1, 4, 5, 7], []),
            (FromOffset(5), 4, [5, 7], [3]),
            (FromOffset(8), 7, [], [3, 6]),
            (FromOffset(10), 9, [], [3, 6, 8]),
            (FromLatest(), 10, [], [3, 6, 8, 10]),
        ],
    )
    async def test_a_reset_delivers_again_and_skips_just_what_it_says(
        self, store: Store, start: Start, after: int, again: list[int], skipped: list[int]
    ) -> None:
        await self.half_read(store)
        expected = [Reset(key=KEY, before=2, after=after, again=len(again), skipped=len(skipped))]

        assert await self.reset(store, start, dry_run=True) == expected
        assert await store.feed(KEY) == FeedStatistics(2, 0, 4), "a dry run changes nothing"
        assert await store.acts(10) == []
        changes = store.changes(KEY)
        seen = changes.generation
        assert await self.reset(store, start) == expected

        assert changes.generation != seen, "who waits is woken"
        left = sorted(({3, 6, 8, 10} | {*again}) - {*skipped})
        assert (await store.feed(KEY)).pending == len(left)
        assert await self.rest(store) == left
        assert await store.feed(KEY) == FeedStatistics(10, 0, 0)

    async def test_a_reset_is_to_a_time_or_an_event_too(
        self, store: Store, clock: VirtualClock
    ) -> None:
        await store.register(feed())
        await store.commit([unit(new_event())])
        clock.advance(60)
        since = clock.now()
        await store.commit([unit(new_event()), unit(new_event(), to="b")])
        assert await self.rest(store) == [1, 2, 3]
        third = (await store.read("log", 2, 1))[0]

        assert (await self.reset(store, FromTimestamp(since)))[0].again == 2
        assert await self.rest(store) == [2, 3]
        assert (await self.reset(store, FromEventId(third.id)))[0].again == 1
        assert await self.rest(store) == [3]
        with pytest.raises(EventNotFoundError):
            await self.reset(store, FromEventId(uuid4()))

    async def test_what_was_handed_out_before_a_reset_settles_nothing(self, store: Store) -> None:
        """Even if the same event is handed out anew meanwhile."""
        await store.register(feed())
        await store.commit([unit(new_event())])
        [old] = await claim(store, KEY)

        await self.reset(store, FromBeginning(), forced=True)
        [new] = await claim(store, KEY)

        for settlement in (Acknowledge(old), PutBack(old, failed=True), SetAside(old, "no")):
            [outcome] = await store.commit([Unit(settlements=(settlement,))])
            assert isinstance(outcome, Rejected)
            assert isinstance(outcome.error, DeliveryLostError)
        assert await store.feed(KEY) == FeedStatistics(0, 1, 1)
        assert new.attempt == 1
        await store.commit([Unit(settlements=(Acknowledge(new),))])
        assert await store.feed(KEY) == FeedStatistics(1, 0, 0)

    async def test_a_reset_is_refused_while_somebody_reads(
        self, store: Store, clock: VirtualClock
    ) -> None:
        """Unless it is paused and nothing is in hand, or the session has died, or it is forced."""
        await store.register(feed())
        await store.commit([unit(new_event())])
        await store.connect(connection("ann#1", "ann", KEY), lifetime=10, expire_after=None)
        with pytest.raises(SubscriptionInUseError) as refused:
            await self.reset(store, FromLatest())
        assert (refused.value.consumers, refused.value.in_flight) == (("ann",), 0)
        [one] = await claim(store, KEY, "ann#1")
        await store.pause("reader")
        with pytest.raises(SubscriptionInUseError) as refused:
            await self.reset(store, FromLatest())
        assert refused.value.in_flight == 1
        assert await store.feed(KEY) == FeedStatistics(0, 1, 1), "nothing was changed"

        assert (await self.reset(store, FromLatest(), forced=True))[0].skipped == 1
        await self.reset(store, FromBeginning())  # paused, and nothing in hand
        await store.resume("reader")
        with pytest.raises(SubscriptionInUseError):
            await self.reset(store, FromLatest())
        clock.advance(11)
        await self.reset(store, FromLatest())
        [outcome] = await store.commit([Unit(settlements=(Acknowledge(one),))])
        assert isinstance(outcome, Rejected)

    async def test_of_several_cursors_all_are_reset_or_none(self, store: Store) -> None:
        keys = [FeedKey("reader", name) for name in ("ann", "bob")]
        for key in keys:
            await store.register(feed(consumer=key.consumer))
        await store.commit([unit(new_event())])
        assert await self.rest(store, keys[0]) == [1]

        with pytest.raises(UnknownSubscriptionError):
            await self.reset(store, FromBeginning(), *keys, FeedKey("reader", "eve"))
        assert (await store.feed(keys[0])).position == 1
        resets = await self.reset(store, FromBeginning(), *keys)

        assert [(one.before, one.again) for one in resets] == [(1, 1), (0, 0)]
        assert await self.rest(store, keys[0]) == [1]

    async def test_dead_letters_stay_as_they_are(self, store: Store) -> None:
        """What was set aside is delivered again too; behind a letter nothing is set aside twice."""
        await store.register(feed(after_dead_letter=AfterDeadLetter.WAIT))
        await store.commit([unit(new_event(), new_event())])
        [first] = await claim(store, KEY)
        await store.commit([Unit(settlements=(SetAside(first, "no"),))])
        assert await self.rest(store) == []
        before = await store.dead_letters("reader")

        assert (await self.reset(store, FromBeginning()))[0].again == 2

        assert await self.rest(store) == [1]
        assert await store.dead_letters("reader") == before

    async def test_of_a_queue_a_reset_lets_go_what_it_skips(self, store: Store) -> None:
        await store.register(feed(stream="queue"))
        await store.commit([unit(new_event(), new_event(), stream="queue")])

        assert (await self.reset(store, FromLatest()))[0].skipped == 2

        assert await self.rest(store) == []
        assert (await store.statistics("queue")).length == 0

    async def test_a_partition_that_is_reset_has_no_owner_and_refuses_its_progress(
        self, store: Store
    ) -> None:
        group = Group(subscription="reader", stream="log", events=None, start=FromBeginning())
        await store.register_group(group)
        await store.commit([unit(new_event(), to="a"), unit(new_event(), to="b")])
        await store.connect(connection("ann#1", "ann", KEY), lifetime=10, expire_after=None)
        share = await store.balance("reader", "ann#1", {})
        number = partition_of("a")
        [mine] = [one for one in share.taken if one.partition == number]
        done = Progress(subscription="reader", partition=number, epoch=mine.epoch, read_to=2)
        await store.commit([Unit(progress=(done,))])
        key = partition_key("reader", number)
        with pytest.raises(SubscriptionInUseError):
            await self.reset(store, FromBeginning(), key)

        resets = await self.reset(store, FromBeginning(), key, forced=True)

        assert resets == [Reset(key=key, before=2, after=0, again=1, skipped=0)]
        [outcome] = await store.commit([Unit(progress=(done,))])
        assert isinstance(outcome, Rejected)
        assert isinstance(outcome.error, DeliveryLostError)
        known = {one.partition: one.revision for one in share.taken}
        again = await store.balance("reader", "ann#1", known)
        assert {one.partition: one.read_to for one in again.taken} == {number: 0}
        every = [partition_key("reader", one) for one in range(PARTITIONS)]
        resets = await self.reset(store, FromLatest(), *every, forced=True)
        assert sum(one.skipped for one in resets) == 2
        assert {one.after for one in resets} == {2}

    async def test_each_act_that_changes_something_leaves_a_line(
        self, store: Store, clock: VirtualClock
    ) -> None:
        await store.register(feed())
        await store.commit([unit(new_event(), to=name) for name in "ab"])
        for one in await claim(store, KEY):
            await store.commit([Unit(settlements=(SetAside(one, "no"),))])
        first, second = (one.id for one in await store.dead_letters("reader"))

        for _ in range(2):
            await store.pause("reader", actor="ada")
        for _ in range(2):
            await store.resume("reader", actor="ada")
        for _ in range(2):
            await store.requeue([first], actor="ada")
            await store.drop([second], actor="bob")
        clock.advance(60)
        await self.reset(store, FromOffset(2), forced=True)

        acts = await store.acts(10)
        assert [(one.what, one.subject, one.actor) for one in acts] == [
            ("pause", "reader", "ada"),
            ("resume", "reader", "ada"),
            ("requeue", "reader", "ada"),
            ("drop", "reader", "bob"),
            ("reset", "reader", "ada"),
        ]
        assert [one.detail for one in acts[2:4]] == [{"letters": [first]}, {"letters": [second]}]
        assert acts[4].detail == {
            "to": "FromOffset(offset=2)",
            "cursors": {"reader": [0, 1]},
            "again": 1,
            "skipped": 1,
        }
        assert acts[4].at == clock.now()
        assert [one.id for one in acts] == sorted(one.id for one in acts)
        assert await store.acts(2) == acts[3:]

    async def test_who_is_removed_by_an_operator_leaves_a_line(self, store: Store) -> None:
        """A consumer that is forgotten with its session leaves none."""
        for name in ("ann", "bob"):
            await store.register(feed(consumer=name))
        await store.remove_consumer("reader", "bob")
        for _ in range(2):
            await store.remove_consumer("reader", "ann", actor="ada")

        assert [(one.what, one.subject, one.detail, one.actor) for one in await store.acts(10)] == [
            ("unsubscribe", "reader", {"consumer": "ann"}, "ada")
        ]
