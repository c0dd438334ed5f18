"""Q1: the broker crashes, is stopped or frozen, and comes back."""

from __future__ import annotations

import time

import pytest

from tests.faults.across import BUSY, RESUME, Across
from tests.faults.databases import on_both
from tests.faults.report import Progress

pytestmark = pytest.mark.row("Q1")


@on_both
def test_through_crashes_and_stops_of_the_broker_every_entry_reaches_the_books_once(
    across: Across, progress: Progress, whole: bool
) -> None:
    """It is killed and stopped in turn, while entries are made, relayed, taken in and read."""
    cycles = 30 if whole else 2
    world, broker = across.world, across.broker
    producer = across.start_producer(tasks=2, pause=0.01)
    carriers = [across.start_relay(), across.start_ingest(), across.start_reader()]
    across.until_ready()
    broker.flush()  # a queue that is killed right after it was made may be gone
    slowest = 0.0
    for done in range(cycles):
        progress(done, cycles, "restarts")
        across.until_more_is_taken_in(world.chance.randint(5, 40))
        if done % 2:
            broker.stop()
            world.tell("stop of the broker")
        else:
            broker.kill()
            world.tell("kill of the broker")
        missed = world.count(producer, action="append")
        world.until_noted(missed + 5, producer, action="append")  # nobody waits for the broker
        broker.start()
        back = time.monotonic()
        across.until_more_is_taken_in(1)
        slowest = max(slowest, time.monotonic() - back)
    producer.kill()
    across.drain(*carriers, within=300.0 if whole else 60.0)

    world.figures.note(f"entries arrived {slowest:.2f} s after the broker was back, at the latest")
    assert slowest < RESUME + BUSY
    across.assert_all_held(
        faults={"kill of the broker": cycles // 2, "stop of the broker": cycles // 2},
        logged=["connection to the broker lost", "connected to the broker"],
    )


@pytest.mark.rotates
@on_both
def test_a_broker_that_is_frozen_holds_up_no_append_and_loses_nothing_when_it_goes_on(
    across: Across, progress: Progress, whole: bool
) -> None:
    """It keeps its connections and answers nothing: who waits for a confirm gives up in time."""
    freezes = 20 if whole else 1
    world, broker = across.world, across.broker
    producer = across.start_producer(tasks=2, pause=0.01)
    carriers = [across.start_relay(), across.start_ingest(), across.start_reader()]
    across.until_ready()
    for done in range(freezes):
        progress(done, freezes, "freezes")
        across.until_more_is_taken_in(world.chance.randint(5, 40))
        unkept = world.count(action="unkept", kind="info")
        broker.freeze()
        world.tell("freeze of the broker")
        try:
            missed = world.count(producer, action="append")
            world.until_noted(missed + 20, producer, action="append")
            world.until_noted(unkept + 1, action="unkept", kind="info")
        finally:
            broker.thaw()
        across.until_more_is_taken_in(1)
    producer.kill()
    across.drain(*carriers, within=300.0 if whole else 60.0)

    across.assert_all_held(faults={"freeze of the broker": freezes})
