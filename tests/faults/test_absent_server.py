"""N3: the server is not there when a service starts."""

from __future__ import annotations

import time

import pytest

from tests.faults.checker import Promise
from tests.faults.databases import ServerDatabase, on_postgres
from tests.faults.outcome import assert_all_held, drain
from tests.faults.report import Progress
from tests.faults.world import World

pytestmark = [pytest.mark.row("N3"), on_postgres]


def test_a_service_whose_server_comes_later_waits_for_it_and_then_works(
    world: World, database: ServerDatabase, progress: Progress, whole: bool
) -> None:
    """It is not ready until then, and says why."""
    rounds, absent = (20, 10.0) if whole else (2, 1.0)
    assert world.start("producer", count=2).wait() == 0
    for done in range(rounds):
        progress(done, rounds, "starts")
        with database.proxy(world.tell) as proxy:
            proxy.close_port()
            world.tell("absent")
            waiting = world.mentions("waiting for")
            service = world.start("consumer", database=proxy.url(database.url))
            world.until(lambda: world.mentions("waiting for") > waiting, "it waits")  # noqa: B023
            time.sleep(absent)
            assert world.count(service, action="ready", kind="info") == 0
            assert service.is_running
            proxy.open_port()
            world.until_noted(1, service, action="ready", kind="info")
            assert world.start("producer", count=2).wait() == 0
            drain(world, service)

    assert_all_held(world, Promise(), faults={"absent": rounds}, logged=["waiting for postgresql"])
