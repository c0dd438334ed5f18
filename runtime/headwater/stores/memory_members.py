"""Consumers and their sessions in memory."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from headwater.clock import Clock

from .contract import Connection, Consumer, FeedKey, Stale

__all__ = ["Members"]


@dataclass(slots=True)
class _Member:
    registered_at: datetime
    seen_at: datetime
    expire_after: float | None


class Members:
    """Who is registered, and who was heard of lately."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._members: dict[tuple[str, str], _Member] = {}
        self._sessions: dict[str, tuple[Connection, datetime]] = {}  # and the end of its life

    def connect(self, connection: Connection, lifetime: float, expire_after: float | None) -> None:
        """Have the session, and its consumer if it is a new one."""
        now = self._clock.now()
        member = self._members.setdefault(_key(connection), _Member(now, now, expire_after))
        member.expire_after = expire_after
        self._hear_of(connection, lifetime)

    def heartbeat(self, sessions: Collection[str], lifetime: float) -> frozenset[str]:
        """Keep the sessions alive, and tell which of them are not there any more."""
        for session in self._sessions.keys() & set(sessions):
            self._hear_of(self._sessions[session][0], lifetime)
        return frozenset(sessions) - self._sessions.keys()

    def disconnect(self, session: str) -> Connection | None:
        """Forget the session, and tell whose it was."""
        if session not in self._sessions:
            return None
        connection, _ = self._sessions.pop(session)
        self._members[_key(connection)].seen_at = self._clock.now()
        return connection

    def remove_stale(self) -> Stale:
        """Remove the sessions and consumers whose time is up."""
        now = self._clock.now()
        silent = tuple(one for one, until in self._sessions.values() if until <= now)
        for connection in silent:
            del self._sessions[connection.session]
        connected = {_key(connection) for connection, _ in self._sessions.values()}
        expired = tuple(
            key
            for key, member in self._members.items()
            if key not in connected
            and member.expire_after is not None
            and member.seen_at + timedelta(seconds=member.expire_after) <= now
        )
        for key in expired:
            del self._members[key]
        return Stale(silent, expired)

    def has(self, subscription: str, consumer: str) -> bool:
        """Whether there is such a consumer."""
        return (subscription, consumer) in self._members

    def remove(self, subscription: str, consumer: str) -> list[Connection]:
        """Forget the consumer; the sessions that it had."""
        self._members.pop((subscription, consumer), None)
        theirs = [
            connection
            for connection, _ in self._sessions.values()
            if _key(connection) == (subscription, consumer)
        ]
        for connection in theirs:
            del self._sessions[connection.session]
        return theirs

    def living(self, feed: FeedKey, session: str) -> dict[str, float]:
        """The feed's sessions that are alive, with the seconds left to each, and this one if it is
        there."""
        now = self._clock.now()
        return {
            one: (until - now).total_seconds()
            for one, (connection, until) in self._sessions.items()
            if connection.feed == feed and (until > now or one == session)
        }

    def connected(self, feed: FeedKey) -> dict[str, str]:
        """The consumers of the feed's sessions that are alive, by session."""
        now = self._clock.now()
        return {
            one: connection.consumer
            for one, (connection, until) in self._sessions.items()
            if connection.feed == feed and until > now
        }

    def consumers(self, subscription: str) -> list[Consumer]:
        """The subscription's consumers, by name."""
        connected = [_key(connection) for connection, _ in self._sessions.values()]
        return [
            Consumer(*key, member.registered_at, member.seen_at, connected.count(key))
            for key, member in sorted(self._members.items())
            if key[0] == subscription
        ]

    def _hear_of(self, connection: Connection, lifetime: float) -> None:
        now = self._clock.now()
        self._sessions[connection.session] = (connection, now + timedelta(seconds=lifetime))
        self._members[_key(connection)].seen_at = now


def _key(connection: Connection) -> tuple[str, str]:
    return connection.feed.subscription, connection.consumer
