"""Old events brought to the newest version, against current events and other ways to do it."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from headwater import App, Metadata, SystemClock
from headwater.events import RecordedEvent
from headwater.stores.contract import Append, Expect, NewEvent, Unit
from headwater.stores.databases import store_for

from .generator import PEER, bundle
from .orders_of_old import (
    EVENT,
    STREAM,
    VERSIONS,
    by_constructors,
    by_dumps,
    by_eventsourcing,
    import_service,
    payload,
)
from .process import Cost, run
from .process import interleaved as interleaved_runs
from .rates import Rate, interleaved, measured, of_threads, processor_time
from .scale import Scale

__all__ = ["measure"]

PAGE = 1_000  # events
PAGES = 10
HEAD = max(VERSIONS)
EVENTS = 300  # of three versions each
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def measure(scale: Scale) -> Iterator[tuple[str, str, str]]:
    """Yield rows of (case, figure, goal)."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        service = import_service(folder / "service")
        yield from _one_event(service, scale)
        yield from _page(service, scale, folder)
        yield from _generating(scale.rounds, folder)


def _one_event(service: Any, scale: Scale) -> Iterator[tuple[str, str, str]]:
    decode = service.registry.decode
    old, new = _recorded(1), _recorded(HEAD)
    upcast = decode(old)
    assert upcast == decode(new)
    for other in (by_constructors, by_dumps):
        assert upcast.model_dump(mode="json") == other(old.data).model_dump(mode="json")

    def ours() -> Rate:
        return of_threads(lambda: decode(old), 1, scale.seconds)

    pairs = interleaved(
        scale.rounds, lambda: of_threads(lambda: decode(new), 1, scale.seconds), ours
    )
    yield f"a current event to one {HEAD - 1} hops old", pairs.text(), "at most 1.8"
    stored = payload(1)
    for how, other in (("made of the last", by_constructors), ("of its dump", by_dumps)):
        once = partial(other, stored)
        pairs = interleaved(scale.rounds, ours, partial(of_threads, once, 1, scale.seconds))
        yield f"... to a pydantic model at every hop, {how}", pairs.text(), "at least 2.5"
    peer = by_eventsourcing()
    pairs = interleaved(scale.rounds, ours, lambda: of_threads(peer, 1, scale.seconds))
    yield "... to the upcasting of eventsourcing", pairs.text(), "at least 1.5"


def _page(service: Any, scale: Scale, folder: Path) -> Iterator[tuple[str, str, str]]:
    mixed, head = folder / "mixed.db", folder / "head.db"
    asyncio.run(_fill(service, mixed, [*VERSIONS]))
    asyncio.run(_fill(service, head, [HEAD]))
    pairs = interleaved(
        scale.rounds,
        lambda: asyncio.run(_replay(service, mixed)),
        lambda: asyncio.run(_replay(service, head)),
    )
    yield f"pages of {PAGE:,} events of {HEAD} versions to the head", pairs.text(), "at least 0.6"


async def _fill(service: Any, path: Path, versions: list[int]) -> None:
    store = store_for(f"sqlite:///{path}", SystemClock())
    await store.open(service.streams)
    turns = cycle(versions)
    try:
        for _ in range(PAGES):
            events = tuple(
                NewEvent(
                    id=uuid4(),
                    name=EVENT,
                    version=version,
                    data=payload(version),
                    terminal=False,
                    metadata=Metadata(),
                )
                for _ in range(PAGE)
                for version in [next(turns)]
            )
            append = Append(
                stream=STREAM,
                workflow="Order",
                workflow_id=str(uuid4()),
                expect=Expect.NEW,
                events=events,
            )
            [outcome] = await store.commit([Unit(appends=(append,))])
            assert outcome
    finally:
        await store.close()


async def _replay(service: Any, path: Path) -> Rate:
    async with App(service, database=f"sqlite:///{path}") as app:
        begun, used, count = time.perf_counter(), processor_time(), 0
        async for event in app.replay(STREAM):
            count += event.quantity == 3
        assert count == PAGE * PAGES
        return measured(count, begun, used)


def _recorded(version: int) -> RecordedEvent:
    return RecordedEvent(
        stream=STREAM,
        offset=1,
        id=UUID(int=1),
        name=EVENT,
        version=version,
        workflow="Order",
        workflow_id="order-1",
        workflow_version=1,
        recorded_at=NOON,
        data=payload(version),
        metadata=Metadata(),
    )


def _generating(rounds: int, folder: Path) -> Iterator[tuple[str, str, str]]:
    headwater = [sys.executable, "-m", "headwater"]
    warm = _project(folder / "warm")
    run([*headwater, "generate"], warm)
    schemas = folder / "schemas.json"
    schemas.write_text(json.dumps(bundle(warm / "generated" / "bench_service")))

    def from_nothing() -> Cost:
        cold = _project(folder / "cold")
        try:
            return run([*headwater, "generate"], cold)
        finally:
            shutil.rmtree(cold)

    samples = interleaved_runs(
        rounds,
        {
            "nothing": lambda: run([*headwater, "generate"], warm),
            "peer": lambda: run([sys.executable, "-c", PEER, str(schemas)], folder),
            "cold": from_nothing,
        },
    )
    cold = samples["cold"]
    yield (
        f"{EVENTS} events of 3 versions from nothing",
        f"{cold.ratio(samples['peer']):.2f} x bare library ({cold.wall():.2f} s)",
        "at most 2",
    )
    yield "nothing to do", f"{samples['nothing'].wall():.3f} s", "at most 0.15 s"


def _project(folder: Path) -> Path:
    (folder / "spec").mkdir(parents=True)
    (folder / "pyproject.toml").write_text("[tool.headwater]\n")
    (folder / "spec" / "bench_service.yaml").write_text("\n".join(_spec_lines()))
    return folder


def _spec_lines() -> Iterator[str]:
    """Yield the lines of a spec whose events have three versions, twenty to a workflow."""
    yield "headwater: 1\nservice: bench-service\nstreams:\n  log: {type: persistent}"
    yield "types:\n  Grade: {enum: [low, middle, high]}\nworkflows:"
    common = "id: uuid, amount: int, ratio: float, at: datetime, tags: list<string>"
    for number in range(EVENTS):
        if number % 20 == 0:
            yield f"  Flow{number // 20}:\n    stream: log\n    events:"
        yield f"      Event{number}Happened:"
        yield f"        description: What happened when event {number} did."
        yield f"        fields: {{{common}, first: string, last: string, grade: Grade}}"
        yield "        upcast:"
        yield '          - split: {field: full_name, into: [first, last], sep: " "}'
        yield "        history:"
        yield f"          1: {{fields: {{{common}, name: string}}}}"
        yield "          2:"
        yield f"            fields: {{{common}, full_name: string, grade: Grade}}"
        yield "            upcast:"
        yield "              - rename: {name: full_name}"
        yield "              - add: {grade: low}"
    yield "subscriptions:\n  everything: {stream: log, mode: broadcast, handler: false}"
