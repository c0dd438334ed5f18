"""P1: the server crashes, or is stopped, and comes back."""

from __future__ import annotations

import time
from typing import Any, Literal

import pytest

from tests.faults.checker import Promise
from tests.faults.databases import ServerDatabase, on_postgres
from tests.faults.group_checker import GroupPromise, check_group
from tests.faults.history import Action
from tests.faults.outcome import assert_all_held, drain
from tests.faults.report import Progress
from tests.faults.world import Actor, World

pytestmark = [pytest.mark.row("P1"), on_postgres]

RESUME = 5.0  # seconds from when the server takes connections until work goes on
BUSY = 5.0  # seconds more, on a machine that may be busy
ACK_TIMEOUT = 0.4  # seconds
UNDONE = 500  # acknowledgements that one crash may undo: those of the last second


def restart_again_and_again(
    world: World,
    database: ServerDatabase,
    producer: Actor,
    restarts: int,
    progress: Progress,
    mode: Literal["fast", "immediate"] = "immediate",
    settles: Action = "settle",
) -> None:
    """While work goes on, which it has to do again soon after each; the first time it is missed."""
    world.until_noted(len(world.actors), action="ready", kind="info")
    slowest = 0.0
    for done in range(restarts):
        progress(done, restarts, "restarts")
        before = world.count(producer, action="append")
        world.until_noted(before + world.chance.randint(5, 40), producer, action="append")
        database.cluster.stop(mode)
        try:
            if not done:
                world.until(lambda: world.mentions("does not answer"), "somebody has missed it")
        finally:
            database.cluster.start()
        world.tell("restart")
        back = time.monotonic()
        appended = world.count(producer, action="append")
        settled = world.count(action=settles)
        world.until_noted(appended + 1, producer, action="append")
        world.until_noted(settled + 1, action=settles)
        slowest = max(slowest, time.monotonic() - back)
    world.figures.note(f"work went on {slowest:.2f} s after the server was back, at the latest")
    assert slowest < RESUME + BUSY


def test_through_crashes_nothing_acknowledged_is_lost_and_effects_in_the_store_come_once(
    world: World, database: ServerDatabase, progress: Progress, whole: bool
) -> None:
    restarts = 50 if whole else 2
    settings: dict[str, Any] = {"ack_timeout": ACK_TIMEOUT}
    producer = world.start("producer", tasks=2, pause=0.005, ledger=settings)
    consumers = [world.start("fenced", ledger=settings, work=0.002) for _ in range(2)]
    restart_again_and_again(world, database, producer, restarts, progress)
    producer.kill()
    drain(world, *consumers, within=200.0)

    promise = Promise(
        delivery="exactly-once", faults=2 * restarts, ack_timeout=ACK_TIMEOUT, crashes=True
    )
    assert_all_held(world, promise, faults={"restart": restarts}, own_effects=True)


def test_through_crashes_every_event_is_handled_at_least_once(
    world: World, database: ServerDatabase, progress: Progress, whole: bool
) -> None:
    """Acknowledgements of the last moment may be undone, and then their events come again."""
    restarts = 50 if whole else 2
    settings: dict[str, Any] = {"ack_timeout": ACK_TIMEOUT}
    producer = world.start("producer", tasks=2, pause=0.005, ledger=settings)
    consumers = [world.start("consumer", ledger=settings, work=0.002) for _ in range(2)]
    restart_again_and_again(world, database, producer, restarts, progress)
    producer.kill()
    drain(world, *consumers, within=200.0)

    promise = Promise(
        faults=restarts, in_flight=UNDONE, ack_timeout=ACK_TIMEOUT, ordered=False, crashes=True
    )
    assert_all_held(
        world,
        promise,
        faults={"restart": restarts},
        logged=["answers again", "notifications from other processes are heard again"],
    )


def test_through_crashes_members_of_a_group_lose_nothing_and_effects_in_the_store_come_once(
    world: World, database: ServerDatabase, progress: Progress, whole: bool
) -> None:
    """Their owners live on, and build on what they have written down; some are killed as well."""
    restarts = 50 if whole else 2
    unread: dict[str, Any] = {"subscribed": False}
    producer = world.start("producer", tasks=2, pause=0.005, ledger=unread)
    members = [world.start("member", lifetime=1.0, work=0.002) for _ in range(3)]
    for done in range(restarts):
        progress(done, restarts, "restarts")
        restart_again_and_again(world, database, producer, 1, progress, settles="progress")
        victim = members.pop(world.chance.randrange(len(members)))
        victim.kill()
        members.append(world.start("member", lifetime=1.0, work=0.002))
    producer.kill()
    drain(world, *members, within=200.0)

    found = assert_all_held(world, faults={"restart": restarts, "kill": restarts}, own_effects=True)
    violations = check_group(world.history(), found, GroupPromise(lifetime=1.0, crashes=True))
    assert not violations, "\n".join(f"{one.invariant} {one.what}" for one in violations[:20])


def test_a_server_that_is_stopped_in_order_repeats_no_more_than_was_in_hand(
    world: World, database: ServerDatabase, progress: Progress, whole: bool
) -> None:
    """It writes down everything before it goes."""
    restarts = 20 if whole else 1
    settings: dict[str, Any] = {"ack_timeout": ACK_TIMEOUT}
    producer = world.start("producer", tasks=2, pause=0.005, ledger=settings)
    consumers = [world.start("consumer", ledger=settings, work=0.002) for _ in range(2)]
    restart_again_and_again(world, database, producer, restarts, progress, "fast")
    producer.kill()
    drain(world, *consumers, within=200.0)

    promise = Promise(faults=2 * restarts, ack_timeout=ACK_TIMEOUT)
    assert_all_held(world, promise, faults={"restart": restarts})
