"""F4 and F5: consumers that are late without knowing it: frozen, blocked, or slow."""

from __future__ import annotations

import signal
from typing import Any

from tests.faults.checker import Promise
from tests.faults.outcome import assert_all_held, drain
from tests.faults.world import Actor, World

ACK_TIMEOUT = 0.25  # seconds


def thaw_again_and_again(world: World, zombie: Actor, times: int) -> None:
    """Whenever it has frozen, wait until somebody else has its event, then let it go on."""
    for number in range(1, times + 1):
        world.until_noted(number, zombie, action="fault", kind="info")
        [*_, last] = world.history(zombie)
        held = [line for line in world.history(zombie) if line.action == "claim"]
        assert last.action == "fault"
        open_claims = {(line.offset, line.token or 0) for line in held} - {
            (line.offset, line.token or 0)
            for line in world.history(zombie)
            if line.action == "settle" and line.kind != "invoke"
        }

        def taken_over() -> bool:
            return any(
                line.actor != zombie.name and line.offset == offset and (line.token or 0) > token
                for line in world.history()
                if line.action == "claim"
                for offset, token in open_claims  # noqa: B023  (used within the turn)
            )

        world.until(taken_over, "somebody took over from the zombie")
        zombie.send(signal.SIGCONT)


def late_settlements(world: World, zombie: Actor) -> int:
    """How often it was told that its claim is gone."""
    history = world.history(zombie)
    return sum(line.action == "settle" and line.kind == "fail" for line in history)


def test_of_a_frozen_consumer_nothing_is_written_under_its_old_claim(
    world: World, whole: bool
) -> None:
    """Effects in the store are exactly once, because each is in the unit that settles its claim."""
    pauses = 100 if whole else 3
    settings: dict[str, Any] = {"ack_timeout": ACK_TIMEOUT}
    producer = world.start("producer", tasks=1, ledger=settings)
    zombie = world.start("fenced", "zombie", ledger=settings, work=0.002, stop_every=7)
    world.start("fenced", ledger=settings, work=0.002)
    thaw_again_and_again(world, zombie, pauses)
    zombie.kill()
    producer.kill()
    drain(world, *world.actors[2:3], within=200.0)

    promise = Promise(delivery="exactly-once", faults=pauses + 1, ack_timeout=ACK_TIMEOUT)
    assert_all_held(world, promise, faults=["freeze"], own_effects=True)
    assert late_settlements(world, zombie) >= pauses - 1, "it never came too late"


def test_a_frozen_handler_is_told_that_its_claim_is_gone(world: World, whole: bool) -> None:
    """Its effects outside the store may come twice, and are counted."""
    pauses = 50 if whole else 2
    settings: dict[str, Any] = {"ack_timeout": ACK_TIMEOUT}
    producer = world.start("producer", tasks=1, ledger=settings)
    zombie = world.start("consumer", "zombie", ledger=settings, stop_every=7)
    healthy = world.start("consumer", ledger=settings, work=0.002)
    thaw_again_and_again(world, zombie, pauses)
    zombie.kill()
    producer.kill()
    drain(world, healthy, within=200.0)

    promise = Promise(faults=2 * pauses + 2, ack_timeout=ACK_TIMEOUT)
    assert_all_held(world, promise, faults=["freeze"], logged=["is no longer open"])


def test_a_handler_that_blocks_its_loop_past_its_claim_settles_nothing(
    world: World, whole: bool
) -> None:
    """A busy loop renews nothing: others take over, and its acknowledgement is refused."""
    blocks = 40 if whole else 2
    settings: dict[str, Any] = {"ack_timeout": ACK_TIMEOUT}
    busy = world.start("consumer", "busy", ledger=settings, busy_every=5)
    healthy = world.start("consumer", ledger=settings, work=0.002)
    producer = world.start("producer", tasks=1, ledger=settings)
    world.until(lambda: late_settlements(world, busy) >= blocks, "it was late", within=200.0)
    producer.kill()
    busy.kill()
    drain(world, healthy, within=200.0)

    history = world.history(busy)
    happened = sum(line.action == "fault" for line in history)
    promise = Promise(faults=happened + 1, ack_timeout=ACK_TIMEOUT)
    assert_all_held(world, promise, faults=["busy"], logged=["is no longer open"])


def test_a_handler_that_waits_past_its_claim_is_cancelled_and_has_failed(world: World) -> None:
    settings: dict[str, Any] = {"ack_timeout": ACK_TIMEOUT}
    assert world.start("producer", count=12, behave={"3": "hang", "7": "hang"}).wait() == 0
    drain(world, world.start("consumer", ledger=settings))

    promise = Promise(faults=2, ack_timeout=ACK_TIMEOUT)
    assert_all_held(world, promise, faults=["hang"])
    history = world.history()
    hung = {line.offset for line in history if line.figures.get("attempt", 0) > 1}
    assert len(hung) == 2, "both were handed out again"
