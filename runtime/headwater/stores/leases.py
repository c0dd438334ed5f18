"""Work that one process does for all others: who has it, and until when.

A lease is a row with an owner, an end and an `epoch` that grows with every owner, on the store's
own time. Who was taken for dead may not know it yet; so whatever is done under a lease compares the
epoch in the transaction that does it, and an owner whose lease was taken changes nothing more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

__all__ = ["KEYS", "RETENTION", "Lease", "Leasing"]

RETENTION = "retention"  # the lease of whoever removes old events
KEYS = "keys"  # of whoever removes idempotency keys


@dataclass(frozen=True, slots=True)
class Lease:
    """Work in its owner's hands."""

    name: str
    owner: str
    epoch: int
    """Compared by all that is done under the lease."""


class Leasing(Protocol):
    """What a store promises of leases."""

    async def acquire_lease(self, name: str, owner: str, seconds: float) -> Lease | None:
        """Have this work for so many seconds from now; `None` while somebody else has it.

        Who has it already has it for longer, under the same epoch. A lease that has run out, or was
        released, is anybody's; taking it raises the epoch.
        """

    async def release_lease(self, lease: Lease) -> None:
        """Have it no more, so that others need not wait for its end. Nothing if it was lost."""
