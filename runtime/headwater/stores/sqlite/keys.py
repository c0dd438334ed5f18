"""Idempotency keys that nobody needs any more: counted by any connection, removed by the writer."""

from __future__ import annotations

import sqlite3

from headwater.stores.keys import KeyCount, KeyKind
from headwater.stores.leases import Lease
from headwater.stores.retention import Swept

from .leases import require_lease
from .transaction import Transaction

__all__ = ["forget_keys", "read_key_count"]

_SELECT_NEWEST = """
SELECT max(recorded_at)
  FROM append_keys
 WHERE kind = ? AND stream = ? AND stream_offset = 0
"""

_COUNT = """
SELECT count(*)
  FROM append_keys
 WHERE kind = ? AND stream = ?
"""

_COUNT_OLD = """
SELECT count(*)
  FROM append_keys
 WHERE kind = ? AND stream = ? AND stream_offset = 0 AND recorded_at < ?
"""

_DELETE_OLD = """
DELETE FROM append_keys
 WHERE key IN (SELECT key
                 FROM append_keys
                WHERE kind = ? AND stream = ? AND stream_offset = 0 AND recorded_at < ?
                ORDER BY recorded_at
                LIMIT ?)
"""

# Of events that are gone for good: neither the stream has them, perhaps for one who took them and
# has not settled them, nor are they dead letters, which may be requeued.
_COUNT_SETTLED = """
SELECT count(*)
  FROM append_keys
 WHERE kind = 'sent'
   AND stream = ?1
   AND stream_offset > 0
   AND stream_offset < (SELECT first_offset FROM streams WHERE name = ?1)
   AND recorded_at < ?2
   AND stream_offset NOT IN (SELECT stream_offset FROM events WHERE stream = ?1
                              UNION ALL
                             SELECT stream_offset FROM dead_letters WHERE stream = ?1)
"""

_SELECT_SETTLED = """
SELECT min(stream_offset)
  FROM append_keys
 WHERE kind = 'sent' AND stream = ? AND stream_offset >= ? AND stream_offset < ?
"""

_DELETE_SETTLED = """
DELETE FROM append_keys
 WHERE kind = 'sent'
   AND stream = ?1
   AND stream_offset >= ?2
   AND stream_offset < ?3
   AND recorded_at < ?4
   AND stream_offset NOT IN (SELECT stream_offset
                               FROM events
                              WHERE stream = ?1 AND stream_offset >= ?2 AND stream_offset < ?3
                              UNION ALL
                             SELECT stream_offset
                               FROM dead_letters
                              WHERE stream = ?1 AND stream_offset >= ?2 AND stream_offset < ?3)
"""


def read_key_count(
    connection: sqlite3.Connection, now: int, kind: KeyKind, stream: str, kept: int
) -> KeyCount:
    """How many keys there are of that kind and stream; times are in microseconds."""
    [every] = connection.execute(_COUNT, (kind.value, stream)).fetchone()
    gone = 0
    if kind is not KeyKind.IMPORT:
        before = _now_of(connection, now, kind, stream) - kept
        [gone] = connection.execute(_COUNT_OLD, (kind.value, stream, before)).fetchone()
        if kind is KeyKind.SENT:
            [settled] = connection.execute(_COUNT_SETTLED, (stream, before)).fetchone()
            gone += settled
    return KeyCount(every, gone)


def _now_of(connection: sqlite3.Connection, now: int, kind: KeyKind, stream: str) -> int:
    """What keys of the kind are old by: of events that come from elsewhere, the newest one."""
    if kind is not KeyKind.INGEST:
        return now
    [newest] = connection.execute(_SELECT_NEWEST, (kind.value, stream)).fetchone()
    return now if newest is None else min(now, newest)


def forget_keys(
    transaction: Transaction,
    kind: KeyKind,
    stream: str,
    kept: int,
    start: int,
    limit: int,
    lease: Lease,
) -> Swept:
    """Remove up to `limit` keys that are not needed.

    Raises:
        LeaseLostError: Somebody else has taken the lease; nothing was done.
    """
    require_lease(transaction, lease)
    if kind is KeyKind.IMPORT:
        return Swept(0, None)
    execute = transaction.connection.execute
    before = _now_of(transaction.connection, transaction.now, kind, stream) - kept
    if kind is KeyKind.SENT and stream:
        return _forget_settled(transaction, stream, before, start, limit)
    removed = execute(_DELETE_OLD, (kind.value, stream, before, limit)).rowcount
    return Swept(removed, start if removed == limit else None)


def _forget_settled(
    transaction: Transaction, stream: str, before: int, start: int, limit: int
) -> Swept:
    transaction.flush_feeds()
    execute, end = transaction.connection.execute, transaction.head(stream).first_offset
    [first] = execute(_SELECT_SETTLED, (stream, max(start, 1), end)).fetchone()
    if first is None:
        return Swept(0, None)
    upper = min(first + limit, end)
    removed = execute(_DELETE_SETTLED, (stream, first, upper, before)).rowcount
    [after] = execute(_SELECT_SETTLED, (stream, upper, end)).fetchone()
    return Swept(removed, after)
