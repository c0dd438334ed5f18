"""F2 to F10 with `mode: consumer-group`: members with handlers die, freeze, fail and are slow."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter, defaultdict
from typing import Any

import pytest

from tests.faults.checker import Found
from tests.faults.databases import POSTGRES, SQLITE, ServerDatabase, at_points, on_both
from tests.faults.group_checker import GroupPromise, check_group, cut_offs
from tests.faults.outcome import assert_all_held, assert_nothing_is_left, drain
from tests.faults.report import Progress
from tests.faults.test_failing_handlers import have_them_again
from tests.faults.world import Actor, World

LIFETIME = 1.0  # seconds
MEMBERS = 3
CONCURRENCY = 4
ATTEMPTS = 3
GROUP: dict[str, Any] = {"mode": "consumer-group"}


def member(world: World, name: str = "consumer", **options: Any) -> Actor:
    settings = GROUP | options.pop("ledger", {})
    return world.start("consumer", name, ledger=settings, lifetime=LIFETIME, **options)


def drain_group(world: World, *members: Actor, within: float = 60.0) -> None:
    """Before the first member is there, nothing would be left to settle."""
    for one in members:
        world.until_noted(1, one, action="ready", kind="info")
    drain(world, *members, within=within)


def assert_group_held(world: World, *, failures: int = 0, **expected: Any) -> Found:
    """Check every invariant; each cut-off and each failure may have had as much in hand."""
    found = assert_all_held(world, **expected)
    history = world.history()
    cut = cut_offs(history)
    times = Counter(line.ids for line in history if line.action == "effect")
    world.figures.add(again=times.total() - len(times))
    world.figures.note(f"{cut} sessions were taken over from")
    promise = GroupPromise(lifetime=LIFETIME, again=CONCURRENCY * cut + failures)
    violations = check_group(history, found, promise)
    assert not violations, "\n".join(f"{one.invariant} {one.what}" for one in violations[:20])
    return found


@pytest.mark.row("F2")
@on_both
def test_members_that_are_killed_lose_nothing_and_keep_each_workflow_s_order(
    world: World, progress: Progress, whole: bool
) -> None:
    kills = 200 if whole else 3
    members = [member(world, work=0.002) for _ in range(MEMBERS)]
    world.until_noted(MEMBERS, action="ready", kind="info")
    producer = world.start("producer", ledger={"subscribed": False}, tasks=2, pause=0.01)
    for done in range(kills):
        progress(done, kills, "kills")
        number = world.chance.randrange(MEMBERS)
        victim = members[number]
        world.until_noted(world.chance.randint(1, 20), victim, action="effect", kind="info")
        victim.kill()
        members[number] = member(world, work=0.002)
    producer.kill()
    drain_group(world, *members, within=300.0 if whole else 60.0)

    assert_group_held(world, faults={"kill": kills})


def take_over_from(world: World, zombie: Actor, heir: Actor) -> bool:
    """Wait until it has frozen once more and its heir has partitions of it; whether it could.

    One that froze in a transaction keeps others from writing to a file.
    """
    before = world.count(heir, action="own")
    since = time.monotonic()
    world.until(
        lambda: world.count(heir, action="own") > before or time.monotonic() > since + 6 * LIFETIME,
        "the other one has taken over",
    )
    return world.count(heir, action="own") > before


@pytest.mark.row("F4")
@on_both
def test_a_member_that_froze_settles_nothing_of_what_is_with_others(
    world: World, progress: Progress, whole: bool
) -> None:
    pauses = 100 if whole else 2
    zombie = member(world, "zombie", stop_every=30)
    heir = member(world, work=0.002)
    world.until_noted(2, action="ready", kind="info")
    producer = world.start("producer", ledger={"subscribed": False}, tasks=1, pause=0.01)
    taken = 0
    for number in range(1, pauses + 1):
        progress(number, pauses, "pauses")
        world.until_noted(number, zombie, action="fault", kind="info")
        taken += take_over_from(world, zombie, heir)
        zombie.send(signal.SIGCONT)
    world.until(lambda: world.mentions("is no longer open"), "it hears that it came too late")
    zombie.kill()
    producer.kill()
    drain_group(world, heir, within=200.0)

    assert taken >= pauses // 2, "nobody took over"
    assert_group_held(world, faults={"freeze": pauses, "kill": 1}, failures=CONCURRENCY * pauses)


@pytest.mark.row("F5")
@on_both
def test_a_member_that_blocks_its_loop_past_its_session_is_taken_over_from(
    world: World, progress: Progress, whole: bool
) -> None:
    blocks = 100 if whole else 2
    busy = member(world, "busy", busy_every=30)
    heir = member(world, work=0.002)
    world.until_noted(2, action="ready", kind="info")
    producer = world.start("producer", ledger={"subscribed": False}, tasks=1, pause=0.01)
    for number in range(1, blocks + 1):
        progress(number, blocks, "blocks")
        world.until_noted(number, busy, action="fault", kind="info")
        assert take_over_from(world, busy, heir), "nobody took over"
    world.until(lambda: world.mentions("is no longer open"), "it hears that it came too late")
    producer.kill()
    busy.kill()
    drain_group(world, heir, within=200.0)

    assert_group_held(world, faults={"busy": blocks, "kill": 1}, failures=CONCURRENCY * blocks)


@pytest.mark.row("F5")
@on_both
def test_a_member_s_handler_that_waits_past_its_time_is_cancelled_and_has_failed(
    world: World, whole: bool
) -> None:
    hangs = 100 if whole else 2
    settings: dict[str, Any] = {"ack_timeout": 0.25}
    behave = {str(3 + 4 * number): "hang" for number in range(hangs)}
    producer = world.start(
        "producer", ledger={"subscribed": False}, count=4 + 4 * hangs, behave=behave
    )
    assert producer.wait() == 0
    drain_group(world, member(world, ledger=settings), within=200.0)

    assert_group_held(world, faults={"hang": hangs}, failures=hangs, logged=["not done within"])


@pytest.mark.row("F8")
@on_both
def test_poison_is_set_aside_with_what_comes_after_it_in_its_workflow(
    world: World, whole: bool
) -> None:
    """And comes back in order; other workflows flow."""
    batches, every = (20_000, 500) if whole else (200, 50)
    behave = {
        str(number): kind
        for start, kind in ((7, "poison"), (18, "raise"), (31, "hang"))
        for number in range(start, batches, every)
    }
    settings: dict[str, Any] = {"ack_timeout": 0.3, "attempts": ATTEMPTS}
    producer = world.start(
        "producer",
        count=batches,
        accounts=batches,
        batch=2,
        behave=behave,
        ledger={"subscribed": False},
    )
    assert producer.wait(within=300.0) == 0
    drain_group(world, *(member(world, ledger=settings) for _ in range(2)), within=600.0)

    poisoned = {name for name, kind in behave.items() if kind == "poison"}
    found = assert_group_held(
        world,
        failures=len(behave),
        faults={"poison": ATTEMPTS * len(poisoned)},
        logged=["event dead-lettered: ValueError: cannot bear", "event failed, again in"],
    )
    by_offset = {one.offset: one for one in found.log or ()}
    dead = {by_offset[offset] for offset in found.dead}
    assert {one.id.split(".")[1] for one in dead} >= poisoned
    first: dict[str, int] = {}
    for one in sorted(dead, key=lambda one: one.offset):
        first.setdefault(one.key, one.offset)
    assert {by_offset[one].id.split(".")[1] for one in first.values()} <= poisoned
    behind = {one.offset for one in by_offset.values() if one.offset > first.get(one.key, 1 << 62)}
    assert found.dead == {*first.values()} | behind, "all that comes after it, and nothing else"
    again, _ = asyncio.run(have_them_again(world, **GROUP))
    assert {offset for offset, _ in again} == {*found.dead}
    by_account: dict[str, list[int]] = defaultdict(list)
    for offset, account in again:
        by_account[account].append(offset)
    assert all(offsets == sorted(offsets) for offsets in by_account.values())


@pytest.mark.row("F9")
@at_points({SQLITE: ("INSERT INTO dead_letters", "COMMIT"), POSTGRES: ("INSERT",)})
def test_what_a_member_cannot_set_aside_is_not_settled(
    world: World, whole: bool, statement: str
) -> None:
    """It is tried again, loudly, until there is a place for it."""
    settings: dict[str, Any] = {"ack_timeout": 0.3, "attempts": 1}
    poison = 100 if whole else 1
    behave = {str(number): "poison" for number in range(3, 3 + poison)}
    producer = world.start(
        "producer",
        count=4 + poison,
        accounts=1_000_000,  # so that none comes behind another
        behave=behave,
        ledger={"subscribed": False},
    )
    assert producer.wait() == 0
    options: dict[str, Any] = {}
    if isinstance(world.database, ServerDatabase):
        world.database.fail(statement, "dead_letters", times=2 * poison)
    else:
        options["failpoints"] = [
            {
                "name": "disk",
                "statement": statement,
                "after_statement": "INSERT INTO dead_letters",
                "times": 2 * poison,
                "action": "fail",
            }
        ]
    drain_group(world, member(world, ledger=settings, **options), within=300.0)
    if isinstance(world.database, ServerDatabase):
        world.tell("disk", world.database.failures())

    found = assert_group_held(
        world,
        # One that is in hand when its partition is taken anew has failed, whether or not it began.
        faults={"disk": 2 * poison, "poison": poison - poison // 10},
        failures=4 * CONCURRENCY * poison,
        logged=["(planted)"],
    )
    assert len(found.dead) >= poison


@pytest.mark.row("F10")
@on_both
def test_a_member_that_is_slow_keeps_its_backlog_in_the_store(world: World, whole: bool) -> None:
    """Also when a few workflows have all of it. A process keeps some pages of the log for all."""
    megabyte = 1 << 20
    backlog, limit = (1_000_000, 64 * megabyte) if whole else (6_000, 24 * megabyte)
    batch = 500
    producer = world.start(
        "producer",
        count=backlog // batch,
        batch=batch,
        smallest=batch,
        accounts=3,
        tasks=4,
        ledger={"subscribed": False},
    )
    assert producer.wait(within=600.0) == 0
    slow = member(world, work=0.05, drain=0.1)
    world.until_noted(40, slow, action="effect", kind="info")
    world.until_noted(20, slow, action="cursor")
    slow.send(signal.SIGTERM)
    assert slow.wait() == 0

    assert world.count(slow, action="effect", kind="info") < 0.1 * backlog, "it was not slow"
    looks = [line.figures for line in world.history(slow) if line.action == "cursor"]
    growth = max(look["resident"] for look in looks) - looks[0]["resident"]
    world.figures.faults({"slow consumer": 1})
    world.figures.add(events=backlog)
    world.figures.note(f"memory grew by {growth / megabyte:.1f} MiB")
    assert growth <= limit
    assert_nothing_is_left(world)
