"""Q2: the broker is low on memory, and takes nothing."""

from __future__ import annotations

import time

import pytest

from tests.faults.across import BUSY, RESUME, Across
from tests.faults.databases import on_both
from tests.faults.report import Progress

pytestmark = pytest.mark.row("Q2")

ALARM = "0.00001"  # of the machine's memory


@on_both
def test_while_the_broker_takes_nothing_appends_go_on_and_what_it_has_is_taken_in(
    across: Across, progress: Progress, whole: bool
) -> None:
    """Entries wait in the ledger's log, and an ingester that starts meanwhile is served."""
    alarms = 20 if whole else 1
    world, broker = across.world, across.broker
    producer = across.start_producer(tasks=2, pause=0.01)
    relay, reader = across.start_relay(), across.start_reader()
    ingest = across.start_ingest()
    across.until_ready()
    slowest = 0.0
    for done in range(alarms):
        progress(done, alarms, "alarms")
        across.until_more_is_taken_in(5)
        ingest.ask_to_stop()
        assert ingest.wait() == 0
        kept = world.count(relay, action="effect", kind="info")
        world.until_noted(kept + 20, relay, action="effect", kind="info")
        unkept = world.count(relay, action="unkept", kind="info")
        broker.set_memory_limit(ALARM)
        world.tell("alarm")
        try:
            world.until_noted(unkept + 1, relay, action="unkept", kind="info")
            missed = world.count(producer, action="append")
            ingest = across.start_ingest()
            across.until_more_is_taken_in(20)
            world.until_noted(missed + 20, producer, action="append")
        finally:
            broker.set_memory_limit()
        back = time.monotonic()
        kept = world.count(relay, action="effect", kind="info")
        world.until_noted(kept + 1, relay, action="effect", kind="info")
        slowest = max(slowest, time.monotonic() - back)
    producer.kill()
    across.drain(relay, ingest, reader, within=300.0 if whole else 60.0)

    world.figures.note(f"entries were relayed {slowest:.2f} s after an alarm, at the latest")
    assert slowest < RESUME + BUSY
    across.assert_all_held(
        faults={"alarm": alarms},
        logged=["broker takes no messages for now", "broker takes messages again"],
    )
