"""F6: a service is told to stop while it is busy."""

from __future__ import annotations

import signal
import time
from typing import Any

import pytest

from tests.faults.checker import Promise
from tests.faults.databases import on_both
from tests.faults.outcome import assert_all_held, drain
from tests.faults.report import Progress
from tests.faults.world import World

pytestmark = pytest.mark.row("F6")

DRAIN = 5.0  # seconds
TO_EXIT = (
    5.0  # seconds beyond the budget, on a machine that may be busy; alone it takes less than 1
)


@on_both
def test_a_service_that_stops_kindly_repeats_nothing(
    world: World, progress: Progress, whole: bool
) -> None:
    """What its handlers have in hand is finished, so the next one begins where it ended."""
    restarts = 50 if whole else 4
    settings: dict[str, Any] = {"ack_timeout": 30.0}
    producer = world.start("producer", tasks=2, pause=0.01, ledger=settings)
    slowest = 0.0
    for done in range(restarts):
        progress(done, restarts, "restarts")
        service = world.start(
            "consumer",
            ledger=settings,
            work=0.01,
            drain=DRAIN,
            produces=10**9,
            tasks=2,
            pause=0.01,
        )
        world.until_noted(world.chance.randint(3, 20), service, action="effect", kind="info")
        service.ask_to_stop()
        told = time.monotonic()
        assert service.wait() == 0
        slowest = max(slowest, time.monotonic() - told)
    world.figures.note(f"the slowest exit took {slowest:.2f} s, with a budget of {DRAIN:g} s")
    assert slowest < DRAIN + TO_EXIT
    producer.send(signal.SIGTERM)
    assert producer.wait() == 0
    drain(world, world.start("consumer", ledger=settings), within=300.0)

    assert_all_held(world, Promise(faults=0, ack_timeout=30.0), faults={"stop": restarts})
    in_the_middle = [
        line
        for line in world.history()
        if line.action == "settle" and line.kind == "ok" and line.note == "PutBack"
    ]
    assert not in_the_middle, "nothing was given back: all was done within the budget"


@on_both
def test_what_takes_longer_than_the_budget_is_given_back_at_once(world: World) -> None:
    """The next service need not wait for the claim to end."""
    settings: dict[str, Any] = {"ack_timeout": 30.0}
    assert world.start("producer", count=8, ledger=settings).wait() == 0
    service = world.start("consumer", ledger=settings, work=20.0, drain=0.1)
    world.until_noted(2, service, action="effect", kind="info")
    service.ask_to_stop()
    told = time.monotonic()
    assert service.wait() == 0
    took = time.monotonic() - told
    world.figures.note(f"the exit took {took:.2f} s, with a budget of 0.1 s")
    assert took < 0.1 + TO_EXIT, "it waited for its handlers"
    drain(world, world.start("consumer", ledger=settings), within=10.0)

    assert_all_held(world, Promise(faults=1, ack_timeout=30.0), faults={"stop": 1})
    given_back = [line for line in world.history() if line.note == "PutBack"]
    assert given_back, "nothing was in hand"
