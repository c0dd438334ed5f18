"""P5: locks are held too long, statements take too long, transactions stay open too long."""

from __future__ import annotations

import signal
import time
from collections import Counter
from typing import Any

import pytest

from tests.faults.databases import ServerDatabase, on_postgres
from tests.faults.outcome import assert_all_held
from tests.faults.report import Progress
from tests.faults.world import World

pytestmark = [pytest.mark.row("P5"), on_postgres]

HELD = 0.2  # seconds that somebody has the lock, each time
LONGEST = 5.0  # seconds that a command may take to be refused, on a machine that may be busy
PATIENT = {"lock": 5.0, "statement": 5.0, "idle": 5.0}


@pytest.mark.parametrize(
    ("limits", "state"),
    [({"lock": 0.05}, "55P03"), ({"statement": 0.05}, "57014")],
    ids=["lock_timeout", "statement_timeout"],
)
def test_what_waits_too_long_for_a_lock_is_refused_with_its_reason_and_nothing_is_written(
    world: World,
    database: ServerDatabase,
    progress: Progress,
    whole: bool,
    limits: dict[str, float],
    state: str,
) -> None:
    """It is tried again for as long as a lock is waited for, and then somebody has to know."""
    hits = 5_000 if whole else 40
    settings: dict[str, Any] = {"limits": PATIENT | limits}
    if "statement" in limits:  # tries end with the time for a lock
        settings["limits"]["lock"] = 0.1
    writers = [world.start("producer", tasks=8, pause=0.001, store=settings) for _ in range(3)]
    for writer in writers:
        world.until_noted(5, writer, action="append")
    while (refused := world.count(*writers, action="append", kind="fail")) < hits:
        progress(refused, hits, "refusals")
        written = world.count(*writers, action="append")
        with database.locking("SELECT FROM streams FOR UPDATE"):
            world.tell("lock held")
            time.sleep(HELD)
        world.until_noted(written + 3, *writers, action="append")
    for writer in writers:
        writer.send(signal.SIGTERM)
        assert writer.wait() == 0

    assert_all_held(world, faults={"lock held": 1})
    outcomes = [line for line in world.history() if line.action == "append"]
    begun = {line.id: line.time for line in outcomes if line.kind == "invoke"}
    refusals = [line for line in outcomes if line.kind == "fail"]
    reasons = Counter(line.note for line in refusals)
    expected = [
        note
        for note in reasons
        if note.startswith("StoreUnavailableError")
        and (f"SQLSTATE {state}" in note or "SQLSTATE 55P03" in note)
    ]
    conflicts = [note for note in reasons if note.startswith("VersionConflictError")]
    assert {*reasons} == {*expected, *conflicts}
    assert any(state in note for note in expected)
    assert not [line for line in outcomes if line.kind == "info"], "it was never in doubt"
    assert max(line.time - begun[line.id] for line in refusals) < LONGEST


def test_a_transaction_that_stays_open_too_long_is_ended_and_its_handler_told(
    world: World, database: ServerDatabase, whole: bool
) -> None:
    """It says nothing for longer than the server lets it; the next one works."""
    count = 500 if whole else 6
    database.ask("CREATE TABLE notes (mark text PRIMARY KEY)")
    limits = PATIENT | {"idle": 0.05}
    slow = world.start("producer", notes=True, dawdle=0.2, count=count, store={"limits": limits})
    quick = world.start("producer", notes=True, count=count, store={"limits": PATIENT})
    assert (slow.wait(within=300.0), quick.wait(within=300.0)) == (0, 0)

    found = assert_all_held(world)
    outcomes = [line for line in world.history(slow) if line.action == "append"]
    assert Counter(line.kind for line in outcomes) == {"invoke": count, "fail": count}
    assert all(line.note.startswith("StoreUnavailableError") for line in outcomes if line.note)
    noted = {row["mark"] for row in database.ask("SELECT mark FROM notes")}
    assert noted == {event.id for event in found.log or ()}
    assert noted
