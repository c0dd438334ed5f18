"""What kind of server it is: one that may be written to, and how safe its commits are."""

from __future__ import annotations

import asyncio

from headwater.errors import ConfigurationError

from .address import Address
from .wire import Limits, Wire, pooler_refused

__all__ = ["OLDEST_VERSION", "cautions", "require_server"]

OLDEST_VERSION = 130000  # PostgreSQL 13

_SELECT_IDENTITY = """
SELECT pg_backend_pid() AS process, pg_is_in_recovery() AS is_standby,
       current_setting('server_version_num')::int AS version,
       current_setting('server_version') AS version_text,
       (SELECT setting FROM pg_settings WHERE name = 'lock_timeout')::float8 AS lock_timeout,
       (SELECT setting FROM pg_settings WHERE name = 'statement_timeout')::float8
         AS statement_timeout
"""


async def require_server(wire: Wire, address: Address, limits: Limits) -> None:
    """Return if this connection goes to a server that can be written to.

    Raises:
        ConfigurationError: It is a connection pooler, a standby, or too old.
        TimeoutError, OSError, asyncpg.PostgresError: It does not say, as a pooler all of whose
            connections are taken; the wire is cut, if it took too long.
    """
    async with asyncio.timeout(limits.connect):
        [row] = await wire.fetch(_SELECT_IDENTITY)
    # A pooler answers for the server: with a process number of its own, and without our settings.
    is_pooler = row["process"] != wire.connection.get_server_pid()
    asked = (round(limits.lock * 1000), round(limits.statement * 1000))
    if is_pooler or (row["lock_timeout"], row["statement_timeout"]) != asked:
        raise ConfigurationError(pooler_refused(address))
    if row["is_standby"]:
        raise ConfigurationError(f"{address} is a standby, which cannot be written to")
    if row["version"] < OLDEST_VERSION:
        raise ConfigurationError(
            f"{address} is PostgreSQL {row['version_text']}; "
            f"{OLDEST_VERSION // 10000} or newer is needed"
        )


_SELECT_DURABILITY = """
SELECT name
  FROM pg_settings
 WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit')
   AND setting = 'off'
 ORDER BY name
"""

_MEANINGS = {
    "fsync": "what was acknowledged is lost, or the database damaged, if the machine fails",
    "full_page_writes": "the database may be damaged if the machine fails",
    "synchronous_commit": "what was acknowledged last is lost if the server crashes",
}


async def cautions(wire: Wire) -> tuple[str, ...]:
    """What makes an acknowledged commit less safe than it seems; nothing with usual settings."""
    rows = await wire.fetch(_SELECT_DURABILITY)
    return tuple(f"{row['name']} is off: {_MEANINGS[row['name']]}" for row in rows)
