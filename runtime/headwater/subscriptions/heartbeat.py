"""Tell the store that this process's sessions live, and have those removed that do not."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from headwater.clock import Clock, sleep
from headwater.stores.contract import Connection, Store
from headwater.stores.signal import Signal

__all__ = ["SESSION_LIFETIME", "Heartbeat"]

SESSION_LIFETIME = 15.0  # seconds without a heartbeat after which a session is taken for dead
INTERVAL = SESSION_LIFETIME / 3  # seconds

logger = logging.getLogger("headwater.subscriptions")


@dataclass(frozen=True, slots=True)
class _Member:
    connection: Connection
    expire_after: float | None


class Heartbeat:
    """The sessions of one app."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._members: dict[str, _Member] = {}
        self._heard: dict[str, float] = {}  # monotonic seconds, before the store took a beat
        self.revived = Signal()
        """Notifies when the store has heard again of sessions that were overdue."""

    async def connect(self, connection: Connection, expire_after: float | None) -> None:
        """Have the session in the store until `disconnect`."""
        member = self._members[connection.session] = _Member(connection, expire_after)
        try:
            await self._connect(member)
        except BaseException:
            # Perhaps it is in the store: then it dies there, because nobody beats for it.
            self.forget(connection)
            raise
        logger.info("consumer connected", extra=_about(connection))

    def is_overdue(self, connection: Connection) -> bool:
        """Whether the store may take the session for dead: it has not heard of it for so long."""
        heard = self._heard.get(connection.session)
        return heard is not None and self._clock.monotonic() >= heard + SESSION_LIFETIME

    def forget(self, connection: Connection) -> None:
        """Keep the session alive no longer: its consumer was removed."""
        self._members.pop(connection.session, None)
        self._heard.pop(connection.session, None)

    async def disconnect(self, connection: Connection) -> None:
        """Forget the session."""
        self.forget(connection)
        await self._store.disconnect(connection.session)
        logger.info("consumer disconnected", extra=_about(connection))

    async def beat(self) -> None:
        """Keep the sessions alive, connect those again that were lost, remove dead ones."""
        if self._members:
            now = self._clock.monotonic()
            beating = tuple(self._members)
            lost = await self._store.heartbeat(beating, lifetime=SESSION_LIFETIME)
            overdue = any(self.is_overdue(one.connection) for one in self._members.values())
            self._heard.update(
                (session, now) for session in beating if session in self._members.keys() - lost
            )
            for session in lost & self._members.keys():
                logger.warning(
                    "session was taken for dead; its deliveries are with others",
                    extra=_about(self._members[session].connection),
                )
                await self._connect(self._members[session])
            if overdue or lost:
                self.revived.notify()
        stale = await self._store.remove_stale()
        for connection in stale.sessions:
            logger.warning("session is dead, its deliveries have failed", extra=_about(connection))
        for subscription, consumer in stale.consumers:
            logger.info(
                "consumer expired", extra={"subscription": subscription, "consumer": consumer}
            )

    async def run(self) -> None:
        """Beat, again and again, until cancelled."""
        while True:
            await sleep(self._clock, INTERVAL)
            try:
                await self.beat()
            except Exception:  # the next one may well work
                logger.exception("the store did not take the heartbeat")

    async def _connect(self, member: _Member) -> None:
        now = self._clock.monotonic()
        await self._store.connect(
            member.connection, lifetime=SESSION_LIFETIME, expire_after=member.expire_after
        )
        if member.connection.session in self._members:
            self._heard[member.connection.session] = now


def _about(connection: Connection) -> dict[str, str]:
    return {
        "subscription": connection.feed.subscription,
        "consumer": connection.consumer,
        "session": connection.session,
    }
