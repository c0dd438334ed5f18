"""`headwater subscriptions reset MODULE NAME --to PLACE`: have a subscription go on from elsewhere.

Exit status: 0 done · 1 it was not confirmed; nothing was changed · 2 somebody reads it, or the
module, the database, a name or the call is wrong; nothing was changed.
"""

from collections.abc import Sequence

__all__ = ["run"]

LONGEST = 600.0  # seconds, for counting what comes again


def run(argv: Sequence[str]) -> int:
    """Run the verb with its arguments and return the exit status."""
    import sys
    from typing import Annotated, Any

    import typer
    from headwater.errors import ConfigurationError
    from headwater.operations.management import Management
    from headwater.stores.operating import Reset

    from .command_line import Database, Json, Module, call, managing
    from .loading import find_subscription, load_service
    from .places import parse_start
    from .printing import write_json, write_line, write_table

    def reset(
        module: Module,
        name: Annotated[str, typer.Argument(metavar="NAME", help="The subscription.")],
        database: Database = None,
        *,
        to: Annotated[
            str,
            typer.Option(
                metavar="PLACE",
                help="beginning, latest, an offset, an event's id, or a time with its zone.",
            ),
        ],
        consumer: Annotated[
            str | None, typer.Option(metavar="NAME", help="Only this consumer's cursor.")
        ] = None,
        partition: Annotated[
            int | None,
            typer.Option(metavar="NUMBER", help="Only this partition of a consumer group."),
        ] = None,
        forced: Annotated[
            bool,
            typer.Option(
                "--force", help="Also while it is read: what is in hand may be handled twice."
            ),
        ] = False,
        dry_run: Annotated[
            bool, typer.Option("--dry-run", help="Tell what would be done, and do nothing.")
        ] = False,
        yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
        as_json: Json = False,
    ) -> int:
        """Have a subscription go on from elsewhere, all its cursors or one.

        What was settled behind the new place is delivered again (`again`), what was not settled
        before it is not delivered any more (`skipped`). It is counted first, and asks. A
        subscription that is read is refused: pause it, wait until nothing is claimed, reset it,
        resume it. Dead letters stay as they are:

            headwater subscriptions reset services.user_service user-analytics --to beginning
        """
        service = load_service(module)
        subscription = find_subscription(service, name)
        place = parse_start(to, "--to")

        async def work(management: Management) -> int:
            async def carry_out(*, dry_run: bool) -> list[Reset]:
                return await management.reset(
                    subscription,
                    to=place,
                    consumer=consumer,
                    partition=partition,
                    forced=forced,
                    dry_run=dry_run,
                    deadline=LONGEST,
                )

            planned = await carry_out(dry_run=True)
            if not dry_run and not yes and not confirmed(planned):
                sys.stderr.write("headwater subscriptions reset: nothing was changed\n")
                return 1
            resets = planned if dry_run else await carry_out(dry_run=False)
            rows = [row(one) for one in resets]
            if as_json:
                write_json(rows)
            else:
                write_table(rows, empty="there is nothing to reset")
                would = "would be " if dry_run else ""
                write_line(
                    f"{sum(one.again for one in resets)} {would}delivered again, "
                    f"{sum(one.skipped for one in resets)} {would}skipped"
                )
            return 0

        return managing(service, database, work)

    def row(one: Reset) -> dict[str, Any]:
        return {
            "subscription": one.key.subscription,
            "cursor": one.key.consumer,
            "from": one.before,
            "to": one.after,
            "again": one.again,
            "skipped": one.skipped,
        }

    def confirmed(planned: list[Reset]) -> bool:
        if not sys.stdin.isatty():
            raise ConfigurationError("a reset needs --yes where nobody can be asked")
        again, skipped = sum(one.again for one in planned), sum(one.skipped for one in planned)
        return typer.confirm(f"Deliver {again} again and skip {skipped}?", err=True)

    return call(reset, argv, "subscriptions reset")
