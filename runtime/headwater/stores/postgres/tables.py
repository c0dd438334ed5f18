"""Which revisions a database has been through, and the refusal of those that are not known."""

from __future__ import annotations

from headwater.errors import CopyUnfinishedError
from headwater.schema.revisions import Chain
from headwater.stores.revisions import require_chain, require_tables

from .address import Address
from .wire import Wire, values

__all__ = ["copied_from", "found_revisions", "require_finished", "require_schema"]

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


_IS_MARKED = """
SELECT to_regclass('headwater_copy') IS NOT NULL
"""

_SELECT_MARK = """
SELECT source
  FROM headwater_copy
"""


async def copied_from(wire: Wire) -> str | None:
    """What a copy into this database, begun and not finished, is of."""
    [row] = await wire.fetch(_IS_MARKED)
    if not row[0]:
        return None
    mark = await wire.fetch_one(_SELECT_MARK)
    return None if mark is None else str(mark[0])


async def require_finished(wire: Wire, address: Address) -> None:
    """Return if no copy into the database is under way.

    Raises:
        CopyUnfinishedError: One was begun and not finished.
    """
    if (source := await copied_from(wire)) is not None:
        raise CopyUnfinishedError(str(address), source)
