"""The process that keeps what actors note: `python -m tests.faults.recorder SOCKET FOLDER`.

What an actor has sent is with the kernel, and then here: killing the actor loses none of it. Ends
when its standard input does, after it has read what all actors have sent.
"""

from __future__ import annotations

import os
import re
import selectors
import socket
import sys
from pathlib import Path

__all__ = ["main"]

CHUNK = 1 << 16


class _Actor:
    """One actor's connection and file."""

    def __init__(self, connection: socket.socket, folder: Path) -> None:
        self.connection = connection
        self._folder = folder
        self._file: int | None = None
        self._begin = b""

    def take(self) -> bool:
        """Write what has come; whether more may follow."""
        data = self.connection.recv(CHUNK)
        if not data:
            self.connection.close()
            if self._file is not None:
                os.close(self._file)
            return False
        if self._file is None:
            self._begin += data
            name, newline, data = self._begin.partition(b"\n")
            if not newline:
                return True
            safe = re.sub(r"[^\w.-]", "_", name.decode())
            path = self._folder / f"{safe}.jsonl"
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        while data:
            data = data[os.write(self._file, data) :]
        return True


def main(path: str, folder: Path) -> None:
    """Serve until standard input ends and every actor is gone."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(64)
    listener.setblocking(False)
    print("ready", flush=True)
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ, None)
    selector.register(0, selectors.EVENT_READ, "end")
    actors, ending = 0, False
    while True:
        ready = selector.select(0 if ending and not actors else None)
        if ending and not actors and not ready:
            return
        for key, _ in ready:
            if key.data == "end":
                selector.unregister(0)
                ending = True
            elif key.data is None:
                connection, _ = listener.accept()
                selector.register(connection, selectors.EVENT_READ, _Actor(connection, folder))
                actors += 1
            elif not _take(key.data, selector):
                actors -= 1


def _take(actor: _Actor, selector: selectors.BaseSelector) -> bool:
    connection = actor.connection
    descriptor = connection.fileno()
    try:
        goes_on = actor.take()
    except ConnectionResetError:
        goes_on = False
        connection.close()
    if not goes_on:
        selector.unregister(descriptor)
    return goes_on


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
