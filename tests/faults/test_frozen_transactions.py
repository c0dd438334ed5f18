"""P13: a process is frozen right after it has the head, in a handler's own transaction."""

from __future__ import annotations

import signal
from dataclasses import asdict

import pytest
from headwater.stores.postgres.wire import Limits

from tests.faults.databases import ServerDatabase, on_postgres
from tests.faults.outcome import assert_all_held
from tests.faults.report import Progress
from tests.faults.world import Actor, World

pytestmark = [pytest.mark.row("P13"), on_postgres]

BUSY = 2.0  # seconds more, on a machine that may be busy


def test_the_others_go_on_after_the_time_limit_and_of_the_frozen_one_nothing_is_written(
    world: World, database: ServerDatabase, progress: Progress, whole: bool
) -> None:
    """The server ends a transaction whose client says nothing; the head is free again then."""
    rounds, limits = (20, Limits()) if whole else (2, Limits(idle=1.0))
    idle = limits.idle
    database.ask("CREATE TABLE notes (mark text PRIMARY KEY)")
    others = [world.start("producer", tasks=2, pause=0.002) for _ in range(2)]
    slowest = 0.0
    for done in range(rounds):
        progress(done, rounds, "freezes")
        frozen = world.start(
            "producer",
            count=1,
            batch=3,
            account=f"frozen-{done}",
            notes=True,
            store={"limits": asdict(limits)},
            failpoints=[
                {
                    "name": "freeze",
                    "statement": "INSERT INTO events",
                    "when": "after",
                    "action": "stop",
                }
            ],
        )
        world.until_noted(1, frozen, action="fault", kind="info")
        since = world.history(frozen)[-1].time
        slowest = max(slowest, first_write(world, others, since + idle / 2) - since)
        frozen.send(signal.SIGCONT)
        assert frozen.wait() == 0
    for other in others:
        other.send(signal.SIGTERM)
        assert other.wait() == 0
    world.figures.note(f"others went on {slowest:.2f} s later at the latest; the limit is {idle:g}")
    assert idle / 2 < slowest < idle + 1 + BUSY

    found = assert_all_held(world, faults={"freeze": rounds})
    names = {other.name for other in others}
    outcomes = [line for line in world.history() if line.action == "append"]
    told = [line for line in outcomes if line.kind in {"fail", "info"}]
    assert len(told) == rounds, "each frozen one did not know, or that it was refused"
    assert names.isdisjoint(line.actor for line in told), "and nobody else"
    assert {event.id.rsplit(".", 2)[0] for event in found.log or ()} == names
    assert not database.ask("SELECT mark FROM notes")


def first_write(world: World, actors: list[Actor], after: float) -> float:
    """When one of these was first acknowledged something after that time; waits for it."""
    names = {actor.name for actor in actors}
    tail, times = world.tail(), list[float]()

    def has_written() -> bool:
        times.extend(
            line.time
            for line in tail.new()
            if line.actor in names
            and (line.action, line.kind) == ("append", "ok")
            and line.time > after
        )
        return bool(times)

    world.until(has_written, "others write again")
    return min(times)
