"""F8: how long workflows without a fault wait while others have poison, errors and hangs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults.checker import Promise
from tests.faults.outcome import assert_all_held, drain
from tests.faults.world import Actor, World

pytestmark = pytest.mark.row("F8")

ATTEMPTS = 3
ACK_TIMEOUT = 0.3  # seconds


def test_healthy_workflows_hardly_wait_for_failing_ones(world: World, whole: bool) -> None:
    """The time from acknowledged append to effect, with faults and without, in one run.

    How the two compare is a figure to read and no assertion: it depends on what else the machine
    does. That all of it came, in order, is asserted.
    """
    batches, every = (20_000, 1_000) if whole else (150, 50)
    behave = {
        str(number): kind
        for start, kind in ((7, "poison"), (18, "raise"), (31, "hang"))
        for number in range(start, batches, every)
    }
    settings: dict[str, Any] = {"ack_timeout": ACK_TIMEOUT, "attempts": ATTEMPTS}
    paced: dict[str, Any] = {"count": batches, "accounts": 400, "pause": 0.01, "batch": 1}
    consumer = world.start("consumer", ledger=settings)
    world.until_noted(1, consumer, action="ready", kind="info")
    healthy = world.start("producer", ledger=settings, **paced)
    assert healthy.wait(within=300.0) == 0
    failing = world.start("producer", ledger=settings, behave=behave, **paced)
    assert failing.wait(within=300.0) == 0
    drain(world, consumer, within=300.0)

    hangs = sum(kind == "hang" for kind in behave.values())
    poison = sum(kind == "poison" for kind in behave.values())
    found = assert_all_held(
        world,
        Promise(faults=hangs, ack_timeout=ACK_TIMEOUT),
        faults={"poison": ATTEMPTS * poison, "hang": hangs},
        logged=["event dead-lettered: ValueError: cannot bear"],
    )
    assert len(found.dead) == poison
    without = waits(world, healthy, {})
    during = waits(world, failing, behave)
    assert len(without) == batches
    assert len(during) > batches / 2
    world.figures.note(
        f"healthy p99 {p99(during) * 1e3:.1f} ms, {p99(during) / p99(without):.2f} x without faults"
    )


def waits(world: World, producer: Actor, behave: dict[str, str]) -> list[float]:
    """Seconds from acknowledgement to effect, of accounts in which no batch misbehaves."""
    lines = [line for line in world.history(producer) if line.action == "append"]
    batches = {line.id: line for line in lines if line.kind == "invoke"}
    failing = {line.key for line in batches.values() if line.id.split(".")[1] in behave}
    effects: dict[str, float] = {}
    for line in world.history():
        if line.action == "effect":
            effects.setdefault(line.ids[0], line.time)
    return [
        effects[mark] - line.time
        for line in lines
        if line.kind == "ok" and batches[line.id].key not in failing
        for mark in batches[line.id].ids
    ]


def p99(waits: list[float]) -> float:
    """The wait that one in a hundred is longer than."""
    return sorted(waits)[int(len(waits) * 0.99)]
