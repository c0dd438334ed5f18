"""Consumers and their sessions: each function is one step of the writer."""

from __future__ import annotations

from collections.abc import Collection

from headwater.errors import CursorMismatchError
from headwater.stores.contract import Connection, FeedKey, Stale

from .acts import write_act
from .groups import is_partition, leave
from .jobs import unregister
from .transaction import Transaction

__all__ = ["connect_session", "disconnect", "heartbeat", "remove_consumer", "remove_stale"]

_PUT_CONSUMER = """
INSERT INTO consumers (subscription, consumer, registered_at, seen_at, expire_after)
VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (subscription, consumer) DO UPDATE
   SET seen_at = excluded.seen_at, expire_after = excluded.expire_after
"""

_PUT_SESSION = """
INSERT OR REPLACE INTO sessions (session, subscription, feed_consumer, consumer, expires_at)
VALUES (?, ?, ?, ?, ?)
"""


def connect_session(
    transaction: Transaction, connection: Connection, lifetime: int, expire_after: int | None
) -> None:
    """Have the session, and its consumer if it is a new one. Times are microseconds."""
    now, subscription = transaction.now, connection.feed.subscription
    transaction.connection.execute(
        _PUT_CONSUMER, (subscription, connection.consumer, now, now, expire_after)
    )
    transaction.connection.execute(
        _PUT_SESSION,
        (
            connection.session,
            subscription,
            connection.feed.consumer or "",
            connection.consumer,
            now + lifetime,
        ),
    )
    if connection.feed.consumer is None:
        transaction.regrouped.add(subscription)


_KEEP_ALIVE = """
UPDATE sessions
   SET expires_at = ?
 WHERE session = ?
RETURNING subscription, consumer
"""

_SEE = """
UPDATE consumers
   SET seen_at = ?
 WHERE subscription = ? AND consumer = ?
"""


def heartbeat(transaction: Transaction, sessions: Collection[str], lifetime: int) -> frozenset[str]:
    """Keep the sessions alive, and tell which of them are not there any more."""
    lost = set()
    for session in sessions:
        found = transaction.connection.execute(
            _KEEP_ALIVE, (transaction.now + lifetime, session)
        ).fetchall()
        for consumer in found:
            transaction.connection.execute(_SEE, (transaction.now, *consumer))
        if not found:
            lost.add(session)
    return frozenset(lost)


_DELETE_SESSION = """
DELETE FROM sessions
 WHERE session = ?
RETURNING subscription, consumer, feed_consumer
"""


def disconnect(transaction: Transaction, session: str) -> None:
    """Forget the session."""
    for subscription, consumer, feed_consumer in transaction.connection.execute(
        _DELETE_SESSION, (session,)
    ).fetchall():
        transaction.connection.execute(_SEE, (transaction.now, subscription, consumer))
        if not feed_consumer:
            leave(transaction, subscription, session)


_DELETE_STALE_SESSIONS = """
DELETE FROM sessions
 WHERE expires_at <= ?
RETURNING session, subscription, feed_consumer, consumer
"""

_DELETE_STALE_CONSUMERS = """
DELETE FROM consumers
 WHERE seen_at + expire_after <= ?
   AND NOT EXISTS (SELECT *
                     FROM sessions
                    WHERE sessions.subscription = consumers.subscription
                      AND sessions.consumer = consumers.consumer)
RETURNING subscription, consumer
"""


def remove_stale(transaction: Transaction) -> Stale:
    """Remove the sessions and consumers whose time is up."""
    sessions = _take_from(
        transaction,
        transaction.connection.execute(_DELETE_STALE_SESSIONS, (transaction.now,)).fetchall(),
    )
    consumers = transaction.connection.execute(
        _DELETE_STALE_CONSUMERS, (transaction.now,)
    ).fetchall()
    for subscription, consumer in consumers:
        _unregister(transaction, subscription, consumer)
    return Stale(sessions, tuple(consumers))


_DELETE_CONSUMER = """
DELETE FROM consumers
 WHERE subscription = ? AND consumer = ?
"""

_DELETE_SESSIONS_OF = """
DELETE FROM sessions
 WHERE subscription = ? AND consumer = ?
RETURNING session, subscription, feed_consumer, consumer
"""


def remove_consumer(
    transaction: Transaction, subscription: str, consumer: str, actor: str | None
) -> None:
    """Forget the consumer, its sessions, and the feed that it had for itself."""
    key = (subscription, consumer)
    _take_from(transaction, transaction.connection.execute(_DELETE_SESSIONS_OF, key).fetchall())
    was_there = transaction.connection.execute(_DELETE_CONSUMER, key).rowcount > 0
    had_feed = _unregister(transaction, subscription, consumer)
    if actor is not None and (was_there or had_feed):
        write_act(transaction, "unsubscribe", subscription, {"consumer": consumer}, actor)


def _take_from(
    transaction: Transaction, rows: list[tuple[str, str, str, str]]
) -> tuple[Connection, ...]:
    """Void the claims of these sessions."""
    connections = tuple(
        Connection(session, FeedKey(subscription, feed_consumer or None), consumer)
        for session, subscription, feed_consumer, consumer in rows
    )
    for connection in connections:
        if connection.feed.consumer is None:
            transaction.regrouped.add(connection.feed.subscription)
        try:
            feed = transaction.find_feed(connection.feed)
        except CursorMismatchError:  # told to those who read it
            continue
        if feed is not None and feed.take_from(connection.session):
            transaction.woken.add(connection.feed)
    return connections


def _unregister(transaction: Transaction, subscription: str, consumer: str) -> bool:
    """Forget the consumer's feed; whether there was one."""
    key = FeedKey(subscription, consumer)
    if is_partition(transaction.connection, key):
        return False  # a consumer that is only called like one
    transaction.woken.add(key)
    return unregister(transaction, key)
