"""What a store promises of the events behind a dead letter of their workflow."""

import pytest
from headwater.stores.contract import (
    Acknowledge,
    DeadLetter,
    FeedKey,
    FeedStatistics,
    Order,
    PutBack,
    SetAside,
    Store,
    Unit,
)
from headwater.streams import AfterDeadLetter, FromBeginning
from headwater.testing.clock import VirtualClock

from .examples import claim, feed, new_event, offsets, unit

__all__ = ["BehindCases"]

KEY = FeedKey("reader")
WAIT = AfterDeadLetter.WAIT
ORDERS = pytest.mark.parametrize("order", Order)


class BehindCases:
    """With `after_dead_letter: wait`: they are set aside behind it, and come back in order."""

    async def fail(self, store: Store, *, key: FeedKey = KEY) -> int:
        """Set the next event of the feed aside; its offset."""
        [first, *others] = await claim(store, key, limit=1)
        assert not others
        await store.commit([Unit(settlements=(SetAside(first, "no"),))])
        return first.event.offset

    async def drain(self, store: Store, key: FeedKey = KEY) -> list[int]:
        """Acknowledge all that the feed hands out; the offsets, in order."""
        seen: list[int] = []
        while claims := await claim(store, key):
            seen += offsets(claims)
            await store.commit([Unit(settlements=tuple(map(Acknowledge, claims)))])
        return seen

    async def letters(self, store: Store) -> list[tuple[int, bool]]:
        """Offsets, and whether they are behind."""
        return [
            (letter.event.offset, letter.behind) for letter in await store.dead_letters("reader")
        ]

    @ORDERS
    @pytest.mark.parametrize("stream", ["log", "queue"])
    async def test_later_events_of_a_workflow_are_set_aside_behind_its_dead_letter(
        self, store: Store, order: Order, stream: str
    ) -> None:
        """They count as settled; other workflows go on; nothing of what is set aside is lost."""
        await store.register(feed(stream=stream, order=order, after_dead_letter=WAIT))
        await store.commit([unit(new_event(text="a"), to="poisoned", stream=stream)])
        assert await self.fail(store) == 1
        for name in ("poisoned", "b", "poisoned", "c"):
            await store.commit([unit(new_event(text=name), to=name, stream=stream)])

        assert await self.drain(store) == [3, 5]

        assert await self.letters(store) == [(1, False), (2, True), (4, True)]
        assert await store.feed(KEY) == FeedStatistics(5, 0, 0)
        assert (await store.statistics(stream)).length == (5 if stream == "log" else 0)
        second = (await store.dead_letters("reader"))[1]
        assert (second.event.data, second.attempts) == (b'{"text":"poisoned"}', 0)
        assert "behind" in second.error

    @ORDERS
    @pytest.mark.parametrize("stream", ["log", "queue"])
    async def test_they_come_back_with_the_letter_and_before_what_was_recorded_since(
        self, store: Store, order: Order, stream: str
    ) -> None:
        await store.register(feed(stream=stream, order=order, after_dead_letter=WAIT))
        await store.commit([unit(*[new_event() for _ in range(4)], to="poisoned", stream=stream)])
        await self.fail(store)
        assert await self.drain(store) == []
        await store.commit([unit(new_event(), to="poisoned", stream=stream)])
        [letter, *_] = await store.dead_letters("reader")

        assert await store.requeue([letter.id]) == 4

        assert await store.dead_letters("reader") == []
        assert await self.drain(store) == [1, 2, 3, 4, 5]
        assert (await store.statistics(stream)).length == (5 if stream == "log" else 0)

    async def test_what_was_taken_already_waits_as_well(
        self, store: Store, clock: VirtualClock
    ) -> None:
        """Whether it stood in its lane, was tried before, or ran out of its time."""
        await store.register(feed(run=4, after_dead_letter=WAIT))
        await store.commit([unit(*[new_event() for _ in range(6)]), unit(new_event(), to="b")])
        first, second, third, _, other = await claim(store, KEY)
        await store.commit([Unit(settlements=(PutBack(second, failed=True, delay=60),))])
        await store.commit([Unit(settlements=(PutBack(third, failed=False),))])
        await store.commit([Unit(settlements=(Acknowledge(other), SetAside(first, "no")))])

        assert await claim(store, KEY) == []
        assert await self.letters(store) == [(1, False), (2, True), (3, True), (5, True), (6, True)]
        clock.advance(31)
        assert await claim(store, KEY) == []

        assert (await self.letters(store))[-1] == (4, True)
        assert [one.attempts for one in await store.dead_letters("reader")] == [1, 1, 0, 0, 0, 1]
        assert await store.feed(KEY) == FeedStatistics(7, 0, 0)
        [letter, *_] = await store.dead_letters("reader")
        assert await store.requeue([letter.id]) == 6
        assert await self.drain(store) == [1, 2, 3, 4, 5, 6]

    async def test_with_continue_they_are_handed_out(self, store: Store) -> None:
        await store.register(feed())
        await store.commit([unit(new_event(), new_event())])
        await self.fail(store)

        assert await self.drain(store) == [2]
        assert await self.letters(store) == [(1, False)]

    async def test_one_that_fails_again_takes_the_others_back_behind_it(self, store: Store) -> None:
        await store.register(feed(after_dead_letter=WAIT))
        await store.commit([unit(new_event(), new_event(), new_event())])
        await self.fail(store)
        assert await self.drain(store) == []
        await store.requeue([one.id for one in await store.dead_letters("reader")])

        [first] = await claim(store, KEY)
        await store.commit([Unit(settlements=(Acknowledge(first),))])
        assert await self.fail(store) == 2
        assert await self.drain(store) == []

        assert await self.letters(store) == [(2, False), (3, True)]

    async def test_one_that_waits_cannot_come_back_before_the_one_it_waits_for(
        self, store: Store
    ) -> None:
        """Until that is dropped; then those behind are handed out when they are asked for."""
        await store.register(feed(after_dead_letter=WAIT))
        await store.commit([unit(new_event(), new_event(), new_event())])
        await self.fail(store)
        assert await self.drain(store) == []
        first, second, third = await store.dead_letters("reader")

        assert await store.requeue([second.id]) == 0
        assert await store.requeue([second.id, third.id]) == 0
        assert await store.dead_letters("reader") == [first, second, third]

        assert await store.drop([first.id]) == 1
        assert await store.requeue([third.id]) == 0
        await store.commit([unit(new_event())])
        assert await self.drain(store) == [], "those behind keep back what comes later"
        assert await store.requeue([second.id]) == 3
        assert await self.drain(store) == [2, 3, 4]

    async def test_each_feed_waits_for_its_own_dead_letters(self, store: Store) -> None:
        keys = [FeedKey("reader", name) for name in ("ann", "bob")]
        for key in keys:
            await store.register(feed(consumer=key.consumer, after_dead_letter=WAIT))
        await store.commit([unit(new_event(), new_event())])
        await self.fail(store, key=keys[0])

        assert await self.drain(store, keys[0]) == []
        assert await self.drain(store, keys[1]) == [1, 2]

    async def test_what_is_behind_already_is_not_set_aside_twice(self, store: Store) -> None:
        await store.register(feed(after_dead_letter=WAIT))
        await store.commit([unit(new_event(), new_event())])
        await self.fail(store)
        assert await self.drain(store) == []
        await store.unregister(KEY)
        await store.register(feed(start=FromBeginning(), after_dead_letter=WAIT))

        assert await self.drain(store) == [1]

        assert await self.letters(store) == [(1, False), (2, True)]

    async def test_a_long_poisoned_workflow_does_not_stop_the_others(self, store: Store) -> None:
        """However much of it there is between two events of theirs: more than any window."""
        await store.register(feed(after_dead_letter=WAIT))
        await store.commit([unit(new_event(), to="poisoned")])
        await self.fail(store)
        many = [new_event() for _ in range(1100)]
        await store.commit([unit(*many, to="poisoned"), unit(new_event(), to="b")])

        seen: list[int] = []
        for _ in range(3):  # a claim looks at so many events, and says that there are more
            seen += await self.drain(store)

        assert seen == [1102]
        letters: list[DeadLetter] = await store.dead_letters("reader")
        assert [one.event.offset for one in letters] == list(range(1, 1102))
        assert await store.requeue([letters[0].id]) == 1101
        assert await self.drain(store) == list(range(1, 1102))
