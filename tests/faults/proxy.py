"""A TCP proxy that makes a bad wire: slow, sliced, cut, silent, or losing exactly one reply.

It runs in a thread of its own, so that tests and actors of any kind can use it.
"""

from __future__ import annotations

import asyncio
import random
import re
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import Any, Literal, Self, TypeVar

from tests.faults.conversation import Conversation
from tests.support.server import LOOPBACK, by_way_of

__all__ = ["LOOPBACK", "Loss", "Proxy", "Way"]

T = TypeVar("T")
Way = Literal["requests", "replies"]

WAYS: tuple[Way, ...] = ("requests", "replies")
CHUNK = 1 << 16
NUMBERS = count(1)
AT_ONCE = struct.pack("ii", 1, 0)  # linger: closing resets


@dataclass(slots=True, kw_only=True)
class Loss:
    """What goes missing: the reply to every `every`-th statement that looks like this, or itself.

    `statement` is a regular expression.

    The connection is then reset, or says nothing any more.
    """

    statement: str
    what: Literal["reply", "request"] = "reply"
    every: int = 1
    then: Literal["reset", "silence"] = "reset"
    seen: int = 0

    def happens_to(self, text: str) -> bool:
        """Whether it is this one's turn."""
        if not re.search(self.statement, text):
            return False
        self.seen += 1
        return self.seen % self.every == 0


class Proxy:
    """Between clients and the server at `port` of `host`, while a `with` block lasts.

    `latency` and `jitter` are seconds that each chunk takes longer, each way; `slices` is how many
    bytes go at a time. They may change at any time. `tell` hears of each fault by its name.
    Only in PostgreSQL's language, `speaks_sql`, can it tell which reply is lost.
    """

    def __init__(
        self,
        port: int,
        tell: Callable[[str], None] = lambda name: None,
        *,
        host: str = LOOPBACK,
        speaks_sql: bool = True,
    ) -> None:
        self.speaks_sql = speaks_sql
        self.latency = 0.0
        self.jitter = 0.0
        self.slices: int | None = None
        self.loss: Loss | None = None
        self.losses = 0
        """How many replies, of what the server had done, or requests have gone missing."""
        self._silent: frozenset[Way] = frozenset()
        self._gates: dict[Way, asyncio.Event] = {}
        self._to = (host, port)
        self._tell = tell
        self._chance = random.Random(port)  # noqa: S311  (no secret)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._server: asyncio.Server | None = None
        self._links: set[_Link] = set()
        self._changed = threading.Condition()
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._make_gates())
        self.open_port()
        return self

    def __exit__(self, *_: object) -> None:
        self.close_port()
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def url(self, url: str) -> str:
        """The same address, by way of the proxy."""
        return by_way_of(self.port, url)

    @property
    def connections(self) -> frozenset[int]:
        """The clients that there are, each by a number of its own."""
        return frozenset(link.number for link in [*self._links])

    @property
    def deaf(self) -> frozenset[int]:
        """Those of them that will not hear anything any more."""
        return frozenset(link.number for link in [*self._links] if link.is_deaf)

    async def wait_closed(self, clients: frozenset[int], within: float) -> None:
        """Return once none of these connections is left.

        Raises:
            TimeoutError: Some are, after `within` seconds.
        """

        def wait() -> bool:
            with self._changed:
                return self._changed.wait_for(lambda: not clients & self.connections, within)

        if not await asyncio.to_thread(wait):
            raise TimeoutError(f"{len(clients & self.connections)} connections are left")

    def open_port(self) -> None:
        """Take connections, always on the same port."""
        self._do(self._listen())

    def close_port(self) -> None:
        """Take no more connections; those that are there stay."""
        self._do(self._stop_listening())

    def reset(self) -> int:
        """Cut all connections at once; how many."""

        async def cut() -> int:
            links = [*self._links]
            for link in links:
                link.reset()
            return len(links)

        cut_now = self._do(cut())
        for _ in range(cut_now):
            self._tell("reset")
        return cut_now

    def be_silent(self, *ways: Way) -> None:
        """Take all that both sides send, and pass on none of it; or none of it that way."""
        self._silent = frozenset(ways or WAYS)
        self._tell("silence")

    def speak(self) -> None:
        """Pass on what is sent; a connection of which something was kept back stays silent."""
        self._silent = frozenset()

    def hold(self, *ways: Way) -> None:
        """Pass on nothing for now, or nothing that way; nothing is lost, as in a network that is
        gone for a while."""
        for way in ways or WAYS:
            self._loop.call_soon_threadsafe(self._gates[way].clear)
        self._tell("hold")

    def let_go(self) -> None:
        """Pass on what was held, and what comes."""
        for gate in self._gates.values():
            self._loop.call_soon_threadsafe(gate.set)

    async def _make_gates(self) -> None:
        for way in WAYS:
            self._gates[way] = asyncio.Event()
            self._gates[way].set()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, LOOPBACK, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _end(self) -> None:
        for link in [*self._links]:
            link.reset()
        me = asyncio.current_task()
        while others := asyncio.all_tasks() - {me}:
            await asyncio.wait(others)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = _Link(self, reader, writer)
        self._links.add(link)
        try:
            await link.carry(*self._to)
        finally:
            with self._changed:
                self._links.discard(link)
                self._changed.notify_all()

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)


class _Link:
    """One client's connection, and the one to the server that belongs to it."""

    def __init__(
        self, proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.number = next(NUMBERS)
        self._proxy = proxy
        self._client = (reader, writer)
        self._writers = [writer]
        self._conversation = Conversation()
        self._mute: set[Way] = set()
        self._has_lost = False
        self._is_losing = False

    @property
    def is_deaf(self) -> bool:
        """Whether nothing comes through either way any more."""
        return self._has_lost or self._mute.issuperset(WAYS)

    async def carry(self, host: str, port: int) -> None:
        """Pass on what both sides send until one of them goes."""
        reader, writer = self._client
        try:
            from_server, to_server = await asyncio.open_connection(host, port)
        except OSError:
            self.reset()
            return
        self._writers.append(to_server)
        for each in self._writers:
            each.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ways = [
            asyncio.ensure_future(self._pass_on("requests", reader, to_server)),
            asyncio.ensure_future(self._pass_on("replies", from_server, writer)),
        ]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.wait(ways)
        for each in self._writers:
            each.close()
        for each in self._writers:
            with suppress(OSError):
                await each.wait_closed()

    def reset(self) -> None:
        """Cut it, for both sides."""
        for writer in self._writers:
            with suppress(OSError):
                writer.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE
                )
            writer.transport.abort()

    async def _pass_on(
        self, way: Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        hear = self._hear_client if way == "requests" else self._hear_server
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                if not hear(data):
                    continue
                await self._proxy._gates[way].wait()
                if delay := self._proxy.latency:
                    jitter = self._proxy._chance.uniform(0.0, self._proxy.jitter)
                    await asyncio.sleep(delay + jitter)
                size = self._proxy.slices or len(data)
                for start in range(0, len(data), size):
                    writer.write(data[start : start + size])
                    await writer.drain()
                    if self._proxy.slices:
                        await asyncio.sleep(0)

    def _hear_client(self, data: bytes) -> bool:
        """Whether to pass it on."""
        loss = self._proxy.loss
        for text in self._conversation.sent(data) if self._proxy.speaks_sql else ():
            if loss is not None and loss.happens_to(text):
                if loss.what == "request":
                    self._lose(loss)
                    return False
                self._is_losing = True
        return not self._is_held_back("requests")

    def _hear_server(self, data: bytes) -> bool:
        if self._is_losing:
            is_complete, is_done = self._conversation.replied(data)
            if is_complete and is_done and self._proxy.loss is not None:
                self._lose(self._proxy.loss)
            elif is_complete:
                self.reset()  # the server refused it; nothing was lost that was done
            return False
        return not self._is_held_back("replies")

    def _lose(self, loss: Loss) -> None:
        self._proxy.losses += 1
        self._proxy._tell(f"lost {loss.what}")
        if loss.then == "reset":
            self.reset()
        else:
            self._has_lost = True

    def _is_held_back(self, way: Way) -> bool:
        if way in self._proxy._silent:
            self._mute |= self._proxy._silent
        return self.is_deaf or way in self._mute
