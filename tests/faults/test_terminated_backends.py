"""P2: the server ends connections, at random: those that write, that read, that listen."""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults.checker import Promise
from tests.faults.databases import ServerDatabase, on_postgres
from tests.faults.outcome import assert_all_held, drain
from tests.faults.report import Progress
from tests.faults.world import World

pytestmark = [pytest.mark.row("P2"), on_postgres]

ACK_TIMEOUT = 0.4  # seconds
BACKENDS = """
SELECT pid, query ILIKE '%pg_notify%' OR query ILIKE 'listen%' AS listens
  FROM pg_stat_activity
 WHERE datname = current_database() AND application_name = 'headwater'
 ORDER BY pid
"""


def terminate_again_and_again(
    world: World, database: ServerDatabase, kills: int, progress: Progress
) -> int:
    """One backend after the other, while events are handled; how many of them listened."""
    listening = 0
    for done in range(kills):
        progress(done, kills, "kills")
        handled = world.count(action="settle")
        world.until_noted(handled + world.chance.randint(1, 8), action="settle")
        backends = database.ask(BACKENDS)
        if backends:
            victim = world.chance.choice(backends)
            database.ask("SELECT pg_terminate_backend($1)", victim["pid"])
            listening += victim["listens"]
            world.tell("terminate")
    return listening


def test_whichever_connections_are_cut_nothing_is_lost_and_effects_in_the_store_come_once(
    world: World, database: ServerDatabase, progress: Progress, whole: bool
) -> None:
    """Never two owners either: no effect is written under a claim that another one has followed."""
    kills = 1000 if whole else 30
    settings: dict[str, Any] = {"ack_timeout": ACK_TIMEOUT}
    producer = world.start("producer", tasks=2, pause=0.005, ledger=settings)
    consumers = [world.start("fenced", ledger=settings, work=0.001) for _ in range(3)]
    listening = terminate_again_and_again(world, database, kills, progress)
    producer.kill()
    drain(world, *consumers, within=200.0)

    promise = Promise(delivery="exactly-once", faults=kills, ack_timeout=ACK_TIMEOUT)
    assert_all_held(world, promise, faults={"terminate": kills * 9 // 10}, own_effects=True)
    assert listening, "none that listened was among them"


def test_handlers_repeat_no_more_than_they_had_in_hand(
    world: World, database: ServerDatabase, progress: Progress, whole: bool
) -> None:
    kills = 300 if whole else 10
    settings: dict[str, Any] = {"ack_timeout": ACK_TIMEOUT}
    producer = world.start("producer", tasks=2, pause=0.005, ledger=settings)
    consumers = [world.start("consumer", ledger=settings, work=0.001) for _ in range(2)]
    terminate_again_and_again(world, database, kills, progress)
    producer.kill()
    drain(world, *consumers, within=200.0)

    promise = Promise(faults=kills, ack_timeout=ACK_TIMEOUT)
    assert_all_held(world, promise, faults={"terminate": kills * 9 // 10})
