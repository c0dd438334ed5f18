"""What a client and a PostgreSQL server say to each other, as far as a proxy has to understand it.

It follows which statement a client runs, and where the server's reply to it ends: version 3 of the
protocol, without encryption.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

__all__ = ["Conversation"]

STARTUP = 3 << 16  # the only first message that tagged ones follow
READY, ERROR = b"Z", b"E"  # the server's


class Conversation:
    """One connection, from its first byte."""

    def __init__(self) -> None:
        self._from_client = b""
        self._from_server = b""
        self._is_started = False
        self._statements: dict[bytes, str] = {}
        self._portals: dict[bytes, str] = {}

    def sent(self, data: bytes) -> Iterator[str]:
        """The statements that the client has run with this, in order."""
        self._from_client += data
        while (message := self._next_from_client()) is not None:
            kind, body = message
            match kind:
                case b"P":  # parse: a name, then the text
                    name, text, *_ = body.split(b"\0")
                    self._statements[name] = text.decode(errors="replace")
                case b"B":  # bind: a portal, then the statement that it runs
                    portal, name, *_ = body.split(b"\0", 2)
                    self._portals[portal] = self._statements.get(name, "")
                case b"E":  # execute: a portal
                    yield self._portals.get(body.partition(b"\0")[0], "")
                case b"Q":  # a statement as text
                    yield body.rstrip(b"\0").decode(errors="replace")

    def replied(self, data: bytes) -> tuple[bool, bool]:
        """Of a reply that begins with the first call: whether it is complete, and no error.

        To be asked for one reply only, and with all of it.
        """
        self._from_server += data
        place, is_error = 0, False
        while place + 5 <= len(self._from_server):
            kind = self._from_server[place : place + 1]
            [length] = struct.unpack_from("!I", self._from_server, place + 1)
            if place + 1 + length > len(self._from_server):
                break
            is_error = is_error or kind == ERROR
            if kind == READY:
                self._from_server = b""
                return True, not is_error
            place += 1 + length
        return False, False

    def _next_from_client(self) -> tuple[bytes, bytes] | None:
        """The next whole message: its kind and what is in it."""
        tag = 1 if self._is_started else 0
        if len(self._from_client) < tag + 4:
            return None
        [length] = struct.unpack_from("!I", self._from_client, tag)
        if len(self._from_client) < tag + length:
            return None
        kind, body = self._from_client[:tag], self._from_client[tag + 4 : tag + length]
        self._from_client = self._from_client[tag + length :]
        if not self._is_started:
            self._is_started = struct.unpack_from("!I", body)[0] == STARTUP
        return kind, body
