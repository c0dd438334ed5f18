"""What a store promises of consumer groups: who owns what, and what owners write down."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

import pytest
from headwater.errors import (
    ConfigurationError,
    DeliveryLostError,
    UnknownSubscriptionError,
    VersionConflictError,
)
from headwater.events import RecordedEvent
from headwater.stores.contract import (
    Committed,
    Connection,
    Exactly,
    FeedKey,
    FeedStatistics,
    Outcome,
    Rejected,
    Store,
    Unit,
)
from headwater.stores.groups import (
    PARTITIONS,
    Group,
    GroupLetter,
    Ownership,
    Partition,
    Progress,
    Share,
    Unsettled,
    partition_key,
    partition_of,
)
from headwater.stores.retention import Gap
from headwater.streams import FromLatest, FromOffset, Start
from headwater.testing.clock import VirtualClock

from .examples import new_event, sent, unit, unit_with_key
from .retention import lease_of

__all__ = ["GroupCases"]

LIFETIME = 15.0
PARTITION = partition_of("cart-1")


def group(
    *,
    stream: str = "log",
    events: Iterable[str] | None = ("Added",),
    start: Start | None = None,
    max_consumers: int | None = None,
) -> Group:
    return Group(
        subscription="group",
        stream=stream,
        events=None if events is None else frozenset(events),
        start=start or FromOffset(1),
        max_consumers=max_consumers,
    )


def progress(
    of: Ownership,
    read_to: int,
    *letters: GroupLetter,
    skipped: int = 0,
    settled: Iterable[int] = (),
    unsettled: Iterable[Unsettled] = (),
) -> Progress:
    return Progress(
        subscription="group",
        partition=of.partition,
        epoch=of.epoch,
        read_to=read_to,
        settled=tuple(settled),
        unsettled=tuple(unsettled),
        letters=letters,
        skipped=skipped,
    )


class Sessions:
    """Sessions of the group, with what each knows."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.owned: dict[str, dict[int, Ownership]] = {}

    async def join(self, *names: str) -> None:
        for name in names:
            self.owned[name] = {}
            connection = Connection(name, FeedKey("group"), f"consumer-{name}")
            await self.store.connect(connection, lifetime=LIFETIME, expire_after=None)

    async def balance(self, name: str) -> Share:
        known = self.owned[name]
        share = await self.store.balance(
            "group", name, {number: one.revision for number, one in known.items()}
        )
        for number in share.lost:
            del known[number]
        known.update((one.partition, one) for one in share.taken)
        return share

    async def give_up(self, name: str, count: int) -> None:
        released = sorted(self.owned[name])[:count]
        await self.store.release("group", name, released)
        for number in released:
            del self.owned[name][number]

    async def settle_down(self) -> None:
        """Balance, and release what is too much, until nothing changes."""
        is_settled = False
        while not is_settled:
            is_settled = True
            for name in self.owned:
                share = await self.balance(name)
                if share.taken or share.surplus:
                    is_settled = False
                await self.give_up(name, share.surplus)

    def counts(self) -> Mapping[int, int]:
        """How many sessions have how many partitions."""
        return Counter(map(len, self.owned.values()))


class GroupCases:
    """Shares, hand-overs, and progress that is written by owners only."""

    @pytest.fixture
    def sessions(self, store: Store) -> Sessions:
        return Sessions(store)

    async def owner(self, store: Store, sessions: Sessions, name: str = "s-1") -> Ownership:
        """The partition of cart-1 in the hands of the only session."""
        await store.register_group(group())
        await sessions.join(name)
        await sessions.balance(name)
        return sessions.owned[name][PARTITION]

    async def taken_over(self, sessions: Sessions, clock: VirtualClock) -> Ownership:
        """The partition of cart-1, after its owner was not heard of any more."""
        clock.advance(LIFETIME)
        await sessions.join("heir")
        await sessions.balance("heir")
        return sessions.owned["heir"][PARTITION]

    async def write(self, store: Store, *written: Progress) -> list[Outcome]:
        return await store.commit([Unit(progress=(one,)) for one in written])

    async def events(self, store: Store, count: int = 1) -> list[RecordedEvent]:
        """That many more events of cart-1."""
        head = (await store.statistics("log")).head
        await store.commit([unit(*(new_event() for _ in range(count)))])
        return await store.read("log", head, count)

    # Partitions

    async def test_a_group_has_64_partitions_that_start_together(self, store: Store) -> None:
        await store.commit([unit(new_event(), new_event(), new_event())])
        await store.register_group(group(start=FromOffset(3)))

        partitions = await store.partitions("group")

        assert [one.partition for one in partitions] == list(range(PARTITIONS)) == list(range(64))
        assert {replace(one, partition=0) for one in partitions} == {
            Partition(partition=0, owner=None, consumer=None, epoch=0, position=2, unsettled=0)
        }

    async def test_a_workflow_is_in_the_same_partition_everywhere(self) -> None:
        """The first byte of the id's SHA-256 modulo 64, whatever computes it."""
        assert [partition_of(one) for one in ("cart-1", "", "Ünal")] == [4, 35, 20]

    async def test_a_group_that_is_registered_again_keeps_cursors_and_owners(
        self, store: Store, sessions: Sessions
    ) -> None:
        mine = await self.owner(store, sessions)
        await self.events(store, 2)
        await self.write(store, progress(mine, 2))

        await store.register_group(group(start=FromLatest(), events=None))

        [found] = [one for one in await store.partitions("group") if one.partition == PARTITION]
        assert (found.owner, found.consumer) == ("s-1", "consumer-s-1")
        assert (found.position, found.epoch) == (2, mine.epoch)
        assert (await sessions.balance("s-1")).taken == ()

    async def test_a_group_on_another_stream_or_on_a_queue_is_refused(self, store: Store) -> None:
        with pytest.raises(ConfigurationError, match="ephemeral"):
            await store.register_group(group(stream="queue"))
        with pytest.raises(UnknownSubscriptionError):
            await store.partitions("group")
        with pytest.raises(UnknownSubscriptionError):
            await store.balance("group", "s-1", {})

    # Shares

    @pytest.mark.parametrize("count", [1, 2, 3, 5, 64, 70])
    async def test_sessions_have_equal_shares(
        self, store: Store, sessions: Sessions, count: int
    ) -> None:
        await store.register_group(group())
        for number in range(count):
            await sessions.join(f"s-{number:02d}")
            await sessions.balance(f"s-{number:02d}")
        await sessions.settle_down()

        base, more = divmod(64, count)
        expected = {base + 1: more, base: count - more}
        assert sessions.counts() == {size: many for size, many in expected.items() if many}
        owned = sorted(number for one in sessions.owned.values() for number in one)
        assert owned == list(range(64))

    async def test_sessions_above_the_maximum_stand_by_until_another_one_goes(
        self, store: Store, sessions: Sessions
    ) -> None:
        await store.register_group(group(max_consumers=2))
        await sessions.join("a", "b", "c")
        await sessions.settle_down()
        assert {name: len(one) for name, one in sessions.owned.items()} == {
            "a": 32,
            "b": 32,
            "c": 0,
        }

        await store.disconnect("a")
        del sessions.owned["a"]
        await sessions.settle_down()

        assert {name: len(one) for name, one in sessions.owned.items()} == {"b": 32, "c": 32}

    async def test_nothing_is_taken_from_one_who_lives_until_he_releases_it(
        self, store: Store, sessions: Sessions
    ) -> None:
        await store.register_group(group())
        await sessions.join("a")
        assert (await sessions.balance("a")).surplus == 0
        await sessions.join("b")
        assert (await sessions.balance("b")).taken == ()
        before = dict(sessions.owned["a"])

        assert (await sessions.balance("a")).surplus == 32
        await sessions.give_up("a", 32)

        share = await sessions.balance("b")
        assert len(share.taken) == 32
        for one in share.taken:
            assert one.epoch == before[one.partition].epoch + 1
            assert not one.abandoned
        assert (await sessions.balance("a")) == Share(
            taken=(), lost=frozenset(), surplus=0, next_due=LIFETIME
        )

    async def test_a_session_hears_when_another_one_may_be_found_dead(
        self, store: Store, sessions: Sessions, clock: VirtualClock
    ) -> None:
        await store.register_group(group())
        await sessions.join("a")
        assert (await sessions.balance("a")).next_due is None
        clock.advance(5)
        await sessions.join("b")
        clock.advance(1)
        assert (await sessions.balance("a")).next_due == LIFETIME - 1
        assert (await sessions.balance("b")).next_due == LIFETIME - 6

    async def test_what_a_dead_session_had_is_abandoned_and_taken(
        self, store: Store, sessions: Sessions, clock: VirtualClock
    ) -> None:
        await store.register_group(group())
        await sessions.join("a", "b")
        await sessions.settle_down()
        clock.advance(LIFETIME - 1)
        await store.heartbeat(["b"], lifetime=LIFETIME)
        assert (await sessions.balance("b")).taken == ()
        clock.advance(1)

        share = await sessions.balance("b")

        assert {one.partition for one in share.taken} == set(sessions.owned["a"])
        assert all(one.abandoned for one in share.taken)
        assert len(sessions.owned["b"]) == 64

    async def test_who_was_taken_for_dead_hears_what_it_has_lost(
        self, store: Store, sessions: Sessions, clock: VirtualClock
    ) -> None:
        """Its own session counts as alive while its row is there; then it has nothing."""
        await store.register_group(group())
        await sessions.join("a")
        await sessions.balance("a")
        clock.advance(LIFETIME)
        assert (await sessions.balance("a")).lost == frozenset()
        await sessions.join("b")
        await sessions.balance("b")
        had = frozenset(sessions.owned["a"])

        assert (await sessions.balance("a")).lost == frozenset(sessions.owned["b"])
        await store.remove_stale()
        assert await store.balance("group", "a", dict.fromkeys(had, 1)) == Share(
            taken=(), lost=had, surplus=0, next_due=None
        )

    async def test_what_a_session_was_given_without_hearing_of_it_it_gets_anew(
        self, store: Store, sessions: Sessions
    ) -> None:
        """The reply was lost: under the old epoch nothing is written any more."""
        first = await self.owner(store, sessions)

        share = await store.balance("group", "s-1", {})

        assert len(share.taken) == 64
        again = share.taken[PARTITION]
        assert again.epoch > first.epoch
        [late] = await self.write(store, progress(first, 1))
        assert isinstance(late, Rejected)

    async def test_a_session_that_says_goodbye_leaves_nothing_abandoned(
        self, store: Store, sessions: Sessions
    ) -> None:
        """But where it has an event in hand."""
        mine = await self.owner(store, sessions)
        await self.events(store)
        in_hand = Unsettled(1, "cart-1", in_hand=True)
        await self.write(store, progress(mine, 1, unsettled=[in_hand]))

        await store.disconnect("s-1")

        await sessions.join("heir")
        taken = (await sessions.balance("heir")).taken
        assert {one.partition for one in taken if one.abandoned} == {PARTITION}
        assert taken[PARTITION].unsettled == (Unsettled(1, "cart-1", failures=1),)

    async def test_what_was_released_in_hand_has_not_failed(
        self, store: Store, sessions: Sessions
    ) -> None:
        mine = await self.owner(store, sessions)
        await self.events(store)
        await self.write(
            store, progress(mine, 1, unsettled=[Unsettled(1, "cart-1", 2, in_hand=True)])
        )
        await store.release("group", "s-1", [PARTITION])
        await store.release("group", "heir", [PARTITION + 1])

        await sessions.join("heir")
        [taken] = (await sessions.balance("heir")).taken

        assert not taken.abandoned
        assert taken.unsettled == (Unsettled(1, "cart-1", failures=2),)

    # Progress

    async def test_progress_outlives_its_owner(
        self, store: Store, sessions: Sessions, clock: VirtualClock
    ) -> None:
        mine = await self.owner(store, sessions)
        await self.events(store, 5)
        waits = Unsettled(2, "cart-1", failures=3, delay=60.0)
        held = Unsettled(3, "cart-1", held=True)
        in_hand = Unsettled(4, "cart-1", failures=1, in_hand=True)

        [outcome] = await self.write(
            store, progress(mine, 5, unsettled=[held, waits, in_hand], skipped=2)
        )

        assert outcome == Committed(())
        assert await store.feed(partition_key("group", PARTITION)) == FeedStatistics(
            1, 1, 3, held=1, skipped=2
        )
        heir = await self.taken_over(sessions, clock)
        assert (heir.read_to, heir.abandoned) == (5, True)
        assert heir.unsettled == (
            replace(waits, delay=60.0 - LIFETIME),
            held,
            Unsettled(4, "cart-1", failures=2),
        )

    async def test_what_was_in_hand_counts_once(
        self, store: Store, sessions: Sessions, clock: VirtualClock
    ) -> None:
        mine = await self.owner(store, sessions)
        await self.events(store)
        await self.write(store, progress(mine, 1, unsettled=[Unsettled(1, "cart-1", in_hand=True)]))
        assert (await self.taken_over(sessions, clock)).unsettled[0].failures == 1
        clock.advance(LIFETIME)
        await sessions.join("third")
        await sessions.balance("third")
        [again] = sessions.owned["third"][PARTITION].unsettled
        assert again == Unsettled(1, "cart-1", failures=1)

    async def test_what_is_settled_is_unsettled_no_more(
        self, store: Store, sessions: Sessions, clock: VirtualClock
    ) -> None:
        mine = await self.owner(store, sessions)
        await self.events(store, 3)
        left = [Unsettled(1, "cart-1"), Unsettled(2, "cart-1")]
        await self.write(
            store,
            progress(mine, 2, unsettled=left),
            progress(mine, 3, settled=[1], unsettled=[Unsettled(2, "cart-1", failures=1)]),
        )
        heir = await self.taken_over(sessions, clock)
        assert (heir.read_to, heir.unsettled) == (3, (Unsettled(2, "cart-1", failures=1),))

    async def test_a_cursor_never_moves_back(self, store: Store, sessions: Sessions) -> None:
        mine = await self.owner(store, sessions)
        await self.events(store, 3)
        outcomes = await self.write(store, progress(mine, 3), progress(mine, 2))
        outcomes += await self.write(store, progress(mine, 1))
        assert outcomes == [Committed(())] * 3
        assert (await store.partitions("group"))[PARTITION].position == 3

    async def test_progress_under_an_old_epoch_is_refused(
        self, store: Store, sessions: Sessions, clock: VirtualClock
    ) -> None:
        mine = await self.owner(store, sessions)
        [event] = await self.events(store)
        heir = await self.taken_over(sessions, clock)

        [late, in_time, later] = await self.write(
            store,
            progress(mine, 1, GroupLetter(event, "late", 1), unsettled=[Unsettled(1, "cart-1")]),
            progress(heir, 1),
            progress(mine, 1, skipped=1),
        )

        assert isinstance(late, Rejected)
        assert isinstance(late.error, DeliveryLostError)
        assert (in_time, type(later)) == (Committed(()), Rejected)
        key = partition_key("group", PARTITION)
        assert await store.feed(key) == FeedStatistics(1, 0, 0)
        assert await store.dead_letters("group") == []

    async def test_progress_after_a_release_is_refused(
        self, store: Store, sessions: Sessions
    ) -> None:
        mine = await self.owner(store, sessions)
        await self.events(store)
        await sessions.give_up("s-1", 64)
        [late] = await self.write(store, progress(mine, 1))
        assert isinstance(late, Rejected)

    async def test_a_unit_and_its_progress_are_written_together_or_not_at_all(
        self, store: Store, sessions: Sessions
    ) -> None:
        mine = await self.owner(store, sessions)
        await self.events(store)
        key = partition_key("group", PARTITION)
        stale = replace(mine, epoch=mine.epoch - 1)
        late = replace(
            unit_with_key("k-1", new_event(), to="b"),
            sends=(sent("c-1"),),
            progress=(progress(stale, 1),),
        )
        conflict = replace(unit(new_event(), expect=Exactly(7)), progress=(progress(mine, 1),))
        half = Unit(progress=(progress(mine, 1), replace(progress(stale, 1), partition=0)))

        outcomes = await store.commit([late, conflict, half])

        assert [type(one) for one in outcomes] == [Rejected, Rejected, Rejected]
        assert isinstance(outcomes[1], Rejected)
        assert isinstance(outcomes[1].error, VersionConflictError)
        assert await store.answer("k-1") is None
        assert (await store.take_commands(10, lease=60)).commands == ()
        assert (await store.workflow("Cart", "b")).version == 0
        assert (await store.feed(key)).position == 0

        whole = replace(late, progress=(progress(mine, 1),))
        [first, again, own] = await store.commit(
            [whole, replace(whole, progress=(progress(stale, 1),)), Unit(sends=(sent("c-2"),))]
        )
        assert first == Committed((2,))
        assert isinstance(again, Committed), "its key is known"
        assert again.earlier is not None
        assert own == Committed(())
        assert (await store.feed(key)).position == 2
        assert len((await store.take_commands(10, lease=60)).commands) == 2

    async def test_units_with_progress_see_the_ones_before_them(
        self, store: Store, sessions: Sessions
    ) -> None:
        mine = await self.owner(store, sessions)
        await self.events(store, 2)
        units = [
            Unit(progress=(progress(mine, 1, unsettled=[Unsettled(1, "cart-1")]),), durable=False),
            replace(unit(new_event()), progress=(progress(mine, 2, settled=[1]),)),
            Unit(progress=(progress(mine, 3, unsettled=[Unsettled(3, "cart-1")]),)),
            unit(new_event(), to="b"),
            Unit(progress=(progress(mine, 3, settled=[3]),)),
        ]

        outcomes = await store.commit(units)

        assert outcomes == [Committed(offsets) for offsets in [(), (3,), (), (4,), ()]]
        assert (await store.partitions("group"))[PARTITION].unsettled == 0

    # Dead letters

    async def test_an_event_that_is_set_aside_blocks_its_workflow(
        self, store: Store, sessions: Sessions, clock: VirtualClock
    ) -> None:
        mine = await self.owner(store, sessions)
        [first, second] = await self.events(store, 2)
        await self.write(store, progress(mine, 1, unsettled=[Unsettled(1, "cart-1", 4)]))

        [outcome] = await self.write(store, progress(mine, 1, GroupLetter(first, "no", 5)))

        assert outcome == Committed(())
        [letter] = await store.dead_letters("group")
        assert (letter.consumer, letter.event, letter.error, letter.attempts) == (
            partition_key("group", PARTITION).consumer,
            first,
            "no",
            5,
        )
        heir = await self.taken_over(sessions, clock)
        assert heir.blocked == {"cart-1"}
        assert heir.unsettled == ()
        [behind] = await self.write(
            store, progress(heir, 2, GroupLetter(second, "behind", 0, behind=True))
        )
        assert behind == Committed(())

    async def test_an_event_is_not_set_aside_behind_one_that_came_back(
        self, store: Store, sessions: Sessions
    ) -> None:
        mine = await self.owner(store, sessions)
        [first, second, third] = await self.events(store, 3)
        behind = [GroupLetter(one, "behind", 0, behind=True) for one in (second, third)]
        [together] = await self.write(
            store, progress(mine, 2, GroupLetter(first, "no", 5), behind[0])
        )
        assert together == Committed(())
        await store.requeue([one.id for one in await store.dead_letters("group")])

        [late] = await self.write(store, progress(mine, 3, behind[1]))

        assert isinstance(late, Rejected)
        assert isinstance(late.error, DeliveryLostError)
        assert await store.dead_letters("group") == []

    async def test_a_dead_letter_that_is_requeued_comes_to_the_owner(
        self, store: Store, sessions: Sessions
    ) -> None:
        mine = await self.owner(store, sessions)
        [first, _] = await self.events(store, 2)
        await self.write(store, progress(mine, 2, GroupLetter(first, "no", 5)))
        assert (await sessions.balance("s-1")).taken == ()
        changes = store.group_changes("group")
        seen = changes.generation
        [letter] = await store.dead_letters("group")

        assert await store.requeue([letter.id]) == 1

        assert changes.generation != seen, "the owner is woken"
        [changed] = (await sessions.balance("s-1")).taken
        assert (changed.partition, changed.epoch) == (PARTITION, mine.epoch)
        assert changed.revision != mine.revision
        assert changed.unsettled == (Unsettled(1, "cart-1"),)
        assert (changed.blocked, changed.abandoned) == (frozenset(), False)
        assert (await sessions.balance("s-1")).taken == ()
        assert (await store.feed(partition_key("group", PARTITION))).position == 0

    async def test_the_owner_hears_when_a_dead_letter_is_dropped(
        self, store: Store, sessions: Sessions
    ) -> None:
        mine = await self.owner(store, sessions)
        [first] = await self.events(store)
        await self.write(store, progress(mine, 1, GroupLetter(first, "no", 5)))
        [letter] = await store.dead_letters("group")
        await store.drop([letter.id])
        [changed] = (await sessions.balance("s-1")).taken
        assert (changed.blocked, changed.epoch) == (frozenset(), mine.epoch)

    # Who is woken

    async def test_members_are_woken_when_partitions_may_move(
        self, store: Store, sessions: Sessions, clock: VirtualClock
    ) -> None:
        await store.register_group(group())
        changes = store.group_changes("group")
        generations = [changes.generation]

        async def noticed() -> bool:
            generations.append(changes.generation)
            return generations[-1] != generations[-2]

        await sessions.join("a")
        assert await noticed()
        await sessions.balance("a")
        await sessions.join("b")
        assert await noticed()
        await sessions.give_up("a", 32)
        assert await noticed()
        await store.pause("group")
        assert await noticed()
        await store.resume("group")
        assert await noticed()
        await store.disconnect("b")
        assert await noticed()
        await store.heartbeat(["a"], lifetime=LIFETIME)
        assert not await noticed()
        await store.remove_consumer("group", "consumer-a")
        assert await noticed()
        await sessions.join("c")
        assert await noticed()
        clock.advance(LIFETIME)
        await store.remove_stale()
        assert await noticed()

    async def test_a_consumer_called_like_a_partition_goes_without_it(self, store: Store) -> None:
        await store.register_group(group())
        connection = Connection("s-1", FeedKey("group"), "partition-07")
        await store.connect(connection, lifetime=LIFETIME, expire_after=None)
        await store.remove_consumer("group", "partition-07")
        assert len(await store.partitions("group")) == 64

    async def test_a_partition_holds_what_it_has_not_settled(
        self, store: Store, sessions: Sessions
    ) -> None:
        """Retention waits for the furthest behind; beyond that it moves them all, and tells."""
        await store.commit([unit(new_event()) for _ in range(4)])
        mine = await self.owner(store, sessions)
        lease = await lease_of(store)
        assert await store.truncate("log", 4, regardless=0, lease=lease) == 1
        share = sessions.owned["s-1"].values()
        await store.commit([Unit(progress=tuple(progress(one, 2) for one in share))])
        assert await store.truncate("log", 4, regardless=0, lease=lease) == 3
        await store.commit([Unit(progress=(progress(mine, 4),))])
        assert len(await store.standings("log", 4)) == PARTITIONS - 1
        seen = store.group_changes("group").generation

        assert await store.truncate("log", 4, regardless=4, lease=lease) == 5

        assert store.group_changes("group").generation != seen, "the owners are to look again"
        share_now = await sessions.balance("s-1")
        assert len(share_now.taken) == PARTITIONS - 1, "all but the one that was not moved"
        assert {one.read_to for one in share_now.taken} == {4}
        assert (await store.feed(partition_key("group", mine.partition))).truncated == 0
        other = (mine.partition + 1) % PARTITIONS
        late = await store.feed(partition_key("group", other))
        assert (late.truncated, late.gap) == (2, Gap(3, 4))
        assert (await store.partition_feeds("group"))[other] == late

    async def test_all_partitions_tell_at_once_what_each_of_them_tells(
        self, store: Store, sessions: Sessions
    ) -> None:
        with pytest.raises(UnknownSubscriptionError):
            await store.partition_feeds("group")
        carts = [f"cart-{number}" for number in range(80)]
        await store.commit([unit(new_event(), new_event("Removed"), to=cart) for cart in carts])
        mine = await self.owner(store, sessions)
        rows = [Unsettled(1, "cart-0", in_hand=True), Unsettled(3, "cart-1", held=True)]
        of_rows = {partition_of(row.workflow_id): row for row in rows}
        for one in sessions.owned["s-1"].values():
            row = of_rows.get(one.partition)
            read_to = 3 * one.partition if row is None else 60
            told = progress(one, read_to, skipped=1, unsettled=[] if row is None else [row])
            await store.commit([Unit(progress=(told,))])

        together = await store.partition_feeds("group")

        keys = [partition_key("group", number) for number in range(PARTITIONS)]
        assert together == [await store.feed(key) for key in keys]
        assert sum(one.pending for one in together) > 2
        assert sum(one.claimed for one in together) == 1
        assert sum(one.held for one in together) == 1
        assert mine.partition in of_rows
