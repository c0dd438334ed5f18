"""F1: producers are killed in the middle of what they write."""

from __future__ import annotations

import pytest

from tests.faults.databases import POSTGRES, SQLITE, ServerDatabase, at_points, on_both, on_postgres
from tests.faults.outcome import assert_all_held
from tests.faults.report import Progress
from tests.faults.world import World

pytestmark = pytest.mark.row("F1")

PRODUCERS = 4


@on_both
def test_what_a_killed_producer_was_told_is_there_and_its_batches_are_whole(
    world: World, progress: Progress, whole: bool
) -> None:
    kills = 500 if whole else 8
    producers = [world.start("producer", batch=5) for _ in range(PRODUCERS)]
    for done in range(kills):
        progress(done, kills, "kills")
        number = world.chance.randrange(PRODUCERS)
        victim = producers[number]
        enough = world.chance.randint(1, 40)
        world.until_noted(enough, victim, action="append")
        victim.kill()
        producers[number] = world.start("producer", batch=5)
    for producer in producers:
        producer.kill()

    found = assert_all_held(world, faults={"kill": kills})

    history = world.history()
    begun = {line.id for line in history if (line.action, line.kind) == ("append", "invoke")}
    ended = {line.id for line in history if line.action == "append" and line.kind != "invoke"}
    assert begun - ended, "none was killed in the middle"
    assert len(found.log or ()) > kills


@pytest.mark.parametrize("when", ["before", "after"])
@at_points(
    {SQLITE: ("BEGIN IMMEDIATE", "INSERT INTO events", "COMMIT"), POSTGRES: ("INSERT INTO events",)}
)
def test_a_producer_killed_at_a_statement_has_written_all_or_nothing(
    world: World, statement: str, when: str
) -> None:
    """Between the answer of the database and that of the runtime lies the unknown outcome."""
    victim = world.start(
        "producer",
        batch=5,
        failpoints=[
            {"name": "kill", "statement": statement, "when": when, "hit": 5, "action": "kill"}
        ],
    )
    assert victim.wait() == -9
    after = world.start("producer", count=5)
    assert after.wait() == 0

    assert_all_held(world, faults={"kill": 1})


@on_postgres
def test_a_producer_killed_while_the_server_is_at_its_statement_has_written_all_or_nothing(
    world: World, database: ServerDatabase, whole: bool
) -> None:
    """The server goes on without it, and nobody has to clean up after it."""
    kills = 50 if whole else 3
    for _ in range(kills):
        victim = world.start("producer", batch=5)
        world.until_noted(5, victim, action="append")
        with database.locking("SELECT FROM streams FOR UPDATE"):
            world.until(lambda: database.waiting() > 0, "it waits for the head")
            victim.kill()
    after = world.start("producer", count=5)
    assert after.wait() == 0

    assert_all_held(world, faults={"kill": kills})
