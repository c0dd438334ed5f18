"""What a store promises of leases, and of old events that go under one."""

from datetime import timedelta

import pytest
from headwater.errors import LeaseLostError, WorkflowEndedError
from headwater.stores.contract import (
    Acknowledge,
    Claims,
    Committed,
    EventCount,
    Expect,
    FeedKey,
    PutBack,
    Rejected,
    SetAside,
    Store,
    Unit,
)
from headwater.stores.leases import RETENTION, Lease
from headwater.stores.receipts import Received, UnreadPolicy, UnreadThen
from headwater.stores.retention import Extent, Gap, Standing
from headwater.streams import FromBeginning, FromOffset, FromTimestamp
from headwater.testing.clock import VirtualClock

from .examples import LIMIT, ME, claim, feed, new_event, offsets, unit

__all__ = ["RetentionCases", "lease_of", "sweep_all"]

READER = FeedKey("reader")
EVERY = 2**40  # an offset above all that there are


async def lease_of(store: Store, owner: str = "me", seconds: float = 30.0) -> Lease:
    lease = await store.acquire_lease(RETENTION, owner, seconds)
    assert lease is not None
    return lease


async def sweep_all(store: Store, lease: Lease, limit: int = 1000) -> int:
    """Remove all that is gone of the log; how many."""
    removed, start = 0, 1
    while True:
        swept = await store.sweep("log", start, limit, lease)
        removed += swept.removed
        if swept.next is None:
            return removed
        assert swept.next > start
        start = swept.next


async def append(store: Store, count: int, *, name: str = "Added", to: str = "cart-1") -> None:
    await store.commit([unit(*(new_event(name, text=str(one)) for one in range(count)), to=to)])


class RetentionCases:
    """One owner at a time; what goes, goes as a whole; and no reader misses it unknowingly."""

    # Leases

    async def test_a_lease_has_one_owner_at_a_time(self, store: Store, clock: VirtualClock) -> None:
        """Its owner may prolong it; when it has run out, whoever takes it raises the epoch."""
        assert await store.acquire_lease("relay", "ann", 10.0) == Lease("relay", "ann", 1)
        assert await store.acquire_lease("relay", "ben", 10.0) is None
        assert await store.acquire_lease("ingest", "ben", 10.0) == Lease("ingest", "ben", 1)
        clock.advance(9.0)
        assert await store.acquire_lease("relay", "ann", 10.0) == Lease("relay", "ann", 1)
        clock.advance(9.0)
        assert await store.acquire_lease("relay", "ben", 10.0) is None
        clock.advance(1.0)
        assert await store.acquire_lease("relay", "ben", 10.0) == Lease("relay", "ben", 2)
        assert await store.acquire_lease("relay", "ann", 10.0) is None

    async def test_a_lease_that_is_released_is_anybodys(self, store: Store) -> None:
        """Also the same one's: under another epoch. Releasing a lost one takes it from nobody."""
        first = await lease_of(store, "ann")
        await store.release_lease(first)
        second = await lease_of(store, "ben")
        assert second.epoch == first.epoch + 1
        await store.release_lease(first)
        assert await store.acquire_lease(RETENTION, "ann", 10.0) is None
        await store.release_lease(second)
        assert (await lease_of(store, "ben")).epoch == second.epoch + 1

    async def test_who_has_lost_the_lease_changes_nothing(
        self, store: Store, clock: VirtualClock
    ) -> None:
        await append(store, 4)
        late = await lease_of(store, "ann", 5.0)
        assert await store.truncate("log", 2, regardless=0, lease=late) == 3
        clock.advance(5.0)
        await lease_of(store, "ben")

        with pytest.raises(LeaseLostError):
            await store.truncate("log", 3, regardless=0, lease=late)
        with pytest.raises(LeaseLostError):
            await store.sweep("log", 1, LIMIT, late)
        with pytest.raises(LeaseLostError):
            await store.keep_size("log", 4, 100, late)
        assert await store.extent("log") == Extent(3, 4, 2, 0)

    # What goes

    async def test_what_is_truncated_is_gone_for_everybody(
        self, store: Store, clock: VirtualClock
    ) -> None:
        await append(store, 3)
        clock.advance(1.0)
        await append(store, 2, to="cart-2")

        assert await store.truncate("log", 3, regardless=0, lease=await lease_of(store)) == 4

        assert [one.offset for one in await store.read("log", 0, LIMIT)] == [4, 5]
        assert (await store.statistics("log")).length == 2
        assert await store.count("log", 3, LIMIT) == [EventCount("Added", 1, 2)]
        assert await store.position("log", FromBeginning()) == 3
        assert await store.position("log", FromOffset(2)) == 3
        early = clock.now() - timedelta(days=1)
        assert await store.position("log", FromTimestamp(early)) == 3

    async def test_a_workflow_goes_on_when_its_first_events_are_gone(self, store: Store) -> None:
        """It keeps its version and that it has ended; only its history is not whole any more."""
        await append(store, 2)
        await store.commit([unit(new_event(terminal=True), to="cart-2")])
        await append(store, 1)
        await store.truncate("log", 3, regardless=0, lease=await lease_of(store))

        history = await store.history("log", "Cart", "cart-1", 3)
        assert [one.offset for one in history] == [4]
        assert (await store.workflow("Cart", "cart-1")).version == 3
        [more, ended] = await store.commit(
            [unit(new_event(), expect=Expect.EXISTS), unit(new_event(), to="cart-2")]
        )
        assert more == Committed((5,))
        assert isinstance(ended, Rejected)
        assert isinstance(ended.error, WorkflowEndedError)

    async def test_all_of_a_stream_can_go_and_offsets_go_on(self, store: Store) -> None:
        await append(store, 3)
        lease = await lease_of(store)
        assert await store.truncate("log", EVERY, regardless=0, lease=lease) == 4
        assert await store.truncate("log", 2, regardless=EVERY, lease=lease) == 4
        assert await sweep_all(store, lease) == 3
        assert await store.read("log", 0, LIMIT) == []
        assert (await store.statistics("log")).length == 0

        assert await store.commit([unit(new_event())]) == [Committed((4,))]
        assert [one.offset for one in await store.read("log", 0, LIMIT)] == [4]

    async def test_bytes_are_removed_in_batches_and_each_once(self, store: Store) -> None:
        await append(store, 10)
        lease = await lease_of(store)
        await store.truncate("log", 7, regardless=0, lease=lease)

        first = await store.sweep("log", 1, 3, lease)
        assert (first.removed, first.next) == (3, 4)
        assert await sweep_all(store, lease, 3) == 4
        assert await sweep_all(store, lease, 3) == 0
        assert [one.offset for one in await store.read("log", 0, LIMIT)] == [8, 9, 10]

    async def test_sizes_are_kept_of_what_is_left(self, store: Store) -> None:
        sizes = [len(new_event(text=str(one)).data) for one in range(12)]
        await append(store, 12)
        lease = await lease_of(store)
        assert await store.extent("log") == Extent(1, 12, 0, 0)
        assert await store.measure("log", 0, 10) == sum(sizes[:10])
        assert await store.measure("log", 9, LIMIT) == sum(sizes[9:])

        await store.keep_size("log", 11, sum(sizes[:11]), lease)
        await store.truncate("log", 2, regardless=0, lease=lease)
        assert await store.extent("log") == Extent(3, 12, 11, sum(sizes[2:11]))
        await sweep_all(store, lease)
        assert await store.measure("log", 0, 10) == sum(sizes[2:10])
        await store.truncate("log", 12, regardless=0, lease=lease)
        assert await store.extent("log") == Extent(13, 12, 12, 0)

    # What is held

    async def test_what_a_cursor_is_still_to_settle_is_held(self, store: Store) -> None:
        """Whether it was not taken yet, is with somebody, or waits for a retry."""
        await append(store, 6)
        await store.register(feed())
        lease = await lease_of(store)

        async def truncated() -> int:
            return await store.truncate("log", 6, regardless=0, lease=lease)

        assert await truncated() == 1
        [first] = await claim(store, READER)
        assert await truncated() == 1
        await store.commit([Unit(settlements=(PutBack(first, failed=True, delay=5.0),))])
        assert await truncated() == 1
        assert await store.standings("log", 6) == [Standing(READER, 0)]
        await store.unregister(READER)
        assert await truncated() == 7
        assert await store.standings("log", 6) == []

    async def test_what_is_settled_is_not_held(self, store: Store) -> None:
        """Nor what a cursor does not want. The slowest holds, and is listed first."""
        await append(store, 2)
        await append(store, 2, name="Other")
        await store.register(feed("reader", events=("Added",)))
        await store.register(feed("slow", events=None))
        for _ in range(2):
            [one] = await claim(store, READER)
            await store.commit([Unit(settlements=(Acknowledge(one),))])
        [one] = await claim(store, FeedKey("slow"))
        await store.commit([Unit(settlements=(Acknowledge(one),))])
        lease = await lease_of(store)

        assert await store.standings("log", 3) == [Standing(FeedKey("slow"), 1)]
        assert await store.truncate("log", 3, regardless=0, lease=lease) == 2
        await store.unregister(FeedKey("slow"))
        assert await store.standings("log", 4) == []
        assert await store.truncate("log", 4, regardless=0, lease=lease) == 5
        assert (await store.claim(READER, ME, LIMIT)).gap is None
        assert (await store.feed(READER)).truncated == 0

    async def test_what_was_delivered_and_is_not_read_is_held(self, store: Store) -> None:
        """If it is not waited for it is unread no more; the recipient has missed nothing."""
        ann = FeedKey("news", "ann")
        await append(store, 3)
        await store.register(feed("news", consumer="ann"))
        for _ in range(3):
            [one] = await claim(store, ann, limit=1)
            await store.commit([Unit(settlements=(Acknowledge(one, Received()),))])
        await store.receipts.mark_read(ann, [1])
        lease = await lease_of(store)

        assert await store.standings("log", 3) == [Standing(ann, 1)]
        assert await store.truncate("log", 3, regardless=0, lease=lease) == 2
        assert await store.truncate("log", 3, regardless=3, lease=lease) == 4
        await sweep_all(store, lease)
        assert await store.receipts.unread(ann, 0, 9) == []
        assert (await store.claim(ann, ME, LIMIT)).gap is None
        await append(store, 1)
        assert await store.standings("log", 4) == [Standing(ann, 3)]
        assert await store.receipts.unread_count(ann) == 1

    async def test_what_runs_out_of_time_when_it_is_gone_is_set_aside_all_the_same(
        self, store: Store, clock: VirtualClock
    ) -> None:
        ann = FeedKey("news", "ann")
        await append(store, 2)
        await store.register(feed("news", consumer="ann"))
        [first] = await claim(store, ann, limit=1)
        received = Acknowledge(first, Received(unread_after=60.0))
        await store.commit([Unit(settlements=(received,))])
        lease = await lease_of(store, seconds=1000.0)
        await store.truncate("log", 2, regardless=2, lease=lease)
        await sweep_all(store, lease)
        clock.advance(60.0)

        policy = UnreadPolicy(then=UnreadThen.DEAD_LETTER, attempts=5, reason="late")
        await store.receipts.expire_unread("news", policy, 10)
        [letter] = await store.dead_letters("news")
        assert letter.event == first.event

    async def test_what_comes_again_when_it_is_gone_comes_with_all_it_had(
        self, store: Store, clock: VirtualClock
    ) -> None:
        ann = FeedKey("news", "ann")
        await append(store, 1)
        await store.register(feed("news", consumer="ann"))
        [first] = await claim(store, ann)
        received = Acknowledge(first, Received(unread_after=60.0))
        await store.commit([Unit(settlements=(received,))])
        lease = await lease_of(store, seconds=1000.0)
        await store.truncate("log", 1, regardless=1, lease=lease)
        await sweep_all(store, lease)
        clock.advance(60.0)

        policy = UnreadPolicy(then=UnreadThen.REQUEUE, attempts=5, reason="late")
        await store.receipts.expire_unread("news", policy, 10)
        await sweep_all(store, lease)
        [again] = await claim(store, ann)
        assert (again.event, again.attempt) == (first.event, 2)

    async def test_receipts_go_with_their_events(self, store: Store, clock: VirtualClock) -> None:
        """But not what is still to be read by a certain time, nor that it need not be delivered."""
        ann, bob = FeedKey("news", "ann"), FeedKey("news", "bob")
        await append(store, 4)
        for key in (ann, bob):
            await store.register(feed("news", consumer=key.consumer))
        ids = [one.id for one in await store.read("log", 0, 4)]
        for seconds in (None, 60.0, None):
            [one] = await claim(store, ann)
            received = Acknowledge(one, Received(unread_after=seconds))
            await store.commit([Unit(settlements=(received,))])
        await store.receipts.mark_read(ann, [1])
        [held] = await claim(store, bob, limit=1)
        await store.receipts.mark_read(bob, [1])
        lease = await lease_of(store, seconds=1000.0)
        await store.truncate("log", 3, regardless=3, lease=lease)
        await sweep_all(store, lease)

        async def receipts() -> list[list[str]]:
            found = [await store.receipts.receipts("news", one) for one in ids]
            return [[receipt.consumer for receipt in one] for one in found]

        assert await receipts() == [["bob"], ["ann"], [], ["ann", "bob"]]
        assert await store.receipts.read_of(bob, [1]) == {1}
        await store.commit([Unit(settlements=(Acknowledge(held),))])
        clock.advance(60.0)
        policy = UnreadPolicy(then=UnreadThen.DROP, attempts=5, reason="late")
        await store.receipts.expire_unread("news", policy, 10)
        await sweep_all(store, lease)
        assert await receipts() == [[], [], [], ["ann", "bob"]]

    # What is missed

    async def test_a_reader_is_told_what_it_has_missed_before_it_is_given_more(
        self, store: Store
    ) -> None:
        await append(store, 5)
        await store.register(feed())
        lease = await lease_of(store)
        changes = store.changes(READER)
        seen = changes.generation

        assert await store.truncate("log", 5, regardless=3, lease=lease) == 4

        assert changes.generation != seen, "who waits is woken"
        assert await store.claim(READER, ME, LIMIT) == Claims((), None, Gap(1, 3))
        await sweep_all(store, lease)
        assert await store.claim(READER, ME, LIMIT) == Claims((), None, Gap(1, 3))
        assert (await store.feed(READER)).gap == Gap(1, 3)
        await store.tell_gap(READER, Gap(1, 3))
        assert (await store.feed(READER)).gap is None
        assert offsets(await claim(store, READER)) == [4]
        statistics = await store.feed(READER)
        assert (statistics.truncated, statistics.pending, statistics.position) == (3, 2, 3)
        await store.tell_gap(READER, Gap(1, 3))
        assert (await store.feed(READER)).truncated == 3

    async def test_a_gap_that_grows_while_it_is_told_is_told_again(self, store: Store) -> None:
        await append(store, 6)
        await store.register(feed())
        lease = await lease_of(store)
        await store.truncate("log", 2, regardless=2, lease=lease)
        first = (await store.claim(READER, ME, LIMIT)).gap
        await store.truncate("log", 4, regardless=4, lease=lease)
        assert first is not None
        await store.tell_gap(READER, first)

        assert (first, (await store.claim(READER, ME, LIMIT)).gap) == (Gap(1, 2), Gap(3, 4))
        await store.truncate("log", 5, regardless=5, lease=lease)
        assert (await store.claim(READER, ME, LIMIT)).gap == Gap(3, 5)
        assert (await store.feed(READER)).truncated == 5

    async def test_what_a_reader_does_not_want_it_does_not_miss(self, store: Store) -> None:
        """The gap begins with the first event that it was to have."""
        await append(store, 2, name="Other")
        await append(store, 2)
        for name, wanted in (("some", "Added"), ("none", "Never")):
            await store.register(feed(name, events=(wanted,)))
        lease = await lease_of(store)
        await store.truncate("log", 4, regardless=4, lease=lease)

        assert (await store.claim(FeedKey("none"), ME, LIMIT)).gap is None
        assert (await store.claim(FeedKey("some"), ME, LIMIT)).gap == Gap(3, 4)

    async def test_who_starts_at_an_offset_that_is_gone_is_told(self, store: Store) -> None:
        """Who starts with the oldest event gets that: it asked for nothing that is gone."""
        await append(store, 5)
        await store.truncate("log", 3, regardless=0, lease=await lease_of(store))
        await store.register(feed("late", start=FromOffset(2)))
        await store.register(feed("oldest", start=FromBeginning()))

        assert (await store.claim(FeedKey("late"), ME, LIMIT)).gap == Gap(2, 3)
        assert (await store.feed(FeedKey("late"))).truncated == 2
        assert offsets(await claim(store, FeedKey("oldest"))) == [4]

    async def test_what_was_taken_keeps_its_bytes_until_it_is_settled(
        self, store: Store, clock: VirtualClock
    ) -> None:
        """It can be put back and come again, whatever became of the stream."""
        for name in "ab":
            await append(store, 1, to=name)
        await append(store, 1, to="c")
        await store.register(feed())
        first, second = await claim(store, READER, limit=2)
        lease = await lease_of(store, seconds=1000.0)
        await store.truncate("log", 3, regardless=3, lease=lease)
        await sweep_all(store, lease)
        assert (await store.claim(READER, ME, LIMIT)).gap == Gap(3, 3)
        await store.tell_gap(READER, Gap(3, 3))

        await store.commit([Unit(settlements=(PutBack(first, failed=True, delay=0.0),))])
        clock.advance(30.0)
        again = await claim(store, READER)
        assert [one.event for one in again] == [first.event, second.event]
        await store.commit([Unit(settlements=tuple(Acknowledge(one) for one in again))])
        await sweep_all(store, lease)
        assert await claim(store, READER) == []
        assert (await store.feed(READER)).position == 3

    async def test_a_dead_letter_outlives_its_event_and_comes_again(self, store: Store) -> None:
        await append(store, 3)
        await store.register(feed())
        [first] = await claim(store, READER, limit=1)
        await store.commit([Unit(settlements=(SetAside(first, "no"),))])
        lease = await lease_of(store)
        await store.truncate("log", 2, regardless=2, lease=lease)
        await sweep_all(store, lease)
        [letter] = await store.dead_letters("reader")
        assert letter.event == first.event
        assert (await store.claim(READER, ME, LIMIT)).gap == Gap(2, 2)
        await store.tell_gap(READER, Gap(2, 2))

        assert await store.requeue([letter.id]) == 1
        await sweep_all(store, lease)

        assert [one.offset for one in await store.read("log", 0, LIMIT)] == [3]
        [again] = await claim(store, READER)
        assert again.event == first.event
        assert await store.truncate("log", 3, regardless=0, lease=lease) == 3
        await store.commit([Unit(settlements=(Acknowledge(again),))])
        assert offsets(await claim(store, READER)) == [3]
