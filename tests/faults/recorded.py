"""A store that writes down what it is asked and what comes of it."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from headwater.errors import OutcomeUnknownError
from headwater.events import RecordedEvent
from headwater.stores.contract import (
    Claims,
    Committed,
    Connection,
    FeedKey,
    Outcome,
    Settlement,
    Store,
    Unit,
)
from headwater.stores.groups import Progress, Share, partition_of

from tests.faults.history import Scribe

__all__ = ["RecordedStore", "mark_of"]


class RecordedStore:
    """A store whose claims and settlements are written down; otherwise as the one inside."""

    def __init__(self, store: Store, scribe: Scribe, sessions: set[str]) -> None:
        self._store = store
        self._scribe = scribe
        self._sessions = sessions
        self.tokens: dict[tuple[FeedKey, int], int] = {}
        """The latest claim of each event."""
        self.epochs: dict[tuple[str, int], int] = {}
        """Of the partitions that the process has, by group and number."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def token_of(self, event: RecordedEvent, subscription: str, consumer: str) -> int:
        """What the process handles the event under: its claim, or the epoch of its partition."""
        for key in (FeedKey(subscription), FeedKey(subscription, consumer)):
            if (key, event.offset) in self.tokens:
                return self.tokens[key, event.offset]
        return self.epochs[subscription, partition_of(event.workflow_id)]

    # Members of groups

    async def connect(self, connection: Connection, **rest: Any) -> None:
        self._sessions.add(connection.session)
        since = time.monotonic()
        await self._store.connect(connection, **rest)
        self._scribe.note("ok", "alive", connection.session, figures={"since": since})

    async def heartbeat(self, sessions: Collection[str], *, lifetime: float) -> frozenset[str]:
        since = time.monotonic()
        lost = await self._store.heartbeat(sessions, lifetime=lifetime)
        for session in {*sessions} - lost:
            self._scribe.note("ok", "alive", session, figures={"since": since})
        return lost

    async def disconnect(self, session: str) -> None:
        self._scribe.note("invoke", "leave", session)
        await self._store.disconnect(session)

    async def balance(self, subscription: str, session: str, known: Mapping[int, int]) -> Share:
        since = time.monotonic()
        share = await self._store.balance(subscription, session, known)
        for one in share.taken:
            place = (subscription, one.partition)
            if self.epochs.get(place) != one.epoch:
                self._scribe.note(
                    "ok",
                    "own",
                    session,
                    subscription=subscription,
                    token=one.epoch,
                    figures={"since": since, "partition": one.partition},
                )
            self.epochs[place] = one.epoch
        return share

    async def release(self, subscription: str, session: str, partitions: Collection[int]) -> None:
        for partition in partitions:
            self._scribe.note(
                "invoke",
                "release",
                session,
                subscription=subscription,
                figures={"partition": partition},
            )
        await self._store.release(subscription, session, partitions)

    async def look_at(self, group: str, **figures: float) -> None:
        """Write down how far the group's partitions are."""
        since = time.monotonic()
        partitions = await self._store.partitions(group)
        positions = {str(one.partition): one.position for one in partitions}
        self._scribe.note(
            "ok",
            "cursor",
            subscription=group,
            note="partitions",
            figures={"since": since, **figures, **positions},
        )

    # What is written

    async def claim(self, key: FeedKey, holder: str, limit: int) -> Claims:
        since = time.monotonic()
        claims = await self._store.claim(key, holder, limit)
        for claim in claims.claims:
            self.tokens[key, claim.event.offset] = claim.token
            self._scribe.note(
                "ok",
                "claim",
                ids=(mark_of(claim.event.data),),
                subscription=key.subscription,
                key=claim.event.workflow_id,
                version=claim.event.workflow_version,
                offset=claim.event.offset,
                token=claim.token,
                figures={"since": since, "attempt": claim.attempt},
            )
        return claims

    async def commit(self, units: Sequence[Unit]) -> list[Outcome]:
        since = time.monotonic()
        settlements = [settlement for unit in units for settlement in unit.settlements]
        for settlement in settlements:
            self._note("invoke", settlement)
        try:
            outcomes = await self._store.commit(units)
        except OutcomeUnknownError:
            for settlement in settlements:
                self._note("info", settlement)
            raise
        for unit, outcome in zip(units, outcomes, strict=True):
            kind = "ok" if isinstance(outcome, Committed) else "fail"
            for settlement in unit.settlements:
                self._note(kind, settlement)
            for progress in unit.progress:
                self._note_progress(kind, progress, since)
        return outcomes

    def _note(self, kind: Any, settlement: Settlement) -> None:
        claim = settlement.claim
        self._scribe.note(
            kind,
            "settle",
            id=f"{claim.event.offset}/{claim.token}",
            ids=(mark_of(claim.event.data),),
            subscription=claim.feed.subscription,
            key=claim.event.workflow_id,
            version=claim.event.workflow_version,
            offset=claim.event.offset,
            token=claim.token,
            note=type(settlement).__name__,
        )

    def _note_progress(self, kind: Any, progress: Progress, since: float) -> None:
        failed = {
            f"failures of {one.offset}": one.failures for one in progress.unsettled if one.failures
        }
        self._scribe.note(
            kind,
            "progress",
            subscription=progress.subscription,
            offset=progress.read_to,
            token=progress.epoch,
            figures={"since": since, "partition": progress.partition, **failed},
        )
        for letter in progress.letters:
            event = letter.event
            self._scribe.note(
                kind,
                "settle",
                id=f"{event.offset}/{progress.epoch}",
                ids=(mark_of(event.data),),
                subscription=progress.subscription,
                key=event.workflow_id,
                version=event.workflow_version,
                offset=event.offset,
                token=progress.epoch,
                note="SetAside",
            )


def mark_of(data: bytes) -> str:
    """What the producer of a recorded event called it."""
    return str(json.loads(data)["mark"])
