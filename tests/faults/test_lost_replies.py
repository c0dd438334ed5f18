"""P7: the reply to a commit is lost on the way, or the commit itself: nobody can tell which."""

from __future__ import annotations

import signal
from typing import Any, Literal

import pytest

from tests.faults.checker import Promise
from tests.faults.databases import ServerDatabase, on_postgres
from tests.faults.outcome import assert_all_held, drain
from tests.faults.proxy import Loss
from tests.faults.report import Progress
from tests.faults.world import World

pytestmark = [pytest.mark.row("P7"), on_postgres]


@pytest.mark.parametrize("notes", [False, True], ids=["in a group", "in its own transaction"])
@pytest.mark.parametrize("what", ["reply", "request"])
def test_what_is_unknown_is_told_so_and_asked_again_it_is_written_once(
    world: World,
    database: ServerDatabase,
    progress: Progress,
    whole: bool,
    what: Literal["reply", "request"],
    notes: bool,
) -> None:
    """Never as a success, and never as something that did not happen."""
    losses = (250 if whole else 10) if notes else (1000 if whole else 20)
    database.ask("CREATE TABLE notes (mark text PRIMARY KEY)")
    with database.proxy(world.tell) as proxy:
        producer = world.start(
            "producer", requests="r", notes=notes, database=proxy.url(database.url)
        )
        world.until_noted(1, producer, action="append")
        statement = r"^COMMIT;" if notes else "INSERT INTO events"
        proxy.loss = Loss(statement=statement, what=what, every=3)
        for number in range(1, losses + 1):
            progress(number, losses, "losses")
            world.until(lambda: proxy.losses >= number, f"{number} losses")  # noqa: B023
        proxy.loss = None
        producer.send(signal.SIGTERM)
        assert producer.wait() == 0

    found = assert_all_held(world, faults={f"lost {what}": losses})
    outcomes = [line for line in world.history() if line.action == "append"]
    assert not [line for line in outcomes if line.kind == "fail"]
    assert sum(line.kind == "info" for line in outcomes) >= losses
    assert {line.id for line in outcomes} == {line.id for line in outcomes if line.kind == "ok"}
    if notes:
        noted = {row["mark"] for row in database.ask("SELECT mark FROM notes")}
        assert noted == {event.id for event in found.log or ()}


def test_effects_in_the_store_come_once_whatever_is_lost_of_their_commits(
    world: World, database: ServerDatabase, progress: Progress, whole: bool
) -> None:
    """An effect and its acknowledgement are one unit: they come again together or not at all."""
    losses = 500 if whole else 10
    settings: dict[str, Any] = {"ack_timeout": 0.4}
    producer = world.start("producer", tasks=2, pause=0.005, ledger=settings)
    with database.proxy(world.tell) as proxy:
        proxy.loss = Loss(statement="INSERT INTO events", every=5)
        url = proxy.url(database.url)
        consumers = [
            world.start("fenced", ledger=settings, work=0.001, database=url) for _ in range(2)
        ]
        for number in range(1, losses + 1):
            progress(number, losses, "losses")
            world.until(lambda: proxy.losses >= number, f"{number} losses")  # noqa: B023
        proxy.loss = None
        producer.kill()
        drain(world, *consumers, within=200.0)

    promise = Promise(delivery="exactly-once", faults=losses, ack_timeout=0.4)
    assert_all_held(world, promise, faults={"lost reply": losses}, own_effects=True)
