"""P11: nobody hears, or says, that something is new."""

from __future__ import annotations

from typing import Any

import pytest
from headwater.stores.postgres.store import LISTENING_POLL

from tests.faults.checker import Promise
from tests.faults.databases import ServerDatabase, on_postgres
from tests.faults.outcome import assert_all_held, drain
from tests.faults.proxy import Loss
from tests.faults.report import Progress
from tests.faults.world import World

pytestmark = [pytest.mark.row("P11"), on_postgres]

BUSY = 2.0  # seconds more, on a machine that may be busy
LISTENING = """
SELECT pg_terminate_backend(pid)
  FROM pg_stat_activity
 WHERE datname = current_database()
   AND (query ILIKE '%pg_notify%' OR query ILIKE 'listen%' OR query ILIKE '%UNLISTEN%')
   AND pid <> pg_backend_pid()
"""


def slowest_delivery(world: World) -> float:
    """Seconds from when an event was acknowledged until it had its effect, at the most."""
    written: dict[str, float] = {}
    marks: dict[str, tuple[str, ...]] = {}
    handled: dict[str, float] = {}
    for line in world.history():
        match line.action, line.kind:
            case "append", "invoke":
                marks[line.id] = line.ids
            case "append", "ok":
                written |= dict.fromkeys(marks[line.id], line.time)
            case "effect", _:
                handled.setdefault(line.ids[0], line.time)
    return max(handled[mark] - time for mark, time in written.items())


@pytest.mark.parametrize("pause", [0.005, 0.6], ids=["often", "now and then"])
def test_without_notifications_nothing_is_missed_and_nobody_waits_longer_than_the_longest_look(
    world: World, whole: bool, pause: float
) -> None:
    count = (10_000 if pause < 0.1 else 100) if whole else (150 if pause < 0.1 else 4)
    longest = 0.5
    settings: dict[str, Any] = {"notify": False, "poll": (0.005, longest)}
    consumer = world.start("consumer", store=settings)
    world.until_noted(1, consumer, action="ready", kind="info")
    producer = world.start("producer", tasks=1, count=count, pause=pause)
    assert producer.wait(within=600.0) == 0
    drain(world, consumer, within=60.0)

    slowest = slowest_delivery(world)
    world.figures.note(f"the slowest delivery took {slowest:.2f} s, looks are {longest:g} s apart")
    assert_all_held(world, Promise())
    assert slowest < longest + BUSY


def test_listeners_that_are_cut_again_and_again_miss_nothing(
    world: World, database: ServerDatabase, progress: Progress, whole: bool
) -> None:
    kills = 300 if whole else 8
    consumer = world.start("consumer")
    world.until_noted(1, consumer, action="ready", kind="info")
    producer = world.start("producer", tasks=1, pause=0.01)
    cut = 0
    while cut < kills:
        progress(cut, kills, "kills")
        handled = world.count(consumer, action="effect", kind="info")
        world.until_noted(handled + 5, consumer, action="effect", kind="info")
        killed = len(database.ask(LISTENING))
        world.tell("listener cut", killed)
        cut += killed
    producer.kill()
    drain(world, consumer, within=60.0)

    slowest = slowest_delivery(world)
    world.figures.note(f"the slowest delivery took {slowest:.2f} s")
    assert_all_held(
        world,
        Promise(),
        faults={"listener cut": kills},
        logged=["notifications from other processes are heard again"],
    )
    assert slowest < LISTENING_POLL + BUSY


def test_notifications_that_are_lost_on_the_way_cost_no_event(
    world: World, database: ServerDatabase, whole: bool
) -> None:
    """The listener believes that it would hear: it looks all the same."""
    count = 60 if whole else 4
    consumer = world.start("consumer")
    world.until_noted(1, consumer, action="ready", kind="info")
    with database.proxy(world.tell) as proxy:
        proxy.loss = Loss(statement="pg_notify", what="request", then="silence")
        producer = world.start(
            "producer", tasks=1, count=count, pause=0.7, database=proxy.url(database.url)
        )
        assert producer.wait(within=300.0) == 0
    drain(world, consumer, within=60.0)

    slowest = slowest_delivery(world)
    world.figures.note(f"the slowest delivery took {slowest:.2f} s")
    assert_all_held(world, Promise(), faults={"lost request": 1})
    assert slowest < LISTENING_POLL + BUSY
