"""P10: more connections are wanted than the server takes."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import asyncpg
import pytest

from tests.faults.checker import Promise
from tests.faults.databases import ServerDatabase
from tests.faults.outcome import assert_all_held, drain
from tests.faults.world import World
from tests.support.postgres import Cluster, require_binaries

pytestmark = [pytest.mark.row("P10")]

CONNECTIONS = 22  # that the server takes: enough for two processes, and no more
HANG = 10.0  # seconds that nothing may take
OURS = "SELECT pid FROM pg_stat_activity WHERE application_name = 'headwater' ORDER BY random()"


@pytest.fixture
def database() -> Iterator[ServerDatabase]:
    """On a server of its own that takes few connections."""
    cluster = Cluster(require_binaries(), max_connections=CONNECTIONS)
    try:
        cluster.start()
        cluster.run(cluster.make_template())
        database = ServerDatabase(cluster)
        database.ask("SELECT 1")  # on a connection that it keeps
        yield database
        database.close()
    finally:
        cluster.remove()


@pytest.mark.parametrize("database", ["a full server"], indirect=True)
def test_processes_that_want_more_connections_than_there_are_go_on_with_those_they_have(
    world: World, database: ServerDatabase, whole: bool
) -> None:
    """Nothing hangs; whatever is refused has its reason, and nothing is lost."""
    rounds = 20 if whole else 2
    settings: dict[str, Any] = {"ack_timeout": 1.0}
    consumer = world.start("consumer", ledger=settings)
    producer = world.start("producer", tasks=8, pause=0.03)
    world.until_noted(2, action="ready", kind="info")
    for _ in range(rounds):
        crowd: list[asyncpg.Connection] = []
        before = refusals_told(world)
        while refusals_told(world) == before:
            # Whoever is cut wants another, in a race with the crowd.
            for victim in database.ask(OURS)[:1]:
                database.ask("SELECT pg_terminate_backend($1)", victim["pid"])
            crowd += take_all(database)
        world.tell("full server")
        for connection in crowd:
            database.run(connection.close())
        written, handled = world.count(action="append"), world.count(action="settle")
        world.until_noted(written + 10, action="append")
        world.until_noted(handled + 10, action="settle")
    producer.send(signal.SIGTERM)
    assert producer.wait() == 0
    drain(world, consumer, within=120.0)

    promise = Promise(faults=20 * rounds, ack_timeout=1.0)
    assert_all_held(world, promise, faults={"full server": rounds})
    outcomes = [line for line in world.history() if line.action == "append"]
    begun = {line.id: line.time for line in outcomes if line.kind == "invoke"}
    ended = [line for line in outcomes if line.kind != "invoke"]
    assert max(line.time - begun[line.id] for line in ended) < HANG
    refusals = [line.note for line in ended if line.kind == "fail"]
    assert all(
        note.startswith(("VersionConflictError", "StoreUnavailableError")) for note in refusals
    ), refusals[:3]


def refusals_told(world: World) -> int:
    """How often somebody was told, in the logs or by an error, that there is no connection."""
    return world.mentions("SQLSTATE 53300|too many clients|TooManyConnections")


def take_all(database: ServerDatabase) -> list[asyncpg.Connection]:
    """All connections that are still to be had."""
    taken: list[asyncpg.Connection] = []
    with suppress(asyncpg.TooManyConnectionsError):
        while True:
            taken.append(database.run(asyncpg.connect(database.url)))
    return taken


@pytest.mark.parametrize("database", ["a full server"], indirect=True)
def test_a_service_that_finds_no_connection_at_its_start_waits_and_then_says_why(
    world: World, database: ServerDatabase
) -> None:
    crowd = take_all(database)
    begun = time.monotonic()
    refused = world.start("producer", count=1, store={"patience": 1.0})
    status = refused.wait(within=HANG)
    assert time.monotonic() - begun < HANG
    assert status == 1
    assert "too many clients" in world.logs()
    world.actors.remove(refused)  # it has failed, as it had to

    patient = world.start("producer", count=1, store={"patience": 20.0})
    world.until(lambda: world.mentions("waiting for postgresql") > 1, "it waits")
    for connection in crowd:
        database.run(connection.close())
    assert patient.wait() == 0
