"""D5: several releases run at once, on both sides of the broker, and are replaced one by one."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest

from tests.faults.databases import Database, on_both
from tests.faults.releases import BOOKING
from tests.faults.report import Progress
from tests.faults.world import Actor, World
from tests.support.rabbitmq import Broker

pytestmark = pytest.mark.row("D5")

LIFETIME = 2.0  # seconds of claims, leases and sessions
SHOPS = ((1, 1), (2, 1), (2, 2), (3, 1), (3, 2), (3, 3))
"""Releases of the shop: the newest version that each knows, and the one it publishes at."""
LEDGERS = (1, 2, 3)
"""Releases of the ledger: the newest version that each knows."""
CUSTOMERS = 10  # of each of the two shops


@on_both
def test_releases_that_know_other_versions_lose_nothing_and_read_nothing_as_something_else(
    world: World,
    books: Database,
    broker: Broker,
    progress: Progress,
    whole: bool,
) -> None:
    """An old ledger holds what is too new for it; the newest one books that as well, in order."""
    restarts, sold = (20, 200_000) if whole else (4, 400)
    common: dict[str, Any] = {
        "broker": broker.url,
        "rabbitmq": {"prefix": f"faults-{uuid4().hex[:12]}"},
        "lifetime": LIFETIME,
    }

    def start_shop(place: int) -> Actor:
        head, publishes = world.chance.choice(SHOPS)
        made = Counter(line.key for line in world.history() if line.action == "append")
        customers = {f"{place}-{number}": 0 for number in range(CUSTOMERS)}
        return world.start(
            "shop",
            head=head,
            publishes=publishes,
            customers={one: made[one] for one in customers},
            pause=0.0 if whole else 0.05,
            **common,
        )

    def start_ledger(place: int, head: int | None = None) -> Actor:
        head = head or world.chance.choice(LEDGERS)
        return world.start("booking", database=books.url, head=head, **common)

    starts = (start_shop, start_ledger, start_shop, start_ledger)
    running = [start_ledger(1, 1), start_ledger(3, 2)]
    world.until_noted(2, action="ready", kind="info")
    running = [start_shop(0), running[0], start_shop(2), running[1]]
    for done in range(restarts):
        progress(done, restarts, "restarts")
        enough = sold * (done + 1) // restarts
        world.until(
            lambda: world.count(action="append") >= enough,  # noqa: B023
            f"{enough} sales",
            600.0 if whole else 60.0,
        )
        place = done % 4
        stop(world, running[place])
        world.tell("restart")
        running[place] = starts[place](place)
    stop(world, running[0], running[2])
    stop(world, running[1], running[3])
    last = [world.start("shop", head=3, publishes=3, customers={}, pause=0.1, **common)]
    last += [start_ledger(place, 3) for place in (1, 3)]
    world.until(
        lambda: world.count(action="effect", kind="info") >= world.count(action="append"),
        "everything is booked",
        600.0 if whole else 60.0,
    )
    stop(world, *last)

    assert_all_booked(world)


def stop(world: World, *actors: Actor) -> None:
    """Kindly."""
    for actor in actors:
        world.until_noted(1, actor, action="ready", kind="info")
        actor.ask_to_stop()
    for actor in actors:
        assert actor.wait() == 0, f"{actor.name} failed:\n{world.logs()[-3000:]}"


def assert_all_booked(world: World) -> None:
    """Each sale once, those of a customer in order, and each release at its own version."""
    history = world.history()
    sold = {line.id for line in history if line.action == "append" and line.kind == "ok"}
    effects = [line for line in history if line.action == "effect"]
    booked = Counter(line.ids[0] for line in effects)
    world.figures.faults(Counter(line.id for line in history if line.action == "fault"))
    world.figures.add(
        events=len(sold), lost=len(sold - {*booked}), again=booked.total() - len(booked)
    )
    assert sold - {*booked} == set(), "lost"
    assert {*booked} - sold == set(), "phantom"
    assert [mark for mark, count in booked.items() if count > 1] == [], "again"
    orders: dict[str, list[int]] = defaultdict(list)
    for line in effects:
        assert line.subscription == BOOKING
        orders[line.key].append(line.version or 0)
    for customer, numbers in orders.items():
        assert all(one + 1 == other for one, other in pairwise(numbers)), customer
    ways = Counter(line.note for line in effects)
    world.figures.note("; ".join(f"{count} {way}" for way, count in sorted(ways.items())))
    assert len(ways) > 1, "releases were not mixed"
