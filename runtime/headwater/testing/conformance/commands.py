"""What a store promises of commands: each is carried out once."""

from dataclasses import replace

from headwater.errors import (
    IdempotencyConflictError,
)
from headwater.stores.contract import (
    Answer,
    Committed,
    Expect,
    FailedCommand,
    IdempotencyKey,
    Rejected,
    Store,
    Taken,
    Unit,
)
from headwater.testing.clock import VirtualClock

from .examples import new_event, sent, unit, unit_with_key

__all__ = ["CommandCases"]


class CommandCases:
    """Idempotency keys, and the commands that are stored until somebody carries them out."""

    # Idempotency keys

    async def test_a_unit_with_a_known_key_is_answered_and_not_written_again(
        self, store: Store
    ) -> None:
        """Its guards are not looked at: the first one made them fail."""
        first = unit_with_key("k-1", new_event(), expect=Expect.NEW, content=b"first")
        again = unit_with_key("k-1", new_event(), expect=Expect.NEW, content=b"second")

        outcomes = await store.commit([first, again])
        outcomes += await store.commit([again])

        answered = Committed((), earlier=Answer(b"body", b"first"))
        assert outcomes == [Committed((1,)), answered, answered]
        assert (await store.statistics("log")).head == 1
        assert await store.answer("k-1") == Answer(b"body", b"first")
        assert await store.answer("k-2") is None

    async def test_a_key_with_another_body_is_refused(self, store: Store) -> None:
        await store.commit([unit_with_key("k-1", new_event())])

        other = unit_with_key("k-1", new_event(), to="b", fingerprint=b"other body")
        [outcome] = await store.commit([other])

        assert isinstance(outcome, Rejected)
        assert isinstance(outcome.error, IdempotencyConflictError)
        assert (await store.workflow("Cart", "b")).version == 0

    async def test_a_key_is_kept_only_with_a_unit_that_was_written(self, store: Store) -> None:
        await store.commit([unit(new_event())])
        refused = unit_with_key("k-1", new_event(), expect=Expect.NEW)
        assert [type(one) for one in await store.commit([refused])] == [Rejected]
        assert await store.answer("k-1") is None

        without_events = Unit(key=refused.key)
        assert await store.commit([without_events]) == [Committed(())]
        assert await store.answer("k-1") is not None

    # Stored commands

    async def test_a_command_that_was_sent_is_taken_until_a_unit_carries_it_out(
        self, store: Store, clock: VirtualClock
    ) -> None:
        """Its key is its idempotency key: known, it is not stored again."""
        changes = store.sent()
        seen = changes.generation
        await store.commit([Unit(sends=(sent("k-1"), sent("k-2")))])
        await store.commit([Unit(sends=(sent("k-1"),))])
        assert changes.generation != seen, "who waits is woken"

        taken = await store.take_commands(10, lease=60)
        assert list(taken.commands) == [sent("k-1", attempts=1), sent("k-2", attempts=1)]
        assert (await store.take_commands(10, lease=60)) == Taken((), 60.0)

        key = IdempotencyKey("k-1", Answer(b"f", b"a"))
        [done] = await store.commit([Unit(key=key, carries_out="k-1")])
        assert done == Committed(())
        await store.commit([Unit(sends=(sent("k-1"),))])
        clock.advance(60)
        again = await store.take_commands(10, lease=60)
        assert list(again.commands) == [sent("k-2", attempts=2)]

    async def test_a_unit_that_is_refused_sends_nothing(self, store: Store) -> None:
        await store.commit([unit(new_event())])
        refused = replace(unit(new_event(), expect=Expect.NEW), sends=(sent("k-1"),))
        assert [type(one) for one in await store.commit([refused])] == [Rejected]
        assert await store.take_commands(10, lease=60) == Taken((), None)

    async def test_a_command_is_postponed_or_given_up_and_retried(
        self, store: Store, clock: VirtualClock
    ) -> None:
        await store.commit([Unit(sends=(sent("k-1"), sent("k-2")))])
        await store.take_commands(10, lease=60)

        await store.postpone_command("k-1", "busy", 5.0)
        await store.postpone_command("k-2", "never", None)

        assert await store.take_commands(10, lease=60) == Taken((), 5.0)
        assert await store.failed_commands() == [FailedCommand(sent("k-2", attempts=1), "never")]
        clock.advance(5)
        assert [one.key for one in (await store.take_commands(1, lease=60)).commands] == ["k-1"]
        assert await store.retry_commands(["k-1", "k-2", "k-3"], actor="ada") == 1
        assert await store.retry_commands(["k-2"], actor="ada") == 0
        [act] = await store.acts(10)
        assert (act.what, act.subject, act.actor) == ("retry", sent("k-2").name, "ada")
        assert act.detail == {"commands": ["k-2"]}
        taken = await store.take_commands(10, lease=60)
        assert list(taken.commands) == [sent("k-2", attempts=1)]
        assert await store.failed_commands() == []
