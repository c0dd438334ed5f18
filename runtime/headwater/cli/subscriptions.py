"""`headwater subscriptions MODULE`: how far a service's subscriptions have come; pause, resume.

`headwater subscriptions reset` is in `resetting`, `headwater subscriptions audit` in `acts`.

Exit status: 0 done · 2 the module, the database, a name or the call is wrong; nothing was changed.
"""

from collections.abc import Sequence

__all__ = ["SUMMARY", "run"]

COLUMNS = (
    *("subscription", "stream", "mode", "cursor", "members", "owner", "position", "lag"),
    *("oldest_age", "claimed", "held", "skipped", "truncated", "missed", "dead_letters"),
    *("behind", "unread", "paused", "stalled"),
)

SUMMARY = "list a service's subscriptions with their progress, pause and resume them"


def run(argv: Sequence[str]) -> int:
    """Run the verb with its arguments and return the exit status."""
    if argv[:1] == ["reset"]:
        from .resetting import run as run_reset

        return run_reset(argv[1:])
    if argv[:1] == ["audit"]:
        from .acts import run as run_audit

        return run_audit(argv[1:])
    from dataclasses import replace
    from typing import Annotated, Any

    import typer
    from headwater.errors import ConfigurationError
    from headwater.events import Event
    from headwater.operations.management import Management
    from headwater.operations.positions import Position
    from headwater.stores.retention import spanned
    from headwater.subscriptions.definition import Subscription

    from .command_line import Database, Json, Module, call, managing
    from .loading import find_subscription, load_service
    from .printing import write_json, write_table

    def subscriptions(
        module: Module,
        names: Annotated[
            list[str] | None,
            typer.Argument(metavar="[NAME]...", help="Subscriptions; without any, all of them."),
        ] = None,
        database: Database = None,
        *,
        pause: Annotated[
            bool, typer.Option("--pause", help="Hand out none of their events until --resume.")
        ] = False,
        resume: Annotated[
            bool, typer.Option("--resume", help="Hand out their events again.")
        ] = False,
        partitions: Annotated[
            bool,
            typer.Option("--partitions", help="A line for each partition of a consumer group."),
        ] = False,
        watch: Annotated[
            float,
            typer.Option(min=0.0, max=3600.0, help="Look twice, so many seconds apart."),
        ] = 0.0,
        as_json: Json = False,
    ) -> int:
        """List subscriptions: how far each has come, what waits, who reads it.

        `position` is the offset up to which every event is settled, `lag` how many are still to
        be, `oldest age` how many seconds ago the oldest of them was recorded, `claimed` those of
        them that are handed out, `held` those that wait for a release of the service that knows
        them; `skipped` were passed over unknown, `truncated` went before they were read, `missed`
        tells from where to where they went that the reader was not told of yet, `unread` are those
        that a recipient has not read, delivered or not. Broadcasts and read receipts have a line
        for each consumer, others share one. It is `stalled` if events wait, it is not paused, and
        nobody reads; or, with --watch, if the oldest event was the same
        after so many seconds. A subscription that was paused stays so, in every
        process and after a restart, until it is resumed:

            headwater subscriptions services.user_service invitation-processor --pause
        """
        if pause and resume:
            raise ConfigurationError("--pause and --resume exclude each other")
        if (pause or resume) and not names:
            raise ConfigurationError("name the subscriptions to pause or to resume")
        service = load_service(module)
        chosen = [find_subscription(service, name) for name in names or ()]

        async def work(management: Management) -> int:
            for one in chosen:
                if pause:
                    await management.pause(one)
                elif resume:
                    await management.resume(one)
            rows: list[dict[str, Any]] = []
            everything = await management.positions(watch=watch)
            for one in chosen or service.subscriptions:
                positions = [place for place in everything if place.subscription == one.name]
                shown = positions if partitions else summed(positions)
                rows.extend(row(position, one.mode.value) for position in shown)
                if not positions:
                    rows.append(unread(one, is_paused=await management.is_paused(one)))
            if as_json:
                write_json(rows)
            else:
                write_table(rows, empty=f"{service.name} has no subscriptions")
            return 0

        return managing(service, database, work)

    def summed(positions: list[Position]) -> list[Position]:
        """One line for the partitions of a group: the one furthest behind, and all that waits."""
        parts = [one for one in positions if one.partition is not None]
        if not parts:
            return positions
        ages = [one.oldest_age for one in parts if one.oldest_age is not None]
        return [
            replace(
                parts[0],
                partition=None,
                owner=None,
                position=min(one.position for one in parts),
                lag=sum(one.lag for one in parts),
                in_hand=sum(one.in_hand for one in parts),
                held=sum(one.held for one in parts),
                skipped=sum(one.skipped for one in parts),
                truncated=sum(one.truncated for one in parts),
                missed=spanned(one.missed for one in parts),
                dead_letters=sum(one.dead_letters for one in parts),
                behind=sum(one.behind for one in parts),
                oldest_age=max(ages, default=None),
                stalled=next((one.stalled for one in parts if one.stalled), None),
            )
        ]

    def row(one: Position, mode: str) -> dict[str, Any]:
        age = one.oldest_age
        return {
            "subscription": one.subscription,
            "stream": one.stream,
            "mode": mode,
            "cursor": one.consumer if one.partition is None else f"partition {one.partition}",
            "members": ", ".join(one.members) or None,
            "owner": one.owner,
            "position": one.position,
            "lag": one.lag,
            "oldest_age": None if age is None else round(age, 1),
            "claimed": one.in_hand,
            "held": one.held,
            "skipped": one.skipped,
            "truncated": one.truncated,
            "missed": None if one.missed is None else str(one.missed),
            "dead_letters": one.dead_letters,
            "behind": one.behind,
            "unread": one.unread,
            "paused": one.is_paused,
            "stalled": None if one.stalled is None else one.stalled.value,
        }

    def unread(subscription: Subscription[Event], *, is_paused: bool) -> dict[str, Any]:
        """The line of a subscription that nobody has read yet."""
        known = {
            "subscription": subscription.name,
            "stream": subscription.stream,
            "mode": subscription.mode.value,
        }
        empty = dict.fromkeys(COLUMNS)
        return {**empty, **known, "dead_letters": 0, "behind": 0, "paused": is_paused}

    return call(subscriptions, argv, "subscriptions")
