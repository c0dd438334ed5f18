"""F10: a consumer that is slower than its stream."""

from __future__ import annotations

import signal

import pytest

from tests.faults.databases import on_both
from tests.faults.outcome import assert_nothing_is_left
from tests.faults.world import World

pytestmark = pytest.mark.row("F10")

MEGABYTE = 1 << 20
GROWTH = 64 * MEGABYTE  # of resident memory, at most


@on_both
def test_a_backlog_stays_in_the_store_and_not_in_memory(world: World, whole: bool) -> None:
    """What a consumer holds is bounded, whatever waits: also when one workflow blocks its lane."""
    backlog = 1_000_000 if whole else 6_000
    limit = GROWTH if whole else 8 * MEGABYTE
    batch = 500
    producer = world.start(
        "producer", count=backlog // batch, batch=batch, smallest=batch, accounts=3, tasks=4
    )
    assert producer.wait(within=600.0) == 0
    consumer = world.start("consumer", work=0.05, drain=0.1)
    world.until_noted(40, consumer, action="effect", kind="info")
    world.until_noted(20, consumer, action="cursor")
    consumer.send(signal.SIGTERM)
    assert consumer.wait() == 0

    looks = [line.figures for line in world.history(consumer) if line.action == "cursor"]
    assert looks[0]["pending"] >= 0.9 * backlog, "there was no backlog"
    assert looks[-1]["pending"] >= 0.9 * backlog, "the consumer was not slow"
    growth = max(look["resident"] for look in looks) - looks[0]["resident"]
    world.figures.faults({"slow consumer": 1})
    world.figures.add(events=backlog)
    world.figures.note(f"memory grew by {growth / MEGABYTE:.1f} MiB")
    assert growth <= limit
    assert_nothing_is_left(world)
    assert max(look["claimed"] for look in looks) <= 4
