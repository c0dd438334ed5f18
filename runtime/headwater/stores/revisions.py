"""Refuse a database whose tables, or whose service's streams, this code does not know."""

from __future__ import annotations

from collections.abc import Collection

from headwater.errors import SchemaMismatchError
from headwater.schema.revisions import REVISION, Chain, number_of, runtime_revision

__all__ = ["require_chain", "require_tables", "upgrade_command"]


def upgrade_command(database: str, chain: Chain | None = None) -> str:
    """What to type so that the database fits."""
    module = f" {chain.package}" if chain and chain.package else ""
    return f"headwater migrate upgrade{module} --database {database}"


def require_tables(database: str, found: Collection[str]) -> None:
    """Return if the runtime's tables are of its newest revision.

    Raises:
        SchemaMismatchError: They are not.
    """
    there = runtime_revision(found)
    if there == REVISION:
        return
    if there is not None and (number_of(there) or 0) > (number_of(REVISION) or 0):
        what_to_do = "run it with the newer Headwater that made them"
        raise SchemaMismatchError(database, there, REVISION, what_to_do, is_newer=True)
    what_to_do = f"run `{upgrade_command(database)}` first"
    raise SchemaMismatchError(database, there, REVISION, what_to_do)


def require_chain(database: str, found: Collection[str], chain: Chain) -> None:
    """Return if the database has been through the service's revisions, all of them and no other.

    Raises:
        SchemaMismatchError: It has not.
    """
    if chain.is_current(found):
        return
    refuse_unknown(database, found, chain)
    there = max(chain.mine(found), default=None)
    what_to_do = f"run `{upgrade_command(database, chain)}` first"
    raise SchemaMismatchError(
        database, there, chain.newest or "none", what_to_do, subject=f"streams of {chain.branch}"
    )


def refuse_unknown(database: str, found: Collection[str], chain: Chain) -> None:
    """Return if newer code of the service was not here.

    Raises:
        SchemaMismatchError: It was: there is a released revision that this code does not know.
    """
    if (unknown := chain.unknown(found)) is None:
        return
    what_to_do = (
        "deploy the service's code that has this revision, or undo it with that code: "
        f"`headwater migrate downgrade {chain.package} --database {database}`"
    )
    raise SchemaMismatchError(
        database,
        unknown,
        chain.newest or "none",
        what_to_do,
        is_newer=True,
        subject=f"streams of {chain.branch}",
    )
