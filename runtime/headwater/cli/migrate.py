"""`headwater migrate upgrade|downgrade|status|sql|verify|grants`: a database's revisions.

Exit status: 0 done, or as it should be · 1 `status` or `verify` found it otherwise · 2 the
database, the module or the call is wrong, or the database was not to be had; nothing was changed.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headwater.migrations.migrator import BranchStatus, Migrator

__all__ = ["SUMMARY", "run"]

SUMMARY = "bring a database to the revision that is needed, or say how far it is"


def run(argv: Sequence[str]) -> int:
    """Run the verb with its arguments and return the exit status."""
    import asyncio
    from typing import Annotated, Literal

    import typer
    from headwater.errors import ConfigurationError
    from headwater.migrations.databases import LOCK_TIMEOUT
    from headwater.migrations.grants import grants
    from headwater.migrations.migrator import Migrator
    from headwater.operations.settings import load_settings
    from headwater.stores.databases import shown
    from headwater.stores.postgres.address import schema_of

    from .command_line import Database, call
    from .loading import load_generated

    def migrate(
        action: Annotated[
            Literal["upgrade", "downgrade", "status", "sql", "verify", "grants"],
            typer.Argument(help="What to do; status, sql, verify and grants change nothing."),
        ],
        module: Annotated[
            str | None,
            typer.Argument(
                metavar="[MODULE]",
                help="Import name of a service, such as services.user_service or "
                "generated.user_service; its revisions come after the runtime's.",
                show_default=False,
            ),
        ] = None,
        database: Database = None,
        *,
        to: Annotated[
            str | None,
            typer.Option(
                "--to",
                metavar="REVISION",
                help="The revision that a downgrade leaves standing; base for none. [one less]",
                show_default=False,
            ),
        ] = None,
        start: Annotated[
            str | None,
            typer.Option(
                "--from",
                metavar="REVISION",
                help="The revision that the SQL starts at. [base]",
                show_default=False,
            ),
        ] = None,
        down: Annotated[
            bool, typer.Option("--down", help="The SQL of a downgrade, to what --to says.")
        ] = False,
        accept_loss: Annotated[
            bool, typer.Option("--accept-loss", help="A downgrade may drop events.")
        ] = False,
        roles: Annotated[
            str, typer.Option(metavar="PREFIX", help="What the roles of grants begin with.")
        ] = "headwater",
        lock_timeout: Annotated[
            float,
            typer.Option(min=0.0, help="Seconds to wait for whoever else has the database."),
        ] = LOCK_TIMEOUT,
    ) -> int:
        """Bring a database to the revision that is needed, or say how far it is.

        A service on PostgreSQL makes no tables itself: who deploys it does, by a role that may,
        before it is run:

            headwater migrate upgrade services.user_service --database postgresql://owner@db/users

        An SQLite file needs none of this; a service makes it when it is first run. grants prints
        what a database administrator runs, so that services have only the rights they need.
        """
        idle = {
            "--to": to is not None and action != "downgrade" and not (action == "sql" and down),
            "--from": start is not None and (action != "sql" or down),
            "--down": down and action != "sql",
            "--accept-loss": accept_loss and action != "downgrade",
            "--roles": roles != "headwater" and action != "grants",
        }
        if given := [name for name, is_idle in idle.items() if is_idle]:
            raise ConfigurationError(f"{' and '.join(given)} would have no effect here")
        if action == "grants":
            _write(grants(schema_of(load_settings(database=database).database), roles))
            return 0
        service = load_generated(module) if module else None
        if service is not None and service.migrations is None:
            raise ConfigurationError(
                f"{module} has no revisions: generate it again, with `headwater generate`"
            )
        url = load_settings(database=database).database
        migrator = Migrator(
            url,
            service.migrations if service else None,
            service.schemas if service else None,
            lock_timeout=lock_timeout,
        )
        match action:
            case "sql":
                _write(migrator.sql(to if down else start, is_downgrade=down))
                return 0
            case "upgrade":
                _tell(shown(url), "upgraded to", asyncio.run(migrator.upgrade()))
                return 0
            case "downgrade":
                undone = asyncio.run(migrator.downgrade(to, accept_loss=accept_loss))
                _tell(shown(url), "took back", undone)
                return 0
            case "status":
                return _status(shown(url), asyncio.run(migrator.status()))
            case _:
                return asyncio.run(_verify(shown(url), migrator))

    return call(migrate, argv, "migrate")


def _tell(database: str, what: str, revisions: Sequence[str]) -> None:
    for revision in revisions:
        _write(f"{database}: {what} {revision}\n")
    if not revisions:
        _write(f"{database}: nothing to do\n")


def _status(database: str, branches: Sequence["BranchStatus"]) -> int:
    for one in branches:
        found, newest = one.found or "base", one.newest or "base"
        if one.is_current:
            _write(f"{database}: {one.branch} is at {found}, as it should be\n")
        elif one.is_known:
            _write(
                f"{database}: {one.branch} is at {found}, and {newest} is due: "
                "run `headwater migrate upgrade`\n"
            )
        else:
            _write(
                f"{database}: {one.branch} is at {found}, which this code does not know; it works "
                f"with {newest}\n"
            )
    return 0 if all(one.is_current for one in branches) else 1


async def _verify(database: str, migrator: "Migrator") -> int:
    problems = await migrator.verify()
    for problem in problems:
        _write(f"{database}: {problem}\n")
    if not problems:
        _write(f"{database}: all is as declared\n")
    return 1 if problems else 0


def _write(text: str) -> None:
    import sys

    sys.stdout.write(text)
