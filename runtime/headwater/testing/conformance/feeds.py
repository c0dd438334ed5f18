"""What a store promises of feeds: what it hands out, to whom, when, and what comes of it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from headwater.errors import (
    DeliveryLostError,
    UnknownSubscriptionError,
)
from headwater.stores.contract import (
    Acknowledge,
    Committed,
    Expect,
    FeedKey,
    FeedStatistics,
    Order,
    PutBack,
    Rejected,
    SetAside,
    Skip,
    Store,
    Unit,
)
from headwater.streams import (
    FromBeginning,
    FromLatest,
    FromOffset,
    FromTimestamp,
    Start,
)
from headwater.testing.clock import VirtualClock

from .examples import LIMIT, ME, claim, feed, new_event, offsets, unit

__all__ = ["FeedCases"]


class FeedCases:
    """Starts, filters, claims, retries and cursors, on logs and on queues."""

    # Feeds

    async def test_a_feed_hands_out_each_event_until_it_is_acknowledged(self, store: Store) -> None:
        await store.register(feed())
        await store.commit([unit(new_event())])

        [first] = await claim(store, FeedKey("reader"))
        assert (first.event.offset, first.attempt) == (1, 1)
        assert await claim(store, FeedKey("reader")) == []
        await store.commit([Unit(settlements=(Acknowledge(first),))])

        assert await claim(store, FeedKey("reader")) == []
        assert await store.feed(FeedKey("reader")) == FeedStatistics(1, 0, 0)

    async def test_a_feed_starts_where_it_says(self, store: Store, clock: VirtualClock) -> None:
        await store.commit([unit(new_event(), new_event())])
        clock.advance(60)
        since = clock.now()
        await store.commit([unit(new_event(), to="b")])
        starts: dict[Start, list[int]] = {
            FromBeginning(): [1, 2, 3, 4],
            FromLatest(): [4],
            FromOffset(2): [2, 3, 4],
            FromOffset(4): [4],
            FromOffset(9): [],
            FromTimestamp(since): [3, 4],
            FromTimestamp(since + timedelta(seconds=1)): [4],
        }
        for number, start in enumerate(starts):
            await store.register(feed(f"reader-{number}", start=start))
        await store.commit([unit(new_event(), to="c")])

        for number, expected in enumerate(starts.values()):
            key = FeedKey(f"reader-{number}")
            taken: list[int] = []
            while claims := await claim(store, key):
                taken += offsets(claims)
                await store.commit([Unit(settlements=tuple(map(Acknowledge, claims)))])
            assert sorted(taken) == expected

    async def test_a_feed_that_is_registered_again_keeps_its_cursor(self, store: Store) -> None:
        await store.register(feed())
        await store.commit([unit(new_event(), new_event())])
        [first] = await claim(store, FeedKey("reader"))
        await store.commit([Unit(settlements=(Acknowledge(first),))])

        await store.register(feed())

        assert offsets(await claim(store, FeedKey("reader"))) == [2]

    async def test_a_feed_that_was_unregistered_starts_afresh(self, store: Store) -> None:
        await store.register(feed())
        await store.commit([unit(new_event())])
        [first] = await claim(store, FeedKey("reader"))

        await store.unregister(FeedKey("reader"))
        with pytest.raises(UnknownSubscriptionError):
            await store.claim(FeedKey("reader"), ME, 1)
        [outcome] = await store.commit([Unit(settlements=(Acknowledge(first),))])
        assert isinstance(outcome, Rejected)

        await store.register(feed())
        assert offsets(await claim(store, FeedKey("reader"))) == [1]

    async def test_events_that_a_feed_does_not_want_advance_its_cursor(self, store: Store) -> None:
        await store.register(feed())
        await store.commit([unit(new_event("Other"), new_event("Other"))])
        assert (await store.feed(FeedKey("reader"))).position == 2

        await store.commit([unit(new_event(), new_event("Other"), new_event(), to="b")])
        [third] = await claim(store, FeedKey("reader"))
        assert third.event.offset == 3
        await store.commit([Unit(settlements=(Acknowledge(third),))])
        assert offsets(await claim(store, FeedKey("reader"))) == [5]
        assert (await store.feed(FeedKey("reader"))).position == 4

    async def test_the_cursor_passes_unwanted_events_behind_the_last_settled_one(
        self, store: Store
    ) -> None:
        await store.register(feed(stream="queue"))
        await store.commit([unit(new_event(), new_event("Other"), stream="queue")])
        [first] = await claim(store, FeedKey("reader"), limit=1)

        await store.commit([Unit(settlements=(Acknowledge(first),))])

        assert (await store.feed(FeedKey("reader"))).position == 2
        assert (await store.statistics("queue")).length == 0

    @pytest.mark.parametrize("stream", ["log", "queue"])
    async def test_a_feed_of_every_event_passes_none(self, store: Store, stream: str) -> None:
        """Whatever an event is called: nobody has to know it beforehand."""
        await store.register(feed("all", stream=stream, events=None))
        await store.register(feed("some", stream=stream))
        await store.commit([unit(new_event("Unheard-of"), stream=stream)])
        await store.commit([unit(new_event("Added"), stream=stream)])

        assert await store.feed(FeedKey("all")) == FeedStatistics(0, 0, 2)
        [first] = await claim(store, FeedKey("all"))
        assert first.event.name == "Unheard-of"
        await store.commit([Unit(settlements=(Acknowledge(first),))])
        [second] = await claim(store, FeedKey("all"))
        assert second.event.name == "Added"
        await store.commit([Unit(settlements=(Acknowledge(second),))])
        assert await store.feed(FeedKey("all")) == FeedStatistics(2, 0, 0)
        assert await store.feed(FeedKey("some")) == FeedStatistics(1, 0, 1)

    async def test_a_feed_can_come_to_want_every_event(self, store: Store) -> None:
        await store.register(feed())
        await store.register(feed(events=None))
        await store.commit([unit(new_event("Unheard-of")), unit(new_event("Added"))])
        [first] = await claim(store, FeedKey("reader"))

        assert first.event.name == "Unheard-of"

    async def test_every_event_wakes_a_feed_that_wants_them_all(self, store: Store) -> None:
        await store.register(feed(events=None))
        changes = store.changes(FeedKey("reader"))
        seen = changes.generation

        await store.commit([unit(new_event("Unheard-of"))])

        assert changes.generation > seen

    async def test_a_held_event_waits_in_its_lane_and_is_counted(
        self, store: Store, clock: VirtualClock
    ) -> None:
        """It is no failure: it comes again as the same attempt, however often it is put back."""
        await store.register(feed())
        await store.commit([unit(new_event(), new_event()), unit(new_event(), to="cart-2")])
        first, other = await claim(store, FeedKey("reader"))
        hold = PutBack(first, failed=False, delay=5.0, held=True)
        await store.commit([Unit(settlements=(hold, Acknowledge(other)))])

        assert await store.feed(FeedKey("reader")) == FeedStatistics(0, 0, 2, held=1)
        assert await claim(store, FeedKey("reader")) == []
        clock.advance(5.0)
        [again] = await claim(store, FeedKey("reader"))
        assert (again.event, again.attempt) == (first.event, 1)
        assert await store.feed(FeedKey("reader")) == FeedStatistics(0, 1, 2, held=1)
        await store.commit([Unit(settlements=(replace(hold, claim=again),))])
        assert await store.feed(FeedKey("reader")) == FeedStatistics(0, 0, 2, held=1)

        clock.advance(5.0)
        [again] = await claim(store, FeedKey("reader"))
        await store.commit([Unit(settlements=(Acknowledge(again),))])
        assert await store.feed(FeedKey("reader")) == FeedStatistics(1, 0, 1)

    async def test_what_was_held_and_is_put_back_otherwise_is_not_held_any_more(
        self, store: Store, clock: VirtualClock
    ) -> None:
        await store.register(feed())
        await store.commit([unit(new_event())])
        [first] = await claim(store, FeedKey("reader"))
        hold = PutBack(first, failed=False, delay=5.0, held=True)
        await store.commit([Unit(settlements=(hold,))])
        clock.advance(5.0)
        [again] = await claim(store, FeedKey("reader"))
        await store.commit([Unit(settlements=(PutBack(again, failed=True),))])

        assert await store.feed(FeedKey("reader")) == FeedStatistics(0, 0, 1)

    async def test_skipped_events_are_passed_and_counted(self, store: Store) -> None:
        await store.register(feed())
        await store.commit([unit(new_event(), to="a"), unit(new_event(), to="b")])
        first, second = await claim(store, FeedKey("reader"))
        await store.commit([Unit(settlements=(Skip(first),))])

        assert await store.feed(FeedKey("reader")) == FeedStatistics(1, 1, 1, skipped=1)
        await store.commit([Unit(settlements=(Skip(second),))])
        assert await store.feed(FeedKey("reader")) == FeedStatistics(2, 0, 0, skipped=2)
        [lost] = await store.commit([Unit(settlements=(Skip(second),))])
        assert isinstance(lost, Rejected)
        assert (await store.feed(FeedKey("reader"))).skipped == 2
        assert await store.dead_letters("reader") == []

    async def test_the_cursor_does_not_pass_an_unsettled_event(self, store: Store) -> None:
        await store.register(feed())
        await store.commit([unit(new_event(), to=name) for name in "abc"])
        first, second, third = await claim(store, FeedKey("reader"))

        await store.commit([Unit(settlements=(Acknowledge(second), Acknowledge(third)))])
        assert await store.feed(FeedKey("reader")) == FeedStatistics(0, 1, 1)

        await store.commit([Unit(settlements=(Acknowledge(first),))])
        assert await store.feed(FeedKey("reader")) == FeedStatistics(3, 0, 0)

    async def test_an_event_waits_for_the_one_before_it_in_its_workflow(self, store: Store) -> None:
        await store.register(feed())
        await store.commit([unit(new_event(), to=name) for name in "aab"])

        first, other = await claim(store, FeedKey("reader"))
        assert offsets([first, other]) == [1, 3]
        await store.commit([Unit(settlements=(Acknowledge(first),))])

        assert offsets(await claim(store, FeedKey("reader"))) == [2]

    async def test_in_stream_order_every_event_waits_for_the_one_before_it(
        self, store: Store
    ) -> None:
        await store.register(feed(order=Order.STREAM))
        await store.commit([unit(new_event(), to=name) for name in "ab"])

        [first] = await claim(store, FeedKey("reader"))
        await store.commit([Unit(settlements=(PutBack(first, failed=True, delay=1.0),))])
        assert await claim(store, FeedKey("reader")) == []

    async def test_one_holder_has_no_more_in_flight_than_the_feed_allows(
        self, store: Store
    ) -> None:
        await store.register(feed(in_flight=2))
        await store.commit([unit(new_event(), to=name) for name in "abcd"])

        mine = await claim(store, FeedKey("reader"))
        theirs = await claim(store, FeedKey("reader"), holder="other#1")
        assert (offsets(mine), offsets(theirs)) == ([1, 2], [3, 4])

    async def test_a_failed_event_comes_back_after_its_delay_as_the_next_attempt(
        self, store: Store, clock: VirtualClock
    ) -> None:
        await store.register(feed())
        await store.commit([unit(new_event())])
        [first] = await claim(store, FeedKey("reader"))

        await store.commit([Unit(settlements=(PutBack(first, failed=True, delay=4.0),))])
        handed_out = await store.claim(FeedKey("reader"), ME, 1)
        assert (handed_out.claims, handed_out.next_due) == ((), 4.0)
        clock.advance(4.0)

        [second] = await claim(store, FeedKey("reader"))
        assert (second.event, second.attempt) == (first.event, 2)

    async def test_an_event_that_is_given_back_comes_at_once_as_the_same_attempt(
        self, store: Store
    ) -> None:
        await store.register(feed())
        await store.commit([unit(new_event())])
        [first] = await claim(store, FeedKey("reader"))

        await store.commit([Unit(settlements=(PutBack(first, failed=False),))])

        [second] = await claim(store, FeedKey("reader"), holder="other#1")
        assert second.attempt == 1

    async def test_a_claim_that_is_not_settled_in_time_is_void_and_counts_as_a_failure(
        self, store: Store, clock: VirtualClock
    ) -> None:
        await store.register(feed())
        await store.commit([unit(new_event())])
        [first] = await claim(store, FeedKey("reader"))
        clock.advance(29.9)
        assert await claim(store, FeedKey("reader"), holder="other#1") == []
        clock.advance(0.2)
        [second] = await claim(store, FeedKey("reader"), holder="other#1")
        assert second.attempt == 2

        [late] = await store.commit([unit(new_event(), settling=[Acknowledge(first)])])

        assert isinstance(late, Rejected)
        assert isinstance(late.error, DeliveryLostError)
        assert len(await store.read("log", 0, LIMIT)) == 1, "the unit is left out whole"
        [in_time] = await store.commit([Unit(settlements=(Acknowledge(second),))])
        assert isinstance(in_time, Committed)

    async def test_a_claim_is_settled_once(self, store: Store) -> None:
        await store.register(feed())
        await store.commit([unit(new_event())])
        [first] = await claim(store, FeedKey("reader"))

        twice = Unit(settlements=(Acknowledge(first), Acknowledge(first)))
        once = Unit(settlements=(Acknowledge(first),))
        outcomes = await store.commit([twice, once, once])

        assert [type(one) for one in outcomes] == [Rejected, Committed, Rejected]

    async def test_a_dead_letter_is_kept_and_the_cursor_passes_it(
        self, store: Store, clock: VirtualClock
    ) -> None:
        await store.register(feed())
        await store.commit([unit(new_event(), new_event())])
        [first] = await claim(store, FeedKey("reader"))

        await store.commit([Unit(settlements=(SetAside(first, "too big"),))])

        [letter] = await store.dead_letters("reader")
        assert (letter.event, letter.error, letter.attempts) == (first.event, "too big", 1)
        assert letter.set_aside_at == clock.now()
        assert offsets(await claim(store, FeedKey("reader"))) == [2]
        assert await store.dead_letters("other") == []

    async def test_events_and_acknowledgements_of_one_unit_are_written_together(
        self, store: Store
    ) -> None:
        await store.register(feed())
        await store.commit([unit(new_event())])
        [first] = await claim(store, FeedKey("reader"))

        [refused] = await store.commit(
            [unit(new_event(), expect=Expect.NEW, settling=[Acknowledge(first)])]
        )
        assert isinstance(refused, Rejected)
        assert (await store.feed(FeedKey("reader"))).claimed == 1

        await store.commit([unit(new_event(), settling=[Acknowledge(first)])])
        assert await store.feed(FeedKey("reader")) == FeedStatistics(1, 0, 1)

    async def test_a_commit_and_a_settlement_wake_who_waits(self, store: Store) -> None:
        await store.register(feed())
        changes = store.changes(FeedKey("reader"))
        seen = changes.generation
        await store.commit([unit(new_event(), new_event())])
        assert changes.generation != seen

        [first] = await claim(store, FeedKey("reader"))
        seen = changes.generation
        await store.commit([Unit(settlements=(Acknowledge(first),))])
        assert changes.generation != seen

    async def test_an_event_that_nobody_wants_wakes_nobody(self, store: Store) -> None:
        await store.register(feed())
        seen = store.changes(FeedKey("reader")).generation

        await store.commit([unit(new_event("Other"))])

        assert store.changes(FeedKey("reader")).generation == seen

    # Ephemeral streams

    async def test_a_consumed_event_is_gone_once_every_feed_has_settled_it(
        self, store: Store
    ) -> None:
        keys = [FeedKey("all", "ann"), FeedKey("all", "bob")]
        for key in keys:
            await store.register(feed("all", consumer=key.consumer, stream="queue"))
        await store.commit([unit(new_event(), stream="queue")])
        [ann], [bob] = [await claim(store, key) for key in keys]

        await store.commit([Unit(settlements=(Acknowledge(ann),))])
        assert (await store.statistics("queue")).length == 1
        await store.commit([Unit(settlements=(Acknowledge(bob),))])
        statistics = await store.statistics("queue")
        assert (statistics.length, statistics.head, statistics.dropped) == (0, 1, 0)
        assert await store.read("queue", 0, LIMIT) == []

    async def test_what_was_consumed_cannot_be_read_while_the_rest_waits(
        self, store: Store
    ) -> None:
        await store.register(feed(stream="queue"))
        await store.commit([unit(new_event(), stream="queue", to=name) for name in "abc"])
        [first] = await claim(store, FeedKey("reader"), limit=1)

        await store.commit([Unit(settlements=(Acknowledge(first),))])

        assert [one.offset for one in await store.read("queue", 0, LIMIT)] == [2, 3]

    async def test_without_anybody_registered_events_are_dropped_and_counted(
        self, store: Store
    ) -> None:
        await store.commit([unit(new_event(), new_event(), stream="queue")])
        await store.register(feed(stream="queue"))
        await store.commit([unit(new_event(), stream="queue")])

        statistics = await store.statistics("queue")
        assert (statistics.dropped, statistics.length) == (2, 1)
        assert offsets(await claim(store, FeedKey("reader"))) == [3]

    async def test_what_waits_for_a_consumer_goes_with_it(self, store: Store) -> None:
        await store.register(feed(stream="queue"))
        await store.commit([unit(new_event(), stream="queue")])

        await store.unregister(FeedKey("reader"))

        assert (await store.statistics("queue")).length == 0

    async def test_a_persistent_stream_keeps_what_was_consumed(self, store: Store) -> None:
        await store.register(feed())
        await store.commit([unit(new_event())])
        [first] = await claim(store, FeedKey("reader"))
        await store.commit([Unit(settlements=(Acknowledge(first),))])

        statistics = await store.statistics("log")
        assert (statistics.head, statistics.length, statistics.dropped) == (1, 1, 0)
