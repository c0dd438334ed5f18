"""Connections as a link uses them: closed by nobody else, and bearing what the driver cannot read.

Anybody who may publish can send headers that are right for the broker and that the driver fails to
decode: a time in the year 292 million, a name that is no text, tables in tables without end. That
ends the connection; and as the message comes again on the next one, it would end each of them. So
after the first time a connection is used on which such a message comes without its headers, and
what reads it sets it aside as it does with any other that is no event.
"""

from __future__ import annotations

import asyncio
from typing import Any

from aio_pika import Connection
from aiormq.connection import TCPTransportFactory, TLSTransportFactory, TransportFactory
from aiormq.exceptions import InvalidFrameError
from pamqp.exceptions import PAMQPException
from pamqp.header import ContentHeader
from yarl import URL

__all__ = ["CarefulConnection", "PlainConnection", "is_unreadable"]

CONTENT_HEADER = 2  # the kind of frame
FIXED = 12  # bytes of it before the properties: class, weight, size of the body
UNREADABLE = (ValueError, LookupError, ArithmeticError, TypeError, RecursionError)
"""What the driver raises for what it cannot decode."""


def is_unreadable(error: BaseException | None) -> bool:
    """Whether a connection ended for what was sent over it."""
    return isinstance(error, (InvalidFrameError, *UNREADABLE))


class PlainConnection(Connection):
    """A connection that whoever made it closes."""

    def __del__(self) -> None:
        """Leave it: the driver's own way of closing it needs the loop, and runs in any thread."""


class CarefulConnection(PlainConnection):
    """A connection whose messages come without headers where those cannot be read."""

    def __init__(self, url: URL, *arguments: Any, **options: Any) -> None:
        super().__init__(url, *arguments, **options)
        is_safe = self.url.scheme == "amqps"
        factory = TLSTransportFactory() if is_safe else TCPTransportFactory()
        self.kwargs["transport_factory"] = _Factory(factory)


class _Factory(TransportFactory):
    def __init__(self, factory: TransportFactory) -> None:
        self._factory = factory

    async def create(
        self, url: URL, **options: Any
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await self._factory.create(url, **options)
        return _Reader(reader), writer  # type: ignore[return-value]


class _Reader:
    """Read as the driver does: of each frame its kind, then channel and length, then the rest."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self._part = 0
        self._kind = 0

    def at_eof(self) -> bool:
        return self._reader.at_eof()

    async def read(self, count: int = -1) -> bytes:
        return await self._reader.read(count)

    async def readexactly(self, count: int) -> bytes:
        data = await self._reader.readexactly(count)
        if self._part == 0:
            self._kind = data[0]
        elif self._part == 2 and self._kind == CONTENT_HEADER:
            data = _readable(data)
        self._part = (self._part + 1) % 3
        return data


def _readable(frame: bytes) -> bytes:
    """The frame, or one as long that says of no property that it is there."""
    content, end = frame[:-1], frame[-1:]
    try:
        ContentHeader().unmarshal(content)
    except (PAMQPException, *UNREADABLE):
        return content[:FIXED].ljust(len(content), b"\0") + end
    return frame
