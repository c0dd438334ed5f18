"""A connection that is lent to a handler and can be taken back at any moment.

SQLite's own means are not enough for that: an interrupt also hits what comes next, and Python holds
its global lock while it waits for a connection that another thread uses, which that thread may need
to go on. So each use passes a gate, and who takes the connection back closes it.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from headwater.schema.tables import TABLES

__all__ = ["LentConnection"]

STEPS_BETWEEN_LOOKS = 10_000  # of SQLite's machine, some 100 µs

OURS = frozenset(table.name for table in TABLES)
READING_PRAGMAS = frozenset(
    {
        "foreign_key_list",
        "foreign_keys",
        "index_info",
        "index_list",
        "index_xinfo",
        "table_info",
        "table_list",
        "table_xinfo",
    }
)
WRITES = frozenset({sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE})
OF_TABLES = frozenset(
    {
        sqlite3.SQLITE_ALTER_TABLE,
        sqlite3.SQLITE_CREATE_INDEX,
        sqlite3.SQLITE_CREATE_TRIGGER,
        sqlite3.SQLITE_DROP_INDEX,
        sqlite3.SQLITE_DROP_TABLE,
        sqlite3.SQLITE_DROP_TRIGGER,
    }
)
NOT_FOR_HANDLERS = frozenset(
    {sqlite3.SQLITE_TRANSACTION, sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH}
)


class LentConnection(sqlite3.Connection):
    """A connection of the thread that makes it, lent to others from `lend` to `take_back`."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._gate = threading.RLock()
        self._is_wanted_back = False
        self._writer = threading.get_ident()
        self.is_broken = False
        """Whether it was closed while it was lent: SQLAlchemy does that when a statement is
        cancelled, and nobody can tell whether that was executed."""
        super().__init__(*arguments, **options)

    def lend(self) -> None:
        """From here on its statements are a handler's, and each is judged."""
        self.set_authorizer(self._judge)
        self.set_progress_handler(lambda: self._is_wanted_back, STEPS_BETWEEN_LOOKS)

    def take_back(self) -> None:
        """Break off what is under way, wait for that, and let the handler do nothing more."""
        self._is_wanted_back = True
        with self._gate:
            self.set_progress_handler(None, 0)
            self.set_authorizer(None)

    def cursor(self, factory: Any = None) -> Any:
        """A cursor that passes the gate."""
        return super().cursor(_GatedCursor)

    def create_function(self, *arguments: Any, **options: Any) -> None:
        """A function of SQL, such as SQLAlchemy makes on each connection."""
        with self.passing():
            super().create_function(*arguments, **options)

    def close(self) -> None:
        """Only the writer closes it, after the transaction; for others it is broken then."""
        if threading.get_ident() == self._writer:
            super().close()
        elif not self._is_wanted_back:
            self.is_broken = True

    def rollback(self) -> None:
        """Nothing, once there is nothing left of the transaction."""
        if not self._is_wanted_back:
            super().rollback()

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Use the connection while the block lasts.

        Raises:
            sqlite3.ProgrammingError: The transaction has ended; told to all but the writer.
        """
        with self._gate:
            if threading.get_ident() != self._writer:
                if self._is_wanted_back:
                    raise sqlite3.ProgrammingError("the handler's transaction has ended")
                if not self.in_transaction:  # what follows would be written by itself
                    raise sqlite3.ProgrammingError("a statement has rolled the transaction back")
            yield

    def _judge(self, action: int, first: str | None, second: str | None, *_: object) -> int:
        """What SQLite asks while it compiles a statement: whether to allow this part of it."""
        is_refused = (
            action in NOT_FOR_HANDLERS
            or (action in WRITES and first in OURS)
            or (action in OF_TABLES and not OURS.isdisjoint({first, second}))
            or (action == sqlite3.SQLITE_PRAGMA and (first or "").lower() not in READING_PRAGMAS)
        )
        return sqlite3.SQLITE_DENY if is_refused else sqlite3.SQLITE_OK


class _GatedCursor(sqlite3.Cursor):
    """A cursor whose every step passes the connection's gate."""

    connection: LentConnection

    def execute(self, *arguments: Any) -> Any:
        with self.connection.passing():
            return super().execute(*arguments)

    def executemany(self, *arguments: Any) -> Any:
        with self.connection.passing():
            return super().executemany(*arguments)

    def executescript(self, *arguments: Any) -> Any:
        with self.connection.passing():
            return super().executescript(*arguments)

    def fetchone(self) -> Any:
        with self.connection.passing():
            return super().fetchone()

    def fetchmany(self, *arguments: Any, **options: Any) -> Any:
        with self.connection.passing():
            return super().fetchmany(*arguments, **options)

    def fetchall(self) -> Any:
        with self.connection.passing():
            return super().fetchall()

    def __next__(self) -> Any:
        with self.connection.passing():
            return super().__next__()
