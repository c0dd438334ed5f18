"""What actors write down while faults happen: one line a step, kept by the recorder process.

A step that may fail has an `invoke` line and then one of `ok` (it happened), `fail` (it did not)
or `info` (nobody knows); without the second, the actor ended meanwhile. What simply happened is
`info`.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

__all__ = ["Action", "History", "Line", "Scribe", "Tail", "read_history"]

Kind = Literal["invoke", "ok", "fail", "info"]
Action = Literal[
    "append",
    "claim",
    "effect",
    "settle",
    "cursor",
    "resources",
    "fault",
    "ready",
    "again",
    "alive",
    "own",
    "progress",
    "release",
    "leave",
    "unkept",
    "arrival",
    "aside",
    "carried",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One step of one actor."""

    kind: Kind
    action: Action
    id: str = ""
    """Of the step: lines of one step of one actor share it."""
    actor: str = ""
    time: float = 0.0
    """Of the machine's monotonic clock, the same for all processes."""
    ids: tuple[str, ...] = ()
    """Of the events, as their producers called them."""
    stream: str = ""
    subscription: str = ""
    key: str = ""
    """Id of the workflow."""
    version: int | None = None
    """Of the workflow."""
    offset: int | None = None
    token: int | None = None
    note: str = ""
    figures: dict[str, float] = field(default_factory=dict)


History = list[Line]


class Scribe:
    """Writes an actor's lines down. Once `note` returns, no signal can take the line back."""

    def __init__(self, path: str, actor: str) -> None:
        self._actor = actor
        self._lock = threading.Lock()
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(path)
        self._socket.sendall(actor.encode() + b"\n")

    def note(self, kind: Kind, action: Action, id: str = "", **rest: Any) -> None:  # noqa: A002
        """Add a line, with the time and the actor's name."""
        line = Line(
            kind=kind, action=action, id=id, actor=self._actor, time=time.monotonic(), **rest
        )
        empty = {field.name for field in fields(Line) if field.name != "kind"}
        text = {
            name: value
            for name, value in asdict(line).items()
            if name not in empty or value not in ("", None, (), {})
        }
        with self._lock:
            self._socket.sendall(json.dumps(text).encode() + b"\n")

    def close(self) -> None:
        """Write nothing more."""
        self._socket.close()

    def fault(self, name: str) -> None:
        """Write down that a fault happens here."""
        self.note("info", "fault", note=f"{name} in process {os.getpid()}", id=name)


def read_history(folder: Path) -> History:
    """All lines that the recorder has, by time. A line cut short by a signal never was."""
    return sorted(Tail(folder).new(), key=lambda line: line.time)


class Tail:
    """Reads the recorder's files as they grow."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Path, int] = {}

    def new(self) -> Iterator[Line]:
        """The lines since the last time, those of one actor in order."""
        for path in sorted(self._folder.glob("*.jsonl")):
            with path.open("rb") as file:
                file.seek(self._read.get(path, 0))
                whole, newline, _ = file.read().rpartition(b"\n")
            self._read[path] = self._read.get(path, 0) + len(whole) + len(newline)
            for text in whole.splitlines():
                found = json.loads(text)
                found["ids"] = tuple(found.get("ids", ()))
                yield Line(**found)
