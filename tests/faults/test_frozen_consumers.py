"""F4 and F5: consumers that are late without knowing it: frozen, blocked, or slow."""

from __future__ import annotations

import signal
import time
from typing import Any

import pytest

from tests.faults.checker import Promise
from tests.faults.databases import on_both
from tests.faults.outcome import assert_all_held, drain
from tests.faults.report import Progress
from tests.faults.world import PATIENCE, Actor, World

ACK_TIMEOUT = 0.25  # seconds

zombies = pytest.mark.row("F4")
late = pytest.mark.row("F5")


def thaw_again_and_again(world: World, zombie: Actor, times: int, progress: Progress) -> None:
    """Whenever it has frozen, wait until somebody else has its event, then let it go on.

    One that froze in a transaction keeps all others from writing: it goes on without a takeover,
    and does not count.
    """
    tail = world.tail()
    held: set[tuple[int, int]] = set()  # offset and token of the zombie's open claims
    others: dict[int, int] = {}  # the newest token that anybody else had
    frozen = 0

    def look() -> None:
        nonlocal frozen
        for line in tail.new():
            place = (line.offset or 0, line.token or 0)
            match line.action, line.kind, line.actor == zombie.name:
                case "claim", _, True:
                    held.add(place)
                case "claim", _, False:
                    others[place[0]] = max(place[1], others.get(place[0], 0))
                case "settle", "ok" | "fail" | "info", True:
                    held.discard(place)
                case "fault", _, True:
                    frozen += 1

    def has_frozen_again() -> bool:
        look()
        return frozen >= number

    def is_taken_over() -> bool:
        look()
        return any(others.get(offset, 0) > token for offset, token in held)

    number, locked = 0, 0
    while number < times + locked:
        number += 1
        progress(number - locked, times, "pauses")
        world.until(has_frozen_again, f"it froze {number} times")
        since = time.monotonic()
        while not is_taken_over():
            if time.monotonic() > since + 4 * ACK_TIMEOUT and world.database.is_locked():
                locked += 1
                break
            world.until(
                lambda: is_taken_over() or time.monotonic() > since + 4 * ACK_TIMEOUT,  # noqa: B023
                "somebody took over from the zombie, or could not",
            )
            assert time.monotonic() < since + PATIENCE, "nobody took over from the zombie"
        zombie.send(signal.SIGCONT)
    if locked:
        world.figures.note(f"{locked} more pauses in a transaction, which keeps others waiting")


def late_settlements(world: World, zombie: Actor) -> int:
    """How often it was told that its claim is gone."""
    history = world.history(zombie)
    return sum(line.action == "settle" and line.kind == "fail" for line in history)


@zombies
@on_both
def test_of_a_frozen_consumer_nothing_is_written_under_its_old_claim(
    world: World, progress: Progress, whole: bool
) -> None:
    """Effects in the store are exactly once, because each is in the unit that settles its claim."""
    pauses = 100 if whole else 3
    settings: dict[str, Any] = {"ack_timeout": ACK_TIMEOUT}
    producer = world.start("producer", tasks=1, pause=0.01, ledger=settings)
    zombie = world.start("fenced", "zombie", ledger=settings, work=0.002, stop_every=7)
    world.start("fenced", ledger=settings, work=0.002)
    thaw_again_and_again(world, zombie, pauses, progress)
    zombie.kill()
    producer.kill()
    drain(world, *world.actors[2:3], within=200.0)

    promise = Promise(delivery="exactly-once", faults=pauses + 1, ack_timeout=ACK_TIMEOUT)
    assert_all_held(world, promise, faults={"freeze": pauses}, own_effects=True)
    assert late_settlements(world, zombie) >= pauses - 1, "it never came too late"


@zombies
@on_both
def test_a_frozen_handler_is_told_that_its_claim_is_gone(
    world: World, progress: Progress, whole: bool
) -> None:
    """Its effects outside the store may come twice, and are counted."""
    pauses = 100 if whole else 2
    settings: dict[str, Any] = {"ack_timeout": ACK_TIMEOUT}
    producer = world.start("producer", tasks=1, pause=0.01, ledger=settings)
    zombie = world.start("consumer", "zombie", ledger=settings, stop_every=7)
    healthy = world.start("consumer", ledger=settings, work=0.002)
    thaw_again_and_again(world, zombie, pauses, progress)
    zombie.kill()
    producer.kill()
    drain(world, healthy, within=200.0)

    promise = Promise(faults=2 * pauses + 2, ack_timeout=ACK_TIMEOUT)
    assert_all_held(world, promise, faults={"freeze": pauses}, logged=["is no longer open"])


@late
@on_both
def test_a_handler_that_blocks_its_loop_past_its_claim_settles_nothing(
    world: World, progress: Progress, whole: bool
) -> None:
    """A busy loop renews nothing: others take over, and its acknowledgement is refused."""
    blocks = 100 if whole else 2
    settings: dict[str, Any] = {"ack_timeout": ACK_TIMEOUT}
    busy = world.start("consumer", "busy", ledger=settings, busy_every=5)
    healthy = world.start("consumer", ledger=settings, work=0.002)
    producer = world.start("producer", tasks=1, pause=0.01, ledger=settings)
    for number in range(1, blocks + 1):
        progress(number, blocks, "blocks")
        world.until_noted(number, busy, action="fault", kind="info")
    world.until_noted(blocks, busy, action="settle", kind="fail")
    producer.kill()
    busy.kill()
    drain(world, healthy, within=200.0)

    history = world.history(busy)
    happened = sum(line.action == "fault" for line in history)
    promise = Promise(faults=happened + 1, ack_timeout=ACK_TIMEOUT)
    assert_all_held(world, promise, faults={"busy": blocks}, logged=["is no longer open"])


@late
@on_both
def test_a_handler_that_waits_past_its_claim_is_cancelled_and_has_failed(
    world: World, whole: bool
) -> None:
    hangs = 100 if whole else 2
    settings: dict[str, Any] = {"ack_timeout": ACK_TIMEOUT}
    behave = {str(3 + 4 * number): "hang" for number in range(hangs)}
    assert world.start("producer", count=4 + 4 * hangs, behave=behave).wait() == 0
    drain(world, world.start("consumer", ledger=settings), within=200.0)

    promise = Promise(faults=hangs, ack_timeout=ACK_TIMEOUT)
    assert_all_held(world, promise, faults={"hang": hangs}, logged=["not done within"])
    history = world.history()
    hung = {line.offset for line in history if line.figures.get("attempt", 0) > 1}
    assert len(hung) == hangs, "each was handed out again"
