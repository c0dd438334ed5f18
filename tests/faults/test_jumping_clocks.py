"""C1: clocks jump by hours and days: that of a process, and that of the database."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from tests.faults.checker import Promise
from tests.faults.databases import ServerDatabase, on_postgres
from tests.faults.outcome import assert_all_held, drain
from tests.faults.report import Progress
from tests.faults.world import World

pytestmark = [pytest.mark.row("C1"), on_postgres]

ACK_TIMEOUT = 0.4  # seconds
JUMPS = (timedelta(hours=1), timedelta(days=1), -timedelta(hours=1), -timedelta(days=1))


def test_a_process_whose_clock_jumps_owns_no_more_than_the_others_and_no_less(
    world: World, progress: Progress, whole: bool
) -> None:
    """Its own time of day decides nothing: claims and delays go by the database's."""
    jumps = 100 if whole else 6
    settings: dict[str, Any] = {"ack_timeout": ACK_TIMEOUT}
    wrong = world.start("consumer", "wrong", ledger=settings, work=0.002, jumping=True)
    right = world.start("consumer", ledger=settings, work=0.002)
    behave = {str(number): "raise" for number in range(3, 100_000, 10)}
    producer = world.start(
        "producer", tasks=2, pause=0.005, ledger=settings, behave=behave, jumping=True
    )
    for number in range(1, jumps + 1):
        progress(number, jumps, "jumps")
        world.until_noted(3 * number, wrong, producer, action="fault", kind="info")
        handled = world.count(action="settle")
        world.until_noted(handled + 4, action="settle")
    producer.kill()
    drain(world, wrong, right, within=100.0)

    assert_all_held(world, Promise(ack_timeout=ACK_TIMEOUT), faults={"jump": jumps, "raise": 1})


def test_a_database_whose_clock_jumps_has_one_owner_of_each_event_and_effects_once(
    world: World, database: ServerDatabase, progress: Progress, whole: bool
) -> None:
    """Claims end early or late then; what is written under one that has ended is refused."""
    jumps = 100 if whole else 8
    database.make_its_clock_settable()
    settings: dict[str, Any] = {"ack_timeout": ACK_TIMEOUT}
    consumers = [world.start("fenced", ledger=settings, work=0.002) for _ in range(3)]
    producer = world.start("producer", tasks=2, pause=0.005, ledger=settings)
    world.until_noted(5, action="settle")
    for number in range(jumps):
        progress(number, jumps, "jumps")
        database.set_clock(JUMPS[number % len(JUMPS)])
        world.tell("jump")
        handled = world.count(action="settle")
        world.until_noted(handled + 10, action="settle")
    database.set_clock(timedelta(days=2))  # what is held by a time that was ahead comes free
    producer.kill()
    drain(world, *consumers, within=100.0)

    promise = Promise(delivery="exactly-once", faults=jumps, ack_timeout=0.0)
    assert_all_held(world, promise, faults={"jump": jumps}, own_effects=True)
    times = [
        row["recorded_at"]
        for row in database.ask(
            "SELECT recorded_at FROM events WHERE stream = 'entries' ORDER BY stream_offset"
        )
    ]
    assert all(one <= other for one, other in pairwise(times))
    assert times[-1] - times[0] > timedelta(minutes=30), "its clock has not jumped"
