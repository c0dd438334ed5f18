"""Leases: rows with an epoch, on the database's time."""

from __future__ import annotations

from datetime import datetime, timedelta

from headwater.errors import LeaseLostError
from headwater.stores.leases import RETENTION, Lease

from .wire import Wire

__all__ = ["ACQUIRE", "RELEASE", "acquire_lease", "hold_off_retention", "require_lease"]

ACQUIRE = """
INSERT INTO leases (name, owner, epoch, expires_at)
VALUES ($2, $3, 1, coalesce($1::timestamptz, clock_timestamp()) + $4::interval)
    ON CONFLICT (name) DO UPDATE
   SET owner = excluded.owner, expires_at = excluded.expires_at,
       epoch = leases.epoch + (leases.owner <> excluded.owner)::int
 WHERE leases.owner = excluded.owner
    OR leases.expires_at <= coalesce($1::timestamptz, clock_timestamp())
RETURNING epoch
"""


async def acquire_lease(
    wire: Wire, now: datetime | None, name: str, owner: str, seconds: float
) -> Lease | None:
    """Have this work for so many seconds from now; `None` while somebody else has it."""
    row = await wire.fetch_one(ACQUIRE, now, name, owner, timedelta(seconds=seconds))
    return None if row is None else Lease(name, owner, row["epoch"])


RELEASE = """
UPDATE leases
   SET owner = '', expires_at = coalesce($1::timestamptz, clock_timestamp())
 WHERE name = $2 AND owner = $3 AND epoch = $4
"""

_LOCK_LEASE = """
SELECT 1
  FROM leases
 WHERE name = $1 AND owner = $2 AND epoch = $3
   FOR UPDATE
"""


async def require_lease(wire: Wire, lease: Lease) -> None:
    """Return if the lease is its owner's still; nobody can take it before the transaction ends.

    Raises:
        LeaseLostError: Somebody else has taken it.
    """
    if await wire.fetch_one(_LOCK_LEASE, lease.name, lease.owner, lease.epoch) is None:
        raise LeaseLostError(lease.name, lease.owner)


_HAVE_LEASE = """
INSERT INTO leases (name, owner, epoch, expires_at)
VALUES ($1, '', 0, clock_timestamp())
    ON CONFLICT (name) DO NOTHING
"""

_SHARE_LEASE = """
SELECT 1
  FROM leases
 WHERE name = $1
   FOR SHARE
"""


async def hold_off_retention(wire: Wire) -> None:
    """Have nothing truncated or removed before the transaction ends; it waits for what is under
    way. It comes before any lock on cursors.
    """
    await wire.fetch(_HAVE_LEASE, RETENTION)
    await wire.fetch(_SHARE_LEASE, RETENTION)
