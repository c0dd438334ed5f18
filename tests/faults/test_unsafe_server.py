"""P12: the server is set up in a way that lets it forget what it acknowledged."""

from __future__ import annotations

import pytest

from tests.faults.databases import ServerDatabase, on_postgres
from tests.faults.outcome import assert_all_held
from tests.faults.world import World

pytestmark = [pytest.mark.row("P12"), on_postgres]


def test_a_service_says_at_its_start_what_its_server_may_forget(
    world: World, database: ServerDatabase
) -> None:
    """The test's own server runs without `fsync`; the other setting is the database's."""
    assert world.start("producer", count=1).wait() == 0
    said = world.logs()
    assert "fsync is off" in said
    assert "synchronous_commit is off" not in said

    database.ask(f"ALTER DATABASE {database.name} SET synchronous_commit = off")
    assert world.start("producer", count=1).wait() == 0
    assert_all_held(world, logged=["fsync is off", "synchronous_commit is off"])
