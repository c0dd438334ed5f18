"""`headwater streams keys MODULE`: remove the idempotency keys that nobody needs any more.

Exit status: 0 done · 1 another process is at it; nothing was done · 2 the module, the database, the
setting or the call is wrong, or the database does not let this role remove keys; nothing was done.
"""

from collections.abc import Sequence

__all__ = ["run"]

TO_REMOVE = 3600.0  # seconds


def run(argv: Sequence[str]) -> int:
    """Run the verb with its arguments and return the exit status."""
    import sys
    from typing import Annotated, Any

    import typer
    from headwater.errors import StoreUnavailableError
    from headwater.operations.management import Management
    from headwater.operations.settings import load_settings

    from .command_line import Database, Json, Module, call, managing
    from .loading import load_service
    from .printing import write_json, write_table

    def keys(
        module: Module,
        database: Database = None,
        *,
        dry_run: Annotated[
            bool, typer.Option("--dry-run", help="Count what would be removed, and remove nothing.")
        ] = False,
        as_json: Json = False,
    ) -> int:
        """Remove the idempotency keys that nobody needs any more, now.

        A running service does so by itself, every HEADWATER_RETENTION_INTERVAL seconds; all are
        kept for HEADWATER_KEEP_KEYS at least. Each kind has a line: `request` of commands that came
        with a key, `sent` of commands that handlers have sent, `ingest` of events of other
        services, `import` of imported lines, which stay. Keys of the last two are of one stream's
        events, as are those of commands that were sent for one:

            headwater streams keys services.user_service --dry-run
        """
        service = load_service(module)
        kept = load_settings().keep_keys

        async def work(management: Management) -> int:
            rows: list[dict[str, Any]]
            if dry_run:
                rows = [
                    {
                        "kind": one.kind.value,
                        "stream": one.stream or None,
                        "keys": one.count.all,
                        "removes": one.count.gone if kept else 0,
                    }
                    for one in await management.keys(kept=kept, deadline=TO_REMOVE)
                ]
            else:
                try:
                    removals = await management.forget_keys(kept=kept, deadline=TO_REMOVE)
                except StoreUnavailableError as error:
                    sys.stderr.write(f"headwater streams keys: {error}\n")
                    return 1
                rows = [
                    {
                        "kind": one.kind.value,
                        "stream": one.stream or None,
                        "removed": one.removed,
                    }
                    for one in removals
                    if one.removed
                ]
            if as_json:
                write_json(rows)
            else:
                write_table(rows, empty="there are no keys" if dry_run else "no key was old enough")
            return 0

        return managing(service, database, work)

    return call(keys, argv, "streams keys")
