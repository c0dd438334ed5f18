"""Group commit: who is written together, and who waits for which commit."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast

from headwater.stores.committer import MAX_UNITS, WORTH_A_COMMIT, Committer, PendingCommit
from headwater.stores.contract import Acknowledge, Claim, Committed, FeedKey, Outcome, Unit
from headwater.testing.conformance.examples import new_event, unit

from tests.support.waiting import until


class SlowStore:
    """Commits, once it is told to go on."""

    def __init__(self, commits_at_once: int) -> None:
        self.commits_at_once = commits_at_once
        self.sizes: list[int] = []
        self.under_way: list[asyncio.Event] = []

    async def commit(self, units: Sequence[Unit]) -> list[Outcome]:
        self.sizes.append(len(units))
        self.under_way.append(go_on := asyncio.Event())
        await go_on.wait()
        return [Committed(()) for _ in units]

    async def finish(self, number: int = 0) -> None:
        """Have one of the commits that are under way done, and what follows begun."""
        self.under_way.pop(number).set()
        for _ in range(10):
            await asyncio.sleep(0)


def submitted(committer: Committer, *units: Unit) -> list[PendingCommit]:
    return [committer.submit(one) for one in units]


def appends(number: int) -> list[Unit]:
    return [unit(new_event(), to=str(place)) for place in range(number)]


def acknowledgement(offset: int) -> Unit:
    claim = Claim(FeedKey("reader"), cast("Any", None), attempt=1, token=offset)
    return Unit(settlements=(Acknowledge(claim),))


def committer_of(store: SlowStore) -> Committer:
    return Committer(cast("Any", store))


async def test_many_who_wait_are_written_in_two_groups() -> None:
    store = SlowStore(2)
    waiting = submitted(committer_of(store), *appends(64))
    await until(lambda: len(store.under_way) == 2)
    assert store.sizes == [32, 32]
    await store.finish(1)
    assert [one.outcome.done() for one in waiting] == [False] * 32 + [True] * 32


async def test_few_who_wait_are_written_together_after_the_commit_before_them() -> None:
    store = SlowStore(2)
    committer = committer_of(store)
    submitted(committer, *appends(1))
    await until(lambda: store.under_way)
    submitted(committer, *appends(WORTH_A_COMMIT - 1))
    await asyncio.sleep(0)
    assert store.sizes == [1]
    await store.finish()
    assert store.sizes == [1, WORTH_A_COMMIT - 1]


async def test_as_many_as_are_worth_a_commit_do_not_wait_for_the_one_before_them() -> None:
    store = SlowStore(2)
    committer = committer_of(store)
    submitted(committer, *appends(1))
    await until(lambda: store.under_way)
    submitted(committer, *appends(WORTH_A_COMMIT))
    await until(lambda: len(store.under_way) == 2)
    submitted(committer, *appends(500))
    await asyncio.sleep(0)
    assert store.sizes == [1, WORTH_A_COMMIT], "no third one"
    await store.finish()
    assert store.sizes == [1, WORTH_A_COMMIT, MAX_UNITS]


async def test_where_one_commit_is_to_be_under_way_nothing_is_written_beside_it() -> None:
    store = SlowStore(1)
    committer = committer_of(store)
    submitted(committer, *appends(500))
    for written in range(1, 5):
        await until(lambda: store.under_way)
        assert len(store.under_way) == 1
        assert len(store.sizes) == written
        await store.finish()
    assert store.sizes == [MAX_UNITS, MAX_UNITS, MAX_UNITS, 500 - 3 * MAX_UNITS]


async def test_of_two_groups_that_settle_the_second_one_waits_for_the_first() -> None:
    """What is said of an event later has to be written later."""
    store = SlowStore(2)
    committer = committer_of(store)
    submitted(committer, *map(acknowledgement, range(64)))
    await until(lambda: store.under_way)
    submitted(committer, *appends(WORTH_A_COMMIT))
    submitted(committer, *map(acknowledgement, range(64)))
    await until(lambda: len(store.under_way) == 2)
    assert store.sizes == [64, WORTH_A_COMMIT]
    await store.finish(1)
    assert store.sizes == [64, WORTH_A_COMMIT]
    await store.finish()
    assert store.sizes == [64, WORTH_A_COMMIT, 64]


async def test_events_are_written_beside_a_group_that_settles() -> None:
    store = SlowStore(2)
    committer = committer_of(store)
    submitted(committer, acknowledgement(1))
    await until(lambda: store.under_way)
    submitted(committer, *appends(WORTH_A_COMMIT), acknowledgement(2), *appends(1))
    await until(lambda: len(store.under_way) == 2)
    assert store.sizes == [1, WORTH_A_COMMIT]
    await store.finish()
    assert store.sizes == [1, WORTH_A_COMMIT, 2], "and the rest of them after it"


async def test_closing_waits_for_all_that_was_submitted() -> None:
    store = SlowStore(2)
    committer = committer_of(store)
    waiting = submitted(committer, *appends(64))
    await until(lambda: len(store.under_way) == 2)
    closing = asyncio.create_task(committer.close())
    await store.finish()
    assert not closing.done()
    await store.finish()
    await closing
    assert all(one.outcome.done() for one in waiting)
