"""A transport that writes down what it is asked and what comes of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from headwater.stores.contract import FeedKey
from headwater.transports.broker import Arrival, Intake, Message, Queue, Receipt, Topic, Transport

from tests.faults.failpoints import Failpoints
from tests.faults.history import Scribe
from tests.faults.ledger import ENTRIES
from tests.faults.recorded import RecordedStore, mark_of

__all__ = ["RELAYING", "RecordedTransport"]

RELAYING = f"relay:{ENTRIES}"


class RecordedTransport:
    """A transport that writes down what the broker confirmed, as the effects of the relay.

    Its failpoints are before and after `publish`, and before and after `acknowledge`.
    """

    def __init__(
        self,
        transport: Transport,
        scribe: Scribe,
        points: Failpoints,
        store: RecordedStore,
    ) -> None:
        self._transport = transport
        self._scribe = scribe
        self._points = points
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    async def publish(
        self, topic: Topic, messages: Sequence[Message], *, deadline: float
    ) -> list[Receipt]:
        self._points.pass_by("publish", "before")
        receipts = await self._transport.publish(topic, messages, deadline=deadline)
        for message, receipt in zip(messages, receipts, strict=True):
            if receipt is Receipt.CONFIRMED:
                offset = int(message.headers["cloudEvents_streamoffset"])
                self._scribe.note(
                    "info",
                    "effect",
                    ids=(mark_of(message.body),),
                    subscription=RELAYING,
                    key=message.workflow_id,
                    version=int(message.headers.get("cloudEvents_workflowversion", 0)),
                    offset=offset,
                    token=self._store.tokens.get((FeedKey(RELAYING), offset), 0),
                )
            else:
                self._scribe.note("info", "unkept", note=receipt.value)
        self._points.pass_by("publish", "after")
        return receipts

    @asynccontextmanager
    async def read(self, queue: Queue, *, prefetch: int) -> AsyncIterator[Intake]:
        async with self._transport.read(queue, prefetch=prefetch) as intake:
            yield _RecordedIntake(intake, self._scribe, self._points)


class _RecordedIntake:
    def __init__(self, intake: Intake, scribe: Scribe, points: Failpoints) -> None:
        self._intake = intake
        self._scribe = scribe
        self._points = points

    def __getattr__(self, name: str) -> Any:
        return getattr(self._intake, name)

    def take_nowait(self, limit: int) -> Sequence[Arrival]:
        arrivals = self._intake.take_nowait(limit)
        if arrivals:
            self._scribe.note("info", "arrival", ids=tuple(map(_mark_in, arrivals)))
        return arrivals

    async def acknowledge(self, arrivals: Sequence[Arrival]) -> None:
        self._points.pass_by("acknowledge", "before")
        await self._intake.acknowledge(arrivals)
        self._points.pass_by("acknowledge", "after")

    async def set_aside(self, arrivals: Sequence[Arrival], reason: str) -> None:
        await self._intake.set_aside(arrivals, reason)
        self._scribe.note("info", "aside", note=reason)


def _mark_in(arrival: Arrival) -> str:
    """What the producer of the event called it, if it is one of ours."""
    try:
        return str(json.loads(arrival.body)["mark"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""
