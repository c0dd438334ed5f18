"""F3: a relay or an ingester is killed in the middle of what it carries."""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults.across import Across
from tests.faults.databases import POSTGRES, SQLITE, at_points, on_both
from tests.faults.report import Progress
from tests.faults.world import Actor

pytestmark = pytest.mark.row("F3")


def point(statement: str, when: str, hit: int = 1) -> list[dict[str, Any]]:
    return [{"name": "kill", "statement": statement, "when": when, "hit": hit, "action": "kill"}]


@on_both
def test_of_relays_and_ingesters_that_are_killed_others_take_over_and_nothing_is_lost(
    across: Across, progress: Progress, whole: bool
) -> None:
    """Two of each, of which one at a time is killed at any moment."""
    kills = 100 if whole else 4
    world = across.world
    producer = across.start_producer(tasks=2, pause=0.01)
    starts = (across.start_relay, across.start_ingest)
    carriers: list[Actor] = [start() for start in starts for _ in range(2)]
    reader = across.start_reader()
    across.until_ready()
    for done in range(kills):
        progress(done, kills, "kills")
        across.until_more_is_taken_in(world.chance.randint(5, 40))
        number = done % 4
        carriers[number].kill()
        carriers[number] = starts[number // 2]()
    producer.kill()
    across.drain(*carriers, reader, within=300.0 if whole else 60.0)

    across.assert_all_held(faults={"kill": kills}, relay_kills=kills)


@pytest.mark.rotates
@pytest.mark.parametrize(
    ("statement", "when"),
    [("publish", "before"), ("confirm", "before"), ("publish", "after")],
    ids=["before it sends", "when it has sent", "when it is confirmed"],
)
@on_both
def test_a_relay_killed_around_its_sending_has_sent_nothing_in_vain(
    across: Across, progress: Progress, whole: bool, statement: str, when: str
) -> None:
    kill_relays(across, progress, 50 if whole else 1, statement, when)


@pytest.mark.rotates
@pytest.mark.parametrize("when", ["before", "after"])
@at_points({SQLITE: ("DELETE FROM deliveries",), POSTGRES: ("DELETE FROM deliveries",)})
def test_a_relay_killed_as_it_notes_what_was_confirmed_sends_it_again_and_no_more(
    across: Across, progress: Progress, whole: bool, statement: str, when: str
) -> None:
    kill_relays(across, progress, 50 if whole else 1, statement, when)


def kill_relays(across: Across, progress: Progress, kills: int, statement: str, when: str) -> None:
    """So many, one after the other, each at that point."""
    world = across.world
    producer = across.start_producer(tasks=2, pause=0.01)
    others = [across.start_ingest(), across.start_reader()]
    across.until_ready()
    for done in range(kills):
        progress(done, kills, "kills")
        hit = world.chance.randint(1, 3)
        relay = across.start_relay(failpoints=point(statement, when, hit))
        assert relay.wait() == -9
    producer.kill()
    across.drain(across.start_relay(), *others, within=300.0)

    across.assert_all_held(faults={"kill": kills}, relay_kills=kills)


@pytest.mark.rotates
@pytest.mark.parametrize(
    ("statement", "when"),
    [("acknowledge", "before"), ("acknowledge", "after")],
    ids=["when it has committed", "when it has acknowledged"],
)
@on_both
def test_an_ingester_killed_after_its_commit_has_taken_each_entry_in_once(
    across: Across, progress: Progress, whole: bool, statement: str, when: str
) -> None:
    """What it had not acknowledged comes again, and is found to be there."""
    kill_ingesters(across, progress, 50 if whole else 2, statement, when)


@pytest.mark.rotates
@pytest.mark.parametrize("when", ["before", "after"])
@at_points({SQLITE: ("COMMIT",), POSTGRES: ("INSERT INTO",)})
def test_an_ingester_killed_as_it_commits_has_taken_each_entry_in_once(
    across: Across, progress: Progress, whole: bool, statement: str, when: str
) -> None:
    kill_ingesters(across, progress, 50 if whole else 2, statement, when)


def kill_ingesters(
    across: Across, progress: Progress, kills: int, statement: str, when: str
) -> None:
    """So many, one after the other, each at that point."""
    world = across.world
    producer = across.start_producer(tasks=2, pause=0.01)
    others = [across.start_relay(), across.start_reader()]
    across.until_ready()
    for done in range(kills):
        progress(done, kills, "kills")
        hit = world.chance.randint(1, 5)
        assert across.start_ingest(failpoints=point(statement, when, hit)).wait() == -9
    producer.kill()
    across.drain(across.start_ingest(), *others, within=300.0)

    across.assert_all_held(faults={"kill": kills})


@pytest.mark.rotates
@on_both
def test_an_ingester_that_is_frozen_and_goes_on_changes_no_order_and_repeats_nothing(
    across: Across, progress: Progress, whole: bool
) -> None:
    """Two of them: what the frozen one has in hand comes to the other before what follows it."""
    freezes = 20 if whole else 1
    world = across.world
    across.rabbitmq["heartbeat"] = 1
    producer = across.start_producer(tasks=2, pause=0.01)
    others = [across.start_relay(), across.start_reader()]
    victim = across.start_ingest()
    across.until_ready()
    across.until_more_is_taken_in(1)  # by now it has the lease
    other = across.start_ingest()
    across.until_ready()
    for done in range(freezes):
        progress(done, freezes, "freezes")
        some = world.count(victim, action="arrival", kind="info") + 3
        world.until_noted(some, victim, action="arrival", kind="info")
        victim.freeze()
        world.tell("freeze")
        more = world.count(other, action="arrival", kind="info") + 3
        world.until_noted(more, other, action="arrival", kind="info")
        victim.thaw()
        victim, other = other, victim
    producer.kill()
    across.drain(victim, other, *others, within=300.0 if whole else 60.0)

    across.assert_all_held(faults={"freeze": freezes})
