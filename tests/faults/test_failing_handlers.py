"""F8 and F9: handlers raise, hang and meet what they cannot bear; and setting aside fails too."""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults.checker import Promise
from tests.faults.outcome import assert_all_held, drain
from tests.faults.world import World

ATTEMPTS = 3


def test_poison_is_set_aside_and_all_else_flows(world: World, whole: bool) -> None:
    """Dead letters have their payload, their error and their attempts."""
    batches = 10_000 if whole else 200
    every = 50
    behave = {
        str(number): kind
        for start, kind in ((7, "poison"), (18, "raise"), (31, "hang"))
        for number in range(start, batches, every)
    }
    settings: dict[str, Any] = {"ack_timeout": 0.3, "attempts": ATTEMPTS}
    producer = world.start("producer", count=batches, behave=behave, ledger=settings)
    assert producer.wait(within=300.0) == 0
    drain(world, world.start("consumer", ledger=settings), within=300.0)

    hangs = sum(kind == "hang" for kind in behave.values())
    found = assert_all_held(
        world,
        Promise(faults=hangs, ack_timeout=0.3),
        faults=["poison", "raise", "hang"],
        logged=["event dead-lettered: ValueError: cannot bear", "event failed, again in"],
    )
    poisoned = {name for name, kind in behave.items() if kind == "poison"}
    marks = {one.offset: one.id for one in found.log or ()}
    assert {marks[offset].split(".")[1] for offset in found.dead} == poisoned
    tries = [line for line in world.history() if line.action == "claim"]
    for offset in found.dead:
        attempts = [line.figures["attempt"] for line in tries if line.offset == offset]
        assert attempts == [1, 2, 3]


@pytest.mark.parametrize("statement", ["INSERT INTO dead_letters", "COMMIT"])
def test_an_event_that_cannot_be_set_aside_is_not_acknowledged(
    world: World, whole: bool, statement: str
) -> None:
    """It is tried again, loudly, until there is a place for it."""
    settings: dict[str, Any] = {"ack_timeout": 0.1, "attempts": 1}
    poison = 20 if whole else 1
    behave = {str(number): "poison" for number in range(3, 3 + poison)}
    assert world.start("producer", count=4 + poison, behave=behave).wait() == 0
    failpoint: dict[str, Any] = {
        "name": "disk",
        "statement": statement,
        "after_statement": "INSERT INTO dead_letters",
        "times": 2 * poison,
        "action": "fail",
    }
    drain(world, world.start("consumer", ledger=settings, failpoints=[failpoint]))

    found = assert_all_held(
        world,
        Promise(faults=4 * poison, ack_timeout=0.1),
        faults=["disk", "poison"],
        logged=["disk I/O error (planted)"],
    )
    assert len(found.dead) >= poison
