"""The store that a database's URL means."""

from __future__ import annotations

from urllib.parse import unquote

from headwater.clock import Clock, SystemClock
from headwater.errors import ConfigurationError

from .contract import Store
from .memory import MemoryStore
from .postgres.address import SCHEMES, Address
from .sqlite.store import SqliteStore

__all__ = ["existing_store", "shown", "store_for"]

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
    if database.startswith(SCHEMES):
        return _postgres_store(database, clock)
    scheme, separator, _ = database.partition("://")  # the rest may hold a password
    kind = scheme + separator
    raise ConfigurationError(
        f"the database {kind!r} is not supported; sqlite:///path/to/file.db is, and "
        "postgresql://user:password@host:port/database, and memory://, which keeps everything in "
        "memory"
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


def shown(database: str) -> str:
    """The URL as people and logs may see it, without password and options."""
    return str(Address(database)) if database.startswith(SCHEMES) else database


def _postgres_store(url: str, clock: Clock) -> Store:
    try:
        from .postgres.store import PostgresStore
    except ModuleNotFoundError as error:
        if error.name != "asyncpg":
            raise
        raise ConfigurationError(
            "PostgreSQL needs the extra `postgres`: pip install 'headwater[postgres]'"
        ) from error
    # The database has the time that all processes share.
    return PostgresStore(url, None if isinstance(clock, SystemClock) else clock)


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
