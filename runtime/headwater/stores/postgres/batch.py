"""Units on their way into one statement, and its result on the way back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from headwater.errors import DeliveryLostError
from headwater.stores.contract import (
    Acknowledge,
    Answer,
    Append,
    Committed,
    Exactly,
    Expect,
    FeedKey,
    Outcome,
    PutBack,
    Rejected,
    SetAside,
    Settlement,
    Skip,
    Unit,
    WorkflowState,
)
from headwater.stores.groups import partition_key
from headwater.stores.guards import answered, failed_expectation, feed_name
from headwater.stores.keys import Occasion
from headwater.stores.metadata import metadata_text

from .progress import COMMIT_WITH_PROGRESS, ProgressColumns
from .receiving import COMMIT_WITH_RECEIPTS, receipt_arguments
from .units import COMMIT_UNITS

__all__ = ["Batch", "batches", "expected_versions"]

NEVER = 2**62  # a version that no workflow has
IMPOSSIBLE = NEVER, 0  # a range without a version: nothing follows a terminal event
NO_TOKEN = -1  # of a settlement that cannot hold
ACKNOWLEDGED, PUT_BACK, SET_ASIDE, HELD_BACK, SKIPPED = 0, 1, 2, 3, 4

# What the rows of the statement's result are about; `place` is a unit's, a settlement's...
KNOWN, LOST, WORKFLOW, APPENDED, REFUSED, LOST_PROGRESS = 1, 2, 3, 4, 5, 6


def batches(units: Sequence[Unit]) -> Iterator[tuple[Unit, ...]]:
    """The units in order, in batches that hold no two which have to see each other."""
    batch: list[Unit] = []
    taken: set[object] = set()
    for unit in units:
        touched = set(_touched(unit))
        if batch and (not taken.isdisjoint(touched) or _differ(batch, unit)):
            yield tuple(batch)
            batch, taken = [], set()
        batch.append(unit)
        taken |= touched
    if batch:
        yield tuple(batch)


def _differ(batch: Sequence[Unit], unit: Unit) -> bool:
    """Whether no statement writes both: one with progress and one with receipts."""
    if unit.progress:
        return any(_has_receipts(one) for one in batch)
    return _has_receipts(unit) and any(one.progress for one in batch)


def _has_receipts(unit: Unit) -> bool:
    return any(isinstance(one, Acknowledge) and one.receipt for one in unit.settlements)


def _touched(unit: Unit) -> Iterator[object]:
    if unit.key is not None:
        yield unit.key.key
    if unit.carries_out is not None:
        yield unit.carries_out
    for command in unit.sends:
        yield command.key
    for append in unit.appends:
        if append.workflow is not None:
            yield (append.workflow, append.workflow_id)
    for settlement in unit.settlements:
        yield (settlement.claim.feed, settlement.claim.event.offset)
    for progress in unit.progress:
        if progress.letters:  # one may have to be behind another
            yield partition_key(progress.subscription, progress.partition)


def expected_versions(append: Append) -> tuple[int, int]:
    """The lowest and the highest version that its workflow may have."""
    if any(event.terminal for event in append.events[:-1]):
        return IMPOSSIBLE
    match append.expect:
        case Expect.ANY:
            return 0, NEVER
        case Expect.NEW:
            return 0, 0
        case Expect.EXISTS:
            return 1, NEVER
        case Exactly(version):
            return version, version


@dataclass(slots=True)
class _Guard:
    """What one unit expects of one workflow: a version in this range, and that it goes on."""

    unit: int
    lowest: int = 0
    highest: int = NEVER
    events: int = 0
    ends: bool = False

    def add(self, append: Append) -> None:
        """Take in an append, which comes after those before it."""
        lowest, highest = expected_versions(append)
        # Of the version before this append, so less what the unit has added by then.
        self.lowest = max(self.lowest, lowest - self.events)
        self.highest = min(self.highest, highest - self.events)
        if self.ends:
            self.lowest, self.highest = IMPOSSIBLE
        self.events += len(append.events)
        self.ends = any(event.terminal for event in append.events)


@dataclass(slots=True)
class Batch:
    """Units on their way into one statement, and its result on the way back."""

    units: tuple[Unit, ...]
    woken: set[FeedKey] = field(default_factory=set)
    """Feeds that may have something to hand out, once it is decoded."""
    appended: dict[str, set[str]] = field(default_factory=dict)
    """Streams, and the names of their new events."""
    heads: dict[str, int] = field(default_factory=dict)
    """Streams, and the offsets of their newest events."""
    sent: bool = False
    """Whether there may be stored commands to execute."""
    _guards: dict[tuple[str, str], int] = field(default_factory=dict)  # to their places

    @property
    def is_durable(self) -> bool:
        """Whether it has to survive the machine's failure.

        Progress always has to: its owner, which lives on when the server crashes, builds on it.
        """
        return any(unit.durable or unit.progress for unit in self.units)

    @property
    def statement(self) -> str:
        """What writes them."""
        if self._has_progress:
            return COMMIT_WITH_PROGRESS
        return COMMIT_WITH_RECEIPTS if self._has_receipts else COMMIT_UNITS

    @property
    def _has_progress(self) -> bool:
        return any(unit.progress for unit in self.units)

    @property
    def _has_receipts(self) -> bool:
        return any(_has_receipts(unit) for unit in self.units)

    def arguments(self, now: datetime | None) -> list[Any]:
        """What the statement takes, in its order. With `None` the time is the database's."""
        columns = _Columns()
        guards: dict[tuple[str, str], _Guard] = {}
        for number, unit in enumerate(self.units, 1):
            for append in unit.appends:
                if append.workflow is not None:
                    key = (append.workflow, append.workflow_id)
                    guards.setdefault(key, _Guard(number)).add(append)
        # Rows are locked in the order of these places.
        self._guards = {key: place for place, key in enumerate(sorted(guards), 1)}
        for key in self._guards:
            columns.add_guard(key, guards[key])
        for number, unit in enumerate(self.units, 1):
            columns.add_unit(number, unit, self._guards)
        arguments = [now, not self.is_durable, *columns.arguments()]
        if self._has_progress:
            made = ProgressColumns()
            for number, unit in enumerate(self.units, 1):
                for progress in unit.progress:
                    made.add(number, progress)
            arguments += made.arguments()
        elif self._has_receipts:
            settlements = (one for unit in self.units for one in unit.settlements)
            arguments += receipt_arguments(settlements)
        return arguments

    def outcomes(self, rows: Iterable[Any]) -> list[Outcome]:
        """How each unit went."""
        known: dict[int, Answer] = {}
        lost: set[int] = set()
        lost_progress: dict[int, int] = {}  # places, to the offsets that their guards are about
        states: dict[int, WorkflowState] = {}
        offsets: dict[int, int] = {}
        refused: set[int] = set()
        for about, place, number, ended, fingerprint, answer in rows:
            if about == APPENDED:
                offsets[place] = number
            elif about == REFUSED:
                refused.add(place)
            elif about == WORKFLOW:
                states[place] = WorkflowState(number, ended)
            elif about == LOST:
                lost.add(place)
            elif about == LOST_PROGRESS:
                lost_progress.setdefault(place, number)
            else:
                known[place] = Answer(fingerprint, answer)
        outcomes: list[Outcome] = []
        append_place = settlement_place = progress_place = 0
        for number, unit in enumerate(self.units, 1):
            if number not in refused:
                written: list[int] = []
                for place, append in enumerate(unit.appends, append_place + 1):
                    if append.events:
                        before = offsets[place]
                        head = before + len(append.events)
                        written.extend(range(before + 1, head + 1))
                        self.heads[append.stream] = max(head, self.heads.get(append.stream, 0))
                outcomes.append(Committed(tuple(written)))
                self._note(unit)
            elif number in known and unit.key is not None:
                outcomes.append(answered(unit.key, known[number]))
            else:
                rejection = self._rejection(unit, states, lost, settlement_place)
                outcomes.append(rejection or _lost_progress(unit, lost_progress, progress_place))
            append_place += len(unit.appends)
            settlement_place += len(unit.settlements)
            progress_place += len(unit.progress)
        return outcomes

    def _note(self, unit: Unit) -> None:
        for append in unit.appends:
            if append.events:
                names = self.appended.setdefault(append.stream, set())
                names.update(event.name for event in append.events)
        self.woken.update(settlement.claim.feed for settlement in unit.settlements)
        self.sent = self.sent or bool(unit.sends)

    def _rejection(
        self, unit: Unit, states: dict[int, WorkflowState], lost: set[int], settlements: int
    ) -> Rejected | None:
        """The first guard of appends or settlements that failed, in the unit's order."""
        reached: dict[tuple[str, str], WorkflowState] = {}
        for append in unit.appends:
            if append.workflow is not None:
                key = (append.workflow, append.workflow_id)
                state = reached.get(key) or states.get(self._guards[key], WorkflowState())
                for error in failed_expectation(append, key, state):
                    return Rejected(error)
                reached[key] = WorkflowState(
                    state.version + len(append.events), any(one.terminal for one in append.events)
                )
        for place, settlement in enumerate(unit.settlements, settlements + 1):
            if place in lost:
                claim = settlement.claim
                return Rejected(DeliveryLostError(feed_name(claim.feed), claim.event.offset))
        return None


def _lost_progress(unit: Unit, lost: dict[int, int], before: int) -> Rejected:
    """The first progress of the unit whose guards failed."""
    for place, progress in enumerate(unit.progress, before + 1):
        if place in lost:
            key = partition_key(progress.subscription, progress.partition)
            return Rejected(DeliveryLostError(feed_name(key), lost[place]))
    raise AssertionError("a unit was refused, and all its guards hold")


class _Columns:
    """The statement's arrays, as rows of those that belong together."""

    def __init__(self) -> None:
        self._keys: list[tuple[Any, ...]] = []
        self._occasions: list[tuple[Any, ...]] = []  # of the keys
        self._settlements: list[tuple[Any, ...]] = []
        self._guards: list[tuple[Any, ...]] = []
        self._appends: list[tuple[Any, ...]] = []
        self._events: list[tuple[Any, ...]] = []
        self._sends: list[tuple[Any, ...]] = []
        self._sent_for: list[tuple[Any, ...]] = []
        self._done: list[tuple[Any, ...]] = []
        self._letters: list[tuple[Any, ...]] = []

    def add_guard(self, key: tuple[str, str], guard: _Guard) -> None:
        """Have what is expected of a workflow."""
        self._guards.append(
            (guard.unit, *key, guard.lowest, guard.highest, guard.events, guard.ends)
        )

    def add_unit(self, number: int, unit: Unit, guards: dict[tuple[str, str], int]) -> None:
        """Have a unit with all that it writes."""
        key = unit.key
        self._keys.append(
            (None, None, None)
            if key is None
            else (key.key, key.answer.fingerprint, key.answer.content)
        )
        self._occasions.append((None,) * 3 if key is None else _occasion(key.occasion))
        before: dict[int | None, int] = {}
        for append in unit.appends:
            guard = None if append.workflow is None else guards[append.workflow, append.workflow_id]
            self._add_append(number, append, guard, before.get(guard, 0))
            before[guard] = before.get(guard, 0) + len(append.events)
        settled: set[tuple[FeedKey, int]] = set()
        for settlement in unit.settlements:
            claim = settlement.claim
            place = (claim.feed, claim.event.offset)
            self._add_settlement(number, settlement, is_repeated=place in settled)
            settled.add(place)
        for command in unit.sends:
            self._sends.append(
                (number, command.key, command.name, command.body, command.request_id)
            )
            self._sent_for.append(_occasion(command.occasion))
        if unit.carries_out is not None:
            self._done.append((number, unit.carries_out))

    def _add_append(self, number: int, append: Append, guard: int | None, before: int) -> None:
        self._appends.append(
            (
                number,
                append.stream,
                append.workflow,
                append.workflow_id,
                guard,
                before,
                len(append.events),
            )
        )
        appends = len(self._appends)
        for place, event in enumerate(append.events, 1):
            self._events.append(
                (
                    appends,
                    place,
                    event.id,
                    event.name,
                    event.version,
                    event.data,
                    metadata_text(event.metadata),
                )
            )

    def _add_settlement(self, number: int, settlement: Settlement, *, is_repeated: bool) -> None:
        claim = settlement.claim
        kind, failures, delay = ACKNOWLEDGED, 0, None
        match settlement:
            case Acknowledge():
                pass
            case PutBack(_, failed, seconds, held):
                kind, failures = HELD_BACK if held else PUT_BACK, int(failed)
                delay = timedelta(seconds=seconds) if seconds > 0 else None
            case SetAside():
                kind = SET_ASIDE
            case Skip():
                kind = SKIPPED
        self._settlements.append(
            (
                number,
                claim.feed.subscription,
                claim.feed.consumer or "",
                claim.event.offset,
                NO_TOKEN if is_repeated else claim.token,
                kind,
                failures,
                delay,
            )
        )
        if isinstance(settlement, SetAside):
            event = claim.event
            self._letters.append(
                (
                    len(self._settlements),
                    event.stream,
                    event.id,
                    event.name,
                    event.version,
                    event.workflow,
                    event.workflow_id,
                    event.workflow_version,
                    event.recorded_at,
                    event.data,
                    metadata_text(event.metadata),
                    settlement.error,
                    claim.attempt,
                )
            )

    def arguments(self) -> Iterator[Sequence[Any]]:
        """The columns, in the statement's order."""
        for rows, width in (
            (self._keys, 3),
            (self._settlements, 8),
            (self._guards, 7),
            (self._appends, 7),
            (self._events, 7),
            (self._sends, 5),
            (self._done, 2),
            (self._letters, 13),
            (self._occasions, 3),
            (self._sent_for, 3),
        ):
            yield from zip(*rows, strict=True) if rows else [()] * width


def _occasion(occasion: Occasion) -> tuple[str, str, int]:
    return occasion.kind.value, occasion.stream, occasion.offset
