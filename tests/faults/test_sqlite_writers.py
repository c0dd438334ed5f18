"""S1 and S3: processes that write to one file are killed, and get in each other's way."""

from __future__ import annotations

import signal
import sqlite3
from collections import Counter
from contextlib import closing
from itertools import pairwise

import pytest

from tests.faults.checker import Promise
from tests.faults.databases import FileDatabase
from tests.faults.outcome import assert_all_held, drain
from tests.faults.report import Progress
from tests.faults.world import World

BUSY_LIMIT = 5.0  # seconds that a write waits for another process
WRITERS = 8

killed = pytest.mark.row("S1")
busy = pytest.mark.row("S3")


@killed
def test_a_file_whose_writer_is_killed_again_and_again_stays_whole(
    world: World, database: FileDatabase, progress: Progress, whole: bool
) -> None:
    """Each is killed at a statement of its own choosing, before it or after it."""
    kills = 500 if whole else 25
    for done in range(kills):
        progress(done, kills, "kills")
        victim = world.start(
            "consumer",
            tasks=4,
            produces=10**9,
            ledger={"ack_timeout": 0.2},
            failpoints=[
                {
                    "name": "kill",
                    "statement": "",
                    "when": world.chance.choice(["before", "after"]),
                    "hit": world.chance.randint(1, 120),
                    "action": "kill",
                }
            ],
        )
        assert victim.wait() == -signal.SIGKILL
        if done % 10 == 9:  # not always: whoever looks repairs the file instead of the next writer
            with closing(sqlite3.connect(database.path)) as file:
                assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    drain(world, world.start("consumer"), within=300.0)

    promise = Promise(faults=kills, ack_timeout=0.2)
    assert_all_held(world, promise, faults={"kill": kills})
    history = world.history()
    assert sum(line.action == "fault" for line in history) == kills
    assert sum(line.action == "append" and line.kind == "ok" for line in history) >= kills // 5


@busy
def test_eight_processes_write_to_one_file_and_none_gives_up(world: World, whole: bool) -> None:
    """They all write to the same stream, and to some of the same workflows."""
    count = 12_500 if whole else 40
    writers = [world.start("producer", count=count, tasks=4, accounts=60) for _ in range(WRITERS)]
    for writer in writers:
        assert writer.wait(within=600.0) == 0

    assert_all_held(world)
    history = world.history()
    outcomes = Counter(line.kind for line in history if line.action == "append")
    assert outcomes["invoke"] == WRITERS * count
    refused = [
        line.note
        for line in history
        if line.action == "append"
        and line.kind == "fail"
        and not line.note.startswith("VersionConflictError")
    ]
    assert not refused, "a write that waits for others is no error before the busy limit"
    starts = {line.id: line.time for line in history if line.kind == "invoke"}
    waits = [line.time - starts[line.id] for line in history if line.id in starts]
    assert max(waits) < 4 * BUSY_LIMIT, "a command runs again up to three times"
    order = [line.actor for line in history if (line.action, line.kind) == ("append", "ok")]
    turns = sum(one != other for one, other in pairwise(order))
    assert turns > WRITERS, "they wrote one after the other: nobody was in anybody's way"


@busy
def test_a_writer_frozen_in_its_transaction_costs_the_others_no_more_than_the_busy_limit(
    world: World,
) -> None:
    """They are refused by then, and what the frozen one was writing is whole when it goes on."""
    other = world.start("producer", tasks=1)
    world.until_noted(5, other, action="append")
    frozen = world.start(
        "producer",
        count=20,
        tasks=1,
        failpoints=[{"name": "freeze", "statement": "COMMIT", "hit": 6, "action": "stop"}],
    )
    world.until_noted(1, other, action="append", kind="fail")
    frozen.send(signal.SIGCONT)
    assert frozen.wait() == 0
    written = world.count(other, action="append")
    world.until_noted(written + 5, other, action="append")
    other.send(signal.SIGTERM)
    assert other.wait() == 0

    assert_all_held(world, faults={"freeze": 1})
    history = world.history(other)
    begun = {line.id: line.time for line in history if line.kind == "invoke"}
    refused = [line for line in history if line.kind == "fail"]
    assert all(line.note.startswith("StoreUnavailableError") for line in refused)
    assert all(line.time - begun[line.id] < BUSY_LIMIT + 1 for line in refused)
