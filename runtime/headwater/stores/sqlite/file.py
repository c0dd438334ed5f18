"""Open an SQLite file as a store: its modes, its tables, and the refusal of what is not ours."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from headwater.errors import (
    ConfigurationError,
    CopyUnfinishedError,
    SchemaMismatchError,
    StoreUnavailableError,
)
from headwater.schema.revisions import FIRST_REVISION, REVISION, Chain
from headwater.schema.sqlite import CREATE_REVISIONS, INSERT_REVISION, statements
from headwater.stores.revisions import refuse_unknown, require_tables

from .inspection import found_differences

__all__ = [
    "APPLICATION_ID",
    "BUSY_WAIT",
    "DELETE_REVISION",
    "STAMPED",
    "UNSTAMPED",
    "connect",
    "connect_as",
    "copied_from",
    "database_of",
    "found_revisions",
    "prepare",
    "require_finished",
    "require_own",
    "set_revision",
    "wait_while_locked",
]

T = TypeVar("T")
C = TypeVar("C", bound=sqlite3.Connection)

BUSY_WAIT = 5.0  # seconds to wait for another process that writes
FIRST_PAUSE, LONGEST_PAUSE = 0.0002, 0.01  # seconds between two tries
APPLICATION_ID = 0x48575452  # "HWTR" in the file's header
UNSTAMPED = 2  # user_version of files from before there were revisions; these are the first ones
STAMPED = 3  # user_version of files that tell their revisions themselves
OLDEST_SQLITE = (3, 37, 0)  # the first with STRICT tables


_SELECT_REVISIONS = """
SELECT version_num
  FROM headwater_revisions
"""

DELETE_REVISION = """
DELETE FROM headwater_revisions
 WHERE version_num = ?
"""


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection for one thread at a time, without implicit transactions."""
    return connect_as(sqlite3.Connection, path, read_only=read_only)


def connect_as(kind: type[C], path: Path, *, read_only: bool = False) -> C:
    """A connection of this class, for one thread at a time, without implicit transactions."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        wanted = ".".join(map(str, OLDEST_SQLITE))
        raise ConfigurationError(
            f"Python was built with SQLite {sqlite3.sqlite_version}; {wanted} or newer is needed"
        )
    mode = "ro" if read_only else "rwc"
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=0,  # `wait_while_locked` waits, in shorter steps
            isolation_level=None,
            check_same_thread=False,
            factory=kind,
            cached_statements=256,
        )
    except sqlite3.OperationalError as error:
        raise ConfigurationError(f"{path} cannot be opened: {_why(path, error)}") from error
    if read_only:
        # Readers never wait for writers in this mode, only for a recovery after a crash.
        connection.execute(f"PRAGMA busy_timeout = {int(BUSY_WAIT * 1000)}")
    return connection


def _why(path: Path, error: sqlite3.Error) -> str:
    """What SQLite does not say: it could not open the file, and that is all it tells."""
    folder = path.absolute().parent
    if not folder.is_dir():
        return f"there is no folder {folder}"
    if path.is_dir():
        return "it is a folder"
    if not path.exists() and not os.access(folder, os.W_OK):
        return f"it is not there, and this user may not write in {folder}"
    return str(error)


def prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Set the modes that every writer needs, and make the tables if the file is empty.

    Raises:
        ConfigurationError: The file is no database, or the file system cannot have it.
        SchemaMismatchError: Its tables are not those of this version.
    """
    try:
        # Refused before anything is touched: it may be somebody else's.
        wait_while_locked(lambda: connection.execute("BEGIN"))
        try:
            wait_while_locked(lambda: _is_made(connection, path))
        finally:
            connection.execute("ROLLBACK")
        mode = wait_while_locked(lambda: _value(connection, "PRAGMA journal_mode = WAL"))
        if mode != "wal":
            raise ConfigurationError(f"{path} cannot have a write-ahead log here ({mode})")
        # An acknowledged commit is on disk, whatever becomes of the machine.
        connection.execute("PRAGMA synchronous = FULL")
        wait_while_locked(lambda: connection.execute("BEGIN IMMEDIATE"))
        try:
            if not _is_made(connection, path):
                _make(connection, path)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
    except sqlite3.DatabaseError as error:
        raise ConfigurationError(f"{path} cannot be used: {error}") from error


_IS_MARKED = """
SELECT count(*)
  FROM sqlite_master
 WHERE name = 'headwater_copy'
"""

_SELECT_MARK = """
SELECT source
  FROM headwater_copy
"""


def copied_from(connection: sqlite3.Connection) -> str | None:
    """What a copy into this file, begun and not finished, is of."""
    if not wait_while_locked(lambda: _value(connection, _IS_MARKED)):
        return None
    return str(_value(connection, _SELECT_MARK))


def require_finished(connection: sqlite3.Connection, path: Path) -> None:
    """Return if no copy into the file is under way.

    Raises:
        CopyUnfinishedError: One was begun and not finished.
    """
    if (source := copied_from(connection)) is not None:
        raise CopyUnfinishedError(database_of(path), source)


def wait_while_locked(attempt: Callable[[], T], seconds: float = BUSY_WAIT) -> T:
    """What `attempt` returns, once no other process is in its way.

    Raises:
        StoreUnavailableError: One was, for all that time.
    """
    until = time.monotonic() + seconds
    pause = FIRST_PAUSE
    while True:
        try:
            return attempt()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                raise
            if time.monotonic() >= until:
                raise StoreUnavailableError(
                    f"another process has held it for {seconds:g} s"
                ) from error
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


def database_of(path: Path) -> str:
    """The URL of the file."""
    return f"sqlite:///{quote(str(path))}"


def require_own(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether there are tables of Headwater's; `False` where there is nothing at all.

    Raises:
        SchemaMismatchError: There is something else, or what this code does not know.
    """
    owner = _value(connection, "PRAGMA application_id")
    version = _value(connection, "PRAGMA user_version")
    if owner != APPLICATION_ID:
        if owner or version or _value(connection, "SELECT count(*) FROM sqlite_master"):
            raise SchemaMismatchError(
                str(path), None, REVISION, "it holds something else; name a file that is not there"
            )
        return False
    if version > STAMPED:
        what_to_do = "run it with the newer Headwater that made them"
        raise SchemaMismatchError(str(path), f"{version}", REVISION, what_to_do, True)  # noqa: FBT003
    if version < UNSTAMPED:
        what_to_do = (
            "run it with the older Headwater that made them, or name another file; tables from "
            "before the first release are not upgraded"
        )
        raise SchemaMismatchError(str(path), f"{version}", REVISION, what_to_do)
    return True


def found_revisions(connection: sqlite3.Connection) -> frozenset[str]:
    """The newest revision of each branch that an own file has been through."""
    if _value(connection, "PRAGMA user_version") == UNSTAMPED:
        return frozenset()
    return frozenset(row[0] for row in connection.execute(_SELECT_REVISIONS))


def set_revision(connection: sqlite3.Connection, path: Path, chain: Chain) -> None:
    """Tell that the file has what the service's newest revision is for.

    Raises:
        SchemaMismatchError: Newer code of the service was here.
    """
    found = found_revisions(connection)
    if chain.is_current(found):
        return
    refuse_unknown(database_of(path), found, chain)
    for revision in chain.mine(found):
        connection.execute(DELETE_REVISION, (revision,))
    if chain.newest is not None:
        connection.execute(INSERT_REVISION, (chain.newest,))


def _is_made(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether the tables are there and stamped; refuses what is neither empty nor known."""
    if not require_own(connection, path):
        return False
    if _value(connection, "PRAGMA user_version") == UNSTAMPED:
        if REVISION != FIRST_REVISION:
            require_tables(database_of(path), {FIRST_REVISION})
        return False
    require_tables(database_of(path), found_revisions(connection))
    return True


def _make(connection: sqlite3.Connection, path: Path) -> None:
    """Make the tables, or stamp those that an earlier Headwater has made, if they are the same."""
    if _value(connection, "PRAGMA application_id") == APPLICATION_ID:
        if found := found_differences(connection):
            raise SchemaMismatchError(
                str(path),
                f"{UNSTAMPED}",
                REVISION,
                f"they are not as an earlier Headwater has made them: {'; '.join(found)}",
            )
    else:
        for statement in statements():
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(CREATE_REVISIONS)
    connection.execute(INSERT_REVISION, (REVISION,))
    connection.execute(f"PRAGMA user_version = {STAMPED}")


def _value(connection: sqlite3.Connection, statement: str) -> Any:
    return connection.execute(statement).fetchone()[0]
