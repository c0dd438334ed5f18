"""`headwater subscriptions MODULE`: how far a service's subscriptions have come; pause, resume.

Exit status: 0 done · 2 the module, the database, a name or the call is wrong; nothing was changed.
"""

from collections.abc import Sequence

__all__ = ["SUMMARY", "run"]

SUMMARY = "list a service's subscriptions with their progress, pause and resume them"


def run(argv: Sequence[str]) -> int:
    """Run the verb with its arguments and return the exit status."""
    from typing import Annotated, Any

    import typer
    from headwater.errors import ConfigurationError, UnknownSubscriptionError
    from headwater.events import Event
    from headwater.operations.management import Management
    from headwater.stores.contract import DeadLetter
    from headwater.subscriptions.definition import Mode, Subscription

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
        as_json: Json = False,
    ) -> int:
        """List subscriptions: how far each has come, what waits, who reads it.

        `position` is the offset up to which every event is settled, `pending` how many are still
        to be, `claimed` those of them that are handed out, `held` those that wait for a release of
        the service that knows them; `skipped` were passed over unknown. A broadcast has a line for
        each of its consumers, others share one. A subscription that was paused stays so, in every
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
            rows = [
                row
                for one in chosen or service.subscriptions
                for row in await rows_of(management, one)
            ]
            if as_json:
                write_json(rows)
            else:
                write_table(rows, empty=f"{service.name} has no subscriptions")
            return 0

        return managing(service, database, work)

    async def rows_of(
        management: Management, subscription: Subscription[Event]
    ) -> list[dict[str, Any]]:
        consumers = await management.consumers(subscription)
        is_paused = await management.is_paused(subscription)
        letters = await management.dead_letters(subscription)
        feeds: list[tuple[str | None, int, list[DeadLetter]]]
        if subscription.mode is Mode.BROADCAST:
            feeds = [
                (
                    consumer.name,
                    consumer.sessions,
                    [one for one in letters if one.consumer == consumer.name],
                )
                for consumer in consumers
            ] or [(None, 0, letters)]
        else:
            known = ", ".join(one.name for one in consumers) or None
            feeds = [(known, sum(one.sessions for one in consumers), letters)]
        rows = []
        for name, sessions, own_letters in feeds:
            try:
                progress = await management.progress(subscription, consumer=name)
            except UnknownSubscriptionError:  # nobody has read it yet
                progress = None
            rows.append(
                {
                    "subscription": subscription.name,
                    "stream": subscription.stream,
                    "mode": subscription.mode.value,
                    "consumers": name,
                    "sessions": sessions,
                    "position": None if progress is None else progress.position,
                    "pending": None if progress is None else progress.pending,
                    "claimed": None if progress is None else progress.claimed,
                    "held": None if progress is None else progress.held,
                    "skipped": None if progress is None else progress.skipped,
                    "dead_letters": len(own_letters),
                    "paused": is_paused,
                }
            )
        return rows

    return call(subscriptions, argv, "subscriptions")
