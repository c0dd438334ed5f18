"""Which revisions a database has been through, and the refusal of those that are not known."""

from __future__ import annotations

from headwater.schema.revisions import Chain
from headwater.stores.revisions import require_chain, require_tables

from .address import Address
from .wire import Wire, values

__all__ = ["found_revisions", "require_schema"]

_IS_STAMPED = """
SELECT to_regclass('headwater_revisions') IS NOT NULL
"""

_SELECT_REVISIONS = """
SELECT version_num
  FROM headwater_revisions
"""


async def require_schema(wire: Wire, address: Address, chain: Chain | None) -> None:
    """Return if the tables are there, and what the service's revisions are for.

    Raises:
        SchemaMismatchError: They are not, or of revisions that this code does not know.
    """
    found = await found_revisions(wire)
    require_tables(str(address), found)
    if chain is not None:
        require_chain(str(address), found, chain)


async def found_revisions(wire: Wire) -> frozenset[str]:
    """The newest revision of each branch that the database has been through."""
    [row] = await wire.fetch(_IS_STAMPED)
    if not row[0]:
        return frozenset()
    return frozenset(values(await wire.fetch(_SELECT_REVISIONS)))
