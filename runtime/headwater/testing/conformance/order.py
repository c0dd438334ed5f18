"""Whether who reads along misses an event: several processes write, some are killed, one reads.

For any log, Headwater's or not: a `Log` of a few lines is what it asks for. `observe` runs it,
`Findings` says what came of it. The reader does as a subscription does: it asks for what follows
the last position that it saw, and never looks back. Who is behind misses nothing, so writers pause
a little, and how often the reader was at the end is counted too.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from importlib import import_module
from itertools import pairwise
from typing import Protocol, TypeAlias
from uuid import UUID, uuid4

from headwater.events import Metadata
from headwater.stores.contract import Append, Committed, Expect, NewEvent, Store, Unit

__all__ = ["Entry", "Findings", "Log", "OpenLog", "StoreLog", "compare", "load", "observe"]

BATCH = 2000  # events per read
PAUSE = 0.002  # seconds, once there is nothing left to read
PATIENCE = 60.0  # seconds for a writer to say the first thing
WRITER = "headwater.testing.conformance.writer"


@dataclass(frozen=True)
class Entry:
    """One event as it is read: its position in the log, and its place in its workflow."""

    position: int
    workflow: UUID
    number: int
    """1, 2, 3... within its workflow."""


class Log(Protocol):
    """What can be appended to and read along."""

    async def append(self, workflow: UUID, numbers: Sequence[int]) -> None:
        """Record that many events of the workflow, in that order, together; return once they are.

        Several appends of one `Log`, to different workflows, are under way at a time.
        """

    async def read(self, after: int, limit: int) -> Sequence[Entry]:
        """The next events after that position, the first of which is above 0."""


OpenLog: TypeAlias = Callable[[str], AbstractAsyncContextManager[Log]]
"""Opens the log that a URL means, in any process."""


@dataclass(frozen=True)
class Findings:
    """What one run found. Counts are of events where nothing else is said."""

    recorded: int
    """In the end."""
    killed: int
    """Writers, in the middle of what they did."""
    caught_up: int
    """Reads that came to the end of the log. Without any, the run has proved nothing."""
    missed: int
    """Recorded at a position that the reader has passed without seeing them."""
    doubled: int
    """Seen by the reader, or recorded, more than once."""
    lost: int
    """Acknowledged to a writer, and not recorded."""
    halved: int
    """Appends of which only a part is recorded."""
    misordered: int
    """Recorded before an earlier one of their workflow, or read before a lower position."""
    gaps: int
    """Positions that no event has; they do no harm by themselves."""

    @property
    def sound(self) -> bool:
        """Whether every event was seen once and in order, and nothing acknowledged is lost."""
        return not (self.missed or self.doubled or self.lost or self.halved or self.misordered)


class StoreLog:
    """A Headwater store as a `Log`: it has a persistent stream of that name."""

    def __init__(self, store: Store, stream: str = "log") -> None:
        self._store = store
        self._stream = stream

    async def append(self, workflow: UUID, numbers: Sequence[int]) -> None:
        """Commit one unit; what the store refuses is raised."""
        events = tuple(
            NewEvent(uuid4(), "Counted", 1, b"%d" % number, terminal=False, metadata=Metadata())
            for number in numbers
        )
        append = Append(
            stream=self._stream,
            workflow="Count",
            workflow_id=str(workflow),
            expect=Expect.ANY,
            events=events,
        )
        [outcome] = await self._store.commit([Unit(appends=(append,))])
        if not isinstance(outcome, Committed):
            raise outcome.error

    async def read(self, after: int, limit: int) -> list[Entry]:
        """What the store reads."""
        events = await self._store.read(self._stream, after, limit)
        return [Entry(one.offset, UUID(one.workflow_id), int(one.data)) for one in events]


def load(name: str) -> OpenLog:
    """The function of that name, `module:function`, that opens a log by its URL."""
    module, _, function = name.partition(":")
    opened: OpenLog = getattr(import_module(module), function)
    return opened


async def observe(
    log: str, url: str, *, writers: int = 3, lanes: int = 4, events: int = 5000, kills: int = 3
) -> Findings:
    """Write and read along, and say what came of it.

    Args:
        log: `module:function`, an `OpenLog`; each writing process imports it.
        url: What the function is given. The log is new.
        writers: Processes that write at a time.
        lanes: Appends that each of them has under way at a time.
        events: The writers go on until the reader has seen this many.
        kills: So many of the writers are killed in the middle of it, others take their place.

    Raises:
        RuntimeError: A writer ended by itself.
        TimeoutError: A writer has said nothing for a minute after its start.
    """
    reader = _Reader()
    seen = reader.seen
    acknowledged: list[tuple[UUID, int, int]] = []
    async with load(log)(url) as opened:
        reading = asyncio.create_task(reader.read_along(opened))
        running: list[_Writer] = []
        killed = 0
        try:
            for _ in range(writers):
                writer = await _Writer.start(log, url, lanes, acknowledged)
                running.append(writer)
            while len(seen) < events or killed < kills:
                if killed < kills and len(seen) >= events * (killed + 1) // (kills + 1):
                    await running.pop(0).kill()
                    running.append(await _Writer.start(log, url, lanes, acknowledged))
                    killed += 1
                for writer in running:
                    writer.check()
                if reading.done():
                    reading.result()
                await asyncio.sleep(PAUSE)
        finally:
            for writer in running:
                await writer.kill()
            reading.cancel()
            await asyncio.wait([reading])
        while await reader.read_on(opened):
            pass
        again = _Reader()
        while await again.read_on(opened):
            pass
    return compare(
        seen, again.seen, acknowledged, killed=killed + writers, caught_up=reader.caught_up
    )


class _Reader:
    """Asks for what follows the last position that it saw."""

    def __init__(self) -> None:
        self.seen: list[Entry] = []
        self.caught_up = 0

    async def read_along(self, log: Log) -> None:
        while True:
            if not await self.read_on(log):
                await asyncio.sleep(PAUSE)

    async def read_on(self, log: Log) -> bool:
        """Read what follows; whether there was anything further on."""
        last = self.seen[-1].position if self.seen else 0
        found = await log.read(last, BATCH)
        self.seen += found
        self.caught_up += len(found) < BATCH
        return bool(self.seen) and self.seen[-1].position > last


def compare(
    seen: Sequence[Entry],
    recorded: Sequence[Entry],
    acknowledged: Iterable[tuple[UUID, int, int]],
    *,
    killed: int,
    caught_up: int,
) -> Findings:
    """What was seen along the way, beside what is there in the end.

    `acknowledged` has a workflow with the first and the last number of an append. An append's size
    follows from its first number (`batch`).
    """
    numbers = Counter((one.workflow, one.number) for one in recorded)
    glimpsed = Counter((one.workflow, one.number) for one in seen)
    promised = {
        (workflow, number)
        for workflow, first, last in acknowledged
        for number in range(first, last + 1)
    }
    # What a killed writer had under way may be committed after the reader's last look.
    end = seen[-1].position if seen else 0
    passed = {(one.workflow, one.number) for one in recorded if one.position <= end}
    last: dict[UUID, int] = {}
    misordered = sum(one.position >= two.position for one, two in pairwise(seen))
    for one in recorded:
        misordered += one.number <= last.get(one.workflow, 0)
        last[one.workflow] = max(one.number, last.get(one.workflow, 0))
    halved = 0
    for workflow, newest in last.items():
        first = 1
        while first <= newest:
            size = batch(first)
            present = sum((workflow, first + k) in numbers for k in range(size))
            halved += 0 < present < size
            first += size
    positions = {one.position for one in recorded}
    return Findings(
        recorded=len(recorded),
        killed=killed,
        caught_up=caught_up,
        missed=len(passed - glimpsed.keys()),
        doubled=sum(count - 1 for count in (numbers | glimpsed).values()),
        lost=len(promised - numbers.keys()),
        halved=halved,
        misordered=misordered,
        gaps=max(positions, default=0) - len(positions),
    )


def batch(first: int) -> int:
    """How many events are appended together, where the first is the `first` of its workflow."""
    return 1 + first * 7 % 20


class _Writer:
    """A process that appends until it is killed, and says what was acknowledged."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._listening: asyncio.Task[None] | None = None

    @classmethod
    async def start(
        cls, log: str, url: str, lanes: int, acknowledged: list[tuple[UUID, int, int]]
    ) -> _Writer:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", WRITER, log, url, str(lanes)),
            stdout=asyncio.subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )
        writer = cls(process)
        begun = asyncio.Event()
        writer._listening = asyncio.create_task(writer._listen(acknowledged, begun))
        try:
            await asyncio.wait_for(begun.wait(), PATIENCE)
            writer.check()
        except (TimeoutError, RuntimeError):
            await writer.kill()
            raise
        return writer

    async def _listen(
        self, acknowledged: list[tuple[UUID, int, int]], begun: asyncio.Event
    ) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            if line.endswith(b"\n"):  # whoever is killed may have said half of it
                workflow, first, last = line.decode().split()
                acknowledged.append((UUID(workflow), int(first), int(last)))
                begun.set()
        begun.set()

    def check(self) -> None:
        """Raise if it ended by itself."""
        if self._process.returncode is not None:
            raise RuntimeError(f"a writer ended with {self._process.returncode}, see its output")

    async def kill(self) -> None:
        """End it in the middle of what it does, and hear what it said until then."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        if self._listening is not None:
            await self._listening
