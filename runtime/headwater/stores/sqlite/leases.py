"""Leases in the file: each function is one step of the writer."""

from __future__ import annotations

from headwater.errors import LeaseLostError
from headwater.stores.leases import Lease

from .transaction import Transaction

__all__ = ["acquire_lease", "release_lease", "require_lease"]

_ACQUIRE = """
INSERT INTO leases (name, owner, epoch, expires_at)
VALUES (?, ?, 1, ?)
    ON CONFLICT (name) DO UPDATE
   SET owner = excluded.owner, expires_at = excluded.expires_at,
       epoch = leases.epoch + (leases.owner <> excluded.owner)
 WHERE leases.owner = excluded.owner OR leases.expires_at <= ?
RETURNING epoch
"""


def acquire_lease(transaction: Transaction, name: str, owner: str, lifetime: int) -> Lease | None:
    """Have this work for so many microseconds from now; `None` while somebody else has it."""
    now = transaction.now
    row = transaction.connection.execute(_ACQUIRE, (name, owner, now + lifetime, now)).fetchall()
    return Lease(name, owner, row[0][0]) if row else None


_RELEASE = """
UPDATE leases
   SET owner = '', expires_at = ?
 WHERE name = ? AND owner = ? AND epoch = ?
"""


def release_lease(transaction: Transaction, lease: Lease) -> None:
    """Have it no more, if it was not lost."""
    transaction.connection.execute(
        _RELEASE, (transaction.now, lease.name, lease.owner, lease.epoch)
    )


_SELECT_LEASE = """
SELECT 1
  FROM leases
 WHERE name = ? AND owner = ? AND epoch = ?
"""


def require_lease(transaction: Transaction, lease: Lease) -> None:
    """Return if the lease is its owner's still; nobody can take it before the transaction ends.

    Raises:
        LeaseLostError: Somebody else has taken it.
    """
    key = (lease.name, lease.owner, lease.epoch)
    if transaction.connection.execute(_SELECT_LEASE, key).fetchone() is None:
        raise LeaseLostError(lease.name, lease.owner)
