"""`headwater streams retention MODULE`: remove the events that exceed their stream's retention.

Exit status: 0 done · 1 another process is at it; nothing was done · 2 the module, the database or
the call is wrong, or the database does not let this role remove events; nothing was done.
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
    from headwater.operations.retention import Removal, RetentionPlan
    from headwater.stores.guards import feed_name

    from .command_line import Database, Json, Module, call, managing
    from .loading import load_service
    from .printing import write_json, write_table

    def retention(
        module: Module,
        database: Database = None,
        *,
        dry_run: Annotated[
            bool, typer.Option("--dry-run", help="Tell what would be removed, and remove nothing.")
        ] = False,
        as_json: Json = False,
    ) -> int:
        """Remove the events that exceed their stream's retention, now.

        A running service does so by itself, every HEADWATER_RETENTION_INTERVAL seconds. Each
        stream that has a retention has a line: `oldest` is the offset of its oldest event,
        `removes` how many go, `by` the limits that they exceed, and `held` how many exceed one and
        stay until `holder`, whose `position` is the furthest behind, has settled them. Up to
        `missed_through` nobody is waited for any more:

            headwater streams retention services.user_service --dry-run
        """
        service = load_service(module)

        async def work(management: Management) -> int:
            rows: list[dict[str, Any]]
            if dry_run:
                rows = [row(one) for one in await management.retention(deadline=TO_REMOVE)]
            else:
                try:
                    removals = await management.retain(deadline=TO_REMOVE)
                except StoreUnavailableError as error:
                    sys.stderr.write(f"headwater streams retention: {error}\n")
                    return 1
                rows = [done(one) for one in removals]
            if as_json:
                write_json(rows)
            else:
                write_table(rows, empty=f"{service.name} keeps all of its events for good")
            return 0

        return managing(service, database, work)

    def row(plan: RetentionPlan) -> dict[str, Any]:
        slowest = plan.lagging[0] if plan.holds else None
        missed = plan.missed_through >= plan.first_offset
        return {
            "stream": plan.stream,
            "oldest": plan.first_offset,
            "removes": plan.removes,
            "by": ", ".join(plan.exceeds) or None,
            "held": plan.holds,
            "holder": None if slowest is None else feed_name(slowest.key),
            "position": None if slowest is None else slowest.position,
            "missed_through": plan.missed_through if missed else None,
        }

    def done(removal: Removal) -> dict[str, Any]:
        told = row(removal.plan)
        gone = removal.first_offset - removal.plan.first_offset
        return {**told, "oldest": removal.first_offset, "removes": gone}

    return call(retention, argv, "streams retention")
