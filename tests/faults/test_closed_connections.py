"""Q3, Q6, Q7: the broker closes channels and connections underneath those who use them."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from tests.faults.across import BUSY, RESUME, Across
from tests.faults.databases import Database, FileDatabase, ServerDatabase, on_both
from tests.faults.report import Progress

INTERRUPTED = "reading from the broker interrupted"
# How long the broker waits for an acknowledgement, and how often it looks; in milliseconds.
PATIENCE = (
    "application:set_env(rabbit, consumer_timeout, {wait}), "
    "application:set_env(rabbit, channel_tick_interval, {look})."
)


@pytest.mark.row("Q6")
@on_both
def test_of_connections_that_the_broker_closes_each_is_proven_back_by_entries(
    across: Across, progress: Progress, whole: bool
) -> None:
    """All of both services at once, again and again."""
    closings = 100 if whole else 2
    world, broker = across.world, across.broker
    producer = across.start_producer(tasks=2, pause=0.01)
    carriers = [across.start_relay(), across.start_ingest(), across.start_reader()]
    across.until_ready()
    slowest = 0.0
    for done in range(closings):
        progress(done, closings, "closings")
        across.until_more_is_taken_in(world.chance.randint(5, 40))
        broker.control("close_all_connections", "for a test")
        world.tell("closed connections")
        closed = time.monotonic()
        across.until_more_is_taken_in(20)
        slowest = max(slowest, time.monotonic() - closed)
    producer.kill()
    across.drain(*carriers, within=300.0 if whole else 60.0)

    world.figures.note(f"20 entries had arrived {slowest:.2f} s later, at the latest")
    assert slowest < RESUME + BUSY
    across.assert_all_held(
        faults={"closed connections": closings}, logged=["connection to the broker lost"]
    )


@pytest.mark.row("Q3")
@on_both
def test_channels_that_the_broker_closes_for_a_wrong_tag_lose_nothing_and_end_no_other(
    across: Across, progress: Progress, whole: bool
) -> None:
    """Relay and ingester settle a delivery that there is not, now and then."""
    closings = 200 if whole else 4
    world = across.world
    producer = across.start_producer(tasks=2, pause=0.01)
    every = 20
    relay, ingest = across.start_relay(wrong_tags=every), across.start_ingest(wrong_tags=every)
    reader = across.start_reader()
    across.until_ready()
    for number in range(1, closings // 2 + 1):
        progress(2 * number, closings, "closings")
        for carrier in (relay, ingest):
            world.until(
                lambda: world.count(carrier, action="fault", kind="info") >= number,  # noqa: B023
                f"{number} wrong tags by {carrier.name}",
            )
    producer.kill()
    across.drain(relay, ingest, reader, within=300.0 if whole else 60.0)

    across.assert_all_held(faults={"wrong tag": closings}, logged=[INTERRUPTED])


@pytest.mark.rotates
@pytest.mark.row("Q7")
@on_both
def test_entries_that_wait_for_the_store_longer_than_the_broker_waits_are_taken_in_once(
    across: Across, progress: Progress, whole: bool
) -> None:
    """The broker takes them back and hands them out again while the ingester still has them."""
    waits = 10 if whole else 1
    world, broker = across.world, across.broker
    broker.control("eval", PATIENCE.format(wait=1_000, look=500))
    try:
        producer = across.start_producer(tasks=2, pause=0.01)
        carriers = [across.start_relay(), across.start_ingest()]
        across.until_ready()
        for done in range(waits):
            progress(done, waits, "waits")
            across.until_more_is_taken_in(world.chance.randint(5, 40))
            interrupted = world.mentions(INTERRUPTED)
            with locked(across.books):
                world.until(lambda: world.mentions(INTERRUPTED) >= interrupted + 2, INTERRUPTED)  # noqa: B023
            world.tell("impatient broker")
        producer.kill()
        across.drain(*carriers, across.start_reader(), within=300.0 if whole else 60.0)
    finally:
        broker.control("eval", PATIENCE.format(wait=1_800_000, look=60_000))

    across.assert_all_held(faults={"impatient broker": waits}, logged=[INTERRUPTED])


@contextmanager
def locked(database: Database) -> Iterator[None]:
    """Somebody else writes, and does not come to an end."""
    if isinstance(database, ServerDatabase):
        with database.locking("LOCK TABLE append_keys IN ACCESS EXCLUSIVE MODE"):
            yield
        return
    assert isinstance(database, FileDatabase)
    with closing(sqlite3.connect(database.path, timeout=30.0, isolation_level=None)) as file:
        file.execute("BEGIN IMMEDIATE")
        yield
        file.execute("ROLLBACK")
