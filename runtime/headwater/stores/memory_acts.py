"""What operators did to a store in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from headwater.clock import Clock

from .operating import Act, detail_text

__all__ = ["Acts"]


class Acts:
    """A line for each act."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._acts: list[Act] = []

    def add(self, what: str, subject: str, detail: Mapping[str, Any], actor: str) -> None:
        """Keep what was done."""
        self._acts.append(
            Act(
                id=len(self._acts) + 1,
                at=self._clock.now(),
                what=what,
                subject=subject,
                detail=json.loads(detail_text(detail)),
                actor=actor,
            )
        )

    def newest(self, limit: int) -> list[Act]:
        """The newest acts, oldest first."""
        return self._acts[-limit:] if limit > 0 else []
