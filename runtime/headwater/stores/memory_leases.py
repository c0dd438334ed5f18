"""Leases in memory, on the time of the store's clock."""

from __future__ import annotations

from dataclasses import dataclass

from headwater.clock import Clock
from headwater.errors import LeaseLostError

from .leases import Lease

__all__ = ["Leases"]


@dataclass(slots=True)
class _Held:
    owner: str
    epoch: int
    until: float  # monotonic seconds


class Leases:
    """Who has which work."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._held: dict[str, _Held] = {}

    def acquire(self, name: str, owner: str, seconds: float) -> Lease | None:
        """Have this work for so many seconds from now; `None` while somebody else has it."""
        now = self._clock.monotonic()
        held = self._held.setdefault(name, _Held("", 0, now))
        if held.owner != owner:
            if held.until > now:
                return None
            held.owner = owner
            held.epoch += 1
        held.until = now + seconds
        return Lease(name, owner, held.epoch)

    def release(self, lease: Lease) -> None:
        """Have it no more, if it was not lost."""
        if self._has(lease):
            held = self._held[lease.name]
            held.owner, held.until = "", self._clock.monotonic()

    def require(self, lease: Lease) -> None:
        """Return if the lease is its owner's still.

        Raises:
            LeaseLostError: Somebody else has taken it.
        """
        if not self._has(lease):
            raise LeaseLostError(lease.name, lease.owner)

    def _has(self, lease: Lease) -> bool:
        held = self._held.get(lease.name)
        return held is not None and (held.owner, held.epoch) == (lease.owner, lease.epoch)
