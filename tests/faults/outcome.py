"""What the store says once all has healed, and whether everything held."""

from __future__ import annotations

import asyncio
import json
import signal
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from headwater import App, Service, StreamType
from headwater.stores.contract import FeedKey, Store

from tests.faults.actors import mark_of
from tests.faults.checker import Found, Promise, Recorded, check, counts
from tests.faults.databases import Database
from tests.faults.ledger import EFFECTS, OWNER, POSTING, Handlers, ledger
from tests.faults.world import Actor, World

__all__ = ["assert_all_held", "assert_nothing_is_left", "drain", "find"]

PAGE = 1000  # events


def drain(world: World, *actors: Actor, within: float = 60.0) -> None:
    """Wait until everything is settled, then stop these actors kindly."""
    begun = world.database.left()
    try:
        world.until(lambda: world.database.left() == 0, "everything is settled", within)
    except AssertionError as error:
        raise AssertionError(f"{error}; {world.database.left()} left of {begun}") from error
    for actor in actors:
        world.until_noted(1, actor, action="ready", kind="info")
        actor.send(signal.SIGTERM)
    for actor in actors:
        assert actor.wait() == 0, f"{actor.name} failed:\n{world.logs()[-3000:]}"


def find(
    world: World,
    service: Service[Any] | None = None,
    *,
    key: FeedKey | None = None,
    database: Database | None = None,
    **expected: Any,
) -> Found:
    """What the store has, read through its own contract: that of the ledger, or of another one."""
    database = database or world.database
    stream_type = expected.pop("stream_type", "persistent")
    service = service or ledger(handler=False, stream_type=stream_type)
    expected |= {"integrity": database.integrity(), "is_locked": database.is_locked()}
    return asyncio.run(_find(world, service, database.url, key, expected))


async def _find(
    world: World, service: Service[Any], url: str, key: FeedKey | None, expected: dict[str, Any]
) -> Found:
    stream = service.streams[0]
    async with App(service, handlers=Handlers(), database=url) as app:
        store = app._store
        entries = await _read(store, stream.name)
        effects = await _read(store, EFFECTS)
        feed = await store.feed(key) if key else None
        letters = await store.dead_letters(POSTING)
    return Found(
        log=(
            [
                Recorded(one.offset, mark_of(one.data), one.workflow_id, one.workflow_version)
                for one in entries
            ]
            if stream.type is StreamType.PERSISTENT
            else None
        ),
        position=feed.position if feed else None,
        pending=feed.pending if feed else 0,
        dead={letter.event.offset for letter in letters},
        effects=[
            (mark_of(one.data), one.workflow_id, json.loads(one.data)["token"]) for one in effects
        ],
        logs=world.logs(),
        secrets=[OWNER],
        **expected,
    )


async def _read(store: Store, stream: str) -> list[Any]:
    head = (await store.statistics(stream)).head
    return [
        event for after in range(0, head, PAGE) for event in await store.read(stream, after, PAGE)
    ]


def assert_nothing_is_left(world: World) -> None:
    """Check what has to hold of actors and logs, where the log is too long to be read."""
    found = Found(
        log=None, logs=world.logs(), secrets=[OWNER], is_locked=world.database.is_locked()
    )
    violations = check(world.history(), found)
    assert not violations, "\n".join(f"{one.invariant} {one.what}" for one in violations[:20])


def assert_all_held(
    world: World,
    promise: Promise | None = None,
    *,
    faults: Mapping[str, int] | None = None,
    logged: Collection[str] = (),
    consumer: str | None = None,
    **expected: Any,
) -> Found:
    """Check every invariant; returns what the store has."""
    key = FeedKey(POSTING, consumer) if promise else None
    found = find(world, key=key, faults=faults or {}, logged=logged, **expected)
    history = world.history()
    world.figures.faults(Counter(line.id for line in history if line.action == "fault"))
    world.figures.add(**counts(history, found, promise))
    violations = check(history, found, promise)
    assert not violations, "\n".join(f"{one.invariant} {one.what}" for one in violations[:20])
    return found
