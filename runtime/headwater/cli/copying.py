"""`headwater streams copy --from URL --to URL`: all that a database holds, in another one.

Exit status: 0 done · 2 a database or the call is wrong, or the copy could not be finished.
"""

from collections.abc import Sequence

__all__ = ["run"]


def run(argv: Sequence[str]) -> int:
    """Run the action with its arguments and return the exit status."""
    import asyncio
    from typing import Annotated

    import typer
    from headwater.stores.copying import Copied, Stage, copy_database

    from .command_line import Json, call
    from .printing import write_json, write_line
    from .progress import work_progress

    def copy(
        source: Annotated[
            str,
            typer.Option("--from", metavar="URL", help="The database to copy; it is not changed."),
        ],
        target: Annotated[
            str,
            typer.Option("--to", metavar="URL", help="An empty database, or a new file."),
        ],
        *,
        ahead: Annotated[
            bool,
            typer.Option(
                "--ahead",
                help="Copy only events that are kept, while the service runs; finish it later.",
            ),
        ] = False,
        as_json: Json = False,
    ) -> int:
        """Copy all streams of a database to another one, of the same kind or not.

        Everything of Headwater's goes along and stays what it is: offsets, ids, times, workflows,
        cursors and claims, dead letters, idempotency keys, stored commands, schemas. Tables that
        your handlers have made for themselves do not:

            headwater streams copy --from sqlite:///users.db --to postgresql://owner@localhost/users

        Stop the service first; a copy is refused while one runs on either database. Of a large
        database copy most before, with --ahead, while the service still runs; then stop it and copy
        what is left, without.

        When it is interrupted, run it again: it goes on. At the end both databases are read and
        compared by SHA-256; until then no service starts on the target. On PostgreSQL use the role
        that owns the tables; `headwater migrate upgrade` makes them.
        """
        with work_progress() as advance:

            def show(stage: Stage, done: int, total: int) -> None:
                advance(stage.value, done, total)

            copied = asyncio.run(copy_database(source, target, ahead=ahead, progress=show))
        if as_json:
            write_json([as_fields(copied)])
        else:
            write_line(as_text(copied))
        return 0

    def as_fields(copied: Copied) -> dict[str, object]:
        return {
            "from": copied.source,
            "to": copied.target,
            "finished": bool(copied.tables),
            "added": copied.added,
            "sha256": copied.digest if copied.tables else None,
            "tables": {
                table.name: {"rows": table.rows, "sha256": table.digest} for table in copied.tables
            },
        }

    def as_text(copied: Copied) -> str:
        if not copied.tables:
            return (
                f"{copied.target}: {copied.added} events were copied ahead; stop the service and "
                "copy again without --ahead to finish"
            )
        rows = {table.name: table.rows for table in copied.tables}
        return (
            f"{copied.target}: {rows['events']} events of {rows['streams']} streams, and all that "
            f"belongs to them, are as in {copied.source} (SHA-256 {copied.digest})"
        )

    return call(copy, argv, "streams copy")
