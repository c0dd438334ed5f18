"""Take existing events into a service's streams: all lines checked first, each event written once.

A line is a JSON object as `headwater replay --json` prints it. An event that has no id gets one
that follows from what it says, so the same file gives the same ids whenever it is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from itertools import groupby
from typing import Any
from uuid import UUID, uuid5

from headwater.clock import Clock
from headwater.deadlines import reading_within, writing_within
from headwater.errors import UnknownEventError
from headwater.events import Event, Metadata, RecordedEvent
from headwater.service import Service
from headwater.stores.contract import (
    Answer,
    Append,
    Committed,
    IdempotencyKey,
    NewEvent,
    Store,
    Unit,
)
from headwater.stores.keys import KeyKind, Occasion
from headwater.streams import StreamType
from pydantic import ValidationError
from pydantic_core import from_json, to_json

__all__ = ["BadLine", "Import", "ImportedEvent", "read_lines"]

BATCH = 500  # events a commit
PAGE = 1_000  # events a read
NAMESPACE = UUID("6f1d9c52-8f0b-5b0e-9a54-3d0c8e6a7b21")  # of the ids that are made here

REQUIRED = ("event", "workflow_id", "data")
OPTIONAL = ("version", "workflow", "id", "offset", "occurred_at", "recorded_at")
KNOWN = frozenset({*REQUIRED, *OPTIONAL})
TIMES = ("occurred_at", "recorded_at")  # of a line; the first that is there is when it happened


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that cannot be taken in, and why."""

    line: int
    """1 is the first."""
    reason: str


@dataclass(frozen=True, slots=True)
class ImportedEvent:
    """An event to take in, where it goes, and the line it stands on."""

    line: int
    stream: str
    workflow: str | None
    workflow_id: str
    event: NewEvent


class _LineError(Exception):
    """Why a line is bad."""


def read_lines(
    lines: Iterable[bytes], service: Service[Any], *, stream: str | None = None
) -> tuple[list[ImportedEvent], list[BadLine]]:
    """The events of the lines in their order, and every line that is none. Blank ones are passed.

    Each is checked against the class of its version, unknown fields refused. With `stream`, an
    event of another stream is a bad line.
    """
    events: list[ImportedEvent] = []
    bad: list[BadLine] = []
    line_of: dict[UUID, int] = {}
    same: Counter[UUID] = Counter()
    ended: dict[tuple[str, str], int] = {}
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        try:
            one = _imported(number, text, service, stream, same)
            if (before := line_of.setdefault(one.event.id, number)) != number:
                raise _LineError(f"its id came before, on line {before}")
            if one.workflow is not None:
                key = one.workflow, one.workflow_id
                if key in ended:
                    raise _LineError(f"its workflow ended before, on line {ended[key]}")
                if one.event.terminal:
                    ended[key] = number
        except _LineError as error:
            bad.append(BadLine(number, str(error)))
        else:
            events.append(one)
    return events, bad


class Import:
    """Events on their way into an open store. First `compare`, then `append`."""

    def __init__(
        self, events: Sequence[ImportedEvent], store: Store, clock: Clock, deadline: float
    ) -> None:
        self._events = events
        self._store = store
        self._clock = clock
        self._deadline = deadline
        self.missing: Sequence[ImportedEvent] = events
        """Those that no stream has yet, once `compare` has looked."""
        self.written = 0
        """How many this import has written."""

    async def compare(self) -> list[BadLine]:
        """Find out which are there already, and give the lines that contradict the store.

        Reads each stream once. Nothing is written.

        Raises:
            DeadlineExceededError: The store did not answer one read in time.
        """
        wanted = {(one.stream, one.event.id): one for one in self._events}
        found: set[UUID] = set()
        bad: list[BadLine] = []
        for stream in sorted({one.stream for one in self._events}):
            async for recorded in self._recorded(stream):
                one = wanted.get((stream, recorded.id))
                if one is None:
                    continue
                found.add(recorded.id)
                if not _is_same(one, recorded):
                    reason = f"{stream} has another event with its id, at offset {recorded.offset}"
                    bad.append(BadLine(one.line, reason))
        self.missing = [one for one in self._events if one.event.id not in found]
        bad += await self._after_the_end()
        return sorted(bad, key=lambda one: one.line)

    async def append(self, appended: Callable[[int], None]) -> None:
        """Write those that are missing, in batches of one commit each.

        `appended` is called with how many are done. Where it stops, whole batches stay, and the
        same file can be imported again: only the rest is written.

        Raises:
            RejectedError: The store refused a batch; nothing of it is written.
            OutcomeUnknownError: A batch is written whole or not at all.
        """
        done = 0
        missing = {one.event.id for one in self.missing}
        for first in range(0, len(self._events), BATCH):
            # Every import of the same lines has the same batches, whatever it has found there: of
            # two that run at once only one writes each.
            lines = self._events[first : first + BATCH]
            batch = [one for one in lines if one.event.id in missing]
            if not batch:
                continue
            digest = _digest(lines)
            unit = Unit(
                key=IdempotencyKey(
                    f"import:{digest.hex()}", Answer(digest, b""), Occasion(KeyKind.IMPORT)
                ),
                appends=tuple(_appends(batch)),
            )
            async with writing_within(self._clock, self._deadline, "importing"):
                [outcome] = await self._store.commit([unit])
            if not isinstance(outcome, Committed):
                raise outcome.error
            if outcome.earlier is None:
                self.written += len(batch)
            done += len(batch)
            appended(done)

    async def _recorded(self, stream: str) -> AsyncIterator[RecordedEvent]:
        after = 0
        while True:
            async with reading_within(self._clock, self._deadline):
                page = await self._store.read(stream, after, PAGE)
            if not page:
                return
            for recorded in page:
                yield recorded
            after = page[-1].offset

    async def _after_the_end(self) -> list[BadLine]:
        bad: list[BadLine] = []
        ended: dict[tuple[str, str], bool] = {}
        for one in self.missing:
            if one.workflow is None:
                continue
            key = one.workflow, one.workflow_id
            if key not in ended:
                async with reading_within(self._clock, self._deadline):
                    ended[key] = (await self._store.workflow(*key)).ended
            if ended[key]:
                bad.append(BadLine(one.line, f"workflow {one.workflow_id!r} has ended already"))
        return bad


def _imported(
    number: int, text: bytes, service: Service[Any], stream: str | None, same: Counter[UUID]
) -> ImportedEvent:
    fields = _fields(text)
    name, workflow_id = _text(fields, "event"), _text(fields, "workflow_id")
    version = fields.get("version", 1)
    if type(version) is not int:
        raise _LineError("`version` is not a whole number")
    try:
        kind = service.registry.get(name, version)
    except UnknownEventError as error:
        raise _LineError(str(error)) from error
    definition = next(one for one in service.workflows if kind in one.events)
    if stream not in {None, definition.stream}:
        raise _LineError(f"{name} is of the stream {definition.stream}, not {stream}")
    if service.stream(definition.stream).type is not StreamType.PERSISTENT:
        raise _LineError(f"{name} is of the ephemeral stream {definition.stream}")
    workflow = fields.get("workflow", definition.name)
    if workflow not in (None, definition.name):
        raise _LineError(f"{name} is of the workflow {definition.name}")
    data = _data(fields["data"], kind)
    event_id = _id(fields)
    if event_id is None:
        said = to_json([definition.stream, name, version, workflow, workflow_id, fields["data"]])
        content = uuid5(NAMESPACE, said.decode())
        same[content] += 1  # a line that is there twice is two events
        event_id = uuid5(content, str(same[content]))
    event = NewEvent(
        id=event_id,
        name=name,
        version=version,
        data=data,
        terminal=kind.terminal and workflow is not None,
        metadata=Metadata(occurred_at=_occurred_at(fields)),
    )
    return ImportedEvent(number, definition.stream, workflow, workflow_id, event)


def _fields(text: bytes) -> Mapping[str, Any]:
    try:
        fields = from_json(text, allow_inf_nan=False)
    except ValueError as error:
        raise _LineError(f"it is no JSON: {error}") from error
    if not isinstance(fields, dict):
        raise _LineError("it is no JSON object")
    if missing := [key for key in REQUIRED if key not in fields]:
        raise _LineError(f"it has no {', '.join(f'`{key}`' for key in missing)}")
    if unknown := sorted(fields.keys() - KNOWN):
        raise _LineError(f"there is no such key: {', '.join(map(repr, unknown))}")
    return fields


def _text(fields: Mapping[str, Any], key: str) -> str:
    text = fields[key]
    if not isinstance(text, str) or not text or "\0" in text:
        raise _LineError(f"`{key}` is not a text with something in it")
    return text


def _id(fields: Mapping[str, Any]) -> UUID | None:
    if fields.get("id") is None:
        return None
    try:
        return UUID(_text(fields, "id"))
    except ValueError as error:
        raise _LineError("`id` is no UUID") from error


def _occurred_at(fields: Mapping[str, Any]) -> datetime | None:
    """When it happened, if the line tells; each time in it has to be one."""
    moments = [_moment(fields, key) for key in TIMES if fields.get(key) is not None]
    return moments[0] if moments else None


def _moment(fields: Mapping[str, Any], key: str) -> datetime:
    try:
        moment = datetime.fromisoformat(_text(fields, key))
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise _LineError(f"`{key}` is no time with a zone, such as 2030-01-31T12:00:00Z")


def _data(data: object, kind: type[Event]) -> bytes:
    """The data as it is given, once its class accepts it."""
    text = to_json(data)
    try:
        kind.__pydantic_validator__.validate_json(text)
    except ValidationError as error:
        reason = "; ".join(
            f"{'.'.join(('data', *map(str, one['loc'])))}: {one['msg']}" for one in error.errors()
        )
        raise _LineError(f"{kind.event_name} version {kind.event_version}: {reason}") from error
    return text


def _is_same(one: ImportedEvent, recorded: RecordedEvent) -> bool:
    event = one.event
    return (event.name, event.version, one.workflow, one.workflow_id) == (
        recorded.name,
        recorded.version,
        recorded.workflow,
        recorded.workflow_id,
    ) and from_json(event.data) == from_json(recorded.data)


def _digest(lines: Sequence[ImportedEvent]) -> bytes:
    """Of which events they are, and where they go."""
    digest = sha256()
    for one in lines:
        digest.update(one.stream.encode() + b"\0" + one.event.id.bytes)
    return digest.digest()


def _appends(batch: Sequence[ImportedEvent]) -> Iterator[Append]:
    """An append for each run of events of one workflow, in the order of the lines."""
    for place, run in groupby(batch, key=lambda one: (one.stream, one.workflow, one.workflow_id)):
        stream, workflow, workflow_id = place
        events = tuple(one.event for one in run)
        yield Append(stream=stream, workflow=workflow, workflow_id=workflow_id, events=events)
