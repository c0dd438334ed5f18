"""Faults at an exact place: before or after the n-th statement that looks like this.

They sit on the connections that a process writes with, so they need nothing in the runtime and cost
it nothing. A process is killed, frozen, or told that the disk failed, or something
that nobody thought of.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, Self
from unittest.mock import patch

import asyncpg

__all__ = ["Failpoint", "Failpoints"]

DISK_ERROR = "disk I/O error (planted)"


@dataclass(slots=True, kw_only=True)
class Failpoint:
    """What happens where."""

    name: str
    statement: str
    """Part of the statement's text; an empty one is part of all."""
    when: Literal["before", "after"] = "before"
    hit: int = 1
    """At which time, counted from 1."""
    times: int = 1
    """How often, from then on."""
    after_statement: str = ""
    """Nothing counts before the first statement that looks like this."""
    action: Literal["kill", "stop", "fail", "bug"]
    hits: int = 0
    armed: bool = False

    def pass_by(self, text: str, when: str, tell: Callable[[str], None]) -> None:
        """Let the fault happen if this is where."""
        self.armed = self.armed or self.after_statement in text
        if not self.armed or when != self.when or self.statement not in text:
            return
        self.hits += 1
        if not self.hit <= self.hits < self.hit + self.times:
            return
        tell(self.name)
        match self.action:
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "stop":
                # To this thread: sent to the process, another thread may be the one to take it,
                # and this one is past the statement meanwhile.
                signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)
            case "fail":
                error = sqlite3.OperationalError(DISK_ERROR)
                error.sqlite_errorcode = sqlite3.SQLITE_IOERR
                raise error
            case "bug":
                raise RuntimeError("nobody thought of this")


class Failpoints:
    """Inside the `with` block, connections that write go past these."""

    def __init__(self, points: list[Failpoint], tell: Callable[[str], None]) -> None:
        self.points = points
        self._tell = tell
        self._patches = ExitStack()

    def __enter__(self) -> Self:
        file = partial(_connect, sqlite3.connect, self)
        server = partial(asyncpg.connect, connection_class=_watched_by(self))
        self._patches.enter_context(patch.object(sqlite3, "connect", file))
        self._patches.enter_context(patch.object(asyncpg, "connect", server))
        return self

    def __exit__(self, *_: object) -> None:
        self._patches.close()

    @property
    def hits(self) -> int:
        """How many faults there were."""
        return sum(max(0, min(point.hits - point.hit + 1, point.times)) for point in self.points)

    def pass_by(self, text: str, when: str) -> None:
        """A statement is about to run, or has run."""
        for point in self.points:
            point.pass_by(text, when, self._tell)


def _connect(
    real: Callable[..., sqlite3.Connection],
    points: Failpoints,
    database: str,
    **options: Any,
) -> sqlite3.Connection:
    if "mode=ro" not in database:
        kind = options.get("factory", sqlite3.Connection)
        bases = (_Connection,) if kind is sqlite3.Connection else (_Connection, kind)
        options["factory"] = partial(type("_Watched", bases, {}), points)
    return real(database, **options)


class _Connection(sqlite3.Connection):
    """Goes past the failpoints with every statement."""

    def __init__(self, points: Failpoints, *rest: Any, **options: Any) -> None:
        super().__init__(*rest, **options)
        self._points = points

    def execute(self, text: str, *rest: Any) -> sqlite3.Cursor:
        self._points.pass_by(text, "before")
        cursor = super().execute(text, *rest)
        self._points.pass_by(text, "after")
        return cursor

    def executemany(self, text: str, *rest: Any) -> sqlite3.Cursor:
        self._points.pass_by(text, "before")
        cursor = super().executemany(text, *rest)
        self._points.pass_by(text, "after")
        return cursor


def _watched_by(points: Failpoints) -> type[asyncpg.Connection]:
    """The driver's connection, going past the failpoints with every statement."""

    class Watched(asyncpg.Connection):
        async def execute(self, query: str, *rest: Any, **options: Any) -> Any:
            points.pass_by(query, "before")
            status = await super().execute(query, *rest, **options)
            points.pass_by(query, "after")
            return status

        async def prepare(self, query: str, **options: Any) -> Any:
            return _Prepared(await super().prepare(query, **options), query, points)

    return Watched


class _Prepared:
    """A statement that the server has, as the driver's otherwise."""

    def __init__(self, prepared: Any, query: str, points: Failpoints) -> None:
        self._prepared = prepared
        self._query = query
        self._points = points

    def __getattr__(self, name: str) -> Any:
        return getattr(self._prepared, name)

    async def fetch(self, *arguments: Any, **options: Any) -> Any:
        self._points.pass_by(self._query, "before")
        rows = await self._prepared.fetch(*arguments, **options)
        self._points.pass_by(self._query, "after")
        return rows
