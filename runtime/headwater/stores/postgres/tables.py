"""The tables in a database: made where there are none, refused where they are not known."""

from __future__ import annotations

import asyncpg
from headwater.errors import SchemaMismatchError
from headwater.schema.postgres import statements
from headwater.schema.tables import SCHEMA_VERSION

from .address import Address
from .database import DRIVER_ERRORS
from .failures import is_rolled_back, unavailable
from .wire import Limits, Wire, connect

__all__ = ["create_schema", "require_schema"]

# Which version of the tables is there.
_CREATE_STAMP = """
CREATE TABLE headwater_schema (
  version bigint NOT NULL
)
"""

_INSERT_STAMP = """
INSERT INTO headwater_schema (version)
VALUES ($1)
"""

_IS_STAMPED = """
SELECT to_regclass('headwater_schema') IS NOT NULL
"""

_SELECT_STAMP = """
SELECT max(version)
  FROM headwater_schema
"""

DUPLICATE_TABLE = "42P07"


async def create_schema(url: str) -> None:
    """Have the tables in the connection's default schema, if it has none of them yet.

    All are made, or none.

    Raises:
        SchemaMismatchError: There are tables of another version, or of somebody else.
        StoreUnavailableError: The server did not answer, or does not let this role make them.
    """
    address = Address(url)
    try:
        wire = await connect(address, Limits())
        try:
            if not await _is_stamped(wire):
                await _create(wire)
            await require_schema(wire, address)
        finally:
            await wire.close()
    except DRIVER_ERRORS as error:
        raise unavailable(error) from error


async def _create(wire: Wire) -> None:
    await wire.execute("BEGIN")
    try:
        await wire.execute(_CREATE_STAMP)  # who comes second waits here for the first
        for statement in statements():
            await wire.execute(statement)
        await wire.fetch(_INSERT_STAMP, SCHEMA_VERSION)
    except asyncpg.PostgresError as error:
        if not is_rolled_back(error):
            raise
        await wire.execute("ROLLBACK")
        if error.sqlstate not in {DUPLICATE_TABLE, "23505"}:
            raise
    else:
        await wire.execute("COMMIT")


async def require_schema(wire: Wire, address: Address) -> None:
    """Return if the tables are there, of this version.

    Raises:
        SchemaMismatchError: They are not.
    """
    found = None
    if await _is_stamped(wire):
        row = await wire.fetch_one(_SELECT_STAMP)
        found = None if row is None else row[0]
    if found == SCHEMA_VERSION:
        return
    if found is not None and found > SCHEMA_VERSION:
        what_to_do = "run it with the newer Headwater that made them"
    else:
        what_to_do = "run `headwater migrate upgrade` on it first"
    raise SchemaMismatchError(str(address), found, SCHEMA_VERSION, what_to_do)


async def _is_stamped(wire: Wire) -> bool:
    row = await wire.fetch_one(_IS_STAMPED)
    return row is not None and bool(row[0])
