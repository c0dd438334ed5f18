"""What a store promises of those who read: consumers, their sessions, pauses."""

import pytest
from headwater.errors import (
    UnknownSubscriptionError,
)
from headwater.stores.contract import (
    Acknowledge,
    Committed,
    Consumer,
    FeedKey,
    Rejected,
    Stale,
    Store,
    Unit,
)
from headwater.testing.clock import VirtualClock

from .examples import ME, claim, connection, feed, new_event, offsets, unit

__all__ = ["MemberCases"]


class MemberCases:
    """Who is there, who is gone, and what becomes of what they had."""

    # Consumers and sessions

    async def test_a_consumer_stays_when_its_sessions_go(
        self, store: Store, clock: VirtualClock
    ) -> None:
        begun = clock.now()
        await store.connect(connection("s-1"), lifetime=10, expire_after=None)
        await store.connect(connection("s-2"), lifetime=10, expire_after=None)
        await store.connect(connection("s-3", "bob"), lifetime=10, expire_after=None)
        clock.advance(1)
        await store.disconnect("s-1")

        assert await store.consumers("reader") == [
            Consumer("reader", "ann", begun, clock.now(), 1),
            Consumer("reader", "bob", begun, begun, 1),
        ]
        assert await store.consumers("other") == []
        clock.advance(1000)
        await store.remove_stale()
        assert [one.sessions for one in await store.consumers("reader")] == [0, 0]

    async def test_a_session_that_is_heard_of_lives_on(
        self, store: Store, clock: VirtualClock
    ) -> None:
        await store.connect(connection("s-1"), lifetime=10, expire_after=None)
        await store.connect(connection("s-2", "bob"), lifetime=10, expire_after=None)
        clock.advance(9)
        assert await store.heartbeat(["s-1"], lifetime=10) == frozenset()
        clock.advance(9)

        stale = await store.remove_stale()

        assert [one.session for one in stale.sessions] == ["s-2"]
        assert await store.heartbeat(["s-1", "s-2"], lifetime=10) == {"s-2"}
        assert (await store.remove_stale()) == Stale((), ())

    async def test_the_claims_of_a_stale_session_are_void_and_have_failed(
        self, store: Store, clock: VirtualClock
    ) -> None:
        """Long before they would have timed out; another session has them at once."""
        await store.register(feed())
        await store.commit([unit(new_event(), to=name) for name in "ab"])
        await store.connect(connection("s-1", key=FeedKey("reader")), lifetime=5, expire_after=None)
        [lost] = await claim(store, FeedKey("reader"), holder="s-1", limit=1)
        [kept] = await claim(store, FeedKey("reader"), holder="s-2", limit=1)
        changes = store.changes(FeedKey("reader"))
        seen = changes.generation
        clock.advance(5)

        await store.remove_stale()

        assert changes.generation != seen, "who waits is woken"
        [again] = await claim(store, FeedKey("reader"), holder="s-3")
        assert (again.event.offset, again.attempt) == (1, 2)
        [late, in_time] = await store.commit(
            [Unit(settlements=(Acknowledge(one),)) for one in (lost, kept)]
        )
        assert (type(late), type(in_time)) == (Rejected, Committed)

    async def test_a_consumer_expires_with_its_feed_when_it_has_been_away_for_too_long(
        self, store: Store, clock: VirtualClock
    ) -> None:
        keys = [FeedKey("reader", name) for name in ("ann", "bob", "eve")]
        for number, key in enumerate(keys):
            await store.register(feed(consumer=key.consumer, stream="queue"))
            expire_after = None if key.consumer == "eve" else 60.0
            await store.connect(
                connection(f"s-{number}", str(key.consumer)), lifetime=5, expire_after=expire_after
            )
        await store.commit([unit(new_event(), stream="queue")])
        await store.disconnect("s-0")
        await store.disconnect("s-2")
        clock.advance(59)
        await store.heartbeat(["s-1"], lifetime=5)
        assert (await store.remove_stale()).consumers == ()
        clock.advance(1)

        assert (await store.remove_stale()).consumers == (("reader", "ann"),)

        assert [one.name for one in await store.consumers("reader")] == ["bob", "eve"]
        with pytest.raises(UnknownSubscriptionError):
            await store.feed(keys[0])
        assert (await store.feed(keys[1])).pending == 1

    async def test_a_consumer_that_is_removed_takes_its_feed_and_its_sessions_along(
        self, store: Store
    ) -> None:
        await store.register(feed(consumer="ann", stream="queue"))
        await store.commit([unit(new_event(), stream="queue")])
        await store.connect(connection("s-1"), lifetime=5, expire_after=None)

        await store.remove_consumer("reader", "ann")

        assert await store.consumers("reader") == []
        assert await store.heartbeat(["s-1"], lifetime=5) == {"s-1"}
        assert (await store.statistics("queue")).length == 0
        with pytest.raises(UnknownSubscriptionError):
            await store.claim(FeedKey("reader", "ann"), ME, 1)

    # Pauses

    async def test_a_paused_subscription_hands_out_nothing_and_settles_what_is_out(
        self, store: Store
    ) -> None:
        await store.register(feed())
        await store.register(feed("other"))
        await store.commit([unit(new_event(), to=name) for name in "ab"])
        [first] = await claim(store, FeedKey("reader"), limit=1)

        await store.pause("reader")
        await store.pause("reader")

        assert await store.paused() == {"reader"}
        assert await claim(store, FeedKey("reader")) == []
        assert offsets(await claim(store, FeedKey("other"))) == [1, 2]
        [settled] = await store.commit([Unit(settlements=(Acknowledge(first),))])
        assert isinstance(settled, Committed)

        changes = store.changes(FeedKey("reader"))
        seen = changes.generation
        await store.resume("reader")
        assert changes.generation != seen
        assert await store.paused() == frozenset()
        assert offsets(await claim(store, FeedKey("reader"))) == [2]
