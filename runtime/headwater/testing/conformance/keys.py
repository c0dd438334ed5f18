"""What a store promises of idempotency keys: they are kept while what has them may come again."""

import asyncio
from dataclasses import replace

import pytest
from headwater.errors import LeaseLostError
from headwater.stores.contract import (
    Acknowledge,
    Committed,
    FeedKey,
    IdempotencyKey,
    Rejected,
    SentCommand,
    SetAside,
    Store,
    Unit,
)
from headwater.stores.keys import KeyCount, KeyKind, Occasion
from headwater.stores.leases import KEYS, Lease
from headwater.stores.retention import Swept
from headwater.testing.clock import VirtualClock

from .examples import claim, feed, new_event, sent, unit, unit_with_key
from .retention import lease_of, sweep_all

__all__ = ["KeyCases"]

READER = FeedKey("reader")
DAY = 86_400.0
WEEK = 7 * DAY


async def keys_lease(store: Store) -> Lease:
    lease = await store.acquire_lease(KEYS, "me", 60 * DAY)
    assert lease is not None
    return lease


async def forget(
    store: Store, kind: KeyKind = KeyKind.REQUEST, stream: str = "", *, limit: int = 1000
) -> int:
    """Remove all that is not needed after a week; how many."""
    lease = await keys_lease(store)
    removed, start = 0, 1
    while True:
        swept = await store.forget_keys(
            kind, stream, kept=WEEK, start=start, limit=limit, lease=lease
        )
        removed += swept.removed
        if swept.next is None:
            return removed
        start = swept.next


async def forget_soon(store: Store, kind: KeyKind, stream: str) -> int:
    """Remove what is not needed, as soon as there is any: what all have read goes a bit later."""
    async with asyncio.timeout(10.0):
        removed = await forget(store, kind, stream)
        while not removed:
            await asyncio.sleep(0.01)
            removed = await forget(store, kind, stream)
    return removed


def keyed(key: str, occasion: Occasion) -> Unit:
    made = unit_with_key(key)
    assert made.key is not None
    return replace(made, key=replace(made.key, occasion=occasion))


async def carry_out(store: Store, stream: str, key: str = "sent:1") -> None:
    """Have the one event of a reader settled with a command sent, and that carried out."""
    [event] = await claim(store, READER)
    occasion = Occasion(KeyKind.SENT, stream, event.event.offset)
    command = replace(sent(key), occasion=occasion)
    await store.commit([Unit(settlements=(Acknowledge(event),), sends=(command,))])
    await carry_out_sent(store)


async def carry_out_sent(store: Store) -> SentCommand:
    [taken] = (await store.take_commands(10, lease=60)).commands
    made = unit_with_key(taken.key).key
    assert made is not None
    key = IdempotencyKey(made.key, made.answer, taken.occasion)
    [done] = await store.commit([Unit(key=key, carries_out=taken.key)])
    assert isinstance(done, Committed)
    return taken


class KeyCases:
    """Requests by age, other services' events by distance, sent commands with their events."""

    async def test_a_key_is_kept_for_as_long_as_was_said_and_not_for_longer(
        self, store: Store, clock: VirtualClock
    ) -> None:
        """What comes again after that is new."""
        await store.commit([unit_with_key("k-1", new_event())])
        clock.advance(DAY)
        await store.commit([unit_with_key("k-2", new_event())])
        clock.advance(WEEK - DAY)
        assert await store.count_keys(KeyKind.REQUEST, "", WEEK) == KeyCount(2, 0)
        assert await forget(store) == 0

        clock.advance(1.0)
        assert await store.count_keys(KeyKind.REQUEST, "", WEEK) == KeyCount(2, 1)
        assert await forget(store) == 1

        assert await store.answer("k-1") is None
        assert await store.answer("k-2") is not None
        [again] = await store.commit([unit_with_key("k-1", new_event())])
        assert again == Committed((3,))

    async def test_old_keys_go_a_few_at_a_time(self, store: Store, clock: VirtualClock) -> None:
        await store.commit([unit_with_key(f"k-{number}", new_event()) for number in range(7)])
        clock.advance(WEEK + 1.0)
        await store.commit([unit_with_key("new", new_event())])
        lease = await keys_lease(store)

        first = await store.forget_keys(
            KeyKind.REQUEST, "", kept=WEEK, start=1, limit=3, lease=lease
        )

        assert first.removed == 3
        assert first.next is not None
        assert await forget(store, limit=3) == 4
        assert await store.count_keys(KeyKind.REQUEST, "", WEEK) == KeyCount(1, 0)

    async def test_keys_of_imported_lines_stay(self, store: Store, clock: VirtualClock) -> None:
        await store.commit([keyed("import:1", Occasion(KeyKind.IMPORT))])
        clock.advance(100 * WEEK)
        assert await store.count_keys(KeyKind.IMPORT, "", WEEK) == KeyCount(1, 0)
        assert await forget(store, KeyKind.IMPORT) == 0
        assert await store.answer("import:1") is not None

    async def test_keys_of_another_service_s_events_are_as_old_as_the_newest_one_is_newer(
        self, store: Store, clock: VirtualClock
    ) -> None:
        """While nothing arrives none goes: what waits in the broker may be any of them again."""
        ingested = Occasion(KeyKind.INGEST, "log")
        await store.commit([keyed("ingest:1", ingested)])
        clock.advance(100 * WEEK)
        assert await store.count_keys(KeyKind.INGEST, "log", WEEK) == KeyCount(1, 0)
        assert await forget(store, KeyKind.INGEST, "log") == 0

        await store.commit([keyed("ingest:2", ingested)])

        assert await forget(store, KeyKind.INGEST, "queue") == 0
        assert await forget(store, KeyKind.INGEST, "log") == 1
        assert await store.answer("ingest:1") is None
        assert await store.answer("ingest:2") is not None

    async def test_a_sent_command_tells_what_event_it_was_sent_for(self, store: Store) -> None:
        command = replace(sent("sent:1"), occasion=Occasion(KeyKind.SENT, "log", 7))
        await store.commit([Unit(sends=(command,))])
        [taken] = (await store.take_commands(10, lease=60)).commands
        assert taken == replace(command, attempts=1)
        await store.postpone_command("sent:1", "never", None)
        [failed] = await store.failed_commands()
        assert failed.command.occasion == command.occasion

    async def test_what_was_sent_for_an_event_is_known_while_the_stream_has_the_event(
        self, store: Store, clock: VirtualClock
    ) -> None:
        """However old it is: whoever resets the cursor has it handled again, and sent again."""
        await store.register(feed())
        await store.commit([unit(new_event())])
        await carry_out(store, "log")
        clock.advance(100 * WEEK)
        assert await store.count_keys(KeyKind.SENT, "log", WEEK) == KeyCount(1, 0)
        assert await forget(store, KeyKind.SENT, "log") == 0

        lease = await lease_of(store)
        await store.truncate("log", 1, regardless=1, lease=lease)
        await sweep_all(store, lease)

        assert await store.count_keys(KeyKind.SENT, "log", WEEK) == KeyCount(1, 1)
        assert await forget(store, KeyKind.SENT, "log") == 1
        assert await store.answer("sent:1") is None

    async def test_what_was_sent_for_an_event_is_kept_for_as_long_as_was_said(
        self, store: Store, clock: VirtualClock
    ) -> None:
        """A process that took the command may not know yet that another one has carried it out."""
        await store.register(feed(stream="queue"))
        await store.commit([unit(new_event(), stream="queue", workflow=None)])
        await carry_out(store, "queue")
        assert await store.read("queue", 0, 10) == []
        clock.advance(WEEK)
        assert await forget(store, KeyKind.SENT, "queue") == 0
        clock.advance(1.0)
        assert await forget_soon(store, KeyKind.SENT, "queue") == 1

    async def test_what_was_sent_for_a_dead_letter_is_known_until_nobody_can_requeue_it(
        self, store: Store, clock: VirtualClock
    ) -> None:
        """Of two readers one has sent and the other has failed; the event is gone for both."""
        other = FeedKey("other")
        await store.register(feed(stream="queue"))
        await store.register(feed("other", stream="queue"))
        await store.commit([unit(new_event(), stream="queue", workflow=None)])
        await carry_out(store, "queue")
        [failed] = await claim(store, other)
        await store.commit([Unit(settlements=(SetAside(failed, "no"),))])
        clock.advance(100 * WEEK)
        assert await forget(store, KeyKind.SENT, "queue") == 0

        [letter] = await store.dead_letters("other")
        await store.requeue([letter.id])
        assert await forget(store, KeyKind.SENT, "queue") == 0, "it is to be handled again"
        [again] = await claim(store, other)
        assert await forget(store, KeyKind.SENT, "queue") == 0
        await store.commit([Unit(settlements=(Acknowledge(again),))])

        assert await forget_soon(store, KeyKind.SENT, "queue") == 1

    async def test_those_that_stay_hold_up_none_behind_them(
        self, store: Store, clock: VirtualClock
    ) -> None:
        await store.register(feed())
        for number in range(1, 8):
            await store.commit([unit(new_event())])
            if number in {2, 3}:
                [failed] = await claim(store, READER)
                await store.commit([Unit(settlements=(SetAside(failed, "no"),))])
                occasion = Occasion(KeyKind.SENT, "log", number)
                await store.commit([keyed(f"sent:{number}", occasion)])
            else:
                await carry_out(store, "log", f"sent:{number}")
        clock.advance(WEEK + 1.0)
        lease = await lease_of(store)
        await store.truncate("log", 6, regardless=6, lease=lease)
        await sweep_all(store, lease)

        assert await forget(store, KeyKind.SENT, "log", limit=2) == 4

        left = {number for number in range(1, 8) if await store.answer(f"sent:{number}")}
        assert left == {2, 3, 7}

    async def test_nothing_is_forgotten_under_a_lease_that_was_lost(
        self, store: Store, clock: VirtualClock
    ) -> None:
        await store.commit([unit_with_key("k-1", new_event())])
        mine = await store.acquire_lease(KEYS, "me", 10.0)
        assert mine is not None
        clock.advance(100 * WEEK)
        assert await store.acquire_lease(KEYS, "other", 10.0) is not None

        with pytest.raises(LeaseLostError):
            await store.forget_keys(KeyKind.REQUEST, "", kept=WEEK, start=1, limit=10, lease=mine)

        assert await store.answer("k-1") is not None

    async def test_a_key_that_is_gone_is_as_new_for_another_body(
        self, store: Store, clock: VirtualClock
    ) -> None:
        await store.commit([unit_with_key("k-1", new_event())])
        other = unit_with_key("k-1", new_event(), fingerprint=b"another")
        [refused] = await store.commit([other])
        assert isinstance(refused, Rejected)
        clock.advance(WEEK + 1.0)
        lease = await keys_lease(store)
        swept = await store.forget_keys(
            KeyKind.REQUEST, "", kept=WEEK, start=1, limit=10, lease=lease
        )
        assert swept == Swept(1, None)
        [written] = await store.commit([other])
        assert isinstance(written, Committed)
        assert await store.may_forget()
