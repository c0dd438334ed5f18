"""What a store promises of claims that take several events of one lane, to settle them together."""

from headwater.stores.contract import (
    Acknowledge,
    Committed,
    FeedKey,
    FeedStatistics,
    Order,
    PutBack,
    SetAside,
    Settlement,
    Store,
    Unit,
)
from headwater.testing import VirtualClock

from .examples import claim, feed, new_event, offsets, unit

__all__ = ["RunCases"]

READER = FeedKey("reader")


class RunCases:
    """They come in order, and who has them has the lane."""

    async def settle(self, store: Store, *settlements: Settlement) -> None:
        [outcome] = await store.commit([Unit(settlements=settlements)])
        assert isinstance(outcome, Committed)

    async def test_a_run_takes_several_events_of_one_lane_and_no_more_than_it_may(
        self, store: Store
    ) -> None:
        await store.register(feed(run=2))
        await store.commit([unit(new_event(), to=name) for name in "aaabab"])

        mine = await claim(store, READER)

        assert offsets(mine) == [1, 2, 4, 6]

    async def test_a_run_in_stream_order_leaves_nothing_out(self, store: Store) -> None:
        await store.register(feed(order=Order.STREAM, run=4))
        await store.commit([unit(new_event(), to=name) for name in "abcab"])

        assert offsets(await claim(store, READER)) == [1, 2, 3, 4]

    async def test_a_run_is_as_long_as_the_claim_s_limit_allows(self, store: Store) -> None:
        await store.register(feed(order=Order.STREAM, run=100))
        await store.commit([unit(new_event(), to=name) for name in "abcab"])

        assert offsets(await claim(store, READER, limit=3)) == [1, 2, 3]

    async def test_who_has_part_of_a_lane_has_all_of_it(self, store: Store) -> None:
        """Also from itself: the next claim brings only other lanes, until all of it is settled."""
        await store.register(feed(run=2))
        await store.commit([unit(new_event(), to=name) for name in "aaaab"])
        first, second = await claim(store, READER, limit=2)
        assert offsets([first, second]) == [1, 2]

        assert offsets(await claim(store, READER, holder="other#1")) == [5]
        await self.settle(store, Acknowledge(first))
        assert await claim(store, READER) == []
        await self.settle(store, Acknowledge(second))

        assert offsets(await claim(store, READER)) == [3, 4]

    async def test_a_run_that_is_put_back_is_handed_out_again_in_order(self, store: Store) -> None:
        await store.register(feed(run=3))
        await store.commit([unit(new_event(), to=name) for name in "aaa"])
        claims = await claim(store, READER)

        await self.settle(store, *(PutBack(one, failed=False) for one in reversed(claims)))

        assert offsets(await claim(store, READER, limit=1)) == [1]
        assert await claim(store, READER) == []

    async def test_what_waits_for_its_retry_ends_the_run_before_it(
        self, store: Store, clock: VirtualClock
    ) -> None:
        await store.register(feed(run=3))
        await store.commit([unit(new_event(), to=name) for name in "aaa"])
        first, second, third = await claim(store, READER)
        await self.settle(
            store,
            PutBack(first, failed=False),
            PutBack(second, failed=True, delay=5.0),
            PutBack(third, failed=False),
        )

        [first] = await claim(store, READER)
        assert first.event.offset == 1
        await self.settle(store, Acknowledge(first))
        assert await claim(store, READER) == []
        clock.advance(5.0)

        assert [(one.event.offset, one.attempt) for one in await claim(store, READER)] == [
            (2, 2),
            (3, 1),
        ]

    async def test_a_run_that_nobody_settles_ends_as_a_whole_and_each_event_has_failed(
        self, store: Store, clock: VirtualClock
    ) -> None:
        await store.register(feed(run=3))
        await store.commit([unit(new_event(), to=name) for name in "aa"])
        await claim(store, READER)
        clock.advance(30.1)

        again = await claim(store, READER, holder="other#1")

        assert [(one.event.offset, one.attempt) for one in again] == [(1, 2), (2, 2)]

    async def test_a_dead_letter_that_comes_back_waits_for_who_has_its_lane_and_goes_first(
        self, store: Store
    ) -> None:
        await store.register(feed(run=2))
        await store.commit([unit(new_event(), to=name) for name in "aaaa"])
        first, second = await claim(store, READER)
        await self.settle(store, SetAside(first, "no"), Acknowledge(second))
        third, fourth = await claim(store, READER)
        [letter] = await store.dead_letters("reader")
        await store.requeue([letter.id])
        assert await claim(store, READER) == []

        await self.settle(store, PutBack(third, failed=False), PutBack(fourth, failed=False))

        assert offsets(await claim(store, READER)) == [1, 3]

    async def test_a_run_counts_against_what_its_holder_may_have(self, store: Store) -> None:
        await store.register(feed(run=3, in_flight=2))
        await store.commit([unit(new_event(), to=name) for name in "aaab"])

        mine = await claim(store, READER)
        theirs = await claim(store, READER, holder="other#1")

        assert (offsets(mine), offsets(theirs)) == ([1, 2], [4])
        assert await store.feed(READER) == FeedStatistics(0, 3, 4)
