"""F2: consumers are killed in the middle of what they handle."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import Any

import pytest

from tests.faults.checker import Promise
from tests.faults.databases import POSTGRES, SQLITE, at_points, on_both
from tests.faults.history import Line
from tests.faults.outcome import assert_all_held, drain
from tests.faults.report import Progress
from tests.faults.world import World

pytestmark = pytest.mark.row("F2")

CONSUMERS = 3
ACK_TIMEOUT = 0.4  # seconds


@on_both
@pytest.mark.parametrize("stream_type", ["persistent", "ephemeral"])
@pytest.mark.parametrize("delivery", ["at-least-once", "at-most-once"])
def test_consumers_that_compete_lose_nothing_when_they_are_killed(
    world: World, progress: Progress, whole: bool, stream_type: str, delivery: str
) -> None:
    usual = (stream_type, delivery) == ("persistent", "at-least-once")
    kills = (500 if usual else 100) if whole else 4
    settings: dict[str, Any] = {
        "stream_type": stream_type,
        "delivery": delivery,
        "ack_timeout": ACK_TIMEOUT,
    }
    consumers = [world.start("consumer", ledger=settings, work=0.002) for _ in range(CONSUMERS)]
    world.until_noted(CONSUMERS, action="ready", kind="info")
    producer = world.start("producer", ledger={"stream_type": stream_type}, tasks=2, pause=0.01)
    for done in range(kills):
        progress(done, kills, "kills")
        number = world.chance.randrange(CONSUMERS)
        victim = consumers[number]
        enough = world.chance.randint(1, 20)
        world.until_noted(enough, victim, action="effect", kind="info")
        victim.kill()
        consumers[number] = world.start("consumer", ledger=settings, work=0.002)
    producer.kill()
    drain(world, *consumers, within=300.0 if whole else 60.0)

    # What is acknowledged before its handler runs holds up nothing: the next event of the workflow
    # may overtake it in another process.
    promise = Promise(
        delivery=delivery,
        faults=kills,
        ack_timeout=ACK_TIMEOUT,
        ordered=delivery == "at-least-once",
    )
    assert_all_held(world, promise, stream_type=stream_type, faults={"kill": kills})
    if delivery == "at-least-once":
        assert in_hand_when_killed(world), "none was killed with something in hand"
        note_takeovers(world)


def in_hand_when_killed(world: World) -> set[tuple[int | None, int | None]]:
    """Claims that nobody has settled."""
    history = world.history()
    taken = {(line.offset, line.token) for line in history if line.action == "claim"}
    settled = {
        (line.offset, line.token)
        for line in history
        if line.action == "settle" and line.kind == "ok"
    }
    return taken - settled


def note_takeovers(world: World) -> None:
    """How many seconds after their claims had ended the killed ones' events were with others.

    A figure to read and no assertion: it depends on what else the machine does. A claim outlasts
    the handler's time by as much again.
    """
    claims: dict[int, list[Line]] = defaultdict(list)
    for line in world.history():
        if line.action == "claim":
            claims[line.offset or 0].append(line)
    open_ones = in_hand_when_killed(world)
    late = [
        after.time - before.time - 2 * ACK_TIMEOUT
        for lines in claims.values()
        for before, after in pairwise(sorted(lines, key=lambda line: line.token or 0))
        if (before.offset, before.token) in open_ones
    ]
    p99 = sorted(late)[int(len(late) * 0.99)]
    world.figures.note(f"{len(late)} takeovers, p99 {max(p99, 0.0):.2f} s after the claim's end")


@on_both
def test_a_reader_of_its_own_cursor_goes_on_where_it_was_killed(
    world: World, progress: Progress, whole: bool
) -> None:
    """Broadcast, one at a time: the order is the stream's."""
    kills = 100 if whole else 3
    settings = {"mode": "broadcast", "concurrency": 1, "ack_timeout": ACK_TIMEOUT}
    producer = world.start("producer", ledger=settings, tasks=2, pause=0.01)
    for done in range(kills):
        progress(done, kills, "kills")
        reader = world.start("consumer", ledger=settings, work=0.001)
        enough = world.chance.randint(1, 20)
        world.until_noted(enough, reader, action="effect", kind="info")
        reader.kill()
    producer.kill()
    drain(world, world.start("consumer", ledger=settings), within=300.0)

    promise = Promise(in_flight=1, faults=kills, ack_timeout=ACK_TIMEOUT)
    assert_all_held(world, promise, consumer="ledger", faults={"kill": kills})
    assert in_hand_when_killed(world), "it was never killed with something in hand"


@pytest.mark.parametrize("when", ["before", "after"])
@at_points(
    {
        SQLITE: (
            *("INSERT OR REPLACE INTO deliveries", "DELETE FROM deliveries"),
            *("UPDATE cursors", "COMMIT"),
        ),
        POSTGRES: ("INSERT INTO deliveries", "DELETE FROM deliveries"),
    }
)
def test_a_consumer_killed_at_a_statement_repeats_what_it_had_in_hand_and_no_more(
    world: World, statement: str, when: str
) -> None:
    settings = {"ack_timeout": ACK_TIMEOUT}
    assert world.start("producer", count=20).wait() == 0
    victim = world.start(
        "consumer",
        ledger=settings,
        failpoints=[
            {"name": "kill", "statement": statement, "when": when, "hit": 8, "action": "kill"}
        ],
    )
    assert victim.wait() == -9
    drain(world, world.start("consumer", ledger=settings))

    assert_all_held(world, Promise(faults=1, ack_timeout=ACK_TIMEOUT), faults={"kill": 1})
