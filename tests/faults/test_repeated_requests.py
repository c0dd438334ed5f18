"""D1: the same request comes from two sides, again after a crash, and with another body."""

from __future__ import annotations

import signal

import pytest

from tests.faults.databases import POSTGRES, SQLITE, at_points, on_both
from tests.faults.outcome import assert_all_held
from tests.faults.report import Progress
from tests.faults.world import World

pytestmark = pytest.mark.row("D1")


@on_both
def test_a_request_that_comes_twice_is_carried_out_once(
    world: World, progress: Progress, whole: bool
) -> None:
    """From two processes at once, while one of them is killed and starts over."""
    count = 100_000 if whole else 150
    kills = 50 if whole else 3
    twin = world.start("producer", count=count, requests="r")
    for done in range(kills):
        progress(done, kills, "kills")
        victim = world.start("producer", count=count, requests="r")
        world.until_noted(world.chance.randint(1, 40), victim, action="append")
        victim.kill()
    last = world.start("producer", count=count, requests="r")
    assert twin.wait(within=600.0) == 0
    assert last.wait(within=600.0) == 0

    found = assert_all_held(world, faults={"kill": kills})
    assert len(found.log or ()) == sum(1 + number % 3 for number in range(1, count + 1))
    history = world.history()
    told = [line for line in history if (line.action, line.kind) == ("append", "ok")]
    assert len(told) > 2 * count, "none was repeated"
    assert not [line for line in history if (line.action, line.kind) == ("append", "fail")]


@on_both
def test_a_key_with_another_body_is_refused(world: World, whole: bool) -> None:
    """Also if both come at once: one of them is first, for each key."""
    count = 5000 if whole else 80
    one = world.start("producer", count=count, requests="r")
    other = world.start("producer", count=count, requests="r", body="forged")
    assert (one.wait(within=300.0), other.wait(within=300.0)) == (0, 0)

    found = assert_all_held(world)
    assert len(found.log or ()) == sum(1 + number % 3 for number in range(1, count + 1))
    outcomes = [line for line in world.history() if line.action == "append"]
    refused = [line.note for line in outcomes if line.kind == "fail"]
    assert len(refused) == count
    assert all(note.startswith("IdempotencyConflictError") for note in refused)


@at_points({SQLITE: ("COMMIT",), POSTGRES: ("INSERT INTO append_keys",)})
def test_an_answer_lost_with_its_process_is_given_again(world: World, statement: str) -> None:
    """Killed after the commit and before the answer: whoever asks again is told, once written."""
    for number in range(1, 6):
        victim = world.start(
            "producer",
            count=number,
            tasks=1,
            requests="r",
            failpoints=[
                {
                    "name": "kill",
                    "statement": statement,
                    "when": "after",
                    "after_statement": "INSERT INTO append_keys",
                    "action": "kill",
                }
            ],
        )
        assert victim.wait() == -signal.SIGKILL
    last = world.start("producer", count=5, requests="r")
    assert last.wait() == 0

    found = assert_all_held(world, faults={"kill": 1})
    assert len(found.log or ()) == sum(1 + number % 3 for number in range(1, 6))
