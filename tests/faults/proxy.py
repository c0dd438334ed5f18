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
from typing import Any, Literal, Self, TypeVar
from urllib.parse import urlsplit, urlunsplit

from tests.faults.conversation import Conversation

__all__ = ["LOOPBACK", "Loss", "Proxy"]

T = TypeVar("T")

LOOPBACK = "127.0.0.1"
CHUNK = 1 << 16
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
    """Between clients and the server at `port`, while a `with` block lasts.

    `latency` and `jitter` are seconds that each chunk takes longer, each way; `slices` is how many
    bytes go at a time. They may change at any time. `tell` hears of each fault by its name.
    """

    def __init__(self, port: int, tell: Callable[[str], None] = lambda name: None) -> None:
        self.latency = 0.0
        self.jitter = 0.0
        self.slices: int | None = None
        self.loss: Loss | None = None
        self.losses = 0
        """How many replies, of what the server had done, or requests have gone missing."""
        self._is_silent = False
        self._to = port
        self._tell = tell
        self._chance = random.Random(port)  # noqa: S311  (no secret)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._server: asyncio.Server | None = None
        self._links: set[_Link] = set()
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
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
        parts = urlsplit(url)
        user = parts.netloc.rpartition("@")[0]
        return urlunsplit(parts._replace(netloc=f"{user}@{LOOPBACK}:{self.port}"))

    @property
    def connections(self) -> frozenset[int]:
        """The clients that there are, each by a number of its own."""
        return frozenset(map(id, [*self._links]))

    @property
    def deaf(self) -> frozenset[int]:
        """Those of them that will not hear anything any more."""
        return frozenset(id(link) for link in [*self._links] if link.is_deaf)

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

    def be_silent(self) -> None:
        """Take all that both sides send, and pass on none of it."""
        self._is_silent = True
        self._tell("silence")

    def speak(self) -> None:
        """Pass on what is sent; a connection of which something was kept back stays silent."""
        self._is_silent = False

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
            await link.carry(self._to)
        finally:
            self._links.discard(link)

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)


class _Link:
    """One client's connection, and the one to the server that belongs to it."""

    def __init__(
        self, proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._proxy = proxy
        self._client = (reader, writer)
        self._writers = [writer]
        self._conversation = Conversation()
        self.is_deaf = False
        self._is_losing = False

    async def carry(self, port: int) -> None:
        """Pass on what both sides send until one of them goes."""
        reader, writer = self._client
        try:
            from_server, to_server = await asyncio.open_connection(LOOPBACK, port)
        except OSError:
            self.reset()
            return
        self._writers.append(to_server)
        for each in self._writers:
            each.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ways = [
            asyncio.ensure_future(self._pass_on(reader, to_server, self._hear_client)),
            asyncio.ensure_future(self._pass_on(from_server, writer, self._hear_server)),
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
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        hear: Callable[[bytes], bool],
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                if not hear(data):
                    continue
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
        for text in self._conversation.sent(data):
            if loss is not None and loss.happens_to(text):
                if loss.what == "request":
                    self._lose(loss)
                    return False
                self._is_losing = True
        return not self._is_held_back()

    def _hear_server(self, data: bytes) -> bool:
        if self._is_losing:
            is_complete, is_done = self._conversation.replied(data)
            if is_complete and is_done and self._proxy.loss is not None:
                self._lose(self._proxy.loss)
            elif is_complete:
                self.reset()  # the server refused it; nothing was lost that was done
            return False
        return not self._is_held_back()

    def _lose(self, loss: Loss) -> None:
        self._proxy.losses += 1
        self._proxy._tell(f"lost {loss.what}")
        if loss.then == "reset":
            self.reset()
        else:
            self.is_deaf = True

    def _is_held_back(self) -> bool:
        self.is_deaf = self.is_deaf or self._proxy._is_silent
        return self.is_deaf
