"""Read receipts: delivered and read are two states, and time to read runs out once."""

import asyncio
from uuid import uuid4

import pytest
from headwater.errors import UnknownSubscriptionError
from headwater.stores.contract import (
    Acknowledge,
    Claim,
    Expect,
    FeedKey,
    Outcome,
    PutBack,
    Rejected,
    SetAside,
    Store,
    Unit,
)
from headwater.stores.receipts import (
    Late,
    Receipt,
    ReceiptState,
    Received,
    UnreadPolicy,
    UnreadThen,
)
from headwater.streams import AfterDeadLetter, FromOffset
from headwater.testing.clock import VirtualClock

from .examples import claim, feed, new_event, unit

__all__ = ["ReceiptCases"]

ANN, BOB = FeedKey("news", "ann"), FeedKey("news", "bob")
LATE = "not read within 1m"
WAITING_ANN = feed("news", consumer="ann", after_dead_letter=AfterDeadLetter.WAIT)


def policy(then: UnreadThen, attempts: int = 5) -> UnreadPolicy:
    return UnreadPolicy(then=then, attempts=attempts, reason=LATE)


DROP, DEAD_LETTER, REQUEUE = (
    policy(then) for then in (UnreadThen.DROP, UnreadThen.DEAD_LETTER, UnreadThen.REQUEUE)
)


async def recipients(store: Store, *keys: FeedKey) -> None:
    for key in keys:
        await store.register(feed(key.subscription, consumer=key.consumer))


async def deliver(store: Store, key: FeedKey, *, unread_after: float | None = None) -> list[int]:
    """Have all that waits delivered and acknowledged; the offsets."""
    claims = await claim(store, key)
    await settle(store, *claims, unread_after=unread_after)
    return [one.event.offset for one in claims]


async def settle(
    store: Store, *claims: Claim, is_read: bool = False, unread_after: float | None = None
) -> list[Outcome]:
    """Have these acknowledged as received."""
    receipt = Received(is_read=is_read, unread_after=unread_after)
    unit = Unit(settlements=tuple(Acknowledge(one, receipt) for one in claims))
    return await store.commit([unit])


async def unread(store: Store, key: FeedKey) -> list[tuple[int, bool]]:
    """Offsets, and whether each was delivered."""
    found = await store.receipts.unread(key, 0, 100)
    assert await store.receipts.unread_count(key) == len(found)
    return [(one.event.offset, one.delivered_at is not None) for one in found]


class ReceiptCases:
    async def test_an_event_is_unread_from_its_recording_until_it_is_read(
        self, store: Store, clock: VirtualClock
    ) -> None:
        await recipients(store, ANN)
        await store.commit([unit(new_event(), new_event(), to="a"), unit(new_event(), to="b")])
        assert await unread(store, ANN) == [(1, False), (2, False), (3, False)]

        assert await deliver(store, ANN) == [1, 3]
        assert await unread(store, ANN) == [(1, True), (2, False), (3, True)]

        assert await store.receipts.mark_read(ANN, [1]) == {1}
        assert await unread(store, ANN) == [(2, False), (3, True)]
        assert await store.receipts.read_of(ANN, [1, 2, 3, 99]) == {1}

    async def test_each_recipient_has_read_what_it_has_read(self, store: Store) -> None:
        await recipients(store, ANN, BOB)
        await store.commit([unit(new_event())])
        await deliver(store, ANN)
        await store.receipts.mark_read(ANN, [1])

        assert await unread(store, ANN) == []
        assert await unread(store, BOB) == [(1, False)]
        await store.register(feed("other"))
        assert await store.receipts.recipients("news") == ["ann", "bob"]
        assert await store.receipts.recipients("other") == []

    async def test_who_has_seen_an_event_and_who_has_not(
        self, store: Store, clock: VirtualClock
    ) -> None:
        late = FeedKey("news", "late")
        await recipients(store, ANN, BOB, FeedKey("news", "cid"))
        await store.commit([unit(one := new_event()), unit(new_event("Other"), to="cart-2")])
        delivered_at = clock.now()
        await deliver(store, ANN)
        await deliver(store, BOB)
        clock.advance(5.0)
        await store.receipts.mark_read(BOB, [1])
        read_at = clock.now()
        await store.register(feed("news", consumer="late"))
        await deliver(store, late)

        found = await store.receipts.receipts("news", one.id)
        assert found[:3] == [
            Receipt("ann", ReceiptState.DELIVERED, delivered_at, None),
            Receipt("bob", ReceiptState.READ, delivered_at, read_at),
            Receipt("cid", ReceiptState.WAITING, None, None),
        ]
        assert [one.consumer for one in found[3:]] == ["late"]
        assert await store.receipts.receipts("news", uuid4()) == []

    async def test_reading_twice_is_reading_once(self, store: Store, clock: VirtualClock) -> None:
        await recipients(store, ANN)
        await store.commit([unit(one := new_event())])
        await deliver(store, ANN)
        assert await store.receipts.mark_read(ANN, [1]) == {1}
        [first] = await store.receipts.receipts("news", one.id)
        clock.advance(1.0)
        assert await store.receipts.mark_read(ANN, [1]) == {1}
        assert await store.receipts.receipts("news", one.id) == [first]

    async def test_what_is_not_the_recipients_is_not_read(self, store: Store) -> None:
        await recipients(store, ANN)
        await store.commit([unit(new_event("Other"), new_event())])
        assert await store.receipts.mark_read(ANN, [1, 2, 99]) == {2}
        assert await unread(store, ANN) == []

    async def test_an_event_can_be_read_before_it_is_delivered(self, store: Store) -> None:
        await recipients(store, ANN)
        await store.commit([unit(one := new_event())])
        offset = await store.receipts.offset_of(ANN, one.id)
        assert offset == 1
        assert await store.receipts.mark_read(ANN, [offset]) == {1}
        assert await store.receipts.read_of(ANN, [offset]) == {1}, "so that it is not delivered"
        [found] = await store.receipts.receipts("news", one.id)
        assert (found.state, found.delivered_at) == (ReceiptState.READ, None)
        assert await store.receipts.offset_of(ANN, uuid4()) is None

    async def test_all_up_to_an_offset_is_read_at_once(self, store: Store) -> None:
        await recipients(store, ANN)
        await store.commit([unit(*(new_event() for _ in range(3)), to="a"), unit(new_event())])
        await deliver(store, ANN)
        assert await store.receipts.mark_all_read(ANN, 2) == 2
        assert await unread(store, ANN) == [(3, False), (4, True)]
        assert await store.receipts.mark_all_read(ANN, None) == 2
        assert await store.receipts.mark_all_read(ANN, None) == 0
        assert await unread(store, ANN) == []
        await store.commit([unit(new_event())])
        assert await unread(store, ANN) == [(5, False)]

    async def test_unread_events_come_in_pages(self, store: Store) -> None:
        await recipients(store, ANN)
        await store.commit([unit(*(new_event() for _ in range(5)))])
        first = await store.receipts.unread(ANN, 0, 2)
        second = await store.receipts.unread(ANN, first[-1].event.offset, 10)
        assert [one.event.offset for one in (*first, *second)] == [1, 2, 3, 4, 5]

    async def test_an_event_is_delivered_once_that_is_acknowledged_and_not_before(
        self, store: Store, clock: VirtualClock
    ) -> None:
        await recipients(store, ANN)
        await store.commit([unit(one := new_event())])
        [first] = await claim(store, ANN)
        clock.advance(31.0)  # its claim has run out
        [again] = await claim(store, ANN)
        assert again.attempt == 2

        [outcome] = await settle(store, first, unread_after=60.0)
        assert isinstance(outcome, Rejected)
        waiting = Receipt("ann", ReceiptState.WAITING, None, None)
        assert await store.receipts.receipts("news", one.id) == [waiting]
        assert (await store.receipts.expire_unread("news", DROP, 10)).next_due is None

        delivered_at = clock.now()
        await settle(store, again, unread_after=60.0)
        delivered = Receipt("ann", ReceiptState.DELIVERED, delivered_at, None)
        assert await store.receipts.receipts("news", one.id) == [delivered]
        assert (await store.receipts.expire_unread("news", DROP, 10)).next_due == 60.0

    async def test_reading_is_written_with_the_acknowledgement(
        self, store: Store, clock: VirtualClock
    ) -> None:
        await recipients(store, ANN)
        await store.commit([unit(one := new_event())])
        [held] = await claim(store, ANN)
        now = clock.now()
        await settle(store, held, is_read=True, unread_after=60.0)
        read = Receipt("ann", ReceiptState.READ, now, now)
        assert await store.receipts.receipts("news", one.id) == [read]
        assert await unread(store, ANN) == []
        assert (await store.feed(ANN)).pending == 0
        assert (await store.receipts.expire_unread("news", DROP, 10)).next_due is None

    async def test_a_unit_that_is_refused_leaves_no_receipt(self, store: Store) -> None:
        await recipients(store, ANN)
        await store.commit([unit(one := new_event(), to="cart-9")])
        [held] = await claim(store, ANN)
        received = Acknowledge(held, Received())
        refused = unit(new_event(), to="cart-9", expect=Expect.NEW, settling=(received,))
        [outcome] = await store.commit([refused])
        assert isinstance(outcome, Rejected)
        [found] = await store.receipts.receipts("news", one.id)
        assert found.state is ReceiptState.WAITING

    async def test_what_was_read_in_hand_stays_read(self, store: Store) -> None:
        await recipients(store, ANN)
        await store.commit([unit(one := new_event())])
        [held] = await claim(store, ANN)
        assert await store.receipts.mark_read(ANN, [1]) == {1}
        [before] = await store.receipts.receipts("news", one.id)
        await settle(store, held, unread_after=60.0)
        assert await store.receipts.receipts("news", one.id) == [before]
        assert (await store.receipts.expire_unread("news", DROP, 10)).next_due is None

    async def test_what_is_not_read_in_time_is_dropped(
        self, store: Store, clock: VirtualClock
    ) -> None:
        await recipients(store, ANN, BOB)
        await store.commit([unit(one := new_event())])
        for key in (ANN, BOB):
            await deliver(store, key, unread_after=60.0)
        await store.receipts.mark_read(BOB, [1])
        early = await store.receipts.expire_unread("news", DROP, 10)
        assert (early.events, early.next_due) == ((), 60.0)
        clock.advance(60.0)
        late = await store.receipts.expire_unread("news", DROP, 10)
        assert (late.events, late.next_due) == ((Late("ann", 1, 1, UnreadThen.DROP),), None)
        again = await store.receipts.expire_unread("news", DROP, 10)
        assert again.events == ()
        assert await unread(store, ANN) == []
        assert await store.receipts.mark_read(ANN, [1]) == frozenset(), "it is too late"
        states = [found.state for found in await store.receipts.receipts("news", one.id)]
        assert states == [ReceiptState.DROPPED, ReceiptState.READ]

    async def test_or_becomes_a_dead_letter(self, store: Store, clock: VirtualClock) -> None:
        await recipients(store, ANN)
        await store.commit([unit(one := new_event(text="hello"))])
        await deliver(store, ANN, unread_after=60.0)
        clock.advance(60.0)
        await store.receipts.expire_unread("news", DEAD_LETTER, 10)
        [letter] = await store.dead_letters("news")
        assert (letter.consumer, letter.error) == ("ann", LATE)
        assert (letter.attempts, letter.unread, letter.behind) == (1, True, False)
        assert (letter.event.id, letter.event.data) == (one.id, one.data)
        assert await unread(store, ANN) == []

    async def test_a_dead_letter_that_is_requeued_is_as_unread_as_a_new_event(
        self, store: Store, clock: VirtualClock
    ) -> None:
        await recipients(store, ANN, BOB)
        await store.commit([unit(one := new_event())])
        for key in (ANN, BOB):
            await deliver(store, key, unread_after=60.0)
        clock.advance(60.0)
        await store.receipts.expire_unread("news", DEAD_LETTER, 10)
        await store.requeue([letter.id for letter in await store.dead_letters("news")])

        assert await unread(store, ANN) == [(1, False)]
        assert await store.receipts.read_of(ANN, [1]) == frozenset()
        states = [found.state for found in await store.receipts.receipts("news", one.id)]
        assert states == [ReceiptState.WAITING, ReceiptState.WAITING]
        assert await store.receipts.mark_read(BOB, [1]) == {1}
        assert await deliver(store, ANN, unread_after=60.0) == [1]
        assert await unread(store, ANN) == [(1, True)]
        clock.advance(60.0)
        again = await store.receipts.expire_unread("news", DEAD_LETTER, 10)
        assert again.events == (Late("ann", 1, 1, UnreadThen.DEAD_LETTER),)

    async def test_or_is_delivered_again_and_has_its_time_anew(
        self, store: Store, clock: VirtualClock
    ) -> None:
        await recipients(store, ANN)
        await store.commit([unit(one := new_event())])
        await deliver(store, ANN, unread_after=60.0)
        clock.advance(60.0)
        signal = store.changes(ANN)
        seen = signal.generation
        await store.receipts.expire_unread("news", REQUEUE, 10)
        async with asyncio.timeout(5.0):
            await signal.wait_after(seen)
        assert await store.dead_letters("news") == []
        assert await unread(store, ANN) == [(1, False)]
        [found] = await store.receipts.receipts("news", one.id)
        assert found.state is ReceiptState.WAITING
        assert await deliver(store, ANN, unread_after=60.0) == [1]
        assert await unread(store, ANN) == [(1, True)]
        clock.advance(59.0)
        early = await store.receipts.expire_unread("news", REQUEUE, 10)
        assert (early.events, early.next_due) == ((), 1.0)
        assert await store.receipts.mark_read(ANN, [1]) == {1}

    async def test_until_it_has_come_as_often_as_it_may(
        self, store: Store, clock: VirtualClock
    ) -> None:
        await recipients(store, ANN)
        await store.commit([unit(new_event())])
        for attempt in (1, 2):
            [held] = await claim(store, ANN)
            assert held.attempt == attempt
            await store.commit([Unit(settlements=(PutBack(held, failed=False),))])
            await deliver(store, ANN, unread_after=60.0)
            clock.advance(60.0)
            ended = await store.receipts.expire_unread("news", policy(UnreadThen.REQUEUE, 3), 10)
            assert ended.events == (Late("ann", 1, attempt, UnreadThen.REQUEUE),)
        await deliver(store, ANN, unread_after=60.0)
        clock.advance(60.0)
        ended = await store.receipts.expire_unread("news", policy(UnreadThen.REQUEUE, 3), 10)
        assert ended.events == (Late("ann", 1, 3, UnreadThen.DEAD_LETTER),)
        [letter] = await store.dead_letters("news")
        assert (letter.error, letter.attempts, letter.unread) == (LATE, 3, True)
        assert await claim(store, ANN) == []

    async def test_nothing_waits_behind_what_was_not_read(
        self, store: Store, clock: VirtualClock
    ) -> None:
        await store.register(WAITING_ANN)
        await store.commit([unit(*(new_event() for _ in range(4)))])
        [first] = await claim(store, ANN)
        await settle(store, first, unread_after=60.0)
        clock.advance(60.0)
        await store.receipts.expire_unread("news", DEAD_LETTER, 10)
        [second] = await claim(store, ANN)
        await store.commit([Unit(settlements=(SetAside(second, "it failed"),))])
        assert await claim(store, ANN) == [], "it waits behind the one that failed"

        letters = {one.event.offset: one for one in await store.dead_letters("news")}
        assert {at: one.behind for at, one in letters.items()} == {
            1: False,
            2: False,
            3: True,
            4: True,
        }
        assert await store.requeue([letters[1].id]) == 1
        assert await deliver(store, ANN) == [1]
        assert await store.requeue([letters[2].id]) == 3
        assert [await deliver(store, ANN) for _ in range(3)] == [[2], [3], [4]]

    async def test_whom_an_event_could_not_be_delivered_to(self, store: Store) -> None:
        await store.register(WAITING_ANN)
        await store.commit([unit(one := new_event(), two := new_event())])
        [held] = await claim(store, ANN)
        await store.commit([Unit(settlements=(SetAside(held, "it failed"),))])
        assert await claim(store, ANN) == []

        set_aside = Receipt("ann", ReceiptState.DEAD_LETTERED, None, None)
        assert await store.receipts.receipts("news", one.id) == [set_aside]
        assert await store.receipts.receipts("news", two.id) == [set_aside]
        assert await unread(store, ANN) == []
        assert await store.receipts.offset_of(ANN, two.id) == 2
        assert await store.receipts.mark_read(ANN, [1, 2]) == frozenset()

    async def test_after_a_reset_what_is_not_read_is_as_if_it_had_never_been_delivered(
        self, store: Store, clock: VirtualClock
    ) -> None:
        await recipients(store, ANN)
        await store.commit([unit(new_event(), to=f"cart-{number}") for number in range(4)])
        await deliver(store, ANN, unread_after=60.0)
        await store.receipts.mark_read(ANN, [3])
        clock.advance(60.0)
        await store.receipts.expire_unread("news", DEAD_LETTER, 2)
        await store.reset([ANN], FromOffset(2), forced=False, dry_run=False, actor="")

        assert await unread(store, ANN) == [(2, False), (4, False)]
        assert await store.receipts.read_of(ANN, [1, 2, 3, 4]) == {3}
        assert (await store.receipts.expire_unread("news", DROP, 10)).next_due is None
        assert await deliver(store, ANN) == [2, 3, 4]
        assert await unread(store, ANN) == [(2, True), (4, True)]

    async def test_of_many_that_are_late_each_is_ended_once(
        self, store: Store, clock: VirtualClock
    ) -> None:
        await recipients(store, ANN)
        await store.commit([unit(new_event(), to=f"cart-{number}") for number in range(7)])
        await deliver(store, ANN, unread_after=60.0)
        clock.advance(61.0)
        ended = [await store.receipts.expire_unread("news", DROP, 3) for _ in range(4)]
        assert [len(one.events) for one in ended] == [3, 3, 1, 0]
        assert [one.next_due for one in ended] == [0.0, 0.0, None, None]

    async def test_of_reading_and_running_out_of_time_one_happens(
        self, store: Store, clock: VirtualClock
    ) -> None:
        await recipients(store, ANN)
        await store.commit([unit(new_event(), to=f"cart-{number}") for number in range(20)])
        await deliver(store, ANN, unread_after=60.0)
        clock.advance(60.0)
        read, ended = await asyncio.gather(
            store.receipts.mark_read(ANN, range(1, 21)),
            asyncio.gather(*(store.receipts.expire_unread("news", DROP, 5) for _ in "1234")),
        )
        dropped = [late.offset for one in ended for late in one.events]
        assert sorted((*read, *dropped)) == [*range(1, 21)]
        assert await unread(store, ANN) == []

    async def test_with_the_recipient_its_receipts_go(self, store: Store) -> None:
        await recipients(store, ANN)
        await store.commit([unit(one := new_event())])
        await deliver(store, ANN)
        await store.receipts.mark_read(ANN, [1])
        await store.unregister(ANN)
        assert await store.receipts.receipts("news", one.id) == []
        await recipients(store, ANN)
        assert await unread(store, ANN) == [(1, False)]

    async def test_a_recipient_that_is_not_there_is_refused(self, store: Store) -> None:
        receipts = store.receipts
        for asked in (
            receipts.mark_read(ANN, [1]),
            receipts.mark_all_read(ANN, None),
            receipts.unread_count(ANN),
            receipts.unread(ANN, 0, 10),
            receipts.offset_of(ANN, uuid4()),
        ):
            with pytest.raises(UnknownSubscriptionError, match="news/ann"):
                await asked
