"""F8 and F9: handlers raise, hang and meet what they cannot bear; and setting aside fails too."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any

import pytest
from headwater import App, EventContext

from tests.faults.checker import Promise
from tests.faults.databases import POSTGRES, SQLITE, ServerDatabase, at_points, on_both
from tests.faults.ledger import Entered, Handlers, ledger
from tests.faults.outcome import assert_all_held, drain
from tests.faults.world import World

ATTEMPTS = 3

failing = pytest.mark.row("F8")
full = pytest.mark.row("F9")


@failing
@on_both
def test_poison_is_set_aside_and_all_else_flows(world: World, whole: bool) -> None:
    """Dead letters have their payload, their error and their attempts, and can be had again.

    What came later in their accounts waits behind them; other accounts don't notice.
    """
    batches, every = (50_000, 500) if whole else (200, 50)
    behave = {
        str(number): kind
        for start, kind in ((7, "poison"), (18, "raise"), (31, "hang"))
        for number in range(start, batches, every)
    }
    settings: dict[str, Any] = {"ack_timeout": 0.3, "attempts": ATTEMPTS}
    producer = world.start("producer", count=batches, behave=behave, ledger=settings)
    assert producer.wait(within=300.0) == 0
    drain(world, world.start("consumer", ledger=settings), within=600.0)

    hangs = sum(kind == "hang" for kind in behave.values())
    poisoned = {name for name, kind in behave.items() if kind == "poison"}
    found = assert_all_held(
        world,
        Promise(faults=hangs, ack_timeout=0.3),
        faults={
            "poison": ATTEMPTS * len(poisoned),
            "raise": sum(kind == "raise" for kind in behave.values()),
            "hang": hangs,
        },
        logged=["event dead-lettered: ValueError: cannot bear", "event failed, again in"],
    )
    marks = {one.offset: one.id for one in found.log or ()}
    again, failed = asyncio.run(have_them_again(world))
    assert {marks[offset].split(".")[1] for offset in failed} == poisoned
    attempts: dict[int, list[float]] = defaultdict(list)
    for line in world.history():
        if line.action == "claim":
            attempts[line.offset or 0].append(line.figures["attempt"])
    assert all(attempts[offset] == [1, 2, 3] for offset in failed)
    assert not attempts.keys() & {*found.dead} - failed, "what waits is not tried"
    assert {offset for offset, _ in again} == {*found.dead}
    by_account: dict[str, list[int]] = defaultdict(list)
    for offset, account in again:
        by_account[account].append(offset)
    assert all(offsets == sorted(offsets) for offsets in by_account.values())


async def have_them_again(world: World, **settings: Any) -> tuple[list[tuple[int, str]], set[int]]:
    """Offset and account of each dead letter, in the order in which they come when requeued; and
    the offsets of those that are not there only because of others."""
    handled: list[tuple[int, str]] = []

    class Bearing(Handlers):
        async def post(self, event: Entered, context: EventContext) -> None:
            handled.append((context.recorded.offset, context.recorded.workflow_id))

    async with App(ledger(**settings), handlers=Bearing(), database=world.database.url) as app:
        [subscription] = app.service.subscriptions
        letters = await app.dead_letters(subscription)
        failed = [letter for letter in letters if not letter.behind]
        assert all(letter.attempts == ATTEMPTS for letter in failed)
        assert all("cannot bear" in letter.error for letter in failed)
        assert all(b"poison" in letter.event.data for letter in failed)
        assert await app.requeue(*failed) == len(letters), "those behind come with them"
        async with asyncio.timeout(60.0):
            while (await app.progress(subscription)).pending:  # noqa: ASYNC110  (with a deadline)
                await asyncio.sleep(0.01)
    return handled, {letter.event.offset for letter in failed}


@full
@at_points({SQLITE: ("INSERT INTO dead_letters", "COMMIT"), POSTGRES: ("INSERT",)})
def test_an_event_that_cannot_be_set_aside_is_not_acknowledged(
    world: World, whole: bool, statement: str
) -> None:
    """It is tried again, loudly, until there is a place for it."""
    settings: dict[str, Any] = {"ack_timeout": 0.1, "attempts": 1}
    poison = 100 if whole else 1
    behave = {str(number): "poison" for number in range(3, 3 + poison)}
    assert world.start("producer", count=4 + poison, behave=behave).wait() == 0
    options: dict[str, Any] = {}
    if isinstance(world.database, ServerDatabase):
        world.database.fail(statement, "dead_letters", times=2 * poison)
    else:
        options["failpoints"] = [
            {
                "name": "disk",
                "statement": statement,
                "after_statement": "INSERT INTO dead_letters",
                "times": 2 * poison,
                "action": "fail",
            }
        ]
    drain(world, world.start("consumer", ledger=settings, **options), within=300.0)
    if isinstance(world.database, ServerDatabase):
        world.tell("disk", world.database.failures())

    found = assert_all_held(
        world,
        Promise(faults=4 * poison, ack_timeout=0.1),
        faults={"disk": 2 * poison, "poison": poison},
        logged=["(planted)"],
    )
    assert len(found.dead) >= poison
