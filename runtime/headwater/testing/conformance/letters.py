"""What a store promises of dead letters."""

import pytest
from headwater.errors import (
    UnknownSubscriptionError,
)
from headwater.stores.contract import (
    Acknowledge,
    Claim,
    DeadLetter,
    FeedKey,
    FeedStatistics,
    SetAside,
    Store,
    Unit,
)

from .examples import claim, feed, new_event, offsets, unit

__all__ = ["LetterCases"]


class LetterCases:
    """They are kept, come back in order, or are dropped."""

    async def dead_letter(self, store: Store, of: Claim) -> DeadLetter:
        await store.commit([Unit(settlements=(SetAside(of, "no"),))])
        return (await store.dead_letters(of.feed.subscription))[-1]

    @pytest.mark.parametrize("stream", ["log", "queue"])
    async def test_a_requeued_dead_letter_comes_again_as_new(
        self, store: Store, stream: str
    ) -> None:
        await store.register(feed(stream=stream))
        await store.commit([unit(new_event(text="a"), stream=stream)])
        [first] = await claim(store, FeedKey("reader"))
        letter = await self.dead_letter(store, first)
        changes = store.changes(FeedKey("reader"))
        seen = changes.generation

        assert await store.requeue([letter.id]) == 1

        assert changes.generation != seen, "who waits is woken"
        assert await store.dead_letters("reader") == []
        assert await store.feed(FeedKey("reader")) == FeedStatistics(0, 0, 1)
        [again] = await claim(store, FeedKey("reader"))
        assert (again.event, again.attempt) == (first.event, 1)
        await store.commit([Unit(settlements=(Acknowledge(again),))])
        assert await store.feed(FeedKey("reader")) == FeedStatistics(1, 0, 0)
        assert (await store.statistics(stream)).length == (1 if stream == "log" else 0)
        assert await store.requeue([letter.id]) == 0

    async def test_a_requeued_dead_letter_goes_before_the_later_events_of_its_lane(
        self, store: Store
    ) -> None:
        """But not before one that somebody has: of a lane only one is out at a time."""
        await store.register(feed())
        await store.commit([unit(new_event(), new_event(), new_event())])
        [first] = await claim(store, FeedKey("reader"))
        letter = await self.dead_letter(store, first)
        [second] = await claim(store, FeedKey("reader"))

        await store.requeue([letter.id])

        assert await claim(store, FeedKey("reader")) == []
        await store.commit([Unit(settlements=(Acknowledge(second),))])
        assert offsets(await claim(store, FeedKey("reader"))) == [1]

    async def test_a_dead_letter_whose_event_will_come_anyway_does_not_come_twice(
        self, store: Store
    ) -> None:
        await store.register(feed())
        await store.commit([unit(new_event())])
        letter = await self.dead_letter(store, (await claim(store, FeedKey("reader")))[0])
        await store.unregister(FeedKey("reader"))
        with pytest.raises(UnknownSubscriptionError):
            await store.requeue([letter.id])
        await store.register(feed())

        assert await store.requeue([letter.id]) == 1

        [once] = await claim(store, FeedKey("reader"))
        await store.commit([Unit(settlements=(Acknowledge(once),))])
        assert await claim(store, FeedKey("reader")) == []

    async def test_a_dropped_dead_letter_is_gone(self, store: Store) -> None:
        await store.register(feed())
        await store.commit([unit(new_event(), to=name) for name in "ab"])
        letters = [
            await self.dead_letter(store, one) for one in await claim(store, FeedKey("reader"))
        ]
        assert await store.drop([letters[0].id, letters[0].id]) == 1
        assert [one.id for one in await store.dead_letters("reader")] == [letters[1].id]
        assert await store.drop([letters[0].id]) == 0
