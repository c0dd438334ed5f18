"""A database's tables: made where there are none, looked at before a service relies on them."""

from __future__ import annotations

from headwater.clock import SystemClock
from headwater.errors import ConfigurationError, SchemaMismatchError
from headwater.schema.tables import SCHEMA_VERSION

from .databases import existing_store, store_for
from .memory import MemoryStore
from .postgres.address import SCHEMES

__all__ = ["found_version", "make_tables"]


async def make_tables(database: str) -> None:
    """Have the tables in the database, if it has none of them yet. All are made, or none.

    Two who do it at once end with the same tables, made once.

    Raises:
        SchemaMismatchError: There are tables of another version, or of somebody else.
        ConfigurationError: There is no such database, or it is the memory of one process.
    """
    store = store_for(database, SystemClock())
    if isinstance(store, MemoryStore):
        raise ConfigurationError("memory:// has no tables; it is empty at every start")
    if database.startswith(SCHEMES):
        from .postgres.tables import create_schema

        await create_schema(database)
    else:
        await store.open(())
        await store.close()


async def found_version(database: str) -> int | None:
    """The version of the tables; `None` where there are none, or they are not Headwater's.

    Raises:
        ConfigurationError: There is no such database, or it is the memory of one process.
    """
    store = existing_store(database, SystemClock())
    try:
        await store.open(())
    except SchemaMismatchError as error:
        return error.found
    await store.close()
    return SCHEMA_VERSION
