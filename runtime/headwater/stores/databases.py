"""The store that a database's URL means."""

from __future__ import annotations

from urllib.parse import unquote

from headwater.clock import Clock
from headwater.errors import ConfigurationError

from .contract import Store
from .memory import MemoryStore
from .sqlite.store import SqliteStore

__all__ = ["existing_store", "store_for"]

MEMORY = "memory://"
SQLITE = "sqlite:///"


def store_for(database: str, clock: Clock) -> Store:
    """The store, not opened yet.

    Raises:
        ConfigurationError: There is no such kind of database, or the URL does not name one.
    """
    if database == MEMORY:
        return MemoryStore(clock)
    if database.startswith(SQLITE):
        return SqliteStore(_file_of(database), clock)
    raise ConfigurationError(
        f"the database {database!r} is not supported; sqlite:///path/to/file.db is, and memory://, "
        "which keeps everything in memory"
    )


def existing_store(database: str, clock: Clock) -> Store:
    """The store of a database that a service has used before, not opened yet.

    Raises:
        ConfigurationError: There is none, or it is the memory of one process.
    """
    store = store_for(database, clock)
    if isinstance(store, MemoryStore):
        raise ConfigurationError(
            f"what {MEMORY} holds only the process knows that the service runs in; name the "
            "service's database, such as sqlite:///service.db, with --database or "
            "HEADWATER_DATABASE"
        )
    if isinstance(store, SqliteStore) and not store.path.exists():
        raise ConfigurationError(
            f"there is no file {store.path}; a service that is run on it would make it"
        )
    return store


def _file_of(database: str) -> str:
    path = unquote(database.removeprefix(SQLITE))
    if path in {"", ":memory:"}:
        raise ConfigurationError(
            f"{database} would keep nothing: use memory:// for that, or name a file, such as "
            "sqlite:///service.db"
        )
    if "?" in database:
        raise ConfigurationError(f"{database}: a file takes no options; write %3F for a ?")
    return path
