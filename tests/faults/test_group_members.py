"""K3: members of a consumer group come and go, are frozen and are killed, again and again."""

from __future__ import annotations

import signal
import time
from collections import Counter
from typing import Any

import pytest

from tests.faults.checker import Found
from tests.faults.databases import on_both
from tests.faults.group_checker import GroupPromise, check_group
from tests.faults.history import History
from tests.faults.outcome import assert_all_held, drain
from tests.faults.report import Progress
from tests.faults.world import Actor, World

pytestmark = pytest.mark.row("K3")

MEMBERS = 3
LIFETIME = 0.8  # seconds
UNREAD = {"subscribed": False}  # by the service: members read by themselves


def assert_group_held(
    world: World, promise: GroupPromise, **expected: Any
) -> tuple[History, Found]:
    """Check every invariant, of the log and of the group."""
    found = assert_all_held(world, own_effects=True, **expected)
    history = world.history()
    violations = check_group(history, found, promise)
    assert not violations, "\n".join(f"{one.invariant} {one.what}" for one in violations[:20])
    return history, found


def freeze(world: World, actor: Actor) -> None:
    """Not in the middle of a transaction: nobody else could write to a file then."""
    while True:
        actor.freeze()
        if not world.database.is_locked():
            break
        actor.send(signal.SIGCONT)
        world.until_noted(world.count(actor, action="alive") + 1, actor, action="alive")
    world.tell("freeze")


def hand_overs(history: History) -> int:
    """How often a partition went from one session to another."""
    owners = Counter((line.figures["partition"]) for line in history if line.action == "own")
    return owners.total() - len(owners)


@on_both
def test_while_members_come_and_go_effects_in_the_store_come_once_and_in_order(
    world: World, progress: Progress, whole: bool
) -> None:
    """Every 2 s one joins, and one leaves: kindly, killed, or frozen beyond its session."""
    rounds, pause = (150, 2.0) if whole else (6, 0.3)
    members = [world.start("member", lifetime=LIFETIME, work=0.001) for _ in range(MEMBERS)]
    world.until_noted(MEMBERS, action="ready", kind="info")
    producer = world.start("producer", ledger=UNREAD, tasks=2, pause=0.01)
    frozen: list[Actor] = []
    for done in range(rounds):
        progress(done, rounds, "rounds")
        until = time.monotonic() + pause
        joining = world.start("member", lifetime=LIFETIME, work=0.001)
        world.until_noted(1, joining, action="own")
        leaving = members.pop(world.chance.randrange(len(members)))
        members.append(joining)
        match done % 3:
            case 0:
                leaving.ask_to_stop()
                assert leaving.wait() == 0, world.logs()[-3000:]
            case 1:
                leaving.kill()
            case 2:
                freeze(world, leaving)
                frozen.append(leaving)
        for zombie in frozen[:-1] if done % 3 == 2 else ():
            zombie.send(signal.SIGCONT)
            frozen.remove(zombie)
            members.append(zombie)
        while len(members) > 2 * MEMBERS:
            extra = members.pop(0)
            extra.ask_to_stop()
            assert extra.wait() == 0, world.logs()[-3000:]
        world.until(lambda: time.monotonic() >= until, "the round is over")  # noqa: B023
    for zombie in frozen:
        zombie.send(signal.SIGCONT)
    producer.kill()
    drain(world, *members, *frozen, within=300.0 if whole else 60.0)

    history, _ = assert_group_held(
        world,
        GroupPromise(lifetime=LIFETIME),
        faults={"stop": rounds // 3, "kill": rounds // 3, "freeze": rounds // 3},
    )
    world.figures.note(f"{hand_overs(history)} hand-overs")


@on_both
def test_of_a_frozen_member_nothing_is_written_under_its_old_epoch(
    world: World, progress: Progress, whole: bool
) -> None:
    """It freezes with an event in hand, and goes on when its partitions are another one's."""
    pauses = 100 if whole else 3
    producer = world.start("producer", ledger=UNREAD, tasks=1, pause=0.01)
    zombie = world.start("member", "zombie", lifetime=LIFETIME, stop_every=20)
    healthy = world.start("member", lifetime=LIFETIME, work=0.002)
    locked = 0
    for number in range(1, pauses + 1):
        progress(number, pauses, "pauses")
        world.until_noted(number, zombie, action="fault", kind="info")
        before = world.count(healthy, action="own")
        since = time.monotonic()
        world.until(
            lambda: (
                world.count(healthy, action="own") > before  # noqa: B023
                or time.monotonic() > since + 6 * LIFETIME  # noqa: B023
            ),
            "the other one has taken over",
        )
        locked += world.count(healthy, action="own") == before
        zombie.send(signal.SIGCONT)
        world.until_noted(number - locked, zombie, action="progress", kind="fail")
    zombie.send(signal.SIGCONT)
    zombie.kill()
    producer.kill()
    drain(world, healthy, within=60.0)

    assert_group_held(world, GroupPromise(lifetime=LIFETIME), faults={"freeze": pauses, "kill": 1})
    assert world.count(zombie, action="progress", kind="fail") >= pauses - locked, "never too late"
