"""Take a stream of another service in: from the broker into a local log, each event once.

A message is acknowledged once its event is committed. One that comes again, because the connection
or the process died in between, finds its event's id among the idempotency keys and is acknowledged
without being written. So subscriptions, retries, dead letters and replay work on a remote stream as
on any other, and the broker is needed for nothing but to bring what is new.
"""

from __future__ import annotations

import logging
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from headwater.clock import Clock
from headwater.deadlines import DEFAULT_DEADLINE, writing_within
from headwater.errors import HeadwaterError, IdempotencyConflictError, MalformedMessageError
from headwater.events import RecordedEvent
from headwater.stores.contract import (
    Answer,
    Append,
    Committed,
    IdempotencyKey,
    NewEvent,
    Outcome,
    Rejected,
    Store,
    Unit,
)
from headwater.stores.keys import KeyKind, Occasion
from headwater.subscriptions.activity import Activity
from headwater.transports.broker import Arrival, Intake, Queue, Topic, Transport
from headwater.transports.cloudevents import from_arrival

from .circuit import Circuit, CircuitState
from .fingerprint import fingerprint_of
from .rest import Rest

__all__ = ["Ingest", "IngestState"]

BATCH = 100  # messages a commit

logger = logging.getLogger("headwater.ingest")


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestState:
    """What this process has taken in of a remote stream."""

    stream: str
    is_active: bool
    """Whether it is this process that takes it in."""
    taken_in: int
    repeated: int
    """Messages of events that were there already."""
    set_aside: int
    """Messages that were no events of the stream."""
    circuit: CircuitState
    """Whether the store takes what comes."""
    last_taken_in_at: datetime | None


class Ingest:
    """Copies one remote stream into a local one, from `run` to `stop`; then, perhaps, again."""

    def __init__(
        self,
        topic: Topic,
        stream: str,
        service: str,
        *,
        store: Store,
        transport: Transport,
        clock: Clock,
        chance: random.Random,
        activity: Activity | None = None,
        prefetch: int = 200,
    ) -> None:
        name = f"{topic.service}.{topic.stream}.ingest"
        self.queue = Queue(topic, service, name, one_reader=True)  # or the order would be lost
        self._topic = topic
        self._stream = stream
        self._store = store
        self._transport = transport
        self._clock = clock
        self._activity = activity or Activity()
        self._prefetch = prefetch
        self._stopped = False
        self._intake: Intake | None = None
        self._rest = Rest(clock, self._activity)
        self._circuit = Circuit(clock, chance)
        self._taken_in = self._repeated = self._set_aside = 0
        self._last_taken_in_at: datetime | None = None

    @property
    def stream(self) -> str:
        """The local stream's name."""
        return self._stream

    def state(self) -> IngestState:
        """How it goes, in this process."""
        return IngestState(
            stream=self._stream,
            is_active=self._intake is not None and not self._stopped,
            taken_in=self._taken_in,
            repeated=self._repeated,
            set_aside=self._set_aside,
            circuit=self._circuit.state,
            last_taken_in_at=self._last_taken_in_at,
        )

    async def run(self) -> None:
        """Take in what comes, through lost connections and a store that fails, until stopped."""
        self._stopped = False
        with self._activity.working():
            async with self._reading() as intake:
                while not self._stopped:
                    changes = intake.changes
                    seen = changes.generation
                    if arrivals := intake.take_nowait(BATCH):
                        await self._take_in(intake, arrivals)
                    else:
                        with self._activity.parked(changes, seen):
                            await changes.wait_after(seen)

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[Intake]:
        async with self._transport.read(self.queue, prefetch=self._prefetch) as intake:
            self._intake = intake
            try:
                yield intake
            finally:
                self._intake = None

    def stop(self) -> None:
        """Take nothing more; `run` returns when what was taken is written, or cannot be."""
        self._stopped = True
        self._rest.break_off()
        if self._intake is not None:
            self._intake.changes.notify()

    async def _take_in(self, intake: Intake, arrivals: Sequence[Arrival]) -> None:
        events: list[tuple[Arrival, RecordedEvent]] = []
        for arrival in arrivals:
            try:
                events.append((arrival, from_arrival(self._topic, arrival)))
            except MalformedMessageError as error:
                await self._put_aside(intake, arrival, str(error))
        while events:
            events = await self._commit(intake, events)
            if events:
                # They stay in hand, in their order: the broker could only bring them in another.
                pause = self._circuit.failed()
                if self._stopped:
                    return  # the broker has them, and hands them out again
                await self._rest.take(pause)
        self._circuit.succeeded()

    async def _commit(
        self, intake: Intake, events: Sequence[tuple[Arrival, RecordedEvent]]
    ) -> list[tuple[Arrival, RecordedEvent]]:
        """Write them; those from the first one on that the store could not write are left."""
        units = [_unit(self._stream, event) for _, event in events]
        try:
            async with writing_within(self._clock, DEFAULT_DEADLINE, "taking events in"):
                outcomes = await self._store.commit(units)
        except HeadwaterError as error:
            self._could_not(error)
            return list(events)
        done: list[Arrival] = []
        left: list[tuple[Arrival, RecordedEvent]] = []
        for (arrival, event), outcome in zip(events, outcomes, strict=True):
            if left or not self._is_written(outcome):
                if not left and _is_another(outcome):
                    reason = f"another event with the id {event.id} was taken in before"
                    await self._put_aside(intake, arrival, reason)
                    continue
                left.append((arrival, event))
            else:
                done.append(arrival)
        if done:
            await intake.acknowledge(done)
        return left

    def _is_written(self, outcome: Outcome) -> bool:
        if not isinstance(outcome, Committed):
            if not _is_another(outcome):
                self._could_not(outcome.error)
            return False
        if outcome.earlier is None:
            self._taken_in += 1
            self._last_taken_in_at = self._clock.now()
        else:
            self._repeated += 1
        return True

    def _could_not(self, error: HeadwaterError) -> None:
        logger.error(
            "what came from the broker waits for the store: %s",
            error,
            extra={"stream": self._stream, "error": str(error)},
        )

    async def _put_aside(self, intake: Intake, arrival: Arrival, reason: str) -> None:
        self._set_aside += 1
        logger.error(
            "message set aside: %s", reason, extra={"stream": self._stream, "error": reason}
        )
        await intake.set_aside([arrival], reason)


def _unit(stream: str, event: RecordedEvent) -> Unit:
    """What writes the event once."""
    new = NewEvent(
        id=event.id,
        name=event.name,
        version=event.version,
        data=event.data,
        terminal=False,  # the workflow is the other service's: nobody continues it here
        metadata=replace(
            event.metadata, occurred_at=event.metadata.occurred_at or event.recorded_at
        ),
    )
    return Unit(
        key=IdempotencyKey(
            f"ingest:{stream}:{event.id}",
            Answer(fingerprint_of(event), b""),
            Occasion(KeyKind.INGEST, stream),
        ),
        appends=(Append(stream=stream, workflow_id=event.workflow_id, events=(new,)),),
    )


def _is_another(outcome: Outcome) -> bool:
    return isinstance(outcome, Rejected) and isinstance(outcome.error, IdempotencyConflictError)
