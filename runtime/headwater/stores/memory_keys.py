"""Idempotency keys in memory, in the order in which they came."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from headwater.clock import Clock

from .contract import Answer, IdempotencyKey
from .keys import KeyCount, KeyKind
from .retention import Swept

__all__ = ["Keys"]


@dataclass(frozen=True, slots=True)
class _Kept:
    key: IdempotencyKey
    recorded_at: datetime


class Keys:
    """What was told to the first who came with each key."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._answers: dict[str, Answer] = {}
        self._kept: defaultdict[tuple[KeyKind, str], dict[str, _Kept]] = defaultdict(dict)

    def answer(self, key: str) -> Answer | None:
        """What was kept with it."""
        return self._answers.get(key)

    def add(self, key: IdempotencyKey) -> None:
        """Keep it with its answer."""
        self._answers[key.key] = key.answer
        group = self._kept[key.occasion.kind, key.occasion.stream]
        group[key.key] = _Kept(key, self._clock.now())

    def count(
        self, kind: KeyKind, stream: str, kept: float, is_needed: Callable[[int], bool]
    ) -> KeyCount:
        """How many there are, and how many would go."""
        gone = sum(1 for _ in self._not_needed(kind, stream, kept, is_needed))
        return KeyCount(len(self._kept[kind, stream]), gone)

    def forget(
        self,
        kind: KeyKind,
        stream: str,
        kept: float,
        start: int,
        limit: int,
        is_needed: Callable[[int], bool],
    ) -> Swept:
        """Remove up to `limit` that are not needed; the next call begins with what is left."""
        found = list(self._not_needed(kind, stream, kept, is_needed))
        for one in found[:limit]:
            del self._kept[kind, stream][one]
            del self._answers[one]
        return Swept(len(found[:limit]), start if len(found) > limit else None)

    def _not_needed(
        self, kind: KeyKind, stream: str, kept: float, is_needed: Callable[[int], bool]
    ) -> Iterator[str]:
        if kind is KeyKind.IMPORT:
            return
        group = self._kept[kind, stream]
        now = self._clock.now()
        if kind is KeyKind.INGEST:
            now = max((one.recorded_at for one in group.values()), default=now)
        by_offset = kind is KeyKind.SENT and bool(stream)
        for key, one in group.items():
            is_old = now - one.recorded_at > timedelta(seconds=kept)
            if is_old and not (by_offset and is_needed(one.key.occasion.offset)):
                yield key
