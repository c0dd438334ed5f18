"""`headwater migrate upgrade|status`: the tables of a database.

Exit status: 0 done, or as they should be · 1 `status` found other tables, or none · 2 the database
or the call is wrong.
"""

from collections.abc import Sequence

__all__ = ["SUMMARY", "run"]

SUMMARY = "make a database's tables, or tell of which version they are"


def run(argv: Sequence[str]) -> int:
    """Run the verb with its arguments and return the exit status."""
    import asyncio
    from typing import Annotated, Literal

    import typer
    from headwater.operations.settings import load_settings
    from headwater.schema.tables import SCHEMA_VERSION
    from headwater.stores.databases import shown
    from headwater.stores.tables import found_version, make_tables

    from .command_line import Database, call

    def migrate(
        action: Annotated[
            Literal["upgrade", "status"],
            typer.Argument(
                help="upgrade makes the tables where there are none; status changes nothing."
            ),
        ],
        database: Database = None,
    ) -> int:
        """Make a database's tables, or tell of which version they are.

        A service on PostgreSQL makes no tables itself: who deploys it does, once, by a role that
        may, before it is run:

            headwater migrate upgrade --database postgresql://owner@localhost/users

        An SQLite file needs none of this; a service makes it when it is first run.
        """
        url = load_settings(database=database).database
        if action == "upgrade":
            asyncio.run(make_tables(url))
        version = asyncio.run(found_version(url))
        if version == SCHEMA_VERSION:
            print(f"{shown(url)}: tables of version {version}, as they should be")  # noqa: T201
            return 0
        found = "no tables of Headwater's" if version is None else f"tables of version {version}"
        print(f"{shown(url)}: {found}; version {SCHEMA_VERSION} is due")  # noqa: T201
        return 1

    return call(migrate, argv, "migrate")
