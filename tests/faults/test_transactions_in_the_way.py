"""P6: transactions that the server breaks off because others are in their way."""

from __future__ import annotations

import signal
from collections import Counter
from contextlib import suppress

import asyncpg
import pytest

from tests.faults.databases import ServerDatabase, on_postgres
from tests.faults.outcome import assert_all_held
from tests.faults.world import World

pytestmark = [pytest.mark.row("P6"), on_postgres]

WRITERS = 8

# A backend looks for a deadlock once, so long after it has begun to wait. Where the holder asks for
# more only after that look, nobody would break it up: the holder gives way, and tries once more.
LOOKS_AFTER = "100ms"
GIVES_WAY_AFTER = "1s"


def test_a_database_that_is_serializable_by_default_is_written_by_many_without_anomaly(
    world: World, database: ServerDatabase, whole: bool
) -> None:
    """Eight processes write to the same ten workflows; none is told that the store is away."""
    count = 12_500 if whole else 30
    database.ask(
        f"ALTER DATABASE {database.name} SET default_transaction_isolation = 'serializable'"
    )
    writers = [world.start("producer", count=count, tasks=4, accounts=10) for _ in range(WRITERS)]
    for writer in writers:
        assert writer.wait(within=600.0) == 0

    assert_all_held(world)
    outcomes = [line for line in world.history() if line.action == "append"]
    refusals = [line.note for line in outcomes if line.kind in {"fail", "info"}]
    assert all(note.startswith("VersionConflictError") for note in refusals), refusals[:3]
    kinds = Counter(line.kind for line in outcomes)
    assert kinds["invoke"] == WRITERS * count == kinds["ok"] + kinds["fail"]
    world.figures.note(f"{kinds['fail']} of {kinds['invoke']:,} commands gave up after 3 reruns")


def test_a_deadlock_that_somebody_else_brings_about_costs_nothing_but_time(
    world: World, database: ServerDatabase, whole: bool
) -> None:
    """They lock in another order than the store; the server picks the store's as its victim."""
    deadlocks = 200 if whole else 5
    database.ask(f"ALTER DATABASE {database.name} SET deadlock_timeout = '{LOOKS_AFTER}'")
    writer = world.start("producer", tasks=2, accounts=1)
    world.until_noted(5, writer, action="append")
    for _ in range(deadlocks):
        before = database.deadlocks()
        while database.deadlocks() == before:
            written = world.count(writer, action="append")
            with database.locking("SELECT FROM streams FOR UPDATE") as holder:
                world.until(lambda: database.waiting() > 0, "a commit waits for the head")
                database.run(holder.execute("SET LOCAL deadlock_timeout = '30s'"))
                database.run(holder.execute(f"SET LOCAL lock_timeout = '{GIVES_WAY_AFTER}'"))
                with suppress(asyncpg.LockNotAvailableError):
                    database.run(holder.execute("SELECT FROM workflows FOR UPDATE"))
            world.until_noted(written + 2, writer, action="append")
        world.tell("deadlock")
    writer.send(signal.SIGTERM)
    assert writer.wait() == 0

    assert_all_held(world, faults={"deadlock": deadlocks})
    outcomes = Counter(line.kind for line in world.history() if line.action == "append")
    assert outcomes["invoke"] == outcomes["ok"]
