"""`headwater subscriptions audit MODULE`: what operators did to a service's subscriptions.

Exit status: 0 done · 2 the module, the database or the call is wrong.
"""

from collections.abc import Sequence

__all__ = ["run"]


def run(argv: Sequence[str]) -> int:
    """Run the verb with its arguments and return the exit status."""
    import json
    from typing import Annotated

    import typer
    from headwater.operations.management import Management

    from .command_line import Database, Json, Module, call, managing
    from .loading import load_service
    from .printing import write_json, write_table

    def audit(
        module: Module,
        database: Database = None,
        *,
        limit: Annotated[
            int, typer.Option(min=1, max=10_000, help="So many at most, the newest.")
        ] = 100,
        as_json: Json = False,
    ) -> int:
        """List what was done, oldest first: resets, requeues, drops, pauses, removed consumers.

        And which commands that were given up were tried again, under the command's name.

        A line was written with what it tells, or neither was. `actor` is the operating system's
        user for what was done by `headwater`, and the consumer's name of an app that did it.
        """
        service = load_service(module)

        async def work(management: Management) -> int:
            rows = [
                {
                    "id": one.id,
                    "at": one.at,
                    "act": one.what,
                    "subscription": one.subject,
                    "actor": one.actor,
                    "detail": one.detail if as_json else json.dumps(one.detail),
                }
                for one in await management.acts(limit)
            ]
            if as_json:
                write_json(rows)
            else:
                write_table(rows, empty="nothing was done yet")
            return 0

        return managing(service, database, work)

    return call(audit, argv, "subscriptions audit")
