"""Telling other processes that something has changed, and hearing it from them.

A hint, never data: it is sent after the commit, on a connection of its own, many changes at once.
PostgreSQL lets transactions that notify commit only one after the other; the store's never do. A
hint that is lost costs no event: who waits also looks from time to time.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import asyncpg
from headwater.errors import ConfigurationError
from headwater.stores.contract import FeedKey

from .address import Address
from .failures import BrokenWireError
from .wire import Limits, Wire, driver_connection

__all__ = ["Bell", "Hint"]

CHANNEL = "headwater"
LONGEST_PAYLOAD = 7000  # bytes; the server takes less than 8000
SHORTEST_INTERVAL = 0.005  # seconds between two notifications
ALIVE = 5.0  # seconds between two looks whether the connection is
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0  # seconds between two tries to connect

_NOTIFY = """
SELECT pg_notify($1, $2)
"""

_ALIVE = """
SELECT 1
"""

logger = logging.getLogger("headwater.stores")


@dataclass(slots=True)
class Hint:
    """What may have changed."""

    streams: set[str] = field(default_factory=set)
    """Streams with new events."""
    feeds: set[FeedKey] = field(default_factory=set)
    """Feeds that may have something to hand out."""
    groups: set[str] = field(default_factory=set)
    """Subscriptions whose partitions may change hands, or were changed."""
    sent: bool = False
    """Whether there may be stored commands to execute."""
    everything: bool = False
    """Whether anything may have changed."""

    def __bool__(self) -> bool:
        return bool(self.everything or self.sent or self.streams or self.feeds or self.groups)

    def add(self, other: Hint) -> None:
        """Mean what the other one means as well."""
        self.streams |= other.streams
        self.feeds |= other.feeds
        self.groups |= other.groups
        self.sent = self.sent or other.sent
        self.everything = self.everything or other.everything

    def payload(self, by: str) -> str:
        """As text; one that would be too long means everything."""
        feeds = [[key.subscription, key.consumer] for key in self.feeds]
        body = {
            "by": by,
            "streams": sorted(self.streams),
            "feeds": feeds,
            "groups": sorted(self.groups),
            "sent": self.sent,
        }
        text = json.dumps(body)
        if self.everything or len(text) > LONGEST_PAYLOAD:  # it is ASCII
            return json.dumps({"by": by, "everything": True})
        return text

    @classmethod
    def from_payload(cls, payload: str, by: str) -> Hint | None:
        """What a payload means; `None` if it comes from us. One that is not ours means all."""
        try:
            body = json.loads(payload)
            if body["by"] == by:
                return None
            if body.get("everything"):
                return cls(everything=True)
            return cls(
                streams=set(body["streams"]),
                feeds={FeedKey(*key) for key in body["feeds"]},
                groups=set(body["groups"]),
                sent=bool(body["sent"]),
            )
        except (ValueError, KeyError, TypeError):
            return cls(everything=True)


class Bell:
    """Rings in other processes, and calls back when they ring; from `start` to `stop`.

    `on_hint` is also called, with everything, whenever the connection is there again: what was
    told meanwhile was missed.
    """

    def __init__(self, address: Address, limits: Limits, on_hint: Callable[[Hint], None]) -> None:
        self._address = address
        self._limits = limits
        self._on_hint = on_hint
        self._by = secrets.token_hex(8)
        self._pending = Hint()
        self._has_pending = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.is_listening = False

    async def start(self) -> None:
        """Begin to listen; returns once it does, or has failed the first time."""
        tried = asyncio.Event()
        self._task = asyncio.create_task(self._run(tried), name="headwater-postgres-bell")
        await tried.wait()

    async def stop(self) -> None:
        """Listen no more."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    def ring(self, hint: Hint) -> None:
        """Tell the others, soon."""
        self._pending.add(hint)
        self._has_pending.set()

    async def _run(self, tried: asyncio.Event) -> None:
        failures = 0
        while True:
            wire: Wire | None = None
            try:
                wire = await self._connect()
                if failures:
                    logger.info("notifications from other processes are heard again")
                failures = 0
                self.is_listening = True
                tried.set()
                self._on_hint(Hint(everything=True))
                await self._serve(wire)
            except (
                ConfigurationError,
                OSError,
                TimeoutError,
                asyncpg.PostgresError,
                asyncpg.InterfaceError,
                asyncpg.InternalClientError,
            ) as error:
                if not failures:
                    logger.warning(
                        "notifications from other processes are not heard, looking instead: %s",
                        type(error).__name__,
                    )
                failures += 1
            finally:
                self.is_listening = False
                tried.set()
                if wire is not None:
                    wire.cut()
            await asyncio.sleep(min(FIRST_PAUSE * 2 ** min(failures, 10), LONGEST_PAUSE))

    async def _connect(self) -> Wire:
        wire = Wire(
            await driver_connection(self._address, self._limits, {}), reply=self._limits.connect
        )
        wire.connection.add_termination_listener(lambda _: self._has_pending.set())
        try:
            async with asyncio.timeout(self._limits.connect):
                await wire.connection.add_listener(CHANNEL, self._hear)
        except BaseException:
            wire.cut()
            raise
        return wire

    async def _serve(self, wire: Wire) -> None:
        while True:
            try:
                async with asyncio.timeout(ALIVE):
                    await self._has_pending.wait()
            except TimeoutError:
                await wire.fetch(_ALIVE)
                continue
            self._has_pending.clear()
            if wire.is_gone:
                raise BrokenWireError("the connection was closed")
            hint, self._pending = self._pending, Hint()
            try:
                await wire.fetch(_NOTIFY, CHANNEL, hint.payload(self._by))
            except BaseException:
                self.ring(Hint(everything=True))
                raise
            await asyncio.sleep(SHORTEST_INTERVAL)

    def _hear(self, _connection: object, _process: int, _channel: str, payload: object) -> None:
        if (hint := Hint.from_payload(str(payload), self._by)) is not None:
            self._on_hint(hint)
