"""F2, P2, P7: exactly once, whatever happens to whoever handles, and to the wire and the server.

The effect is a row that a handler writes through its connection; nothing but the runtime keeps it
from being there twice.
"""

from __future__ import annotations

import signal
from collections import Counter, defaultdict
from contextlib import nullcontext
from typing import Any

import pytest
from headwater.stores.contract import FeedKey

from tests.faults.databases import Database, ServerDatabase, on_both
from tests.faults.ledger import POSTING
from tests.faults.outcome import drain, find
from tests.faults.proxy import Loss
from tests.faults.report import Progress
from tests.faults.test_terminated_backends import BACKENDS
from tests.faults.world import World

pytestmark = [pytest.mark.row("F2"), pytest.mark.row("P2"), pytest.mark.row("P7")]

CONSUMERS = 3
ACK_TIMEOUT = 1.0  # seconds


@on_both
@pytest.mark.parametrize("batch", [1, 10], ids=["one by one", "in batches"])
def test_each_event_has_one_effect_whoever_is_killed_cut_off_or_told_nothing(
    world: World, database: Database, progress: Progress, whole: bool, batch: int
) -> None:
    """On PostgreSQL connections are ended and replies to commits are lost meanwhile."""
    kills = 100 if whole else 4
    settings: dict[str, Any] = {
        "delivery": "exactly-once",
        "ack_timeout": ACK_TIMEOUT,
        "batch": batch,
        "concurrency": 2,
    }
    producer = world.start("producer", tasks=2, pause=0.01)
    world.until_noted(1, producer, action="append")
    is_server = isinstance(database, ServerDatabase)
    key = "id serial PRIMARY KEY" if is_server else "id INTEGER PRIMARY KEY AUTOINCREMENT"
    database.ask(
        f"CREATE TABLE posted ({key}, mark text NOT NULL, account text NOT NULL, "
        "version integer NOT NULL)"
    )
    proxy = database.proxy(world.tell) if isinstance(database, ServerDatabase) else None
    with nullcontext() if proxy is None else proxy:
        url = database.url if proxy is None else proxy.url(database.url)
        if proxy is not None:
            proxy.loss = Loss(statement=r"^COMMIT;", what="reply", every=7)

        def start() -> Any:
            return world.start("exact", ledger=settings, work=0.002, database=url)

        consumers = [start() for _ in range(CONSUMERS)]
        for done in range(kills):
            progress(done, kills, "kills")
            number = world.chance.randrange(CONSUMERS)
            victim = consumers[number]
            enough = world.count(action="effect", kind="info") + world.chance.randint(1, 20)
            world.until_noted(enough, action="effect", kind="info")
            if proxy is not None and (backends := database.ask(BACKENDS)):
                database.ask(
                    "SELECT pg_terminate_backend($1)", world.chance.choice(backends)["pid"]
                )
                world.tell("terminate")
            victim.kill()
            consumers[number] = start()
        if proxy is not None:
            world.until(lambda: proxy.losses >= kills // 2, "replies that are lost", 60.0)
            proxy.loss = None
        producer.send(signal.SIGTERM)
        producer.wait()
        drain(world, *consumers, within=300.0 if whole else 90.0)

    found = find(world, key=FeedKey(POSTING))
    rows = [
        (row[0], row[1], row[2])
        for row in database.ask("SELECT mark, account, version FROM posted ORDER BY id")
    ]
    written = Counter(mark for mark, _, _ in rows)
    entered = {one.id for one in found.log or ()}
    assert not found.dead
    assert [mark for mark, count in written.items() if count > 1] == [], "duplicates"
    assert entered - {*written} == set(), "lost"
    assert {*written} - entered == set()
    orders: dict[str, list[int]] = defaultdict(list)
    for _, account, version in rows:
        orders[account].append(version)
    assert all(versions == sorted(versions) for versions in orders.values())
    tries = world.count(action="effect", kind="info")
    world.figures.note(f"{len(rows)} effects of {tries} that were begun")
